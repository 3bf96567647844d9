//! From V8's values and errors to the answer that goes to the service.

use deno_core::error::{CoreError, CoreErrorKind, JsError, JsStackFrame};
use deno_core::v8;

use super::loader::Loader;
use super::watchdog::Frame;
use crate::outcome::{Exceeded, Failure, LimitKind};
use crate::wire::{Answer, Start};

/// The most text of a thrown error that is kept, for each of its parts, in bytes.
const ERROR_BYTES: usize = 12 * 1024;

/// How deep a chain of causes is told.
const CAUSES: usize = 4;

/// How V8 reports a module whose top-level await nothing can settle.
pub(super) const STALLED: &str = "Top-level await promise never resolved";

/// Reads what `call` in bootstrap.js answers with: a kind and what belongs to it.
pub(super) fn read(scope: &mut v8::PinScope, answered: v8::Local<v8::Value>) -> Option<(Answer, Vec<u8>)> {
    let parts = v8::Local::<v8::Array>::try_from(answered).ok()?;
    let kind = parts.get_index(scope, 0)?.to_rust_string_lossy(scope);
    let first = parts.get_index(scope, 1)?;
    match kind.as_str() {
        "value" => Some((Answer::Value, first.to_rust_string_lossy(scope).into_bytes())),
        "unserializable" => {
            let message = bounded(&first.to_rust_string_lossy(scope));
            Some((Answer::Unserializable { message }, Vec::new()))
        }
        "too-large" => {
            let (limit, measured) = (first.integer_value(scope)?, parts.get_index(scope, 2)?.integer_value(scope)?);
            let exceeded = Exceeded {
                which: LimitKind::Output,
                limit: limit.try_into().ok()?,
                measured: measured.try_into().ok()?,
            };
            Some((Answer::Limit(exceeded), Vec::new()))
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
        _ => Answer::Threw(Failure { name: "Error".to_string(), message: bounded(&error.to_string()), stack: None }),
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
        return Answer::Limit(Exceeded { which: LimitKind::Buffers, limit: start.buffer_bytes as u64, measured });
    }
    // What V8 says when the kernel gives a resizable buffer or a WebAssembly memory nothing more. A program may throw the
    // same words: it names its own end with them, no more.
    let is_refusal = message == "ArrayBuffer.prototype.resize: Out of memory"
        || message.starts_with("WebAssembly.Memory") && message.ends_with("could not allocate memory");
    if is_refusal {
        let limit = start.process_bytes as u64;
        return Answer::Limit(Exceeded { which: LimitKind::Memory, limit, measured: limit });
    }
    let thrown = |text: &str| text.trim_start_matches("Uncaught ").trim_start_matches("(in promise) ").to_string();
    Answer::Threw(Failure {
        name: bounded(error.name.as_deref().unwrap_or("Error")),
        message: bounded(&error.message.as_deref().map_or_else(|| thrown(&error.exception_message), without_advice)),
        stack: Some(stack(error)).filter(|text| !text.is_empty()),
    })
}

/// What a permission's error says, without the advice to start another program with a flag.
fn without_advice(message: &str) -> String {
    match message.find(", run again with the --allow-") {
        Some(end) => format!("{}, which a run does not have", &message[..end]),
        None => message.to_string(),
    }
}

/// The frames of guest code, causes below them.
fn stack(error: &JsError) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    for depth in 0..CAUSES {
        let Some(error) = next else { break };
        if depth > 0 {
            text.push_str(&format!("\ncaused by: {}", error.exception_message.trim_start_matches("Uncaught ")));
        }
        for frame in &error.frames {
            if let Some(line) = place(frame) {
                text.push_str("\n    at ");
                text.push_str(&line);
            }
        }
        next = error.cause.as_deref();
    }
    bounded(text.trim_start_matches('\n'))
}

/// A frame as `function (file:line:column)`, or `None` for one of the platform's.
fn place(frame: &JsStackFrame) -> Option<String> {
    let file = frame.file_name.as_deref().unwrap_or("<anonymous>");
    if file.starts_with("ext:") {
        return None;
    }
    let file = file.strip_prefix("file:///hoist/").unwrap_or(file);
    let position = match (frame.line_number, frame.column_number) {
        (Some(line), Some(column)) => format!("{file}:{line}:{column}"),
        (Some(line), None) => format!("{file}:{line}"),
        (None, _) => file.to_string(),
    };
    Some(match frame.function_name.as_deref().filter(|name| !name.is_empty()) {
        Some(name) => format!("{name} ({position})"),
        None => position,
    })
}

/// Where a program stood, as a stack is written.
pub(super) fn stack_of(frames: &[Frame], loader: &Loader) -> Option<String> {
    let mut text = String::new();
    for (function, file, line, column) in frames.iter().filter(|(_, file, ..)| !file.starts_with("ext:")) {
        let (file, line, column) = loader
            .original(file, *line, *column)
            .unwrap_or_else(|| (file.strip_prefix("file:///hoist/").unwrap_or(file).to_owned(), *line, *column));
        let position = format!("{file}:{line}:{column}");
        text.push_str("\n    at ");
        text.push_str(&if function.is_empty() { position } else { format!("{function} ({position})") });
    }
    Some(bounded(text.trim_start_matches('\n'))).filter(|text| !text.is_empty())
}

fn bounded(text: &str) -> String {
    text[..text.floor_char_boundary(ERROR_BYTES)].to_string()
}
