//! How a run ended, and what it said and used on the way.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::guest::EachRun;

/// How a run ended. Whatever guest code does is an outcome, never an error of ours.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The entry returned a value: its text in the program's [`crate::Codec`].
    Value(String),
    /// The entry was a handler and returned a response.
    Response(Response),
    /// The program threw, at load or in its entry, or left a rejection unhandled.
    Threw(Failure),
    /// `process.exit` and what comes to the same.
    Exited {
        /// The code that was given.
        code: i32,
    },
    /// The entry returned something that JSON, with or without tags, cannot hold.
    Unserializable {
        /// Why not.
        message: String,
    },
    /// The entry's promise is pending and nothing is left that could settle it.
    NeverSettled,
    /// A limit ended the run.
    Limit {
        /// Which one, and by how much.
        exceeded: Exceeded,
        /// Where the program stood when it was stopped, where that could still be told.
        stack: Option<String>,
    },
    /// The process died in a way that no limit explains.
    Crashed {
        /// What is known of it.
        detail: String,
    },
}

impl Outcome {
    /// The outcome's stable name.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Value(_) => "value",
            Self::Response(_) => "response",
            Self::Threw(_) => "threw",
            Self::Exited { .. } => "exited",
            Self::Unserializable { .. } => "unserializable",
            Self::NeverSettled => "never-settled",
            Self::Limit { .. } => "limit",
            Self::Crashed { .. } => "crashed",
        }
    }
}

/// What a handler answered.
#[derive(Clone, Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// Names and values in the order in which `Headers` gives them.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// An error of the guest's.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Failure {
    /// The error's `name`, or what kind of value was thrown.
    pub name: String,
    /// Its `message`.
    pub message: String,
    /// Its stack with source positions, causes below it.
    pub stack: Option<String>,
    /// The chain of its causes, the nearest first. Bounded in number and bytes; what does not fit is left out.
    pub causes: Vec<Cause>,
    /// What an `AggregateError` holds, bounded like the causes.
    pub errors: Vec<Cause>,
}

/// An error that belongs to another one.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Cause {
    /// The error's `name`, or what kind of value it is.
    pub name: String,
    /// Its `message`.
    pub message: String,
    /// Its own stack with source positions.
    pub stack: Option<String>,
}

/// Which limit a run exceeded.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LimitKind {
    /// Time from start to answer.
    Wall,
    /// Processor time.
    Cpu,
    /// V8's heap.
    Heap,
    /// `ArrayBuffer`s.
    Buffers,
    /// The process's other memory.
    Memory,
    /// The answer's size.
    Output,
    /// Asynchronous operations under way at once.
    Operations,
    /// Timers alive at once.
    Timers,
}

impl LimitKind {
    /// The limit's stable name, which is also the name of the option that raises it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wall => "wall",
            Self::Cpu => "cpu",
            Self::Heap => "heap",
            Self::Buffers => "buffers",
            Self::Memory => "memory",
            Self::Output => "output",
            Self::Operations => "operations",
            Self::Timers => "timers",
        }
    }

    /// The unit that [`Exceeded`] counts in.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Wall | Self::Cpu => "ms",
            Self::Heap | Self::Buffers | Self::Memory | Self::Output => "bytes",
            Self::Operations => "operations",
            Self::Timers => "timers",
        }
    }
}

/// A limit, and what was measured when it was exceeded.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub struct Exceeded {
    /// Which one.
    pub which: LimitKind,
    /// What is allowed, in [`LimitKind::unit`].
    pub limit: u64,
    /// What was used or asked for, in the same unit.
    pub measured: u64,
}

/// How loud a line is. Also says where it came from: the standard streams have lines of their own.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// `console.debug`.
    Debug,
    /// `console.log`, `console.info` and `process.stdout`.
    Info,
    /// `console.warn`.
    Warn,
    /// `console.error`, `console.trace` and `process.stderr`.
    Error,
}

/// Something the program said.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine {
    /// How loud.
    pub level: Level,
    /// The text, without the line break at its end.
    pub text: String,
    /// When it arrived, in milliseconds since the run's start.
    pub at_ms: u64,
}

/// What a run used, as its parent measured it but for the heap.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// Processor time of the process, its start included.
    pub cpu: Duration,
    /// Time from start to end.
    pub wall: Duration,
    /// Most memory resident at once, in bytes. Pages shared with other processes count.
    pub peak_resident_bytes: u64,
    /// Most of V8's heap that was in use at once, in bytes, as the process itself told before it answered: no process can
    /// look into another one's heap. `None` where it came to no answer.
    pub peak_heap_bytes: Option<u64>,
    /// Memory that the process had to itself, in bytes: pages that it was given or that were copied for it. What it gave
    /// back counts too.
    pub private_bytes: Option<u64>,
}

/// How much of a program had been evaluated before its run began.
#[derive(Clone, Debug)]
pub enum Evaluation {
    /// All of it: the run had only to call the entry.
    Program,
    /// Its packages, and Node's modules.
    Layer {
        /// Why the program itself cannot be, once that has been tried.
        reason: Option<EachRun>,
    },
    /// Nothing.
    EachRun {
        /// Why its layer cannot be, or the program where it has none, once that has been tried.
        reason: Option<EachRun>,
    },
}

/// Everything there is to say about a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// What it said, in order.
    pub logs: Vec<LogLine>,
    /// Whether more was said than was kept.
    pub logs_truncated: bool,
    /// What it used.
    pub usage: Usage,
    /// What had been evaluated before.
    pub evaluation: Evaluation,
}
