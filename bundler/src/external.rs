//! Specifiers that stay imports. A name covers itself and nothing else: `react` is neither `react-dom` nor
//! `react/jsx-runtime`; `react/*` covers what stands below it.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Serialize};

/// A set of specifiers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Externals(BTreeSet<ExternalName>);

impl Externals {
    /// Whether a specifier is one of them, as it is written.
    pub fn cover(&self, specifier: &str) -> bool {
        self.0.iter().any(|name| name.covers(specifier))
    }
}

impl FromIterator<ExternalName> for Externals {
    fn from_iter<T: IntoIterator<Item = ExternalName>>(names: T) -> Self {
        Self(names.into_iter().collect())
    }
}

/// A specifier, or a prefix with `*` at its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExternalName(String);

impl ExternalName {
    fn covers(&self, specifier: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(prefix) => specifier.len() > prefix.len() && specifier.starts_with(prefix),
            None => specifier == self.0,
        }
    }
}

impl FromStr for ExternalName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fixed = text.strip_suffix('*').unwrap_or(text);
        let whole = fixed.len() == text.len() || fixed.ends_with(['/', ':']);
        match fixed {
            "" => Err("a name is missing".to_owned()),
            _ if fixed.contains('*') || !whole => Err(format!("{text:?}: `*` stands alone, after a last slash")),
            _ if fixed.starts_with(['.', '/']) => Err(format!("{text:?}: a file of the program cannot be external")),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_exactly() {
        let externals: Externals = ["react", "@a/b/*", "https:*"].iter().map(|name| name.parse().unwrap()).collect();
        for specifier in ["react", "@a/b/c", "@a/b/c/d", "https://a.b/c.js"] {
            assert!(externals.cover(specifier), "{specifier}");
        }
        for specifier in ["react-dom", "react/jsx-runtime", "@a/b", "@a/b/", "@a/bc", "preact"] {
            assert!(!externals.cover(specifier), "{specifier}");
        }
        for text in ["", "*", "a*", "a*/b", "./x", "/x"] {
            assert!(text.parse::<ExternalName>().is_err(), "{text}");
        }
    }
}
