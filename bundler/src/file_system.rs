//! The files that a bundle is made of: the program's own, which the caller sent, and the packages', which are mapped.
//! Rooted at a folder that exists on no host. Reads nothing else, and notes which local paths were asked for in vain.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use oxc_resolver::{FileMetadata, FileSystem, ResolveError};
use registry_cache::MappedImage;

/// The folder that everything stands under.
pub(crate) const ROOT: &str = "/hoist";
/// The package.json that makes a local file an ES module in Node's sense; no local path can have this name.
pub(crate) const ESM_MARKER: &str = "/hoist/\0esm/package.json";
const ESM_MARKER_TEXT: &[u8] = br#"{"type":"module"}"#;

/// What a package's `browser` map leaves out; no path can have this name either.
pub(crate) const EMPTY_MODULE: &str = "/hoist/node_modules/\0empty.cjs";
const EMPTY_MODULE_TEXT: &[u8] = b"module.exports = {};";
/// What follows the path of a file that an import attribute asks for as something else than its extension says. Bundling
/// needs a module of its own for each.
pub(crate) const ASSERTED: &str = "\0.hoist-";

/// The program's own files by their path below the project's root; `None` is "absent".
pub(crate) type LocalFiles = BTreeMap<String, Option<Arc<[u8]>>>;

/// A package's files.
#[derive(Debug)]
pub(crate) enum PackageFiles {
    /// In shared memory.
    Mapped(Arc<MappedImage>),
    /// As a test has them.
    #[cfg(test)]
    Given(BTreeMap<String, Vec<u8>>),
}

impl PackageFiles {
    fn get(&self, path: &str) -> Option<&[u8]> {
        match self {
            Self::Mapped(image) => image.get(path),
            #[cfg(test)]
            Self::Given(files) => files.get(path).map(Vec::as_slice),
        }
    }

    fn paths(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Mapped(image) => Box::new(image.files().map(|(path, _)| path)),
            #[cfg(test)]
            Self::Given(files) => Box::new(files.keys().map(String::as_str)),
        }
    }
}

/// A package at a place of the tree.
#[derive(Debug)]
pub(crate) struct MountedPackage {
    /// `zod@3.25.1`.
    pub(crate) display: String,
    files: PackageFiles,
    folders: OnceLock<HashSet<String>>,
}

impl MountedPackage {
    /// A file by its path in the package.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        self.files.get(path).map(decode)
    }

    /// The files that are in no folder of the package, sorted.
    pub(crate) fn top_files(&self) -> BTreeSet<&str> {
        self.files.paths().filter(|path| !path.contains('/')).collect()
    }

    fn folders(&self) -> &HashSet<String> {
        self.folders.get_or_init(|| {
            let mut folders = HashSet::new();
            for mut path in self.files.paths() {
                while let Some((folder, _)) = path.rsplit_once('/') {
                    if !folders.insert(folder.to_owned()) {
                        break;
                    }
                    path = folder;
                }
            }
            folders
        })
    }
}

/// What stands at a path.
enum Found<'a> {
    File(&'a [u8]),
    Folder,
    Nothing,
}

/// The files, as the resolver and the bundling engine read them. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct VirtualFiles(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    local: LocalFiles,
    /// Packages by their path below the root, `node_modules/a/node_modules/b`.
    mounts: HashMap<String, MountedPackage>,
    /// Every folder above a mount.
    above: HashSet<String>,
    lacking: Mutex<BTreeSet<String>>,
}

impl VirtualFiles {
    /// Local files only, as a scan sees them.
    pub(crate) fn local(local: LocalFiles) -> Self {
        Self(Arc::new(Inner { local, ..Inner::default() }))
    }

    /// Local files and packages (mount path, package id, files).
    pub(crate) fn with_packages(
        local: LocalFiles,
        packages: impl IntoIterator<Item = (String, String, PackageFiles)>,
    ) -> Self {
        let mut inner = Inner { local, ..Inner::default() };
        for (path, package_id, files) in packages {
            let mut above = path.as_str();
            while let Some((folder, _)) = above.rsplit_once('/') {
                inner.above.insert(folder.to_owned());
                above = folder;
            }
            let display = display_name(&package_id).to_owned();
            inner.mounts.insert(path, MountedPackage { display, files, folders: OnceLock::new() });
        }
        Self(Arc::new(inner))
    }

