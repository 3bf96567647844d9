//! What a bundle is made of: its files with the bytes that each put into it, what they import, and the packages' licences.

use std::collections::{BTreeMap, BTreeSet};

use oxc_sourcemap::SourceMap;
use serde_json::Value;

use crate::{
    bundle::{BundledModule, License, ModuleImport, ModuleImportKind},
    file_system::VirtualFiles,
    importers::Importers,
    scan::ImportKind,
};

/// The name of the engine's own helpers.
pub(crate) const RUNTIME: &str = "hoist/runtime.js";
/// Bytes of a licence's text that are kept. The longest in use (the GPL's) have some 35,000.
const LICENSE_BYTES: usize = 128 << 10;

/// What is known about a build.
pub(crate) struct Composition<'a> {
    pub(crate) files: &'a VirtualFiles,
    pub(crate) importers: &'a Importers,
}

impl Composition<'_> {
    /// The files of a bundle: `rendered` has their ids and lengths, in the order of the code. What the map says about
    /// the code is more exact, for it is the code after everything was done to it; a file that it does not mention (data)
    /// counts as it was rendered.
    pub(crate) fn modules(&self, rendered: &[(&str, usize)], code: &str, source_map: &str) -> Vec<BundledModule> {
        let mapped = SourceMap::from_json_string(source_map).map(|map| bytes_by_source(code, &map)).unwrap_or_default();
        let kept: BTreeSet<&str> = rendered.iter().map(|(id, _)| *id).collect();
        let mut modules: Vec<BundledModule> = Vec::new();
        for (id, length) in rendered {
            let path = self.name(id);
            let imports = self.imports(id, &kept);
            if let Some(same) = modules.iter_mut().find(|module| module.path == path) {
                same.imports.extend(imports);
                same.imports.sort();
                same.imports.dedup();
                continue;
            }
            modules.push(BundledModule {
                package: self.files.package_of(id).map(|(package, _)| package.display.clone()),
                bytes: mapped.get(&path).copied().unwrap_or(*length as u64),
                path,
                imports,
            });
        }
        modules
    }

    fn imports(&self, id: &str, kept: &BTreeSet<&str>) -> Vec<ModuleImport> {
        let named = self.importers.imports(id).filter(|(to, _)| !to.starts_with('/') || kept.contains(to));
        let mut imports: Vec<_> = named
            .map(|(to, kind)| ModuleImport {
                path: self.name(to),
                kind: match kind {
                    ImportKind::Static => ModuleImportKind::Static,
                    ImportKind::Dynamic => ModuleImportKind::Dynamic,
                    ImportKind::Require => ModuleImportKind::Require,
                },
            })
            .collect();
        imports.sort();
        imports.dedup();
        imports
    }

    fn name(&self, id: &str) -> String {
        match id {
            _ if id.starts_with('\0') => RUNTIME.to_owned(),
            _ if id.starts_with('/') => self.files.display(id),
            _ => id.to_owned(),
        }
    }

    /// The licences of the packages that have a file in the bundle, by name and version.
    pub(crate) fn licenses(&self, rendered: &[(&str, usize)]) -> Vec<License> {
        let mut licenses: BTreeMap<(String, String), License> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for (id, _) in rendered {
            let Some((package, _)) = self.files.package_of(id) else { continue };
            if !seen.insert(package.display.as_str()) {
                continue;
            }
            let manifest = package.text("package.json").and_then(|text| serde_json::from_str(&text).ok());
            let manifest: Value = manifest.unwrap_or_default();
            let (name, version) = package.display.rsplit_once('@').unwrap_or((&package.display, ""));
            let text =
                package.top_files().into_iter().find(|file| is_license(file)).and_then(|file| package.text(file));
            let license = License {
                name: name.to_owned(),
                version: version.to_owned(),
                expression: expression(&manifest),
                text: text.map(|text| shortened(&text)),
            };
            licenses.insert((license.name.clone(), license.version.clone()), license);
        }
        licenses.into_values().collect()
    }
}

