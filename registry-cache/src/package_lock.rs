//! npm's `package-lock.json` as a lock of ours: the packages that npm would install on Linux (x64, glibc), each with the
//! versions that Node would find from its folder.
//!
//! Follows npm's package-lock.json documentation, "packages". What is only for development, for other systems, or reached by
//! nothing is left out because the walk from the root does not come to it. What is inside another package's tarball
//! (`inBundle`) is that package's business. Entries that come from no registry are refused by name.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use serde_json::Value;

use crate::error::Error;
use crate::graph::{CPU, OS};
use crate::lock::{Graph, LockedPackage};
use crate::lock_document::{Asked, AskedOverrides, Lock, invalid};
use crate::manifest::foreign_kind;
use crate::packument::allows_glibc;

/// The versions that have `packages`.
const VERSIONS: [u64; 2] = [2, 3];

const FOLDER: &str = "node_modules/";

#[derive(Deserialize)]
struct File {
    packages: Option<BTreeMap<String, Entry>>,
}

/// One folder of npm's tree. The root's is its package.json.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Entry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<String>,
    integrity: Option<String>,
    link: bool,
    in_bundle: bool,
    dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
    peer_dependencies: BTreeMap<String, String>,
    peer_dependencies_meta: BTreeMap<String, PeerMeta>,
    #[serde(alias = "bundledDependencies")]
    bundle_dependencies: Value,
    os: Value,
    cpu: Value,
    libc: Value,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct PeerMeta {
    optional: bool,
}

/// How much a package wants a dependency.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Want {
    Needed,
    Optional,
    Peer,
    OptionalPeer,
}

/// Reads a `package-lock.json` of this version. Names and integrities are checked by the caller.
pub(crate) fn import(text: &str, version: u64, origin: &str) -> Result<Lock, Error> {
    if !VERSIONS.contains(&version) {
        return Err(Error::PackageLockVersion { origin: origin.to_owned(), version });
    }
    let file: File = serde_json::from_str(text)
        .map_err(|error| Error::LockSyntax { origin: origin.to_owned(), detail: error.to_string() })?;
    let entries = file.packages.ok_or_else(|| invalid(origin, "it has no packages".to_owned()))?;
    let root = entries.get("").ok_or_else(|| invalid(origin, "it has no entry for the root".to_owned()))?;
    let asked = Asked { requirements: requirements_of(root), overrides: AskedOverrides::Unknown };
    let walk = Walk { entries: &entries, origin, found: BTreeMap::new(), order: Vec::new() };
    Ok(Lock { graph: walk.graph()?, asked, origin: origin.to_owned() })
}

/// What npm installs for the root; what it is for development only is left out.
fn requirements_of(root: &Entry) -> BTreeMap<String, String> {
    let wants = root.wants();
    let wanted = wants.into_iter().filter(|(_, (want, _))| *want != Want::OptionalPeer);
    wanted.map(|(name, (_, specifier))| (name.to_owned(), specifier.trim().to_owned())).collect()
}

impl Entry {
    /// The later ones of these go before the earlier ones, as in Arborist.
    fn wants(&self) -> BTreeMap<&str, (Want, &str)> {
        let mut wants = BTreeMap::new();
        for (name, range) in &self.peer_dependencies {
            let optional = self.peer_dependencies_meta.get(name).is_some_and(|meta| meta.optional);
            wants.insert(name.as_str(), (if optional { Want::OptionalPeer } else { Want::Peer }, range.as_str()));
        }
        let needed = self.dependencies.iter().map(|(name, range)| (name, Want::Needed, range));
        let optional = self.optional_dependencies.iter().map(|(name, range)| (name, Want::Optional, range));
        for (name, want, range) in needed.chain(optional) {
            wants.insert(name, (want, range));
        }
        wants
    }

    fn bundles(&self, name: &str) -> bool {
        match &self.bundle_dependencies {
            Value::Array(names) => names.iter().any(|bundled| bundled == name),
            Value::Bool(all) => *all,
            Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_) => false,
        }
    }

    fn is_for_programs(&self) -> bool {
        allows(&self.os, OS) && allows(&self.cpu, CPU) && allows_glibc(&self.libc)
    }
}

/// npm's package.json documentation, "os": names, or names that are excluded.
fn allows(list: &Value, wanted: &str) -> bool {
    let names: Vec<&str> = match list {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return true,
    };
    let excluded = names.iter().any(|name| name.strip_prefix('!') == Some(wanted));
    let mut included = names.iter().filter(|name| !name.starts_with('!')).peekable();
    !excluded && (included.peek().is_none() || included.any(|name| *name == wanted || *name == "any"))
}

