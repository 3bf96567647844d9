//! Bundling, by the one engine that does it. Its name appears in the files `engine*.rs`, and nowhere else.
//!
//! Every import is resolved by ours, so that nothing becomes a silent external; every file is read from the virtual
//! files. The engine's own ways to the host's disk stay shut: no tsconfig discovery, no asset modules, no resolving
//! through a plugin's context (they read the operating system's files).

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use rolldown::{BundleFactory, BundleFactoryOptions};
use rolldown_common::{BundlerOptions, Output, OutputChunk, Platform, TsConfig};
use rolldown_error::{BuildDiagnostic, DiagnosticOptions, EventKind, Severity};
use rolldown_plugin::__inner::SharedPluginable;
use rolldown_resolver::Resolver;

use crate::{
    bundle::Bundle,
    composition::{Composition, RUNTIME},
    diagnostics::Diagnostic,
    dialect::Dialect,
    engine_formats::{Attributes, Decorators},
    engine_link::Linker,
    engine_options::bundler_options,
    engine_plugin::Ours,
    file_system::{ROOT, VirtualFiles},
    importers::Importers,
    layer::{self, LAYER_SPECIFIER, Layer, LayerImport},
    link::Link,
    names::Names,
    options::{BundleOptions, Details, Purpose},
    own_paths::Uses,
    reads::Reads,
    resolution::{Resolution, is_local},
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
    /// The layer that the program is linked to; without one, the bundle has everything in it.
    pub(crate) link: Option<Arc<Link>>,
}

/// How often a build is repeated because of what was learnt in it.
const ATTEMPTS: usize = 4;

/// What the engine finds wrong, beyond which no more is explained: a broken source can have a million errors.
const MOST_ERRORS: usize = 1_000;

/// What one attempt taught about the next one.
#[derive(Debug, Clone, Default)]
struct Learnt {
    /// Files that cannot be parsed, but nobody needs them before they are called for.
    broken: BTreeMap<String, Diagnostic>,
    /// Somebody may ask Node's loader for what is in the bundle.
    keeps_modules: bool,
}

/// Bundles what a layer exports.
pub(crate) async fn layer(input: &Input, imports: &[LayerImport]) -> Result<Layer, Vec<Diagnostic>> {
    let bundle = bundle(input).await?;
    let exports = layer::exports_of(&bundle.code, imports);
    Ok(Layer { bundle, exports })
}

/// Links a program to a layer. The error is the reason why it cannot be.
pub(crate) async fn link(input: &Input, link: &Link) -> Result<Bundle, String> {
    let linked = bundle(input).await;
    if let Some(reason) = link.refusal() {
        return Err(reason);
    }
    linked.map_err(|errors| errors.first().map_or_else(String::new, |error| error.message.clone()))
}

enum Attempt {
    Done(Result<Bundle, Vec<Diagnostic>>),
    Again(Learnt),
}

/// Bundles. The error is never empty.
pub(crate) async fn bundle(input: &Input) -> Result<Bundle, Vec<Diagnostic>> {
    // A run's bundle is ready for it: nobody reads its code, and building twice takes longer than a few names.
    let mut learnt = Learnt { keeps_modules: input.options.purpose == Purpose::Run, ..Learnt::default() };
    for _ in 0..ATTEMPTS {
        match attempt(input, &learnt).await {
            Attempt::Done(result) => return result,
            Attempt::Again(more) => learnt = more,
        }
    }
    let mut errors: Vec<_> = learnt.broken.into_values().collect();
    if errors.is_empty() {
        errors.push(Diagnostic::new("bundler-error", "the engine comes to no end".to_owned()));
    }
    Err(errors)
}

