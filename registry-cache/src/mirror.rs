//! Mirrors: everything that manifests need, as one signed file, from one cache into another.
//!
//! `archive.rs` knows the file's format and `key.rs` who signs it; `closure.rs` says what belongs into one; `export.rs` and
//! `import.rs` go from a cache to a file and back. The same packuments, tarballs and key give the same bytes. Nothing of a
//! file is believed before its signature and all of its hashes hold, and an import that is killed is finished or forgotten
//! by the next one who opens the cache.

mod archive;
mod closure;
mod export;
mod import;
mod key;
mod platform;

#[cfg(test)]
mod tests;

pub use self::export::Exported;
pub use self::import::Imported;
pub(crate) use self::import::finish_import;
pub use self::key::{MirrorKey, MirrorSigner};
pub use self::platform::{Platform, Platforms};
