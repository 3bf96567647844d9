//! What a caller chooses about a bundle. Every choice has an order of its own, so that the same choices give the same
//! key; texts that people type are parsed into these types by whoever reads them.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{conditions::Conditions, external::Externals, import_map::ImportMap, loaders::Loaders};

/// What the bundle is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Purpose {
    /// To be run at once: Node's own choices, and nothing is shaken off (`sideEffects: false` lies: zod 4 loses its
    /// locale by it). `process.env.NODE_ENV` is read when the program runs.
    Run,
    /// To be kept: unused code is shaken off and `process.env.NODE_ENV` is "production".
    Bundle,
}

/// Whether names and white space are squeezed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Minify {
    /// Code stays readable.
    Off,
    /// Smallest code.
    On,
}

/// Whether a bundle says what it is made of: its files, their sizes, the packages' licences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Details {
    /// Nobody asked.
    Omitted,
    /// They come with the bundle.
    Collected,
}

/// How to bundle.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BundleOptions {
    /// What the bundle is for.
    pub purpose: Purpose,
    /// Whether the code is minified.
    pub minify: Minify,
    /// For [`Purpose::Bundle`]: the folder, relative to the bundle, that stands for the program's root: packages that read
    /// their own files look for them in its node_modules. `.` is the bundle's own folder.
    pub assets: String,
    /// Which conditions of package.json files count.
    pub conditions: Conditions,
    /// What files of an extension are.
    pub loaders: Loaders,
    /// What specifiers of the program's own files stand for.
    pub import_map: ImportMap,
    /// Specifiers, in whatever file, that mean one of the program's own files, as a path below the project's root.
    pub virtual_modules: BTreeMap<String, String>,
    /// Specifiers that stay imports.
    pub external: Externals,
    /// Names (`DEBUG`, `process.env.STAGE`) that are replaced by an expression.
    pub define: BTreeMap<String, String>,
    /// The oldest language that the code must be understood as; the newest when absent.
    pub target: Option<Target>,
    /// What the tsconfig.json and comments do not decide about JSX, or decide otherwise.
    pub jsx: Jsx,
    /// Text that stands before the code, as it is.
    pub banner: Option<String>,
    /// Whether the bundle says what it is made of.
    pub details: Details,
}

impl BundleOptions {
    /// What `run` uses.
    pub fn run() -> Self {
        Self {
            purpose: Purpose::Run,
            minify: Minify::Off,
            assets: ".".to_owned(),
            conditions: Conditions::default(),
            loaders: Loaders::default(),
            import_map: ImportMap::default(),
            virtual_modules: BTreeMap::new(),
            external: Externals::default(),
            define: BTreeMap::new(),
            target: None,
            jsx: Jsx::default(),
            banner: None,
            details: Details::Omitted,
        }
    }

    /// What `bundle` uses.
    pub fn bundle() -> Self {
        Self { purpose: Purpose::Bundle, ..Self::run() }
    }
}

impl BundleOptions {
    /// What of the options holds for packages: programs that differ in the rest share their layers.
    pub fn for_packages(&self) -> Self {
        Self { import_map: ImportMap::default(), jsx: Jsx::default(), ..self.clone() }
    }
}

/// How JSX is compiled, where that is not left to the tsconfig.json. A comment in a file goes before both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Jsx {
    /// What JSX becomes.
    pub runtime: Option<JsxRuntime>,
    /// The package whose `jsx-runtime` makes elements.
    pub import_source: Option<String>,
    /// The function of the classic runtime.
    pub factory: Option<String>,
    /// What stands for a fragment in the classic runtime.
    pub fragment: Option<String>,
}

/// What JSX becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum JsxRuntime {
    /// Calls of functions imported from a package's `jsx-runtime`.
    Automatic,
    /// Calls of a function in scope.
    Classic,
}

impl FromStr for JsxRuntime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "automatic" => Ok(Self::Automatic),
            "classic" => Ok(Self::Classic),
            _ => Err(format!("{text:?} is neither automatic nor classic")),
        }
    }
}

/// A version of the language: `es2022`, `esnext`, or what a version of Node understands, `node20`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target(String);

impl Target {
    /// The first edition that code is compiled down to.
    const FIRST: u16 = 2015;
    /// The newest edition with a year.
    const LAST: u16 = 2026;

    /// The target's name.
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lower = text.to_ascii_lowercase();
        let known = match (lower.strip_prefix("es"), lower.strip_prefix("node")) {
            (Some("next"), _) => true,
            (Some(year), _) => year.parse().is_ok_and(|year: u16| (Self::FIRST..=Self::LAST).contains(&year)),
            (None, Some(version)) => {
                let parts: Vec<&str> = version.split('.').collect();
                parts.len() <= 3 && parts.iter().all(|part| part.parse::<u16>().is_ok())
            }
            (None, None) => false,
        };
        match known {
            true => Ok(Self(lower)),
            false => {
                Err(format!("{text:?} is no target; write es{} to es{}, esnext or node20", Self::FIRST, Self::LAST))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        for text in ["es2015", "ES2022", "esnext", "node20", "node18.17"] {
            assert_eq!(text.parse::<Target>().unwrap().name(), text.to_ascii_lowercase());
        }
        for text in ["es5", "es2014", "es3000", "es", "node", "nodex", "chrome100", ""] {
            assert!(text.parse::<Target>().is_err(), "{text}");
        }
    }
}
