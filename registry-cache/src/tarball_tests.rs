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

/// One header, as raw as it comes, with its checksum.
fn raw(change: impl FnOnce(&mut [u8; 512])) -> Vec<u8> {
    let mut bytes: [u8; 512] = entry("package/x", b"", EntryType::Regular)[..512].try_into().unwrap();
    change(&mut bytes);
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes.to_vec()
}

/// An entry with any path that fits into a header.
fn raw_entry(path: &str, bytes: &[u8], kind: EntryType) -> Vec<u8> {
    let mut whole = raw(|header| {
        header[..100].fill(0);
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        header[156] = kind.as_byte();
    });
    whole.extend(bytes);
    whole.resize(whole.len().next_multiple_of(512), 0);
    whole
}

fn pax_of(body: &[u8]) -> Vec<u8> {
    entry("pax", body, EntryType::XHeader)
}

fn file(path: &str, bytes: &[u8]) -> Vec<u8> {
    entry(path, bytes, EntryType::Regular)
}

#[test]
fn names_are_kept_as_they_are() {
    // On Linux these are different files, for npm and for us.
    let names = [
        "A.js",
        "a.js",
        "C:/b.js",
        "e\u{301}.js",
        "\u{e9}.js",
        "line\nend.js",
        "\u{202e}sj.js",
        "con",
        "a:b",
        "...",
        " ",
    ];
    let archive = names.map(|name| file(&format!("package/{name}"), name.as_bytes())).concat();
    let files = open(&gzip(&[tar(&[MANIFEST]), archive].concat())).unwrap();
    for name in names {
        assert!(files.iter().any(|found| found == (name, name.as_bytes())), "{name:?}");
    }
    assert_eq!(files.iter().count(), names.len() + 1);
    // A drive is a first component like any other.
    assert_eq!(paths(&open(&pack(&[MANIFEST, ("C:/a.js", b"")])).unwrap()), ["a.js", "package.json"]);
    // Names that are no text become text, as npm's do; of those that become the same, the last one wins.
    let odd = |byte: u8, bytes: &[u8]| {
        let mut header = raw(|header| {
            header[8] = byte;
            header[124..136].copy_from_slice(format!("{:011o}\0", bytes.len()).as_bytes());
        });
        header.extend(bytes);
        header.resize(1024, 0);
        header
    };
    let files = open(&gzip(&[tar(&[MANIFEST]), odd(0xff, b"1"), odd(0xfe, b"2")].concat())).unwrap();
    assert_eq!(files.iter().last().unwrap(), ("\u{fffd}", b"2".as_slice()));
}

#[test]
fn modes_owners_and_times_mean_nothing() {
    let setuid = raw(|header| {
        header[100..108].copy_from_slice(b"0006777\0");
        header[108..116].copy_from_slice(b"7777777\0");
    });
    assert_eq!(paths(&open(&gzip(&[tar(&[MANIFEST]), setuid].concat())).unwrap()), ["package.json", "x"]);
}

#[test]
fn a_size_in_pax_counts_and_nothing_hides_behind_it() {
    let big = vec![7; 700];
    let mut lying = file("package/a", &big);
    // The header says nothing, PAX says 700.
    lying[..512].copy_from_slice(&raw(|header| header[..10].copy_from_slice(b"package/a\0")));
    let archive = [tar(&[MANIFEST]), pax(&[("size", "700")]), lying, file("package/b", b"1")].concat();
    let files = open(&gzip(&archive)).unwrap();
    assert_eq!(paths(&files), ["a", "b", "package.json"]);
    assert_eq!(files.iter().next().unwrap().1, big);
    // The other way round the file's own bytes are read as a header, which has no checksum.
    let shrunk = [tar(&[MANIFEST]), pax(&[("size", "0")]), file("package/a", &big)].concat();
    assert_eq!(open(&gzip(&shrunk)).unwrap_err().code(), "broken-tarball");
    for size in ["18446744073709551615", "9223372036854775807", "99999999999999999999999", "-1", "1e3", "0x10", ""] {
        let archive = [tar(&[MANIFEST]), pax(&[("size", size)]), file("package/a", b"1")].concat();
        if let Ok(files) = open(&gzip(&archive)) {
            assert_eq!(files.iter().next().unwrap(), ("a", b"1".as_slice()), "{size}");
        }
    }
}

