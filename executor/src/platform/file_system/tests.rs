//! The file system as its callers see it.

use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use deno_fs::OpenOptions;
use deno_io::fs::File;

use super::*;
use crate::file_tree::{FolderImage, LazyImage};

/// An image as a test has it.
struct Given(Vec<(&'static str, &'static str)>);

impl FolderImage for Given {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn file(&self, index: usize) -> Option<(&str, &[u8])> {
        self.0.get(index).map(|(path, text)| (*path, text.as_bytes()))
    }
}

fn image(mut files: Vec<(&'static str, &'static str)>) -> Arc<LazyImage> {
    files.sort();
    Arc::new(LazyImage::new(Box::new(move || Ok(Box::new(Given(files)) as Box<dyn FolderImage>))))
}

/// A program with a package, one inside it, and one with a scope.
fn files() -> Files {
    let package = image(vec![
        ("package.json", "{}"),
        ("lib/a.js", "a"),
        ("lib/deep/er.txt", "deeper"),
        ("lib-extra/x", "x"),
        ("lib.js", "lib"),
    ]);
    let tree = Tree::new([
        (String::new(), image(vec![("agent.ts", "agent"), ("data/a.csv", "1,2")])),
        ("node_modules/p".to_owned(), package.clone()),
        ("node_modules/p/node_modules/q".to_owned(), package),
        ("node_modules/@s/r".to_owned(), image(vec![("index.js", "r")])),
    ]);
    let files = Files::new();
    files.mount(tree);
    files.make_room(100);
    files
}

fn names(files: &Files, path: &str) -> Vec<String> {
    let mark = |entry: FsDirEntry| if entry.is_directory { entry.name + "/" } else { entry.name };
    files.names(Path::new(path)).unwrap().into_iter().map(mark).collect()
}

fn read(files: &Files, path: &str) -> String {
    String::from_utf8(files.read(Path::new(path)).unwrap().into_owned()).unwrap()
}

fn code<T>(result: io::Result<T>) -> i32 {
    result.err().expect("an error").raw_os_error().unwrap()
}

fn write_options() -> OpenOptions {
    OpenOptions::write(true, false, false, None)
}

#[test]
fn folders_are_what_paths_go_through() {
    let files = files();
    assert_eq!(names(&files, "/"), ["hoist/", "tmp/"]);
    assert_eq!(names(&files, "/hoist"), ["agent.ts", "data/", "node_modules/"]);
    assert_eq!(names(&files, "/hoist/node_modules"), ["@s/", "p/"]);
    assert_eq!(names(&files, "/hoist/node_modules/@s"), ["r/"]);
    assert_eq!(
        names(&files, "/hoist/node_modules/p"),
        ["lib/", "lib-extra/", "lib.js", "node_modules/", "package.json"]
    );
    assert_eq!(names(&files, "/hoist/node_modules/p/lib"), ["a.js", "deep/"]);
    assert_eq!(names(&files, "/hoist/node_modules/p/node_modules/q/lib/deep"), ["er.txt"]);
}

#[test]
fn files_are_found_in_the_innermost_folder() {
    let files = files();
    assert_eq!(read(&files, "/hoist/agent.ts"), "agent");
    assert_eq!(read(&files, "/hoist/node_modules/p/lib/deep/er.txt"), "deeper");
    assert_eq!(read(&files, "/hoist/node_modules/@s/r/index.js"), "r");
    assert_eq!(read(&files, "node_modules/./p/../p/lib.js"), "lib");
    let file = files.stat(Path::new("/hoist/node_modules/p/lib/a.js")).unwrap();
    assert_eq!((file.mode, file.size, file.mtime), (0o100_444, 1, Some(0)));
    let folder = files.stat(Path::new("/hoist/node_modules/p/lib")).unwrap();
    assert_eq!((folder.mode, folder.is_directory), (0o040_555, true));
    let other = files.stat(Path::new("/hoist/node_modules/p/node_modules/q/lib/a.js")).unwrap();
    assert_ne!(file.ino, other.ino);
}

#[test]
fn what_is_not_there_has_nodes_numbers() {
    let files = files();
    for (path, number) in [
        ("/hoist/nope", libc::ENOENT),
        ("/hoist/node_modules/p/li", libc::ENOENT),
        ("/hoist/node_modules/p/lib/a.js/x", libc::ENOTDIR),
        ("/hoist/node_modules/p", libc::EISDIR),
        ("/hoist/../etc/passwd", libc::ENOENT),
        ("/../../etc/passwd", libc::ENOENT),
        ("/proc/self/environ", libc::ENOENT),
        ("/hoistx", libc::ENOENT),
        ("/hoist/a\0b", libc::EINVAL),
        ("", libc::ENOENT),
    ] {
        assert_eq!(code(files.read(Path::new(path))), number, "{path:?}");
    }
    assert_eq!(code(files.read(Path::new(&"x/".repeat(3000)))), libc::ENAMETOOLONG);
    assert_eq!(code(files.read(Path::new(&"x".repeat(256)))), libc::ENAMETOOLONG);
}

