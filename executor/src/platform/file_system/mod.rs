//! The file system of a run: `/hoist` read-only from the images that came with the program, a bounded writable `/tmp` in
//! memory, and nothing of the host. One [`Files`] stands behind `node:fs`, `require` and Node's resolver.
//!
//! Here is what each operation does, once; `delegation.rs` puts it behind the blocking and the asynchronous methods of
//! Deno's trait, `sys.rs` behind what the resolver wants. Errors carry the numbers of Linux, from which Node's codes come.

mod delegation;
mod handle;
mod sys;
mod temporary;
#[cfg(test)]
mod tests;
mod tree;

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use deno_fs::{FsDirEntry, OpenOptions};
use deno_io::fs::{FsStat, FsStatFs};

use self::handle::{Handle, Opened};
#[allow(unused_imports, reason = "the build script runs no programs")]
pub(crate) use self::temporary::stamps;
use self::temporary::{Attributes, Entry, Temporary};
use self::tree::Node;

pub(crate) use self::tree::Tree;

/// The folder of the program's files.
pub(crate) const ROOT: &str = "/hoist";
/// The folder that can be written.
pub(crate) const TEMPORARY: &str = "/tmp";

/// The most files open at once: what a shell usually allows a process.
const OPEN_FILES: usize = 1000;
/// Bytes of a path, and of one name in it: what Linux allows.
const PATH_BYTES: usize = 4096;
const NAME_BYTES: usize = 255;
/// The bits of a mode that say what kind of thing it belongs to.
const FILE: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// An error by its number.
fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

/// The files. Cheap to clone; all clones are one file system.
#[derive(Clone)]
pub(crate) struct Files(Arc<Inner>);

struct Inner {
    tree: OnceLock<&'static Tree>,
    temporary: Mutex<Temporary>,
    /// The working folder, absolute.
    folder: Mutex<PathBuf>,
    open: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Files").finish_non_exhaustive()
    }
}

/// Where a path leads.
#[derive(Debug, Eq, PartialEq)]
enum Place {
    /// To the root of everything, which holds two folders.
    Top,
    /// Below `/hoist`.
    Program(String),
    /// Below `/tmp`.
    Temporary(String),
    /// To what does not exist.
    Elsewhere {
        /// Whether the folder that it would be in does.
        in_top: bool,
    },
}

