//! What a bundle is made of, as it is written for tools: the same bundle gives the same text.

use std::collections::BTreeMap;

use bundler::{Bundle, BundledModule, License, ModuleImport, ModuleImportKind};
use serde::Serialize;

/// A metafile.
#[derive(Debug, Serialize)]
pub(crate) struct Metafile<'a> {
    /// Bytes of the code.
    bytes: usize,
    /// SHA-256 of the code, in hexadecimal.
    hash: String,
    builtins: &'a [String],
    packages: Vec<PackageFacts<'a>>,
    modules: Vec<ModuleFacts<'a>>,
}

#[derive(Debug, Serialize)]
struct PackageFacts<'a> {
    name: &'a str,
    version: &'a str,
    bytes: u64,
    modules: usize,
}

#[derive(Debug, Serialize)]
struct ModuleFacts<'a> {
    path: &'a str,
    package: Option<&'a str>,
    bytes: u64,
    imports: Vec<ImportFacts<'a>>,
}

#[derive(Debug, Serialize)]
struct ImportFacts<'a> {
    path: &'a str,
    kind: &'static str,
}

impl<'a> Metafile<'a> {
    /// The metafile of a bundle with details.
    pub(crate) fn new(bundle: &'a Bundle) -> Self {
        let mut packages: BTreeMap<(&str, &str), PackageFacts<'a>> = BTreeMap::new();
        for module in &bundle.modules {
            let Some((name, version)) = module.package.as_deref().and_then(|package| package.rsplit_once('@')) else {
                continue;
            };
            let facts = packages.entry((name, version)).or_insert(PackageFacts { name, version, bytes: 0, modules: 0 });
            facts.bytes += module.bytes;
            facts.modules += 1;
        }
        Self {
            bytes: bundle.code.len(),
            hash: bundle.hash(),
            builtins: &bundle.builtins,
            packages: packages.into_values().collect(),
            modules: bundle.modules.iter().map(ModuleFacts::new).collect(),
        }
    }
}

impl<'a> ModuleFacts<'a> {
    fn new(module: &'a BundledModule) -> Self {
        let import = |import: &'a ModuleImport| ImportFacts {
            path: &import.path,
            kind: match import.kind {
                ModuleImportKind::Static => "import",
                ModuleImportKind::Dynamic => "dynamic-import",
                ModuleImportKind::Require => "require",
            },
        };
        Self {
            path: &module.path,
            package: module.package.as_deref(),
            bytes: module.bytes,
            imports: module.imports.iter().map(import).collect(),
        }
    }
}

/// A package's licence.
#[derive(Debug, Serialize)]
pub(crate) struct LicenseFacts<'a> {
    name: &'a str,
    version: &'a str,
    license: Option<&'a str>,
    text: Option<&'a str>,
}

impl<'a> LicenseFacts<'a> {
    /// The licences of a bundle with details.
    pub(crate) fn of(licenses: &'a [License]) -> Vec<Self> {
        let facts = licenses.iter().map(|license| Self {
            name: &license.name,
            version: &license.version,
            license: license.expression.as_deref(),
            text: license.text.as_deref(),
        });
        facts.collect()
    }
}
