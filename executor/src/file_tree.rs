//! The files that a run finds under `/hoist`: folders, each of them one image in shared memory.
//!
//! The service names them as a [`FileTree`]; a run's process reads an image through [`FolderImage`]. How an image is laid
//! out is its maker's business: nothing here looks into one.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, LazyLock};

/// What is below `/hoist`, read-only.
#[derive(Clone, Debug, Default)]
pub struct FileTree {
    /// The folders. Of two that lie in each other the inner one has everything below it.
    pub folders: Vec<Folder>,
}

/// One folder with all that is in it.
#[derive(Clone)]
pub struct Folder {
    /// Its path below `/hoist`, with slashes; empty for `/hoist` itself.
    pub path: String,
    /// Its files: a descriptor of sealed memory. Folders may share one; it is sent once.
    pub image: Arc<dyn AsFd + Send + Sync>,
    /// SHA-256 of what is in it, where it is made anew for each program: without one, it is known by its descriptor.
    pub hash: Option<[u8; 32]>,
}

impl fmt::Debug for Folder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Folder").field("path", &self.path).field("image", &self.image.as_fd()).finish()
    }
}

/// A folder's files, as the process of a run sees them: in the order of their paths, which are relative and have slashes.
pub trait FolderImage: Send + Sync {
    /// How many files there are.
    fn count(&self) -> usize;

    /// The file at a place of the order: its path and its bytes.
    fn file(&self, index: usize) -> Option<(&str, &[u8])>;

    /// Where in the order the path is, or where it would be.
    fn position(&self, path: &str) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.count());
        while low < high {
            let middle = low + (high - low) / 2;
            let Some((name, _)) = self.file(middle) else { return Err(low) };
            match name.cmp(path) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }
}

/// Maps an image that has come as a descriptor.
pub type OpenImage = fn(OwnedFd) -> io::Result<Box<dyn FolderImage>>;

/// An image that is mapped when it is first looked at.
pub(crate) type LazyImage =
    LazyLock<io::Result<Box<dyn FolderImage>>, Box<dyn FnOnce() -> io::Result<Box<dyn FolderImage>> + Send>>;

/// An image that has come and is not mapped yet.
#[allow(dead_code, reason = "the build script is sent no images")]
pub(crate) fn lazy(descriptor: OwnedFd, open: OpenImage) -> LazyImage {
    LazyLock::new(Box::new(move || open(descriptor)))
}
