//! The file that a mirror is: a header, blobs one after the other, an index of them, a trailer.
//!
//! ```text
//! "hoist-mirror" version:u32 | blob … | index: JSON | index bytes:u64 | key: 32 | signature: 64 | "mirror-end\r\n\x1a\n"
//! ```
//!
//! Numbers are little-endian. The index says what each blob is, how many bytes it has and their SHA-256; the blobs fill the
//! space between header and index without a gap. The signature is over the SHA-256 of header, index and its length, and so
//! over everything. A file is written in one pass, and one blob at a time is in memory. Nothing is parsed before the
//! signature holds, and every blob is compared with its hash whenever it is read.

use std::fs::File;
use std::io::{BufWriter, Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::key::{MirrorKey, MirrorSigner};
use crate::error::Error;
use crate::limits::Limits;
use crate::packument::Form;

const MAGIC: &[u8; 12] = b"hoist-mirror";
const VERSION: u32 = 1;
/// Line ends and a control character: a transfer that changes text breaks it.
const END: &[u8; 14] = b"mirror-end\r\n\x1a\n";
const HEADER_BYTES: u64 = 16;
const TRAILER_BYTES: u64 = 8 + 32 + 64 + 14;

/// What a blob is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields, tag = "kind")]
pub(crate) enum Content {
    /// A manifest and its graph, as JSON.
    Resolution,
    /// What the registry of this package signs with, as it says it.
    Keys { of: String },
    /// A package's document, trimmed.
    Packument { name: String, form: Form },
    /// A tarball as it was published.
    Tarball { package: String, integrity: String },
}

/// One blob of the index.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    pub(crate) bytes: u64,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

/// What the index holds.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Index {
    /// The systems that the tarballs are for.
    pub(crate) platforms: Vec<String>,
    pub(crate) entries: Vec<Entry>,
}

/// A mirror that is being written.
pub(crate) struct Writer {
    file: BufWriter<File>,
    index: Index,
    bytes: u64,
}

impl Writer {
    /// Begins a mirror at the file's beginning.
    pub(crate) fn new(file: File, platforms: Vec<String>) -> Result<Self, Error> {
        let mut file = BufWriter::new(file);
        file.write_all(&header()).map_err(unwritten)?;
        Ok(Self { file, index: Index { platforms, entries: Vec::new() }, bytes: HEADER_BYTES })
    }

    pub(crate) fn append(&mut self, content: Content, blob: &[u8]) -> Result<(), Error> {
        self.file.write_all(blob).map_err(unwritten)?;
        let (bytes, sha256) = (blob.len() as u64, format!("{:x}", Sha256::digest(blob)));
        self.bytes += bytes;
        self.index.entries.push(Entry { content, bytes, sha256 });
        Ok(())
    }

    /// Signs the mirror and sees to it that it is on the disk. Gives back its bytes.
    pub(crate) fn finish(mut self, signer: &MirrorSigner) -> Result<u64, Error> {
        let index = serde_json::to_vec(&self.index).expect("an index is plain data");
        let length = (index.len() as u64).to_le_bytes();
        let digest = digest_of(&index, length);
        let trailer = [&length[..], &signer.key().to_bytes(), &signer.sign(&digest), END].concat();
        self.file.write_all(&index).and_then(|()| self.file.write_all(&trailer)).map_err(unwritten)?;
        let file = self.file.into_inner().map_err(|error| unwritten(error.into_error()))?;
        file.sync_all().map_err(unwritten)?;
        Ok(self.bytes + index.len() as u64 + TRAILER_BYTES)
    }
}

/// A mirror whose signature and index hold; its blobs are checked when they are read.
pub(crate) struct Reader {
    file: File,
    pub(crate) index: Index,
    pub(crate) key: MirrorKey,
    next: usize,
}

impl Reader {
    /// Reads a mirror's end. Nothing in it is believed unless `trusted` says so of its key.
    pub(crate) fn open(mut file: File, trusted: &[MirrorKey], limits: &Limits) -> Result<Self, Error> {
        let total = file.seek(SeekFrom::End(0)).map_err(unread)?;
        let room = total.checked_sub(HEADER_BYTES + TRAILER_BYTES).ok_or_else(|| broken("it is too short"))?;
        let mut head = [0; HEADER_BYTES as usize];
        file.rewind().and_then(|()| file.read_exact(&mut head)).map_err(unread)?;
        check_header(&head)?;
        let mut trailer = [0; TRAILER_BYTES as usize];
        file.seek(SeekFrom::Start(total - TRAILER_BYTES))
            .and_then(|_| file.read_exact(&mut trailer))
            .map_err(unread)?;
        let [length, key, signature, end] = parts(&trailer);
        if end != END {
            return Err(broken("it does not end as a mirror does: it is cut off, or something was added to it"));
        }
        let length: [u8; 8] = length.try_into().expect("it was cut to eight bytes");
        let index_bytes = u64::from_le_bytes(length);
        if index_bytes > limits.mirror_index_bytes {
            return Err(limit("the index", index_bytes, limits.mirror_index_bytes, "limits.mirror_index_bytes"));
        }
        let blobs = room.checked_sub(index_bytes).ok_or_else(|| broken("its index is longer than the file"))?;
        let mut index = vec![0; usize::try_from(index_bytes).expect("the limit is far below")];
        file.seek(SeekFrom::Start(HEADER_BYTES + blobs)).and_then(|_| file.read_exact(&mut index)).map_err(unread)?;
        let key = MirrorKey::from_bytes(key.try_into().expect("it was cut to 32 bytes"));
        let signature = signature.try_into().expect("it was cut to 64 bytes");
        if !key.has_signed(&digest_of(&index, length), &signature) {
            return Err(Error::MirrorSignature { key: key.to_string() });
        }
        if !trusted.contains(&key) {
            return Err(Error::MirrorUntrusted { key: key.to_string() });
        }
        let index: Index = serde_json::from_slice(&index).map_err(|error| broken(&format!("its index: {error}")))?;
        check_index(&index, blobs, limits)?;
        let mut reader = Self { file, index, key, next: 0 };
        reader.rewind()?;
        Ok(reader)
    }

