//! Bundling, by the one engine that does it. Its name appears in the files `engine*.rs`, and nowhere else.
//!
//! Every import is resolved by ours, so that nothing becomes a silent external; every file is read from the virtual
//! files. The engine's own ways to the host's disk stay shut: no tsconfig discovery, no asset modules, no resolving
//! through a plugin's context (they read the operating system's files).

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rolldown::{BundleFactory, BundleFactoryOptions};
use rolldown_common::{ImportKind as EngineImportKind, Output, OutputChunk, Platform, ResolvedExternal, TsConfig};
use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind, Severity};
use rolldown_plugin::{
    __inner::SharedPluginable, HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn, HookTransformArgs,
    HookTransformOutput, HookTransformOutputMap, HookTransformReturn, HookUsage, Plugin, PluginContext,
    SharedTransformPluginContext,
};
use rolldown_resolver::Resolver;

use crate::{
    bundle::Bundle,
    composition::{Composition, RUNTIME},
    diagnostics::Diagnostic,
    dialect::Dialect,
    engine_formats::{Attributes, Decorators, language_of},
    engine_options::bundler_options,
    file_system::{ROOT, VirtualFiles},
    importers::{self, Importers},
    names::Names,
    options::{BundleOptions, Details},
    own_paths::{self, Target, Targets},
    resolution::{Resolution, Resolved, is_local},
    scan::ImportKind,
};

/// Everything that a bundle is made of.
#[derive(Debug, Clone)]
pub(crate) struct Input {
    /// The entry's path, with the root.
    pub(crate) entry: String,
    pub(crate) files: VirtualFiles,
    /// Local paths that are ES modules.
    pub(crate) modules: BTreeSet<String>,
    /// Local paths with decorators that the engine leaves as they are.
    pub(crate) decorated: BTreeSet<String>,
    pub(crate) dialect: Dialect,
    pub(crate) rewrites: BTreeMap<String, String>,
    pub(crate) options: BundleOptions,
}

/// How often a build is repeated without the files that cannot be parsed and that are only called for.
const ATTEMPTS: usize = 3;

/// Bundles. The error is never empty.
pub(crate) async fn bundle(input: &Input) -> Result<Bundle, Vec<Diagnostic>> {
    let mut broken = BTreeMap::new();
    for _ in 1..ATTEMPTS {
        match attempt(input, &broken).await {
            Attempt::Done(result) => return result,
            Attempt::Broken(more) => broken.extend(more),
        }
    }
    match attempt(input, &broken).await {
        Attempt::Done(result) => result,
        Attempt::Broken(files) => Err(files.into_values().collect()),
    }
}

enum Attempt {
    Done(Result<Bundle, Vec<Diagnostic>>),
    /// These files cannot be parsed, but nobody needs them before they are called for.
    Broken(BTreeMap<String, Diagnostic>),
}

async fn attempt(input: &Input, broken: &BTreeMap<String, Diagnostic>) -> Attempt {
    let plugin = Arc::new(Ours {
        entry: input.entry.clone(),
        files: input.files.clone(),
        resolution: Resolution::new(
            input.files.clone(),
            Names::new(&input.options, &input.dialect),
            input.rewrites.clone(),
            input.modules.clone(),
        ),
        importers: Mutex::default(),
        broken: broken.clone(),
    });
    let decorators = Decorators::new(input);
    let plugins: Vec<SharedPluginable> =
        vec![Arc::clone(&decorators) as _, Attributes::new(input), Arc::clone(&plugin) as _];
    let generated = generate(input, plugins).await;
    let wrong = decorators.diagnostics();
    if !wrong.is_empty() {
        return Attempt::Done(Err(wrong));
    }
    let importers = plugin.importers.lock().unwrap_or_else(PoisonError::into_inner);
    let unresolved = importers.diagnostics(&input.entry, &input.files);
    match generated {
        Ok(_) if !unresolved.is_empty() => Attempt::Done(Err(unresolved)),
        Ok((outputs, warnings)) => {
            let mut warnings: Vec<_> =
                warnings.iter().filter_map(|warning| explain_warning(warning, input, &importers)).collect();
            warnings.sort_by(|left, right| left.place().cmp(&right.place()));
            warnings.dedup();
            Attempt::Done(finish(input, &importers, &outputs, warnings))
        }
        Err(errors) => {
            let errors: Vec<_> = errors.iter().map(|error| explain(error, input, &importers)).collect();
            let skippable = |(path, error): &(Option<String>, Diagnostic)| {
                error.code == "syntax-error"
                    && path.as_ref().is_some_and(|path| !is_local(path) && importers.is_only_called_for(path))
            };
            if unresolved.is_empty() && !errors.is_empty() && errors.iter().all(skippable) {
                return Attempt::Broken(errors.into_iter().filter_map(|(path, error)| Some((path?, error))).collect());
            }
            // The engine finds them in another order every time, and some twice.
            let mut errors: Vec<_> = errors.into_iter().map(|(_, error)| error).collect();
            errors.sort_by(|left, right| left.place().cmp(&right.place()));
            errors.dedup();
            Attempt::Done(Err(unresolved.into_iter().chain(errors).collect()))
        }
    }
}