    /// The local paths that were looked for and that nobody has said anything about yet.
    pub(crate) fn lacking(&self) -> BTreeSet<String> {
        self.0.lacking.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many there are of them.
    pub(crate) fn lacking_count(&self) -> usize {
        self.0.lacking.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The text of a file, as Node decodes it: invalid UTF-8 is replaced, a byte-order mark is dropped.
    pub(crate) fn text(&self, path: &str) -> Option<String> {
        match self.find(path) {
            Found::File(bytes) => Some(decode(bytes)),
            Found::Folder | Found::Nothing => None,
        }
    }

    /// The bytes of a file.
    pub(crate) fn bytes(&self, path: &str) -> Option<&[u8]> {
        match self.find(path) {
            Found::File(bytes) => Some(bytes),
            Found::Folder | Found::Nothing => None,
        }
    }

    /// The package that a path belongs to, and the rest of the path in it.
    pub(crate) fn package_of<'a>(&self, path: &'a str) -> Option<(&MountedPackage, &'a str)> {
        self.mount_of(path.strip_prefix(ROOT)?.strip_prefix('/')?)
    }

    /// How people call a path: `src/agent.ts`, `zod@3.25.1/lib/index.js`.
    pub(crate) fn display(&self, path: &str) -> String {
        if path == EMPTY_MODULE {
            return "hoist/empty.cjs".to_owned();
        }
        let path = without_assertion(path);
        match self.package_of(path) {
            Some((package, "")) => package.display.clone(),
            Some((package, rest)) => format!("{}/{rest}", package.display),
            None => match path.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/')) {
                Some(local) => local.to_owned(),
                None => path.to_owned(),
            },
        }
    }

    /// Mount paths, longest first, with the names they are displayed under.
    pub(crate) fn mounts(&self) -> Vec<(&str, &str)> {
        let mut mounts: Vec<_> =
            self.0.mounts.iter().map(|(path, package)| (path.as_str(), package.display.as_str())).collect();
        mounts.sort_by(|left, right| right.0.len().cmp(&left.0.len()).then(left.0.cmp(right.0)));
        mounts
    }

