//! What is told of an error that guest code threw: its words, its mapped stack, its causes. Everything is bounded by what
//! it takes as JSON, so that the whole fits into one message ([`crate::wire::PAYLOAD_BYTES`]).

use deno_core::error::{JsError, JsStackFrame};

use super::loader::Loader;
use super::watchdog::Frame;
use crate::outcome::{Cause, Failure};

/// The most of a name, as JSON, in bytes. No class is called by a kilobyte.
const NAME_BYTES: usize = 1024;

/// The most of the error's message and of its stack, each, as JSON, in bytes.
const TEXT_BYTES: usize = 12 * 1024;

/// The most of a message or a stack of an error that belongs to another one, as JSON, in bytes.
const CAUSE_TEXT_BYTES: usize = 2 * 1024;

/// The most of all these errors together, as JSON, in bytes. With the error itself that is a message's size, and some to
/// spare.
const CAUSES_BYTES: usize = 32 * 1024;

/// How many causes, and how many errors of an `AggregateError`, are told.
const CAUSES: usize = 16;

/// How many causes stand in the text of the stack.
const CAUSES_IN_TEXT: usize = 3;

/// All that is told of an error.
pub(crate) fn of(error: &JsError) -> Failure {
    let mut room = CAUSES_BYTES;
    let chain = std::iter::successors(error.cause.as_deref(), |error| error.cause.as_deref());
    let causes = told(chain, &mut room);
    let errors = told(error.aggregated.iter().flatten(), &mut room);
    Failure { name: name(error), message: bounded(&words(error), TEXT_BYTES), stack: stack(error), causes, errors }
}

/// An error that has nothing but words.
pub(crate) fn without_stack(text: &str) -> Failure {
    let (name, message) = ("Error".to_string(), message(text));
    Failure { name, message, stack: None, causes: Vec::new(), errors: Vec::new() }
}

/// Where a program stood when it was stopped, as a stack is written.
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
    Some(bounded(text.trim_start_matches('\n'), TEXT_BYTES)).filter(|text| !text.is_empty())
}

/// As much of a message as is told.
pub(crate) fn message(text: &str) -> String {
    bounded(text, TEXT_BYTES)
}

/// The frames of guest code, causes below them.
pub(crate) fn stack(error: &JsError) -> Option<String> {
    let mut text = frames(error);
    let chain = std::iter::successors(error.cause.as_deref(), |error| error.cause.as_deref());
    for cause in chain.take(CAUSES_IN_TEXT) {
        text.push_str(&format!("\ncaused by: {}{}", without_uncaught(&cause.exception_message), frames(cause)));
    }
    Some(bounded(text.trim_start_matches('\n'), TEXT_BYTES)).filter(|text| !text.is_empty())
}

/// As many errors as are told and have room.
fn told<'a>(errors: impl Iterator<Item = &'a JsError>, room: &mut usize) -> Vec<Cause> {
    let mut told = Vec::new();
    for error in errors.take(CAUSES) {
        let frames = bounded(frames(error).trim_start_matches('\n'), CAUSE_TEXT_BYTES);
        let cause = Cause {
            name: name(error),
            message: bounded(&words(error), CAUSE_TEXT_BYTES),
            stack: Some(frames).filter(|text| !text.is_empty()),
        };
        // What stands around the texts in JSON.
        const AROUND: usize = 40;
        let texts = [Some(&cause.name), Some(&cause.message), cause.stack.as_ref()];
        let bytes = AROUND + texts.into_iter().flatten().map(|text| json_bytes(text)).sum::<usize>();
        let Some(left) = room.checked_sub(bytes) else { break };
        *room = left;
        told.push(cause);
    }
    told
}

fn name(error: &JsError) -> String {
    bounded(error.name.as_deref().unwrap_or("Error"), NAME_BYTES)
}

/// The error's message, or what was thrown in words.
fn words(error: &JsError) -> String {
    match &error.message {
        Some(message) => without_advice(message),
        None => without_uncaught(&error.exception_message).to_string(),
    }
}

fn without_uncaught(text: &str) -> &str {
    text.trim_start_matches("Uncaught ").trim_start_matches("(in promise) ")
}

/// What a permission's error says, without the advice to start another program with a flag.
fn without_advice(message: &str) -> String {
    match message.find(", run again with the --allow-") {
        Some(end) => format!("{}, which a run does not have", &message[..end]),
        None => message.to_string(),
    }
}

/// The frames of guest code, each on a line of its own.
fn frames(error: &JsError) -> String {
    error.frames.iter().filter_map(place).map(|place| format!("\n    at {place}")).collect()
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

/// The beginning of a text that has at most so many bytes as JSON.
fn bounded(text: &str, bytes: usize) -> String {
    let mut left = bytes;
    let fits = |character: &char| {
        let less = left.checked_sub(json_bytes_of(*character));
        left = less.unwrap_or(0);
        less.is_some()
    };
    text.chars().take_while(fits).collect()
}

/// What a text takes within quotes.
fn json_bytes(text: &str) -> usize {
    text.chars().map(json_bytes_of).sum()
}

fn json_bytes_of(character: char) -> usize {
    match character {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        other => other.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str, cause: Option<JsError>) -> JsError {
        JsError {
            name: Some("E".to_string()),
            message: Some(message.to_string()),
            stack: None,
            cause: cause.map(Box::new),
            exception_message: format!("Uncaught E: {message}"),
            frames: vec![JsStackFrame::from_location(Some("file:///hoist/a.ts".to_string()), Some(1), Some(2))],
            source_line: None,
            source_line_frame_index: None,
            aggregated: None,
            additional_properties: Vec::new(),
            stack_is_custom: false,
        }
    }

    #[test]
    fn causes_are_told_in_text_and_one_by_one() {
        let failure = of(&error("outer", Some(error("inner", None))));
        assert_eq!(failure.stack.as_deref(), Some("    at a.ts:1:2\ncaused by: E: inner\n    at a.ts:1:2"));
        let [cause] = failure.causes.as_slice() else { panic!("{failure:?}") };
        assert_eq!((cause.message.as_str(), cause.stack.as_deref()), ("inner", Some("    at a.ts:1:2")));
    }

    #[test]
    fn the_largest_error_fits_into_a_message() {
        let nasty = "\u{1}\"é".repeat(1 << 14);
        let mut outermost = error(&nasty, None);
        for _ in 0..100 {
            outermost = error(&nasty, Some(outermost));
        }
        outermost.name = Some(nasty);
        outermost.aggregated = Some(vec![error("small", None); 1000]);
        let failure = of(&outermost);
        let bytes = serde_json::to_vec(&crate::wire::Answer::Threw(failure.clone())).unwrap().len();
        assert!(bytes <= crate::wire::PAYLOAD_BYTES, "{bytes}");
        assert!(failure.causes.len() > 3 && failure.errors.len() <= CAUSES, "{failure:?}");
    }
}