#[test]
fn pax_records_that_are_none_are_ignored_and_their_path_is_not() {
    for body in [
        b"".as_slice(),
        b"\n",
        b"20 path=package/evil",
        b"999999 path=package/evil\n",
        b"5 path=package/evil\n",
        b"-5 path=package/evil\n",
        b"0 =\n",
        b"x path=package/evil\n",
        b"21path=package/evil\n",
        b"12 path\n=evil",
        &[0xff; 600],
    ] {
        let archive = [tar(&[MANIFEST]), pax_of(body), file("package/a", b"1")].concat();
        match open(&gzip(&archive)) {
            Ok(files) => assert_eq!(paths(&files).len(), 2, "{body:?}"),
            Err(error) => assert_eq!(error.code(), "broken-tarball", "{body:?}: {error}"),
        }
    }
    let climbing =
        [tar(&[MANIFEST]), pax(&[("path", "package/a"), ("path", "package/../../a")]), file("package/a", b"1")];
    let files = open(&gzip(&climbing.concat()));
    assert!(files.is_err() || paths(files.as_ref().unwrap()) == ["a", "package.json"]);
    let long = pax(&[("path", &format!("package/{}", "x/".repeat(1 << 20)))]);
    let error = open(&gzip(&[tar(&[MANIFEST]), long, file("package/a", b"1")].concat())).unwrap_err();
    assert!(matches!(error, Error::Limit { knob: "limits.path_bytes", .. }), "{error}");
    // Two headers for one file, and one for none.
    let twice =
        [tar(&[MANIFEST]), pax(&[("path", "package/a")]), pax(&[("path", "package/b")]), file("package/c", b"")];
    assert_eq!(open(&gzip(&twice.concat())).unwrap_err().code(), "broken-tarball");
    let _ = open(&gzip(&[tar(&[MANIFEST]), pax(&[("path", "package/a")])].concat()));
    // A global header is a comment: it renames nothing.
    let global = entry("g", b"21 path=package/evil\n", EntryType::XGlobalHeader);
    let files = open(&gzip(&[global, tar(&[MANIFEST, ("package/a", b"1")])].concat())).unwrap();
    assert_eq!(paths(&files), ["a", "package.json"]);
}

#[test]
fn gnu_long_names_are_checked_like_others() {
    let long_name = |name: &[u8]| entry("././@LongLink", name, EntryType::GNULongName);
    for (name, expected) in [
        (b"package/../../etc/passwd\0".as_slice(), "refused-tarball-entry"),
        (b"/etc/passwd\0", "refused-tarball-entry"),
        (b"package/a\\b\0", "refused-tarball-entry"),
        (b"package/a\0../../b\0", "refused-tarball-entry"),
        (&[b'a'; 5000], "package-limit"),
    ] {
        let archive = [tar(&[MANIFEST]), long_name(name), file("package/a", b"1")].concat();
        assert_eq!(open(&gzip(&archive)).unwrap_err().code(), expected, "{name:?}");
    }
}

