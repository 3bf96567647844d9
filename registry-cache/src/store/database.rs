//! The embedded database: everything that is kept but tarballs. The only file that names it.
//!
//! Large values make it hold as much memory as it stores, so a blob is cut into chunks of 4 KiB, named by the blob's key and
//! bytes, with a record that is written after them: what has no record is not there. A blob that replaces another is written
//! beside it, and the other's chunks go last, so that at every moment one of the two is whole. The log of the database
//! survives a crash up to some point and not beyond, which keeps this order. A killed writer may leave chunks that no record
//! names; checking removes them.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::folders::Folders;
use super::shelf::{Broken, Entry, Shelf};
use super::{Blob, Stamp, blocking, failed};
use crate::error::Error;
use crate::limits::Limits;
use crate::shared::locked;

const CHUNK: usize = 4096;
const OPEN_AGAIN: Duration = Duration::from_millis(20);

type Prefix = [u8; 16];

/// The open database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) packuments: Table,
    pub(super) resolutions: Table,
    pub(super) modules: Table,
    pub(super) pins: Table,
    pub(super) keys: Table,
    pub(super) imports: Table,
    database: sled::Db,
}

/// The blobs of one kind.
#[derive(Debug)]
pub(super) struct Table {
    index: sled::Tree,
    chunks: sled::Tree,
    /// Held by whoever changes something. Readers hold it only to remove what they found broken.
    writing: Mutex<()>,
    use_interval: Duration,
}

#[derive(Serialize, Deserialize)]
struct Record {
    bytes: usize,
    sha256: String,
    stamp: Stamp,
    used_at: u64,
}

enum Read {
    Absent,
    Whole(Blob),
    Broken(&'static str),
}

impl Database {
    /// Opens the database below `cache`. Waits for its last owner as the limits say. One that is too damaged to be opened is
    /// replaced by an empty one.
    pub(super) async fn open(cache: &Path, limits: &Limits) -> Result<Self, Error> {
        let folders = Folders::below(cache);
        let owned = folders.clone();
        blocking(move || owned.prepare()).await??;
        match Self::open_at(&folders.current, limits).await {
            Err(Error::StoreDamaged { .. }) => {}
            outcome => return outcome,
        }
        let owned = folders.clone();
        blocking(move || owned.remove_snapshots()).await??;
        if let Ok(opened) = Self::open_at(&folders.current, limits).await {
            return Ok(opened);
        }
        let owned = folders.clone();
        blocking(move || owned.remove_current()).await??;
        Self::open_at(&folders.current, limits).await
    }

    async fn open_at(folder: &Path, limits: &Limits) -> Result<Self, Error> {
        let deadline = Instant::now() + limits.store_wait;
        let database = loop {
            let config = sled::Config::new()
                .path(folder)
                .cache_capacity(limits.store_cache_bytes)
                // Flushes happen where something must be safe, not by the clock.
                .flush_every_ms(None);
            // On some damage it panics.
            match blocking(move || catch_unwind(AssertUnwindSafe(|| config.open()))).await? {
                Ok(Ok(database)) => break database,
                // Its last owner's lock is freed late, also after that process is gone.
                Ok(Err(sled::Error::Io(_))) if Instant::now() < deadline => tokio::time::sleep(OPEN_AGAIN).await,
                Ok(Err(sled::Error::Io(error))) => {
                    return Err(Error::CacheFolder { folder: folder.to_owned(), detail: error.to_string() });
                }
                Ok(Err(error)) => return Err(broke(error)),
                Err(_) => return Err(Error::StoreDamaged { detail: "it cannot be opened".to_owned() }),
            }
        };
        let use_interval = limits.use_interval;
        blocking(move || Self::with_tables(database, use_interval).map_err(broke)).await?
    }

    /// What can still be read of a damaged database, in a new one.
    pub(super) async fn rescued(self, cache: &Path, limits: &Limits) -> Result<Self, Error> {
        let folders = Folders::below(cache);
        let target = Self::open_at(&folders.rescued, limits).await?;
        let copy = move || -> Result<(), Error> {
            for (from, to) in self.tables().into_iter().zip(target.tables()) {
                from.copy_to(to)?;
            }
            target.flush()?;
            drop((self, target));
            folders.remove_current()
        };
        blocking(copy).await??;
        Self::open(cache, limits).await
    }

    fn tables(&self) -> [&Table; 6] {
        [&self.packuments, &self.resolutions, &self.modules, &self.pins, &self.keys, &self.imports]
    }

