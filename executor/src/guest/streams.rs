//! The standard streams while something is evaluated once for many runs: what is written to them is said in each run.

use std::io::{PipeReader, Read as _};
use std::os::fd::{AsFd as _, OwnedFd};

use super::host::RunHost;
use super::start::SOCKETS;
use crate::os;

/// Where descriptors go that are put back later: above those that guest code may meet.
const ASIDE: i32 = SOCKETS + 100;

/// A stream whose text is kept.
struct Kept {
    reader: PipeReader,
    /// The descriptors that are this stream, and where it went before.
    numbers: Vec<i32>,
    before: OwnedFd,
    /// Its level in a log, as deno_web's console has them.
    level: u8,
}

/// Whether somebody still has a stream that was only there for a while.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Held {
    /// Somebody has.
    Yes,
    /// Nobody.
    No,
}

/// Both streams, while they are kept.
pub(super) struct Streams([Kept; 2]);

impl Streams {
    /// Begins to keep what is written. `same` are other descriptors of the process that are one of its streams, and which.
    pub(super) fn keep(same: &[(i32, i32)]) -> std::io::Result<Self> {
        Ok(Self([Kept::new(1, 1, same)?, Kept::new(2, 3, same)?]))
    }

    /// Puts the streams back and hands on what was written.
    pub(super) fn hand_on(self, host: &RunHost) -> std::io::Result<Held> {
        let mut held = Held::No;
        for Kept { mut reader, numbers, before, level } in self.0 {
            for number in numbers {
                os::duplicate_to(before.as_fd(), number)?;
            }
            let mut text = Vec::new();
            match reader.read_to_end(&mut text) {
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => held = Held::Yes,
                read => read.map(|_| ())?,
            }
            for line in text.split_inclusive(|byte| *byte == b'\n') {
                let line = line.strip_suffix(b"\n").unwrap_or(line);
                host.keep(level, &String::from_utf8_lossy(line));
            }
        }
        Ok(held)
    }
}

impl Kept {
    fn new(stream: i32, level: u8, same: &[(i32, i32)]) -> std::io::Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        // Whoever fills it is told that it is full, and whoever reads it that there is no more.
        rustix::io::ioctl_fionbio(&writer, true)?;
        rustix::io::ioctl_fionbio(&reader, true)?;
        let others = same.iter().filter(|(_, of)| *of == stream).map(|(number, _)| *number);
        let numbers: Vec<i32> = std::iter::once(stream).chain(others).collect();
        let original = os::borrow(stream).ok_or(std::io::ErrorKind::NotFound)?;
        let before = rustix::io::fcntl_dupfd_cloexec(original, ASIDE)?;
        for number in &numbers {
            os::duplicate_to(writer.as_fd(), *number)?;
        }
        Ok(Self { reader, numbers, before, level })
    }
}
