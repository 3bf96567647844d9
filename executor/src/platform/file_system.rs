//! The file system behind `node:fs`: it holds the program's folder, empty, and nothing of the host. Reading finds nothing,
//! writing is refused.

use std::io::Error as IoError;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use async_trait::async_trait;
use deno_fs::{FileSystem, FsDirEntry, FsFileType, FsReadDir, FsReadDirRc, OpenOptions};
use deno_io::fs::{File, FsError, FsResult, FsStat, FsStatFs};
use deno_permissions::{CheckedPath, CheckedPathBuf};

/// The folders that exist.
const FOLDERS: [&str; 3] = ["/", "/hoist", "/tmp"];

/// A file system without a file.
#[derive(Debug)]
pub(super) struct EmptyFileSystem;

// The numbers, not only the kinds: Node's error codes come from them.
fn absent<T>() -> FsResult<T> {
    Err(FsError::Io(IoError::from_raw_os_error(libc::ENOENT)))
}

fn read_only<T>() -> FsResult<T> {
    Err(FsError::Io(IoError::from_raw_os_error(libc::EROFS)))
}

fn is_folder(path: &Path) -> bool {
    FOLDERS.iter().any(|folder| Path::new(folder) == path)
}

fn stat(path: &Path) -> FsResult<FsStat> {
    if !is_folder(path) {
        return absent();
    }
    Ok(FsStat {
        is_file: false,
        is_directory: true,
        is_symlink: false,
        size: 0,
        mtime: Some(0),
        atime: Some(0),
        birthtime: Some(0),
        ctime: Some(0),
        dev: 1,
        ino: Some(1),
        mode: 0o040_555,
        nlink: Some(1),
        uid: 1000,
        gid: 1000,
        rdev: 0,
        blksize: 4096,
        blocks: Some(0),
        is_block_device: false,
        is_char_device: false,
        is_fifo: false,
        is_socket: false,
    })
}

fn folder(path: &Path) -> FsResult<PathBuf> {
    if is_folder(path) { Ok(path.to_path_buf()) } else { absent() }
}

fn open(options: OpenOptions) -> FsResult<Rc<dyn File>> {
    if options.write || options.create || options.create_new || options.append { read_only() } else { absent() }
}

/// The entries of a folder that has none.
#[derive(Debug)]
struct EmptyFolder;

#[async_trait(?Send)]
impl FsReadDir for EmptyFolder {
    async fn next(&self) -> FsResult<Option<FsDirEntry>> {
        Ok(None)
    }
}

#[async_trait(?Send)]
impl FileSystem for EmptyFileSystem {
    fn cwd(&self) -> FsResult<PathBuf> {
        Ok(PathBuf::from("/hoist"))
    }

    fn tmp_dir(&self) -> FsResult<PathBuf> {
        Ok(PathBuf::from("/tmp"))
    }

    fn chdir(&self, path: &CheckedPath) -> FsResult<()> {
        folder(path).map(|_| ())
    }

    fn umask(&self, _mask: Option<u32>) -> FsResult<u32> {
        Ok(0o022)
    }

    fn open_sync(&self, _path: &CheckedPath, options: OpenOptions) -> FsResult<Rc<dyn File>> {
        open(options)
    }

    async fn open_async(&self, _path: CheckedPathBuf, options: OpenOptions) -> FsResult<Rc<dyn File>> {
        open(options)
    }

    fn mkdir_sync(&self, _path: &CheckedPath, _recursive: bool, _mode: Option<u32>) -> FsResult<()> {
        read_only()
    }

    async fn mkdir_async(&self, _path: CheckedPathBuf, _recursive: bool, _mode: Option<u32>) -> FsResult<()> {
        read_only()
    }

    fn chmod_sync(&self, _path: &CheckedPath, _mode: u32) -> FsResult<()> {
        read_only()
    }

    async fn chmod_async(&self, _path: CheckedPathBuf, _mode: u32) -> FsResult<()> {
        read_only()
    }

    fn chown_sync(&self, _path: &CheckedPath, _uid: Option<u32>, _gid: Option<u32>) -> FsResult<()> {
        read_only()
    }

    async fn chown_async(&self, _path: CheckedPathBuf, _uid: Option<u32>, _gid: Option<u32>) -> FsResult<()> {
        read_only()
    }

    fn lchmod_sync(&self, _path: &CheckedPath, _mode: u32) -> FsResult<()> {
        read_only()
    }

    async fn lchmod_async(&self, _path: CheckedPathBuf, _mode: u32) -> FsResult<()> {
        read_only()
    }

    fn lchown_sync(&self, _path: &CheckedPath, _uid: Option<u32>, _gid: Option<u32>) -> FsResult<()> {
        read_only()
    }

    async fn lchown_async(&self, _path: CheckedPathBuf, _uid: Option<u32>, _gid: Option<u32>) -> FsResult<()> {
        read_only()
    }

    fn remove_sync(&self, _path: &CheckedPath, _recursive: bool) -> FsResult<()> {
        read_only()
    }

    async fn remove_async(&self, _path: CheckedPathBuf, _recursive: bool) -> FsResult<()> {
        read_only()
    }

