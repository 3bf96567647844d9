//! Deno's trait has each operation twice, blocking and asynchronous. Nothing here waits for anything, so both are the same:
//! this file says which method of [`Files`] stands behind which pair.

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Mutex;

use async_trait::async_trait;
use deno_fs::{FileSystem, FsDirEntry, FsFileType, FsReadDir, FsReadDirRc, OpenOptions};
use deno_io::fs::{File, FsResult, FsStat, FsStatFs};
use deno_permissions::{CheckedPath, CheckedPathBuf};

use super::{Files, TEMPORARY, UMASK};

/// A folder's entries, one after the other.
#[derive(Debug)]
struct Entries(Mutex<std::vec::IntoIter<FsDirEntry>>);

#[async_trait(?Send)]
impl FsReadDir for Entries {
    async fn next(&self) -> FsResult<Option<FsDirEntry>> {
        Ok(self.0.lock().ok().and_then(|mut entries| entries.next()))
    }
}

/// Writes the trait's implementation: for each line the blocking and the asynchronous method, with the paths that they
/// take and what follows them, and the method behind both.
macro_rules! both {
    ($($blocking:ident $later:ident ($($path:ident),+ $(; $($name:ident: $type:ty),+)?) -> $result:ty
        = $body:expr;)+ => $rest:tt) => {
        both!(@ $rest $($blocking $later ($($path),+ $(; $($name: $type),+)?) -> $result = $body;)+);
    };
    (@ { $($rest:tt)* } $($blocking:ident $later:ident ($($path:ident),+ $(; $($name:ident: $type:ty),+)?) -> $result:ty
        = $body:expr;)+) => {
        #[async_trait(?Send)]
        impl FileSystem for Files {
            $(
                fn $blocking(&self, $($path: &CheckedPath),+ $(, $($name: $type),+)?) -> FsResult<$result> {
                    let act: fn(&Files $(, both!(@path $path))+ $($(, $type)+)?) -> _ = $body;
                    Ok(act(self $(, $path)+ $($(, $name)+)?)?)
                }

                async fn $later(&self, $($path: CheckedPathBuf),+ $(, $($name: $type),+)?) -> FsResult<$result> {
                    let act: fn(&Files $(, both!(@path $path))+ $($(, $type)+)?) -> _ = $body;
                    Ok(act(self $(, &$path)+ $($(, $name)+)?)?)
                }
            )+
            $($rest)*
        }
    };
    (@path $path:ident) => { &Path };
}

both! {
    open_sync open_async(path; options: OpenOptions) -> Rc<dyn File>
        = |files, path, options| files.open(path, &options).map(|handle| Rc::new(handle) as Rc<dyn File>);
    mkdir_sync mkdir_async(path; recursive: bool, mode: Option<u32>) -> () = Files::make_folder;
    chmod_sync chmod_async(path; mode: u32) -> () = Files::set_mode;
    chown_sync chown_async(path; user: Option<u32>, group: Option<u32>) -> () = Files::set_owner;
    lchmod_sync lchmod_async(path; mode: u32) -> () = Files::set_mode;
    lchown_sync lchown_async(path; user: Option<u32>, group: Option<u32>) -> () = Files::set_owner;
    remove_sync remove_async(path; recursive: bool) -> () = Files::remove;
    copy_file_sync copy_file_async(from, to) -> () = Files::copy_file;
    cp_sync cp_async(from, to) -> () = Files::copy;
    stat_sync stat_async(path) -> FsStat = Files::stat;
    lstat_sync lstat_async(path) -> FsStat = Files::stat;
    statfs_sync statfs_async(path; _big: bool) -> FsStatFs = |files, path, _| files.stat_of_system(path);
    realpath_sync realpath_async(path) -> PathBuf = Files::real_path;
    rename_sync rename_async(from, to) -> () = Files::rename;
    rmdir_sync rmdir_async(path) -> () = Files::remove_folder;
    link_sync link_async(from, to) -> () = Files::link;
    symlink_sync symlink_async(target, at; _kind: Option<FsFileType>) -> ()
        = |files, target, at, _| files.symbolic_link(target, at);
    read_link_sync read_link_async(path) -> PathBuf = Files::read_link;
    truncate_sync truncate_async(path; length: u64) -> () = Files::set_length;
    utime_sync utime_async(path; accessed: i64, accessed_nanos: u32, modified: i64, modified_nanos: u32) -> ()
        = |files, path, accessed, accessed_nanos, modified, modified_nanos|
            files.set_times(path, (accessed, accessed_nanos), (modified, modified_nanos));
    lutime_sync lutime_async(path; accessed: i64, accessed_nanos: u32, modified: i64, modified_nanos: u32) -> ()
        = |files, path, accessed, accessed_nanos, modified, modified_nanos|
            files.set_times(path, (accessed, accessed_nanos), (modified, modified_nanos));
    => {
        fn cwd(&self) -> FsResult<PathBuf> {
            Ok(self.working_folder())
        }

        fn tmp_dir(&self) -> FsResult<PathBuf> {
            Ok(PathBuf::from(TEMPORARY))
        }

        fn chdir(&self, path: &CheckedPath) -> FsResult<()> {
            Ok(self.set_working_folder(path)?)
        }

        fn umask(&self, _mask: Option<u32>) -> FsResult<u32> {
            Ok(UMASK)
        }

        fn read_dir_sync(&self, path: &CheckedPath) -> FsResult<Vec<FsDirEntry>> {
            Ok(self.names(path)?)
        }

        async fn read_dir_async(&self, path: CheckedPathBuf) -> FsResult<FsReadDirRc> {
            Ok(Rc::new(Entries(Mutex::new(self.names(&path)?.into_iter()))) as FsReadDirRc)
        }

        fn exists_sync(&self, path: &CheckedPath) -> bool {
            self.stat(path).is_ok()
        }

        async fn exists_async(&self, path: CheckedPathBuf) -> FsResult<bool> {
            Ok(self.stat(&path).is_ok())
        }
    }
}