#[test]
fn the_program_is_read_only() {
    let files = files();
    let agent = Path::new("/hoist/agent.ts");
    for path in ["/hoist/agent.ts", "/hoist/new", "/hoist/node_modules/p/new"] {
        assert_eq!(code(files.open(Path::new(path), &write_options())), libc::EROFS, "{path}");
    }
    assert_eq!(code(files.open(Path::new("/hoist/data"), &write_options())), libc::EISDIR);
    assert_eq!(code(files.open(agent, &OpenOptions::write(true, false, true, None))), libc::EEXIST);
    assert_eq!(code(files.remove(agent, true)), libc::EROFS);
    assert_eq!(code(files.rename(agent, Path::new("/tmp/x"))), libc::EROFS);
    assert_eq!(code(files.make_folder(Path::new("/hoist/x"), true, None)), libc::EROFS);
    assert_eq!(code(files.make_folder(Path::new("/hoist/data"), false, None)), libc::EEXIST);
    assert!(files.make_folder(Path::new("/hoist/data"), true, None).is_ok());
    assert_eq!(code(files.make_folder(Path::new("/x"), false, None)), libc::EACCES);
    assert_eq!(code(files.set_mode(agent, 0o777)), libc::EROFS);
    assert_eq!(code(files.link(agent, Path::new("/tmp/x"))), libc::EPERM);
    assert_eq!(code(files.symbolic_link(Path::new("/etc"), Path::new("/tmp/x"))), libc::EPERM);
}

fn write(files: &Files, path: &str, text: &str) -> io::Result<()> {
    files.open(Path::new(path), &write_options())?.write_at(text.as_bytes(), 0).map(|_| ())
}

#[test]
fn temporary_files_come_and_go() {
    let files = files();
    let at = |path: &'static str| Path::new(path);
    assert_eq!(code(write(&files, "/tmp/a/b.txt", "x")), libc::ENOENT);
    files.make_folder(at("/tmp/a/deep"), true, None).unwrap();
    write(&files, "/tmp/a/b.txt", "hello").unwrap();
    assert_eq!(code(write(&files, "/tmp/a/b.txt/c", "x")), libc::ENOTDIR);
    assert_eq!(code(files.make_folder(at("/tmp/a/b.txt/c"), true, None)), libc::ENOTDIR);
    assert_eq!(names(&files, "/tmp/a"), ["b.txt", "deep/"]);
    files.rename(at("/tmp/a"), at("/tmp/z")).unwrap();
    assert_eq!(read(&files, "/tmp/z/b.txt"), "hello");
    assert_eq!(code(files.rename(at("/tmp/z"), at("/tmp/z/in"))), libc::EINVAL);
    assert_eq!(code(files.remove_folder(at("/tmp/z"))), libc::ENOTEMPTY);
    assert_eq!(code(files.remove_folder(at("/tmp/z/b.txt"))), libc::ENOTDIR);
    files.copy(at("/hoist/node_modules/p"), at("/tmp/copy")).unwrap();
    assert_eq!(read(&files, "/tmp/copy/node_modules/q/lib/deep/er.txt"), "deeper");
    files.remove(at("/tmp/copy"), true).unwrap();
    files.remove(at("/tmp/z"), true).unwrap();
    assert_eq!(names(&files, "/tmp"), [""; 0]);
    assert_eq!(code(files.remove(at("/tmp"), true)), libc::EBUSY);
    assert_eq!(files.temporary().room(), (100, 0));
}

#[test]
fn room_is_bounded_and_given_back() {
    let files = files();
    write(&files, "/tmp/full", &"x".repeat(100)).unwrap();
    assert_eq!(code(write(&files, "/tmp/more", "x")), libc::ENOSPC);
    let held = files.open(Path::new("/tmp/full"), &OpenOptions::read()).unwrap();
    files.remove(Path::new("/tmp/full"), false).unwrap();
    assert_eq!(code(write(&files, "/tmp/more", "x")), libc::ENOSPC, "the handle still has the bytes");
    drop(held);
    write(&files, "/tmp/more", "x").unwrap();
    assert_eq!(code(files.set_length(Path::new("/tmp/more"), u64::MAX)), libc::ENOSPC);
    files.set_length(Path::new("/tmp/more"), 10).unwrap();
    assert_eq!(files.temporary().room(), (100, 10));
    write(&files, "/tmp/more", "").unwrap();
    assert_eq!(files.temporary().room(), (100, 0), "opening for writing cuts a file off");
}

#[test]
fn handles_are_bounded() {
    let files = files();
    let path = Path::new("/hoist/agent.ts");
    let open: Vec<_> = (0..OPEN_FILES).map(|_| files.open(path, &OpenOptions::read()).unwrap()).collect();
    assert_eq!(code(files.open(path, &OpenOptions::read())), libc::EMFILE);
    drop(open);
    assert!(files.open(path, &OpenOptions::read()).is_ok());
}

#[test]
fn handles_read_write_and_seek() {
    let files = files();
    let open = |path, options: &OpenOptions| Rc::new(files.open(Path::new(path), options).unwrap());
    let mut buffer = [0; 4];
    let mapped = open("/hoist/agent.ts", &OpenOptions::read());
    assert_eq!(mapped.clone().read_sync(&mut buffer).unwrap(), 4);
    assert_eq!(&buffer, b"agen");
    assert_eq!(mapped.clone().read_sync(&mut buffer).unwrap(), 1);
    assert_eq!(mapped.clone().seek_sync(io::SeekFrom::End(-2)).unwrap(), 3);
    assert_eq!(&*mapped.clone().read_all_sync().unwrap(), b"nt");
    assert_eq!(mapped.clone().write_sync(b"x").unwrap_err().into_io_error().raw_os_error(), Some(libc::EBADF));
    write(&files, "/tmp/f", "one").unwrap();
    let appending = open("/tmp/f", &OpenOptions::write(true, true, false, None));
    appending.clone().write_sync(b"two").unwrap();
    assert_eq!(appending.read_sync(&mut buffer).unwrap_err().into_io_error().raw_os_error(), Some(libc::EBADF));
    assert_eq!(read(&files, "/tmp/f"), "onetwo");
}