/// A walk through npm's tree, from the root along what would be installed.
struct Walk<'a> {
    entries: &'a BTreeMap<String, Entry>,
    origin: &'a str,
    /// Folders that are reached, with the folders of their dependencies.
    found: BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>,
    /// The same folders, those nearer to the root first.
    order: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn graph(mut self) -> Result<Graph, Error> {
        self.walk()?;
        let ids = self.ids();
        let links = |folder: &str| -> BTreeMap<String, String> {
            let links = self.found.get(folder).into_iter().flatten();
            links.map(|(alias, target)| ((*alias).to_owned(), ids[target].clone())).collect()
        };
        let mut graph = Graph { root: links(""), ..Graph::default() };
        for folder in self.order.iter().filter(|folder| !folder.is_empty()) {
            graph.packages.insert(ids[folder].clone(), self.package(folder, links(folder))?);
        }
        // npm has one package in several folders where it has no links; what finds the same from each is one.
        graph.merge_equal();
        Ok(graph)
    }

    fn walk(&mut self) -> Result<(), Error> {
        let mut queue = VecDeque::from([""]);
        // Optional peers are used where they are there; that they are there is somebody else's wish.
        let mut where_there: Vec<(&str, &str, &str)> = Vec::new();
        self.found.insert("", BTreeMap::new());
        while let Some(folder) = queue.pop_front() {
            self.order.push(folder);
            let entry = &self.entries[folder];
            for (name, (want, specifier)) in entry.wants() {
                let Some((target, below)) = self.find(folder, name) else {
                    if want == Want::Needed && (folder.is_empty() || !entry.bundles(name)) {
                        return Err(self.problem(folder, format!("its dependency {name} has no entry")));
                    }
                    continue;
                };
                let skipped = below.in_bundle || (want == Want::Optional && !below.is_for_programs());
                if skipped {
                    continue;
                }
                if want == Want::OptionalPeer {
                    where_there.push((folder, name, target));
                    continue;
                }
                self.check_source(target, below, specifier)?;
                if let Some(links) = self.found.get_mut(folder) {
                    links.insert(name, target);
                }
                if !self.found.contains_key(target) {
                    self.found.insert(target, BTreeMap::new());
                    queue.push_back(target);
                }
            }
        }
        for (folder, name, target) in where_there {
            if self.found.contains_key(target)
                && let Some(links) = self.found.get_mut(folder)
            {
                links.insert(name, target);
            }
        }
        Ok(())
    }

    /// Node's lookup, "loading from node_modules folders".
    fn find(&self, from: &str, name: &str) -> Option<(&'a str, &'a Entry)> {
        let mut folder = from;
        loop {
            let slash = if folder.is_empty() { "" } else { "/" };
            let path = format!("{folder}{slash}{FOLDER}{name}");
            if let Some((path, entry)) = self.entries.get_key_value(&path) {
                return Some((path, entry));
            }
            if folder.is_empty() {
                return None;
            }
            folder = folder.rfind("/node_modules/").map_or("", |end| &folder[..end]);
        }
    }

    fn check_source(&self, folder: &str, entry: &Entry, specifier: &str) -> Result<(), Error> {
        let refused = |kind: &'static str| Error::UnsupportedLockEntry {
            origin: self.origin.to_owned(),
            entry: folder.to_owned(),
            kind,
        };
        if entry.link {
            return Err(refused("link"));
        }
        let resolved = entry.resolved.as_deref().unwrap_or_default();
        let from_registry = resolved.is_empty() || resolved.starts_with("https://") || resolved.starts_with("http://");
        if !from_registry {
            return Err(refused(foreign_kind(resolved).unwrap_or("file")));
        }
        // An override may have put a package of a registry in place of something else.
        match foreign_kind(specifier) {
            Some(kind @ "URL") if specifier.trim() == resolved => Err(refused(kind)),
            _ => Ok(()),
        }
    }

    /// An id for each folder: the package itself, with a number where it stands in several.
    fn ids(&self) -> BTreeMap<&'a str, String> {
        let mut ids = BTreeMap::new();
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        for folder in &self.order {
            let entry = &self.entries[*folder];
            let display = format!("{}@{}", name_of(folder, entry), entry.version.as_deref().unwrap_or_default());
            let count = taken.entry(display.clone()).or_default();
            *count += 1;
            ids.insert(*folder, if *count == 1 { display } else { format!("{display}_{count}") });
        }
        ids
    }

    fn package(&self, folder: &str, dependencies: BTreeMap<String, String>) -> Result<LockedPackage, Error> {
        let entry = &self.entries[folder];
        let version = entry.version.clone().ok_or_else(|| self.problem(folder, "it has no version".to_owned()))?;
        let integrity = entry
            .integrity
            .clone()
            .ok_or_else(|| Error::LockWithoutIntegrity { origin: self.origin.to_owned(), entry: folder.to_owned() })?;
        let peers: BTreeSet<String> =
            entry.peer_dependencies.keys().filter(|peer| dependencies.contains_key(*peer)).cloned().collect();
        let tarball = entry.resolved.clone().unwrap_or_default();
        Ok(LockedPackage { name: name_of(folder, entry), version, integrity, tarball, dependencies, peers })
    }

    fn problem(&self, folder: &str, detail: String) -> Error {
        let entry = if folder.is_empty() { "the root" } else { folder };
        invalid(self.origin, format!("{entry}: {detail}"))
    }
}

/// An alias has its own name in the path and its package's in the entry.
fn name_of(folder: &str, entry: &Entry) -> String {
    let in_path = folder.rfind(FOLDER).map_or(folder, |at| &folder[at + FOLDER.len()..]);
    entry.name.clone().unwrap_or_else(|| in_path.to_owned())
}

#[cfg(test)]
#[path = "package_lock_tests.rs"]
mod tests;
