//! Where the owner of a cache listens: a socket in a folder that only its user can reach.
//!
//! The socket's name is a hash of the cache's path, since a socket's path holds 108 bytes. Its folder is opened once, checked,
//! and used by its descriptor from then on: nobody can put another folder in its place, and its own path may have any length.
//! Nobody answers for a user but processes of that user, which the kernel says of whoever is at the other end.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::process::getuid;
use sha2::{Digest, Sha256};
use tokio::net::{UnixListener, UnixStream};

use crate::error::Error;

/// Permissions of the folder.
const FOLDER_MODE: u32 = 0o700;
/// Permissions of the socket.
const SOCKET_MODE: u32 = 0o600;

/// The place of one cache's socket.
#[derive(Debug)]
pub(crate) struct SocketPlace {
    folder: OwnedFd,
    path: PathBuf,
    name: String,
    cache: PathBuf,
}

impl SocketPlace {
    /// The place below `folder`, which is made if need be, of the cache that lies in `cache`.
    pub(crate) fn make(folder: &Path, cache: &Path) -> Result<Self, Error> {
        match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(unusable(folder, error)),
            _ => match Self::find(folder, cache)? {
                Some(place) => Ok(place),
                None => Err(unusable(folder, "it is gone")),
            },
        }
    }

    /// The same; none when there is no such folder.
    pub(crate) fn find(folder: &Path, cache: &Path) -> Result<Option<Self>, Error> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = match rustix::fs::open(folder, flags, Mode::empty()) {
            Ok(opened) => opened,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(unusable(folder, io::Error::from(errno))),
        };
        let facts = rustix::fs::fstat(&opened).map_err(|errno| unusable(folder, io::Error::from(errno)))?;
        if facts.st_uid != getuid().as_raw() {
            return Err(unusable(folder, format!("it belongs to user {}", facts.st_uid)));
        }
        let mode = facts.st_mode & 0o777;
        if mode != FOLDER_MODE {
            return Err(unusable(folder, format!("its mode is {mode:04o}, not {FOLDER_MODE:04o}")));
        }
        let cache = cache
            .canonicalize()
            .map_err(|error| Error::CacheFolder { folder: cache.to_owned(), detail: error.to_string() })?;
        let hash = format!("{:x}", Sha256::digest(cache.as_os_str().as_bytes()));
        Ok(Some(Self { folder: opened, path: folder.to_owned(), name: format!("{}.sock", &hash[..32]), cache }))
    }

    /// Listens. Only for who holds the cache's lock: a socket that is there already is a dead owner's.
    pub(crate) fn listen(&self) -> Result<UnixListener, Error> {
        self.bind().map_err(|error| unusable(&self.path, error))
    }

    /// The socket gets its name when it has its mode and somebody listens.
    fn bind(&self) -> io::Result<UnixListener> {
        let new = format!("{}.new", self.name);
        self.remove_name(&new)?;
        let listener = std::os::unix::net::UnixListener::bind(self.reachable(&new))?;
        let mode = Mode::from_raw_mode(SOCKET_MODE);
        rustix::fs::chmodat(&self.folder, &new, mode, AtFlags::empty())?;
        rustix::fs::renameat(&self.folder, &new, &self.folder, &self.name)?;
        listener.set_nonblocking(true)?;
        UnixListener::from_std(listener)
    }

    /// Connects to whoever listens; none when nobody does.
    pub(crate) async fn connect(&self) -> Result<Option<UnixStream>, Error> {
        match UnixStream::connect(self.reachable(&self.name)).await {
            Ok(stream) => match is_ours(&stream) {
                Ok(()) => Ok(Some(stream)),
                Err(Some(user)) => Err(Error::OwnerStranger { user, folder: self.cache.clone() }),
                Err(None) => Ok(None),
            },
            // Nobody, nobody any more, or so many that there is no room for one more now.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::WouldBlock
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(unusable(&self.path, error)),
        }
    }

    /// Removes the socket. Only for who holds the cache's lock.
    pub(crate) fn remove(&self) -> Result<(), Error> {
        self.remove_name(&self.name).map_err(|error| unusable(&self.path, error))
    }

    fn remove_name(&self, name: &str) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// A path of this name that a socket's address can hold, in the folder that was checked.
    fn reachable(&self, name: &str) -> PathBuf {
        let through = PathBuf::from(format!("/proc/self/fd/{}", self.folder.as_raw_fd()));
        match through.exists() {
            true => through.join(name),
            false => self.path.join(name),
        }
    }
}

/// Whether the other end is a process of this user; else whose it is, where the kernel says so.
pub(crate) fn is_ours(stream: &UnixStream) -> Result<(), Option<u32>> {
    let user = stream.peer_cred().map_err(|_| None)?.uid();
    if user == getuid().as_raw() { Ok(()) } else { Err(Some(user)) }
}

/// The process at the other end, where the kernel says so.
pub(crate) fn process_of(stream: &UnixStream) -> Option<u32> {
    stream.peer_cred().ok()?.pid().and_then(|pid| u32::try_from(pid).ok())
}

fn unusable(folder: &Path, detail: impl ToString) -> Error {
    Error::OwnerFolder { folder: folder.to_owned(), detail: detail.to_string() }
}
