//! Where an import leads: Node's algorithm over the virtual files, with the conditions and main fields that were chosen.
//! Gives the same answer for the same question, and every failure as a value that says why.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
    sync::{Mutex, PoisonError},
};

use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric};

use crate::{
    conditions::Conditions,
    file_system::{ASSERTED, EMPTY_MODULE, ESM_MARKER, ROOT, VirtualFiles},
    names::{Meaning, Names},
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
    /// An import that stays one, under this name.
    External(String),
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
    /// The import map says that it leads nowhere.
    Blocked,
    /// A file of the program with an extension that nobody knows.
    NoLoader,
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
            Self::Blocked => "blocked-import",
            Self::NoLoader => "no-loader",
        }
    }
}

/// A file in the root, as the importer of what is looked up from there.
const IN_ROOT: &str = "/hoist/index.js";

type Question = (String, String, ImportKind);

/// Resolves imports over one set of files.
pub(crate) struct Resolution {
    files: VirtualFiles,
    /// For local files: `./x.js` may be `./x.ts`.
    local_import: ResolverGeneric<VirtualFiles>,
    local_require: ResolverGeneric<VirtualFiles>,
    package_import: ResolverGeneric<VirtualFiles>,
    package_require: ResolverGeneric<VirtualFiles>,
    names: Names,
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
        names: Names,
        rewrites: BTreeMap<String, String>,
        local_modules: BTreeSet<String>,
    ) -> Self {
        let conditions = &names.conditions;
        let local_import = ResolverGeneric::new_with_file_system(files.clone(), local_options("import", conditions));
        Self {
            local_require: local_import.clone_with_options(local_options("require", conditions)),
            package_import: local_import.clone_with_options(package_options("import", conditions)),
            package_require: local_import.clone_with_options(package_options("require", conditions)),
            local_import,
            files,
            names,
            rewrites,
            local_modules,
            answers: Mutex::default(),
        }
    }

    /// Where the import of `specifier` in the file `importer` leads. What an import attribute asks for stands behind the
    /// specifier, and behind the path.
    pub(crate) fn resolve(&self, importer: &str, specifier: &str, kind: ImportKind) -> Resolved {
        let question = (importer.to_owned(), specifier.to_owned(), kind);
        if let Some(answer) = self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(&question) {
            return answer.clone();
        }
        let answer = match specifier.split_once(ASSERTED) {
            Some((plain, loader)) => match self.answer(importer, plain, kind) {
                Resolved::File { path, .. } => {
                    Resolved::File { path: format!("{path}{ASSERTED}{loader}"), package_json: None }
                }
                other => other,
            },
            None => self.with_loader(self.answer(importer, specifier, kind)),
        };
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(question, answer.clone());
        answer
    }

    /// A file of the program must be of a known kind. Packages' files are taken for JavaScript, as `require` does.
    fn with_loader(&self, found: Resolved) -> Resolved {
        match &found {
            Resolved::File { path, .. } if is_local(path) && self.names.loaders.of(path).is_none() => {
                fail(FailureKind::NoLoader, format!("nothing says what {:?} is", self.files.display(path)))
            }
            _ => found,
        }
    }

    /// The package that an import in one of the program's own files means, as a specifier; `None` when it means
    /// something else.
    pub(crate) fn package_specifier(&self, importer: &str, specifier: &str, kind: ImportKind) -> Option<String> {
        match self.names.in_program(&self.files, importer, specifier, kind) {
            Meaning::Specifier(specifier) => {
                let is_package = matches!(specifier::parse(&specifier), Specifier::Package(_));
                (is_package && self.alias(&specifier, kind).is_none()).then_some(specifier)
            }
            Meaning::File(_) | Meaning::External(_) | Meaning::Blocked => None,
        }
    }

    fn answer(&self, importer: &str, specifier: &str, kind: ImportKind) -> Resolved {
        let meaning = if is_local(importer) {
            self.names.in_program(&self.files, importer, specifier, kind)
        } else {
            self.names.everywhere(specifier).unwrap_or_else(|| Meaning::Specifier(specifier.to_owned()))
        };
        let meant = match meaning {
            Meaning::External(name) => return Resolved::External(name),
            Meaning::File(path) => return self.look_up(IN_ROOT, specifier, &path, kind, None),
            Meaning::Blocked => {
                return fail(FailureKind::Blocked, format!("the import map says that {specifier:?} leads nowhere"));
            }
            Meaning::Specifier(meant) => meant,
        };
        if !is_local(importer) {
            return self.classify(importer, specifier, &meant, kind);
        }
        if let Some(found) = self.alias(&meant, kind) {
            return found;
        }
        match self.rewrites.get(&meant) {
            // Rewrites name packages as the root's node_modules has them.
            Some(rewritten) => self.classify(IN_ROOT, specifier, rewritten, kind),
            None => self.classify(importer, specifier, &meant, kind),
        }
    }

    /// The first file that tsconfig.json's `paths` or `baseUrl` lead to.
    fn alias(&self, specifier: &str, kind: ImportKind) -> Option<Resolved> {
        self.names.candidates(specifier).into_iter().find_map(|path| {
            let is_inside = path.strip_prefix(ROOT).is_some_and(|rest| rest.starts_with('/'));
            match is_inside.then(|| self.look_up(IN_ROOT, specifier, &path, kind, None))? {
                Resolved::Failed(failure) if failure.kind == FailureKind::NotFound => None,
                found => Some(found),
            }
        })
    }

    /// What a browser's package has in a builtin's place: its `browser` map or a package of that name.
    fn browser_builtin(&self, importer: &str, specifier: &str, kind: ImportKind) -> Option<Resolved> {
        if !self.names.conditions.are_for_browsers() || is_local(importer) || specifier.starts_with("node:") {
            return None;
        }
        match self.look_up(importer, specifier, specifier, kind, None) {
            Resolved::Failed(_) => None,
            found => Some(found),
        }
    }

    fn classify(&self, importer: &str, written: &str, specifier: &str, kind: ImportKind) -> Resolved {
        match specifier::parse(specifier) {
            Specifier::Builtin(name) => {
                self.browser_builtin(importer, specifier, kind).unwrap_or(Resolved::Builtin(name))
            }
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
            // `false` in a `browser` map.
            Err(ResolveError::Ignored(_)) => Some(EMPTY_MODULE.to_owned()),
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

/// The chosen conditions, with `import` or `require` (`default` always counts), and main fields.
fn package_options(condition: &str, conditions: &Conditions) -> ResolveOptions {
    let browser = if conditions.are_for_browsers() { vec![strings(&["browser"])] } else { Vec::new() };
    ResolveOptions {
        cwd: Some(ROOT.into()),
        condition_names: conditions.names().chain([condition]).map(str::to_owned).collect(),
        extensions: strings(&[".js", ".json", ".node", ".mjs", ".cjs", ".ts", ".tsx", ".jsx"]),
        main_fields: strings(conditions.main_fields()),
        alias_fields: browser,
        symlinks: false,
        ..ResolveOptions::default()
    }
}

fn local_options(condition: &str, conditions: &Conditions) -> ResolveOptions {
    ResolveOptions {
        extensions: strings(&[".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json"]),
        extension_alias: vec![
            (".js".to_owned(), strings(&[".js", ".ts", ".tsx"])),
            (".jsx".to_owned(), strings(&[".jsx", ".tsx"])),
            (".mjs".to_owned(), strings(&[".mjs", ".mts"])),
            (".cjs".to_owned(), strings(&[".cjs", ".cts"])),
        ],
        ..package_options(condition, conditions)
    }
}

fn strings(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}
