//! The files that a program finds while it runs: its packages' folders, and its own files.
//!
//! Here the images of `registry-cache` meet the executor, which knows nothing of them.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use bundler::FileSource;
use executor::{FileTree, Folder, FolderImage};
use registry_cache::{MappedImage, PackageImage, Tree};
use sha2::{Digest as _, Sha256};

use crate::error::Error;

/// A program's own files: those that it imports, as the bundler asks for them, and data that it reads.
pub(crate) struct OwnFiles {
    source: Box<dyn FileSource>,
    found: BTreeMap<String, Vec<u8>>,
}

impl OwnFiles {
    /// Files from `source`, and `data` beside them.
    pub(crate) fn new(source: Box<dyn FileSource>, data: Vec<(String, Vec<u8>)>) -> Self {
        Self { source, found: data.into_iter().collect() }
    }

    /// The tree of the program: its own files at the root, its packages where npm would put them.
    pub(crate) fn with_packages(self, packages: &Tree) -> Result<FileTree, Error> {
        let mut folders = Vec::with_capacity(packages.mounts.len() + 1);
        if !self.found.is_empty() {
            let hash = Some(hash(&self.found));
            let image = Arc::new(PackageImage::from_files(self.found)?);
            folders.push(Folder { hash, ..folder(String::new(), image) });
        }
        folders.extend(packages.mounts.iter().map(|mount| folder(mount.path.clone(), mount.image.clone())));
        Ok(FileTree { folders })
    }
}

impl OwnFiles {
    /// The source, for what is read and is none of the program's files.
    pub(crate) fn source(&mut self) -> &mut dyn FileSource {
        self.source.as_mut()
    }
}

impl FileSource for OwnFiles {
    fn read(&mut self, path: &str) -> io::Result<Option<Vec<u8>>> {
        let bytes = self.source.read(path)?;
        if let Some(bytes) = &bytes {
            self.found.insert(path.to_owned(), bytes.clone());
        }
        Ok(bytes)
    }
}

fn folder(path: String, image: Arc<PackageImage>) -> Folder {
    Folder { path, image: Arc::new(Image(image)), hash: None }
}

/// SHA-256 over names and contents, each behind its length.
fn hash(files: &BTreeMap<String, Vec<u8>>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in files.iter().flat_map(|(path, bytes)| [path.as_bytes(), bytes.as_slice()]) {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// An image as the executor sends it.
struct Image(Arc<PackageImage>);

impl AsFd for Image {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.fd()
    }
}

/// An image as a run's process reads it.
struct Mapped(MappedImage);

impl FolderImage for Mapped {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn file(&self, index: usize) -> Option<(&str, &[u8])> {
        self.0.file(index)
    }
}

/// Maps an image, in a run's process.
pub(crate) fn open_image(descriptor: OwnedFd) -> io::Result<Box<dyn FolderImage>> {
    match MappedImage::map(descriptor) {
        Ok(image) => Ok(Box::new(Mapped(image))),
        Err(error) => Err(io::Error::other(error)),
    }
}
