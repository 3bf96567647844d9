//! Tarballs on disk: one file each, named by its hash, below a folder named by the first byte of that.
//!
//! A file is written under another name and renamed when it is whole, so no reader sees a part of one. It is not forced to
//! the disk: whoever reads it verifies it, and what a loss of power took is fetched again. The name is all that is known of
//! a tarball; the time of the file's last change is when it was last used. Whoever opens this holds the cache's lock, so a
//! temporary file that is there already was left by somebody who is gone.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ssri::IntegrityOpts;

use super::shelf::{Broken, Entry, Shelf};
use super::tarball_name::TarballName;
use super::{Blob, Stamp, failed};
use crate::error::Error;
use crate::limits::Limits;

/// The name carries the version of what is in the folder.
const FOLDER: &str = "tarballs-v2";
/// Where files are written before they have their name.
const UNFINISHED: &str = "unfinished";
/// Bytes that are read at once to check a file, however large it is.
const PIECE: usize = 64 << 10;

/// The folder of tarballs.
#[derive(Debug)]
pub(super) struct Tarballs {
    folder: PathBuf,
    /// The most that is read of one file.
    most_bytes: u64,
    use_interval: Duration,
    next: AtomicU64,
}

/// The one form of an integrity that tarballs are kept by: its first hash of the strongest kind.
pub(super) fn canonical(integrity: &str) -> Option<String> {
    TarballName::of_integrity(integrity).map(|name| name.integrity())
}

impl Tarballs {
    /// Opens the folder below `cache`.
    pub(super) fn open(cache: &Path, limits: &Limits) -> std::io::Result<Self> {
        let folder = cache.join(FOLDER);
        let unfinished = folder.join(UNFINISHED);
        fs::create_dir_all(&unfinished)?;
        for left in fs::read_dir(&unfinished)? {
            fs::remove_file(left?.path())?;
        }
        let Limits { tarball_bytes: most_bytes, use_interval, .. } = *limits;
        Ok(Self { folder, most_bytes, use_interval, next: AtomicU64::new(0) })
    }

    fn path(&self, name: &TarballName) -> PathBuf {
        self.folder.join(name.folder()).join(name.file())
    }

    fn write(&self, unfinished: &Path, name: &TarballName, bytes: &[u8], used_at: u64) -> std::io::Result<()> {
        let mut file = File::create(unfinished)?;
        file.write_all(bytes)?;
        file.set_modified(time_of(used_at))?;
        drop(file);
        let path = self.path(name);
        match fs::rename(unfinished, &path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                fs::create_dir_all(self.folder.join(name.folder()))?;
                fs::rename(unfinished, &path)
            }
            outcome => outcome,
        }
    }

    /// Every file below a folder of the first kind, with that folder's name.
    fn each_file(&self, look: &mut dyn FnMut(&str, &fs::DirEntry) -> std::io::Result<()>) -> Result<(), Error> {
        let mut walk = || -> std::io::Result<()> {
            for folder in fs::read_dir(&self.folder)? {
                let folder = folder?;
                let name = folder.file_name().to_string_lossy().into_owned();
                if name == UNFINISHED {
                    continue;
                }
                match folder.file_type()?.is_dir() {
                    true => fs::read_dir(folder.path())?.try_for_each(|file| look(&name, &file?))?,
                    false => look(&name, &folder)?,
                }
            }
            Ok(())
        };
        walk().map_err(|error| failed(&self.folder, error))
    }
}

