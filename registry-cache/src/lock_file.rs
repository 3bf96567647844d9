//! The lock around the store: a file that its owner holds with flock, and that says who that is.
//!
//! The store's own lock names nobody and outlives its owner by a moment, so this one stands around it, from before the
//! store opens until after it is dropped. The kernel frees it when its owner dies, however it dies. The process id in it
//! is for messages only: it is written after the lock is had and may be missing.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::time::Instant;

use crate::error::Error;

/// How often a waiting process looks again. flock could wait by itself, but not for a bounded time.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_millis(15);

/// What came of trying to take the lock.
#[derive(Debug)]
pub(crate) enum Attempt {
    /// It is ours.
    Taken(LockFile),
    /// It is another's, who may have said which process that is.
    Held(Option<u32>),
}

/// The held lock; dropping it frees it.
#[derive(Debug)]
pub(crate) struct LockFile {
    // Closing the descriptor is what frees the lock.
    _file: File,
}

impl LockFile {
    /// Takes the lock of `folder`, waiting at most `wait` for its holder.
    pub(crate) async fn take(folder: &Path, wait: Duration) -> Result<Self, Error> {
        let deadline = Instant::now() + wait;
        loop {
            match Self::attempt(folder)? {
                Attempt::Taken(lock) => return Ok(lock),
                Attempt::Held(_) if Instant::now() < deadline => tokio::time::sleep(LOOK_AGAIN).await,
                Attempt::Held(pid) => return Err(Error::CacheBusy { pid, folder: folder.to_owned() }),
            }
        }
    }

    /// Takes the lock of `folder`, which is made if need be, unless somebody holds it.
    pub(crate) fn attempt(folder: &Path) -> Result<Attempt, Error> {
        let problem =
            |error: std::io::Error| Error::CacheFolder { folder: folder.to_owned(), detail: error.to_string() };
        std::fs::create_dir_all(folder).map_err(problem)?;
        let path = folder.join("hoist.lock");
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(problem)?;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(Attempt::Held(holder(&mut file))),
                Err(errno) => return Err(problem(errno.into())),
            }
        }
        sign(&mut file).map_err(problem)?;
        Ok(Attempt::Taken(Self { _file: file }))
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
