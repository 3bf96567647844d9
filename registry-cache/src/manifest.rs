//! Requirements as people write them: a `package.json`, a plain map, or single `name@range` pairs.
//!
//! Everything is parsed here, at the edge: a [`Manifest`] holds no name that npm would refuse and no requirement that
//! does not come from a registry. Ranges keep their text (it is part of the resolution's key); that they parse has been
//! checked. What a range means is `graph.rs`'s business.
//!
//! Follows npm's package.json documentation, sections "name", "dependencies" and "overrides", and npm-package-arg for
//! what a requirement can look like.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;

use deno_semver::VersionReq;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::error::Error;
use crate::resolutions;

/// Fields of a package.json whose values are strings.
const OWN_FIELDS: [&str; 16] = [
    "$schema",
    "author",
    "browser",
    "description",
    "exports",
    "homepage",
    "license",
    "main",
    "module",
    "name",
    "packageManager",
    "repository",
    "type",
    "types",
    "typings",
    "version",
];

/// A name that npm accepts, and that is safe as a path below `node_modules`.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PackageName(String);

impl PackageName {
    /// Checks `name` against npm's rules; the error says which one it breaks.
    pub fn parse(name: &str) -> Result<Self, &'static str> {
        let bare = match name.strip_prefix('@') {
            Some(scoped) => {
                let (scope, bare) = scoped.split_once('/').ok_or("a scope needs a name after it")?;
                check_part(scope)?;
                bare
            }
            None => name,
        };
        check_part(bare)?;
        if name.len() > 214 {
            return Err("it is longer than 214 characters");
        }
        if name == "node_modules" || name == "favicon.ico" {
            return Err("it is reserved");
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// validate-npm-package-name, with the rules for names that exist already (capitals are allowed).
fn check_part(part: &str) -> Result<(), &'static str> {
    if part.is_empty() {
        return Err("it is empty");
    }
    if part.starts_with(['.', '_']) {
        return Err("it starts with a dot or an underscore");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.~!'()*".contains(c);
    match part.chars().all(allowed) {
        true => Ok(()),
        false => Err("it holds characters that a URL cannot hold"),
    }
}

impl TryFrom<String> for PackageName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::parse(&name)
    }
}

impl From<PackageName> for String {
    fn from(name: PackageName) -> Self {
        name.0
    }
}

impl Borrow<str> for PackageName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// One thing that a manifest asks for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Requirement {
    /// The package at its registry; differs from the name it is imported by for `npm:` aliases.
    pub package: PackageName,
    /// A semver range or a dist-tag, as written; `*` where nothing was.
    pub range: String,
    /// Where it was written, for messages.
    #[serde(skip)]
    pub origin: String,
    pub(crate) optional: bool,
}

impl Requirement {
    /// What stands right of the name in a package.json.
    pub(crate) fn specifier(&self, alias: &PackageName) -> String {
        match self.package == *alias {
            true => self.range.clone(),
            false => format!("npm:{}@{}", self.package, self.range),
        }
    }
}

/// What a program asks for, by the name that it imports.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// Requirements by the name they are imported by.
    pub dependencies: BTreeMap<PackageName, Requirement>,
    /// npm's `overrides`, as written; checked when the manifest is resolved.
    pub overrides: Option<Value>,
    /// Where this manifest was written, for messages.
    #[serde(skip)]
    pub origin: String,
}

impl Manifest {
    /// Reads a `package.json`, or a plain map from names to ranges: an object of strings that has none of the fields by which
    /// a package.json without dependencies would be known.
    pub fn parse(text: &str, origin: &str) -> Result<Self, Error> {
        let map: Option<BTreeMap<String, String>> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok();
        match map.filter(|map| !OWN_FIELDS.iter().any(|field| map.contains_key(*field))) {
            Some(map) => Self::from_dependencies(&map, origin),
            None => Self::parse_package_json(text, origin),
        }
    }