type Generated = Result<(Vec<Output>, Vec<BuildDiagnostic>), Vec<BuildDiagnostic>>;

async fn generate(input: &Input, plugins: Vec<SharedPluginable>) -> Generated {
    let options = bundler_options(input);
    let resolver = Resolver::new(
        input.files.clone(),
        PathBuf::from(ROOT),
        Platform::Node,
        &TsConfig::Auto(false),
        options.resolve.clone().unwrap_or_default(),
    );
    let mut factory = BundleFactory::new(BundleFactoryOptions {
        bundler_options: options,
        plugins,
        session: None,
        disable_tracing_setup: true,
    })
    .map_err(|errors| errors.into_vec())?;
    let bundle = factory.create_bundle_with_fs(input.files.clone(), Arc::new(resolver));
    let output = bundle.generate().await.map_err(|errors| errors.into_vec())?;
    Ok((output.assets, output.warnings))
}

fn finish(
    input: &Input,
    importers: &Importers,
    outputs: &[Output],
    warnings: Vec<Diagnostic>,
) -> Result<Bundle, Vec<Diagnostic>> {
    let chunks: Vec<&Arc<OutputChunk>> = outputs
        .iter()
        .filter_map(|output| match output {
            Output::Chunk(chunk) => Some(chunk),
            Output::Asset(_) => None,
        })
        .collect();
    let [chunk] = chunks.as_slice() else {
        let message = format!("the engine made {} modules where one was wanted", chunks.len());
        return Err(vec![Diagnostic::new("bundler-error", message)]);
    };
    // What is imported lazily stands in the module itself.
    let foreign = |name: &&str| {
        !name.starts_with("node:") && *name != chunk.filename.as_str() && !input.options.external.cover(name)
    };
    if let Some(name) = chunk.imports.iter().chain(&chunk.dynamic_imports).map(|name| name.as_str()).find(foreign) {
        return Err(vec![Diagnostic::new("unresolved-import", format!("the bundle would still import {name:?}"))]);
    }
    let source_map = source_map(chunk, outputs, &input.files);
    let (modules, licenses) = match input.options.details {
        Details::Omitted => Default::default(),
        Details::Collected => {
            let lengths = chunk.modules.values.iter().map(|module| module.rendered_length());
            let rendered: Vec<(&str, usize)> = chunk.modules.keys.iter().map(|id| id.as_str()).zip(lengths).collect();
            let composition = Composition { files: &input.files, importers };
            (composition.modules(&rendered, &chunk.code, &source_map), composition.licenses(&rendered))
        }
    };
    Ok(Bundle {
        code: chunk.code.clone(),
        source_map,
        builtins: builtins_of(chunk, importers),
        warnings,
        modules,
        licenses,
    })
}

/// The chunk's map, with its sources named for people.
fn source_map(chunk: &OutputChunk, outputs: &[Output], files: &VirtualFiles) -> String {
    let rename = |map: &mut rolldown_sourcemap::SourceMap| {
        let names: Vec<String> = map.get_sources().map(|source| source_name(source, files)).collect();
        map.set_sources(names);
        map.to_json_string()
    };
    if let Some(map) = &chunk.map {
        return rename(&mut map.clone());
    }
    let asset = outputs.iter().find_map(|output| match output {
        Output::Asset(asset) if asset.filename.ends_with(".map") => std::str::from_utf8(asset.source.as_bytes()).ok(),
        Output::Asset(_) | Output::Chunk(_) => None,
    });
    match asset.map(rolldown_sourcemap::OwnedSourceMap::from_json_string) {
        Some(Ok(map)) => rename(&mut (*map).clone().into_owned()),
        Some(Err(_)) | None => String::new(),
    }
}

