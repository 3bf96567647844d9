//! The files of a program: on disk below the project's root, or sent with a request.
//!
//! The bundler's process has no disk; it names what it lacks and gets bytes or "absent" from here. Whatever it asks for,
//! nothing outside the root is opened: names are checked first, then links are followed and the target is checked.
//! `node_modules` folders count as absent, packages come from the cache.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::{Error as IoError, ErrorKind, Read};
use std::path::{Path, PathBuf};

use bundler::FileSource;

use crate::error::Error;

/// The file that marks a project's root.
const MANIFEST: &str = "package.json";

/// A program on disk.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder of the nearest package.json at or above the program, else the program's folder; without links.
    pub(crate) root: PathBuf,
    /// The program, relative to the root, with slashes.
    pub(crate) entry: String,
}

impl Project {
    /// Finds the project of a program.
    pub(crate) fn of(file: &Path) -> Result<Self, Error> {
        let failed = |problem: String| Error::LocalFile { path: file.to_owned(), problem };
        let file_itself = file.canonicalize().map_err(|error| failed(error.to_string()))?;
        if !file_itself.is_file() {
            return Err(failed("it is not a file".to_owned()));
        }
        let folder = file_itself.parent().expect("a file has a folder");
        let root = folder.ancestors().find(|folder| folder.join(MANIFEST).is_file()).unwrap_or(folder);
        let relative = file_itself.strip_prefix(root).expect("the root is above the file");
        let parts: Option<Vec<&str>> = relative.components().map(|part| part.as_os_str().to_str()).collect();
        let entry = parts.ok_or_else(|| failed("its name is not text".to_owned()))?.join("/");
        Ok(Self { root: root.to_owned(), entry })
    }
}

/// The files below a folder.
#[derive(Debug)]
pub(crate) struct DiskFiles {
    root: PathBuf,
    file_bytes: u64,
}

impl DiskFiles {
    /// The files below `root`, which has no links in it, each of at most `file_bytes`.
    pub(crate) fn new(root: PathBuf, file_bytes: u64) -> Self {
        Self { root, file_bytes }
    }
}

impl DiskFiles {
    /// The bytes of a file; none where there is no file.
    pub(crate) fn read_file(&self, path: &RelativePath) -> Result<Option<Vec<u8>>, IoError> {
        let target = match self.root.join(path.as_str()).canonicalize() {
            Ok(target) => target,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !target.starts_with(&self.root) {
            return Err(IoError::new(ErrorKind::PermissionDenied, "it is a link that leaves the project's root"));
        }
        // Before it is opened: opening a pipe or a device can wait or do something.
        if !target.metadata()?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        std::fs::File::open(&target)?.take(self.file_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > self.file_bytes {
            let problem = format!("it has more bytes than the limit of {}", self.file_bytes);
            return Err(IoError::new(ErrorKind::FileTooLarge, problem));
        }
        Ok(Some(bytes))
    }
}

impl FileSource for DiskFiles {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, IoError> {
        let path = RelativePath::parse(path).map_err(|problem| IoError::new(ErrorKind::InvalidInput, problem))?;
        if path.as_str().split('/').any(|part| part == "node_modules") {
            return Ok(None);
        }
        self.read_file(&path)
    }
}

fn is_absence(error: &IoError) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename)
}

/// Files that came with a request.
#[derive(Debug, Default)]
pub(crate) struct SentFiles(BTreeMap<RelativePath, String>);

impl SentFiles {
    /// Adds a file, unless there is one of that name.
    #[must_use]
    pub(crate) fn add(&mut self, path: RelativePath, text: String) -> bool {
        match self.0.entry(path) {
            Entry::Vacant(place) => {
                place.insert(text);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// All files.
    pub(crate) fn to_vec(&self) -> Vec<(String, Vec<u8>)> {
        self.0.iter().map(|(path, text)| (path.0.clone(), text.clone().into_bytes())).collect()
    }

    /// The files' names, sorted.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(RelativePath::as_str)
    }
}

impl FileSource for SentFiles {
    fn read(&mut self, path: &str) -> Result<Option<Vec<u8>>, IoError> {
        let path = RelativePath::parse(path).map_err(|problem| IoError::new(ErrorKind::InvalidInput, problem))?;
        Ok(self.0.get(&path).map(|text| text.clone().into_bytes()))
    }
}

/// A path below a project's root: not empty, with slashes, without `.`, `..`, backslashes and control characters.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct RelativePath(String);

impl RelativePath {
    /// Bytes of a path: what Linux allows.
    const BYTES: usize = 4096;
    /// Bytes of one name in it: what Linux allows.
    const NAME_BYTES: usize = 255;

    /// Checks a path; a leading `./` is dropped. The error says what is wrong with it.
    pub(crate) fn parse(path: &str) -> Result<Self, &'static str> {
        let path = path.strip_prefix("./").unwrap_or(path);
        if path.len() > Self::BYTES {
            return Err("its path is too long");
        }
        if path.starts_with('/') {
            return Err("its path is absolute");
        }
        if path.contains('\\') || path.chars().any(char::is_control) {
            return Err("its path holds a backslash or a control character");
        }
        for part in path.split('/') {
            match part {
                "" => return Err("its path is empty or has an empty part"),
                "." | ".." => return Err("its path holds . or .., it must stay below the project's root"),
                part if part.len() > Self::NAME_BYTES => return Err("a name in its path is too long"),
                _ => {}
            }
        }
        Ok(Self(path.to_owned()))
    }

    /// The path as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// The nearest package.json at or above the entry: its path and text.
pub(crate) fn nearest_manifest(entry: &str, files: &mut dyn FileSource) -> Result<Option<(String, String)>, Error> {
    let mut folder = entry;
    while !folder.is_empty() {
        folder = folder.rfind('/').map_or("", |slash| &folder[..slash]);
        let path = if folder.is_empty() { MANIFEST.to_owned() } else { format!("{folder}/{MANIFEST}") };
        let failed = |problem: String| Error::ManifestFile { path: PathBuf::from(&path), problem };
        if let Some(bytes) = files.read(&path).map_err(|error| failed(error.to_string()))? {
            let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8".to_owned()))?;
            return Ok(Some((path, text)));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
