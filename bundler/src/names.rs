//! What the specifiers of the program's own files stand for before anything is looked up: virtual modules, externals,
//! the import map, `paths` of the tsconfig.json, `imports` of a package.json that lead to packages.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    conditions::Conditions,
    dialect::{Dialect, TsPaths},
    external::Externals,
    file_system::{ROOT, VirtualFiles},
    import_map::{ImportMap, Mapped},
    loaders::Loaders,
    options::BundleOptions,
    scan::ImportKind,
    specifier::{self, Specifier},
};

/// The rules by which names are understood, as options and tsconfig.json have them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    pub(crate) conditions: Conditions,
    pub(crate) loaders: Loaders,
    external: Externals,
    virtual_modules: BTreeMap<String, String>,
    import_map: ImportMap,
    paths: TsPaths,
}

/// What a specifier stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// This specifier: the one that was asked about, or another.
    Specifier(String),
    /// This file of the program, with the root.
    File(String),
    /// An import that stays one, under this name.
    External(String),
    /// It must lead nowhere.
    Blocked,
}

impl Names {
    pub(crate) fn new(options: &BundleOptions, dialect: &Dialect) -> Self {
        Self {
            conditions: options.conditions.clone(),
            loaders: options.loaders.clone(),
            external: options.external.clone(),
            virtual_modules: options.virtual_modules.clone(),
            import_map: options.import_map.clone(),
            paths: dialect.paths.clone(),
        }
    }

    /// What holds in every file, packages' included.
    pub(crate) fn everywhere(&self, specifier: &str) -> Option<Meaning> {
        if let Some(path) = self.virtual_modules.get(specifier) {
            return Some(Meaning::File(format!("{ROOT}/{path}")));
        }
        self.external.cover(specifier).then(|| Meaning::External(specifier.to_owned()))
    }

    /// What a specifier in one of the program's own files stands for.
    pub(crate) fn in_program(
        &self,
        files: &VirtualFiles,
        importer: &str,
        specifier: &str,
        kind: ImportKind,
    ) -> Meaning {
        if let Some(meaning) = self.everywhere(specifier) {
            return meaning;
        }
        let specifier = match self.import_map.map(importer, specifier) {
            None => specifier.to_owned(),
            Some(Mapped::Blocked) => return Meaning::Blocked,
            Some(Mapped::To(specifier)) => specifier,
        };
        let specifier = match specifier.strip_prefix('#') {
            None => specifier,
            Some(_) => package_import(files, importer, &specifier, kind, &self.conditions).unwrap_or(specifier),
        };
        match self.everywhere(&specifier).or_else(|| self.external_package(&specifier)) {
            Some(meaning) => meaning,
            None => Meaning::Specifier(specifier),
        }
    }

    /// The files, best first, that tsconfig.json's `paths` and `baseUrl` lead to.
    pub(crate) fn candidates(&self, specifier: &str) -> Vec<String> {
        self.paths.candidates(specifier)
    }

    /// `zod@3/v4` and `npm:zod/v4` are external where `zod/v4` is.
    fn external_package(&self, specifier: &str) -> Option<Meaning> {
        let Specifier::Package(package) = specifier::parse(specifier) else { return None };
        let bare = package.bare();
        self.external.cover(&bare).then_some(Meaning::External(bare))
    }
}

/// What `#x` leads to when that is no file of the program (Node, PACKAGE_IMPORTS_RESOLVE): a package or a builtin.
fn package_import(
    files: &VirtualFiles,
    importer: &str,
    specifier: &str,
    kind: ImportKind,
    conditions: &Conditions,
) -> Option<String> {
    let mut folder = importer;
    let text = loop {
        folder = folder.rsplit_once('/').map(|(above, _)| above).filter(|above| above.len() >= ROOT.len())?;
        if let Some(text) = files.text(&format!("{folder}/package.json")) {
            break text;
        }
    };
    // The order of keys is kept: the resolver turns that on in serde_json, as it needs it too.
    let manifest: Value = serde_json::from_str(&text).ok()?;
    let imports = manifest.get("imports")?.as_object()?;
    let (target, rest) = match imports.get(specifier) {
        Some(target) if !specifier.contains('*') => (target, ""),
        _ => pattern(imports, specifier)?,
    };
    let condition = match kind {
        ImportKind::Static | ImportKind::Dynamic => "import",
        ImportKind::Require => "require",
    };
    let target = target_of(target, condition, conditions)?;
    (!target.starts_with("./")).then(|| target.replace('*', rest))
}

/// The pattern with the longest text before its `*` (PATTERN_KEY_COMPARE), and what the star stands for.
fn pattern<'a>(imports: &'a Map<String, Value>, specifier: &'a str) -> Option<(&'a Value, &'a str)> {
    let matches = imports.iter().filter_map(|(key, target)| {
        let (before, after) = key.split_once('*')?;
        let rest = specifier.strip_prefix(before)?.strip_suffix(after)?;
        (!rest.is_empty()).then_some(((before.len(), key.len()), target, rest))
    });
    matches.max_by_key(|(length, ..)| *length).map(|(_, target, rest)| (target, rest))
}

/// PACKAGE_TARGET_RESOLVE, as far as the text of the target.
fn target_of<'a>(target: &'a Value, condition: &str, conditions: &Conditions) -> Option<&'a str> {
    match target {
        Value::String(text) => Some(text),
        Value::Array(targets) => targets.iter().find_map(|target| target_of(target, condition, conditions)),
        Value::Object(cases) => cases
            .iter()
            .filter(|(name, _)| *name == "default" || *name == condition || conditions.contains(name))
            .find_map(|(_, target)| target_of(target, condition, conditions)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}