/// `LICENSE`, `licence.md`, `LICENSE-MIT`, `COPYING.txt`.
fn is_license(file: &str) -> bool {
    let lower = file.to_ascii_lowercase();
    let stem = ["license", "licence", "copying", "unlicense"].into_iter().find_map(|stem| lower.strip_prefix(stem));
    stem.is_some_and(|rest| rest.is_empty() || (rest.starts_with(['.', '-']) && !rest.ends_with(".js")))
}

/// The `license` of a package.json, or what older ones have: an object, or a list under `licenses`.
fn expression(manifest: &Value) -> Option<String> {
    let one = |value: &Value| value.as_str().or_else(|| value.get("type")?.as_str()).map(str::to_owned);
    let first = manifest.get("license").and_then(one);
    first.or_else(|| {
        let all: Vec<String> = manifest.get("licenses")?.as_array()?.iter().filter_map(one).collect();
        (!all.is_empty()).then(|| all.join(" OR "))
    })
}

fn shortened(text: &str) -> String {
    let mut end = text.len().min(LICENSE_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].to_owned()
}

/// For each source of a map the bytes of code that it is the origin of: from the place of a mapping to the next, or to the
/// end of its line. What stands before a line's first mapping is indentation.
fn bytes_by_source(code: &str, map: &SourceMap<'_>) -> BTreeMap<String, u64> {
    let mut places: BTreeMap<u32, Vec<(u32, Option<u32>)>> = BTreeMap::new();
    for token in map.get_tokens() {
        places.entry(token.get_dst_line()).or_default().push((token.get_dst_col(), token.get_source_id()));
    }
    let mut bytes: BTreeMap<u32, u64> = BTreeMap::new();
    for (number, line) in code.split_inclusive('\n').enumerate() {
        let Some(places) = u32::try_from(number).ok().and_then(|number| places.get_mut(&number)) else { continue };
        places.sort_by_key(|(column, _)| *column);
        let (mut column, mut source) = (0, places.first().and_then(|(_, source)| *source));
        let mut rest = places.iter().peekable();
        for character in line.chars() {
            while let Some((_, next)) = rest.next_if(|(start, _)| *start <= column) {
                source = *next;
            }
            if let Some(source) = source {
                *bytes.entry(source).or_default() += character.len_utf8() as u64;
            }
            column += character.len_utf16() as u32;
        }
    }
    let sources: Vec<&str> = map.get_sources().collect();
    let mut named = BTreeMap::new();
    for (source, count) in bytes {
        if let Some(name) = sources.get(source as usize) {
            *named.entry((*name).to_owned()).or_default() += count;
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_found() {
        for file in ["LICENSE", "License.md", "licence", "LICENSE-MIT", "COPYING.txt", "UNLICENSE"] {
            assert!(is_license(file), "{file}");
        }
        for file in ["license.js", "licenses", "README.md", "license-checker.js"] {
            assert!(!is_license(file), "{file}");
        }
        let of = |text: &str| expression(&serde_json::from_str(text).unwrap());
        assert_eq!(of(r#"{"license": "MIT"}"#).as_deref(), Some("MIT"));
        assert_eq!(of(r#"{"license": {"type": "ISC"}}"#).as_deref(), Some("ISC"));
        assert_eq!(of(r#"{"licenses": [{"type": "MIT"}, "BSD"]}"#).as_deref(), Some("MIT OR BSD"));
        assert_eq!(of("{}"), None);
    }

    #[test]
    fn bytes_belong_to_sources() {
        let mut builder = oxc_sourcemap::SourceMapBuilder::default();
        let (a, b) = (builder.add_source_and_content("a", ""), builder.add_source_and_content("b", ""));
        builder.add_token(1, 1, 0, 0, Some(a), None);
        builder.add_token(1, 3, 0, 0, Some(b), None);
        let bytes = bytes_by_source("//\n éébb\n", &builder.into_sourcemap());
        assert_eq!(bytes, BTreeMap::from([("a".to_owned(), 5), ("b".to_owned(), 3)]));
    }
}
