//! What the console and `process.exit` reach: the channel to the service in a run, a place to keep things in a zygote.

use std::cell::{Cell, RefCell};

use super::channel;
use crate::log_room::{LINE_BYTES, LogRoom};
use crate::os;
use crate::platform::Host;
use crate::wire::Answer;

/// The exit code of a zygote whose layer or program ended it.
pub(crate) const EXITED: i32 = 71;

/// What a layer may say while it is evaluated once, in bytes; more is cut off as in a run.
const EARLY_BYTES: usize = 64 * 1024;

/// The process around a runtime.
#[derive(Default)]
pub(crate) struct RunHost {
    /// The service counts too.
    room: Cell<LogRoom>,
    /// Whether it was said that something was cut off.
    cut: Cell<bool>,
    /// What was said before there was a run: each run begins with it.
    early: RefCell<Vec<(u8, String)>>,
}

impl RunHost {
    /// Begins a run's log, which has so much room, with what was said before it.
    pub(crate) fn begin(&self, room: LogRoom) {
        self.room.set(room);
        for (level, text) in self.early.take() {
            self.log(i32::from(level), &text);
        }
    }

    /// Whether something was said before there was a run.
    pub(crate) fn has_spoken(&self) -> bool {
        !self.early.borrow().is_empty()
    }

    fn keep(&self, level: u8, text: &str) {
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
        let mut room = self.room.get();
        let end = room.next().map(|bytes| text.floor_char_boundary(bytes));
        if let Some(end) = end {
            channel.log(level, &text[..end]);
            room.take(end);
            self.room.set(room);
        }
        if end.is_none_or(|end| end < text.len()) && !self.cut.replace(true) {
            channel.log_truncated();
        }
    }

    fn exit(&self, code: i32) -> ! {
        match channel::get() {
            Some(channel) => channel.answer(&Answer::Exited { code }, &[]),
            None => os::exit_now(EXITED),
        }
    }
}
