//! From V8's values and errors to the answer that goes to the service.

use deno_core::error::{CoreError, CoreErrorKind, JsError};
use deno_core::v8;

use super::failure;
use crate::outcome::{Exceeded, LimitKind};
use crate::wire::{Answer, Start};

/// How V8 reports a module whose top-level await nothing can settle.
const STALLED: &str = "Top-level await promise never resolved";

/// Reads what `call` in bootstrap.js answers with: a kind and what belongs to it.
pub(super) fn read(scope: &mut v8::PinScope, answered: v8::Local<v8::Value>) -> Option<(Answer, Vec<u8>)> {
    let parts = v8::Local::<v8::Array>::try_from(answered).ok()?;
    let kind = parts.get_index(scope, 0)?.to_rust_string_lossy(scope);
    let first = parts.get_index(scope, 1)?;
    match kind.as_str() {
        "value" => Some((Answer::Value, first.to_rust_string_lossy(scope).into_bytes())),
        "unserializable" => {
            let message = failure::message(&first.to_rust_string_lossy(scope));
            Some((Answer::Unserializable { message }, Vec::new()))
        }
        "malformed-input" => {
            let problem = failure::message(&first.to_rust_string_lossy(scope));
            Some((Answer::MalformedInput { problem }, Vec::new()))
        }
        "too-large" => {
            let (limit, measured) = (first.integer_value(scope)?, parts.get_index(scope, 2)?.integer_value(scope)?);
            let exceeded = Exceeded {
                which: LimitKind::Output,
                limit: limit.try_into().ok()?,
                measured: measured.try_into().ok()?,
            };
            Some((Answer::Limit { exceeded, stack: None }, Vec::new()))
        }
        "response" => {
            let status = u16::try_from(first.uint32_value(scope)?).ok()?;
            let headers = parts.get_index(scope, 2)?.to_rust_string_lossy(scope);
            let headers = serde_json::from_str(&headers).ok()?;
            let body = v8::Local::<v8::Uint8Array>::try_from(parts.get_index(scope, 3)?).ok()?;
            let mut bytes = vec![0; body.byte_length()];
            body.copy_contents(&mut bytes);
            Some((Answer::Response { status, headers }, bytes))
        }
        _ => None,
    }
}

/// The answer that an error of the engine's comes to. `refused` is what was wanted when a buffer was last refused.
pub(crate) fn of_error(error: &CoreError, start: &Start, refused: Option<u64>) -> Answer {
    of_kind(error.as_kind(), start, refused)
}

fn of_kind(error: &CoreErrorKind, start: &Start, refused: Option<u64>) -> Answer {
    match error {
        CoreErrorKind::PendingPromiseResolution => Answer::NeverSettled,
        CoreErrorKind::Js(error) => of_js_error(error, start, refused),
        CoreErrorKind::CouldNotExecute { error, .. } => of_kind(error, start, refused),
        _ => Answer::Threw(failure::without_stack(&error.to_string())),
    }
}

fn of_js_error(error: &JsError, start: &Start, refused: Option<u64>) -> Answer {
    let message = error.message.as_deref().unwrap_or_default();
    // V8's words for a top-level await that nothing can settle.
    if message == STALLED
        || error.exception_message.trim_start_matches("Uncaught ").trim_start_matches("Error: ") == STALLED
    {
        return Answer::NeverSettled;
    }
    if let (Some(measured), "Array buffer allocation failed") = (refused, message) {
        let exceeded = Exceeded { which: LimitKind::Buffers, limit: start.buffer_bytes as u64, measured };
        return Answer::Limit { exceeded, stack: failure::stack(error) };
    }
    // What V8 says when the kernel gives a resizable buffer or a WebAssembly memory nothing more. A program may throw the
    // same words: it names its own end with them, no more.
    let is_refusal = message == "ArrayBuffer.prototype.resize: Out of memory"
        || message.starts_with("WebAssembly.Memory") && message.ends_with("could not allocate memory");
    if is_refusal {
        let limit = start.process_bytes as u64;
        let exceeded = Exceeded { which: LimitKind::Memory, limit, measured: limit };
        return Answer::Limit { exceeded, stack: failure::stack(error) };
    }
    Answer::Threw(failure::of(error))
}