impl Files {
    /// No files, and no room in `/tmp`.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            tree: OnceLock::new(),
            temporary: Mutex::new(Temporary::new()),
            folder: Mutex::new(PathBuf::from(ROOT)),
            open: Arc::default(),
        }))
    }

    /// Puts the program's files in place, for as long as the process lasts. What was put there first stays.
    #[allow(dead_code, reason = "the build script runs no programs")]
    pub(crate) fn mount(&self, tree: Tree) {
        self.0.tree.get_or_init(|| Box::leak(Box::new(tree)));
    }

    /// Makes room for so many bytes in `/tmp`.
    #[allow(dead_code, reason = "the build script runs no programs")]
    pub(crate) fn make_room(&self, temporary_bytes: usize) {
        self.temporary().make_room(temporary_bytes);
    }

    fn tree(&self) -> &'static Tree {
        static NOTHING: Tree = Tree::new_empty();
        self.0.tree.get().copied().unwrap_or(&NOTHING)
    }

    fn temporary(&self) -> MutexGuard<'_, Temporary> {
        self.0.temporary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The working folder.
    pub(crate) fn working_folder(&self) -> PathBuf {
        self.0.folder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_working_folder(&self, path: &Path) -> io::Result<()> {
        let path = self.real_path(path)?;
        if !self.stat(&path)?.is_directory {
            return Err(errno(libc::ENOTDIR));
        }
        *self.0.folder.lock().unwrap_or_else(PoisonError::into_inner) = path;
        Ok(())
    }

    /// A path without `.` and `..`. There are no links, so the text says where it leads.
    fn absolute(&self, path: &Path) -> io::Result<PathBuf> {
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.is_empty() {
            return Err(errno(libc::ENOENT));
        }
        if bytes.contains(&0) {
            return Err(errno(libc::EINVAL));
        }
        if bytes.len() > PATH_BYTES {
            return Err(errno(libc::ENAMETOOLONG));
        }
        let mut absolute = if path.is_absolute() { PathBuf::from("/") } else { self.working_folder() };
        for component in path.components() {
            match component {
                Component::Normal(name) if name.len() > NAME_BYTES => return Err(errno(libc::ENAMETOOLONG)),
                Component::Normal(name) => absolute.push(name),
                Component::ParentDir => {
                    absolute.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
            }
        }
        Ok(absolute)
    }

    fn place(&self, path: &Path) -> io::Result<Place> {
        let absolute = self.absolute(path)?;
        // Names here are text; one that is not names nothing.
        let Some(text) = absolute.to_str() else { return Ok(Place::Elsewhere { in_top: false }) };
        let below = |root: &str| match text.strip_prefix(root)? {
            "" => Some(String::new()),
            rest => rest.strip_prefix('/').map(str::to_owned),
        };
        Ok(match (below(ROOT), below(TEMPORARY)) {
            (Some(rest), _) => Place::Program(rest),
            (None, Some(rest)) => Place::Temporary(rest),
            (None, None) if text == "/" => Place::Top,
            (None, None) => Place::Elsewhere { in_top: text.rfind('/') == Some(0) },
        })
    }

    /// A place that is to be written.
    fn writable(&self, path: &Path) -> io::Result<String> {
        match self.place(path)? {
            Place::Temporary(path) => Ok(path),
            Place::Top | Place::Program(_) => Err(errno(libc::EROFS)),
            Place::Elsewhere { in_top: true } => Err(errno(libc::EACCES)),
            Place::Elsewhere { in_top: false } => Err(errno(libc::ENOENT)),
        }
    }

    fn stat(&self, path: &Path) -> io::Result<FsStat> {
        match self.place(path)? {
            Place::Top => Ok(read_only(FOLDER | 0o555, 1, 0)),
            Place::Program(path) => Ok(stat_of_node(self.tree().node(&path)?)),
            Place::Temporary(path) => match self.temporary().entry(&path)? {
                Entry::File(file) => {
                    let content = file.content();
                    Ok(stat_of_attributes(&content.attributes, FILE, content.bytes.len()))
                }
                Entry::Folder(attributes) => Ok(stat_of_attributes(attributes, FOLDER, 0)),
            },
            Place::Elsewhere { .. } => Err(errno(libc::ENOENT)),
        }
    }

    fn real_path(&self, path: &Path) -> io::Result<PathBuf> {
        self.stat(path)?;
        self.absolute(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.stat(path)?;
        Err(errno(libc::EINVAL))
    }

    /// The names in a folder, in order.
    fn names(&self, path: &Path) -> io::Result<Vec<FsDirEntry>> {
        let names = match self.place(path)? {
            Place::Top => [ROOT, TEMPORARY].map(|path| (path[1..].to_owned(), true)).into(),
            Place::Program(path) => self.tree().names(&path)?,
            Place::Temporary(path) => self.temporary().names(&path)?,
            Place::Elsewhere { .. } => return Err(errno(libc::ENOENT)),
        };
        let entry = |(name, is_directory): (String, bool)| FsDirEntry {
            name,
            is_file: !is_directory,
            is_directory,
            is_symlink: false,
        };
        Ok(names.into_iter().map(entry).collect())
    }

    /// A file's bytes. Those of the program's are where they lie.
    pub(crate) fn read(&self, path: &Path) -> io::Result<std::borrow::Cow<'static, [u8]>> {
        match self.place(path)? {
            Place::Program(path) => match self.tree().node(&path)? {
                Node::File { bytes, .. } => Ok(std::borrow::Cow::Borrowed(bytes)),
                Node::Folder { .. } => Err(errno(libc::EISDIR)),
            },
            Place::Temporary(path) => match self.temporary().entry(&path)? {
                Entry::File(file) => Ok(std::borrow::Cow::Owned(file.content().bytes.clone())),
                Entry::Folder(_) => Err(errno(libc::EISDIR)),
            },
            Place::Top => Err(errno(libc::EISDIR)),
            Place::Elsewhere { .. } => Err(errno(libc::ENOENT)),
        }
    }

    fn open(&self, path: &Path, options: &OpenOptions) -> io::Result<Handle> {
        let writes = options.write || options.append || options.truncate;
        let creates = options.create || options.create_new;
        let found = match self.place(path)? {
            Place::Temporary(path) => self.open_temporary(&path, options, writes)?,
            _ if options.create_new && self.stat(path).is_ok() => return Err(errno(libc::EEXIST)),
            Place::Program(below) if writes || creates => {
                // What is there and what is not are refused alike, but for a folder.
                let is_folder = matches!(self.tree().node(&below), Ok(Node::Folder { .. }));
                return Err(errno(if is_folder { libc::EISDIR } else { libc::EROFS }));
            }
            Place::Program(below) => match self.tree().node(&below)? {
                node @ Node::File { bytes, .. } => Opened::Mapped { bytes, stat: Box::new(move || stat_of_node(node)) },
                node @ Node::Folder { .. } => Opened::Folder(Box::new(move || stat_of_node(node))),
            },
            Place::Top if writes || creates => return Err(errno(libc::EISDIR)),
            Place::Top => Opened::Folder(Box::new(|| read_only(FOLDER | 0o555, 1, 0))),
            Place::Elsewhere { .. } if creates => {
                return Err(self.writable(path).map_or_else(|error| error, |_| errno(libc::ENOENT)));
            }
            Place::Elsewhere { .. } => return Err(errno(libc::ENOENT)),
        };
        let must_be_folder = options.custom_flags.unwrap_or(0) & libc::O_DIRECTORY != 0;
        if must_be_folder && !matches!(found, Opened::Folder(_)) {
            return Err(errno(libc::ENOTDIR));
        }
        if self.0.open.fetch_add(1, Ordering::Relaxed) >= OPEN_FILES {
            self.0.open.fetch_sub(1, Ordering::Relaxed);
            return Err(errno(libc::EMFILE));
        }
        Ok(Handle::new(found, self.absolute(path)?, options, self.0.open.clone()))
    }

    fn open_temporary(&self, path: &str, options: &OpenOptions, writes: bool) -> io::Result<Opened> {
        let mut temporary = self.temporary();
        match temporary.entry(path) {
            Ok(_) if options.create_new => Err(errno(libc::EEXIST)),
            Ok(Entry::Folder(_)) if writes || options.create => Err(errno(libc::EISDIR)),
            Ok(Entry::Folder(attributes)) => {
                let attributes = *attributes;
                Ok(Opened::Folder(Box::new(move || stat_of_attributes(&attributes, FOLDER, 0))))
            }
            Ok(Entry::File(file)) => {
                if options.truncate {
                    file.set_length(0)?;
                }
                Ok(Opened::Temporary(file.clone()))
            }
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) && (options.create || options.create_new) => {
                let mode = options.mode.unwrap_or(0o666) & !UMASK;
                temporary.make_file(path, mode).map(Opened::Temporary)
            }
            Err(error) => Err(error),
        }
    }

    fn make_folder(&self, path: &Path, recursive: bool, mode: Option<u32>) -> io::Result<()> {
        match self.place(path)? {
            Place::Temporary(path) => self.temporary().make_folder(&path, recursive, mode.unwrap_or(0o777) & !UMASK),
            Place::Top | Place::Program(_) | Place::Elsewhere { .. } => match self.stat(path) {
                Ok(stat) if recursive && stat.is_directory => Ok(()),
                Ok(_) => Err(errno(libc::EEXIST)),
                Err(_) => self.writable(path).map(|_| ()),
            },
        }
    }

    fn remove(&self, path: &Path, recursive: bool) -> io::Result<()> {
        let place = self.writable_if_there(path)?;
        self.temporary().remove(&place, recursive)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let place = self.writable_if_there(path)?;
        self.temporary().remove_folder(&place)
    }

    /// What is not there cannot be taken away; that goes before whether it could be written.
    fn writable_if_there(&self, path: &Path) -> io::Result<String> {
        self.stat(path)?;
        self.writable(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let from = self.writable_if_there(from)?;
        let to = self.writable(to)?;
        self.temporary().rename(&from, &to)
    }

    fn copy_file(&self, from: &Path, to: &Path) -> io::Result<()> {
        let bytes = self.read(from)?;
        if self.absolute(from)? == self.absolute(to)? {
            return Ok(());
        }
        let mode = self.stat(from)?.mode;
        let options = OpenOptions::write(true, false, false, Some(mode & 0o7777 | 0o200));
        let handle = self.open(to, &options)?;
        handle.write_at(&bytes, 0).map(|_| ())
    }

    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        if !self.stat(from)?.is_directory {
            return self.copy_file(from, to);
        }
        if self.absolute(to)?.starts_with(self.absolute(from)?) {
            return Err(errno(libc::EINVAL));
        }
        self.make_folder(to, true, None)?;
        for entry in self.names(from)? {
            self.copy(&from.join(&entry.name), &to.join(&entry.name))?;
        }
        Ok(())
    }

    fn set_mode(&self, path: &Path, mode: u32) -> io::Result<()> {
        let place = self.writable_if_there(path)?;
        self.temporary().change(&place, |attributes| attributes.set_mode(mode))
    }

    /// Everything belongs to the one user that there is.
    fn set_owner(&self, path: &Path, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
        self.writable_if_there(path)?;
        owner_stays(user, group)
    }

    fn set_times(&self, path: &Path, accessed: (i64, u32), modified: (i64, u32)) -> io::Result<()> {
        let place = self.writable_if_there(path)?;
        self.temporary()
            .change(&place, |attributes| attributes.set_times(milliseconds(accessed), milliseconds(modified)))
    }

    fn set_length(&self, path: &Path, length: u64) -> io::Result<()> {
        let place = self.writable_if_there(path)?;
        match self.temporary().entry(&place)? {
            Entry::File(file) => file.set_length(length),
            Entry::Folder(_) => Err(errno(libc::EISDIR)),
        }
    }

    /// Links would be a second name for one thing; nothing here has one.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.stat(from)?;
        self.writable(to)?;
        Err(errno(libc::EPERM))
    }

    fn symbolic_link(&self, _target: &Path, at: &Path) -> io::Result<()> {
        self.writable(at)?;
        Err(errno(libc::EPERM))
    }

    fn stat_of_system(&self, path: &Path) -> io::Result<FsStatFs> {
        self.stat(path)?;
        let (limit, used) = self.temporary().room();
        let blocks = |bytes: usize| (bytes as u64).div_ceil(BLOCK);
        let free = blocks(limit.saturating_sub(used));
        Ok(FsStatFs { typ: TMPFS, bsize: BLOCK, blocks: blocks(limit), bfree: free, bavail: free, files: 0, ffree: 0 })
    }
}

