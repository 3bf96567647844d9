//! The files that a bundle reads at run time, written beside it: whole folders of packages, where Node's loader looks for
//! them.

use std::fs;
use std::path::{Component, Path, PathBuf};

use executor::FileTree;
use registry_cache::MappedImage;

use crate::error::Error;

/// How a bundle's code calls a folder: relative to the bundle's own, with slashes.
pub(crate) fn relative(folder: &Path, bundle: &Path, working: &Path) -> String {
    let (folder, bundle) = (plain(&working.join(folder)), plain(&working.join(bundle)));
    let from = bundle.parent().unwrap_or(Path::new("/"));
    let shared = from.components().zip(folder.components()).take_while(|(left, right)| left == right).count();
    let up = from.components().skip(shared).map(|_| "..".to_owned());
    let down = folder.components().skip(shared).map(|part| part.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Without `.` and `..`, by its names alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

/// Writes the folders of a tree that are named, below `target`.
pub(crate) fn write(target: &Path, tree: &FileTree, folders: &[String]) -> Result<(), Error> {
    for folder in tree.folders.iter().filter(|folder| folders.contains(&folder.path)) {
        let internal = |problem: String| Error::Internal { problem };
        let descriptor = folder.image.as_fd().try_clone_to_owned().map_err(|error| internal(error.to_string()))?;
        let image = MappedImage::map(descriptor)?;
        for (path, bytes) in image.files() {
            // An image's paths are those of a tarball that was checked: they stay below its folder.
            write_file(&target.join(&folder.path).join(path), bytes)?;
        }
    }
    Ok(())
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|error| Error::Output { path: path.to_owned(), problem: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_found_from_the_bundle() {
        let from = |folder: &str, bundle: &str| relative(Path::new(folder), Path::new(bundle), Path::new("/work"));
        assert_eq!(from("out", "out/a.js"), ".");
        assert_eq!(from("out/files", "out/a.js"), "files");
        assert_eq!(from("./a b/../c d", "out/deep/a.js"), "../../c d");
        assert_eq!(from("/tmp/x", "a.js"), "../tmp/x");
        assert_eq!(from("files", "-"), "files");
    }
}
