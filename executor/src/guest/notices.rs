//! What evaluating code once for many runs would break, noticed as it happens: whoever draws randomness would draw the same
//! in every run, and what waits for something would wait for it in a process that is not its own.
//!
//! Ops are watched by deno_core's own hooks. What leaves no trace there is looked at when the evaluation is over: the
//! generator of WebCrypto, the tasks of the tokio runtime (deno_core's op driver is one from its first operation on), timers
//! and handles that are still there.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use deno_core::{OpDecl, OpId, OpMetricsEvent, OpMetricsFactoryFn, OpMetricsFn};
use serde::{Deserialize, Serialize};

use crate::platform::Watch;

/// Why something has to be evaluated in each run.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum EachRun {
    /// It drew cryptographic randomness.
    Randomness,
    /// It drew `Math.random`, in packages that are not known to do no harm with it.
    MathRandom {
        /// The packages, or the program; none when it was drawn in more places than are looked at.
        packages: Vec<String>,
    },
    /// It sent an asynchronous operation.
    AsyncOperation,
    /// It set a timer.
    Timer,
    /// It left something for the next turn of the event loop.
    Immediate,
    /// It left a file or another resource open.
    OpenHandle,
    /// It imported a module at run time.
    DynamicImport,
    /// It left a thread behind.
    Thread,
    /// It left a promise rejected.
    UnhandledRejection,
    /// Its top-level await waits for something.
    Pending,
    /// It read the clock: only programs may not.
    Clock,
    /// It wrote to the console: only programs may not.
    Console,
    /// What it exports is no handler: only programs have to.
    NotAHandler,
    /// It threw.
    Threw {
        /// What.
        message: String,
    },
    /// It ended the process, or the process ended under it.
    Ended {
        /// How.
        detail: String,
    },
    /// It took longer than it may.
    Deadline,
}

impl EachRun {
    /// The reason in words that follow "evaluated in each run because it".
    pub fn describe(&self) -> String {
        match self {
            Self::Randomness => "draws cryptographic randomness".to_owned(),
            Self::MathRandom { packages } if packages.is_empty() => "draws Math.random".to_owned(),
            Self::MathRandom { packages } => format!("draws Math.random ({})", packages.join(", ")),
            Self::AsyncOperation => "sends an asynchronous operation".to_owned(),
            Self::Timer => "sets a timer".to_owned(),
            Self::Immediate => "leaves something for the next turn of the event loop".to_owned(),
            Self::OpenHandle => "leaves a handle open".to_owned(),
            Self::DynamicImport => "imports a module at run time".to_owned(),
            Self::Thread => "leaves a thread behind".to_owned(),
            Self::UnhandledRejection => "leaves a promise rejected".to_owned(),
            Self::Pending => "waits at its top level".to_owned(),
            Self::Clock => "reads the clock".to_owned(),
            Self::Console => "writes to the console".to_owned(),
            Self::NotAHandler => "exports no handler".to_owned(),
            Self::Threw { message } => format!("throws: {message}"),
            Self::Ended { detail } => format!("ends its process: {detail}"),
            Self::Deadline => "takes longer than it may".to_owned(),
        }
    }
}

/// What has been noticed.
#[derive(Default)]
pub(crate) struct Notices {
    watching: Cell<bool>,
    first: RefCell<Option<EachRun>>,
    clock: Cell<bool>,
    /// Asynchronous operations that were sent, less those that were done at once.
    sent: Cell<i64>,
    /// Where `Math.random` was drawn: file, line and column, counted from 1.
    draws: RefCell<Vec<(String, u32, u32)>>,
}

/// Places of draws that are kept.
const PLACES: usize = 64;

/// What an op does that matters here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Effect {
    Randomness,
    Timer,
    Handle,
    Clock,
    Sent,
}

/// What is in the names of ops that draw randomness: keys, salts of exported keys, signatures and ciphertexts that are
/// randomized, names of temporary files, generators of new contexts.
const DRAWS: [&str; 11] = [
    "random",
    "generate",
    "uuid",
    "prime",
    "_sign",
    "_encrypt",
    "export_private_key",
    "make_temp",
    "mkdtemp",
    "create_object_url",
    "vm_create_context",
];

/// What is in the names of ops that [`DRAWS`] would find but that draw nothing.
const DRAWS_NOT: [&str; 4] = ["op_hoist_random", "_signal", "_signature", "cipheriv"];