    /// Reads a `package.json`: `dependencies`, `optionalDependencies`, `peerDependencies` (npm installs the root's, too),
    /// `overrides` and yarn's `resolutions` count, the rest does not. What is bundled with the root is installed as well, so
    /// `bundledDependencies` changes nothing.
    pub fn parse_package_json(text: &str, origin: &str) -> Result<Self, Error> {
        // Editors on other systems begin a file with a byte order mark; npm ignores it too.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Error::ManifestSyntax { origin: origin.to_owned(), detail: error.to_string() })?;
        let Value::Object(mut root) = value else {
            return Err(shape(origin, format!("it is {}, not an object", kind(&value))));
        };
        let mut manifest = Self { origin: origin.to_owned(), ..Self::default() };
        // npm lets each of these replace an entry of the same name in those before it.
        drop_optional_peers(&mut root);
        manifest.add_field(&mut root, "peerDependencies", false)?;
        manifest.add_field(&mut root, "dependencies", false)?;
        manifest.add_field(&mut root, "optionalDependencies", true)?;
        manifest.overrides = overrides_of(&mut root, origin)?;
        Ok(manifest)
    }

    /// Reads a plain map from names to ranges.
    pub fn from_dependencies(dependencies: &BTreeMap<String, String>, origin: &str) -> Result<Self, Error> {
        let mut manifest = Self { origin: origin.to_owned(), ..Self::default() };
        for (alias, range) in dependencies {
            manifest.add(alias, range)?;
        }
        Ok(manifest)
    }

    /// Adds one requirement, in place of one of the same name.
    pub fn add(&mut self, alias: &str, range: &str) -> Result<(), Error> {
        self.add_requirement(alias, range, false)
    }

    /// The names that can be imported.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.dependencies.keys().map(PackageName::as_str)
    }

    /// Whether `name` can be imported.
    pub fn contains(&self, name: &str) -> bool {
        self.dependencies.contains_key(name)
    }

    /// This manifest, with what it does not name taken from `other`.
    #[must_use]
    pub fn fallback(mut self, other: Self) -> Self {
        if self.dependencies.is_empty() {
            self.origin = other.origin;
        }
        for (alias, requirement) in other.dependencies {
            self.dependencies.entry(alias).or_insert(requirement);
        }
        self.overrides = self.overrides.or(other.overrides);
        self
    }

    fn add_field(&mut self, root: &mut Map<String, Value>, field: &str, optional: bool) -> Result<(), Error> {
        let entries = match root.remove(field) {
            None | Some(Value::Null) => return Ok(()),
            Some(Value::Object(entries)) => entries,
            Some(value) => return Err(shape(&self.origin, format!("{field} is {}, not an object", kind(&value)))),
        };
        for (alias, range) in entries {
            let Value::String(range) = range else {
                let detail = format!("the range of {alias:?} in {field} is {}, not a string", kind(&range));
                return Err(shape(&self.origin, detail));
            };
            self.add_requirement(&alias, &range, optional)?;
        }
        Ok(())
    }

    fn add_requirement(&mut self, alias: &str, range: &str, optional: bool) -> Result<(), Error> {
        let origin = self.origin.clone();
        let name = parse_name(alias, &origin)?;
        let (package, range) = match range.trim().strip_prefix("npm:") {
            Some(target) => split_alias(target, alias, &origin)?,
            None => (name.clone(), range.trim().to_owned()),
        };
        let range = if range.is_empty() { "*".to_owned() } else { range };
        check_range(alias, &range, &origin)?;
        self.dependencies.insert(name, Requirement { package, range, origin, optional });
        Ok(())
    }
}

/// npm does not install what `peerDependenciesMeta` says is optional.
fn drop_optional_peers(root: &mut Map<String, Value>) {
    let Some(Value::Object(meta)) = root.remove("peerDependenciesMeta") else { return };
    if let Some(Value::Object(peers)) = root.get_mut("peerDependencies") {
        let is_optional =
            |name: &String| meta.get(name).and_then(|meta| meta.get("optional")) == Some(&Value::Bool(true));
        peers.retain(|name, _| !is_optional(name));
    }
}

fn overrides_of(root: &mut Map<String, Value>, origin: &str) -> Result<Option<Value>, Error> {
    let mut object_of = |field: &str| match root.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(entries)) => Ok(Some(entries)),
        Some(value) => Err(shape(origin, format!("{field} is {}, not an object", kind(&value)))),
    };
    let overrides = object_of("overrides")?;
    let Some(resolutions) = object_of("resolutions")? else { return Ok(overrides.map(Value::Object)) };
    let mut all = overrides.unwrap_or_default();
    resolutions::add(&resolutions, &mut all)
        .map_err(|detail| Error::Resolutions { origin: origin.to_owned(), detail })?;
    Ok(Some(Value::Object(all)))
}

