use std::io::Write as _;

use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::tarball::{self, archive};

fn image(files: &[(&str, &[u8])]) -> PackageImage {
    let files = tarball::unpack("a@1", &archive::pack(files), &Limits::default()).unwrap();
    PackageImage::seal(&files).unwrap()
}

fn raw(bytes: &[u8]) -> OwnedFd {
    let mut file = unnamed_file().unwrap();
    file.write_all(bytes).unwrap();
    seal(&file).unwrap();
    file.into()
}

fn bytes_of(image: &PackageImage) -> Vec<u8> {
    image.map().unwrap().map.to_vec()
}

#[test]
fn files_come_back_in_order() {
    let image = image(&[("p/package.json", b"{}"), ("p/b.js", b"b"), ("p/a/c.bin", &[0, 255, 10]), ("p/empty", b"")]);
    assert_eq!(image.files(), 4);
    let map = image.map().unwrap();
    let paths: Vec<&str> = map.files().map(|(path, _)| path).collect();
    assert_eq!(paths, ["a/c.bin", "b.js", "empty", "package.json"]);
    assert_eq!(map.get("a/c.bin"), Some([0, 255, 10].as_slice()));
    assert_eq!(map.get("empty"), Some([].as_slice()));
    assert_eq!(map.get("a"), None);
    assert_eq!(map.get("zzz"), None);
    assert_eq!(image.bytes() as usize, bytes_of(&image).len());
}

#[test]
fn files_in_any_order_will_do() {
    let file = |path: &str, bytes: &[u8]| (path.to_owned(), bytes.to_vec());
    let image = PackageImage::from_files([file("b", b"1"), file("a", b"2"), file("b", b"3")]).unwrap();
    let map = image.map().unwrap();
    assert_eq!(map.files().collect::<Vec<_>>(), [("a", b"2".as_slice()), ("b", b"3".as_slice())]);
    assert_eq!(PackageImage::from_files([]).unwrap().map().unwrap().files().count(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn nobody_can_change_it() {
    let image = image(&[("p/package.json", b"{}")]);
    let mut file = File::from(image.fd().try_clone_to_owned().unwrap());
    assert!(file.write_all(b"x").is_err());
    assert!(file.set_len(0).is_err());
    assert!(file.set_len(1 << 20).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn an_unsealed_one_is_not_mapped() {
    let file = unnamed_file().unwrap();
    assert!(MappedImage::map(file.into()).is_err());
    assert!(MappedImage::map(File::open("/dev/null").unwrap().into()).is_err());
}

proptest! {
    #[test]
    fn any_bytes_are_an_image_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(MappedImage::map(raw(&bytes)).is_err());
    }

    #[test]
    fn a_damaged_index_never_reads_outside(at in 0usize..120, value in any::<u8>()) {
        let mut bytes = bytes_of(&image(&[("p/package.json", b"{}"), ("p/b.js", b"bbb"), ("p/c.js", b"cccc")]));
        let length = bytes.len();
        bytes[at % length] = value;
        if let Ok(map) = MappedImage::map(raw(&bytes)) {
            prop_assert!(map.files().map(|(_, bytes)| bytes.len()).sum::<usize>() <= 3 * length);
            prop_assert_eq!(map.get("nothing"), None);
        }
    }
}
