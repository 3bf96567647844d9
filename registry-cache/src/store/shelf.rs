//! What every place that keeps blobs can do.

use super::{Blob, Stamp};
use crate::error::Error;

/// A place that keeps blobs of one kind. What a killed or failed writer leaves in it is never seen by a reader.
pub(super) trait Shelf {
    /// A blob, when it is there and, as far as this place can tell, whole.
    fn get(&self, key: &str) -> Result<Option<Blob>, Error>;
    /// Stores a blob. Until this is done, what was there under its key stays.
    fn put(&self, key: &str, bytes: &[u8], stamp: Stamp) -> Result<(), Error>;
    /// Says that a stored blob is still current.
    fn touch(&self, key: &str, stamp: Stamp) -> Result<(), Error>;
    /// Removes a blob, if it is there.
    fn remove(&self, key: &str) -> Result<(), Error>;
    /// Removes every blob.
    fn clear(&self) -> Result<(), Error>;
    /// The size of a blob in bytes.
    fn length(&self, key: &str) -> Result<Option<u64>, Error>;
    /// Looks at every blob's entry.
    fn each(&self, look: &mut dyn FnMut(Entry)) -> Result<(), Error>;
    /// Writes down when a blob was last used, unless what is written is about that.
    fn used(&self, key: &str, seconds: u64) -> Result<(), Error>;
    /// Reads every blob, removes what is broken, and says what that was. Gives back how many were whole.
    fn check(&self, broken: &mut dyn FnMut(Broken)) -> Result<u64, Error>;
}

/// One blob in a list.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) bytes: u64,
    /// Seconds since 1970.
    pub(super) used_at: u64,
}

/// Something that was removed because it was not what it should be.
#[derive(Debug)]
pub(super) struct Broken {
    /// The key, or the file's name.
    pub(super) what: String,
    pub(super) problem: String,
}
