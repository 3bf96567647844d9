//! Which conditions of a package.json's `exports` and `imports` count, and which fields name its main file.

use std::{collections::BTreeSet, str::FromStr};

use serde::{Deserialize, Serialize};

/// The condition of Node.
const NODE: &str = "node";
/// The condition of browsers.
const BROWSER: &str = "browser";

/// A set of conditions; `import` or `require` and `default` always count besides.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Conditions(BTreeSet<String>);

impl Default for Conditions {
    /// Node's.
    fn default() -> Self {
        Self(BTreeSet::from([NODE.to_owned()]))
    }
}

impl Conditions {
    /// The conditions' names, sorted. A package.json has its own order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether packages are taken as they are for browsers: their `browser` field counts, as their main file and as a
    /// map of what they import.
    pub(crate) fn are_for_browsers(&self) -> bool {
        self.contains(BROWSER)
    }

    /// The fields of a package.json that may name its main file, best first. Node knows `main` only; `module` is for
    /// packages without it, and goes first where bundlers for browsers have it.
    pub(crate) fn main_fields(&self) -> &'static [&'static str] {
        if self.are_for_browsers() { &[BROWSER, "module", "main"] } else { &["main", "module"] }
    }
}

impl FromStr for Conditions {
    type Err = String;

    /// `node`, `browser`, `workerd` and `deno` stand for the set of that platform; other names are added to Node's set
    /// unless a platform is named too.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut names = BTreeSet::new();
        let mut platform = false;
        for name in text.split(',').map(str::trim) {
            let is_name = |character: char| !character.is_whitespace() && !character.is_control() && character != '.';
            if name.is_empty() || !name.chars().all(is_name) {
                return Err(format!("{name:?} is no condition"));
            }
            let set: &[&str] = match name {
                NODE => &[NODE],
                BROWSER => &[BROWSER],
                "workerd" => &["workerd", "worker", BROWSER],
                "deno" => &["deno", NODE],
                _ => &[],
            };
            platform |= !set.is_empty();
            names.insert(name.to_owned());
            names.extend(set.iter().map(|&name| name.to_owned()));
        }
        if !platform {
            names.insert(NODE.to_owned());
        }
        Ok(Self(names))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_sets() {
        let names = |text: &str| text.parse::<Conditions>().unwrap().names().collect::<Vec<_>>().join(" ");
        assert_eq!(names("node"), "node");
        assert_eq!(names("browser"), "browser");
        assert_eq!(names("workerd"), "browser worker workerd");
        assert_eq!(names("deno"), "deno node");
        assert_eq!(names("development"), "development node");
        assert_eq!(names("browser, development"), "browser development");
        for text in ["", "a,,b", "a b", "./x"] {
            assert!(text.parse::<Conditions>().is_err(), "{text:?}");
        }
    }
}
