//! A lock as it is given out with every answer and comes back with a request.
//!
//! A [`Lock`] is a graph together with what was asked for when it was made. One that comes from outside is a stranger's: it
//! is parsed here, at the edge, and what [`Lock::parse`] gives back is closed, holds no name, version or integrity that npm
//! would refuse, and no more packages than the limits allow. Where tarballs come from is no lock's to say: a URL in it is
//! used only where it is one of the configured registry's own (see [`Lock::graph_from`]).

use std::collections::{BTreeMap, BTreeSet};

use deno_semver::Version;
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use url::Url;

use crate::error::Error;
use crate::limits::Limits;
use crate::lock::{Graph, LockedPackage};
use crate::manifest::{Manifest, PackageName};
use crate::npmrc::Registries;
use crate::package_lock;
use crate::packument::strongest;

/// The version of the document that is written, and the only one that is read.
const LOCK_VERSION: u64 = 1;

/// A graph, and what it was made for.
#[derive(Clone, Debug, PartialEq)]
pub struct Lock {
    pub(crate) graph: Graph,
    pub(crate) asked: Asked,
    /// Where it was written, for messages.
    pub(crate) origin: String,
}

/// What was asked for when a graph was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Asked {
    /// What stands right of each name in the manifest.
    pub(crate) requirements: BTreeMap<String, String>,
    pub(crate) overrides: AskedOverrides,
}

/// The manifest's overrides.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum AskedOverrides {
    /// The lock does not say.
    #[default]
    Unknown,
    /// These, or none.
    Known(Option<Value>),
}

/// The document, as it is read.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    requirements: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "known")]
    overrides: AskedOverrides,
    root: BTreeMap<String, String>,
    packages: BTreeMap<String, LockedPackage>,
    #[serde(default)]
    warnings: Vec<String>,
}

/// `null` says that there were none; an absent field says nothing.
fn known<'de, D: Deserializer<'de>>(deserializer: D) -> Result<AskedOverrides, D::Error> {
    Option::<Value>::deserialize(deserializer).map(AskedOverrides::Known)
}

/// What tells one kind of lock from another.
#[derive(Deserialize)]
struct Kind {
    #[serde(rename = "lockVersion")]
    ours: Option<u64>,
    #[serde(rename = "lockfileVersion")]
    of_npm: Option<u64>,
}

impl Lock {
    /// The lock of a graph that was made for a manifest.
    pub fn new(graph: Graph, manifest: &Manifest) -> Self {
        let requirements = manifest.dependencies.iter();
        let requirements = requirements.map(|(alias, requirement)| (alias.to_string(), requirement.specifier(alias)));
        let overrides = AskedOverrides::Known(manifest.overrides.clone());
        let asked = Asked { requirements: requirements.collect(), overrides };
        Self { graph, asked, origin: manifest.origin.clone() }
    }

    /// Reads a lock of ours, or npm's `package-lock.json`; its content says which.
    pub fn parse(text: &str, origin: &str, limits: &Limits) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if text.len() > limits.lock_bytes {
            return Err(Error::Limit {
                subject: origin.to_owned(),
                what: "its number of bytes",
                measured: text.len() as u64,
                limit: limits.lock_bytes as u64,
                knob: "limits.lock_bytes",
            });
        }
        let syntax =
            |error: serde_json::Error| Error::LockSyntax { origin: origin.to_owned(), detail: error.to_string() };
        let kind: Kind = serde_json::from_str(text).map_err(syntax)?;
        let mut lock = match (kind.ours, kind.of_npm) {
            (Some(LOCK_VERSION), _) => {
                let document: Document = serde_json::from_str(text).map_err(syntax)?;
                let Document { requirements, overrides, root, packages, warnings } = document;
                let graph = Graph { root, packages, warnings, ..Graph::default() };
                Self { graph, asked: Asked { requirements, overrides }, origin: origin.to_owned() }
            }
            (Some(version), _) => return Err(Error::LockVersion { origin: origin.to_owned(), version }),
            (None, Some(version)) => package_lock::import(text, version, origin)?,
            (None, None) => return Err(invalid(origin, "it has neither lockVersion nor lockfileVersion".to_owned())),
        };
        check(&mut lock.graph, origin, limits)?;
        Ok(lock)
    }

    /// The graph as it was locked.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The graph with tarballs only where these registries have them themselves; of the others, their packuments say it.
    pub(crate) fn graph_from(&self, registries: &Registries) -> Graph {
        let mut graph = self.graph.clone();
        for package in graph.packages.values_mut() {
            if !registries.is_own_tarball(&package.name, &package.tarball) {
                package.tarball.clear();
            }
        }
        graph
    }

    /// Gives packages that are in this lock the integrity that they have there, whatever their registry says by now.
    pub(crate) fn keep_integrity(&self, graph: &mut Graph) {
        let locked: BTreeMap<String, &String> =
            self.graph.packages.values().map(|package| (package.display(), &package.integrity)).collect();
        for package in graph.packages.values_mut() {
            if let Some(integrity) = locked.get(&package.display()) {
                package.integrity.clone_from(integrity);
            }
        }
    }
}

