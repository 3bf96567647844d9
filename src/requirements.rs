//! Which packages a program asks for, and at which versions.
//!
//! For each name, the first of these that names it decides: `--dep` (a request's `dependencies`), the manifest, versions
//! inside specifiers. A name that nothing decides is an error, or the latest version where that was asked for. Two
//! ranges inside specifiers for one name stand side by side, under names of ours that the imports are rewritten to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bundler::{Diagnostic, Import};
use registry_cache::{Graph, Manifest, PackageName};
use serde_json::Value;

use crate::error::Error;

/// What to do about an import that nothing names a version of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unlisted {
    /// Refuse the program.
    Refuse,
    /// Take the version with the dist-tag `latest`.
    Latest,
}

/// The dist-tag that `--auto` takes.
const LATEST: &str = "latest";

/// What a program asks for.
#[derive(Debug)]
pub(crate) struct Requirements {
    /// What to resolve.
    pub(crate) manifest: Manifest,
    /// What to say although nothing is wrong.
    pub(crate) warnings: Vec<Diagnostic>,
    targets: BTreeMap<String, Target>,
    aliases: BTreeMap<String, Vec<String>>,
}

/// What an import is resolved as: a name in the manifest, and what follows it.
#[derive(Debug)]
struct Target {
    name: String,
    subpath: String,
}

/// Reads a package.json or a plain map, but for the names that something nearer decides: what they ask for there may be anything.
pub(crate) fn parse_manifest(text: &str, origin: &str, nearer: &Manifest) -> Result<Manifest, Error> {
    let mut text = Cow::Borrowed(text);
    if let Ok(Value::Object(mut manifest)) = serde_json::from_str(&text)
        && nearer.names().next().is_some()
    {
        for field in ["dependencies", "optionalDependencies", "peerDependencies"] {
            if let Some(Value::Object(entries)) = manifest.get_mut(field) {
                entries.retain(|name, _| !nearer.contains(name));
            }
        }
        text = Cow::Owned(Value::Object(manifest).to_string());
    }
    Ok(Manifest::parse(&text, origin)?)
}

/// Decides on the requirements of a program. `named` is what flags and manifests name, `imports` its bare imports.
pub(crate) fn gather(named: Manifest, imports: &[Import], unlisted: Unlisted) -> Result<Requirements, Error> {
    let mut requirements = Requirements {
        warnings: overruled(&named, imports),
        manifest: named,
        targets: BTreeMap::new(),
        aliases: BTreeMap::new(),
    };
    let inline = inline_ranges(&requirements.manifest, imports);
    let mut names: BTreeMap<(&str, &str), String> = BTreeMap::new();
    for (package, ranges) in &inline {
        for (range, import) in ranges {
            let name = match ranges.len() {
                1 => (*package).to_owned(),
                _ => requirements.new_alias(package),
            };
            requirements.add(&name, package, range, &place(import))?;
            names.insert((package, range), name);
        }
    }
    // Imports without a version, of packages that nothing but `--auto` (or, with several, no one range) decides.
    let undecided: Vec<&Import> =
        imports.iter().filter(|import| !requirements.manifest.contains(&import.package)).collect();
    let undecided: Vec<&Import> = undecided.into_iter().filter(|import| import.range.is_none()).collect();
    match unlisted {
        Unlisted::Refuse if !undecided.is_empty() => {
            return Err(Error::UnlistedImports(
                undecided.iter().map(|import| unlisted_import(import, &inline)).collect(),
            ));
        }
        Unlisted::Refuse => {}
        Unlisted::Latest => {
            for import in undecided {
                requirements.add(&import.package, &import.package, LATEST, &place(import))?;
            }
        }
    }
    for import in imports {
        let inline_name = import.range.as_deref().and_then(|range| names.get(&(import.package.as_str(), range)));
        let name = inline_name.unwrap_or(&import.package).clone();
        requirements.targets.insert(import.specifier.clone(), Target { name, subpath: import.subpath.clone() });
    }
    Ok(requirements)
}

impl Requirements {
    /// Takes back aliases whose ranges turned out to mean one version: a program must not get that package twice.
    pub(crate) fn merge_aliases(&mut self, graph: &mut Graph) {
        for aliases in self.aliases.values() {
            let mut kept: BTreeMap<String, &str> = BTreeMap::new();
            for alias in aliases {
                let Some(id) = graph.root.get(alias).cloned() else { continue };
                let Some(first) = kept.get(&id) else {
                    kept.insert(id, alias);
                    continue;
                };
                graph.root.remove(alias);
                for target in self.targets.values_mut().filter(|target| target.name == *alias) {
                    target.name = (*first).to_owned();
                }
            }
        }
    }

