//! Loads modules for V8: the program, which is given, Node's own, and what is found in the program's files at run time.
//!
//! CommonJS becomes a module as Node makes it one: `module.exports` is the default export, and its own names are exports too.
//! They are known once the file has run, so it runs when it is loaded. What is imported is a facade without names of its own,
//! which passes on all that a second module of the same URL exports; that one is made when the file has run.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use deno_core::error::ModuleLoaderError;
use deno_core::sourcemap::SourceMap;
use deno_core::url::Url;
use deno_core::{
    CustomModuleEvaluationCb, CustomModuleEvaluationKind, FastString, JsRuntime, ModuleLoadOptions, ModuleLoadReferrer,
    ModuleLoadResponse, ModuleLoader, ModuleSource, ModuleSourceCode, ModuleSpecifier, ModuleType, RequestedModuleType,
    ResolutionKind, SourceCodeCacheInfo, v8,
};
use deno_error::JsErrorBox;

use super::notices::{EachRun, Notices};
use super::parts::Text;
use crate::platform::{self, Format, Loaded, RunTimeModules};

/// The type of a module whose text is CommonJS, before it has run.
const COMMONJS: &str = "commonjs";
/// The type of the module beside it that holds its `module.exports`.
const EXPORTS: &str = "commonjs-exports";

/// What the program imports its layer as, and where that stands.
const LAYER: &str = "hoist:layer";
pub(super) const LAYER_URL: &str = "file:///hoist/layer.js";

/// The module that a program is linked to.
struct LayerModule {
    specifier: ModuleSpecifier,
    /// Until it is loaded, once.
    code: Cell<Option<String>>,
    /// What V8 has kept of compiling it.
    code_cache: Cell<Option<Vec<u8>>>,
    source_map: Option<Rc<[u8]>>,
}

/// The program's own module.
struct ProgramModule {
    specifier: ModuleSpecifier,
    source_map: Option<Rc<[u8]>>,
}

/// The loader of a process: it is told of the layer and of the program once, before each is loaded.
pub(super) struct Loader {
    program: OnceCell<ProgramModule>,
    layer: OnceCell<LayerModule>,
    modules: RunTimeModules,
    notices: Rc<Notices>,
    engine: Rc<OnceCell<Engine>>,
}

/// What it takes to look into a source, and to run one.
struct Engine {
    isolate: v8::UnsafeRawIsolatePtr,
    context: v8::Global<v8::Context>,
    /// Loads a file as CommonJS, by its path.
    require: v8::Global<v8::Function>,
}

impl Loader {
    /// A loader that finds modules in the program's files.
    pub(super) fn new(modules: RunTimeModules, notices: Rc<Notices>) -> Self {
        Self { program: OnceCell::new(), layer: OnceCell::new(), modules, notices, engine: Rc::default() }
    }

    /// Gives what the program is linked to, to be loaded when the program is. Once only.
    pub(super) fn give_layer(&self, layer: Text, code_cache: Option<Vec<u8>>) {
        let Ok(specifier) = ModuleSpecifier::parse(LAYER_URL) else { return };
        let Text { code, source_map } = layer;
        let code = Cell::new(Some(code));
        let _ = self.layer.set(LayerModule { specifier, code, code_cache: Cell::new(code_cache), source_map });
    }

    /// Says that the layer is going to be evaluated before there is a program. Returns where it stands.
    pub(super) fn announce_layer(
        &self,
        source_map: Option<Rc<[u8]>>,
    ) -> Result<ModuleSpecifier, deno_core::url::ParseError> {
        let specifier = ModuleSpecifier::parse(LAYER_URL)?;
        let layer = LayerModule {
            specifier: specifier.clone(),
            code: Cell::default(),
            code_cache: Cell::default(),
            source_map,
        };
        let _ = self.layer.set(layer);
        Ok(specifier)
    }

    /// Sets where the program's module stands, and its map. Once only.
    pub(super) fn set_program(&self, specifier: ModuleSpecifier, source_map: Option<Rc<[u8]>>) {
        let _ = self.program.set(ProgramModule { specifier, source_map });
    }

