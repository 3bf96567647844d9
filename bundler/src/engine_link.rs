//! The engine's plugin that links a program's own files to its layer. The third file that names the engine.

use std::{borrow::Cow, sync::Arc};

use rolldown_common::{ModuleType, ResolvedExternal};
use rolldown_plugin::{
    HookLoadArgs, HookLoadOutput, HookLoadReturn, HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn,
    HookTransformArgs, HookTransformReturn, HookUsage, Plugin, PluginContext, SharedLoadPluginContext,
    SharedTransformPluginContext,
};

use crate::{
    engine_formats::{language_of, output},
    layer::LAYER_SPECIFIER,
    link::{self, BRIDGE, Link},
    scan::ImportKind,
};

/// Where the modules for JSX's compiler are, followed by their number in the layer.
const JSX_RUNTIME: &str = "\0hoist-jsx-";

/// Goes before the plugin that resolves imports.
#[derive(Debug)]
pub(crate) struct Linker(pub(crate) Arc<Link>);

impl Plugin for Linker {
    fn name(&self) -> Cow<'static, str> {
        "hoist-link".into()
    }

    fn register_hook_usage(&self) -> HookUsage {
        HookUsage::ResolveId | HookUsage::Load | HookUsage::Transform
    }

    async fn resolve_id(&self, _context: &PluginContext, args: &HookResolveIdArgs<'_>) -> HookResolveIdReturn {
        if args.specifier == LAYER_SPECIFIER {
            return Ok(Some(HookResolveIdOutput {
                external: Some(ResolvedExternal::Bool(true)),
                ..HookResolveIdOutput::from_id(LAYER_SPECIFIER)
            }));
        }
        if args.specifier == BRIDGE {
            return Ok(Some(HookResolveIdOutput::from_id(BRIDGE)));
        }
        // What is still an import of a package is one that nobody wrote.
        let number =
            args.specifier.ends_with("/jsx-runtime").then(|| self.0.number(args.specifier, ImportKind::Static));
        Ok(number.flatten().map(|number| HookResolveIdOutput::from_id(format!("{JSX_RUNTIME}{number}"))))
    }

    async fn load(&self, _context: SharedLoadPluginContext, args: &HookLoadArgs<'_>) -> HookLoadReturn {
        let code = if args.id == BRIDGE {
            link::bridge(&self.0)
        } else if let Some(number) = args.id.strip_prefix(JSX_RUNTIME).and_then(|number| number.parse().ok()) {
            link::jsx_runtime(number)
        } else {
            return Ok(None);
        };
        let module_type = Some(ModuleType::Js);
        Ok(Some(HookLoadOutput { code: code.into(), module_type, ..HookLoadOutput::default() }))
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
        Ok(self.0.rewrite(args.code.as_str(), args.id).map(output))
    }
}