impl Serialize for Lock {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Graph { root, packages, warnings, held_back } = &self.graph;
        let mut document = serializer.serialize_map(None)?;
        document.serialize_entry("lockVersion", &LOCK_VERSION)?;
        document.serialize_entry("requirements", &self.asked.requirements)?;
        if let AskedOverrides::Known(overrides) = &self.asked.overrides {
            document.serialize_entry("overrides", overrides)?;
        }
        document.serialize_entry("root", root)?;
        document.serialize_entry("packages", packages)?;
        if !warnings.is_empty() {
            document.serialize_entry("warnings", warnings)?;
        }
        // What was held back was that day's: it is said, and not read again.
        if !held_back.is_empty() {
            document.serialize_entry("held_back", held_back)?;
        }
        document.end()
    }
}

pub(crate) fn invalid(origin: &str, detail: String) -> Error {
    Error::InvalidLock { origin: origin.to_owned(), detail }
}

/// Refuses a graph that no resolution can have made, and drops what nothing in it reaches.
fn check(graph: &mut Graph, origin: &str, limits: &Limits) -> Result<(), Error> {
    if graph.packages.len() > limits.graph_packages {
        return Err(Error::Limit {
            subject: origin.to_owned(),
            what: "its number of packages",
            measured: graph.packages.len() as u64,
            limit: limits.graph_packages as u64,
            knob: "limits.graph_packages",
        });
    }
    let problem = |detail: String| invalid(origin, detail);
    check_references(&graph.root, graph).map_err(|detail| problem(format!("its root: {detail}")))?;
    for (id, package) in &graph.packages {
        let found = check_package(package).and_then(|()| check_references(&package.dependencies, graph));
        found.map_err(|detail| problem(format!("package {id:?}: {detail}")))?;
    }
    for package in graph.packages.values_mut() {
        // Checked above; kept in the one form that tarballs are stored by.
        package.integrity = strongest(&package.integrity).unwrap_or_default();
    }
    graph.prune();
    Ok(())
}

fn check_package(package: &LockedPackage) -> Result<(), String> {
    PackageName::parse(&package.name).map_err(|problem| format!("the name {:?}: {problem}", package.name))?;
    let is_exact =
        Version::parse_from_npm(&package.version).is_ok_and(|version| version.to_string() == package.version);
    if !is_exact {
        return Err(format!("{:?} is no exact version", package.version));
    }
    if strongest(&package.integrity).is_none() {
        return Err(format!("{:?} is no integrity that can be verified", package.integrity));
    }
    if !package.tarball.is_empty()
        && !Url::parse(&package.tarball).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
    {
        return Err("its tarball is not at an http: or https: URL".to_owned());
    }
    let own: BTreeSet<&String> = package.dependencies.keys().collect();
    match package.peers.iter().find(|peer| !own.contains(peer)) {
        Some(peer) => Err(format!("its peer {peer:?} is not among its dependencies")),
        None => Ok(()),
    }
}

fn check_references(dependencies: &BTreeMap<String, String>, graph: &Graph) -> Result<(), String> {
    for (alias, id) in dependencies {
        PackageName::parse(alias).map_err(|problem| format!("the name {alias:?}: {problem}"))?;
        if !graph.packages.contains_key(id) {
            return Err(format!("{alias} is {id:?}, which is not among its packages"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "lock_document_tests.rs"]
mod tests;
