//! The store: blobs on disk, by key, in the embedded database.
//!
//! The only file that names the database. Large values make it hold as much memory as it stores, so a blob is cut into
//! chunks of 4 KiB, with an index record written last: what has no record is not there, whatever chunks a dropped or
//! killed writer left. Every read is checked. A blob that has lost a bit or a chunk is removed and reported as absent, so it
//! is fetched again; tarballs are checked against their integrity by the caller, everything else against a checksum in the
//! record.
//!
//! Every call works on the blocking pool and holds the store while it does. Closing waits for all of them.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, RwLock};
use tokio::time::Instant;

use crate::error::Error;
use crate::limits::Limits;
use crate::lock_file::LockFile;

const CHUNK: usize = 4096;
const OPEN_AGAIN: Duration = Duration::from_millis(20);

/// What a blob is. The names of the trees carry the version of what is in them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Compact packuments, compressed, by registry and name.
    Packument,
    /// Tarballs as received, by integrity.
    Tarball,
    /// Graphs as JSON, by what they were resolved from.
    Resolution,
    /// What was made of packages, by everything that it was made of.
    Module,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Packument, Self::Tarball, Self::Resolution, Self::Module];

    fn index(self) -> &'static str {
        match self {
            Self::Packument => "packuments-v2",
            Self::Tarball => "tarballs-v1",
            Self::Resolution => "resolutions-v1",
            Self::Module => "modules-v1",
        }
    }

    fn chunks(self) -> &'static str {
        match self {
            Self::Packument => "packument-chunks-v2",
            Self::Tarball => "tarball-chunks-v1",
            Self::Resolution => "resolution-chunks-v1",
            Self::Module => "module-chunks-v1",
        }
    }
}

/// What is known of a blob beside its bytes.
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

#[derive(Serialize, Deserialize)]
struct Record {
    bytes: usize,
    /// Absent for tarballs, whose key says what they must be.
    sha256: Option<String>,
    stamp: Stamp,
}

/// The open store.
#[derive(Debug)]
pub(crate) struct Store {
    opened: Arc<RwLock<Option<Opened>>>,
    /// Blobs whose chunks are written.
    written: AtomicU64,
    /// How many of those the last flush covered.
    flushed: Mutex<u64>,
}

/// Dropped in this order: the database is gone before the lock is free.
#[derive(Debug)]
struct Opened {
    trees: Vec<Trees>,
    database: sled::Db,
    _lock: LockFile,
}

#[derive(Debug)]
struct Trees {
    index: sled::Tree,
    chunks: sled::Tree,
}

impl Store {
    /// Opens the store in `folder`, which is made if need be. Waits for other holders as the limits say.
    #[cfg(test)]
    pub(crate) async fn open(folder: &Path, limits: &Limits) -> Result<Self, Error> {
        Self::open_locked(LockFile::take(folder, limits.lock_wait).await?, folder, limits).await
    }

    /// Opens the store in `folder`, whose lock is held.
    pub(crate) async fn open_locked(lock: LockFile, folder: &Path, limits: &Limits) -> Result<Self, Error> {
        let problem = |detail: String| Error::CacheFolder { folder: folder.to_owned(), detail };
        let deadline = Instant::now() + limits.store_wait;
        let database = loop {
            let config = sled::Config::new()
                .path(folder.join("store"))
                .cache_capacity(limits.store_cache_bytes)
                // Flushes happen where something must be safe, not by the clock.
                .flush_every_ms(None);
            match blocking(move || config.open()).await? {
                Ok(database) => break database,
                // Its last owner's lock is freed late, also after that process is gone.
                Err(sled::Error::Io(_)) if Instant::now() < deadline => tokio::time::sleep(OPEN_AGAIN).await,
                Err(sled::Error::Io(error)) => return Err(problem(error.to_string())),
                Err(error) => return Err(Error::Store { detail: format!("{}: {error}", folder.display()) }),
            }
        };
        let opened = blocking(move || -> sled::Result<Opened> {
            let trees = Kind::ALL
                .iter()
                .map(|kind| {
                    Ok(Trees { index: database.open_tree(kind.index())?, chunks: database.open_tree(kind.chunks())? })
                })
                .collect::<sled::Result<_>>()?;
            Ok(Opened { trees, database, _lock: lock })
        })
        .await?
        .map_err(failed)?;
        Ok(Self { opened: Arc::new(RwLock::new(Some(opened))), written: AtomicU64::new(0), flushed: Mutex::new(0) })
    }