    /// Where a place of the program's or the layer's was before it was bundled: the source's name, line and column, counted
    /// from 1.
    pub(super) fn original(&self, file: &str, line: u32, column: u32) -> Option<(String, u32, u32)> {
        let map = self.get_source_map(file)?;
        let map = SourceMap::from_slice(&map).ok()?;
        let token = map.lookup_token(line.checked_sub(1)?, column.checked_sub(1)?)?;
        Some((token.get_source()?.to_owned(), token.get_src_line() + 1, token.get_src_col() + 1))
    }

    /// What loads a file as CommonJS, or one of Node's own modules, by its name.
    pub(super) fn require(&self) -> Option<v8::Global<v8::Function>> {
        self.engine.get().map(|engine| engine.require.clone())
    }

    /// What loads a file as CommonJS, by its path, in this runtime. Before that no file can be imported.
    pub(super) fn set_require(&self, runtime: &mut JsRuntime, require: v8::Global<v8::Function>) {
        let context = runtime.main_context();
        // SAFETY: the pointer is used by this loader only, which the runtime owns and calls on its thread.
        let isolate = unsafe { runtime.v8_isolate().as_raw_isolate_ptr() };
        let _ = self.engine.set(Engine { isolate, context, require });
    }

    /// What V8 is given for a module of the type [`COMMONJS`].
    pub(super) fn evaluate_commonjs(&self) -> CustomModuleEvaluationCb {
        let engine = self.engine.clone();
        Box::new(move |scope, kind, specifier, _code| match engine.get() {
            Some(engine) if kind == COMMONJS => evaluate(scope, &engine.require, specifier.as_str()),
            _ => Err(not_importable(specifier.as_str())),
        })
    }

    fn source(&self, specifier: &ModuleSpecifier, requested: &RequestedModuleType) -> Result<ModuleSource, JsErrorBox> {
        let Loaded { format, bytes } = self.modules.load(specifier)?;
        let text = || String::from_utf8_lossy(&bytes);
        let (kind, code) = match format {
            Format::Either if self.engine.get().is_some_and(|engine| engine.is_module(&text())) => {
                (ModuleType::JavaScript, text().into_owned())
            }
            Format::Module => (ModuleType::JavaScript, text().into_owned()),
            Format::CommonJs | Format::Either if *requested == RequestedModuleType::Other(COMMONJS.into()) => {
                (ModuleType::Other(COMMONJS.into()), String::new())
            }
            Format::CommonJs | Format::Either => (ModuleType::JavaScript, facade(specifier)),
            Format::Json if *requested == RequestedModuleType::None => return Err(lacks_attribute(specifier)),
            Format::Json => (ModuleType::Json, text().into_owned()),
            Format::Wasm => {
                let code = ModuleSourceCode::Bytes(bytes.into_owned().into_boxed_slice().into());
                return Ok(ModuleSource::new(ModuleType::Wasm, code, specifier, None));
            }
        };
        Ok(ModuleSource::new(kind, ModuleSourceCode::String(code.into()), specifier, None))
    }
}

impl ModuleLoader for Loader {
    fn resolve(
        &self,
        specifier: &str,
        referrer: &str,
        kind: ResolutionKind,
    ) -> Result<ModuleSpecifier, ModuleLoaderError> {
        let program = self.program.get();
        if let Some(program) = program.filter(|program| specifier == program.specifier.as_str()) {
            return Ok(program.specifier.clone());
        }
        let is_program = program.is_some_and(|program| referrer == program.specifier.as_str());
        if let Some(layer) = self.layer.get() {
            // The engine itself, which loads the layer first, has no referrer but this.
            if specifier == LAYER_URL && referrer == "." || specifier == LAYER && is_program {
                return Ok(layer.specifier.clone());
            }
        }
        if kind == ResolutionKind::DynamicImport && referrer.starts_with("file:") {
            self.notices.note(EachRun::DynamicImport);
        }
        if specifier.strip_prefix("node:").unwrap_or(specifier) == "sqlite" {
            return Err(JsErrorBox::type_error("node:sqlite is not available in a run: it has no database engine"));
        }
        let is_platform = referrer.starts_with("ext:") || referrer.starts_with("node:");
        if platform::is_builtin(specifier) {
            let name = specifier.strip_prefix("node:").unwrap_or(specifier);
            return ModuleSpecifier::parse(&format!("node:{name}")).map_err(JsErrorBox::from_err);
        }
        if is_platform && specifier.starts_with("ext:") {
            return ModuleSpecifier::parse(specifier).map_err(JsErrorBox::from_err);
        }
        let referrer = ModuleSpecifier::parse(referrer).ok().filter(|url| url.scheme() == "file");
        let referrer = referrer.as_ref().or(program.map(|program| &program.specifier));
        self.modules.resolve(specifier, referrer.ok_or_else(|| not_importable(specifier))?)
    }