    /// Specifiers as written, with what they are resolved as where that is something else.
    pub(crate) fn rewrites(&self) -> BTreeMap<String, String> {
        let targets = self
            .targets
            .iter()
            .map(|(specifier, target)| (specifier.clone(), format!("{}{}", target.name, target.subpath)));
        targets.filter(|(specifier, target)| specifier != target).collect()
    }

    fn add(&mut self, name: &str, package: &str, range: &str, origin: &str) -> Result<(), Error> {
        let range = if name == package { range.to_owned() } else { format!("npm:{package}@{range}") };
        let one = Manifest::from_dependencies(&BTreeMap::from([(name.to_owned(), range)]), origin)?;
        self.manifest = std::mem::take(&mut self.manifest).fallback(one);
        Ok(())
    }

    /// A name that stands for one of several ranges of a package. `~` is in no new package's name.
    fn new_alias(&mut self, package: &str) -> String {
        let aliases = self.aliases.entry(package.to_owned()).or_default();
        let alias = (aliases.len() + 1..)
            .map(|number| format!("{package}~{number}"))
            .find(|alias| !self.manifest.contains(alias))
            .expect("a manifest is finite");
        aliases.push(alias.clone());
        alias
    }
}

/// Ranges inside specifiers of packages that nothing nearer names, each with the first import that has it.
fn inline_ranges<'a>(named: &Manifest, imports: &'a [Import]) -> BTreeMap<&'a str, BTreeMap<&'a str, &'a Import>> {
    let mut ranges: BTreeMap<&str, BTreeMap<&str, &Import>> = BTreeMap::new();
    for import in imports.iter().filter(|import| !named.contains(&import.package)) {
        if let Some(range) = &import.range {
            ranges.entry(&import.package).or_default().entry(range).or_insert(import);
        }
    }
    ranges
}

/// A range inside a specifier that gives way to another one is worth a word.
fn overruled(named: &Manifest, imports: &[Import]) -> Vec<Diagnostic> {
    let mut warnings: Vec<Diagnostic> = Vec::new();
    for import in imports {
        let (Some(range), Some(requirement)) = (&import.range, named.dependencies.get(import.package.as_str())) else {
            continue;
        };
        if *range == requirement.range {
            continue;
        }
        let message = format!(
            "{:?} gives way to {}@{} of {}",
            import.specifier, requirement.package, requirement.range, requirement.origin
        );
        let warning = Diagnostic {
            hint: Some(format!("remove {} there, or the version here", import.package)),
            ..at(import, "overruled-version", message)
        };
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    warnings
}

fn unlisted_import(import: &Import, inline: &BTreeMap<&str, BTreeMap<&str, &Import>>) -> Diagnostic {
    let package = &import.package;
    let (message, hint) = if let Err(problem) = PackageName::parse(package) {
        let message = format!("cannot import {:?}: {package:?} is no package name ({problem})", import.specifier);
        (message, "a file of the program's own is imported by a relative path".to_owned())
    } else if let Some(ranges) = inline.get(package.as_str()) {
        let ranges = ranges.keys().map(|range| format!("{package}@{range}")).collect::<Vec<_>>().join(" and ");
        let message = format!(
            "cannot import {:?}: the program asks for {ranges}, and nothing says which is meant here",
            import.specifier
        );
        (message, format!("write the version here too, as {package}@<range>{}", import.subpath))
    } else {
        let message = format!("cannot import {:?}: nothing names a version of {package}", import.specifier);
        let hint = format!(
            "name one with --dep {package}@<range>, in the dependencies of package.json or of the request, or here as {package}@<range>{}; --auto (\"auto\": true) takes the latest",
            import.subpath
        );
        (message, hint)
    };
    Diagnostic { package: Some(package.clone()), hint: Some(hint), ..at(import, "unlisted-import", message) }
}

fn at(import: &Import, code: &str, message: String) -> Diagnostic {
    Diagnostic {
        code: code.to_owned(),
        message,
        package: None,
        file: Some(import.importer.clone()),
        line: Some(import.line),
        column: None,
        frame: None,
        chain: Vec::new(),
        hint: None,
    }
}

fn place(import: &Import) -> String {
    format!("{}:{}", import.importer, import.line)
}

#[cfg(test)]
#[path = "requirements_tests.rs"]
mod tests;
