//! Tarballs: verified first, then unpacked in memory.
//!
//! The bytes come from strangers. Nothing is read from a tarball before its integrity holds, nothing is allocated because
//! a header says so, and what is no plain file or folder below the package's own root is refused by name. What npm accepts
//! is accepted: the first component of a path is dropped whatever it is called, of two entries the last one wins, and PAX
//! and GNU long names count. Follows POSIX pax, the GNU tar manual's "basic tar format", and npm's tar library where those
//! leave a choice.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::{Bound, Range};

use ssri::{Integrity, IntegrityOpts};
use tar::{Archive, Entry, EntryType};

use crate::error::Error;
use crate::limits::Limits;

/// A package's files: the unpacked archive, and where in it each file lies.
#[derive(Debug)]
pub(crate) struct Files {
    archive: Vec<u8>,
    files: BTreeMap<String, Range<usize>>,
}

impl Files {
    /// Paths, relative to the package, in order, with their bytes.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, range)| (path.as_str(), &self.archive[range.clone()]))
    }
}

/// Whether these are the bytes that `expected` (SRI, of one algorithm) was made from.
pub(crate) fn verify(package: &str, url: &str, bytes: &[u8], expected: &str) -> Result<(), Error> {
    let integrity: Option<Integrity> =
        expected.parse().ok().filter(|integrity: &Integrity| !integrity.hashes.is_empty());
    let Some(integrity) = integrity else {
        return Err(Error::NoIntegrity { package: package.to_owned(), chain: Vec::new() });
    };
    let algorithm = integrity.pick_algorithm();
    let actual = IntegrityOpts::new().algorithm(algorithm).chain(bytes).result();
    match actual.matches(&integrity) {
        Some(_) => Ok(()),
        None => Err(Error::Integrity {
            package: package.to_owned(),
            url: url.to_owned(),
            expected: expected.to_owned(),
            actual: actual.to_string(),
            chain: Vec::new(),
        }),
    }
}

/// Unpacks a tarball. `package` is its `name@version`, for messages.
pub(crate) fn unpack(package: &str, bytes: &[u8], limits: &Limits) -> Result<Files, Error> {
    let archive = gunzip(package, bytes, limits)?;
    let mut files = BTreeMap::new();
    let broken = |detail: String| Error::Tarball { package: package.to_owned(), detail, chain: Vec::new() };
    let mut reader = Archive::new(archive.as_slice());
    for entry in reader.entries().map_err(|error| broken(error.to_string()))? {
        let mut entry = entry.map_err(|error| broken(error.to_string()))?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if path.len() > limits.path_bytes {
            return Err(limit(
                package,
                "the length of a path",
                path.len() as u64,
                limits.path_bytes as u64,
                "limits.path_bytes",
            ));
        }
        let refused = |problem| Error::TarballEntry {
            package: package.to_owned(),
            path: path.clone(),
            problem,
            chain: Vec::new(),
        };
        let is_file = match kind_of(&mut entry).map_err(refused)? {
            Kind::Comment => continue,
            Kind::Folder => false,
            Kind::File => true,
        };
        let Some(name) = inner_path(&path).map_err(refused)? else { continue };
        // Archivers before POSIX marked folders with a slash at the end and no type of their own.
        if !is_file || path.ends_with('/') {
            // npm reads on behind the header then, others behind the contents: they would see different files.
            if entry.size() != 0 {
                return Err(refused("is a folder with contents"));
            }
            continue;
        }
        let range = range_of(entry.raw_file_position(), entry.size(), archive.len())
            .ok_or_else(|| broken("it ends inside a file".to_owned()))?;
        insert(&mut files, name, range);
        if files.len() > limits.package_files {
            return Err(limit(
                package,
                "its number of files",
                files.len() as u64,
                limits.package_files as u64,
                "limits.package_files",
            ));
        }
    }
    match files.contains_key("package.json") {
        true => Ok(Files { archive, files }),
        false => Err(broken("it holds no package.json".to_owned())),
    }
}

/// All members of a gzip file, up to a bound. Bytes after the last member are ignored, as npm does.
fn gunzip(package: &str, bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, Error> {
    let most = limits.unpacked_bytes;
    let broken = |detail: String| Error::Tarball { package: package.to_owned(), detail, chain: Vec::new() };
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(broken("it is not compressed with gzip".to_owned()));
    }
    let mut plain = Vec::new();
    let mut rest = bytes;
    let mut members = 0;
    while rest.starts_with(&[0x1f, 0x8b]) {
        members += 1;
        if members > limits.gzip_members {
            let (measured, limit_of) = (members as u64, limits.gzip_members as u64);
            return Err(limit(package, "its number of gzip members", measured, limit_of, "limits.gzip_members"));
        }
        let mut decoder = flate2::bufread::GzDecoder::new(rest);
        let left = (most + 1).saturating_sub(plain.len() as u64);
        let outcome = decoder.by_ref().take(left).read_to_end(&mut plain);
        if plain.len() as u64 > most {
            return Err(limit(
                package,
                "its unpacked size in bytes",
                plain.len() as u64,
                most,
                "limits.unpacked_bytes",
            ));
        }
        outcome.map_err(|error| broken(format!("its gzip data is cut off or damaged ({error})")))?;
        rest = decoder.into_inner();
    }
    Ok(plain)
}

