//! `/tmp`: files and folders that a run may write, in the memory of its process and bounded. Entries are kept by path; what
//! is open lives on when its entry is gone, as files do.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::errno;

/// The most files and folders at once. As many as a small disk's worth of unpacked packages.
const ENTRIES: usize = 20_000;

/// The files and folders.
pub(super) struct Temporary {
    entries: BTreeMap<String, Entry>,
    room: Arc<Room>,
    next_number: u64,
}

/// What is at a path.
#[derive(Clone)]
pub(super) enum Entry {
    /// A file.
    File(Arc<TemporaryFile>),
    /// A folder.
    Folder(Attributes),
}

/// What a file or folder has beside its content.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attributes {
    pub(super) number: u64,
    pub(super) mode: u32,
    /// Times in milliseconds since 1970: last read, last written, last changed, made.
    pub(super) accessed: i64,
    pub(super) modified: i64,
    pub(super) changed: i64,
    pub(super) born: i64,
}

/// How much all files may hold together, in bytes.
#[derive(Default)]
struct Room {
    used: AtomicUsize,
    limit: AtomicUsize,
}

/// A file's content, as long as an entry or a handle has it.
pub(super) struct TemporaryFile {
    content: Mutex<Content>,
    room: Arc<Room>,
}

/// What a file holds.
pub(super) struct Content {
    pub(super) bytes: Vec<u8>,
    pub(super) attributes: Attributes,
}

static STAMPS: AtomicU64 = AtomicU64::new(0);

/// How often a file or a folder has been given the time of day, which code can look at.
#[allow(dead_code, reason = "the build script runs no programs")]
pub(crate) fn stamps() -> u64 {
    STAMPS.load(Ordering::Relaxed)
}

