//! The folders of the database: the one that is used, one that was made of a damaged one, and what an earlier version left.

use std::fs;
use std::path::{Path, PathBuf};

use super::failed;
use crate::error::Error;

/// The name carries the version of what is in it.
const CURRENT: &str = "database-v1";
const RESCUED: &str = "database-v1-rescued";
/// Where the database was when it held tarballs too.
const OLD: &str = "store";

/// Where databases are.
#[derive(Clone, Debug)]
pub(super) struct Folders {
    pub(super) current: PathBuf,
    /// One that is made here takes the other's place as soon as that is gone.
    pub(super) rescued: PathBuf,
    old: PathBuf,
}

impl Folders {
    pub(super) fn below(cache: &Path) -> Self {
        Self { current: cache.join(CURRENT), rescued: cache.join(RESCUED), old: cache.join(OLD) }
    }

    /// Ends what a process that is gone has left unfinished, and removes what is of no use any more.
    pub(super) fn prepare(&self) -> Result<(), Error> {
        remove_old(&self.old).map_err(|error| failed(&self.old, error))?;
        let outcome = match (self.current.exists(), self.rescued.exists()) {
            (true, true) => fs::remove_dir_all(&self.rescued),
            (false, true) => fs::rename(&self.rescued, &self.current),
            (_, false) => Ok(()),
        };
        outcome.map_err(|error| failed(&self.rescued, error))
    }

    /// Snapshots only save time: without them the log is read from its beginning.
    pub(super) fn remove_snapshots(&self) -> Result<(), Error> {
        let remove = || -> std::io::Result<()> {
            for entry in fs::read_dir(&self.current)? {
                let entry = entry?;
                if is_snapshot(&entry) {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        remove().map_err(|error| failed(&self.current, error))
    }

    pub(super) fn remove_current(&self) -> Result<(), Error> {
        fs::remove_dir_all(&self.current).map_err(|error| failed(&self.current, error))
    }
}

/// Removes an earlier version's database, and nothing that is not of its making.
fn remove_old(folder: &Path) -> std::io::Result<()> {
    if !folder.join("conf").is_file() || !folder.join("db").is_file() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        match entry.file_name().to_string_lossy().as_ref() {
            "conf" | "db" => fs::remove_file(entry.path())?,
            "blobs" => fs::remove_dir_all(entry.path())?,
            _ if is_snapshot(&entry) => fs::remove_file(entry.path())?,
            _ => {}
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::DirectoryNotEmpty => Ok(()),
        outcome => outcome,
    }
}

fn is_snapshot(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with("snap.")
}
