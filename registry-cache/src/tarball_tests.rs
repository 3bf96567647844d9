use proptest::prelude::*;

use super::archive::{entry, gzip, pack, pax, tar};
use super::*;

fn paths(files: &Files) -> Vec<&str> {
    files.iter().map(|(path, _)| path).collect()
}

fn open(bytes: &[u8]) -> Result<Files, Error> {
    unpack("a@1.0.0", bytes, &Limits::default())
}

const MANIFEST: (&str, &[u8]) = ("package/package.json", b"{}");

#[test]
fn the_first_component_goes_whatever_it_is_called() {
    for root in ["package", "node", "some-name-1.0", "./package"] {
        let files =
            open(&pack(&[(&format!("{root}/package.json"), b"{}"), (&format!("{root}/lib/a.js"), b"1")])).unwrap();
        assert_eq!(paths(&files), ["lib/a.js", "package.json"]);
    }
    // What lies beside the root is not part of the package.
    let files = open(&pack(&[MANIFEST, ("stray.js", b"1")])).unwrap();
    assert_eq!(paths(&files), ["package.json"]);
}

#[test]
fn binary_files_are_kept_and_folders_ignored() {
    let binary: Vec<u8> = (0..=255).cycle().take(3000).collect();
    let folder = entry("package/lib/", b"", EntryType::Directory);
    let old_folder = entry("package/old/", b"", EntryType::Regular);
    let archive = [tar(&[MANIFEST, ("package/a.wasm", &binary)]), folder, old_folder].concat();
    let files = open(&gzip(&archive)).unwrap();
    assert_eq!(paths(&files), ["a.wasm", "package.json"]);
    assert_eq!(files.iter().next().unwrap().1, binary);
}

#[test]
fn long_names_of_both_kinds() {
    let long = format!("package/{}/a.js", "x".repeat(150));
    // `tar` writes GNU long names by itself.
    let files = open(&pack(&[MANIFEST, (&long, b"gnu")])).unwrap();
    assert_eq!(paths(&files)[1].len(), long.len() - "package/".len());
    let archive =
        [tar(&[MANIFEST]), pax(&[("path", &long)]), entry("package/short.js", b"pax", EntryType::Regular)].concat();
    let files = open(&gzip(&archive)).unwrap();
    assert_eq!(paths(&files)[1], long.strip_prefix("package/").unwrap());
}

#[test]
fn what_leads_elsewhere_is_refused() {
    for (path, problem) in [
        ("package/../../etc/passwd", "leaves"),
        ("../package/a", "leaves"),
        ("package/..", "leaves"),
        ("/etc/passwd", "absolute"),
        ("package\\..\\a", "backslash"),
        ("package/a\0b", "NUL"),
    ] {
        let archive = [tar(&[MANIFEST]), pax(&[("path", path)]), entry("x/y", b"1", EntryType::Regular)].concat();
        let error = open(&gzip(&archive)).unwrap_err();
        assert_eq!(error.code(), "refused-tarball-entry", "{path:?}: {error}");
        assert!(error.to_string().contains(problem), "{error}");
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Char, EntryType::Block, EntryType::Fifo] {
        let archive = [tar(&[MANIFEST]), entry("package/x", b"", kind)].concat();
        assert_eq!(open(&gzip(&archive)).unwrap_err().code(), "refused-tarball-entry", "{kind:?}");
    }
}

#[test]
fn the_last_of_two_entries_wins() {
    let files = open(&pack(&[MANIFEST, ("package/a", b"1"), ("package/a", b"2")])).unwrap();
    assert_eq!(files.iter().next().unwrap(), ("a", b"2".as_slice()));
    let files = open(&pack(&[MANIFEST, ("package/a", b"1"), ("package/a/b", b"2")])).unwrap();
    assert_eq!(paths(&files), ["a/b", "package.json"]);
    let files = open(&pack(&[MANIFEST, ("package/a/b", b"2"), ("package/a-b", b"3"), ("package/a", b"1")])).unwrap();
    assert_eq!(paths(&files), ["a", "a-b", "package.json"]);
}