    fn import_meta_resolve(&self, specifier: &str, referrer: &str) -> Result<ModuleSpecifier, ModuleLoaderError> {
        // A path leads somewhere whether something is there or not.
        let is_path = ["./", "../", "/"].iter().any(|start| specifier.starts_with(start));
        match (Url::parse(specifier), Url::parse(referrer)) {
            (Ok(url), _) if url.scheme() == "file" => Ok(url),
            (Err(_), Ok(referrer)) if is_path => referrer.join(specifier).map_err(JsErrorBox::from_err),
            _ => self.resolve(specifier, referrer, ResolutionKind::DynamicImport),
        }
    }

    fn load(
        &self,
        specifier: &ModuleSpecifier,
        _referrer: Option<&ModuleLoadReferrer>,
        options: ModuleLoadOptions,
    ) -> ModuleLoadResponse {
        let layer = self.layer.get().filter(|layer| layer.specifier == *specifier);
        if let Some((layer, code)) = layer.and_then(|layer| Some((layer, layer.code.take()?))) {
            let code = ModuleSourceCode::String(code.into());
            // The hash is for whoever keeps caches by it, which is nobody here.
            let cache = layer.code_cache.take().map(|data| SourceCodeCacheInfo { hash: 0, data: Some(data.into()) });
            return ModuleLoadResponse::Sync(Ok(ModuleSource::new(ModuleType::JavaScript, code, specifier, cache)));
        }
        ModuleLoadResponse::Sync(self.source(specifier, &options.requested_module_type))
    }

    fn source_map_source_exists(&self, _source_url: &str) -> Option<bool> {
        // The map is the bundler's: the names in it are the ones to show.
        Some(true)
    }

    fn get_source_map(&self, file_name: &str) -> Option<Cow<'_, [u8]>> {
        let layer = self.layer.get().filter(|layer| file_name == layer.specifier.as_str());
        let program = self.program.get().filter(|program| file_name == program.specifier.as_str());
        let map = match layer {
            Some(layer) => layer.source_map.as_ref(),
            None => program.and_then(|program| program.source_map.as_ref()),
        };
        map.map(|map| Cow::Borrowed(&**map))
    }
}

fn not_importable(specifier: &str) -> JsErrorBox {
    JsErrorBox::type_error(format!("cannot import \"{specifier}\""))
}

fn lacks_attribute(specifier: &ModuleSpecifier) -> JsErrorBox {
    JsErrorBox::type_error(format!("module \"{specifier}\" needs an import attribute of \"type: json\""))
}

/// What is imported for a file of CommonJS.
fn facade(specifier: &ModuleSpecifier) -> String {
    let from = format!("from {} with {{ type: {COMMONJS:?} }};\n", json(specifier.as_str()));
    format!("export * {from}export {{ default }} {from}")
}

/// Runs a file of CommonJS and makes the text of the module behind its facade.
fn evaluate(
    scope: &mut v8::PinScope,
    require: &v8::Global<v8::Function>,
    specifier: &str,
) -> Result<CustomModuleEvaluationKind, JsErrorBox> {
    let url = Url::parse(specifier).map_err(JsErrorBox::from_err)?;
    let path = url.to_file_path().map_err(|()| not_importable(specifier))?;
    let path = v8::String::new(scope, &path.to_string_lossy()).ok_or_else(|| not_importable(specifier))?;
    let (text, value) = run(scope, require, path.into(), specifier);
    Ok(CustomModuleEvaluationKind::ComputedAndSynthetic(text, value, ModuleType::Other(EXPORTS.into())))
}

