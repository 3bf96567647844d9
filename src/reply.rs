//! The one object that `--json` prints and the service answers with.
//!
//! A guest's value is embedded as the text that it is: no number of a guest's passes through a type of ours. Nothing here
//! is untagged, flattened or internally tagged (see the rule on numbers in the root package's tests).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bundler::Diagnostic;
use executor::{Cause, Evaluation, Exceeded, LogLine, Outcome, Report, Response};
use registry_cache::{CacheUse, Lock};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Error;
use crate::pipeline::Answer;
use crate::trace::{Path, Timing, Trace};
use crate::units::show_bytes;

/// How a request ended and what happened on the way.
#[derive(Debug, Serialize)]
pub(crate) struct Reply<'a> {
    /// The outcome's stable name; `error` when guest code was not run.
    pub(crate) outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<ResponseReply<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<ErrorReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<LimitReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<i32>,
    logs: &'a [LogLine],
    logs_truncated: bool,
    /// A lock that a later request can bring back.
    graph: Option<&'a Lock>,
    /// `layer` or `bundle`: whether the program was linked to a kept layer of its packages.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'static str>,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_reason: Option<&'a str>,
    /// What had been evaluated before the run began.
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluated: Option<EvaluatedReply>,
    bundle: Option<BundleReply<'a>>,
    timings: Vec<TimingReply>,
    usage: Option<UsageReply>,
    warnings: &'a [Diagnostic],
}

#[derive(Debug, Serialize)]
struct ResponseReply<'a> {
    status: u16,
    headers: &'a [(String, String)],
    body: String,
    /// `utf-8` or `base64`.
    body_encoding: &'static str,
}

/// What went wrong, on whoever's side.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ErrorReply {
    /// The stable identifier.
    pub(crate) code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
    /// The guest's stack, with source positions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stack: Option<String>,
    /// The guest's error's causes, the nearest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
    /// What a guest's `AggregateError` holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Cause>,
    /// The packages that led here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) chain: Vec<String>,
    /// What is wrong, place by place.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) diagnostics: Vec<Diagnostic>,
}

#[derive(Debug, Serialize)]
struct LimitReply {
    which: &'static str,
    limit: u64,
    measured: u64,
    unit: &'static str,
    knob: String,
}

/// What had been evaluated before a run, for all runs that share it.
#[derive(Debug, Serialize)]
struct EvaluatedReply {
    /// `program`, `layer`, or `nothing`.
    once: &'static str,
    /// Why the rest has to be evaluated in each run, once that has been tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl EvaluatedReply {
    fn new(evaluation: &Evaluation) -> Self {
        let (once, reason) = match evaluation {
            Evaluation::Program => ("program", None),
            Evaluation::Layer { reason } => ("layer", reason.as_ref()),
            Evaluation::EachRun { reason } => ("nothing", reason.as_ref()),
        };
        Self { once, reason: reason.map(|reason| format!("the rest {}", reason.describe())) }
    }
}

#[derive(Debug, Serialize)]
struct BundleReply<'a> {
    hash: &'a str,
    bytes: usize,
}

/// What a stage took.
#[derive(Debug, Serialize)]
pub(crate) struct TimingReply {
    stage: &'static str,
    ms: f64,
    cache: Option<&'static str>,
}

impl TimingReply {
    /// The stages of a trace.
    pub(crate) fn all_of(trace: &Trace) -> Vec<Self> {
        let one = |timing: &Timing| Self {
            stage: timing.stage.name(),
            ms: milliseconds(timing.took),
            cache: timing.cache.map(cache_name),
        };
        trace.timings.iter().map(one).collect()
    }

    /// In a few words.
    pub(crate) fn to_text(&self) -> String {
        let cache = self.cache.map(|cache| format!(" ({cache})")).unwrap_or_default();
        format!("{} {:.0} ms{cache}", self.stage, self.ms)
    }
}

#[derive(Debug, Serialize)]
struct UsageReply {
    cpu_ms: f64,
    wall_ms: f64,
    peak_resident_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    peak_heap_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_bytes: Option<u64>,
}

