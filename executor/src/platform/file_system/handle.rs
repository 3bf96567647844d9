//! An open file: reads what is mapped where it lies, and reads and writes what is in memory.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use deno_core::{BufMutView, BufView, ResourceHandleFd, WriteOutcome};
use deno_fs::OpenOptions;
use deno_io::fs::{File, FsError, FsResult, FsStat};

use super::temporary::TemporaryFile;
use super::{FILE, errno, milliseconds, owner_stays, stat_of_attributes};

/// What was opened.
pub(super) enum Opened {
    /// A file of the program's.
    Mapped { bytes: &'static [u8], stat: Box<dyn Fn() -> FsStat> },
    /// A file in `/tmp`.
    Temporary(Arc<TemporaryFile>),
    /// A folder, which can be looked at and not read.
    Folder(Box<dyn Fn() -> FsStat>),
}

/// One open file.
pub(super) struct Handle {
    opened: Opened,
    path: PathBuf,
    position: Cell<u64>,
    can_read: bool,
    can_write: bool,
    appends: bool,
    /// How many files are open, this one among them.
    open: Arc<AtomicUsize>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Handle {
    /// `open` counts this handle already.
    pub(super) fn new(opened: Opened, path: PathBuf, options: &OpenOptions, open: Arc<AtomicUsize>) -> Self {
        let can_write = options.write || options.append;
        let can_read = options.read || !can_write;
        Self { opened, path, position: Cell::new(0), can_read, can_write, appends: options.append, open }
    }

    /// Lets `read` see the bytes from a place on.
    fn with_bytes<T>(&self, at: u64, read: impl FnOnce(&[u8]) -> T) -> io::Result<T> {
        if !self.can_read {
            return Err(errno(libc::EBADF));
        }
        let at = usize::try_from(at).unwrap_or(usize::MAX);
        match &self.opened {
            Opened::Mapped { bytes, .. } => Ok(read(bytes.get(at..).unwrap_or_default())),
            Opened::Temporary(file) => Ok(read(file.content().bytes.get(at..).unwrap_or_default())),
            Opened::Folder(_) => Err(errno(libc::EISDIR)),
        }
    }

    fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        self.with_bytes(at, |bytes| {
            let length = bytes.len().min(buffer.len());
            buffer[..length].copy_from_slice(&bytes[..length]);
            length
        })
    }

    fn read_on(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.read_at(buffer, self.position.get())?;
        self.position.set(self.position.get() + length as u64);
        Ok(length)
    }

    fn read_rest(&self) -> io::Result<Cow<'static, [u8]>> {
        let position = self.position.get();
        let rest = match &self.opened {
            Opened::Mapped { bytes, .. } if self.can_read => {
                let at = usize::try_from(position).unwrap_or(usize::MAX);
                Cow::Borrowed(bytes.get(at..).unwrap_or_default())
            }
            _ => Cow::Owned(self.with_bytes(position, <[u8]>::to_vec)?),
        };
        self.position.set(position + rest.len() as u64);
        Ok(rest)
    }

    fn writable(&self) -> io::Result<&TemporaryFile> {
        match &self.opened {
            Opened::Temporary(file) if self.can_write => Ok(file),
            Opened::Temporary(_) | Opened::Mapped { .. } | Opened::Folder(_) => Err(errno(libc::EBADF)),
        }
    }

    /// Writes at a place; at the end, if the file was opened for that (pwrite(2), "BUGS").
    pub(super) fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<usize> {
        self.writable()?.write((!self.appends).then_some(at), bytes)?;
        Ok(bytes.len())
    }

    fn write_on(&self, bytes: &[u8]) -> io::Result<usize> {
        let at = (!self.appends).then_some(self.position.get());
        self.position.set(self.writable()?.write(at, bytes)?);
        Ok(bytes.len())
    }

    fn seek(&self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(place) => (place, 0),
            SeekFrom::End(by) => (self.look().size, by),
            SeekFrom::Current(by) => (self.position.get(), by),
        };
        let place = from.checked_add_signed(by).ok_or_else(|| errno(libc::EINVAL))?;
        self.position.set(place);
        Ok(place)
    }

    fn look(&self) -> FsStat {
        match &self.opened {
            Opened::Mapped { stat, .. } | Opened::Folder(stat) => stat(),
            Opened::Temporary(file) => {
                let content = file.content();
                stat_of_attributes(&content.attributes, FILE, content.bytes.len())
            }
        }
    }

    /// The file whose attributes are to be changed, which does not take a handle that can write.
    fn changeable(&self) -> io::Result<&TemporaryFile> {
        match &self.opened {
            Opened::Temporary(file) => Ok(file),
            Opened::Mapped { .. } | Opened::Folder(_) => Err(errno(libc::EROFS)),
        }
    }

    fn set_mode(&self, mode: u32) -> io::Result<()> {
        self.changeable()?.content().attributes.set_mode(mode);
        Ok(())
    }

    fn set_owner(&self, user: Option<u32>, group: Option<u32>) -> io::Result<()> {
        self.changeable()?;
        owner_stays(user, group)
    }

    fn set_times(&self, accessed: (i64, u32), modified: (i64, u32)) -> io::Result<()> {
        let mut content = self.changeable()?.content();
        content.attributes.set_times(milliseconds(accessed), milliseconds(modified));
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        // A handle that cannot write is another mistake here than a closed one (ftruncate(2)).
        self.writable().map_err(|_| errno(libc::EINVAL))?.set_length(length)
    }
}

/// Nothing waits here, so what is asked for later is done at once.
#[async_trait(?Send)]
impl File for Handle {
    fn maybe_path(&self) -> Option<&Path> {
        Some(&self.path)
    }