/// What an entry is, when a package may hold it.
enum Kind {
    File,
    Folder,
    /// Says nothing about files.
    Comment,
}

fn kind_of(entry: &mut Entry<'_, &[u8]>) -> Result<Kind, &'static str> {
    let kind = entry.header().entry_type();
    // Sparse files have a kind of their own in GNU's format; in PAX they look like others, whose bytes are not theirs.
    let mut extensions = entry.pax_extensions().ok().flatten().into_iter().flatten().flatten();
    if extensions.any(|extension| extension.key_bytes().starts_with(b"GNU.sparse.")) {
        return Err("is a sparse file");
    }
    match kind {
        EntryType::Regular | EntryType::Continuous => Ok(Kind::File),
        EntryType::Directory => Ok(Kind::Folder),
        EntryType::XGlobalHeader => Ok(Kind::Comment),
        EntryType::GNUSparse => Err("is a sparse file"),
        EntryType::Symlink => Err("is a symbolic link"),
        EntryType::Link => Err("is a hard link"),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Err("is a device"),
        _ => Err("is of a kind that packages do not hold"),
    }
}

/// The path below the package's root; none for what lies beside that root.
fn inner_path(path: &str) -> Result<Option<String>, &'static str> {
    if path.contains('\0') {
        return Err("holds a NUL");
    }
    if path.contains('\\') {
        return Err("holds a backslash");
    }
    if path.starts_with('/') {
        return Err("is absolute");
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err("leaves the package");
    }
    let inner = parts.get(1..).unwrap_or_default().join("/");
    Ok(Some(inner).filter(|inner| !inner.is_empty()))
}

fn range_of(start: u64, size: u64, length: usize) -> Option<Range<usize>> {
    let start = usize::try_from(start).ok()?;
    let end = start.checked_add(usize::try_from(size).ok()?)?;
    (end <= length).then_some(start..end)
}

/// The last entry wins, also where one makes a file of what another takes for a folder.
fn insert(files: &mut BTreeMap<String, Range<usize>>, path: String, range: Range<usize>) {
    for (index, _) in path.match_indices('/') {
        files.remove(&path[..index]);
    }
    let folder = format!("{path}/");
    let below: Vec<String> = files
        .range::<str, _>((Bound::Included(folder.as_str()), Bound::Unbounded))
        .map(|(below, _)| below)
        .take_while(|below| below.starts_with(&folder))
        .cloned()
        .collect();
    for path in below {
        files.remove(&path);
    }
    files.insert(path, range);
}

fn limit(package: &str, what: &'static str, measured: u64, limit: u64, knob: &'static str) -> Error {
    Error::Limit { subject: format!("package {package}"), what, measured, limit, knob }
}

/// Archives for tests, honest and not.
#[cfg(test)]
pub(crate) mod archive {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{Builder, EntryType, Header};

    /// A tarball of plain files.
    pub(crate) fn pack(files: &[(&str, &[u8])]) -> Vec<u8> {
        gzip(&[tar(files), vec![0; 1024]].concat())
    }

    pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    /// An archive without its end, to be continued.
    pub(crate) fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        files.iter().flat_map(|(path, bytes)| entry(path, bytes, EntryType::Regular)).collect()
    }

    /// One entry of any kind; a long path gets a GNU long name.
    pub(crate) fn entry(path: &str, bytes: &[u8], kind: EntryType) -> Vec<u8> {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        let mut builder = Builder::new(Vec::new());
        builder.append_data(&mut header, path, bytes).unwrap();
        without_end(builder)
    }

    /// A PAX header for the entry that follows.
    pub(crate) fn pax(fields: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        builder.append_pax_extensions(fields.iter().map(|(key, value)| (*key, value.as_bytes()))).unwrap();
        without_end(builder)
    }

    fn without_end(builder: Builder<Vec<u8>>) -> Vec<u8> {
        let mut bytes = builder.into_inner().unwrap();
        bytes.truncate(bytes.len() - 1024);
        bytes
    }
}

#[cfg(test)]
#[path = "tarball_tests.rs"]
mod tests;
