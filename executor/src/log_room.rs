//! What a program may still say. Both sides of a run count with this: the run, so as not to send what will be dropped, and
//! the service, because it believes no run.

use crate::limits::Limits;

/// What a line counts beside its text: the room that its level and time take in an answer.
pub(crate) const LINE_BYTES: usize = 48;

/// The room that is left for logs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct LogRoom {
    bytes: usize,
    lines: usize,
    line_bytes: usize,
}

impl LogRoom {
    /// What the limits allow.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self::of(limits.log_bytes, limits.log_lines, limits.log_line_bytes)
    }

    /// So many bytes, in so many lines, each of so many bytes.
    pub(crate) fn of(bytes: usize, lines: usize, line_bytes: usize) -> Self {
        Self { bytes, lines, line_bytes }
    }

    /// The most that a line said next may have, in bytes; `None` when nothing more may be said.
    pub(crate) fn next(&self) -> Option<usize> {
        (self.lines > 0 && self.bytes > 0).then(|| self.bytes.min(self.line_bytes))
    }

    /// Counts a line of so many bytes, which are at most [`Self::next`].
    pub(crate) fn take(&mut self, bytes: usize) {
        self.lines = self.lines.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes + LINE_BYTES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_bytes_and_one_line_are_bounded() {
        let mut room = LogRoom::of(500, 3, 100);
        for _ in 0..3 {
            assert_eq!(room.next(), Some(100));
            room.take(100);
        }
        assert_eq!(room.next(), None);
        let mut room = LogRoom::of(60, 9, 100);
        assert_eq!(room.next(), Some(60));
        room.take(20);
        assert_eq!(room.next(), None);
    }

    #[test]
    fn empty_lines_take_room_too() {
        let mut room = LogRoom::of(LINE_BYTES * 2, usize::MAX, 10);
        room.take(0);
        assert_eq!(room.next(), Some(10));
        room.take(0);
        assert_eq!(room.next(), None);
    }
}