    /// The folder, below the root, of the package that a path belongs to.
    pub(crate) fn mount_of_path<'a>(&self, path: &'a str) -> Option<&'a str> {
        let relative = path.strip_prefix(ROOT)?.strip_prefix('/')?;
        let (_, rest) = self.mount_of(relative)?;
        relative.strip_suffix(rest).map(|mount| mount.trim_end_matches('/'))
    }

    /// Whether a package stands in this folder, below the root.
    pub(crate) fn is_mount(&self, folder: &str) -> bool {
        self.0.mounts.contains_key(folder)
    }

    /// The paths of a package's files, below its place, with their sizes.
    pub(crate) fn files_of(&self, mount: &str) -> impl Iterator<Item = (&str, u64)> {
        let package = self.0.mounts.get(mount);
        package.into_iter().flat_map(|package| {
            package.files.paths().map(|path| (path, package.files.get(path).map_or(0, <[u8]>::len) as u64))
        })
    }

    fn mount_of<'a>(&self, relative: &'a str) -> Option<(&MountedPackage, &'a str)> {
        let mut end = relative.len();
        loop {
            if let Some(package) = self.0.mounts.get(&relative[..end]) {
                return Some((package, relative[end..].trim_start_matches('/')));
            }
            end = relative[..end].rfind('/')?;
        }
    }

    fn find(&self, path: &str) -> Found<'_> {
        if path == ESM_MARKER {
            return Found::File(ESM_MARKER_TEXT);
        }
        if path == EMPTY_MODULE {
            return Found::File(EMPTY_MODULE_TEXT);
        }
        let path = without_assertion(path);
        if path == ROOT {
            return Found::Folder;
        }
        let Some(relative) = path.strip_prefix(ROOT).and_then(|rest| rest.strip_prefix('/')) else {
            return Found::Nothing;
        };
        if relative.split('/').any(|part| part == "node_modules") {
            return self.find_in_packages(relative);
        }
        self.find_local(relative)
    }

    fn find_in_packages(&self, relative: &str) -> Found<'_> {
        if let Some((package, rest)) = self.mount_of(relative) {
            if rest.is_empty() {
                return Found::Folder;
            }
            if let Some(bytes) = package.files.get(rest) {
                return Found::File(bytes);
            }
            if package.folders().contains(rest) {
                return Found::Folder;
            }
        }
        if self.0.above.contains(relative) { Found::Folder } else { Found::Nothing }
    }

    /// A local path of which nothing is known yet counts as a folder unless it looks like a file: nobody can be asked
    /// for folders, and a resolver that takes it for one asks for the files in it, which is what is wanted.
    fn find_local(&self, relative: &str) -> Found<'_> {
        match self.0.local.get(relative) {
            Some(Some(bytes)) => return Found::File(bytes),
            Some(None) => {}
            None if is_plain(relative) => {
                self.0.lacking.lock().unwrap_or_else(PoisonError::into_inner).insert(relative.to_owned());
            }
            None => return Found::Nothing,
        }
        let name = relative.rsplit('/').next().unwrap_or(relative);
        if name.contains('.') { Found::Nothing } else { Found::Folder }
    }

    fn file(&self, path: &Path) -> io::Result<&[u8]> {
        match path.to_str().map(|path| self.find(path)) {
            Some(Found::File(bytes)) => Ok(bytes),
            Some(Found::Folder) => Err(io::ErrorKind::IsADirectory.into()),
            Some(Found::Nothing) | None => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// A path without what an import attribute added.
pub(crate) fn without_assertion(path: &str) -> &str {
    path.split_once(ASSERTED).map_or(path, |(path, _)| path)
}

/// Whether a path may be asked for: below the root, without tricks.
pub(crate) fn is_plain(relative: &str) -> bool {
    relative.len() <= 1024
        && !relative.chars().any(|character| character.is_control() || character == '\\')
        && relative.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// `name@version` of a package id, which may carry the versions of its peers behind an underscore.
fn display_name(package_id: &str) -> &str {
    let version = package_id.get(1..).and_then(|rest| rest.find('@')).map_or(package_id.len(), |at| at + 1);
    package_id[version..].find('_').map_or(package_id, |end| &package_id[..version + end])
}

pub(crate) fn decode(bytes: &[u8]) -> String {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

impl FileSystem for VirtualFiles {
    fn new(_yarn_pnp: bool) -> Self {
        Self::default()
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.file(path).map(<[u8]>::to_vec)
    }

    fn read_to_string(&self, path: &Path) -> io::Result<String> {
        self.file(path).map(decode)
    }

    fn metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        match path.to_str().map(|path| self.find(path)) {
            Some(Found::File(_)) => Ok(FileMetadata::new(true, false, false)),
            Some(Found::Folder) => Ok(FileMetadata::new(false, true, false)),
            Some(Found::Nothing) | None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn symlink_metadata(&self, path: &Path) -> io::Result<FileMetadata> {
        self.metadata(path)
    }

    fn read_link(&self, _path: &Path) -> Result<PathBuf, ResolveError> {
        Err(io::Error::from(io::ErrorKind::InvalidInput).into())
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        Ok(path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_packages() {
        assert_eq!(display_name("zod@3.25.1"), "zod@3.25.1");
        assert_eq!(display_name("@a/b@1.0.0_react@18.0.0"), "@a/b@1.0.0");
        assert_eq!(display_name("snake_case@1.0.0"), "snake_case@1.0.0");
    }

    #[test]
    fn paths_that_may_be_asked_for() {
        assert!(is_plain("src/agent.ts"));
        for path in ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/./b", "a\0b", "a\\b"] {
            assert!(!is_plain(path), "{path:?}");
        }
    }

    #[test]
    fn what_is_lacking_is_noted() {
        let files = VirtualFiles::local(LocalFiles::from([("a.ts".to_owned(), Some(Arc::from(*b"\xef\xbb\xbfx")))]));
        assert_eq!(files.text("/hoist/a.ts").as_deref(), Some("x"));
        assert!(files.text("/hoist/b.ts").is_none());
        assert!(files.text("/hoist/node_modules/zod/index.js").is_none());
        assert!(files.text("/etc/passwd").is_none());
        assert_eq!(files.lacking(), BTreeSet::from(["b.ts".to_owned()]));
    }
}