    /// Goes back to the first blob.
    pub(crate) fn rewind(&mut self) -> Result<(), Error> {
        self.next = 0;
        self.file.seek(SeekFrom::Start(HEADER_BYTES)).map(drop).map_err(unread)
    }

    /// The next blob, which is what the index says.
    pub(crate) fn next(&mut self) -> Result<Option<(Content, Vec<u8>)>, Error> {
        let Some(entry) = self.index.entries.get(self.next) else { return Ok(None) };
        let mut bytes = vec![0; usize::try_from(entry.bytes).expect("a limit was kept, which is far below")];
        self.file.read_exact(&mut bytes).map_err(unread)?;
        if format!("{:x}", Sha256::digest(&bytes)) != entry.sha256 {
            let what = match &entry.content {
                Content::Resolution => "a resolution".to_owned(),
                Content::Keys { of } => format!("the keys of {of}'s registry"),
                Content::Packument { name, .. } => format!("the packument of {name}"),
                Content::Tarball { package, .. } => format!("the tarball of {package}"),
            };
            return Err(broken(&format!("{what} is not what was signed")));
        }
        self.next += 1;
        Ok(Some((entry.content.clone(), bytes)))
    }
}

fn header() -> [u8; HEADER_BYTES as usize] {
    let mut header = [0; HEADER_BYTES as usize];
    header[..12].copy_from_slice(MAGIC);
    header[12..].copy_from_slice(&VERSION.to_le_bytes());
    header
}

fn check_header(head: &[u8; HEADER_BYTES as usize]) -> Result<(), Error> {
    if !head.starts_with(MAGIC) {
        return Err(broken("it does not begin as a mirror does"));
    }
    match u32::from_le_bytes(head[12..].try_into().expect("four bytes are left")) {
        VERSION => Ok(()),
        found => Err(Error::MirrorVersion { found, known: VERSION }),
    }
}

fn parts(trailer: &[u8; TRAILER_BYTES as usize]) -> [&[u8]; 4] {
    let (length, rest) = trailer.split_at(8);
    let (key, rest) = rest.split_at(32);
    let (signature, end) = rest.split_at(64);
    [length, key, signature, end]
}

fn digest_of(index: &[u8], length: [u8; 8]) -> [u8; 32] {
    Sha256::new().chain_update(header()).chain_update(index).chain_update(length).finalize().into()
}

/// Bounds, and that the blobs fill their space.
fn check_index(index: &Index, blobs: u64, limits: &Limits) -> Result<(), Error> {
    let mut sum = 0_u64;
    for entry in &index.entries {
        let (what, most, knob) = match entry.content {
            Content::Resolution => ("a resolution", limits.packument_bytes, "limits.packument_bytes"),
            Content::Keys { .. } => ("a registry's keys", limits.keys_bytes, "limits.keys_bytes"),
            Content::Packument { .. } => ("a packument", limits.packument_bytes, "limits.packument_bytes"),
            Content::Tarball { .. } => ("a tarball", limits.tarball_bytes, "limits.tarball_bytes"),
        };
        if entry.bytes > most {
            return Err(limit(what, entry.bytes, most, knob));
        }
        sum = sum.checked_add(entry.bytes).ok_or_else(|| broken("its index does not add up"))?;
    }
    let metadata = index.entries.iter().filter(|entry| !matches!(entry.content, Content::Tarball { .. }));
    let metadata: u64 = metadata.map(|entry| entry.bytes).sum();
    if metadata > limits.mirror_metadata_bytes {
        let (most, knob) = (limits.mirror_metadata_bytes, "limits.mirror_metadata_bytes");
        return Err(limit("everything but tarballs", metadata, most, knob));
    }
    match sum == blobs {
        true => Ok(()),
        false => Err(broken("its blobs are not the ones in its index")),
    }
}

fn limit(what: &'static str, measured: u64, limit: u64, knob: &'static str) -> Error {
    Error::Limit { subject: "the mirror".to_owned(), what, measured, limit, knob }
}

pub(crate) fn broken(detail: &str) -> Error {
    Error::MirrorBroken { detail: detail.to_owned() }
}

fn unread(error: std::io::Error) -> Error {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => broken("it ends too early"),
        _ => Error::MirrorFile { detail: error.to_string() },
    }
}

fn unwritten(error: std::io::Error) -> Error {
    Error::MirrorFile { detail: error.to_string() }
}
