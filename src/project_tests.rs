//! What a program may read, and what it may not.

use std::fs;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hoist-project-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_root_is_the_nearest_manifest_s_folder() {
    let folder = Folder::new();
    folder.write("package.json", "{}");
    let file = folder.write("src/tools/agent.ts", "");
    let project = Project::of(&file).unwrap();
    assert_eq!((project.root, project.entry.as_str()), (folder.0.clone(), "src/tools/agent.ts"));
    folder.write("src/package.json", "{}");
    let project = Project::of(&file).unwrap();
    assert_eq!((project.root, project.entry.as_str()), (folder.0.join("src"), "tools/agent.ts"));
}

#[test]
fn a_missing_program_and_a_folder_are_named() {
    let folder = Folder::new();
    for path in [folder.0.join("absent.ts"), folder.0.clone()] {
        assert!(matches!(Project::of(&path), Err(Error::LocalFile { .. })));
    }
}

#[test]
fn files_are_read_or_absent() {
    let folder = Folder::new();
    folder.write("a/b.ts", "text");
    folder.write("node_modules/zod/index.js", "");
    let mut files = DiskFiles::new(folder.0.clone(), 100);
    assert_eq!(files.read("a/b.ts").unwrap().unwrap(), b"text");
    for absent in ["a", "a/c.ts", "a/b.ts/c", "node_modules/zod/index.js"] {
        assert_eq!(files.read(absent).unwrap(), None, "{absent}");
    }
}

#[test]
fn names_that_leave_the_root_are_refused() {
    let folder = Folder::new();
    folder.write("root/a.ts", "");
    folder.write("secret", "secret");
    let mut files = DiskFiles::new(folder.0.join("root"), 100);
    for path in ["../secret", "a/../../secret", "/etc/passwd", "", "a//b", "./../secret", "a\\b", "a\0b", "."] {
        assert!(files.read(path).is_err(), "{path:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_stay_inside() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    folder.write("root/a.ts", "inside");
    folder.write("rooted/secret", "secret");
    symlink("a.ts", folder.0.join("root/link.ts")).unwrap();
    symlink("../rooted/secret", folder.0.join("root/out")).unwrap();
    symlink("../rooted", folder.0.join("root/folder")).unwrap();
    symlink("loop", folder.0.join("root/loop")).unwrap();
    symlink("nothing", folder.0.join("root/dangling")).unwrap();
    let mut files = DiskFiles::new(folder.0.join("root"), 100);
    assert_eq!(files.read("link.ts").unwrap().unwrap(), b"inside");
    assert_eq!(files.read("dangling").unwrap(), None);
    for path in ["out", "folder/secret"] {
        assert_eq!(files.read(path).unwrap_err().kind(), ErrorKind::PermissionDenied, "{path}");
    }
    assert!(files.read("loop").is_err());
}

#[test]
fn a_large_file_is_refused() {
    let folder = Folder::new();
    folder.write("a.ts", "12345");
    assert!(DiskFiles::new(folder.0.clone(), 4).read("a.ts").is_err());
    assert!(DiskFiles::new(folder.0.clone(), 5).read("a.ts").is_ok());
}

#[test]
fn the_nearest_manifest_among_sent_files() {
    let mut files = SentFiles::default();
    for (path, text) in [("package.json", "root"), ("a/b/package.json", "near"), ("a/b/c/x.ts", "")] {
        assert!(files.add(RelativePath::parse(path).unwrap(), text.to_owned()));
    }
    assert!(!files.add(RelativePath::parse("./package.json").unwrap(), String::new()));
    assert_eq!(nearest_manifest("a/b/c/x.ts", &mut files).unwrap().unwrap().1, "near");
    assert_eq!(nearest_manifest("a/x.ts", &mut files).unwrap().unwrap().1, "root");
    assert!(nearest_manifest("x.ts", &mut SentFiles::default()).unwrap().is_none());
}