#[test]
fn what_other_readers_see_differently_is_refused() {
    let sparse = [tar(&[MANIFEST]), pax(&[("GNU.sparse.major", "1")]), file("GNUSparseFile.0/x", b"1")].concat();
    let old_sparse = [tar(&[MANIFEST]), entry("package/x", b"", EntryType::GNUSparse)].concat();
    let hidden = file("package/hidden.js", b"1");
    let folder = [tar(&[MANIFEST]), entry("package/lib/", &hidden, EntryType::Directory)].concat();
    let old_folder = [tar(&[MANIFEST]), entry("package/lib/", &hidden, EntryType::Regular)].concat();
    let unknown = [tar(&[MANIFEST]), entry("package/x", b"", EntryType::new(b'Z'))].concat();
    for archive in [sparse, old_sparse, folder, old_folder, unknown] {
        let error = open(&gzip(&archive)).unwrap_err();
        assert!(matches!(error.code(), "refused-tarball-entry" | "broken-tarball"), "{error}");
    }
    let flipped = |at: usize| {
        let mut archive = tar(&[MANIFEST]);
        archive[at] ^= 1;
        open(&gzip(&archive)).unwrap_err().code()
    };
    assert_eq!((flipped(3), flipped(150)), ("broken-tarball", "broken-tarball"), "a wrong checksum");
    // Numbers in base 256, and octal ones that are none.
    let huge =
        raw(|header| header[124..136].copy_from_slice(&[0x80, 0, 0, 0, 0x7f, 255, 255, 255, 255, 255, 255, 255]));
    let odd = raw(|header| header[124..136].copy_from_slice(b"99999999999\0"));
    for header in [huge, odd] {
        assert_eq!(open(&gzip(&[tar(&[MANIFEST]), header].concat())).unwrap_err().code(), "broken-tarball");
    }
}

#[test]
fn bombs_end_at_their_bounds() {
    let limits = Limits { unpacked_bytes: 4 << 20, package_files: 1000, ..Limits::default() };
    let knob = |bytes: &[u8]| match unpack("a@1", bytes, &limits).unwrap_err() {
        Error::Limit { knob, measured, limit, .. } => {
            assert!(measured > limit && measured <= limit + 1, "{measured}: more was made than the bound allows");
            knob
        }
        error => panic!("{error}"),
    };
    let zeros = gzip(&vec![0; 256 << 20]);
    assert!((zeros.len() as u64) < limits.unpacked_bytes, "no bomb");
    assert_eq!(knob(&zeros), "limits.unpacked_bytes");
    assert_eq!(knob(&gzip(&vec![0; 3 << 20]).repeat(2)), "limits.unpacked_bytes");
    assert_eq!(knob(&gzip(b"").repeat(10_001)), "limits.gzip_members");
    let many: Vec<u8> = (0..1001).flat_map(|number| file(&format!("package/{number}"), b"")).collect();
    assert_eq!(knob(&gzip(&many)), "limits.package_files");
    // The bound counts what stays.
    let same = file("package/a", b"").repeat(3000);
    assert!(unpack("a@1", &gzip(&[tar(&[MANIFEST]), same].concat()), &limits).is_ok());
}

/// Paths that want to be somewhere else, and some that do not.
fn odd_path() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        prop_oneof![
            Just(".."),
            Just("."),
            Just(""),
            Just("package"),
            Just("a"),
            Just("b.js"),
            Just("\\"),
            Just("C:"),
            Just("\u{e9}")
        ],
        0..6,
    )
    .prop_map(|parts| parts.join("/"))
}

fn any_entry() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![
        6 => Just(EntryType::Regular),
        1 => Just(EntryType::Directory),
        1 => Just(EntryType::GNULongName),
        1 => Just(EntryType::XHeader),
        1 => any::<u8>().prop_map(EntryType::new),
    ];
    let bytes = proptest::collection::vec(any::<u8>(), 0..600);
    (odd_path(), odd_path(), kind, bytes, any::<bool>(), any::<bool>()).prop_map(
        |(path, name, kind, bytes, named, sized)| {
            let record = [("path", name.as_str()), ("size", "1")];
            let before = if named { pax(&record[..1 + usize::from(sized)]) } else { Vec::new() };
            [before, raw_entry(&path, &bytes, kind)].concat()
        },
    )
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
    fn no_archive_leads_out_of_its_package(entries in proptest::collection::vec(any_entry(), 1..6)) {
        if let Ok(files) = open(&gzip(&[tar(&[MANIFEST]), entries.concat()].concat())) {
            let found: Vec<&str> = paths(&files);
            for path in &found {
                prop_assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")) && !path.contains(['\\', '\0']));
                prop_assert!(!found.iter().any(|other| other.starts_with(&format!("{path}/"))), "a file that is a folder");
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