impl Shelf for Tarballs {
    /// One that is larger than any may be is broken, and not read to its end to find that out.
    fn get(&self, key: &str) -> Result<Option<Blob>, Error> {
        let Some(name) = TarballName::of_integrity(key) else { return Ok(None) };
        let path = self.path(&name);
        let read = || -> std::io::Result<Vec<u8>> {
            let file = File::open(&path)?;
            let length = file.metadata()?.len().min(self.most_bytes);
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
            file.take(self.most_bytes).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        match read() {
            Ok(bytes) => Ok(Some(Blob { bytes, stamp: Stamp::default() })),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    fn put(&self, key: &str, bytes: &[u8], stamp: Stamp) -> Result<(), Error> {
        let name = TarballName::of_integrity(key)
            .ok_or_else(|| Error::Store { detail: format!("{key:?} is not an integrity that a tarball is kept by") })?;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.folder.join(UNFINISHED).join(number.to_string());
        self.write(&unfinished, &name, bytes, stamp.fetched_at).map_err(|error| {
            // What cannot be removed now is when the folder is opened again.
            let _ = fs::remove_file(&unfinished);
            failed(&self.folder, error)
        })
    }

    fn touch(&self, key: &str, stamp: Stamp) -> Result<(), Error> {
        self.used(key, stamp.fetched_at)
    }

    fn remove(&self, key: &str) -> Result<(), Error> {
        let Some(name) = TarballName::of_integrity(key) else { return Ok(()) };
        let path = self.path(&name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(failed(&path, error)),
            _ => Ok(()),
        }
    }

    fn clear(&self) -> Result<(), Error> {
        self.each_file(&mut |_, file| remove_whatever(file))
    }

    fn length(&self, key: &str) -> Result<Option<u64>, Error> {
        let Some(name) = TarballName::of_integrity(key) else { return Ok(None) };
        let path = self.path(&name);
        match fs::metadata(&path) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed(&path, error)),
        }
    }

    fn each(&self, look: &mut dyn FnMut(Entry)) -> Result<(), Error> {
        self.each_file(&mut |_, file| {
            let name = file.file_name().to_str().and_then(TarballName::of_file);
            if let Some(name) = name
                && let Some(metadata) = unless_gone(file.metadata())?
            {
                let used_at = seconds_of(metadata.modified()?);
                look(Entry { key: name.integrity(), bytes: metadata.len(), used_at });
            }
            Ok(())
        })
    }

    fn used(&self, key: &str, seconds: u64) -> Result<(), Error> {
        let Some(name) = TarballName::of_integrity(key) else { return Ok(()) };
        let path = self.path(&name);
        let write = || -> std::io::Result<()> {
            let Some(metadata) = unless_gone(fs::metadata(&path))? else { return Ok(()) };
            if seconds_of(metadata.modified()?) + self.use_interval.as_secs() > seconds {
                return Ok(());
            }
            match unless_gone(File::options().append(true).open(&path))? {
                Some(file) => file.set_modified(time_of(seconds)),
                None => Ok(()),
            }
        };
        write().map_err(|error| failed(&path, error))
    }

    fn check(&self, broken: &mut dyn FnMut(Broken)) -> Result<u64, Error> {
        let mut whole = 0;
        self.each_file(&mut |folder, file| {
            match problem_of(folder, file)? {
                None => whole += 1,
                Some(problem) => {
                    remove_whatever(file)?;
                    broken(Broken { what: file.file_name().to_string_lossy().into_owned(), problem });
                }
            }
            Ok(())
        })?;
        Ok(whole)
    }
}

/// What is wrong with a file, if anything is.
fn problem_of(folder: &str, file: &fs::DirEntry) -> std::io::Result<Option<String>> {
    let name = file.file_name().to_str().and_then(TarballName::of_file);
    let Some(name) = name.filter(|name| name.folder() == folder) else {
        return Ok(Some("it does not have the name of a tarball".to_owned()));
    };
    if !file.file_type()?.is_file() {
        return Ok(Some("it is not a file".to_owned()));
    }
    let mut hasher = IntegrityOpts::new().algorithm(name.algorithm);
    let mut reader = File::open(file.path())?;
    let mut piece = vec![0; PIECE];
    let mut length = 0;
    loop {
        match reader.read(&mut piece)? {
            0 => break,
            read => {
                hasher.input(&piece[..read]);
                length += read;
            }
        }
    }
    match hasher.result().to_string() == name.integrity() {
        true => Ok(None),
        false => Ok(Some(format!("its {length} bytes do not have the hash that it is named by"))),
    }
}

fn remove_whatever(file: &fs::DirEntry) -> std::io::Result<()> {
    match file.file_type()?.is_dir() {
        true => fs::remove_dir_all(file.path()),
        false => unless_gone(fs::remove_file(file.path())).map(drop),
    }
}

/// Somebody else may have removed a file meanwhile.
fn unless_gone<T>(outcome: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn time_of(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn seconds_of(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
