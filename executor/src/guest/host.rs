//! What the console and `process.exit` reach: the channel to the service in a run, a place to keep things in a zygote.

use std::cell::{Cell, RefCell};

use super::channel;
use crate::os;
use crate::platform::Host;
use crate::wire::{Answer, LINE_BYTES};

/// The exit code of a zygote whose layer or program ended it.
pub(crate) const EXITED: i32 = 71;

/// What a layer may say while it is evaluated once, in bytes; more is cut off as in a run.
const EARLY_BYTES: usize = 64 * 1024;

/// The process around a runtime.
#[derive(Default)]
pub(crate) struct RunHost {
    /// Bytes of log that may still be sent; none once something was cut off. The service counts too.
    left: Cell<Option<usize>>,
    /// What was said before there was a run: each run begins with it.
    early: RefCell<Vec<(u8, String)>>,
}

impl RunHost {
    /// Begins a run's log, which may have so many bytes, with what was said before it.
    pub(crate) fn begin(&self, bytes: usize) {
        self.left.set(Some(bytes));
        for (level, text) in self.early.take() {
            self.log(i32::from(level), &text);
        }
    }

    /// Whether something was said before there was a run.
    pub(crate) fn has_spoken(&self) -> bool {
        !self.early.borrow().is_empty()
    }

    /// Keeps what is said before there is a run.
    pub(super) fn keep(&self, level: u8, text: &str) {
        let mut early = self.early.borrow_mut();
        let said: usize = early.iter().map(|(_, text)| text.len() + LINE_BYTES).sum();
        if said < EARLY_BYTES {
            let end = text.floor_char_boundary(EARLY_BYTES - said);
            early.push((level, text[..end].to_string()));
        }
    }
}

impl Host for RunHost {
    fn log(&self, level: i32, text: &str) {
        let level = level.clamp(0, 3) as u8;
        let Some(channel) = channel::get() else { return self.keep(level, text) };
        let Some(left) = self.left.get() else { return };
        let end = text.floor_char_boundary(left);
        if end > 0 || text.is_empty() {
            channel.log(level, &text[..end]);
        }
        if end < text.len() || left == 0 {
            channel.log_truncated();
            self.left.set(None);
        } else {
            self.left.set(Some(left.saturating_sub(text.len() + LINE_BYTES)));
        }
    }

    fn exit(&self, code: i32) -> ! {
        match channel::get() {
            Some(channel) => channel.answer(&Answer::Exited { code }, &[]),
            None => os::exit_now(EXITED),
        }
    }
}
