//! Who imported what, noted while a bundle is built, and what that says about an import that leads nowhere.
//! Order of discovery differs from build to build; nothing here depends on it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    diagnostics::Diagnostic,
    file_system::VirtualFiles,
    resolution::{Failure, FailureKind, is_local},
    scan::{self, Erased, ImportKind},
    source::{Language, SyntaxError},
};

/// Imports that lead nowhere, beyond which no more are explained: each costs a look at the whole source.
const MOST_DIAGNOSTICS: usize = 100;

/// The imports of one build.
#[derive(Debug, Default)]
pub(crate) struct Importers {
    /// For each file the files that import it.
    importers: BTreeMap<String, BTreeSet<String>>,
    /// Files that somebody imports with a statement, so that they are loaded whatever happens.
    statically: BTreeSet<String>,
    builtins: BTreeSet<String>,
    /// Importer, what it imports, how.
    edges: BTreeSet<(String, String, ImportKind)>,
    failures: BTreeMap<(String, String, ImportKind), Failure>,
    /// Sources that are not given to the engine.
    refused: BTreeMap<String, SyntaxError>,
}

impl Importers {
    pub(crate) fn file(&mut self, importer: &str, path: &str, kind: ImportKind) {
        self.importers.entry(path.to_owned()).or_default().insert(importer.to_owned());
        if kind == ImportKind::Static {
            self.statically.insert(path.to_owned());
        }
        self.edges.insert((importer.to_owned(), path.to_owned(), kind));
    }

    pub(crate) fn builtin(&mut self, importer: &str, name: &str, kind: ImportKind) {
        self.builtins.insert(name.to_owned());
        self.edges.insert((importer.to_owned(), name.to_owned(), kind));
    }

    pub(crate) fn external(&mut self, importer: &str, name: &str, kind: ImportKind) {
        self.edges.insert((importer.to_owned(), name.to_owned(), kind));
    }

    /// What a file imports, and how.
    pub(crate) fn imports(&self, importer: &str) -> impl Iterator<Item = (&str, ImportKind)> {
        let first = (importer.to_owned(), String::new(), ImportKind::Static);
        let own = self.edges.range(first..).take_while(move |(from, ..)| from == importer);
        own.map(|(_, to, kind)| (to.as_str(), *kind))
    }

    pub(crate) fn failure(&mut self, importer: &str, specifier: &str, kind: ImportKind, failure: Failure) {
        self.failures.insert((importer.to_owned(), specifier.to_owned(), kind), failure);
    }

    pub(crate) fn refused(&mut self, path: &str, error: SyntaxError) {
        self.refused.insert(path.to_owned(), error);
    }

    /// Every builtin that any file asks for.
    pub(crate) fn builtins(&self) -> &BTreeSet<String> {
        &self.builtins
    }

    /// Whether the file is only reached by calls, `require("…")` or `import("…")`.
    pub(crate) fn is_only_called_for(&self, path: &str) -> bool {
        !self.statically.contains(path)
    }

    /// The shortest way from the entry to a file: local files, then packages as `name@version`.
    pub(crate) fn chain(&self, entry: &str, path: &str, files: &VirtualFiles) -> Vec<String> {
        let mut ways = BTreeMap::from([(path.to_owned(), None)]);
        let mut queue = VecDeque::from([path.to_owned()]);
        let mut at = None;
        while let Some(file) = queue.pop_front() {
            if file == entry {
                at = Some(file);
                break;
            }
            for importer in self.importers.get(&file).into_iter().flatten() {
                if !ways.contains_key(importer) {
                    ways.insert(importer.clone(), Some(file.clone()));
                    queue.push_back(importer.clone());
                }
            }
        }
        let mut chain: Vec<String> = Vec::new();
        while let Some(file) = at {
            let name = match files.package_of(&file) {
                Some((package, _)) => package.display.clone(),
                None => files.display(&file),
            };
            if chain.last() != Some(&name) {
                chain.push(name);
            }
            at = ways.get(&file).cloned().flatten();
        }
        chain
    }