impl<'a> Reply<'a> {
    /// The object for an answer.
    pub(crate) fn new(answer: &'a Answer) -> Self {
        let mut reply = Self::of_trace(&answer.trace);
        match &answer.ending {
            Ok(report) => reply.add_report(report),
            Err(error) => reply.error = Some(ErrorReply::of_error(error)),
        }
        reply
    }

    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        // Numbers, strings and text that is JSON: nothing that serialising could fail on.
        serde_json::to_string(self).expect("a reply is JSON")
    }

    fn of_trace(trace: &'a Trace) -> Self {
        Self {
            outcome: "error",
            value: None,
            response: None,
            error: None,
            limit: None,
            exit_code: None,
            logs: &[],
            logs_truncated: false,
            graph: trace.lock.as_ref(),
            path: trace.path.as_ref().map(Path::name),
            path_reason: trace.path.as_ref().and_then(Path::reason),
            evaluated: None,
            bundle: trace.bundle.as_ref().map(|bundle| BundleReply { hash: &bundle.hash, bytes: bundle.bytes }),
            timings: TimingReply::all_of(trace),
            usage: None,
            warnings: &trace.warnings,
        }
    }

    fn add_report(&mut self, report: &'a Report) {
        self.outcome = report.outcome.code();
        self.logs = &report.logs;
        self.logs_truncated = report.logs_truncated;
        self.evaluated = Some(EvaluatedReply::new(&report.evaluation));
        self.usage = Some(UsageReply {
            cpu_ms: milliseconds(report.usage.cpu),
            wall_ms: milliseconds(report.usage.wall),
            peak_resident_bytes: report.usage.peak_resident_bytes,
            peak_heap_bytes: report.usage.peak_heap_bytes,
            private_bytes: report.usage.private_bytes,
        });
        match &report.outcome {
            // What comes from a guest's process is hostile; it is checked once more where it is embedded.
            Outcome::Value(json) => match RawValue::from_string(json.clone()) {
                Ok(value) => self.value = Some(value),
                Err(_) => {
                    self.outcome = "crashed";
                    self.error = Some(ErrorReply::plain(
                        "crashed",
                        "the run's process answered with text that is not JSON".to_owned(),
                    ));
                }
            },
            Outcome::Response(response) => self.response = Some(ResponseReply::new(response)),
            Outcome::Exited { code } => self.exit_code = Some(*code),
            Outcome::Limit { exceeded, .. } => {
                self.limit = Some(LimitReply {
                    which: exceeded.which.name(),
                    limit: exceeded.limit,
                    measured: exceeded.measured,
                    unit: exceeded.which.unit(),
                    knob: knob(exceeded),
                });
            }
            Outcome::Threw(_) | Outcome::Unserializable { .. } | Outcome::NeverSettled | Outcome::Crashed { .. } => {}
        }
        if let Some(error) = ErrorReply::of_outcome(&report.outcome) {
            self.error = Some(error);
        }
    }
}

impl<'a> ResponseReply<'a> {
    fn new(response: &'a Response) -> Self {
        let (body, body_encoding) = match std::str::from_utf8(&response.body) {
            Ok(text) => (text.to_owned(), "utf-8"),
            Err(_) => (BASE64_STANDARD.encode(&response.body), "base64"),
        };
        Self { status: response.status, headers: &response.headers, body, body_encoding }
    }
}

impl ErrorReply {
    /// Why guest code was not run.
    pub(crate) fn of_error(error: &Error) -> Self {
        Self {
            hint: error.hint(),
            chain: error.chain().to_vec(),
            diagnostics: error.diagnostics().to_vec(),
            ..Self::plain(error.code(), messages(error))
        }
    }

    /// What the guest did wrong, if it did.
    pub(crate) fn of_outcome(outcome: &Outcome) -> Option<Self> {
        let code = outcome.code();
        Some(match outcome {
            Outcome::Value(_) | Outcome::Response(_) => return None,
            Outcome::Threw(failure) => Self {
                name: Some(failure.name.clone()),
                stack: failure.stack.clone(),
                causes: failure.causes.clone(),
                errors: failure.errors.clone(),
                ..Self::plain(code, failure.message.clone())
            },
            Outcome::Exited { code: given } => Self::plain(code, format!("the program ended itself with code {given}")),
            Outcome::Unserializable { message } => Self {
                hint: Some(
                    "return plain data; with the tagged codec also bytes, dates, maps, sets, big integers and undefined"
                        .to_owned(),
                ),
                ..Self::plain(code, format!("JSON cannot hold the program's value: {message}"))
            },
            Outcome::NeverSettled => Self {
                hint: Some("the program awaits a promise that nothing is left to settle".to_owned()),
                ..Self::plain(code, "the program's promise can never settle".to_owned())
            },
            Outcome::Limit { exceeded, stack } => Self {
                stack: stack.clone(),
                hint: Some(format!("raise it with {}", knob(exceeded))),
                ..Self::plain(code, exceeded_message(exceeded))
            },
            Outcome::Crashed { detail } => Self::plain(code, format!("the run's process crashed: {detail}")),
        })
    }

    /// The error as a person reads its first line.
    pub(crate) fn headline(&self) -> String {
        match &self.name {
            Some(name) if self.message.is_empty() => name.clone(),
            Some(name) => format!("{name}: {}", self.message),
            None => self.message.clone(),
        }
    }

    fn plain(code: &'static str, message: String) -> Self {
        Self { code, message, ..Self::default() }
    }
}

/// An error's message with those of its sources that it does not say itself.
fn messages(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

fn exceeded_message(exceeded: &Exceeded) -> String {
    let Exceeded { which, limit, measured } = exceeded;
    let amount = |amount: u64| match which.unit() {
        "bytes" => show_bytes(amount),
        "ms" => format!("{amount} ms"),
        _ => amount.to_string(),
    };
    format!("the {} limit of {} was exceeded ({} measured)", which.name(), amount(*limit), amount(*measured))
}

fn knob(exceeded: &Exceeded) -> String {
    format!("--{}", exceeded.which.name())
}

fn cache_name(cache: CacheUse) -> &'static str {
    match cache {
        CacheUse::Hit => "hit",
        CacheUse::Miss => "miss",
        CacheUse::Revalidated => "revalidated",
    }
}

/// To the microsecond; what is finer is noise.
fn milliseconds(duration: std::time::Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod tests;
