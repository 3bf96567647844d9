//! The supply-chain policy: what an operator allows into a graph.
//!
//! A [`Policy`] is plain data. It comes from one file (`policy/file.rs`) or is the default, which is on where it cannot
//! surprise. Integrity is no part of it: that is verified always. The rules, each in a file of its own, and when they
//! are asked:
//!
//! - `names` (allowed and denied ones): before a packument is asked for;
//! - `releaseAge` (`age.rs`): while versions are chosen;
//! - `signatures` (`signature.rs`), `lookAlikes` (`look_alike.rs`), `advisories` (`advisory.rs`, `osv.rs`): when a graph has been
//!   resolved, before anything in it is used (`review.rs`).
//!
//! What a rule refuses is a [`Refusal`] (`refusal.rs`), which names the rule and the setting that changes it. Invariant: a
//! graph that was resolved under one policy is never taken for the graph of another, see [`Policy::fingerprint`].

pub(crate) mod advisory;
pub(crate) mod age;
mod file;
pub(crate) mod look_alike;
mod name_pattern;
pub(crate) mod osv;
mod refusal;
pub(crate) mod review;
pub(crate) mod signature;

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;
use sha2::{Digest, Sha256};

pub use advisory::Severity;
pub use age::{HeldBack, parse_age};
pub use name_pattern::NamePattern;
pub use refusal::Refusal;

use crate::error::Error;

/// What is allowed into a graph.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Policy {
    /// How long a version must have been published.
    pub release_age: ReleaseAge,
    /// Whether registries' signatures are verified.
    pub signatures: Signatures,
    /// Which packages may be had at all.
    pub names: Names,
    /// What happens to names that look like better known ones.
    pub look_alikes: LookAlikes,
    /// Known vulnerabilities and malware; none unless a file of them was imported.
    pub advisories: Option<Advisories>,
}

/// The rule `releaseAge`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct ReleaseAge {
    /// The least age; zero turns the rule off. A day: most malicious releases are found and removed within hours.
    pub least: Duration,
    /// Packages whose versions are taken at any age.
    pub exclude: Vec<NamePattern>,
}

impl Default for ReleaseAge {
    fn default() -> Self {
        Self { least: Duration::from_secs(24 * 60 * 60), exclude: Vec::new() }
    }
}

/// The rule `signatures`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Signatures {
    /// How strict it is.
    pub mode: SignatureMode,
    /// Packages that are not looked at.
    pub exclude: Vec<NamePattern>,
}

/// How strictly signatures are verified.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub enum SignatureMode {
    /// A signature that is there must be right, where its registry publishes keys.
    #[default]
    Verify,
    /// Every package needs one that is right.
    Require,
    /// Nobody looks.
    Off,
}

/// The rule `names`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Names {
    /// Only these are allowed, when there is a list.
    pub allow: Option<Vec<NamePattern>>,
    /// None of these is.
    pub deny: Vec<NamePattern>,
}

/// The rule `lookAlikes`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct LookAlikes {
    /// How strict it is.
    pub mode: LookAlikeMode,
    /// A package that was first published less long ago than this is refused, not only warned of. Thirty days: names that
    /// are made up to be mistaken are used at once.
    pub young: Duration,
    /// Packages that are not looked at.
    pub exclude: Vec<NamePattern>,
}

impl Default for LookAlikes {
    fn default() -> Self {
        Self { mode: LookAlikeMode::Refuse, young: Duration::from_secs(30 * 24 * 60 * 60), exclude: Vec::new() }
    }
}

/// What happens to names that look like better known ones.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
pub enum LookAlikeMode {
    /// A warning, and for a young package a refusal.
    #[default]
    Refuse,
    /// A warning.
    Warn,
    /// Nobody looks.
    Off,
}

/// The rule `advisories`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Advisories {
    /// A file in OSV form (one advisory, an array of them, or one a line), or a folder of such files.
    pub file: PathBuf,
    /// Advisories of this severity and above refuse a package; others are warnings. One that does not say how severe it is
    /// counts as the worst.
    pub refuse: Severity,
    /// Advisories that do not count, by id or alias.
    pub ignore: Vec<String>,
}

impl Policy {
    /// A hash of everything in it, in hexadecimal. What a file of advisories holds is not part of it.
    pub fn fingerprint(&self) -> String {
        let text = serde_json::to_vec(self).expect("plain data is JSON");
        format!("{:x}", Sha256::digest(text))
    }

    /// The rule `names`, before anything is asked about this package.
    pub(crate) fn check_name(&self, package: &str) -> Result<(), Error> {
        if let Some(pattern) = self.names.deny.iter().find(|pattern| pattern.matches(package)) {
            let (package, pattern) = (package.to_owned(), pattern.to_string());
            return Err(Refusal::NameDenied { package, pattern, chain: Vec::new() }.error());
        }
        match &self.names.allow {
            Some(allowed) if !name_pattern::any(allowed, package) => {
                Err(Refusal::NameNotAllowed { package: package.to_owned(), chain: Vec::new() }.error())
            }
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Vec<NamePattern> {
        texts.iter().map(|text| NamePattern::parse(text).unwrap()).collect()
    }

    #[test]
    fn names_are_denied_before_they_are_allowed() {
        let names = Names { allow: Some(patterns(&["hono", "@ours/*"])), deny: patterns(&["@ours/bad"]) };
        let policy = Policy { names, ..Policy::default() };
        for allowed in ["hono", "@ours/good"] {
            assert_eq!(policy.check_name(allowed), Ok(()));
        }
        let code = |name: &str| policy.check_name(name).unwrap_err().code();
        assert_eq!(code("@ours/bad"), "name-denied");
        assert_eq!(code("zod"), "name-not-allowed");
        // Nobody is in the scope by a name that only begins like it.
        assert_eq!(code("@ours-too/x"), "name-not-allowed");
    }

    #[test]
    fn an_empty_list_of_allowed_names_allows_nothing() {
        let names = Names { allow: Some(Vec::new()), deny: Vec::new() };
        assert!(Policy { names, ..Policy::default() }.check_name("hono").is_err());
        assert_eq!(Policy::default().check_name("hono"), Ok(()));
    }

    #[test]
    fn the_fingerprint_is_of_every_setting() {
        let age = ReleaseAge { least: Duration::from_secs(1), ..ReleaseAge::default() };
        let excluded = LookAlikes { exclude: patterns(&["x"]), ..LookAlikes::default() };
        let mut prints = vec![
            Policy::default().fingerprint(),
            Policy { release_age: age, ..Policy::default() }.fingerprint(),
            Policy { look_alikes: excluded, ..Policy::default() }.fingerprint(),
        ];
        assert_eq!(prints[0], Policy::default().fingerprint());
        prints.sort();
        prints.dedup();
        assert_eq!(prints.len(), 3);
    }
}

#[cfg(test)]
#[path = "policy/rules_tests.rs"]
mod rules_tests;