fn now() -> i64 {
    STAMPS.fetch_add(1, Ordering::Relaxed);
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

impl Attributes {
    fn new(number: u64, mode: u32) -> Self {
        let now = now();
        Self { number, mode, accessed: now, modified: now, changed: now, born: now }
    }

    /// Changes the permission bits.
    pub(super) fn set_mode(&mut self, mode: u32) {
        self.mode = mode & 0o7777;
        self.changed = now();
    }

    /// Changes the times of the last reading and the last writing.
    pub(super) fn set_times(&mut self, accessed: i64, modified: i64) {
        (self.accessed, self.modified, self.changed) = (accessed, modified, now());
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let bytes = self.content.get_mut().unwrap_or_else(PoisonError::into_inner).bytes.len();
        self.room.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl TemporaryFile {
    /// The content, to look at.
    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes at a place, or at the end. Says where the writing ended.
    pub(super) fn write(&self, at: Option<u64>, bytes: &[u8]) -> io::Result<u64> {
        let mut content = self.content();
        let start = match at {
            Some(at) => usize::try_from(at).map_err(|_| errno(libc::EFBIG))?,
            None => content.bytes.len(),
        };
        if bytes.is_empty() {
            return Ok(start as u64);
        }
        let end = start.checked_add(bytes.len()).ok_or_else(|| errno(libc::EFBIG))?;
        if end > content.bytes.len() {
            self.resize(&mut content, end)?;
        }
        content.bytes[start..end].copy_from_slice(bytes);
        content.attributes.modified = now();
        Ok(end as u64)
    }

    /// Cuts the file off, or fills it up with zeros.
    pub(super) fn set_length(&self, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(|_| errno(libc::EFBIG))?;
        let mut content = self.content();
        self.resize(&mut content, length)?;
        content.attributes.modified = now();
        Ok(())
    }

    fn resize(&self, content: &mut Content, length: usize) -> io::Result<()> {
        let before = content.bytes.len();
        if length > before {
            let taken = self.room.used.fetch_add(length - before, Ordering::Relaxed).saturating_add(length - before);
            if taken > self.room.limit.load(Ordering::Relaxed) {
                self.room.used.fetch_sub(length - before, Ordering::Relaxed);
                return Err(errno(libc::ENOSPC));
            }
        } else {
            self.room.used.fetch_sub(before - length, Ordering::Relaxed);
        }
        content.bytes.resize(length, 0);
        if length < before / 2 {
            content.bytes.shrink_to_fit();
        }
        Ok(())
    }
}

fn parent(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..slash])
}

impl Temporary {
    /// Sets how much all files may hold together, in bytes.
    #[allow(dead_code, reason = "the build script runs no programs")]
    pub(super) fn make_room(&self, bytes: usize) {
        self.room.limit.store(bytes, Ordering::Relaxed);
    }

    /// An empty folder whose files may hold so many bytes.
    pub(super) fn new() -> Self {
        let mut entries = BTreeMap::new();
        entries.insert(String::new(), Entry::Folder(Attributes::new(0, 0o1777)));
        Self { entries, room: Arc::default(), next_number: 1 }
    }

    /// How many bytes there may be, and how many there are.
    pub(super) fn room(&self) -> (usize, usize) {
        (self.room.limit.load(Ordering::Relaxed), self.room.used.load(Ordering::Relaxed))
    }

    /// What is at a path below the folder; empty is the folder itself.
    pub(super) fn entry(&self, path: &str) -> io::Result<&Entry> {
        match self.entries.get(path) {
            Some(entry) => Ok(entry),
            None => Err(self.missing(path)),
        }
    }

    /// Nothing is there, or something that is no folder stands above it.
    fn missing(&self, path: &str) -> io::Error {
        let mut above = path;
        while !above.is_empty() {
            above = parent(above);
            match self.entries.get(above) {
                Some(Entry::File(_)) => return errno(libc::ENOTDIR),
                Some(Entry::Folder(_)) => break,
                None => {}
            }
        }
        errno(libc::ENOENT)
    }

    /// The names in a folder, in order, and whether each is a folder.
    pub(super) fn names(&self, path: &str) -> io::Result<BTreeMap<String, bool>> {
        match self.entry(path)? {
            Entry::File(_) => return Err(errno(libc::ENOTDIR)),
            Entry::Folder(_) => {}
        }
        let prefix = prefix(path);
        let below = self.below(path).filter_map(|(name, entry)| {
            let name = &name[prefix.len()..];
            (!name.contains('/')).then(|| (name.to_owned(), matches!(entry, Entry::Folder(_))))
        });
        Ok(below.collect())
    }

    /// Everything in a folder, however deep.
    fn below<'a>(&'a self, path: &str) -> impl Iterator<Item = (&'a String, &'a Entry)> + use<'a> {
        let prefix = prefix(path);
        let start = prefix.clone();
        // The folder itself is the empty path at the root, and before its own prefix everywhere else.
        let all = self.entries.range(start..).skip_while(|(name, _)| name.is_empty());
        all.take_while(move |(name, _)| name.starts_with(&prefix))
    }

    fn insert(
        &mut self,
        path: &str,
        make: impl FnOnce(Attributes, &Arc<Room>) -> Entry,
        mode: u32,
    ) -> io::Result<&Entry> {
        match self.entry(parent(path))? {
            Entry::File(_) => return Err(errno(libc::ENOTDIR)),
            Entry::Folder(_) => {}
        }
        if self.entries.len() >= ENTRIES {
            return Err(errno(libc::ENOSPC));
        }
        let attributes = Attributes::new(self.next_number, mode);
        self.next_number += 1;
        let entry = make(attributes, &self.room);
        Ok(self.entries.entry(path.to_owned()).insert_entry(entry).into_mut())
    }

    /// Makes a folder, and those above it if they are to be made too.
    pub(super) fn make_folder(&mut self, path: &str, recursive: bool, mode: u32) -> io::Result<()> {
        match self.entries.get(path) {
            Some(Entry::Folder(_)) if recursive => return Ok(()),
            Some(Entry::File(_) | Entry::Folder(_)) => return Err(errno(libc::EEXIST)),
            None => {}
        }
        if recursive {
            self.make_folder(parent(path), true, mode).map_err(|error| match error.raw_os_error() {
                Some(libc::EEXIST) => errno(libc::ENOTDIR),
                _ => error,
            })?;
        }
        self.insert(path, |attributes, _| Entry::Folder(attributes), mode & 0o7777).map(|_| ())
    }

    /// Makes an empty file, where nothing is.
    pub(super) fn make_file(&mut self, path: &str, mode: u32) -> io::Result<Arc<TemporaryFile>> {
        let make = |attributes, room: &Arc<Room>| {
            let content = Mutex::new(Content { bytes: Vec::new(), attributes });
            Entry::File(Arc::new(TemporaryFile { content, room: room.clone() }))
        };
        match self.insert(path, make, mode & 0o7777)? {
            Entry::File(file) => Ok(file.clone()),
            Entry::Folder(_) => Err(errno(libc::EISDIR)),
        }
    }

    /// Takes away a file, or a folder: an empty one, or one with all that is in it.
    pub(super) fn remove(&mut self, path: &str, recursive: bool) -> io::Result<()> {
        let is_folder = matches!(self.entry(path)?, Entry::Folder(_));
        if path.is_empty() {
            return Err(errno(libc::EBUSY));
        }
        if is_folder {
            let inside: Vec<String> = self.below(path).map(|(name, _)| name.clone()).collect();
            if !recursive && !inside.is_empty() {
                return Err(errno(libc::ENOTEMPTY));
            }
            for name in inside {
                self.entries.remove(&name);
            }
        }
        self.entries.remove(path);
        Ok(())
    }

    /// Takes away an empty folder.
    pub(super) fn remove_folder(&mut self, path: &str) -> io::Result<()> {
        match self.entry(path)? {
            Entry::File(_) => Err(errno(libc::ENOTDIR)),
            Entry::Folder(_) => self.remove(path, false),
        }
    }

    /// Gives something another path, over what may be there (rename(2)).
    pub(super) fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let moved = self.entry(from)?.clone();
        if from == to {
            return Ok(());
        }
        if from.is_empty() || to.is_empty() {
            return Err(errno(libc::EBUSY));
        }
        match self.entry(parent(to))? {
            Entry::File(_) => return Err(errno(libc::ENOTDIR)),
            Entry::Folder(_) => {}
        }
        let from_prefix = prefix(from);
        if to.starts_with(&from_prefix) {
            return Err(errno(libc::EINVAL));
        }
        match (&moved, self.entries.get(to)) {
            (_, None) | (Entry::File(_), Some(Entry::File(_))) => {}
            (Entry::File(_), Some(Entry::Folder(_))) => return Err(errno(libc::EISDIR)),
            (Entry::Folder(_), Some(Entry::File(_))) => return Err(errno(libc::ENOTDIR)),
            (Entry::Folder(_), Some(Entry::Folder(_))) => self.remove(to, false)?,
        }
        let inside: Vec<String> = self.below(from).map(|(name, _)| name.clone()).collect();
        for name in inside {
            if let Some(entry) = self.entries.remove(&name) {
                self.entries.insert(format!("{to}/{}", &name[from_prefix.len()..]), entry);
            }
        }
        self.entries.remove(from);
        self.entries.insert(to.to_owned(), moved);
        Ok(())
    }

    /// Changes what a file or folder has beside its content.
    pub(super) fn change(&mut self, path: &str, change: impl FnOnce(&mut Attributes)) -> io::Result<()> {
        let missing = self.missing(path);
        match self.entries.get_mut(path).ok_or(missing)? {
            Entry::File(file) => change(&mut file.content().attributes),
            Entry::Folder(attributes) => change(attributes),
        }
        Ok(())
    }
}

fn prefix(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path}/") }
}
