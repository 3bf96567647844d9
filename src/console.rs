//! What people and pipes see: results on the standard output, everything else on the standard error.
//!
//! Text of guests, packages and registries is hostile. On a terminal its control characters are shown instead of
//! obeyed; a pipe gets it as it is.

use std::borrow::Cow;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::PathBuf;

use bundler::Diagnostic;
use executor::{LogLine, Outcome, Report};
use registry_cache::HeldBack;
use serde::Serialize;

use crate::error::{Error, located};
use crate::pipeline::Answer;
use crate::reply::{ErrorReply, Reply};
use crate::trace::Trace;

/// Prints an answer as one JSON object.
pub(crate) fn print_json(answer: &Answer) -> Result<(), Error> {
    let mut json = Reply::new(answer).to_json();
    json.push('\n');
    print_result(escaped_json(&json).as_bytes())
}

/// Prints an answer for people: the result, or the error, after what the program said.
pub(crate) fn print_answer(answer: &Answer) -> Result<(), Error> {
    print_warnings(&answer.trace);
    match &answer.ending {
        Ok(report) => print_report(report),
        Err(error) => {
            print_error(error);
            Ok(())
        }
    }
}

fn print_report(report: &Report) -> Result<(), Error> {
    print_logs(&report.logs);
    if report.logs_truncated {
        say("note: the program said more than is kept; --logs raises that\n");
    }
    match &report.outcome {
        Outcome::Value(json) => print_result(escaped_json(&format!("{json}\n")).as_bytes()),
        Outcome::Response(response) => match io::stdout().is_terminal() {
            true => print_result(visible(&String::from_utf8_lossy(&response.body)).as_bytes()),
            false => print_result(&response.body),
        },
        Outcome::Threw(_)
        | Outcome::Exited { .. }
        | Outcome::Unserializable { .. }
        | Outcome::NeverSettled
        | Outcome::Limit { .. }
        | Outcome::Crashed { .. } => {
            if let Some(error) = ErrorReply::of_outcome(&report.outcome) {
                say(&error_text(&error));
            }
            Ok(())
        }
    }
}

/// Prints text that packages have a part in.
pub(crate) fn print_report_text(text: &str) -> Result<(), Error> {
    match io::stdout().is_terminal() {
        true => print_result(visible(text).as_bytes()),
        false => print_result(text.as_bytes()),
    }
}

/// One line of JSON.
pub(crate) fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data is JSON")
}

/// Prints why guest code was not run.
pub(crate) fn print_error(error: &Error) {
    say(&error_text(&ErrorReply::of_error(error)));
}

/// Prints what is suspicious.
pub(crate) fn print_warnings(trace: &Trace) {
    print_diagnostics(&trace.warnings);
    for warning in trace.lock.iter().flat_map(|lock| &lock.graph().warnings) {
        say(&format!("warning: {warning}\n"));
    }
    for held in trace.lock.iter().flat_map(|lock| &lock.graph().held_back) {
        let HeldBack { package, version, taken, old_enough_at } = held;
        say(&format!(
            "note: {package}@{version} is held back until {old_enough_at}; {taken} is used (--min-release-age)\n"
        ));
    }
}

/// Prints warnings about files.
pub(crate) fn print_diagnostics(warnings: &[Diagnostic]) {
    for warning in warnings {
        say(&diagnostic_text("warning", warning));
    }
}

/// Writes to the standard output. A reader that went away has had enough, which is no error.
pub(crate) fn print_result(bytes: &[u8]) -> Result<(), Error> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::Output { path: PathBuf::from("the standard output"), problem: error.to_string() })
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn print_logs(lines: &[LogLine]) {
    let mut text = String::new();
    for line in lines {
        text.push_str(&line.text);
        text.push('\n');
    }
    say(&text);
}

/// Writes to the standard error. Where that cannot be written, there is nobody to tell.
fn say(text: &str) {
    let mut stderr = io::stderr().lock();
    let text = if stderr.is_terminal() { visible(text) } else { Cow::Borrowed(text) };
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// `error[code]: message`, the guest's stack, the places with their frames and chains, the hint.
fn error_text(error: &ErrorReply) -> String {
    if !error.diagnostics.is_empty() {
        return error.diagnostics.iter().map(|diagnostic| diagnostic_text("error", diagnostic)).collect();
    }
    let headline = error.headline();
    let mut text = format!("error[{}]: ", error.code);
    match &error.stack {
        // V8's stack begins with the headline, unless the guest wrote the stack itself.
        Some(stack) if stack.starts_with(&headline) => text.push_str(stack.trim_end()),
        Some(stack) => text.push_str(&format!("{headline}\n{}", stack.trim_end())),
        None => text.push_str(&headline),
    }
    text.push('\n');
    if let Some(hint) = &error.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

fn diagnostic_text(kind: &str, diagnostic: &Diagnostic) -> String {
    let mut text = format!("{kind}[{}]: {}\n", diagnostic.code, located(diagnostic));
    if let Some(frame) = &diagnostic.frame {
        text.push_str(frame);
        if !frame.ends_with('\n') {
            text.push('\n');
        }
    }
    if !diagnostic.chain.is_empty() {
        text.push_str(&format!("imported by {}\n", diagnostic.chain.join(" > ")));
    }
    if let Some(hint) = &diagnostic.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}

/// Whether a terminal might do something else with a character than show it: control characters, and those that turn
/// the direction of writing around.
fn acts(character: char) -> bool {
    let turns = matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || (character.is_control() && character != '\n' && character != '\t')
}

/// Text with such characters spelled out.
fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let spelled = text.chars().map(|character| match acts(character) {
        true => character.escape_unicode().to_string(),
        false => character.to_string(),
    });
    Cow::Owned(spelled.collect())
}

/// JSON text for the standard output: on a terminal, with such characters as JSON spells them. They stand in strings
/// only, so the value stays the same.
fn escaped_json(json: &str) -> Cow<'_, str> {
    if !io::stdout().is_terminal() || !json.contains(acts) {
        return Cow::Borrowed(json);
    }
    let spelled = json.chars().map(|character| match acts(character) {
        true => format!("\\u{:04x}", u32::from(character)),
        false => character.to_string(),
    });
    Cow::Owned(spelled.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelled_out() {
        assert_eq!(visible("a\x1b[31m\tb\r\nc\u{202e}\u{9b}"), "a\\u{1b}[31m\tb\nc\\u{202e}\\u{9b}");
        assert!(matches!(visible("plain\ntext"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_error_reads_from_top_to_bottom() {
        let text = error_text(&ErrorReply::of_error(&Error::NoCacheFolder));
        assert!(text.starts_with("error[no-cache-folder]: there is no folder"), "{text}");
        assert!(text.ends_with("hint: say where with --cache\n"), "{text}");
    }

    #[test]
    fn a_stack_is_not_said_twice() {
        let failure = |stack: &str| executor::Failure {
            name: "E".to_owned(),
            message: "m".to_owned(),
            stack: Some(stack.to_owned()),
            causes: Vec::new(),
            errors: Vec::new(),
        };
        let text = |stack: &str| error_text(&ErrorReply::of_outcome(&Outcome::Threw(failure(stack))).unwrap());
        assert_eq!(text("E: m\n    at a.ts:1:2"), "error[threw]: E: m\n    at a.ts:1:2\n");
        assert_eq!(text("    at a.ts:1:2"), "error[threw]: E: m\n    at a.ts:1:2\n");
    }
}
