//! Which source each thread of a worker took up last, where the worker's owner can look after the worker has died.
//!
//! The worker writes into memory that its owner gave it; a death by a full stack or a deadline leaves nobody who could
//! tell. What stands there is the worker's word and may be nonsense: it is shown, never acted upon.

use std::{
    cell::Cell,
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use rustix::io::{pread, pwrite};

use crate::file_system::ROOT;

/// Threads that have a place. The engine starts some fifteen.
const PLACES: usize = 64;
/// Bytes of a place: the thread's number (4), whether it is still busy (1), the path's length (2), the path.
const PLACE: usize = 1024;
const HEAD: usize = 7;
const BUSY_AT: u64 = 4;

/// The owner's side.
#[derive(Debug)]
pub(crate) struct Whereabouts(OwnedFd);

impl Whereabouts {
    /// Memory for one worker.
    pub(crate) fn new() -> io::Result<Self> {
        let memory = unnamed_memory()?;
        rustix::fs::ftruncate(&memory, (PLACES * PLACE) as u64)?;
        Ok(Self(memory))
    }

    /// What the worker gets.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// The source that a thread took up last.
    pub(crate) fn of_thread(&self, thread: u32) -> Option<String> {
        self.places().into_iter().find(|place| place.thread == thread).map(|place| place.path)
    }

    /// The sources that threads are at, or were when they died, sorted.
    pub(crate) fn busy(&self) -> Vec<String> {
        let mut paths: Vec<String> =
            self.places().into_iter().filter(|place| place.is_busy).map(|place| place.path).collect();
        paths.sort();
        paths.dedup();
        paths
    }

    fn places(&self) -> Vec<Place> {
        let mut bytes = vec![0; PLACES * PLACE];
        match pread(&self.0, &mut bytes, 0) {
            Ok(length) => bytes[..length].chunks_exact(PLACE).filter_map(Place::read).collect(),
            Err(_) => Vec::new(),
        }
    }
}

struct Place {
    thread: u32,
    is_busy: bool,
    path: String,
}

impl Place {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (thread, rest) = bytes.split_first_chunk::<4>()?;
        let [busy, low, high, path @ ..] = rest else { return None };
        let path = path.get(..usize::from(u16::from_le_bytes([*low, *high])))?;
        let thread = u32::from_le_bytes(*thread);
        let path = String::from_utf8_lossy(path).replace(char::is_control, "?");
        (thread != 0 && !path.is_empty()).then_some(Self { thread, is_busy: *busy == 1, path })
    }
}

#[cfg(target_os = "linux")]
fn unnamed_memory() -> io::Result<OwnedFd> {
    Ok(rustix::fs::memfd_create("hoist-whereabouts", rustix::fs::MemfdFlags::CLOEXEC)?)
}

#[cfg(not(target_os = "linux"))]
fn unnamed_memory() -> io::Result<OwnedFd> {
    Ok(std::fs::File::options().read(true).write(true).open("/dev/null")?.into())
}

/// The worker's side: one for the whole process, as the threads are.
static MEMORY: OnceLock<OwnedFd> = OnceLock::new();
static TAKEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static PLACE_OF_THREAD: Cell<Option<usize>> = const { Cell::new(None) };
}

/// From now on the worker's threads tell where they are.
pub(crate) fn tell(memory: OwnedFd) {
    // Only the first counts, and there is only one.
    let _ = MEMORY.set(memory);
}

/// This thread takes up a source. It counts as busy until this is dropped.
pub(crate) fn at(path: &str) -> Here {
    let place = PLACE_OF_THREAD.with(|place| {
        let number = place.get().unwrap_or_else(|| TAKEN.fetch_add(1, Ordering::Relaxed));
        place.set(Some(number));
        number
    });
    let Some(memory) = MEMORY.get().filter(|_| place < PLACES) else { return Here(None) };
    let path = path.strip_prefix(ROOT).map_or(path, |rest| rest.trim_start_matches('/'));
    let path = &path.as_bytes()[..path.len().min(PLACE - HEAD)];
    let mut bytes = Vec::with_capacity(HEAD + path.len());
    bytes.extend_from_slice(&thread_number().to_le_bytes());
    bytes.push(1);
    bytes.extend_from_slice(&u16::try_from(path.len()).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend_from_slice(path);
    let offset = (place * PLACE) as u64;
    // Who cannot be told where we are has to do without.
    let _ = pwrite(memory, &bytes, offset);
    Here(Some(offset))
}

/// A thread at a source.
#[derive(Debug)]
pub(crate) struct Here(Option<u64>);

impl Drop for Here {
    fn drop(&mut self) {
        if let (Some(memory), Some(offset)) = (MEMORY.get(), self.0) {
            let _ = pwrite(memory, &[0], offset + BUSY_AT);
        }
    }
}

/// The number that Rust names a thread by when its stack is full.
#[cfg(target_os = "linux")]
fn thread_number() -> u32 {
    rustix::thread::gettid().as_raw_nonzero().get().unsigned_abs()
}

#[cfg(not(target_os = "linux"))]
fn thread_number() -> u32 {
    1
}

/// The thread that says in a worker's last words that its stack is full: `thread 'name' (number) has overflowed its
/// stack`.
pub(crate) fn overflowed_thread(last_words: &str) -> Option<u32> {
    let before = last_words.lines().find_map(|line| line.strip_suffix(" has overflowed its stack"))?;
    before.strip_suffix(')')?.rsplit_once('(')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_with_care() {
        let mut bytes = vec![0; PLACE];
        assert!(Place::read(&bytes).is_none());
        bytes[..9].copy_from_slice(&[5, 0, 0, 0, 1, 2, 0, b'a', 7]);
        let place = Place::read(&bytes).unwrap();
        assert_eq!((place.thread, place.is_busy, place.path.as_str()), (5, true, "a?"));
        bytes[5..7].copy_from_slice(&[255, 255]);
        assert!(Place::read(&bytes).is_none());
    }

    #[test]
    fn the_thread_stands_in_the_last_words() {
        let words = "\nthread 'tokio-rt (x)' (4711) has overflowed its stack\nfatal runtime error: stack overflow";
        assert_eq!(overflowed_thread(words), Some(4711));
        assert_eq!(overflowed_thread("thread 'a' has overflowed its stack"), None);
        assert_eq!(overflowed_thread("thread 'a' (1) panicked"), None);
    }
}
