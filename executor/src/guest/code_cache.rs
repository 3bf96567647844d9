//! V8's code cache of a layer that has to be evaluated in each run: it is compiled once all the same.
//!
//! V8 hardly checks what it is given as a cache. A cache is used only by processes of the service that had it made, which have
//! the same V8 with the same flags, and only for the text that it was made from, by its SHA-256.

use deno_core::v8;

use super::engine::Engine;
use super::loader::LAYER_URL;

/// Compiles a layer and returns what V8 would keep of it.
pub(super) fn of_layer(engine: &mut Engine, code: &str) -> Option<Vec<u8>> {
    let runtime = &mut engine.runtime;
    deno_core::scope!(scope, runtime);
    v8::tc_scope!(let scope, scope);
    let text = v8::String::new(scope, code)?;
    let name = v8::String::new(scope, LAYER_URL)?.into();
    let origin = v8::ScriptOrigin::new(scope, name, 0, 0, false, 0, None, false, false, true, None);
    let mut source = v8::script_compiler::Source::new(text, Some(&origin));
    let module = v8::script_compiler::compile_module(scope, &mut source)?;
    let cache = module.get_unbound_module_script(scope).create_code_cache()?;
    Some(cache.to_vec())
}