impl Effect {
    fn of(name: &str, is_async: bool) -> Option<Self> {
        let has = |parts: &[&str]| parts.iter().any(|part| name.contains(part));
        match name {
            "op_timer_schedule" | "op_timer_track" => Some(Self::Timer),
            // The last three are a console's timer, and what the process has used.
            "op_now"
            | "op_time_origin"
            | "op_timer_now"
            | "time"
            | "op_runtime_cpu_usage"
            | "op_node_process_resource_usage" => Some(Self::Clock),
            "op_signal_bind" => Some(Self::Handle),
            _ if has(&DRAWS) && !has(&DRAWS_NOT) => Some(Self::Randomness),
            _ if is_async => Some(Self::Sent),
            _ => None,
        }
    }
}

impl Notices {
    /// What a runtime calls for each op that matters.
    pub(crate) fn observer(self: Rc<Self>) -> OpMetricsFactoryFn {
        Box::new(move |_id: OpId, _count: usize, op: &OpDecl| {
            let effect = Effect::of(op.name, op.is_async)?;
            let notices = self.clone();
            let observe: OpMetricsFn = Rc::new(move |_context, event, _source| notices.op(effect, event));
            Some(observe)
        })
    }

    fn op(&self, effect: Effect, event: OpMetricsEvent) {
        if !self.watching.get() {
            return;
        }
        match (effect, event) {
            (Effect::Sent, OpMetricsEvent::Dispatched) => self.sent.set(self.sent.get() + 1),
            (Effect::Sent, OpMetricsEvent::Completed | OpMetricsEvent::Error) => self.sent.set(self.sent.get() - 1),
            (Effect::Randomness, OpMetricsEvent::Dispatched) => self.note(EachRun::Randomness),
            (Effect::Timer, OpMetricsEvent::Dispatched) => self.note(EachRun::Timer),
            (Effect::Handle, OpMetricsEvent::Dispatched) => self.note(EachRun::OpenHandle),
            (Effect::Clock, OpMetricsEvent::Dispatched) => self.clock.set(true),
            _ => {}
        }
    }

    /// Begins to look.
    pub(crate) fn watch(&self) {
        self.watching.set(true);
        self.clock.set(false);
        self.sent.set(0);
        self.first.take();
        self.draws.take();
    }

    /// Looks no longer, and tells the first thing that was noticed.
    pub(crate) fn seen(&self) -> Option<EachRun> {
        self.watching.set(false);
        let sent = (self.sent.get() > 0).then_some(EachRun::AsyncOperation);
        self.first.take().or(sent)
    }

    /// Whether the clock was read through an op.
    pub(crate) fn clock_was_read(&self) -> bool {
        self.clock.get()
    }

    /// Where `Math.random` was drawn.
    pub(crate) fn draws(&self) -> Vec<(String, u32, u32)> {
        self.draws.take()
    }

    /// Notes something, unless something else was noted before.
    pub(crate) fn note(&self, reason: EachRun) {
        if self.watching.get() {
            self.first.borrow_mut().get_or_insert(reason);
        }
    }
}

impl Watch for Notices {
    fn is_watching(&self) -> bool {
        self.watching.get()
    }

    fn random_drawn(&self, file: String, line: u32, column: u32) {
        let mut draws = self.draws.borrow_mut();
        let place = (file, line, column);
        if draws.contains(&place) {
            return;
        }
        if draws.len() == PLACES {
            return self.note(EachRun::MathRandom { packages: Vec::new() });
        }
        draws.push(place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ops_are_known_by_their_names() {
        let of = |name| Effect::of(name, false);
        let draws = ["op_crypto_get_random_values", "op_node_random_int", "op_node_generate_rsa_key", "op_node_sign"];
        for name in
            draws.into_iter().chain(["op_node_mkdtemp_sync", "op_node_export_private_key_pem", "op_vm_create_context"])
        {
            assert_eq!(of(name), Some(Effect::Randomness), "{name}");
        }
        for name in ["op_is_generator_function", "op_hoist_random_drawn", "op_node_cipheriv_encrypt", "op_url_parse"] {
            assert_eq!(of(name), None, "{name}");
        }
        assert_eq!(of("op_signal_bind"), Some(Effect::Handle));
        assert_eq!(of("op_now"), Some(Effect::Clock));
        assert_eq!(of("op_timer_schedule"), Some(Effect::Timer));
        assert_eq!(Effect::of("op_signal_poll", true), Some(Effect::Sent));
    }
}