async fn attempt(input: &Input, learnt: &Learnt) -> Attempt {
    let plugin = Arc::new(Ours {
        entry: input.entry.clone(),
        files: input.files.clone(),
        resolution: Resolution::new(
            input.files.clone(),
            Names::new(&input.options, &input.dialect),
            input.rewrites.clone(),
            input.modules.clone(),
        ),
        options: input.options.clone(),
        keeps_modules: learnt.keeps_modules,
        broken: learnt.broken.clone(),
        importers: Mutex::default(),
        uses: Mutex::default(),
    });
    let decorators = Decorators::new(input);
    let mut plugins: Vec<SharedPluginable> = Vec::new();
    if let Some(link) = &input.link {
        plugins.push(Arc::new(Linker(Arc::clone(link))));
    }
    plugins.push(Arc::clone(&decorators) as SharedPluginable);
    plugins.push(Attributes::new(input) as SharedPluginable);
    plugins.push(Arc::clone(&plugin) as SharedPluginable);
    let generated = generate(input, learnt, plugins).await;
    let wrong = decorators.diagnostics();
    if !wrong.is_empty() {
        return Attempt::Done(Err(wrong));
    }
    let importers = plugin.importers.lock().unwrap_or_else(PoisonError::into_inner);
    let uses = plugin.uses.lock().unwrap_or_else(PoisonError::into_inner);
    if !learnt.keeps_modules && uses.values().any(|uses| uses.modules) {
        return Attempt::Again(Learnt { keeps_modules: true, ..learnt.clone() });
    }
    let unresolved = importers.diagnostics(&input.entry, &input.files);
    match generated {
        Ok(_) if !unresolved.is_empty() => Attempt::Done(Err(unresolved)),
        Ok((outputs, warnings)) => {
            let mut warnings: Vec<_> = warnings
                .iter()
                .take(MOST_ERRORS)
                .filter_map(|warning| explain_warning(warning, input, &importers))
                .collect();
            warnings.sort_by(|left, right| left.place().cmp(&right.place()));
            warnings.dedup();
            Attempt::Done(finish(input, (&importers, &uses), &outputs, warnings))
        }
        Err(errors) => {
            let errors: Vec<_> =
                errors.iter().take(MOST_ERRORS).map(|error| explain(error, input, &importers)).collect();
            let skippable = |(path, error): &(Option<String>, Diagnostic)| {
                error.code == "syntax-error"
                    && path.as_ref().is_some_and(|path| !is_local(path) && importers.is_only_called_for(path))
            };
            if unresolved.is_empty() && !errors.is_empty() && errors.iter().all(skippable) {
                let mut learnt = learnt.clone();
                learnt.broken.extend(errors.into_iter().filter_map(|(path, error)| Some((path?, error))));
                return Attempt::Again(learnt);
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

async fn generate(input: &Input, learnt: &Learnt, plugins: Vec<SharedPluginable>) -> Generated {
    // With names, the makers of modules are told what they make.
    let options = BundlerOptions { profiler_names: Some(learnt.keeps_modules), ..bundler_options(input) };
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
    (importers, uses): (&Importers, &BTreeMap<String, Uses>),
    outputs: &[Output],
    mut warnings: Vec<Diagnostic>,
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
        let is_layer = input.link.is_some() && *name == LAYER_SPECIFIER;
        let is_wanted = name.starts_with("node:") || input.options.external.cover(name) || is_layer;
        !is_wanted && *name != chunk.filename.as_str()
    };
    if let Some(name) = chunk.imports.iter().chain(&chunk.dynamic_imports).map(|name| name.as_str()).find(foreign) {
        return Err(vec![Diagnostic::new("unresolved-import", format!("the bundle would still import {name:?}"))]);
    }
    let builtins = builtins_of(chunk, importers);
    let uses = chunk.modules.keys.iter().filter_map(|id| {
        let (path, uses) = uses.get_key_value(id.as_str())?;
        Some((path.as_str(), *uses))
    });
    let reads = Reads::of(&uses.collect(), &builtins, &input.files, &input.entry, importers);
    if input.options.purpose == Purpose::Bundle {
        warnings.extend(reads.warnings);
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
        builtins,
        needs_files: reads.needs_files,
        read_at_run_time: reads.folders,
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
