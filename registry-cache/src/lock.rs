//! The lock: which package stands behind each import, exactly.
//!
//! A [`Graph`] is plain, ordered data: the same resolution gives the same JSON on every machine. It knows nothing of
//! folders; `tree.rs` lays it out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One resolution: the root's imports and every package below them.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Graph {
    /// Package ids by the name that the program imports.
    pub root: BTreeMap<String, String>,
    /// Every package, by id. A package that stands in two peer contexts has two ids.
    pub packages: BTreeMap<String, LockedPackage>,
    /// Peers that nothing satisfies and the like, as sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One package of a [`Graph`].
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct LockedPackage {
    /// The name at its registry, whatever it is imported as.
    pub name: String,
    /// The exact version.
    pub version: String,
    /// What its tarball is verified against, in SRI form.
    pub integrity: String,
    /// Where its tarball comes from, as its registry announced it.
    pub tarball: String,
    /// Package ids by the name that this package imports.
    pub dependencies: BTreeMap<String, String>,
}

impl LockedPackage {
    /// `name@version`.
    pub fn display(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

impl Graph {
    /// A hash of everything that decides which bytes a program gets, in hexadecimal. Where they come from is not part
    /// of it: two registries that serve the same tarballs give the same hash.
    pub fn hash(&self) -> String {
        let packages: BTreeMap<&str, _> = self
            .packages
            .iter()
            .map(|(id, package)| {
                (id.as_str(), (&package.name, &package.version, &package.integrity, &package.dependencies))
            })
            .collect();
        let text = serde_json::to_vec(&(&self.root, packages)).expect("maps of strings are JSON");
        format!("{:x}", Sha256::digest(text))
    }

    /// Who required this package: one shortest way from a dependency of the root to it, as `name@version`, the package
    /// itself left out. Empty for dependencies of the root and unknown ids.
    pub fn chain(&self, id: &str) -> Vec<String> {
        let mut asked_by: BTreeMap<&str, Option<&str>> = BTreeMap::new();
        let mut queue: VecDeque<&str> = VecDeque::new();
        for first in self.root.values() {
            if asked_by.insert(first, None).is_none() {
                queue.push_back(first);
            }
        }
        while let Some(current) = queue.pop_front() {
            if current == id {
                break;
            }
            for next in self.packages.get(current).into_iter().flat_map(|package| package.dependencies.values()) {
                if !asked_by.contains_key(next.as_str()) {
                    asked_by.insert(next, Some(current));
                    queue.push_back(next);
                }
            }
        }
        let mut chain = Vec::new();
        let mut current = asked_by.get(id).copied().flatten();
        while let Some(parent) = current {
            chain.push(self.packages.get(parent).map_or_else(|| parent.to_owned(), LockedPackage::display));
            current = asked_by.get(parent).copied().flatten();
        }
        chain.reverse();
        chain
    }

    /// Drops packages that nothing reaches.
    pub(crate) fn prune(&mut self) {
        let mut reached: BTreeSet<String> = BTreeSet::new();
        let mut queue: Vec<String> = self.root.values().cloned().collect();
        while let Some(id) = queue.pop() {
            if let Some(package) = self.packages.get(&id)
                && reached.insert(id)
            {
                queue.extend(package.dependencies.values().cloned());
            }
        }
        self.packages.retain(|id, _| reached.contains(id));
    }

    /// Whether every id that is named is there.
    pub(crate) fn is_closed(&self) -> bool {
        let named = self.packages.values().flat_map(|package| package.dependencies.values());
        self.root.values().chain(named).all(|id| self.packages.contains_key(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn package(name: &str, version: &str, dependencies: &[(&str, &str)]) -> LockedPackage {
        LockedPackage {
            name: name.to_owned(),
            version: version.to_owned(),
            integrity: "sha512-x".to_owned(),
            tarball: format!("http://registry.invalid/{name}.tgz"),
            dependencies: dependencies.iter().map(|(alias, id)| ((*alias).to_owned(), (*id).to_owned())).collect(),
        }
    }

    fn graph() -> Graph {
        Graph {
            root: BTreeMap::from([("a".to_owned(), "a@1".to_owned())]),
            packages: BTreeMap::from([
                ("a@1".to_owned(), package("a", "1", &[("b", "b@1")])),
                ("b@1".to_owned(), package("b", "1", &[("c", "c@1"), ("a", "a@1")])),
                ("c@1".to_owned(), package("c", "1", &[])),
                ("lost@1".to_owned(), package("lost", "1", &[])),
            ]),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn chain_names_who_asked() {
        assert_eq!(graph().chain("c@1"), ["a@1", "b@1"]);
        assert!(graph().chain("a@1").is_empty());
        assert!(graph().chain("unknown@1").is_empty());
    }

    #[test]
    fn prune_drops_what_nothing_reaches() {
        let mut graph = graph();
        graph.prune();
        assert_eq!(graph.packages.keys().collect::<Vec<_>>(), ["a@1", "b@1", "c@1"]);
        assert!(graph.is_closed());
    }

    #[test]
    fn hash_is_of_content_and_not_of_place() {
        let mut moved = graph();
        for package in moved.packages.values_mut() {
            package.tarball = "http://elsewhere.invalid/x.tgz".to_owned();
        }
        moved.warnings.push("a peer is missing".to_owned());
        assert_eq!(moved.hash(), graph().hash());
        moved.packages.get_mut("c@1").unwrap().integrity = "sha512-y".to_owned();
        assert_ne!(moved.hash(), graph().hash());
    }

    #[test]
    fn json_round_trip_is_stable() {
        let text = serde_json::to_string(&graph()).unwrap();
        let again: Graph = serde_json::from_str(&text).unwrap();
        assert_eq!(again, graph());
        assert_eq!(serde_json::to_string(&again).unwrap(), text);
        assert!(!text.contains("warnings"));
    }
}
