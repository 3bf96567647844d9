//! A line on the terminal about what is going on, for anything slower than a blink.

use std::io::IsTerminal;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use registry_cache::Progress;

use crate::trace::{Observer, Stage};

/// What is over sooner than this is never shown.
const BLINK: Duration = Duration::from_millis(150);
/// How often the line is drawn anew.
const TICK: Duration = Duration::from_millis(100);

/// The line. Dropped, it is gone from the screen.
pub(crate) struct Spinner {
    line: ProgressBar,
    waiter: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Whether progress may be shown at all.
pub(crate) fn is_welcome() -> bool {
    std::io::stderr().is_terminal()
}

impl Spinner {
    /// A line that shows itself after a blink.
    pub(crate) fn start() -> Self {
        let line = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            line.set_style(style);
        }
        let (stop, stopped) = channel();
        let shown = line.clone();
        let waiter = std::thread::spawn(move || {
            if stopped.recv_timeout(BLINK) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Self { line, waiter: Some((stop, waiter)) }
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        if let Some((stop, waiter)) = self.waiter.take() {
            drop(stop);
            let _ = waiter.join();
        }
        self.line.disable_steady_tick();
        self.line.finish_and_clear();
    }
}

impl Progress for Spinner {
    fn resolving(&self, name: &str) {
        self.line.set_message(format!("resolving {name}"));
    }

    fn fetching(&self, package: &str, done: usize, total: usize) {
        self.line.set_message(format!("fetching {done}/{total} {package}"));
    }
}

impl Observer for Spinner {
    fn stage(&self, stage: Stage) {
        self.line.set_message(match stage {
            Stage::Scan => "reading the program",
            Stage::Open => "waiting for the cache",
            Stage::Resolve => "resolving packages",
            Stage::Fetch => "fetching packages",
            Stage::Bundle | Stage::Link => "bundling",
            Stage::Run => "running",
        });
    }
}