/// Calls `require` and tells what it returned, or threw, as a module beside which the value stands.
fn run(
    scope: &mut v8::PinScope,
    require: &v8::Global<v8::Function>,
    path: v8::Local<v8::Value>,
    specifier: &str,
) -> (FastString, v8::Global<v8::Value>) {
    v8::tc_scope!(let scope, scope);
    let import = |name: &str| format!("import {name} from {} with {{ type: {EXPORTS:?} }};\n", json(specifier));
    let receiver = v8::undefined(scope).into();
    let require = v8::Local::new(scope, require);
    let Some(exports) = require.call(scope, receiver, &[path]) else {
        let thrown = scope.exception().unwrap_or_else(|| v8::undefined(scope).into());
        let text = format!("{}throw thrown;\nexport default undefined;\n", import("thrown"));
        return (text.into(), v8::Global::new(scope, thrown));
    };
    let mut text = import("exports");
    text.push_str("export default exports;\nexport { exports as \"module.exports\" };\n");
    text.push_str("const read = (name) => { try { return exports[name]; } catch { return undefined; } };\n");
    let names = own_names(scope, exports);
    for (index, name) in names.iter().enumerate() {
        let name = json(name);
        text.push_str(
            &format!("const $ {index} = read({name});\nexport {{ ${index} as {name} }};\n").replace("$ ", "$"),
        );
    }
    (text.into(), v8::Global::new(scope, exports))
}

/// The names of what CommonJS exports, but for those that the module has anyway.
fn own_names(scope: &mut v8::PinScope, exports: v8::Local<v8::Value>) -> Vec<String> {
    let Ok(exports) = v8::Local::<v8::Object>::try_from(exports) else { return Vec::new() };
    let only = v8::GetPropertyNamesArgsBuilder::new()
        .mode(v8::KeyCollectionMode::OwnOnly)
        .property_filter(v8::PropertyFilter::SKIP_SYMBOLS)
        .key_conversion(v8::KeyConversionMode::ConvertToString)
        .build();
    let Some(keys) = exports.get_own_property_names(scope, only) else { return Vec::new() };
    let is_function = exports.is_function();
    let names = (0..keys.length()).filter_map(|index| {
        let key = keys.get_index(scope, index)?;
        Some(key.to_rust_string_lossy(scope))
    });
    let of_functions = ["length", "name", "prototype", "arguments", "caller"];
    names
        .filter(|name| name != "default" && name != "module.exports" && !name.contains('\u{fffd}'))
        .filter(|name| !(is_function && of_functions.contains(&name.as_str())))
        .collect()
}

/// A string as JavaScript writes it.
fn json(text: &str) -> String {
    serde_json::to_string(text).expect("a string has a JSON form")
}

impl Engine {
    /// Whether a text is an ES module and not CommonJS (Node's documentation, "Syntax detection").
    fn is_module(&self, text: &str) -> bool {
        // SAFETY: the loader is called on the isolate's own thread while the isolate lives.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(self.isolate) };
        v8::scope!(let scope, &mut isolate);
        let context = v8::Local::new(scope, &self.context);
        let scope = &mut v8::ContextScope::new(scope, context);
        v8::tc_scope!(let scope, scope);
        let Some(text) = v8::String::new(scope, text) else { return false };
        let names = ["exports", "require", "module", "__filename", "__dirname"];
        let names: Vec<_> = names.iter().filter_map(|name| v8::String::new(scope, name)).collect();
        let mut source = v8::script_compiler::Source::new(text, None);
        let options = v8::script_compiler::CompileOptions::NoCompileOptions;
        let reason = v8::script_compiler::NoCacheReason::NoReason;
        if v8::script_compiler::compile_function(scope, &mut source, &names, &[], options, reason).is_some() {
            return false;
        }
        let name = v8::undefined(scope).into();
        let origin = v8::ScriptOrigin::new(scope, name, 0, 0, false, 0, None, false, false, true, None);
        let mut source = v8::script_compiler::Source::new(text, Some(&origin));
        v8::script_compiler::compile_module(scope, &mut source).is_some()
    }
}
