//! Where an import leads: Node's algorithm over the virtual files, with Node's conditions and main fields.
//! Gives the same answer for the same question, and every failure as a value that says why.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::{Mutex, PoisonError},
};

use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric};

use crate::{
    file_system::{ESM_MARKER, ROOT, VirtualFiles},
    scan::ImportKind,
    specifier::{self, Specifier},
};

/// What an import leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Resolved {
    /// A file, with the package.json that says of what type it is.
    File { path: String, package_json: Option<String> },
    /// A builtin module, by its `node:` name.
    Builtin(String),
    /// The specifier holds the module itself.
    Data,
    /// Nothing, and why.
    Failed(Failure),
}

/// Why an import leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    /// The package that was wanted, when it was a package.
    pub(crate) package: Option<String>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FailureKind {
    /// No such file or package.
    NotFound,
    /// The package is there, but hides this path.
    NotExported,
    /// `https:`, `file:` and the like.
    UnsupportedScheme,
    /// A local import that leaves the project.
    OutsideRoot,
    /// A `.node` file.
    NativeAddon,
    /// A package.json that cannot be understood.
    BadPackageJson,
    /// A specifier that means nothing.
    InvalidSpecifier,
}

impl FailureKind {
    /// The code of a diagnostic about it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::NotFound => "unresolved-import",
            Self::NotExported => "not-exported",
            Self::UnsupportedScheme => "unsupported-scheme",
            Self::OutsideRoot => "outside-root",
            Self::NativeAddon => "native-addon",
            Self::BadPackageJson => "bad-package-json",
            Self::InvalidSpecifier => "invalid-specifier",
        }
    }
}

type Question = (String, String, ImportKind);

/// Resolves imports over one set of files.
pub(crate) struct Resolution {
    files: VirtualFiles,
    /// For local files: `./x.js` may be `./x.ts`.
    local_import: ResolverGeneric<VirtualFiles>,
    local_require: ResolverGeneric<VirtualFiles>,
    package_import: ResolverGeneric<VirtualFiles>,
    package_require: ResolverGeneric<VirtualFiles>,
    rewrites: BTreeMap<String, String>,
    /// Local paths (below the root) that are ES modules by their syntax.
    local_modules: BTreeSet<String>,
    answers: Mutex<HashMap<Question, Resolved>>,
}

impl std::fmt::Debug for Resolution {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Resolution").finish_non_exhaustive()
    }
}

impl Resolution {
    pub(crate) fn new(
        files: VirtualFiles,
        rewrites: BTreeMap<String, String>,
        local_modules: BTreeSet<String>,
    ) -> Self {
        let local_import = ResolverGeneric::new_with_file_system(files.clone(), local_options("import"));
        Self {
            local_require: local_import.clone_with_options(local_options("require")),
            package_import: local_import.clone_with_options(package_options("import")),
            package_require: local_import.clone_with_options(package_options("require")),
            local_import,
            files,
            rewrites,
            local_modules,
            answers: Mutex::default(),
        }
    }

