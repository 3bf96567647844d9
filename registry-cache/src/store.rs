//! The store: blobs on disk, by key.
//!
//! Tarballs are files that are named by their hash (`tarballs.rs`), everything else is in the embedded database
//! (`database.rs`): a database that holds gigabytes is slow to open. Both are shelves, of which this file knows no more than
//! that. What is half written is not there. Every read is checked: tarballs against their integrity by the caller,
//! everything else against a checksum. What turns out to be broken is removed and reported as absent, so it is fetched again.
//!
//! Every call that waits works on the blocking pool and holds the store while it does. Closing waits for all of them.

mod database;
mod folders;
mod pins;
mod shelf;
mod tarball_name;
mod tarballs;
mod tending;
mod uses;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::RwLock;

use crate::error::Error;
use crate::limits::Limits;
use crate::lock_file::LockFile;

use self::database::Database;
use self::shelf::Shelf;
use self::tarballs::Tarballs;
pub(crate) use self::tending::Holding;
use self::uses::Uses;
pub use self::uses::Visit;

/// What a blob is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Compact packuments, compressed, by registry and name.
    Packument,
    /// Tarballs as received, by integrity.
    Tarball,
    /// Graphs as JSON, by what they were resolved from.
    Resolution,
    /// What was made of packages, by everything that it was made of.
    Module,
    /// Which other blobs must stay, by the name of the set.
    Pins,
    /// What registries sign with, as received, by URL; nothing where a registry has no keys.
    Keys,
    /// What the import of a mirror has still to do.
    Import,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Packument, Self::Tarball, Self::Resolution, Self::Module, Self::Pins, Self::Keys, Self::Import];

    /// Whether it may go when the store holds too much.
    fn is_collected(self) -> bool {
        match self {
            Self::Packument | Self::Tarball | Self::Resolution | Self::Module => true,
            Self::Pins | Self::Keys | Self::Import => false,
        }
    }

    /// The one key of a blob that has several: an integrity may name weaker hashes too.
    fn canonical(self, key: &str) -> String {
        match self {
            Self::Tarball => tarballs::canonical(key).unwrap_or_else(|| key.to_owned()),
            Self::Packument | Self::Resolution | Self::Module | Self::Pins | Self::Keys | Self::Import => {
                key.to_owned()
            }
        }
    }
}

/// What is known of a blob beside its bytes. Of a tarball nothing is: all that matters is in its key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Seconds since 1970.
    pub(crate) fetched_at: u64,
    pub(crate) etag: Option<String>,
}

/// A blob from the store.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) bytes: Vec<u8>,
    pub(crate) stamp: Stamp,
}

/// The open store.
#[derive(Debug)]
pub(crate) struct Store {
    opened: Arc<RwLock<Option<Opened>>>,
    uses: Arc<Uses>,
    limits: Limits,
    now: fn() -> SystemTime,
}

/// Dropped in this order: the database is gone before the lock is free.
#[derive(Debug)]
struct Opened {
    database: Database,
    tarballs: Tarballs,
    folder: PathBuf,
    /// How many databases there were before this one.
    rescues: u32,
    _lock: LockFile,
}

impl Store {
    /// Opens the store in `folder`, which is made if need be. Waits for other holders as the limits say.
    #[cfg(test)]
    pub(crate) async fn open(folder: &Path, limits: &Limits, now: fn() -> SystemTime) -> Result<Self, Error> {
        Self::open_locked(LockFile::take(folder, limits.lock_wait).await?, folder, limits, now).await
    }

    /// Opens the store in `folder`, whose lock is held.
    pub(crate) async fn open_locked(
        lock: LockFile,
        folder: &Path,
        limits: &Limits,
        now: fn() -> SystemTime,
    ) -> Result<Self, Error> {
        let problem =
            |error: std::io::Error| Error::CacheFolder { folder: folder.to_owned(), detail: error.to_string() };
        let database = Database::open(folder, limits).await?;
        let (owned, bounds) = (folder.to_owned(), limits.clone());
        let tarballs = blocking(move || Tarballs::open(&owned, &bounds)).await?.map_err(problem)?;
        let opened = Opened { database, tarballs, folder: folder.to_owned(), rescues: 0, _lock: lock };
        let uses = Arc::new(Uses::new(limits.uses));
        Ok(Self { opened: Arc::new(RwLock::new(Some(opened))), uses, limits: limits.clone(), now })
    }

    /// A blob, when it is there and, but for a tarball, whole.
    pub(crate) async fn get(&self, kind: Kind, key: &str) -> Result<Option<Blob>, Error> {
        self.run_used(kind, key, |shelf, key| shelf.get(key)).await
    }

    /// Stores a blob. It survives the end of the process after the next flush.
    pub(crate) async fn put(&self, kind: Kind, key: &str, bytes: Vec<u8>, stamp: Stamp) -> Result<(), Error> {
        self.run_used(kind, key, move |shelf, key| shelf.put(key, &bytes, stamp)).await
    }

    /// Stores a tarball that was verified. When this returns it survives the end of the process, however that ends.
    pub(crate) async fn put_verified(
        &self,
        kind: Kind,
        key: &str,
        bytes: Arc<Vec<u8>>,
        stamp: Stamp,
    ) -> Result<(), Error> {
        self.run_used(kind, key, move |shelf, key| shelf.put(key, &bytes, stamp)).await
    }

    /// Says that a stored blob is still current.
    pub(crate) async fn touch(&self, kind: Kind, key: &str, stamp: Stamp) -> Result<(), Error> {
        self.run_used(kind, key, move |shelf, key| shelf.touch(key, stamp)).await
    }

