//! Our part in the engine's build: where each import leads, what each module's text becomes, and what was noticed on the
//! way. Names the engine, as `engine` does.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use rolldown_common::{ImportKind as EngineImportKind, ModuleType, RUNTIME_MODULE_KEY, ResolvedExternal};
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn,
    HookTransformArgs, HookTransformOutput, HookTransformOutputMap, HookTransformReturn, HookUsage, Plugin,
    PluginContext, SharedLoadPluginContext, SharedTransformPluginContext,
};

use crate::{
    diagnostics::Diagnostic,
    edits::Rewritten,
    engine_formats::{language_of, output},
    file_system::VirtualFiles,
    importers::{self, Importers},
    nesting,
    options::{BundleOptions, Purpose},
    own_paths::{self, Target, Targets, Uses},
    resolution::{Resolution, Resolved, is_local},
    runtime,
    scan::ImportKind,
    wasm::{self, Form},
    whereabouts,
};

/// Our part in a build.
#[derive(Debug)]
pub(crate) struct Ours {
    pub(crate) entry: String,
    pub(crate) files: VirtualFiles,
    pub(crate) resolution: Resolution,
    pub(crate) options: BundleOptions,
    /// Whether CommonJS modules are kept for Node's loader.
    pub(crate) keeps_modules: bool,
    /// Files that are not bundled because they cannot be parsed.
    pub(crate) broken: BTreeMap<String, Diagnostic>,
    pub(crate) importers: Mutex<Importers>,
    /// What the modules of the program may do at run time, by path.
    pub(crate) uses: Mutex<BTreeMap<String, Uses>>,
}

impl Ours {
    fn with_importers(&self, note: impl FnOnce(&mut Importers)) {
        note(&mut self.importers.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn uses(&self, id: &str, uses: Uses) {
        if uses != Uses::default() {
            self.uses.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), uses);
        }
    }

    /// The module that a `.wasm` file is.
    fn wasm(&self, id: &str) -> Option<String> {
        let (path, form) = wasm::split(id)?;
        let bytes = self.files.bytes(path)?;
        let place = match self.options.purpose {
            Purpose::Run if !is_local(path) => {
                self.uses(id, Uses { paths: true, ..Uses::default() });
                wasm::Bytes::File
            }
            Purpose::Run | Purpose::Bundle => wasm::Bytes::Text,
        };
        let is_module = |name: &str| {
            !matches!(self.resolution.resolve(path, name, ImportKind::Static), Resolved::Failed(_) | Resolved::Data)
        };
        Some(wasm::module(path, bytes, form, place, is_module))
    }

    fn resolve(&self, importer: &str, specifier: &str, kind: ImportKind) -> Option<HookResolveIdOutput> {
        let (specifier, form) = wasm::split(specifier).unwrap_or((specifier, Form::Instance));
        let importer = wasm::split(importer).map_or(importer, |(path, _)| path);
        match self.resolution.resolve(importer, specifier, kind) {
            Resolved::File { path, package_json } => {
                self.with_importers(|importers| importers.file(importer, &path, kind));
                let path = wasm::in_form(&path, form);
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
        HookUsage::ResolveId | HookUsage::Load | HookUsage::Transform
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
        if let Some(id) = runtime::id(args.specifier) {
            return Ok(Some(HookResolveIdOutput::from_id(id)));
        }
        // The engine's own helpers.
        if importer.starts_with('\0') && args.specifier.starts_with('\0') {
            return Ok(None);
        }
        Ok(self.resolve(importer, args.specifier, kind))
    }

    async fn load(&self, _context: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let text = match runtime::text(args.id, &self.options) {
            Some(text) => Some(text),
            None if args.asserted_module_type.is_none() => self.wasm(args.id),
            None => None,
        };
        Ok(text.map(|text| HookLoadOutput {
            code: text.into(),
            module_type: Some(ModuleType::Js),
            ..HookLoadOutput::default()
        }))
    }

    async fn transform(
        &self,
        _context: SharedTransformPluginContext,
        args: &HookTransformArgs<'_>,
    ) -> HookTransformReturn {
        if args.id == RUNTIME_MODULE_KEY {
            let changed = runtime::changed(args.code.as_str(), self.keeps_modules);
            return Ok(changed.map(|code| HookTransformOutput {
                code: Some(code),
                map: HookTransformOutputMap::Null,
                ..HookTransformOutput::default()
            }));
        }
        if args.id.starts_with('\0') {
            return Ok(None);
        }
        if language_of(args.module_type).is_none() {
            return Ok(None);
        }
        let _here = whereabouts::at(args.id);
        if let Some(error) = nesting::check(args.code.as_str(), args.id) {
            self.with_importers(|importers| importers.refused(args.id, error));
            // Told when all is known; until then it is a module without anything.
            return Ok(Some(HookTransformOutput { code: Some(String::new()), ..HookTransformOutput::default() }));
        }
        let targets = TargetsOf { ours: self, importer: args.id };
        let rewritten = own_paths::rewrite(args.code.as_str(), args.id, self.options.purpose, &targets);
        Ok(rewritten.map(|rewritten| {
            self.uses(args.id, rewritten.uses);
            output(Rewritten { code: rewritten.code, map: rewritten.map })
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

    fn resolved(&self, specifier: &str, kind: ImportKind) -> Option<String> {
        match self.ours.resolution.resolve(self.importer, specifier, kind) {
            Resolved::File { path, .. } => Some(path),
            Resolved::Builtin(_) if kind == ImportKind::Require => Some(specifier.to_owned()),
            Resolved::Builtin(name) => Some(name),
            Resolved::External(_) | Resolved::Data | Resolved::Failed(_) => None,
        }
    }
}
