//! The same files as Node's resolver, the loader of CommonJS and the checks of permissions see them.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deno_fs::FsDirEntry;
use deno_io::fs::FsStat;
use sys_traits::boxed::BoxedFsFile;
use sys_traits::{
    BaseEnvVar, BaseFsCanonicalize, BaseFsMetadata, BaseFsOpen, BaseFsRead, BaseFsReadDir, EnvCurrentDir, EnvHomeDir,
    FileType, FsMetadataValue, OpenOptions,
};

use super::{Files, ROOT};

impl EnvCurrentDir for Files {
    fn env_current_dir(&self) -> io::Result<PathBuf> {
        Ok(self.working_folder())
    }
}

impl EnvHomeDir for Files {
    fn env_home_dir(&self) -> Option<PathBuf> {
        Some(PathBuf::from(ROOT))
    }
}

impl BaseEnvVar for Files {
    fn base_env_var_os(&self, _name: &OsStr) -> Option<OsString> {
        // Variables that would change how the resolver works.
        None
    }
}

impl BaseFsCanonicalize for Files {
    fn base_fs_canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.real_path(path)
    }
}

impl BaseFsRead for Files {
    fn base_fs_read(&self, path: &Path) -> io::Result<Cow<'static, [u8]>> {
        self.read(path)
    }
}

impl BaseFsOpen for Files {
    type File = BoxedFsFile;

    fn base_fs_open(&self, _path: &Path, _options: &OpenOptions) -> io::Result<Self::File> {
        // Only what installs packages opens files this way.
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl BaseFsMetadata for Files {
    type Metadata = Metadata;

    fn base_fs_metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.stat(path).map(Metadata)
    }

    fn base_fs_symlink_metadata(&self, path: &Path) -> io::Result<Metadata> {
        self.stat(path).map(Metadata)
    }
}

impl BaseFsReadDir for Files {
    type ReadDirEntry = Listed;

    fn base_fs_read_dir(&self, path: &Path) -> io::Result<Box<dyn Iterator<Item = io::Result<Listed>>>> {
        let (files, folder) = (self.clone(), path.to_owned());
        let listed = self.names(path)?.into_iter().map(move |entry| {
            let FsDirEntry { name, is_directory, .. } = entry;
            let path = folder.join(&name);
            Ok(Listed { files: files.clone(), path, name: name.into(), is_directory })
        });
        Ok(Box::new(listed))
    }
}

/// One entry of a folder.
#[derive(Debug)]
pub(crate) struct Listed {
    files: Files,
    path: PathBuf,
    name: OsString,
    is_directory: bool,
}

impl sys_traits::FsDirEntry for Listed {
    type Metadata = Metadata;

    fn file_name(&self) -> Cow<'_, OsStr> {
        Cow::Borrowed(&self.name)
    }

    fn file_type(&self) -> io::Result<FileType> {
        Ok(if self.is_directory { FileType::Dir } else { FileType::File })
    }

    fn metadata(&self) -> io::Result<Metadata> {
        self.files.stat(&self.path).map(Metadata)
    }

    fn path(&self) -> Cow<'_, Path> {
        Cow::Borrowed(&self.path)
    }
}

/// What `stat` says.
pub(crate) struct Metadata(FsStat);

impl std::fmt::Debug for Metadata {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Metadata").field("size", &self.0.size).field("mode", &self.0.mode).finish()
    }
}

fn time(milliseconds: Option<i64>) -> io::Result<SystemTime> {
    let since = u64::try_from(milliseconds.unwrap_or(0)).unwrap_or(0);
    Ok(UNIX_EPOCH + Duration::from_millis(since))
}

impl FsMetadataValue for Metadata {
    fn file_type(&self) -> FileType {
        if self.0.is_directory { FileType::Dir } else { FileType::File }
    }

    fn len(&self) -> u64 {
        self.0.size
    }

    fn accessed(&self) -> io::Result<SystemTime> {
        time(self.0.atime)
    }

    fn created(&self) -> io::Result<SystemTime> {
        time(self.0.birthtime)
    }

    fn changed(&self) -> io::Result<SystemTime> {
        time(self.0.ctime)
    }

    fn modified(&self) -> io::Result<SystemTime> {
        time(self.0.mtime)
    }

    fn dev(&self) -> io::Result<u64> {
        Ok(self.0.dev)
    }

    fn ino(&self) -> io::Result<u64> {
        Ok(self.0.ino.unwrap_or(0))
    }

    fn mode(&self) -> io::Result<u32> {
        Ok(self.0.mode)
    }

    fn nlink(&self) -> io::Result<u64> {
        Ok(1)
    }

    fn uid(&self) -> io::Result<u32> {
        Ok(self.0.uid)
    }

    fn gid(&self) -> io::Result<u32> {
        Ok(self.0.gid)
    }

    fn rdev(&self) -> io::Result<u64> {
        Ok(0)
    }

    fn blksize(&self) -> io::Result<u64> {
        Ok(self.0.blksize)
    }

    fn blocks(&self) -> io::Result<u64> {
        Ok(self.0.blocks.unwrap_or(0))
    }

    fn is_block_device(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn is_char_device(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn is_fifo(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn is_socket(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn file_attributes(&self) -> io::Result<u32> {
        Ok(0)
    }
}
