//! Import maps: what specifiers of the program's own files stand for (WHATWG HTML, section "Import maps").
//!
//! Addresses are specifiers or paths of the program's files; the map's own folder is where `./` begins in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::file_system::ROOT;

/// Addresses by specifier; `None` blocks one.
type Addresses = BTreeMap<String, Option<String>>;

/// A parsed import map.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImportMap {
    imports: Addresses,
    /// By the path prefix of the importer.
    scopes: BTreeMap<String, Addresses>,
}

/// What a map says about an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mapped {
    /// It stands for this specifier or path.
    To(String),
    /// It must lead nowhere.
    Blocked,
}

/// As it stands in the file.
#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    imports: BTreeMap<String, Option<String>>,
    #[serde(default)]
    scopes: BTreeMap<String, BTreeMap<String, Option<String>>>,
}

impl ImportMap {
    /// Parses a map whose file is in this folder, given below the project's root (empty for the root itself). The
    /// error says what is wrong.
    pub fn parse(text: &str, folder: &str) -> Result<Self, String> {
        if !text.trim_start().starts_with('{') {
            return Err("it is no JSON object".to_owned());
        }
        let raw: Raw = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let base = if folder.is_empty() { ROOT.to_owned() } else { format!("{ROOT}/{folder}") };
        let addresses = |raw: BTreeMap<String, Option<String>>| -> Result<Addresses, String> {
            raw.into_iter()
                .map(|(key, address)| {
                    let address = address.map(|address| absolute(&base, &address));
                    if key.ends_with('/') && address.as_ref().is_some_and(|address| !address.ends_with('/')) {
                        return Err(format!("{key:?} ends with a slash and its address does not"));
                    }
                    Ok((absolute(&base, &key), address))
                })
                .collect()
        };
        let mut scopes = BTreeMap::new();
        for (prefix, imports) in raw.scopes {
            scopes.insert(absolute(&base, &prefix), addresses(imports)?);
        }
        Ok(Self { imports: addresses(raw.imports)?, scopes })
    }

    /// What an import in the file `importer` stands for; `None` when the map says nothing about it.
    pub(crate) fn map(&self, importer: &str, specifier: &str) -> Option<Mapped> {
        if self.imports.is_empty() && self.scopes.is_empty() {
            return None;
        }
        let folder = importer.rsplit_once('/').map_or(ROOT, |(folder, _)| folder);
        let specifier = absolute(folder, specifier);
        // More particular prefixes sort later.
        let scopes = self.scopes.iter().rev().filter(|(prefix, _)| {
            importer == prefix.as_str() || (prefix.ends_with('/') && importer.starts_with(prefix.as_str()))
        });
        scopes
            .map(|(_, addresses)| addresses)
            .chain([&self.imports])
            .find_map(|addresses| look_up(addresses, &specifier))
    }
}

fn look_up(addresses: &Addresses, specifier: &str) -> Option<Mapped> {
    let mapped = |address: Option<String>| address.map_or(Mapped::Blocked, Mapped::To);
    if let Some(address) = addresses.get(specifier) {
        return Some(mapped(address.clone()));
    }
    let prefixes = addresses.iter().rev().filter(|(key, _)| key.ends_with('/'));
    prefixes.filter_map(|(key, address)| Some((specifier.strip_prefix(key.as_str())?, address))).next().map(
        |(rest, address)| match address {
            // What follows must not climb out of the address.
            Some(_) if rest.split('/').any(|part| part == "..") => Mapped::Blocked,
            Some(address) => Mapped::To(format!("{address}{rest}")),
            None => Mapped::Blocked,
        },
    )
}

/// A relative specifier as a path; others as they are. What climbs above the root stays relative, and so an error.
fn absolute(folder: &str, specifier: &str) -> String {
    if !specifier.starts_with("./") && !specifier.starts_with("../") {
        return specifier.to_owned();
    }
    let mut parts: Vec<&str> = folder.split('/').collect();
    for part in specifier.split('/') {
        match part {
            "." => {}
            ".." if parts.len() > ROOT.split('/').count() => {
                parts.pop();
            }
            ".." => return specifier.to_owned(),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &str = r#"{
        "imports": {
            "zod": "npm:zod@3", "lib/": "./lib/", "app": "./src/app.ts", "./old.ts": "./new.ts", "gone": null,
            "lib/deep/": "./deeper/"
        },
        "scopes": { "./test/": { "app": "./test/app.ts" }, "./test/one.ts": { "app": "one" } }
    }"#;

    #[test]
    fn specifiers_and_prefixes() {
        let map = ImportMap::parse(MAP, "web").unwrap();
        let to = |path: &str| Some(Mapped::To(path.to_owned()));
        let main = "/hoist/web/main.ts";
        assert_eq!(map.map(main, "zod"), to("npm:zod@3"));
        assert_eq!(map.map(main, "zod/v4"), None);
        assert_eq!(map.map(main, "app"), to("/hoist/web/src/app.ts"));
        assert_eq!(map.map(main, "lib/a/b.ts"), to("/hoist/web/lib/a/b.ts"));
        assert_eq!(map.map(main, "lib/deep/b.ts"), to("/hoist/web/deeper/b.ts"));
        assert_eq!(map.map(main, "lib/../x"), Some(Mapped::Blocked));
        assert_eq!(map.map(main, "./old.ts"), to("/hoist/web/new.ts"));
        assert_eq!(map.map("/hoist/main.ts", "./web/old.ts"), to("/hoist/web/new.ts"));
        assert_eq!(map.map(main, "gone"), Some(Mapped::Blocked));
        assert_eq!(map.map("/hoist/web/test/two.ts", "app"), to("/hoist/web/test/app.ts"));
        assert_eq!(map.map("/hoist/web/test/one.ts", "app"), to("one"));
        assert_eq!(map.map("/hoist/web/test/one.ts", "zod"), to("npm:zod@3"));
    }

    #[test]
    fn maps_that_are_wrong() {
        for text in ["", "[]", r#"{"imports": {"a": 1}}"#, r#"{"imports": {"a/": "./b"}}"#] {
            assert!(ImportMap::parse(text, "").is_err(), "{text}");
        }
    }
}
