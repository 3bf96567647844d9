//! The lock: which package stands behind each import, exactly.
//!
//! A [`Graph`] is plain, ordered data: the same resolution gives the same JSON on every machine. It knows nothing of
//! folders; `tree.rs` lays it out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::policy::HeldBack;

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
    /// Versions that were not taken because they are too young.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held_back: Vec<HeldBack>,
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
    /// Which of these dependencies are peers: it must find the very folder that whoever depends on it finds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub peers: BTreeSet<String>,
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
                (
                    id.as_str(),
                    (&package.name, &package.version, &package.integrity, &package.dependencies, &package.peers),
                )
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

    /// Makes one of all ids that nobody can tell apart: the same package, whose dependencies cannot be told apart either.
    ///
    /// The resolver puts a package's peers into its id, and theirs into theirs, and where peers go in circles it gives many
    /// ids to what is one thing. This is partition refinement: all ids of one package begin in one class, and a class is split
    /// until the members of each depend on the same classes by the same names.
    pub(crate) fn merge_equal(&mut self) {
        let numbered = |keys: BTreeSet<Vec<String>>| -> BTreeMap<Vec<String>, usize> {
            keys.into_iter().enumerate().map(|(number, key)| (key, number)).collect()
        };
        let mut class_of: BTreeMap<&str, usize> = BTreeMap::new();
        let mut classes = 0;
        loop {
            let signature = |id: &str, package: &LockedPackage| {
                let own = [package.name.clone(), package.version.clone(), package.integrity.clone()];
                let before = class_of.get(id).map(ToString::to_string);
                let below = package.dependencies.iter().flat_map(|(alias, next)| {
                    [alias.clone(), class_of.get(next.as_str()).copied().unwrap_or_default().to_string()]
                });
                own.into_iter().chain(before).chain(below).collect::<Vec<String>>()
            };
            let signatures: Vec<(&str, Vec<String>)> =
                self.packages.iter().map(|(id, package)| (id.as_str(), signature(id, package))).collect();
            let numbers = numbered(signatures.iter().map(|(_, signature)| signature.clone()).collect());
            let settled = numbers.len() == classes;
            classes = numbers.len();
            class_of = signatures.iter().map(|(id, signature)| (*id, numbers[signature])).collect();
            if settled {
                break;
            }
        }
        let mut best: BTreeMap<usize, &str> = BTreeMap::new();
        for (id, class) in &class_of {
            let shortest = best.entry(*class).or_insert(id);
            if (id.len(), *id) < (shortest.len(), *shortest) {
                *shortest = id;
            }
        }
        let kept: BTreeMap<String, String> =
            class_of.iter().map(|(id, class)| ((*id).to_owned(), best[class].to_owned())).collect();
        let rename = |id: &mut String| {
            if let Some(best) = kept.get(id) {
                *id = best.clone();
            }
        };
        self.packages.retain(|id, _| kept.get(id) == Some(id));
        let below = self.packages.values_mut().flat_map(|package| package.dependencies.values_mut());
        self.root.values_mut().chain(below).for_each(rename);
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
            peers: BTreeSet::new(),
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
            ..Graph::default()
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
    fn ids_that_differ_in_nothing_else_are_one() {
        // Two of one circle, told apart by how far it was unrolled, and one that really has another peer.
        let mut graph = Graph {
            root: BTreeMap::from([("a".to_owned(), "a@1_b@1".to_owned()), ("c".to_owned(), "c@1".to_owned())]),
            packages: BTreeMap::from([
                ("a@1_b@1".to_owned(), package("a", "1", &[("b", "b@1_a@1")])),
                ("b@1_a@1".to_owned(), package("b", "1", &[("a", "a@1_b@1__a@1")])),
                ("a@1_b@1__a@1".to_owned(), package("a", "1", &[("b", "b@1_a@1__b@1")])),
                ("b@1_a@1__b@1".to_owned(), package("b", "1", &[("a", "a@1_b@1")])),
                ("c@1".to_owned(), package("c", "1", &[("a", "a@1_b@2"), ("b", "b@2")])),
                ("a@1_b@2".to_owned(), package("a", "1", &[("b", "b@2")])),
                ("b@2".to_owned(), package("b", "2", &[])),
            ]),
            ..Graph::default()
        };
        graph.merge_equal();
        assert_eq!(graph.packages.keys().collect::<Vec<_>>(), ["a@1_b@1", "a@1_b@2", "b@1_a@1", "b@2", "c@1"]);
        assert_eq!(graph.packages["b@1_a@1"].dependencies["a"], "a@1_b@1");
        assert!(graph.is_closed());
        let settled = graph.clone();
        graph.merge_equal();
        assert_eq!(graph, settled);
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