    /// Removes a blob that turned out to be broken.
    pub(crate) async fn remove(&self, kind: Kind, key: &str) -> Result<(), Error> {
        let key = kind.canonical(key);
        self.run(move |opened| opened.shelf(kind).remove(&key)).await
    }

    /// Removes every blob of a kind.
    pub(crate) async fn clear(&self, kind: Kind) -> Result<(), Error> {
        self.run(move |opened| opened.shelf(kind).clear()).await
    }

    /// The size of a blob in bytes; `None` when there is none.
    pub(crate) async fn length(&self, kind: Kind, key: &str) -> Result<Option<u64>, Error> {
        self.run_used(kind, key, |shelf, key| shelf.length(key)).await
    }

    /// Which of these blobs are not there. One look for all of them is quicker than one for each.
    pub(crate) async fn absent(&self, kind: Kind, keys: Vec<String>) -> Result<BTreeSet<String>, Error> {
        self.run(move |opened| {
            let mut absent = BTreeSet::new();
            for key in keys {
                if opened.shelf(kind).length(&kind.canonical(&key))?.is_none() {
                    absent.insert(key);
                }
            }
            Ok(absent)
        })
        .await
    }

    /// Makes everything written so far survive the end of the process, however that ends.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        self.run(|opened| opened.database.flush()).await
    }

    /// Makes everything written so far survive the end of the machine. Costs as much as the system has to write, also for
    /// others, so it is for what must stay and not for what can be fetched again.
    pub(crate) async fn sync(&self) -> Result<(), Error> {
        self.run(|opened| {
            opened.database.flush()?;
            let folder = &opened.folder;
            let synced = std::fs::File::open(folder).and_then(|file| Ok(rustix::fs::syncfs(file)?));
            synced.map_err(|error| failed(folder, error))
        })
        .await
    }

    /// The keys of all blobs of a kind.
    pub(crate) async fn keys(&self, kind: Kind) -> Result<Vec<String>, Error> {
        self.run(move |opened| {
            let mut keys = Vec::new();
            opened.shelf(kind).each(&mut |entry| keys.push(entry.key))?;
            Ok(keys)
        })
        .await
    }

    /// Waits for running calls, writes down what was used, flushes, drops the database, then frees the lock.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        let Some(opened) = self.opened.write().await.take() else { return Ok(()) };
        let uses = self.uses.clone();
        blocking(move || {
            let outcome = uses.settle(&opened).and_then(|()| opened.database.flush());
            drop(opened);
            outcome
        })
        .await?
    }

    /// Says that blobs are used which nobody reads from here: memory has them, or they are wanted soon.
    pub(crate) fn mark<'a>(&self, kind: Kind, keys: impl IntoIterator<Item = &'a str>) {
        self.uses.mark(kind, keys.into_iter().map(|key| kind.canonical(key)), self.seconds());
    }

    /// Begins a visit: what is used from now on is not collected while it lasts.
    pub(crate) fn visit(&self) -> Visit {
        self.uses.begin()
    }

    fn seconds(&self) -> u64 {
        (self.now)().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Does something with a blob, which thereby is in use.
    async fn run_used<T: Send + 'static>(
        &self,
        kind: Kind,
        key: &str,
        job: impl FnOnce(&dyn Shelf, &str) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let key = kind.canonical(key);
        self.uses.mark(kind, [key.clone()], self.seconds());
        let uses = self.uses.clone();
        self.run(move |opened| {
            if uses.are_many() {
                uses.settle(opened)?;
            }
            job(opened.shelf(kind), &key)
        })
        .await
    }

    /// Does something with the store. When the database turns out to be damaged, the job fails, and the next one finds a
    /// new database with what could be read of the other.
    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Opened) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let guard = self.opened.clone().read_owned().await;
        let rescues = guard.as_ref().map_or(0, |opened| opened.rescues);
        let outcome = blocking(move || match guard.as_ref() {
            Some(opened) => job(opened),
            None => Err(Error::Store { detail: "it is closed".to_owned() }),
        });
        let outcome = outcome.await?;
        if let Err(Error::StoreDamaged { .. }) = outcome {
            self.rescue(rescues).await?;
        }
        outcome
    }

    /// Replaces the database, unless somebody else has.
    async fn rescue(&self, rescues: u32) -> Result<(), Error> {
        let mut guard = self.opened.write().await;
        let Some(opened) = guard.take_if(|opened| opened.rescues == rescues) else { return Ok(()) };
        let Opened { database, tarballs, folder, _lock, .. } = opened;
        let database = database.rescued(&folder, &self.limits).await?;
        *guard = Some(Opened { database, tarballs, folder, rescues: rescues + 1, _lock });
        Ok(())
    }
}

impl Opened {
    fn shelf(&self, kind: Kind) -> &dyn Shelf {
        match kind {
            Kind::Tarball => &self.tarballs,
            Kind::Packument => &self.database.packuments,
            Kind::Resolution => &self.database.resolutions,
            Kind::Module => &self.database.modules,
            Kind::Pins => &self.database.pins,
            Kind::Keys => &self.database.keys,
            Kind::Import => &self.database.imports,
        }
    }
}

/// What an operation on a file of the store's ended with.
fn failed(path: &Path, error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Error::CacheFull { path: path.to_owned() }
        }
        _ => Error::Store { detail: format!("{}: {error}", path.display()) },
    }
}

/// Runs a job on the blocking pool. One that panics (the database does on some damage) is an error like any other.
pub(crate) async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(job).await.map_err(|error| match error.is_panic() {
        true => Error::Internal { detail: format!("a job panicked: {error}") },
        false => Error::Internal { detail: "the runtime is shutting down".to_owned() },
    })
}

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod size_tests;
#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
