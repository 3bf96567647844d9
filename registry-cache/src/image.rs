//! Package images: one package's files in memory that nobody can change any more.
//!
//! An image is made once per tarball and passed to other processes as a descriptor. On Linux it is a memfd, sealed
//! against writing, growing and shrinking, so that who maps it can rely on it; elsewhere it is an unlinked file. The reader
//! trusts no byte of it: an image that does not hold together is an error, never a wrong read.
//!
//! Layout, little-endian: magic (8), number of files (4), bytes of names (4); one record per file, ordered by path: start of
//! the name (4), its length (4), start of the bytes (8), their length (8); the names; the files' bytes.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use memmap2::{Mmap, MmapOptions};

use crate::error::Error;
use crate::tarball::Files;

const MAGIC: &[u8; 8] = b"hoistim1";
const HEADER: usize = 16;
const RECORD: usize = 24;

/// One package's files in sealed memory.
#[derive(Debug)]
pub struct PackageImage {
    fd: OwnedFd,
    bytes: u64,
    files: usize,
}

impl PackageImage {
    /// Makes an image of these files, by their paths below the package; of two with one path the last one counts.
    pub fn from_files(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Result<Self, Error> {
        let files: BTreeMap<String, Vec<u8>> = files.into_iter().collect();
        let ordered: Vec<(&str, &[u8])> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        Self::of(&ordered)
    }

    /// Makes an image of an unpacked tarball.
    pub(crate) fn seal(files: &Files) -> Result<Self, Error> {
        Self::of(&files.iter().collect::<Vec<_>>())
    }

    /// `files` are in order and no path comes twice.
    fn of(files: &[(&str, &[u8])]) -> Result<Self, Error> {
        let problem = |error: std::io::Error| Error::Image { detail: error.to_string() };
        let file = unnamed_file().map_err(problem)?;
        let mut writer = BufWriter::with_capacity(1 << 16, file);
        let bytes = write(files, &mut writer)?;
        let file = writer.into_inner().map_err(|error| problem(error.into_error()))?;
        seal(&file).map_err(problem)?;
        Ok(Self { fd: file.into(), bytes, files: files.len() })
    }

    /// An image that another process has made. What is in it is checked when it is mapped.
    pub(crate) fn received(fd: OwnedFd) -> Result<Self, Error> {
        check_sealed(&fd)?;
        let problem = |error: std::io::Error| Error::Image { detail: error.to_string() };
        let file = File::from(fd);
        let bytes = file.metadata().map_err(problem)?.len();
        let mut head = [0; HEADER];
        file.read_exact_at(&mut head, 0).map_err(problem)?;
        let files = small(&head, 8).filter(|_| head.starts_with(MAGIC));
        let files = files.ok_or_else(|| Error::Image { detail: "it does not begin like one".to_owned() })?;
        Ok(Self { fd: file.into(), bytes, files })
    }

    /// The descriptor, to pass on or to map.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// How many bytes of memory it takes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many files it holds.
    pub fn files(&self) -> usize {
        self.files
    }

    /// Maps it into this process.
    pub fn map(&self) -> Result<MappedImage, Error> {
        let fd = self.fd.try_clone().map_err(|error| Error::Image { detail: error.to_string() })?;
        MappedImage::map(fd)
    }
}

fn write(files: &[(&str, &[u8])], out: &mut impl Write) -> Result<u64, Error> {
    let problem = |detail: String| Error::Image { detail };
    let count = files.len();
    let names: usize = files.iter().map(|(path, _)| path.len()).sum();
    let field = |value: usize| u32::try_from(value).map_err(|_| problem("too many names for one image".to_owned()));
    let mut index = Vec::with_capacity(HEADER + count * RECORD + names);
    index.extend_from_slice(MAGIC);
    index.extend_from_slice(&field(count)?.to_le_bytes());
    index.extend_from_slice(&field(names)?.to_le_bytes());
    let mut name_start = 0;
    let mut start = (HEADER + count * RECORD + names) as u64;
    for (path, bytes) in files.iter() {
        index.extend_from_slice(&field(name_start)?.to_le_bytes());
        index.extend_from_slice(&field(path.len())?.to_le_bytes());
        index.extend_from_slice(&start.to_le_bytes());
        index.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        name_start += path.len();
        start += bytes.len() as u64;
    }
    for (path, _) in files.iter() {
        index.extend_from_slice(path.as_bytes());
    }
    let all = std::iter::once(index.as_slice()).chain(files.iter().map(|(_, bytes)| *bytes));
    for part in all {
        out.write_all(part).map_err(|error| problem(error.to_string()))?;
    }
    out.flush().map_err(|error| problem(error.to_string()))?;
    Ok(start)
}

#[cfg(target_os = "linux")]
fn unnamed_file() -> std::io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    Ok(File::from(memfd_create("hoist-package", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?))
}

#[cfg(target_os = "linux")]
fn seal(file: &File) -> std::io::Result<()> {
    use rustix::fs::{SealFlags, fcntl_add_seals};
    Ok(fcntl_add_seals(file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?)
}

#[cfg(target_os = "linux")]
fn check_sealed(fd: &OwnedFd) -> Result<(), Error> {
    use rustix::fs::{SealFlags, fcntl_get_seals};
    let wanted = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK;
    match fcntl_get_seals(fd) {
        Ok(seals) if seals.contains(wanted) => Ok(()),
        _ => Err(Error::Image { detail: "it is not sealed".to_owned() }),
    }
}

#[cfg(not(target_os = "linux"))]
fn unnamed_file() -> std::io::Result<File> {
    use std::sync::atomic::{AtomicU64, Ordering};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = format!("hoist-package-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let path = std::env::temp_dir().join(name);
    let file = File::options().read(true).write(true).create_new(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

#[cfg(not(target_os = "linux"))]
fn seal(_file: &File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn check_sealed(_fd: &OwnedFd) -> Result<(), Error> {
    Ok(())
}

/// An image that this process can read.
#[derive(Debug)]
pub struct MappedImage {
    map: Mmap,
    files: usize,
}

impl MappedImage {
    /// Maps an image and checks that it holds together.
    pub fn map(fd: OwnedFd) -> Result<Self, Error> {
        check_sealed(&fd)?;
        let problem = |detail: String| Error::Image { detail };
        // Not the standard library's way to ask, which could be given a path: where this runs, such calls are refused.
        let stat = rustix::fs::fstat(&fd).map_err(|error| problem(error.to_string()))?;
        let bytes = usize::try_from(stat.st_size).map_err(|error| problem(error.to_string()))?;
        // SAFETY: what lies behind this descriptor cannot change while it is mapped: on Linux the kernel has just said
        // that it is sealed against writing and shrinking; elsewhere it is a file without a name that only `seal` had.
        let map = unsafe { MmapOptions::new().len(bytes).map(&fd) }.map_err(|error| problem(error.to_string()))?;
        let files =
            check(&map).ok_or_else(|| Error::Image { detail: "its index does not hold together".to_owned() })?;
        Ok(Self { map, files })
    }

    /// The bytes of one file, by its path below the package.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        let (mut low, mut high) = (0, self.files);
        while low < high {
            let middle = low + (high - low) / 2;
            let (name, bytes) = entry(&self.map, self.files, middle)?;
            match name.cmp(path) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(bytes),
            }
        }
        None
    }

    /// How many files there are.
    pub fn count(&self) -> usize {
        self.files
    }

    /// The file at a place of the order of paths: its path and its bytes.
    pub fn file(&self, index: usize) -> Option<(&str, &[u8])> {
        if index < self.files { entry(&self.map, self.files, index) } else { None }
    }

    /// All files, ordered by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        (0..self.files).filter_map(|index| entry(&self.map, self.files, index))
    }
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn small(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(number(bytes, at)?)).ok()
}

fn large(bytes: &[u8], at: usize) -> Option<usize> {
    usize::try_from(u64::from_le_bytes(number(bytes, at)?)).ok()
}

/// The file of one record; none where the record points outside the image.
fn entry(bytes: &[u8], count: usize, index: usize) -> Option<(&str, &[u8])> {
    let record = HEADER + index * RECORD;
    let names = HEADER + count * RECORD;
    let name_start = names.checked_add(small(bytes, record)?)?;
    let name = bytes.get(name_start..name_start.checked_add(small(bytes, record + 4)?)?)?;
    let start = large(bytes, record + 8)?;
    let content = bytes.get(start..start.checked_add(large(bytes, record + 16)?)?)?;
    Some((std::str::from_utf8(name).ok()?, content))
}

/// The number of files, when every record is inside the image and they are in order.
fn check(bytes: &[u8]) -> Option<usize> {
    if bytes.get(..8)? != MAGIC {
        return None;
    }
    let count = small(bytes, 8)?;
    let data = count.checked_mul(RECORD)?.checked_add(HEADER)?.checked_add(small(bytes, 12)?)?;
    if data > bytes.len() {
        return None;
    }
    let mut last: Option<&str> = None;
    for index in 0..count {
        let (name, _) = entry(bytes, count, index)?;
        if last.is_some_and(|last| last >= name) {
            return None;
        }
        last = Some(name);
    }
    Some(count)
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
