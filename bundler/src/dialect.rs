//! How local files are compiled and what their specifiers stand for, from the tsconfig.json in the project's root and
//! those that it extends.

use std::path::Path;

use oxc_resolver::{ResolveError, ResolveOptions, ResolverGeneric, TsConfig};

use crate::{
    diagnostics::Diagnostic,
    file_system::{ROOT, VirtualFiles},
    options::{Jsx, JsxRuntime},
};

/// The compiler options that TypeScript's own file sets for local files.
const TSCONFIG: &str = "tsconfig.json";

/// How local files are transformed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// Whether decorators are TypeScript's older ones.
    pub(crate) legacy_decorators: bool,
    pub(crate) decorator_metadata: bool,
    /// The package whose `jsx-runtime` makes elements; React when absent.
    pub(crate) jsx_import_source: Option<String>,
    /// Whether JSX becomes calls of a function in scope, and of which ones.
    pub(crate) jsx_classic: bool,
    pub(crate) jsx_factory: Option<String>,
    pub(crate) jsx_fragment_factory: Option<String>,
    /// `useDefineForClassFields: false`.
    pub(crate) assigned_class_fields: bool,
    /// `verbatimModuleSyntax`: only imports that say `type` are types.
    pub(crate) verbatim_imports: bool,
    /// `paths` and `baseUrl`.
    pub(crate) paths: TsPaths,
}

/// `paths` and `baseUrl` of a tsconfig.json.
#[derive(Debug, Clone, Default)]
pub(crate) struct TsPaths(Option<std::sync::Arc<TsConfig>>);

/// Equal when they came from the same file, as they stand for it.
impl PartialEq for TsPaths {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(one), Some(other)) => std::sync::Arc::ptr_eq(one, other),
            (None, Some(_)) | (Some(_), None) => false,
        }
    }
}

impl Eq for TsPaths {}

impl TsPaths {
    /// The paths, best first, that a specifier may stand for, with the root.
    pub(crate) fn candidates(&self, specifier: &str) -> Vec<String> {
        let Some(config) = &self.0 else { return Vec::new() };
        if specifier.starts_with(['.', '/', '#']) || specifier.contains(':') {
            return Vec::new();
        }
        let paths = config.resolve_path_alias_or_base_url(specifier);
        paths.into_iter().filter_map(|path| path.to_str().map(str::to_owned)).collect()
    }
}

/// What reading the tsconfig.json came to.
#[derive(Debug)]
pub(crate) enum Read {
    /// The dialect, and what of the file could not be used.
    Done(Dialect, Option<Diagnostic>),
    /// The file is wrong.
    Wrong(Diagnostic),
}

/// Reads the dialect. Files that it lacks are noted in `files`, and what comes out counts only if there are none.
pub(crate) fn read(files: &VirtualFiles, jsx: &Jsx) -> Read {
    let path = Path::new(ROOT).join(TSCONFIG);
    let Some(text) = files.text(&format!("{ROOT}/{TSCONFIG}")) else {
        return Read::Done(with_jsx(Dialect::default(), jsx), None);
    };
    let wrong = |detail: String| {
        let message = format!("tsconfig.json cannot be understood: {detail}");
        Read::Wrong(Diagnostic::new("json-syntax", message).file(TSCONFIG))
    };
    let alone = match TsConfig::parse(true, &path, &path, text) {
        Ok(config) => config,
        Err(error) => return wrong(error.to_string()),
    };
    let resolver = ResolverGeneric::new_with_file_system(files.clone(), ResolveOptions::default());
    match resolver.resolve_tsconfig(&path) {
        Ok(config) => Read::Done(with_jsx(dialect(&config), jsx), None),
        // What a package says about compiling is not here when the program is scanned.
        Err(ResolveError::TsconfigNotFound(_) | ResolveError::NotFound(_)) => {
            let warning = Diagnostic::new("tsconfig-extends", "what tsconfig.json extends is not read")
                .file(TSCONFIG)
                .hint("only files of the program are; repeat here what is needed of it");
            Read::Done(with_jsx(dialect(&alone), jsx), Some(warning))
        }
        Err(error) => wrong(error.to_string()),
    }
}

fn dialect(config: &TsConfig) -> Dialect {
    let options = config.compiler_options.clone();
    Dialect {
        legacy_decorators: options.experimental_decorators.unwrap_or(false),
        decorator_metadata: options.emit_decorator_metadata.unwrap_or(false),
        jsx_classic: options.jsx.as_deref() == Some("react"),
        jsx_import_source: options.jsx_import_source,
        jsx_factory: options.jsx_factory,
        jsx_fragment_factory: options.jsx_fragment_factory,
        assigned_class_fields: options.use_define_for_class_fields == Some(false),
        verbatim_imports: options.verbatim_module_syntax.unwrap_or(false),
        paths: TsPaths(Some(std::sync::Arc::new(config.clone()))),
    }
}

fn with_jsx(dialect: Dialect, jsx: &Jsx) -> Dialect {
    let jsx = jsx.clone();
    Dialect {
        jsx_classic: match jsx.runtime {
            Some(JsxRuntime::Classic) => true,
            Some(JsxRuntime::Automatic) => false,
            None => dialect.jsx_classic,
        },
        jsx_import_source: jsx.import_source.or(dialect.jsx_import_source),
        jsx_factory: jsx.factory.or(dialect.jsx_factory),
        jsx_fragment_factory: jsx.fragment.or(dialect.jsx_fragment_factory),
        ..dialect
    }
}