fn source_name(source: &str, files: &VirtualFiles) -> String {
    if source.starts_with('\0') || source.contains("rolldown/runtime") {
        return RUNTIME.to_owned();
    }
    files.display(&absolute(source))
}

/// The engine names files relative to its working folder.
fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{ROOT}/{}", path.trim_start_matches("./")) }
}

/// What the code imports, and which of the builtins that were asked for it still requires.
fn builtins_of(chunk: &OutputChunk, importers: &Importers) -> Vec<String> {
    let imported = chunk.imports.iter().chain(&chunk.dynamic_imports).map(|name| name.to_string());
    let mut names: BTreeSet<String> = imported.filter(|name| name.starts_with("node:")).collect();
    let is_quoted =
        |name: &&String| ['"', '\'', '`'].iter().any(|quote| chunk.code.contains(&format!("{quote}{name}{quote}")));
    names.extend(importers.builtins().iter().filter(is_quoted).cloned());
    names.into_iter().collect()
}

/// Our part in a build.
#[derive(Debug)]
struct Ours {
    entry: String,
    files: VirtualFiles,
    resolution: Resolution,
    importers: Mutex<Importers>,
    /// Files that are not bundled because they cannot be parsed.
    broken: BTreeMap<String, Diagnostic>,
}

impl Ours {
    fn with_importers(&self, note: impl FnOnce(&mut Importers)) {
        note(&mut self.importers.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn resolve(&self, importer: &str, specifier: &str, kind: ImportKind) -> Option<HookResolveIdOutput> {
        match self.resolution.resolve(importer, specifier, kind) {
            Resolved::File { path, package_json } => {
                self.with_importers(|importers| importers.file(importer, &path, kind));
                Some(HookResolveIdOutput { package_json_path: package_json, ..HookResolveIdOutput::from_id(path) })
            }
            Resolved::Builtin(name) => {
                self.with_importers(|importers| importers.builtin(importer, &name, kind));
                Some(HookResolveIdOutput { normalize_external_id: Some(true), ..HookResolveIdOutput::from_id(name) })
            }
            Resolved::Data => None,
            Resolved::External(name) => {
                self.with_importers(|importers| importers.external(importer, &name, kind));
                Some(HookResolveIdOutput {
                    external: Some(ResolvedExternal::Bool(true)),
                    ..HookResolveIdOutput::from_id(name)
                })
            }
            Resolved::Failed(failure) => {
                // Noted, and let through for now: so one build finds all of them.
                self.with_importers(|importers| importers.failure(importer, specifier, kind, failure));
                Some(HookResolveIdOutput {
                    external: Some(ResolvedExternal::Bool(true)),
                    ..HookResolveIdOutput::from_id(specifier)
                })
            }
        }
    }
}

impl Plugin for Ours {
    fn name(&self) -> Cow<'static, str> {
        "hoist".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Transform
    }

    async fn resolve_id(&self, _context: &PluginContext, args: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        let Some(importer) = args.importer else {
            let package_json_path = self.resolution.package_json_of(&self.entry);
            return Ok(Some(HookResolveIdOutput {
                package_json_path,
                ..HookResolveIdOutput::from_id(self.entry.as_str())
            }));
        };
        let kind = match args.kind {
            EngineImportKind::Import => ImportKind::Static,
            EngineImportKind::DynamicImport => ImportKind::Dynamic,
            EngineImportKind::Require => ImportKind::Require,
            EngineImportKind::AtImport
            | EngineImportKind::UrlImport
            | EngineImportKind::NewUrl
            | EngineImportKind::HotAccept => return Ok(None),
        };
        // The engine's own helpers.
        if importer.starts_with('\0') && args.specifier.starts_with('\0') {
            return Ok(None);
        }
        Ok(self.resolve(importer, args.specifier, kind))
    }

    async fn transform(
        &self,
        _context: SharedTransformPluginContext,
        args: &HookTransformArgs<'_>,
    ) -> HookTransformReturn {
        if args.id.starts_with('\0') {
            return Ok(None);
        }
        if language_of(args.module_type).is_none() {
            return Ok(None);
        }
        let targets = TargetsOf { ours: self, importer: args.id };
        Ok(own_paths::rewrite(args.code.as_str(), args.id, &targets).map(|rewritten| HookTransformOutput {
            code: Some(rewritten.code),
            map: HookTransformOutputMap::from(rewritten.map),
            ..HookTransformOutput::default()
        }))
    }
}

/// Where the imports of one module lead.
struct TargetsOf<'a> {
    ours: &'a Ours,
    importer: &'a str,
}

