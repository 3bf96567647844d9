//! The generators of `node:vm`'s contexts. V8 seeds that of a new context from one that all forks of a process share, so
//! each context is given a `Math.random` of its own, which nothing but the kernel seeds.

use deno_core::{op2, v8};
use deno_error::JsErrorBox;
use deno_node::ops::vm::ContextifyContext;

use super::ops::seed;

/// A function of the new context's own: no object of another leads into it.
const SOURCE: &str = include_str!("context_random.js");

/// Replaces `Math.random` in the context that has just been made for `sandbox`.
#[op2(fast)]
pub(super) fn op_hoist_vm_context<'a>(
    scope: &mut v8::PinScope<'a, '_>,
    sandbox: v8::Local<'a, v8::Object>,
) -> Result<(), JsErrorBox> {
    let made = ContextifyContext::from_sandbox_obj(scope, sandbox).ok_or_else(unexpected)?;
    let context = made.context(scope);
    let mut words = [0; 4];
    seed(&mut words).map_err(JsErrorBox::from_err)?;
    let scope = &mut v8::ContextScope::new(scope, context);
    replace(scope, context, words).ok_or_else(unexpected)
}

fn replace(scope: &mut v8::PinScope, context: v8::Local<v8::Context>, words: [u32; 4]) -> Option<()> {
    let source = v8::String::new(scope, SOURCE)?;
    let make = v8::Script::compile(scope, source, None)?.run(scope)?.try_cast::<v8::Function>().ok()?;
    // Past the sandbox, which may have a Math of another context.
    let math = v8::String::new(scope, "Math")?.into();
    let math = context.global(scope).get_real_named_property(scope, math)?.try_cast::<v8::Object>().ok()?;
    let multiply = v8::String::new(scope, "imul")?.into();
    let mut arguments: Vec<v8::Local<v8::Value>> = vec![math.get(scope, multiply)?];
    for word in words {
        arguments.push(v8::Integer::new_from_unsigned(scope, word).into());
    }
    let receiver = v8::undefined(scope).into();
    let random = make.call(scope, receiver, &arguments)?;
    let property = v8::String::new(scope, "random")?.into();
    math.define_own_property(scope, property, random, v8::PropertyAttribute::DONT_ENUM).map(|_| ())
}

fn unexpected() -> JsErrorBox {
    JsErrorBox::generic("node:vm has made a context of another kind")
}