    /// A blob, when it is there and whole.
    pub(crate) async fn get(&self, kind: Kind, key: &str) -> Result<Option<Blob>, Error> {
        let key = key.to_owned();
        self.run(move |opened| opened.trees(kind).get(&key)).await
    }

    /// Stores a blob that is worth its checksum only.
    pub(crate) async fn put(&self, kind: Kind, key: &str, bytes: Vec<u8>, stamp: Stamp) -> Result<(), Error> {
        let key = key.to_owned();
        self.run(move |opened| {
            let trees = opened.trees(kind);
            let sha256 = Some(format!("{:x}", Sha256::digest(&bytes)));
            trees.write_chunks(&key, &bytes)?;
            trees.write_record(&key, &Record { bytes: bytes.len(), sha256, stamp })
        })
        .await
    }

    /// Stores a blob whose key says what it must be. When this returns it survives a crash.
    pub(crate) async fn put_verified(
        &self,
        kind: Kind,
        key: &str,
        bytes: Arc<Vec<u8>>,
        stamp: Stamp,
    ) -> Result<(), Error> {
        let record = Record { bytes: bytes.len(), sha256: None, stamp };
        let owned = key.to_owned();
        self.run(move |opened| opened.trees(kind).write_chunks(&owned, &bytes)).await?;
        let ticket = self.written.fetch_add(1, Ordering::SeqCst) + 1;
        self.flush_up_to(ticket).await?;
        let owned = key.to_owned();
        self.run(move |opened| opened.trees(kind).write_record(&owned, &record)).await
    }

    /// Says that a stored blob is still current.
    pub(crate) async fn touch(&self, kind: Kind, key: &str, stamp: Stamp) -> Result<(), Error> {
        let key = key.to_owned();
        self.run(move |opened| {
            let trees = opened.trees(kind);
            match trees.record(&key)? {
                Some(record) => trees.write_record(&key, &Record { stamp, ..record }),
                None => Ok(()),
            }
        })
        .await
    }

    /// Removes a blob that turned out to be broken.
    pub(crate) async fn remove(&self, kind: Kind, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.run(move |opened| opened.trees(kind).remove(&key)).await
    }

    /// Removes every blob of a kind.
    pub(crate) async fn clear(&self, kind: Kind) -> Result<(), Error> {
        self.run(move |opened| {
            let trees = opened.trees(kind);
            trees.index.clear()?;
            trees.chunks.clear()
        })
        .await
    }

    /// The size of a blob by its record, in bytes; `None` when there is none.
    pub(crate) async fn length(&self, kind: Kind, key: &str) -> Result<Option<u64>, Error> {
        let key = key.to_owned();
        self.run(move |opened| Ok(opened.trees(kind).record(&key)?.map(|record| record.bytes as u64))).await
    }

    /// How many blobs there are of a kind.
    pub(crate) async fn count(&self, kind: Kind) -> Result<usize, Error> {
        self.run(move |opened| Ok(opened.trees(kind).index.len())).await
    }

    /// Makes everything written so far safe.
    pub(crate) async fn flush(&self) -> Result<(), Error> {
        self.run(|opened| opened.database.flush().map(drop)).await
    }