    /// Trees of earlier versions, or of later ones, go: what they hold can be had again.
    fn with_tables(database: sled::Db, use_interval: Duration) -> sled::Result<Self> {
        let table = |index: &str, chunks: &str| -> sled::Result<Table> {
            let (index, chunks) = (database.open_tree(index)?, database.open_tree(chunks)?);
            Ok(Table { index, chunks, writing: Mutex::new(()), use_interval })
        };
        // The names carry the version of what is in them.
        let packuments = table("packuments-v2", "packument-chunks-v2")?;
        let resolutions = table("resolutions-v1", "resolution-chunks-v1")?;
        let modules = table("modules-v1", "module-chunks-v1")?;
        let pins = table("pins-v1", "pin-chunks-v1")?;
        let keys = table("keys-v1", "key-chunks-v1")?;
        let imports = table("imports-v1", "import-chunks-v1")?;
        let opened = Self { packuments, resolutions, modules, pins, keys, imports, database };
        let tables = opened.tables();
        let known: Vec<_> = tables.iter().flat_map(|table| [table.index.name(), table.chunks.name()]).collect();
        let database = &opened.database;
        // The tree without a name of ours is the database's own.
        for name in database.tree_names().iter().filter(|name| **name != *database.name() && !known.contains(name)) {
            database.drop_tree(name)?;
        }
        Ok(opened)
    }

    /// Makes everything written so far survive the end of the process.
    pub(super) fn flush(&self) -> Result<(), Error> {
        self.database.flush().map(drop).map_err(broke)
    }

    /// Bytes of its files, with what they hold and what they may use again.
    pub(super) fn disk_bytes(&self) -> Result<u64, Error> {
        self.database.size_on_disk().map_err(broke)
    }
}

impl Shelf for Table {
    fn get(&self, key: &str) -> Result<Option<Blob>, Error> {
        let read = match self.read(key).map_err(broke)? {
            // It may have been replaced in the middle of this.
            Read::Broken(_) => {
                let _writing = locked(&self.writing);
                match self.read(key).map_err(broke)? {
                    Read::Broken(_) => self.erase(key).map(|()| Read::Absent).map_err(broke)?,
                    read => read,
                }
            }
            read => read,
        };
        match read {
            Read::Whole(blob) => Ok(Some(blob)),
            Read::Absent | Read::Broken(_) => Ok(None),
        }
    }

    fn put(&self, key: &str, bytes: &[u8], stamp: Stamp) -> Result<(), Error> {
        let sha256 = format!("{:x}", Sha256::digest(bytes));
        let record = Record { bytes: bytes.len(), used_at: stamp.fetched_at, sha256, stamp };
        let _writing = locked(&self.writing);
        self.replace(key, bytes, &record).map_err(broke)
    }

    fn touch(&self, key: &str, stamp: Stamp) -> Result<(), Error> {
        self.change(key, |record| Some(Record { used_at: record.used_at.max(stamp.fetched_at), stamp, ..record }))
    }

    fn remove(&self, key: &str) -> Result<(), Error> {
        let _writing = locked(&self.writing);
        self.erase(key).map_err(broke)
    }

    fn clear(&self) -> Result<(), Error> {
        let _writing = locked(&self.writing);
        self.index.clear().and_then(|()| self.chunks.clear()).map_err(broke)
    }

    fn length(&self, key: &str) -> Result<Option<u64>, Error> {
        let record = self.record(key).map_err(broke)?;
        Ok(record.and_then(Result::ok).map(|record| record.bytes as u64))
    }

    fn each(&self, look: &mut dyn FnMut(Entry)) -> Result<(), Error> {
        for item in self.index.iter() {
            let (key, value) = item.map_err(broke)?;
            if let (Ok(key), Ok(record)) = (std::str::from_utf8(&key), serde_json::from_slice::<Record>(&value)) {
                look(Entry { key: key.to_owned(), bytes: record.bytes as u64, used_at: record.used_at });
            }
        }
        Ok(())
    }

    fn used(&self, key: &str, seconds: u64) -> Result<(), Error> {
        let interval = self.use_interval.as_secs();
        self.change(key, |record| {
            (record.used_at + interval <= seconds).then_some(Record { used_at: seconds, ..record })
        })
    }

    fn check(&self, broken: &mut dyn FnMut(Broken)) -> Result<u64, Error> {
        let mut whole = 0;
        for key in self.index.iter().keys() {
            let key = key.map_err(broke)?;
            let key = String::from_utf8_lossy(&key);
            let _writing = locked(&self.writing);
            match self.read(&key).map_err(broke)? {
                Read::Whole(_) => whole += 1,
                Read::Absent => {}
                Read::Broken(problem) => {
                    self.erase(&key).map_err(broke)?;
                    broken(Broken { what: key.into_owned(), problem: problem.to_owned() });
                }
            }
        }
        let _writing = locked(&self.writing);
        self.sweep().map_err(broke)?;
        Ok(whole)
    }
}

impl Table {
    /// Copies what can be read. Where the list of keys ends in damage, so does this.
    fn copy_to(&self, other: &Self) -> Result<(), Error> {
        for key in self.index.iter().keys().map_while(Result::ok) {
            let key = String::from_utf8_lossy(&key);
            if let Ok(Read::Whole(blob)) = self.read(&key) {
                other.put(&key, &blob.bytes, blob.stamp)?;
            }
        }
        Ok(())
    }

