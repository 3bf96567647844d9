//! Names in a policy: one package, or all packages of a scope.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::PackageName;

/// `name`, `@scope/name` or `@scope/*`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NamePattern {
    /// A package's name, or a scope with its slash.
    text: String,
    covers: Covers,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Covers {
    Package,
    Scope,
}

impl NamePattern {
    /// The error says what the text should be instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |problem: &str| format!("{text:?} is neither a package's name nor @scope/*: {problem}");
        match text.strip_suffix('*') {
            // A stand-in for the star tells whether the scope before it is one.
            Some(scope) if scope.starts_with('@') => PackageName::parse(&format!("{scope}x"))
                .map(|_| Self { text: scope.to_owned(), covers: Covers::Scope })
                .map_err(wrong)
                .and_then(|pattern| match pattern.text.ends_with('/') {
                    true => Ok(pattern),
                    false => Err(wrong("a star stands for all names of a scope")),
                }),
            Some(_) => Err(wrong("a star stands for all names of a scope")),
            None => PackageName::parse(text)
                .map(|name| Self { text: name.to_string(), covers: Covers::Package })
                .map_err(wrong),
        }
    }

    /// All packages of a scope, which is given without its slash.
    pub(crate) fn scope(scope: &str) -> Self {
        Self { text: format!("{scope}/"), covers: Covers::Scope }
    }

    /// Whether it is this package, or the package's scope.
    pub fn matches(&self, package: &str) -> bool {
        match self.covers {
            Covers::Package => self.text == package,
            Covers::Scope => package.starts_with(&self.text),
        }
    }

    /// The package's name, where it is one package.
    pub(crate) fn package(&self) -> Option<&str> {
        match self.covers {
            Covers::Package => Some(&self.text),
            Covers::Scope => None,
        }
    }

    /// What the names of all its packages begin with, where it is a scope.
    pub(crate) fn prefix(&self) -> Option<&str> {
        match self.covers {
            Covers::Package => None,
            Covers::Scope => Some(&self.text),
        }
    }
}

/// Whether one of them matches.
pub(crate) fn any(patterns: &[NamePattern], package: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(package))
}

impl TryFrom<String> for NamePattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<NamePattern> for String {
    fn from(pattern: NamePattern) -> Self {
        pattern.to_string()
    }
}

impl fmt::Display for NamePattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)?;
        match self.covers {
            Covers::Package => Ok(()),
            Covers::Scope => formatter.write_str("*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_a_name_or_a_scope() {
        for text in ["hono", "@ours/x", "@ours/*"] {
            assert_eq!(NamePattern::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "*", "a*", "@ours", "@ours*", "@/*", "@ours/x*", "@a/b/*", "../x", "hono@1"] {
            assert!(NamePattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_scope_matches_its_packages_only() {
        let scope = NamePattern::parse("@ours/*").unwrap();
        assert_eq!(scope, NamePattern::scope("@ours"));
        assert!(scope.matches("@ours/x") && !scope.matches("@ours-too/x") && !scope.matches("ours"));
        let name = NamePattern::parse("hono").unwrap();
        assert!(name.matches("hono") && !name.matches("hono-x"));
    }
}