    /// Waits for running calls, flushes, drops the database, then frees the lock.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        let Some(opened) = self.opened.write().await.take() else { return Ok(()) };
        blocking(move || {
            let outcome = opened.database.flush().map(drop).map_err(failed);
            drop(opened);
            outcome
        })
        .await?
    }

    /// One flush serves all that have written before it began, however many wait for it.
    async fn flush_up_to(&self, ticket: u64) -> Result<(), Error> {
        let mut flushed = self.flushed.lock().await;
        if *flushed < ticket {
            let covered = self.written.load(Ordering::SeqCst);
            self.flush().await?;
            *flushed = covered;
        }
        Ok(())
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Opened) -> sled::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let guard = self.opened.clone().read_owned().await;
        blocking(move || match guard.as_ref() {
            Some(opened) => job(opened).map_err(failed),
            None => Err(Error::Store { detail: "it is closed".to_owned() }),
        })
        .await?
    }
}

impl Opened {
    fn trees(&self, kind: Kind) -> &Trees {
        &self.trees[kind as usize]
    }
}

impl Trees {
    fn record(&self, key: &str) -> sled::Result<Option<Record>> {
        let found = self.index.get(key)?;
        Ok(found.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    fn write_record(&self, key: &str, record: &Record) -> sled::Result<()> {
        let bytes = serde_json::to_vec(record).expect("a record is plain data");
        self.index.insert(key, bytes).map(drop)
    }

    fn get(&self, key: &str) -> sled::Result<Option<Blob>> {
        let Some(record) = self.record(key)? else { return Ok(None) };
        match self.read_chunks(key, record.bytes)? {
            Some(bytes) if record.sha256.as_ref().is_none_or(|sum| *sum == format!("{:x}", Sha256::digest(&bytes))) => {
                Ok(Some(Blob { bytes, stamp: record.stamp }))
            }
            _ => {
                self.remove(key)?;
                Ok(None)
            }
        }
    }

    fn read_chunks(&self, key: &str, length: usize) -> sled::Result<Option<Vec<u8>>> {
        let prefix = chunk_prefix(key);
        let mut bytes = Vec::new();
        let mut number = 0u32;
        // Not allocated ahead: a damaged record may claim any length.
        while bytes.len() < length {
            match self.chunks.get(chunk_key(&prefix, number))? {
                Some(chunk) if chunk.len() == CHUNK.min(length - bytes.len()) => bytes.extend_from_slice(&chunk),
                _ => return Ok(None),
            }
            number += 1;
        }
        Ok(Some(bytes))
    }

    /// Writes the chunks of a blob that has no record from here on.
    fn write_chunks(&self, key: &str, bytes: &[u8]) -> sled::Result<()> {
        self.remove(key)?;
        let prefix = chunk_prefix(key);
        for (number, chunk) in bytes.chunks(CHUNK).enumerate() {
            let number = u32::try_from(number).expect("limits keep a blob under 16 TiB");
            self.chunks.insert(chunk_key(&prefix, number), chunk)?;
        }
        Ok(())
    }

    fn remove(&self, key: &str) -> sled::Result<()> {
        self.index.remove(key)?;
        for key in self.chunks.scan_prefix(chunk_prefix(key)).keys() {
            self.chunks.remove(key?)?;
        }
        Ok(())
    }
}

/// Keys are of any length, chunk keys of one.
fn chunk_prefix(key: &str) -> [u8; 16] {
    let digest = Sha256::digest(key);
    digest[..16].try_into().expect("a sha256 has 32 bytes")
}

fn chunk_key(prefix: &[u8; 16], number: u32) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(prefix);
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

fn failed(error: sled::Error) -> Error {
    Error::Store { detail: error.to_string() }
}

/// Runs a job on the blocking pool. One that panics (the database does on some damage) is an error like any other.
pub(crate) async fn blocking<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(job).await.map_err(|error| match error.is_panic() {
        true => Error::Internal { detail: format!("a job panicked: {error}") },
        false => Error::Internal { detail: "the runtime is shutting down".to_owned() },
    })
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