    /// A blob's record; an error when it cannot be read.
    fn record(&self, key: &str) -> sled::Result<Option<serde_json::Result<Record>>> {
        Ok(self.index.get(key)?.map(|bytes| serde_json::from_slice(&bytes)))
    }

    fn write_record(&self, key: &str, record: &Record) -> sled::Result<()> {
        let bytes = serde_json::to_vec(record).expect("a record is plain data");
        self.index.insert(key, bytes).map(drop)
    }

    fn change(&self, key: &str, change: impl FnOnce(Record) -> Option<Record>) -> Result<(), Error> {
        let _writing = locked(&self.writing);
        match self.record(key).map_err(broke)?.and_then(Result::ok).and_then(change) {
            Some(record) => self.write_record(key, &record).map_err(broke),
            None => Ok(()),
        }
    }

    fn read(&self, key: &str) -> sled::Result<Read> {
        let record = match self.record(key)? {
            Some(Ok(record)) => record,
            Some(Err(_)) => return Ok(Read::Broken("its record cannot be read")),
            None => return Ok(Read::Absent),
        };
        let prefix = prefix_of(key, &record.sha256);
        let mut bytes = Vec::new();
        let mut number = 0u32;
        // Not allocated ahead: a damaged record may claim any length.
        while bytes.len() < record.bytes {
            match self.chunks.get(chunk_key(&prefix, number))? {
                Some(chunk) if chunk.len() == CHUNK.min(record.bytes - bytes.len()) => bytes.extend_from_slice(&chunk),
                _ => return Ok(Read::Broken("a part of it is missing")),
            }
            number += 1;
        }
        match record.sha256 == format!("{:x}", Sha256::digest(&bytes)) {
            true => Ok(Read::Whole(Blob { bytes, stamp: record.stamp })),
            false => Ok(Read::Broken("its bytes do not have the checksum of its record")),
        }
    }

    fn replace(&self, key: &str, bytes: &[u8], record: &Record) -> sled::Result<()> {
        let old = self.record(key)?.and_then(Result::ok);
        let prefix = prefix_of(key, &record.sha256);
        for (number, chunk) in bytes.chunks(CHUNK).enumerate() {
            let number = u32::try_from(number).expect("limits keep a blob under 16 TiB");
            self.chunks.insert(chunk_key(&prefix, number), chunk)?;
        }
        self.write_record(key, record)?;
        match old.filter(|old| old.sha256 != record.sha256) {
            Some(old) => self.erase_chunks(&prefix_of(key, &old.sha256)),
            None => Ok(()),
        }
    }

    fn erase(&self, key: &str) -> sled::Result<()> {
        let record = self.record(key)?;
        self.index.remove(key)?;
        match record {
            Some(Ok(record)) => self.erase_chunks(&prefix_of(key, &record.sha256)),
            Some(Err(_)) => self.sweep(),
            None => Ok(()),
        }
    }

    fn erase_chunks(&self, prefix: &Prefix) -> sled::Result<()> {
        for key in self.chunks.scan_prefix(prefix).keys() {
            self.chunks.remove(key?)?;
        }
        Ok(())
    }

    /// Removes chunks that no record names.
    fn sweep(&self) -> sled::Result<()> {
        let mut named: HashSet<Prefix> = HashSet::new();
        for item in self.index.iter() {
            let (key, value) = item?;
            if let (Ok(key), Ok(record)) = (std::str::from_utf8(&key), serde_json::from_slice::<Record>(&value)) {
                named.insert(prefix_of(key, &record.sha256));
            }
        }
        for key in self.chunks.iter().keys() {
            let key = key?;
            if key.get(..16).is_none_or(|prefix| !named.contains(prefix)) {
                self.chunks.remove(key)?;
            }
        }
        Ok(())
    }
}

/// Keys are of any length, chunk keys of one.
fn prefix_of(key: &str, sha256: &str) -> Prefix {
    let digest = Sha256::new().chain_update(key).chain_update([0]).chain_update(sha256).finalize();
    digest[..16].try_into().expect("a sha256 has 32 bytes")
}

fn chunk_key(prefix: &Prefix, number: u32) -> [u8; 20] {
    let mut key = [0; 20];
    key[..16].copy_from_slice(prefix);
    key[16..].copy_from_slice(&number.to_be_bytes());
    key
}

fn broke(error: sled::Error) -> Error {
    match error {
        sled::Error::Io(error) => failed(Path::new("the database"), error),
        sled::Error::Corruption { .. } => Error::StoreDamaged { detail: error.to_string() },
        error => Error::Store { detail: error.to_string() },
    }
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