    /// What is wrong with the imports that lead nowhere.
    pub(crate) fn diagnostics(&self, entry: &str, files: &VirtualFiles) -> Vec<Diagnostic> {
        let mut scans = BTreeMap::new();
        let refused = self.refused.iter().map(|(path, error)| {
            let owner = files.package_of(path).map(|(package, _)| package.display.clone());
            let text = files.text(path).unwrap_or_default();
            let diagnostic = error.clone().diagnostic(&text, &files.display(path));
            diagnostic.package(owner).chain(self.chain(entry, path, files))
        });
        let failures = self.failures.iter().take(MOST_DIAGNOSTICS).map(|((importer, specifier, kind), failure)| {
            let text = files.text(importer).unwrap_or_default();
            let found = scans.entry(importer).or_insert_with(|| {
                scan::scan(&text, importer, Language::of(importer), Erased::Nothing)
                    .map(|scan| scan.imports)
                    .unwrap_or_default()
            });
            let place = found.iter().find(|import| import.specifier == *specifier && import.kind == *kind);
            let mut diagnostic = Diagnostic::new(failure.kind.code(), failure.message.clone())
                .file(files.display(importer))
                .package(failure.package.clone())
                .chain(self.chain(entry, importer, files));
            if let Some(place) = place {
                diagnostic = diagnostic.at_offset(&text, place.offset);
            }
            match hint(importer, failure, files) {
                Some(hint) => diagnostic.hint(hint),
                None => diagnostic,
            }
        });
        refused.chain(failures).collect()
    }
}

fn hint(importer: &str, failure: &Failure, files: &VirtualFiles) -> Option<String> {
    let owner = files.package_of(importer).map(|(package, _)| package.display.clone());
    match (failure.kind, &failure.package, owner) {
        (FailureKind::NotFound, Some(package), Some(owner)) if !is_local(importer) => Some(format!(
            "{owner} imports {package} without depending on it; add {package} to the manifest, or use --auto"
        )),
        (FailureKind::NotFound, Some(package), _) => Some(format!(
            "add {package} to the manifest, or use --auto; if it is there, this path does not exist in it"
        )),
        (FailureKind::NotFound, None, Some(owner)) => {
            Some(format!("{owner} lacks a file that it imports; try another version of it"))
        }
        (FailureKind::NotExported, _, _) => Some("import a path that the package's \"exports\" names".to_owned()),
        (FailureKind::NativeAddon, _, _) => Some("use a package that is pure JavaScript or WebAssembly".to_owned()),
        (FailureKind::UnsupportedScheme, _, _) => {
            Some("import an npm package by its name, or a builtin as `node:...`".to_owned())
        }
        (FailureKind::NoLoader, _, _) => {
            Some("say it with --loader .ext=kind (text, binary, base64, dataurl, json, js, ts)".to_owned())
        }
        (FailureKind::Blocked, _, _) => Some("change the address in the import map, or the import".to_owned()),
        (
            FailureKind::NotFound
            | FailureKind::OutsideRoot
            | FailureKind::BadPackageJson
            | FailureKind::InvalidSpecifier,
            _,
            _,
        ) => None,
    }
}

/// What Node would throw where a package calls for something that is not there.
pub(crate) fn thrown(
    importer: &str,
    specifier: &str,
    kind: ImportKind,
    failure: &Failure,
    files: &VirtualFiles,
) -> (String, &'static str) {
    let owner = files.package_of(importer).map_or_else(|| files.display(importer), |(owner, _)| owner.display.clone());
    match (failure.kind, kind) {
        (FailureKind::NativeAddon, _) => (failure.message.clone(), "ERR_DLOPEN_FAILED"),
        (FailureKind::NotExported, _) => {
            (format!("{} (imported by {owner})", failure.message), "ERR_PACKAGE_PATH_NOT_EXPORTED")
        }
        (FailureKind::UnsupportedScheme, _) if specifier.starts_with("node:") => {
            (format!("No such built-in module: {specifier}"), "ERR_UNKNOWN_BUILTIN_MODULE")
        }
        (FailureKind::UnsupportedScheme, _) => {
            (format!("{} (imported by {owner})", failure.message), "ERR_UNSUPPORTED_ESM_URL_SCHEME")
        }
        (FailureKind::BadPackageJson, _) => (failure.message.clone(), "ERR_INVALID_PACKAGE_CONFIG"),
        (
            FailureKind::NotFound
            | FailureKind::OutsideRoot
            | FailureKind::InvalidSpecifier
            | FailureKind::Blocked
            | FailureKind::NoLoader,
            kind,
        ) => {
            let code = match kind {
                ImportKind::Require => "MODULE_NOT_FOUND",
                ImportKind::Static | ImportKind::Dynamic => "ERR_MODULE_NOT_FOUND",
            };
            let remedy = if failure.package.is_some() { ", which does not have it installed" } else { "" };
            let message = format!("Cannot find module '{specifier}' (wanted by {owner}{remedy})");
            (message, code)
        }
    }
}
