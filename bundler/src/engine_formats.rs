//! What the engine cannot read as it stands, made readable: import attributes, and decorators of the ECMAScript proposal.
//! The engine's name appears in the files `engine*.rs`, and nowhere else.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
};

use rolldown_common::ModuleType;
use rolldown_plugin::{
    HookTransformArgs, HookTransformOutput, HookTransformOutputMap, HookTransformReturn, HookUsage, Plugin,
    SharedTransformPluginContext,
};

use crate::{
    attributes,
    decorators::{self, Kind},
    diagnostics::Diagnostic,
    dialect::Dialect,
    edits::Rewritten,
    engine::Input,
    file_system::ROOT,
    loaders::Loaders,
    source::Language,
};

/// Compiles the files that have such decorators.
#[derive(Debug)]
pub(crate) struct Decorators {
    /// With the root.
    files: BTreeSet<String>,
    dialect: Dialect,
    wrong: Mutex<BTreeMap<String, Diagnostic>>,
}

impl Decorators {
    pub(crate) fn new(input: &Input) -> Arc<Self> {
        let files = input.decorated.iter().map(|path| format!("{ROOT}/{path}")).collect();
        Arc::new(Self { files, dialect: input.dialect.clone(), wrong: Mutex::default() })
    }

    /// What was wrong with the files.
    pub(crate) fn diagnostics(&self) -> Vec<Diagnostic> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }
}

impl Plugin for Decorators {
    fn name(&self) -> Cow<'static, str> {
        "hoist-decorators".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::Transform
    }

    async fn transform(
        &self,
        _context: SharedTransformPluginContext,
        args: &HookTransformArgs<'_>,
    ) -> HookTransformReturn {
        let Some(language) = language_of(args.module_type).filter(|_| self.files.contains(args.id)) else {
            return Ok(None);
        };
        match decorators::compile(args.code.as_str(), args.id, language, &self.dialect, Kind::Proposal) {
            Ok(rewritten) => Ok(Some(output(rewritten))),
            Err(problem) => {
                let file = args.id.strip_prefix(ROOT).unwrap_or(args.id).trim_start_matches('/');
                let diagnostic = Diagnostic::new("syntax-error", problem).file(file);
                self.wrong.lock().unwrap_or_else(PoisonError::into_inner).insert(args.id.to_owned(), diagnostic);
                Ok(None)
            }
        }
    }
}

/// Gives imports with attributes a module of their own.
#[derive(Debug)]
pub(crate) struct Attributes {
    loaders: Loaders,
}

impl Attributes {
    pub(crate) fn new(input: &Input) -> Arc<Self> {
        Arc::new(Self { loaders: input.options.loaders.clone() })
    }
}

impl Plugin for Attributes {
    fn name(&self) -> Cow<'static, str> {
        "hoist-attributes".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::Transform
    }

    async fn transform(
        &self,
        _context: SharedTransformPluginContext,
        args: &HookTransformArgs<'_>,
    ) -> HookTransformReturn {
        let Some(language) = language_of(args.module_type) else { return Ok(None) };
        Ok(attributes::rewrite(args.code.as_str(), args.id, language, &self.loaders).map(output))
    }
}

/// The language of the engine's module type; `None` of data.
pub(crate) fn language_of(module_type: &ModuleType) -> Option<Language> {
    match module_type {
        ModuleType::Js => Some(Language::JavaScript),
        ModuleType::Jsx => Some(Language::Jsx),
        ModuleType::Ts => Some(Language::TypeScript),
        ModuleType::Tsx => Some(Language::Tsx),
        ModuleType::Json
        | ModuleType::Text
        | ModuleType::Base64
        | ModuleType::Dataurl
        | ModuleType::Binary
        | ModuleType::Empty
        | ModuleType::Css
        | ModuleType::Asset
        | ModuleType::Copy
        | ModuleType::Custom(_) => None,
    }
}

/// A module's new text, in the engine's words.
pub(crate) fn output(rewritten: Rewritten) -> HookTransformOutput {
    HookTransformOutput {
        code: Some(rewritten.code),
        map: HookTransformOutputMap::from(rewritten.map),
        ..HookTransformOutput::default()
    }
}