    fn read_sync(self: Rc<Self>, buffer: &mut [u8]) -> FsResult<usize> {
        Ok(self.read_on(buffer)?)
    }

    async fn read_byob(self: Rc<Self>, mut buffer: BufMutView) -> FsResult<(usize, BufMutView)> {
        let length = self.read_on(&mut buffer)?;
        Ok((length, buffer))
    }

    fn write_sync(self: Rc<Self>, bytes: &[u8]) -> FsResult<usize> {
        Ok(self.write_on(bytes)?)
    }

    async fn write(self: Rc<Self>, bytes: BufView) -> FsResult<WriteOutcome> {
        let nwritten = self.write_on(&bytes)?;
        Ok(WriteOutcome::Full { nwritten })
    }

    fn write_all_sync(self: Rc<Self>, bytes: &[u8]) -> FsResult<()> {
        self.write_on(bytes)?;
        Ok(())
    }

    async fn write_all(self: Rc<Self>, bytes: BufView) -> FsResult<()> {
        self.write_on(&bytes)?;
        Ok(())
    }

    fn read_all_sync(self: Rc<Self>) -> FsResult<Cow<'static, [u8]>> {
        Ok(self.read_rest()?)
    }

    async fn read_all_async(self: Rc<Self>) -> FsResult<Cow<'static, [u8]>> {
        Ok(self.read_rest()?)
    }

    fn chmod_sync(self: Rc<Self>, mode: u32) -> FsResult<()> {
        Ok(self.set_mode(mode)?)
    }

    async fn chmod_async(self: Rc<Self>, mode: u32) -> FsResult<()> {
        Ok(self.set_mode(mode)?)
    }

    fn chown_sync(self: Rc<Self>, user: Option<u32>, group: Option<u32>) -> FsResult<()> {
        Ok(self.set_owner(user, group)?)
    }

    async fn chown_async(self: Rc<Self>, user: Option<u32>, group: Option<u32>) -> FsResult<()> {
        Ok(self.set_owner(user, group)?)
    }

    fn seek_sync(self: Rc<Self>, to: SeekFrom) -> FsResult<u64> {
        Ok(self.seek(to)?)
    }

    async fn seek_async(self: Rc<Self>, to: SeekFrom) -> FsResult<u64> {
        Ok(self.seek(to)?)
    }

    fn datasync_sync(self: Rc<Self>) -> FsResult<()> {
        Ok(())
    }

    async fn datasync_async(self: Rc<Self>) -> FsResult<()> {
        Ok(())
    }

    fn sync_sync(self: Rc<Self>) -> FsResult<()> {
        Ok(())
    }

    async fn sync_async(self: Rc<Self>) -> FsResult<()> {
        Ok(())
    }

    fn stat_sync(self: Rc<Self>) -> FsResult<FsStat> {
        Ok(self.look())
    }

    async fn stat_async(self: Rc<Self>) -> FsResult<FsStat> {
        Ok(self.look())
    }

    fn lock_sync(self: Rc<Self>, _exclusive: bool) -> FsResult<()> {
        // There is no other process.
        Ok(())
    }

    async fn lock_async(self: Rc<Self>, _exclusive: bool) -> FsResult<()> {
        Ok(())
    }

    fn try_lock_sync(self: Rc<Self>, _exclusive: bool) -> FsResult<bool> {
        Ok(true)
    }

    async fn try_lock_async(self: Rc<Self>, _exclusive: bool) -> FsResult<bool> {
        Ok(true)
    }

    fn unlock_sync(self: Rc<Self>) -> FsResult<()> {
        Ok(())
    }

    async fn unlock_async(self: Rc<Self>) -> FsResult<()> {
        Ok(())
    }

    fn truncate_sync(self: Rc<Self>, length: u64) -> FsResult<()> {
        Ok(self.set_length(length)?)
    }

    async fn truncate_async(self: Rc<Self>, length: u64) -> FsResult<()> {
        Ok(self.set_length(length)?)
    }

    fn utime_sync(
        self: Rc<Self>,
        accessed: i64,
        accessed_nanoseconds: u32,
        modified: i64,
        modified_nanoseconds: u32,
    ) -> FsResult<()> {
        Ok(self.set_times((accessed, accessed_nanoseconds), (modified, modified_nanoseconds))?)
    }

    async fn utime_async(
        self: Rc<Self>,
        accessed: i64,
        accessed_nanoseconds: u32,
        modified: i64,
        modified_nanoseconds: u32,
    ) -> FsResult<()> {
        Ok(self.set_times((accessed, accessed_nanoseconds), (modified, modified_nanoseconds))?)
    }

    fn read_at_sync(self: Rc<Self>, buffer: &mut [u8], position: u64) -> FsResult<usize> {
        Ok(self.read_at(buffer, position)?)
    }

    async fn read_at_async(self: Rc<Self>, mut buffer: BufMutView, position: u64) -> FsResult<(usize, BufMutView)> {
        let length = self.read_at(&mut buffer, position)?;
        Ok((length, buffer))
    }

    fn write_at_sync(self: Rc<Self>, bytes: &[u8], position: u64) -> FsResult<usize> {
        Ok(self.write_at(bytes, position)?)
    }

    fn as_stdio(self: Rc<Self>) -> FsResult<Stdio> {
        Err(FsError::NotSupported)
    }

    fn backing_fd(self: Rc<Self>) -> Option<ResourceHandleFd> {
        None
    }

    fn try_clone_inner(self: Rc<Self>) -> FsResult<Rc<dyn File>> {
        Err(FsError::NotSupported)
    }
}
