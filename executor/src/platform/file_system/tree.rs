//! The read-only part of the file system: folders that the service has sent, looked up where they lie. Nothing is indexed
//! ahead: an image is ordered by path, so a file is a binary search away and a folder is the paths that begin with it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use super::errno;
use crate::file_tree::{FolderImage, LazyImage};

/// The folders by their paths below `/hoist`.
pub(crate) struct Tree {
    folders: BTreeMap<String, Mounted>,
}

/// An image in its place.
struct Mounted {
    number: u64,
    image: Arc<LazyImage>,
}

/// What is at a path.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Node {
    /// A file's bytes, and a number that no other file of the tree has.
    File { bytes: &'static [u8], number: u64 },
    /// A folder, with its number.
    Folder { number: u64 },
}

/// Numbers of folders have this bit; they are hashes of paths.
const FOLDER_NUMBER: u64 = 1 << 52;
/// An image's number begins here, a file's place in it below.
const IMAGE_SHIFT: u32 = 28;

impl Tree {
    /// A tree without a folder.
    pub(super) const fn new_empty() -> Self {
        Self { folders: BTreeMap::new() }
    }

    /// A tree of these folders; of two at one path the last one counts.
    #[allow(dead_code, reason = "the build script is sent no files")]
    pub(crate) fn new(folders: impl IntoIterator<Item = (String, Arc<LazyImage>)>) -> Self {
        let places: BTreeMap<String, Arc<LazyImage>> = folders.into_iter().collect();
        let mounted = places.into_iter().zip(1..).map(|((path, image), number)| (path, Mounted { number, image }));
        Self { folders: mounted.collect() }
    }

    /// What is at a path below the root; empty is the root itself.
    pub(super) fn node(&'static self, path: &str) -> io::Result<Node> {
        if let Some((image_number, image, rest)) = self.image_of(path)? {
            if let Ok(index) = image.position(rest)
                && let Some((_, bytes)) = image.file(index)
            {
                let number = (image_number << IMAGE_SHIFT) | index as u64;
                return Ok(Node::File { bytes, number });
            }
            if rest.is_empty() || first_below(image, rest).is_some() {
                return Ok(Node::Folder { number: folder_number(path) });
            }
            if self.is_above_a_folder(path) {
                return Ok(Node::Folder { number: folder_number(path) });
            }
            return Err(missing(image, rest));
        }
        if path.is_empty() || self.is_above_a_folder(path) {
            return Ok(Node::Folder { number: folder_number(path) });
        }
        Err(errno(libc::ENOENT))
    }

    /// The names in a folder, in order, and whether each is a folder.
    pub(super) fn names(&'static self, path: &str) -> io::Result<BTreeMap<String, bool>> {
        match self.node(path)? {
            Node::File { .. } => return Err(errno(libc::ENOTDIR)),
            Node::Folder { .. } => {}
        }
        let mut names = BTreeMap::new();
        if let Some((_, image, rest)) = self.image_of(path)? {
            let prefix = if rest.is_empty() { String::new() } else { format!("{rest}/") };
            let mut index = image.position(&prefix).unwrap_or_else(|place| place);
            while let Some((file, _)) = image.file(index) {
                let Some(below) = file.strip_prefix(prefix.as_str()) else { break };
                let name = below.split('/').next().unwrap_or(below);
                let is_folder = name.len() < below.len();
                names.insert(name.to_owned(), is_folder);
                // Whatever else begins with this name and a slash is the same folder: what follows that follows it.
                index = match is_folder {
                    true => image.position(&format!("{prefix}{name}0")).unwrap_or_else(|place| place).max(index + 1),
                    false => index + 1,
                };
            }
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        for (folder, _) in self.folders.range(prefix.clone()..) {
            let Some(below) = folder.strip_prefix(prefix.as_str()) else { break };
            if let Some(name) = below.split('/').next().filter(|name| !name.is_empty()) {
                names.insert(name.to_owned(), true);
            }
        }
        Ok(names)
    }

    /// The innermost folder that a path is in, with its number, and the rest of the path.
    fn image_of<'a>(&'static self, path: &'a str) -> io::Result<Option<(u64, &'static dyn FolderImage, &'a str)>> {
        let mut folder = path;
        loop {
            if let Some(Mounted { number, image }) = self.folders.get(folder) {
                let rest = path[folder.len()..].trim_start_matches('/');
                let image: &'static LazyImage = image;
                let image = image.as_ref().map_err(|_| errno(libc::EIO))?;
                return Ok(Some((*number, &**image, rest)));
            }
            if folder.is_empty() {
                return Ok(None);
            }
            folder = folder.rfind('/').map_or("", |slash| &folder[..slash]);
        }
    }

    fn is_above_a_folder(&self, path: &str) -> bool {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        self.folders.range(prefix.clone()..).next().is_some_and(|(folder, _)| folder.starts_with(&prefix))
    }
}

/// The first file in a folder.
fn first_below<'a>(image: &'a dyn FolderImage, folder: &str) -> Option<&'a str> {
    let prefix = format!("{folder}/");
    let (path, _) = image.file(image.position(&prefix).unwrap_or_else(|place| place))?;
    path.starts_with(&prefix).then_some(path)
}

/// Nothing is there, or something that is no folder stands above it.
fn missing(image: &dyn FolderImage, path: &str) -> io::Error {
    let mut above = path;
    while let Some((folder, _)) = above.rsplit_once('/') {
        if image.position(folder).is_ok() {
            return errno(libc::ENOTDIR);
        }
        above = folder;
    }
    errno(libc::ENOENT)
}

/// FNV-1a of a folder's path: the same in every run.
fn folder_number(path: &str) -> u64 {
    let hash = path
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    FOLDER_NUMBER | (hash >> 12)
}
