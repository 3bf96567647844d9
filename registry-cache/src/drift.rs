//! How a lock and a manifest differ, and what is done about it.
//!
//! A lock fits when every requirement of the manifest has a package in it that satisfies it, and nothing else stands at its
//! root. What a dist-tag means is a registry's to say, so a tag fits as long as it is the tag that the lock was made for.

use std::collections::BTreeMap;
use std::fmt;

use deno_semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lock::Graph;
use crate::lock_document::{AskedOverrides, Lock};
use crate::manifest::{Manifest, PackageName, Requirement};

/// What is to be resolved.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What is asked for.
    pub manifest: &'a Manifest,
    /// What was found for it before.
    pub lock: Option<&'a Lock>,
    /// What to do when they differ.
    pub drift: Drift,
}

/// What to do when a lock does not fit a manifest.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub enum Drift {
    /// Keep every version that fits, and resolve the rest.
    #[default]
    Allowed,
    /// Refuse, and say every difference.
    Frozen,
}

impl<'a> From<&'a Manifest> for Wanted<'a> {
    fn from(manifest: &'a Manifest) -> Self {
        Self { manifest, lock: None, drift: Drift::Allowed }
    }
}

/// One difference between a manifest and a lock.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Difference {
    /// The lock has nothing for a requirement.
    Missing { alias: String, specifier: String },
    /// The lock has something that nobody asks for.
    Extra { alias: String, locked: String },
    /// What the lock has is not what is asked for.
    Other { alias: String, specifier: String, locked: String },
    /// The lock was made under other overrides.
    Overrides,
}

impl Difference {
    /// Whether the lock has all that is asked for, and this besides.
    pub(crate) fn is_extra(&self) -> bool {
        matches!(self, Self::Extra { .. })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { alias, specifier } => write!(formatter, "{alias}@{specifier} is not locked"),
            Self::Extra { alias, locked } => write!(formatter, "{alias} is locked ({locked}) and not asked for"),
            Self::Other { alias, specifier, locked } => {
                write!(formatter, "{alias}@{specifier} is asked for and {locked} is locked")
            }
            Self::Overrides => formatter.write_str("the overrides are not those that it was made with"),
        }
    }
}

impl Lock {
    /// Every way in which this lock does not fit a manifest.
    pub(crate) fn differences(&self, manifest: &Manifest) -> Vec<Difference> {
        let mut differences = Vec::new();
        let same_overrides = match &self.asked.overrides {
            AskedOverrides::Unknown => true,
            AskedOverrides::Known(overrides) => *overrides == manifest.overrides,
        };
        if !same_overrides {
            differences.push(Difference::Overrides);
        }
        differences.extend(manifest.dependencies.iter().filter_map(|(alias, requirement)| {
            let overridden = same_overrides && manifest.overrides.is_some();
            self.difference(alias, requirement, overridden)
        }));
        let extra = self.graph.root.iter().filter(|(alias, _)| !manifest.contains(alias));
        differences
            .extend(extra.map(|(alias, id)| Difference::Extra { alias: alias.clone(), locked: self.display(id) }));
        differences
    }

    fn difference(&self, alias: &PackageName, requirement: &Requirement, overridden: bool) -> Option<Difference> {
        let specifier = requirement.specifier(alias);
        let as_before = self.asked.requirements.get(alias.as_str()) == Some(&specifier);
        let alias = alias.to_string();
        let Some(package) = self.graph.root.get(&alias).and_then(|id| self.graph.packages.get(id)) else {
            // An optional one could not be had when the lock was made, or is for another system.
            let known = as_before || self.asked.requirements.is_empty();
            return (!(requirement.optional && known)).then_some(Difference::Missing { alias, specifier });
        };
        let fits = package.name == requirement.package.as_str()
            && match VersionReq::parse_from_npm(&requirement.range) {
                Ok(range) if range.tag().is_some() => as_before || self.asked.requirements.is_empty(),
                // An override replaces the range, and whether it applied here only the resolver knows.
                Ok(_) if overridden && as_before => true,
                Ok(range) => Version::parse_from_npm(&package.version).is_ok_and(|version| range.matches(&version)),
                Err(_) => false,
            };
        (!fits).then(|| Difference::Other { alias, specifier, locked: package.display() })
    }

    fn display(&self, id: &str) -> String {
        self.graph.packages.get(id).map_or_else(|| id.to_owned(), |package| package.display())
    }

    /// The error for a lock that must fit and does not.
    pub(crate) fn drifted(&self, manifest: &Manifest, differences: &[Difference]) -> Error {
        Error::LockDrift {
            origin: self.origin.clone(),
            manifest: manifest.origin.clone(),
            differences: differences.iter().map(ToString::to_string).collect(),
        }
    }
}

/// A graph without what the manifest does not ask for.
pub(crate) fn without_extra(mut graph: Graph, manifest: &Manifest) -> Graph {
    graph.root = graph.root.into_iter().filter(|(alias, _)| manifest.contains(alias)).collect::<BTreeMap<_, _>>();
    graph.prune();
    graph
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