/// `npm:name@range`, without its scheme, as its two halves.
fn split_alias(target: &str, alias: &str, origin: &str) -> Result<(PackageName, String), Error> {
    let at = target.char_indices().skip(1).find(|(_, c)| *c == '@').map(|(index, _)| index);
    let (name, range) = match at {
        Some(at) => (&target[..at], &target[at + 1..]),
        None => (target, ""),
    };
    let package = PackageName::parse(name).map_err(|problem| Error::PackageName {
        origin: format!("{origin}, alias {alias}"),
        name: name.to_owned(),
        problem,
    })?;
    Ok((package, range.trim().to_owned()))
}

fn check_range(alias: &str, range: &str, origin: &str) -> Result<(), Error> {
    if let Some(kind) = foreign_kind(range) {
        return Err(Error::UnsupportedDependency {
            origin: origin.to_owned(),
            package: alias.to_owned(),
            specifier: without_userinfo(range),
            kind,
        });
    }
    let wrong = |detail: String| Error::Range {
        origin: origin.to_owned(),
        package: alias.to_owned(),
        range: range.to_owned(),
        detail,
    };
    let parsed = VersionReq::parse_from_npm(range).map_err(|error| wrong(one_line(&error)))?;
    match parsed.tag() {
        None if !is_range(range) => Err(wrong("a part of it is no version".to_owned())),
        Some(tag) if !is_tag(tag) => Err(wrong("neither a range nor a name that a dist-tag can have".to_owned())),
        _ => Ok(()),
    }
}

/// Whether every part of a range is a comparator (node-semver, "Ranges"); deno_semver passes over some that are not.
fn is_range(range: &str) -> bool {
    let parts = range.split("||").flat_map(str::split_whitespace);
    parts.map(|part| part.trim_start_matches(['<', '>', '=', '~', '^', 'v'])).all(|part| {
        part.is_empty()
            || part == "-"
            || part.starts_with(|first: char| first.is_ascii_digit() || "xX*".contains(first))
    })
}

/// npm-package-arg takes for a tag what encodeURIComponent leaves as it is.
fn is_tag(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.!~*'()".contains(letter))
}

/// What kind of requirement this is when it does not come from a registry (npm-package-arg's other types).
pub(crate) fn foreign_kind(range: &str) -> Option<&'static str> {
    const SCHEMES: [(&str, &str); 17] = [
        ("git:", "git"),
        ("git+", "git"),
        ("git@", "git"),
        ("ssh:", "git"),
        ("github:", "git"),
        ("gitlab:", "git"),
        ("bitbucket:", "git"),
        ("gist:", "git"),
        ("file:", "file"),
        ("link:", "link"),
        ("portal:", "portal"),
        ("patch:", "patch"),
        ("workspace:", "workspace"),
        ("catalog:", "catalog"),
        ("http:", "URL"),
        ("https:", "URL"),
        ("npm:", "nested alias"),
    ];
    let lower = range.to_ascii_lowercase();
    if let Some((_, kind)) = SCHEMES.iter().find(|(scheme, _)| lower.starts_with(scheme)) {
        return Some(kind);
    }
    if lower.starts_with("jsr:") {
        return Some("JSR");
    }
    let path = range.starts_with(['/', '\\'])
        || range.starts_with("./")
        || range.starts_with("../")
        || range.starts_with("~/");
    if path || [".tgz", ".tar.gz", ".tar"].iter().any(|ending| lower.ends_with(ending)) {
        return Some("file");
    }
    // `user/repository`, with or without a branch: no range and no tag holds a slash.
    range.contains('/').then_some("git")
}

/// A requirement may be a URL that holds a token; messages must not.
fn without_userinfo(specifier: &str) -> String {
    match (specifier.find("//"), specifier.rfind('@')) {
        (Some(slashes), Some(at)) if at > slashes => {
            format!("{}{}", &specifier[..slashes + 2], &specifier[at + 1..])
        }
        _ => specifier.to_owned(),
    }
}

fn parse_name(name: &str, origin: &str) -> Result<PackageName, Error> {
    PackageName::parse(name).map_err(|problem| Error::PackageName {
        origin: origin.to_owned(),
        name: name.to_owned(),
        problem,
    })
}

/// deno_semver explains with a picture of the position, over several lines.
pub(crate) fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "~").collect();
    lines.join(" ")
}

fn shape(origin: &str, detail: String) -> Error {
    Error::ManifestShape { origin: origin.to_owned(), detail }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