    fn copy_file_sync(&self, _oldpath: &CheckedPath, _newpath: &CheckedPath) -> FsResult<()> {
        read_only()
    }

    async fn copy_file_async(&self, _oldpath: CheckedPathBuf, _newpath: CheckedPathBuf) -> FsResult<()> {
        read_only()
    }

    fn cp_sync(&self, _path: &CheckedPath, _new_path: &CheckedPath) -> FsResult<()> {
        read_only()
    }

    async fn cp_async(&self, _path: CheckedPathBuf, _new_path: CheckedPathBuf) -> FsResult<()> {
        read_only()
    }

    fn stat_sync(&self, path: &CheckedPath) -> FsResult<FsStat> {
        stat(path)
    }

    async fn stat_async(&self, path: CheckedPathBuf) -> FsResult<FsStat> {
        stat(&path)
    }

    fn lstat_sync(&self, path: &CheckedPath) -> FsResult<FsStat> {
        stat(path)
    }

    async fn lstat_async(&self, path: CheckedPathBuf) -> FsResult<FsStat> {
        stat(&path)
    }

    fn statfs_sync(&self, _path: &CheckedPath, _bigint: bool) -> FsResult<FsStatFs> {
        absent()
    }

    async fn statfs_async(&self, _path: CheckedPathBuf, _bigint: bool) -> FsResult<FsStatFs> {
        absent()
    }

    fn realpath_sync(&self, path: &CheckedPath) -> FsResult<PathBuf> {
        folder(path)
    }

    async fn realpath_async(&self, path: CheckedPathBuf) -> FsResult<PathBuf> {
        folder(&path)
    }

    fn read_dir_sync(&self, path: &CheckedPath) -> FsResult<Vec<FsDirEntry>> {
        folder(path).map(|_| Vec::new())
    }

    async fn read_dir_async(&self, path: CheckedPathBuf) -> FsResult<FsReadDirRc> {
        folder(&path).map(|_| Rc::new(EmptyFolder) as FsReadDirRc)
    }

    fn rename_sync(&self, _oldpath: &CheckedPath, _newpath: &CheckedPath) -> FsResult<()> {
        read_only()
    }

    async fn rename_async(&self, _oldpath: CheckedPathBuf, _newpath: CheckedPathBuf) -> FsResult<()> {
        read_only()
    }

    fn rmdir_sync(&self, _path: &CheckedPath) -> FsResult<()> {
        read_only()
    }

    async fn rmdir_async(&self, _path: CheckedPathBuf) -> FsResult<()> {
        read_only()
    }

    fn link_sync(&self, _oldpath: &CheckedPath, _newpath: &CheckedPath) -> FsResult<()> {
        read_only()
    }

    async fn link_async(&self, _oldpath: CheckedPathBuf, _newpath: CheckedPathBuf) -> FsResult<()> {
        read_only()
    }

    fn symlink_sync(
        &self,
        _oldpath: &CheckedPath,
        _newpath: &CheckedPath,
        _file_type: Option<FsFileType>,
    ) -> FsResult<()> {
        read_only()
    }

    async fn symlink_async(
        &self,
        _oldpath: CheckedPathBuf,
        _newpath: CheckedPathBuf,
        _file_type: Option<FsFileType>,
    ) -> FsResult<()> {
        read_only()
    }

    fn read_link_sync(&self, _path: &CheckedPath) -> FsResult<PathBuf> {
        absent()
    }

    async fn read_link_async(&self, _path: CheckedPathBuf) -> FsResult<PathBuf> {
        absent()
    }

    fn truncate_sync(&self, _path: &CheckedPath, _len: u64) -> FsResult<()> {
        read_only()
    }

    async fn truncate_async(&self, _path: CheckedPathBuf, _len: u64) -> FsResult<()> {
        read_only()
    }

    fn utime_sync(
        &self,
        _path: &CheckedPath,
        _atime_secs: i64,
        _atime_nanos: u32,
        _mtime_secs: i64,
        _mtime_nanos: u32,
    ) -> FsResult<()> {
        read_only()
    }

    async fn utime_async(
        &self,
        _path: CheckedPathBuf,
        _atime_secs: i64,
        _atime_nanos: u32,
        _mtime_secs: i64,
        _mtime_nanos: u32,
    ) -> FsResult<()> {
        read_only()
    }

    fn lutime_sync(
        &self,
        _path: &CheckedPath,
        _atime_secs: i64,
        _atime_nanos: u32,
        _mtime_secs: i64,
        _mtime_nanos: u32,
    ) -> FsResult<()> {
        read_only()
    }

    async fn lutime_async(
        &self,
        _path: CheckedPathBuf,
        _atime_secs: i64,
        _atime_nanos: u32,
        _mtime_secs: i64,
        _mtime_nanos: u32,
    ) -> FsResult<()> {
        read_only()
    }

    fn exists_sync(&self, path: &CheckedPath) -> bool {
        is_folder(path)
    }

    async fn exists_async(&self, path: CheckedPathBuf) -> FsResult<bool> {
        Ok(is_folder(&path))
    }
}
