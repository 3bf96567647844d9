//! What the policy refuses, one variant for each rule: which package, why, who asked, and the setting that changes it.

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::owner::words::{self, Words};

/// A package that is not allowed into a graph.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are explained by the message above them.
pub enum Refusal {
    /// A name that is denied.
    #[error("the policy denies package {package} (rule names.deny: {pattern}){}", required_by(.chain))]
    NameDenied { package: String, pattern: String, chain: Vec<String> },
    /// A name that is not among those that are allowed.
    #[error("the policy does not allow package {package} (rule names.allow){}", required_by(.chain))]
    NameNotAllowed { package: String, chain: Vec<String> },
    /// No version that fits is old enough.
    #[error(
        "{package}@{version} is too young: it was published at {published}, and a version is taken from {old_enough_at} on (rule releaseAge){}",
        required_by(.chain)
    )]
    TooYoung { package: String, version: String, published: String, old_enough_at: String, chain: Vec<String> },
    /// A signature that is wrong. `package` has the version.
    #[error("package {package} has a signature that does not count: {problem} (rule signatures){}", required_by(.chain))]
    Signature { package: String, problem: String, chain: Vec<String> },
    /// Nothing that proves where it is from, where that is required. `package` has the version.
    #[error("package {package} is not signed as is required: {problem} (rule signatures){}", required_by(.chain))]
    Unsigned { package: String, problem: String, chain: Vec<String> },
    /// A young package whose name is nearly that of a well-known one.
    #[error(
        "package {package} looks like {like}, which is far better known, and was first published only at {published} (rule lookAlikes){}",
        required_by(.chain)
    )]
    LookAlike { package: String, like: String, published: String, chain: Vec<String> },
    /// A version that an advisory is about. `package` has the version.
    #[error("package {package} has the advisory {id} ({severity}): {summary}{} (rule advisories){}", fix(.fixed), required_by(.chain))]
    Advisory {
        package: String,
        id: String,
        #[serde(deserialize_with = "words::read")]
        severity: Words,
        summary: String,
        fixed: Option<String>,
        chain: Vec<String>,
    },
}

fn required_by(chain: &[String]) -> String {
    match chain {
        [] => String::new(),
        chain => format!(", required by {}", chain.join(" > ")),
    }
}

fn fix(fixed: &Option<String>) -> String {
    match fixed {
        Some(version) => format!("; fixed in {version}"),
        None => "; no version is known to be fixed".to_owned(),
    }
}

impl Refusal {
    /// As this crate's error.
    pub(crate) fn error(self) -> Error {
        Error::Policy(Box::new(self))
    }

    /// The stable identifier of this kind of refusal.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NameDenied { .. } => "name-denied",
            Self::NameNotAllowed { .. } => "name-not-allowed",
            Self::TooYoung { .. } => "release-too-young",
            Self::Signature { .. } => "wrong-signature",
            Self::Unsigned { .. } => "unsigned-package",
            Self::LookAlike { .. } => "look-alike-name",
            Self::Advisory { .. } => "known-vulnerability",
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NameDenied { pattern, .. } => {
                format!("use another package, or take {pattern:?} out of names.deny in the policy file")
            }
            Self::NameNotAllowed { package, .. } => {
                format!("use another package, or add {package:?} to names.allow in the policy file")
            }
            Self::TooYoung { package, .. } => format!(
                "ask for an older version, wait, allow it once with --min-release-age 0, or add {package:?} to releaseAge.exclude in the policy file"
            ),
            Self::Signature { package, .. } => format!(
                "the registry, or something on the way to it, may have been tampered with; only if that is ruled out, add {:?} to signatures.exclude in the policy file",
                without_version(package)
            ),
            Self::Unsigned { package, .. } => format!(
                "add {:?} to signatures.exclude, or set signatures.mode to \"verify\", in the policy file",
                without_version(package)
            ),
            Self::LookAlike { package, like, .. } => {
                format!("did you mean {like}? if not, add {package:?} to lookAlikes.exclude in the policy file")
            }
            Self::Advisory { id, fixed: Some(fixed), .. } => {
                format!("require version {fixed} or later, or add {id:?} to advisories.ignore in the policy file")
            }
            Self::Advisory { id, fixed: None, .. } => {
                format!("use another package, or add {id:?} to advisories.ignore in the policy file")
            }
        }
    }

    /// The packages that led here, the root's dependency first.
    pub fn chain(&self) -> &[String] {
        match self {
            Self::NameDenied { chain, .. }
            | Self::NameNotAllowed { chain, .. }
            | Self::TooYoung { chain, .. }
            | Self::Signature { chain, .. }
            | Self::Unsigned { chain, .. }
            | Self::LookAlike { chain, .. }
            | Self::Advisory { chain, .. } => chain,
        }
    }

    /// The same, saying who required the package, unless that is known already.
    pub(crate) fn with_chain(mut self, asked_by: Vec<String>) -> Self {
        match &mut self {
            Self::NameDenied { chain, .. }
            | Self::NameNotAllowed { chain, .. }
            | Self::TooYoung { chain, .. }
            | Self::Signature { chain, .. }
            | Self::Unsigned { chain, .. }
            | Self::LookAlike { chain, .. }
            | Self::Advisory { chain, .. } => {
                if chain.is_empty() {
                    *chain = asked_by;
                }
            }
        }
        self
    }
}

/// The name in `name@version`.
fn without_version(package: &str) -> &str {
    let end = package.rfind('@').filter(|at| *at > 0).unwrap_or(package.len());
    &package[..end]
}