#[test]
fn broken_tarballs_are_named() {
    let good = pack(&[MANIFEST, ("package/a.js", &[7; 5000])]);
    let cut = open(&good[..good.len() / 2]).unwrap_err();
    assert!(cut.to_string().contains("cut off"), "{cut}");
    assert!(open(b"<html>").unwrap_err().to_string().contains("gzip"));
    assert!(open(b"").unwrap_err().to_string().contains("gzip"));
    assert!(open(&gzip(b"")).unwrap_err().to_string().contains("package.json"));
    assert!(open(&gzip(&[1; 2000])).is_err());
    assert!(open(&pack(&[("package/a.js", b"1")])).unwrap_err().to_string().contains("package.json"));
    let whole = tar(&[MANIFEST, ("package/a.js", &[7; 5000])]);
    assert_eq!(open(&gzip(&whole[..whole.len() - 3000])).unwrap_err().code(), "broken-tarball");
}

#[test]
fn members_and_rubbish_after_the_archive() {
    let archive = tar(&[MANIFEST, ("package/a.js", b"1")]);
    let (one, two) = archive.split_at(700);
    let joined = [gzip(one), gzip(two), b"rubbish".to_vec()].concat();
    assert_eq!(paths(&open(&joined).unwrap()), ["a.js", "package.json"]);
}

#[test]
fn every_bound_names_its_knob() {
    let bytes = pack(&[MANIFEST, ("package/a.js", &[0; 100_000])]);
    let knob = |limits: Limits| match unpack("a@1", &bytes, &limits).unwrap_err() {
        Error::Limit { knob, measured, limit, .. } if measured > limit => knob,
        error => panic!("{error}"),
    };
    assert_eq!(knob(Limits { unpacked_bytes: 50_000, ..Limits::default() }), "limits.unpacked_bytes");
    assert_eq!(knob(Limits { package_files: 1, ..Limits::default() }), "limits.package_files");
    assert_eq!(knob(Limits { path_bytes: 5, ..Limits::default() }), "limits.path_bytes");
    // A claimed size costs nothing: this archive says that its file has eight gigabytes.
    let huge = [pax(&[("size", "8589934592")]), entry("package/x", b"1", EntryType::Regular)].concat();
    assert_eq!(open(&gzip(&huge)).unwrap_err().code(), "broken-tarball");
}

#[test]
fn integrity_of_every_kind() {
    let bytes = b"tarball";
    for algorithm in [ssri::Algorithm::Sha512, ssri::Algorithm::Sha384, ssri::Algorithm::Sha256, ssri::Algorithm::Sha1]
    {
        let right = IntegrityOpts::new().algorithm(algorithm).chain(bytes).result().to_string();
        let wrong = IntegrityOpts::new().algorithm(algorithm).chain(b"other").result().to_string();
        assert_eq!(verify("a@1", "u", bytes, &right), Ok(()));
        assert_eq!(verify("a@1", "u", bytes, &wrong).unwrap_err().code(), "wrong-integrity");
        // Any hash of the strongest algorithm will do.
        assert_eq!(verify("a@1", "u", bytes, &format!("{wrong} {right}")), Ok(()));
    }
    assert_eq!(verify("a@1", "u", bytes, "").unwrap_err().code(), "no-integrity");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_files_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let _ = open(&bytes);
        let _ = open(&gzip(&bytes));
    }

    #[test]
    fn a_damaged_archive_never_gives_a_bad_path(at in 0usize..3000, value in any::<u8>()) {
        let mut archive = [tar(&[MANIFEST]), pax(&[("path", "package/b/c"), ("size", "3")]), entry("package/b", b"123", EntryType::Regular)].concat();
        let length = archive.len();
        archive[at % length] = value;
        if let Ok(files) = open(&gzip(&archive)) {
            for (path, _) in files.iter() {
                prop_assert!(!path.is_empty() && path.split('/').all(|part| !matches!(part, "" | "." | "..")));
            }
        }
    }

    #[test]
    fn what_was_packed_comes_out(contents in proptest::collection::btree_map("[a-z]{1,4}(/[a-z]{1,4}\\.js){1,2}", proptest::collection::vec(any::<u8>(), 0..700), 0..6)) {
        let mut entries: Vec<(String, Vec<u8>)> = contents.iter().map(|(path, bytes)| (format!("package/{path}"), bytes.clone())).collect();
        entries.push(("package/package.json".to_owned(), b"{}".to_vec()));
        let borrowed: Vec<(&str, &[u8])> = entries.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice())).collect();
        let files = open(&pack(&borrowed)).unwrap();
        for (path, bytes) in &contents {
            let below = contents.keys().any(|other| other.starts_with(&format!("{path}/")));
            let found = files.iter().find(|(name, _)| name == path).map(|(_, bytes)| bytes);
            prop_assert!(below || found == Some(bytes.as_slice()));
        }
    }
}
