//! The lines of the benchmark's protocol.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;

use crate::console;
use crate::error::Error;
use crate::reply::ErrorReply;
use crate::trace::Trace;

/// One request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) op: String,
    pub(super) workload: Option<Workload>,
    /// What the program is called with.
    pub(super) input: Option<Box<RawValue>>,
    /// The URL of the registry.
    pub(super) registry: Option<String>,
    /// Where what is kept goes.
    pub(super) cache_dir: Option<PathBuf>,
    /// Whether only packages may be kept.
    #[serde(default)]
    pub(super) relink: bool,
    /// How many runs to hold.
    #[serde(default)]
    pub(super) k: usize,
}

/// A program, and the packages that it imports.
#[derive(Deserialize)]
pub(super) struct Workload {
    pub(super) id: String,
    pub(super) dependencies: BTreeMap<String, String>,
    pub(super) source: String,
}

/// One reply.
#[derive(Default, Serialize)]
pub(super) struct Reply {
    pub(super) id: u64,
    pub(super) ok: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) result: Option<Box<RawValue>>,
    /// What the stages took, in ms.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) phases: BTreeMap<String, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Files>,
    /// Runs that are held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) live: Option<usize>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unsupported: Option<bool>,
}

/// Bundles on disk.
#[derive(Serialize)]
pub(super) struct Files {
    pub(super) plain: PathBuf,
    pub(super) minified: PathBuf,
}

/// Why there is no answer.
pub(super) enum Refused {
    /// It went wrong.
    Failed(String),
    /// It is nothing that is done here.
    Unsupported(String),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let error = ErrorReply::of_error(&error);
        Self::Failed(format!("{}: {}", error.code, error.headline()))
    }
}

impl Reply {
    /// The first line, which nobody has asked for.
    pub(super) fn hello(name: &'static str) -> Self {
        Self { ok: true, name: Some(name), ..Self::default() }
    }

    /// What the stages took, and what is suspicious.
    pub(super) fn of_trace(trace: &Trace) -> Self {
        let mut reply = Self::default();
        for timing in &trace.timings {
            *reply.phases.entry(format!("{}_ms", timing.stage.name())).or_default() += timing.took.as_secs_f64() * 1e3;
        }
        reply.warnings = trace.warnings.iter().map(|warning| warning.message.clone()).collect();
        reply
    }

    /// The answer to the request of this number.
    pub(super) fn to(id: u64, answer: Result<Self, Refused>) -> Self {
        match answer {
            Ok(reply) => Self { id, ok: true, ..reply },
            Err(Refused::Failed(error)) => Self { id, error: Some(error), ..Self::default() },
            Err(Refused::Unsupported(error)) => {
                Self { id, error: Some(error), unsupported: Some(true), ..Self::default() }
            }
        }
    }
}

/// The requests, until the input ends. A line that is none ends them too.
pub(super) fn requests() -> mpsc::UnboundedReceiver<Result<Asked, Error>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // It waits in a system call that nothing interrupts, so that it can belong to nobody; it ends with the process.
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let failed = |problem: String| Error::Usage { problem: format!("not a request: {problem}") };
            let asked = line.map_err(|error| failed(error.to_string()));
            let asked = asked.and_then(|line| serde_json::from_str(&line).map_err(|error| failed(error.to_string())));
            if sender.send(asked).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Writes one reply. The reader has room: it waits for it.
pub(super) fn send(reply: &Reply) -> Result<(), Error> {
    console::print_result((console::to_json(reply) + "\n").as_bytes())
}

/// JSON text without line breaks, which are white space where they can stand in it.
pub(super) fn one_line(json: String) -> Result<Box<RawValue>, serde_json::Error> {
    RawValue::from_string(json.replace(['\n', '\r'], " "))
}