/// What is taken away from the mode of what is made.
const UMASK: u32 = 0o022;
/// The size of a block, in bytes.
const BLOCK: u64 = 4096;
/// The number of a file system in memory (statfs(2)).
const TMPFS: u64 = 0x0102_1994;
/// The user that a run is told it runs as.
const USER: u32 = 1000;

fn owner_stays(user: Option<u32>, group: Option<u32>) -> io::Result<()> {
    // Minus one says that it stays as it is (chown(2)).
    let is_ours = |id: Option<u32>| id.is_none_or(|id| id == USER || id == u32::MAX);
    if is_ours(user) && is_ours(group) { Ok(()) } else { Err(errno(libc::EPERM)) }
}

fn milliseconds((seconds, nanoseconds): (i64, u32)) -> i64 {
    seconds.saturating_mul(1000).saturating_add(i64::from(nanoseconds / 1_000_000))
}

fn stat_of_node(node: Node) -> FsStat {
    match node {
        Node::File { bytes, number } => read_only(FILE | 0o444, number, bytes.len()),
        Node::Folder { number } => read_only(FOLDER | 0o555, number, 0),
    }
}

fn read_only(mode: u32, number: u64, bytes: usize) -> FsStat {
    let attributes = Attributes { number, mode: mode & 0o7777, accessed: 0, modified: 0, changed: 0, born: 0 };
    FsStat { dev: 1, ..stat_of_attributes(&attributes, mode & !0o7777, bytes) }
}

fn stat_of_attributes(attributes: &Attributes, kind: u32, bytes: usize) -> FsStat {
    FsStat {
        is_file: kind == FILE,
        is_directory: kind == FOLDER,
        is_symlink: false,
        size: bytes as u64,
        mtime: Some(attributes.modified),
        atime: Some(attributes.accessed),
        birthtime: Some(attributes.born),
        ctime: Some(attributes.changed),
        dev: 2,
        ino: Some(attributes.number),
        mode: kind | attributes.mode,
        nlink: Some(1),
        uid: USER,
        gid: USER,
        rdev: 0,
        blksize: BLOCK,
        blocks: Some((bytes as u64).div_ceil(512)),
        is_block_device: false,
        is_char_device: false,
        is_fifo: false,
        is_socket: false,
    }
}
