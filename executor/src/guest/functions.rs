//! The platform's functions around guest code, which `bootstrap.js` keeps from it: the entry call, what is renewed in each
//! run, and what is looked at when something has been evaluated once for many.

use deno_core::error::CoreError;
use deno_core::{JsRuntime, v8};
use deno_error::JsErrorBox;

use super::answer;
use super::engine::Engine;
use crate::platform;
use crate::program::Codec;
use crate::wire::{Answer, Start};

/// The functions, in the order in which `internals.start` gives them.
pub(crate) struct Functions {
    /// Calls a program's entry.
    call: v8::Global<v8::Function>,
    /// Runs the ticks and microtasks that it queued, before timers that are due: the event loop's first turn would begin
    /// with these.
    drain: v8::Global<v8::Function>,
    renew: v8::Global<v8::Function>,
    watch_random: v8::Global<v8::Function>,
    immediates: v8::Global<v8::Function>,
    warm: v8::Global<v8::Function>,
    settle: v8::Global<v8::Function>,
}

impl Functions {
    /// Takes from the global object what guest code must not find there, and keeps the functions. With them comes the one
    /// that loads a file as CommonJS.
    pub(crate) fn take(runtime: &mut JsRuntime) -> Result<(Self, v8::Global<v8::Function>), CoreError> {
        let value = runtime.execute_script("ext:runtime/start", "__bootstrap.internals.start()")?;
        deno_core::scope!(scope, runtime);
        let functions = v8::Local::new(scope, value).try_cast::<v8::Array>().ok();
        let function = |index| {
            let value = functions.and_then(|functions| functions.get_index(scope, index));
            let function = value.and_then(|value| value.try_cast::<v8::Function>().ok());
            function
                .map(|function| v8::Global::new(scope, function))
                .ok_or_else(|| unexpected("start gave no function"))
        };
        let functions = Self {
            call: function(0)?,
            drain: function(1)?,
            renew: function(3)?,
            watch_random: function(4)?,
            immediates: function(5)?,
            warm: function(6)?,
            settle: function(7)?,
        };
        Ok((functions, function(2)?))
    }
}

impl Engine {
    /// Calls the default export of the module `namespace` and waits until what it returned is settled.
    pub(crate) async fn call(
        &mut self,
        namespace: v8::Global<v8::Object>,
        input: Option<String>,
        start: &Start,
    ) -> Result<(Answer, Vec<u8>), CoreError> {
        let arguments = {
            let runtime = &mut self.runtime;
            deno_core::scope!(scope, runtime);
            let namespace: v8::Local<v8::Value> = v8::Local::new(scope, namespace).into();
            let input: v8::Local<v8::Value> = match input {
                Some(text) => v8::String::new(scope, &text).ok_or_else(|| unexpected("the input is too long"))?.into(),
                None => v8::undefined(scope).into(),
            };
            let output: v8::Local<v8::Value> = v8::Number::new(scope, start.output_bytes as f64).into();
            let tagged: v8::Local<v8::Value> = v8::Boolean::new(scope, start.parcel.codec == Codec::Tagged).into();
            [namespace, input, output, tagged].map(|argument| v8::Global::new(scope, argument))
        };
        let answered = self.runtime.call_with_args(&self.functions.call, &arguments);
        self.runtime.v8_isolate().perform_microtask_checkpoint();
        self.runtime.call(&self.functions.drain).await?;
        let answered = self.settle(Box::pin(answered)).await?;
        let runtime = &mut self.runtime;
        deno_core::scope!(scope, runtime);
        let answered = v8::Local::new(scope, answered);
        answer::read(scope, answered).ok_or_else(|| unexpected("the entry's answer has another form"))
    }

    /// Renews what the platform keeps in JavaScript, and lets the time of `performance.now()` begin.
    pub(crate) fn renew_functions(&mut self) -> Result<(), CoreError> {
        platform::restart(&mut self.runtime, self.elapsed);
        self.call_now(|functions| &functions.renew, None).map(|_| ())
    }

    /// Turns the watch over `Math.random` on, or off.
    pub(crate) fn watch_random(&mut self, watched: Watched) -> Result<(), CoreError> {
        self.call_now(|functions| &functions.watch_random, Some(watched == Watched::Yes)).map(|_| ())
    }

    /// How many immediates are left.
    pub(crate) fn immediates(&mut self) -> Result<u32, CoreError> {
        let count = self.call_now(|functions| &functions.immediates, None)?;
        let runtime = &mut self.runtime;
        deno_core::scope!(scope, runtime);
        Ok(v8::Local::new(scope, count).uint32_value(scope).unwrap_or(0))
    }

    /// Loads what most programs touch.
    pub(crate) fn settle_globals(&mut self) -> Result<(), CoreError> {
        self.call_now(|functions| &functions.settle, None).map(|_| ())
    }

    /// Uses the platform as a handler does.
    pub(crate) async fn warm(&mut self) -> Result<(), CoreError> {
        let warmed = self.runtime.call(&self.functions.warm);
        self.runtime.v8_isolate().perform_microtask_checkpoint();
        self.runtime.call(&self.functions.drain).await?;
        self.settle(Box::pin(warmed)).await?;
        Ok(())
    }

    fn call_now(
        &mut self,
        which: impl FnOnce(&Functions) -> &v8::Global<v8::Function>,
        argument: Option<bool>,
    ) -> Result<v8::Global<v8::Value>, CoreError> {
        let runtime = &mut self.runtime;
        deno_core::scope!(scope, runtime);
        let function = v8::Local::new(scope, which(&self.functions));
        let receiver = v8::undefined(scope).into();
        let arguments: Vec<v8::Local<v8::Value>> =
            argument.map(|flag| v8::Boolean::new(scope, flag).into()).into_iter().collect();
        let value = function.call(scope, receiver, &arguments);
        value.map(|value| v8::Global::new(scope, value)).ok_or_else(|| unexpected("the platform threw"))
    }
}

/// Whether draws of `Math.random` are looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Watched {
    /// They are.
    Yes,
    /// They are not.
    No,
}

fn unexpected(what: &'static str) -> CoreError {
    JsErrorBox::generic(what).into()
}