    /// Where the import of `specifier` in the file `importer` leads.
    pub(crate) fn resolve(&self, importer: &str, specifier: &str, kind: ImportKind) -> Resolved {
        let question = (importer.to_owned(), specifier.to_owned(), kind);
        if let Some(answer) = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return answer.clone();
        }
        let answer = self.answer(importer, specifier, kind);
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(question, answer.clone());
        answer
    }

    fn answer(&self, importer: &str, specifier: &str, kind: ImportKind) -> Resolved {
        if !is_local(importer) {
            return self.classify(importer, specifier, specifier, kind);
        }
        if let Some(rewritten) = self.rewrites.get(specifier) {
            // Rewrites name packages as the root's node_modules has them.
            return self.classify(&format!("{ROOT}/index.js"), specifier, rewritten, kind);
        }
        self.classify(importer, specifier, specifier, kind)
    }

    fn classify(&self, importer: &str, written: &str, specifier: &str, kind: ImportKind) -> Resolved {
        match specifier::parse(specifier) {
            Specifier::Builtin(name) => Resolved::Builtin(name),
            Specifier::Data => Resolved::Data,
            Specifier::Foreign(scheme) => fail(
                FailureKind::UnsupportedScheme,
                match scheme.as_str() {
                    "node" => format!("there is no builtin module {written:?}"),
                    _ => format!("imports of `{scheme}:` are not supported: {written:?}"),
                },
            ),
            Specifier::Invalid => {
                fail(FailureKind::InvalidSpecifier, format!("{written:?} is not a valid module specifier"))
            }
            Specifier::Relative if is_local(importer) && leaves_root(importer, specifier) => outside(written),
            Specifier::Absolute if is_local(importer) && !specifier.starts_with("/hoist/") => outside(written),
            Specifier::Relative | Specifier::Absolute | Specifier::Internal => {
                self.look_up(importer, written, specifier, kind, None)
            }
            Specifier::Package(package) => {
                let bare = if is_local(importer) { package.bare() } else { specifier.to_owned() };
                self.look_up(importer, written, &bare, kind, Some(package.name))
            }
        }
    }

    fn look_up(
        &self,
        importer: &str,
        written: &str,
        specifier: &str,
        kind: ImportKind,
        package: Option<String>,
    ) -> Resolved {
        let resolver = match (is_local(importer), kind) {
            (true, ImportKind::Static | ImportKind::Dynamic) => &self.local_import,
            (true, ImportKind::Require) => &self.local_require,
            (false, ImportKind::Static | ImportKind::Dynamic) => &self.package_import,
            (false, ImportKind::Require) => &self.package_require,
        };
        let folder = Path::new(importer).parent().unwrap_or(Path::new(ROOT));
        let found = match resolver.resolve(folder, specifier) {
            Ok(found) => found.path().to_str().map(str::to_owned),
            Err(error) => return Resolved::Failed(self.explain(written, &error, package)),
        };
        let Some(path) = found else {
            return fail(FailureKind::NotFound, format!("cannot find {written:?}"));
        };
        if path.ends_with(".node") {
            let owner = self.files.package_of(&path).map(|(owner, _)| owner.display.clone());
            let message = match &owner {
                Some(owner) => {
                    format!("{owner} needs a native add-on ({}), which cannot run here", self.name_in(&path))
                }
                None => format!("{written:?} is a native add-on, which cannot run here"),
            };
            return Resolved::Failed(Failure { kind: FailureKind::NativeAddon, message, package: owner });
        }
        let package_json = self.package_json_of(&path);
        Resolved::File { path, package_json }
    }

    fn name_in<'a>(&self, path: &'a str) -> &'a str {
        self.files.package_of(path).map_or(path, |(_, rest)| rest)
    }

    /// The package.json whose `type` counts for a file: the nearest one, inside its package or inside the project.
    pub(crate) fn package_json_of(&self, path: &str) -> Option<String> {
        let local = path.strip_prefix(ROOT)?.strip_prefix('/')?;
        if self.local_modules.contains(local) {
            return Some(ESM_MARKER.to_owned());
        }
        let mut folder = path;
        while let Some((above, _)) = folder.rsplit_once('/') {
            if above.len() < ROOT.len() || above.ends_with("/node_modules") {
                return None;
            }
            let candidate = format!("{above}/package.json");
            if self.files.text(&candidate).is_some() {
                return Some(candidate);
            }
            folder = above;
        }
        None
    }

    fn explain(&self, written: &str, error: &ResolveError, package: Option<String>) -> Failure {
        let (kind, message) = match error {
            ResolveError::PackagePathNotExported { subpath, package_path, .. } => (
                FailureKind::NotExported,
                format!("{subpath:?} is not exported by {}", self.files.display(&package_path.to_string_lossy())),
            ),
            ResolveError::PackageImportNotDefined(name, _) => {
                (FailureKind::NotExported, format!("{name:?} is not in the \"imports\" of the package.json"))
            }
            ResolveError::Json(error) => (
                FailureKind::BadPackageJson,
                format!("{} is not valid JSON: {}", self.files.display(&error.path.to_string_lossy()), error.message),
            ),
            ResolveError::InvalidPackageConfig(path) | ResolveError::InvalidPackageConfigDefault(path) => (
                FailureKind::BadPackageJson,
                format!("{} has invalid \"exports\"", self.files.display(&path.to_string_lossy())),
            ),
            ResolveError::InvalidPackageTarget(target, key, _) => {
                (FailureKind::BadPackageJson, format!("{target:?} is no valid target of {key:?} in the package.json"))
            }
            _ => (FailureKind::NotFound, format!("cannot find {written:?}")),
        };
        Failure { kind, message, package }
    }
}

/// Whether a path is one of the program's own files.
pub(crate) fn is_local(path: &str) -> bool {
    !path.contains("/node_modules/")
}

fn fail(kind: FailureKind, message: String) -> Resolved {
    Resolved::Failed(Failure { kind, message, package: None })
}

fn outside(written: &str) -> Resolved {
    fail(FailureKind::OutsideRoot, format!("{written:?} is outside of the project"))
}

/// Whether a relative specifier climbs above the project's root.
fn leaves_root(importer: &str, specifier: &str) -> bool {
    let mut depth = importer.matches('/').count().saturating_sub(ROOT.matches('/').count() + 1);
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}

/// Node's conditions (`node` and `import` or `require`; `default` always counts) and main fields.
fn package_options(condition: &str) -> ResolveOptions {
    ResolveOptions {
        cwd: Some(ROOT.into()),
        condition_names: vec!["node".to_owned(), condition.to_owned()],
        extensions: strings(&[".js", ".json", ".node", ".mjs", ".cjs", ".ts", ".tsx", ".jsx"]),
        main_fields: strings(&["main", "module"]),
        symlinks: false,
        ..ResolveOptions::default()
    }
}

fn local_options(condition: &str) -> ResolveOptions {
    ResolveOptions {
        extensions: strings(&[".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"]),
        extension_alias: vec![
            (".js".to_owned(), strings(&[".js", ".ts", ".tsx"])),
            (".jsx".to_owned(), strings(&[".jsx", ".tsx"])),
            (".mjs".to_owned(), strings(&[".mjs", ".mts"])),
            (".cjs".to_owned(), strings(&[".cjs", ".cts"])),
        ],
        ..package_options(condition)
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
