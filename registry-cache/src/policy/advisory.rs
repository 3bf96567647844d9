//! The rule `advisories`: what is known against which versions, from files in OSV form.
//!
//! Follows the OSV schema ("affected", "Evaluation"): an advisory is about a version that it lists, or that one of its
//! ranges of the types SEMVER and ECOSYSTEM holds. Those that were withdrawn, and packages of other ecosystems, are passed over.
//! What cannot be compared counts against a package rather than for it.

use std::collections::HashMap;

use deno_semver::Version;
use serde::Serialize;

use super::Advisories;
use super::osv::{self, Document, DocumentEvent};
use crate::error::Error;
use crate::limits::Limits;
use crate::lock::LockedPackage;

/// How bad it is, as GitHub's advisories rate it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub enum Severity {
    /// Little can come of it.
    Low,
    /// Also called medium.
    Moderate,
    /// Much.
    High,
    /// The worst; malware, and what is not rated.
    Critical,
}

impl Severity {
    /// Its name in a policy file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Moderate => "moderate",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "low" => Some(Self::Low),
            "moderate" | "medium" => Some(Self::Moderate),
            "high" => Some(Self::High),
            "critical" => Some(Self::Critical),
            _ => None,
        }
    }
}

/// One advisory, as far as it is about one package.
#[derive(Clone, Debug)]
pub(crate) struct Advisory {
    pub(crate) id: String,
    pub(crate) summary: String,
    pub(crate) severity: Severity,
    versions: Vec<String>,
    ranges: Vec<Vec<Event>>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Event {
    /// From this version on; `None` is from the first.
    Introduced(Option<Version>),
    Fixed(Version),
    LastAffected(Version),
}

/// All advisories of a file or folder, by package.
#[derive(Debug, Default)]
pub(crate) struct AdvisoryIndex {
    packages: HashMap<String, Vec<Advisory>>,
}

impl AdvisoryIndex {
    /// Reads the files that a policy names.
    pub(crate) fn load(rule: &Advisories, limits: &Limits) -> Result<Self, Error> {
        let mut index = Self::default();
        osv::read(&rule.file, limits, &mut |document| index.insert(document, rule))?;
        Ok(index)
    }

    fn insert(&mut self, document: Document, rule: &Advisories) {
        let aliases = document.aliases.unwrap_or_default();
        let ignored = rule.ignore.iter().any(|id| *id == document.id || aliases.contains(id));
        if document.withdrawn.is_some() || ignored {
            return;
        }
        let rated = document.database_specific.unwrap_or_default().severity;
        let rated = rated.and_then(|raw| Severity::parse(&serde_json::from_str::<String>(raw.get()).ok()?));
        for affected in document.affected.unwrap_or_default() {
            let Some(package) = affected.package.filter(|package| package.ecosystem == "npm") else { continue };
            let ranges = affected.ranges.unwrap_or_default().into_iter();
            let advisory = Advisory {
                id: document.id.clone(),
                summary: document.summary.clone().unwrap_or_else(|| "it says no more".to_owned()),
                severity: rated.unwrap_or(Severity::Critical),
                versions: affected.versions.unwrap_or_default(),
                ranges: ranges.filter(|range| range.r#type != "GIT").map(|range| events(range.events)).collect(),
            };
            self.packages.entry(package.name).or_default().push(advisory);
        }
    }

    /// What is known against this version, the worst first.
    pub(crate) fn about(&self, package: &LockedPackage) -> Vec<&Advisory> {
        let known = self.packages.get(&package.name);
        let mut found: Vec<&Advisory> =
            known.into_iter().flatten().filter(|advisory| advisory.affects(&package.version)).collect();
        found.sort_by(|one, other| (other.severity, &one.id).cmp(&(one.severity, &other.id)));
        found
    }
}

/// A range's events, in order. One that cannot be read makes the range larger, never smaller.
fn events(events: Vec<DocumentEvent>) -> Vec<Event> {
    let mut read: Vec<Event> = Vec::new();
    for event in events {
        let version = |text: &str| Version::parse_from_npm(text).ok();
        read.extend(event.introduced.map(|text| Event::Introduced(version(&text).filter(|_| text != "0"))));
        read.extend(event.fixed.and_then(|text| version(&text)).map(Event::Fixed));
        read.extend(event.last_affected.and_then(|text| version(&text)).map(Event::LastAffected));
    }
    read.sort_by(|one, other| one.version().cmp(&other.version()));
    read
}

impl Event {
    fn version(&self) -> Option<&Version> {
        match self {
            Self::Introduced(version) => version.as_ref(),
            Self::Fixed(version) | Self::LastAffected(version) => Some(version),
        }
    }
}

impl Advisory {
    fn affects(&self, version: &str) -> bool {
        if self.versions.iter().any(|listed| listed == version) {
            return true;
        }
        let Ok(version) = Version::parse_from_npm(version) else { return !self.ranges.is_empty() };
        self.ranges.iter().any(|events| holds(events, &version))
    }

    /// The first version after this one that the advisory is no longer about.
    pub(crate) fn fixed_after(&self, version: &str) -> Option<String> {
        let version = Version::parse_from_npm(version).ok()?;
        let fixes = self.ranges.iter().flatten().filter_map(|event| match event {
            Event::Fixed(fixed) if *fixed > version => Some(fixed),
            Event::Fixed(_) | Event::Introduced(_) | Event::LastAffected(_) => None,
        });
        fixes.filter(|fixed| !self.affects(&fixed.to_string())).min().map(ToString::to_string)
    }
}

/// OSV schema, "Evaluation".
fn holds(events: &[Event], version: &Version) -> bool {
    events.iter().fold(false, |affected, event| match event {
        Event::Introduced(from) if from.as_ref().is_none_or(|from| from <= version) => true,
        Event::Fixed(fixed) if fixed <= version => false,
        Event::LastAffected(last) if last < version => false,
        Event::Introduced(_) | Event::Fixed(_) | Event::LastAffected(_) => affected,
    })
}

#[cfg(test)]
#[path = "advisory_tests.rs"]
mod tests;