impl Targets for TargetsOf<'_> {
    fn target(&self, specifier: &str, kind: ImportKind) -> Target {
        if is_local(self.importer) {
            // A program's own mistakes are errors.
            return Target::Bundled;
        }
        match self.ours.resolution.resolve(self.importer, specifier, kind) {
            Resolved::Builtin(_) | Resolved::Data | Resolved::External(_) => Target::Bundled,
            Resolved::File { path, .. } => match self.ours.broken.get(&path) {
                None => Target::Bundled,
                Some(error) => Target::Throws { message: error.to_string(), code: "ERR_SYNTAX" },
            },
            Resolved::Failed(failure) => {
                let (message, code) = importers::thrown(self.importer, specifier, kind, &failure, &self.ours.files);
                Target::Throws { message, code }
            }
        }
    }

    fn resolved(&self, specifier: &str) -> Option<String> {
        match self.ours.resolution.resolve(self.importer, specifier, ImportKind::Require) {
            Resolved::File { path, .. } => Some(path),
            Resolved::Builtin(_) => Some(specifier.to_owned()),
            Resolved::External(_) | Resolved::Data | Resolved::Failed(_) => None,
        }
    }
}

/// The engine's diagnostic as ours, and the path of the file that it is about.
fn explain(error: &BuildDiagnostic, input: &Input, importers: &Importers) -> (Option<String>, Diagnostic) {
    // Without a working folder the engine would ask the operating system for one.
    let options = DiagnosticOptions { cwd: PathBuf::from(ROOT) };
    let mut message = error.to_message_with(&options);
    for (mount, display) in input.files.mounts() {
        if message.contains(mount) {
            message = message.replace(&format!("{mount}/"), &format!("{display}/"));
        }
    }
    let mut diagnostic = Diagnostic::new(&code_of(error.kind()), message);
    let location = error.to_diagnostic_with(&options).get_primary_location();
    let path = location.as_ref().map(|(file, ..)| file.clone()).or_else(|| error.id()).map(|file| absolute(&file));
    if let Some(path) = &path {
        let owner = input.files.package_of(path).map(|(package, _)| package.display.clone());
        let chain = importers.chain(&input.entry, path, &input.files);
        diagnostic = diagnostic.file(input.files.display(path)).package(owner).chain(chain);
        if let (Some((_, line, column, _)), Some(text)) = (location, input.files.text(path)) {
            diagnostic = diagnostic.at(&text, line, column + 1);
        }
    }
    if let EventKind::MissingExportError = error.kind() {
        diagnostic =
            diagnostic.hint("import a name that the module exports, or the version of the package that has it");
    }
    (path, diagnostic)
}

/// Warnings about packages help nobody who only uses them.
fn explain_warning(warning: &BuildDiagnostic, input: &Input, importers: &Importers) -> Option<Diagnostic> {
    if warning.severity() == Severity::Info {
        return None;
    }
    let (path, diagnostic) = explain(warning, input, importers);
    path.is_some_and(|path| is_local(&path)).then_some(diagnostic)
}

fn code_of(kind: EventKind) -> String {
    match kind {
        EventKind::MissingExportError => "missing-export".to_owned(),
        EventKind::ParseError | EventKind::TransformError => "syntax-error".to_owned(),
        EventKind::JsonParseError => "json-syntax".to_owned(),
        EventKind::UnresolvedImport | EventKind::UnresolvedEntry | EventKind::ResolveError => {
            "unresolved-import".to_owned()
        }
        EventKind::RequireTlaError => "require-of-async-module".to_owned(),
        other => other.to_string().to_ascii_lowercase().replace('_', "-"),
    }
}

/// The write side of a file system that cannot be written to.
impl rolldown_fs::FileSystem for VirtualFiles {
    fn remove_dir_all(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn create_dir_all(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn write(&self, _path: &Path, _content: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn exists(&self, path: &Path) -> bool {
        oxc_resolver::FileSystem::metadata(self, path).is_ok()
    }

    fn read_dir(&self, _path: &Path) -> io::Result<Vec<PathBuf>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove_file(&self, _path: &Path) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

#[cfg(test)]
#[path = "engine_tests.rs"]
mod tests;
