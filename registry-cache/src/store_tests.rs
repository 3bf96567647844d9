use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;
use crate::test_registry::Scratch;

const SIZES: [usize; 6] = [0, 1, 4095, 4096, 4097, 40_967];

/// A child process of another test holds a copy of the lock's descriptor until it has become another program.
fn limits() -> Limits {
    Limits { lock_wait: Duration::from_secs(5), ..Limits::default() }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000)
}

async fn open(scratch: &Scratch) -> Store {
    Store::open(&scratch.0, &limits(), now).await.unwrap()
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn integrity(bytes: &[u8]) -> String {
    ssri::IntegrityOpts::new().algorithm(ssri::Algorithm::Sha512).chain(bytes).result().to_string()
}

/// Stores a tarball that was used at this second, and gives back its key.
async fn keep(store: &Store, bytes: Vec<u8>, used_at: u64) -> String {
    let key = integrity(&bytes);
    let stamp = Stamp { fetched_at: used_at, etag: None };
    store.put_verified(Kind::Tarball, &key, Arc::new(bytes), stamp).await.unwrap();
    key
}

async fn tarball(store: &Store, key: &str) -> Option<Vec<u8>> {
    store.get(Kind::Tarball, key).await.unwrap().map(|blob| blob.bytes)
}

/// Every file of tarballs, by path.
fn files(scratch: &Scratch) -> Vec<PathBuf> {
    let below = |folder: &Path| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect::<Vec<_>>();
    let folders = below(&scratch.0.join("tarballs-v2")).into_iter().filter(|path| path.is_dir());
    let mut files: Vec<PathBuf> = folders.flat_map(|folder| below(&folder)).collect();
    files.sort();
    files
}

#[tokio::test]
async fn blobs_survive_closing_and_opening() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    for length in SIZES {
        let stamp = Stamp { fetched_at: length as u64, etag: Some("e".to_owned()) };
        store.put(Kind::Packument, &format!("p{length}"), noise(length), stamp).await.unwrap();
        keep(&store, noise(length), 0).await;
    }
    store.close().await.unwrap();
    let store = open(&scratch).await;
    for length in SIZES {
        let packument = store.get(Kind::Packument, &format!("p{length}")).await.unwrap().unwrap();
        assert_eq!((packument.bytes, packument.stamp.fetched_at), (noise(length), length as u64));
        let key = integrity(&noise(length));
        assert_eq!(tarball(&store, &key).await, Some(noise(length)));
        assert_eq!(store.length(Kind::Tarball, &key).await.unwrap(), Some(length as u64));
    }
    assert_eq!(tarball(&store, &integrity(b"another")).await, None);
}

#[tokio::test]
async fn a_tarball_has_one_key_whatever_its_integrity_adds() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    let strong = keep(&store, noise(9), 0).await;
    let both = format!("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= {strong}");
    assert_eq!(tarball(&store, &both).await, Some(noise(9)));
    keep(&store, noise(9), 0).await;
    assert_eq!(files(&scratch).len(), 1);
    store.remove(Kind::Tarball, &both).await.unwrap();
    assert_eq!(tarball(&store, &strong).await, None);
    let unnamed = store.put_verified(Kind::Tarball, "../../x", Arc::new(noise(9)), Stamp::default()).await;
    assert_eq!(unnamed.unwrap_err().code(), "store-failed");
}

#[tokio::test]
async fn what_a_killed_writer_left_goes_when_the_store_opens() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    let key = keep(&store, noise(9), 0).await;
    store.close().await.unwrap();
    let left = scratch.0.join("tarballs-v2/unfinished/7");
    fs::write(&left, b"half of a tarba").unwrap();
    let store = open(&scratch).await;
    assert!(!left.exists());
    assert_eq!(tarball(&store, &key).await, Some(noise(9)));
}

#[tokio::test]
async fn what_earlier_versions_kept_goes_and_nothing_else() {
    let scratch = Scratch::new();
    let old = scratch.0.join("store");
    fs::create_dir_all(old.join("blobs")).unwrap();
    for name in ["conf", "db", "snap.00", "of-somebody-else"] {
        fs::write(old.join(name), b"x").unwrap();
    }
    let store = open(&scratch).await;
    store.close().await.unwrap();
    let left: Vec<_> = fs::read_dir(&old).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["of-somebody-else"]);
    fs::remove_file(old.join("of-somebody-else")).unwrap();
    // A folder of that name which is no database is not ours.
    fs::write(old.join("db"), b"x").unwrap();
    open(&scratch).await.close().await.unwrap();
    assert!(old.join("db").exists());
}

#[tokio::test]
async fn verifying_finds_and_removes_what_is_broken() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    store.put(Kind::Packument, "p", noise(9000), Stamp::default()).await.unwrap();
    store.put(Kind::Module, "m", noise(9000), Stamp::default()).await.unwrap();
    for length in [100, 200_000, 300, 400] {
        keep(&store, noise(length), 0).await;
    }
    let whole = store.verify().await.unwrap();
    assert_eq!((whole.whole.values().sum::<u64>(), whole.broken.len()), (6, 0));

    let path = |length: usize| {
        let name = tarball_name::TarballName::of_integrity(&integrity(&noise(length))).unwrap();
        scratch.0.join("tarballs-v2").join(name.folder()).join(name.file())
    };
    let mut flipped = noise(200_000);
    flipped[150_000] ^= 1;
    fs::write(path(200_000), flipped).unwrap();
    fs::write(path(300), &noise(300)[..299]).unwrap();
    let stray = path(100).with_file_name("notes.txt");
    fs::write(&stray, b"x").unwrap();
    // Whole, and where nobody looks for it.
    let misplaced = scratch.0.join("tarballs-v2/zz");
    fs::create_dir(&misplaced).unwrap();
    fs::rename(path(400), misplaced.join(path(400).file_name().unwrap())).unwrap();
    // A folder by the name of a tarball.
    fs::create_dir(path(7)).or_else(|_| fs::create_dir_all(path(7))).unwrap();

    let found = store.verify().await.unwrap();
    let mut problems: Vec<(Kind, &str)> =
        found.broken.iter().map(|(kind, _, problem)| (*kind, problem.as_str())).collect();
    problems.sort();
    let expected = [
        (Kind::Tarball, "it does not have the name of a tarball"),
        (Kind::Tarball, "it does not have the name of a tarball"),
        (Kind::Tarball, "it is not a file"),
        (Kind::Tarball, "its 200000 bytes do not have the hash that it is named by"),
        (Kind::Tarball, "its 299 bytes do not have the hash that it is named by"),
    ];
    assert_eq!(problems, expected);
    assert_eq!(files(&scratch), [path(100)]);
    let again = store.verify().await.unwrap();
    assert_eq!((again.whole.values().sum::<u64>(), again.broken.len()), (3, 0));
}

#[tokio::test]
async fn a_file_larger_than_a_tarball_may_be_is_not_read_to_its_end() {
    let scratch = Scratch::new();
    let small = Limits { tarball_bytes: 1000, ..limits() };
    let store = Store::open(&scratch.0, &small, now).await.unwrap();
    let key = keep(&store, noise(1000), 0).await;
    assert_eq!(tarball(&store, &key).await, Some(noise(1000)));
    fs::File::options().append(true).open(&files(&scratch)[0]).unwrap().set_len(1 << 40).unwrap();
    // The same length as before is read, so only a hash tells: that is the reader's business.
    assert_eq!(tarball(&store, &key).await.unwrap().len(), 1000);
    assert_eq!(store.length(Kind::Tarball, &key).await.unwrap(), Some(1 << 40));
}

#[tokio::test]
async fn what_was_used_least_lately_is_collected_first() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    let old = keep(&store, noise(1000), 10_000).await;
    let older = keep(&store, noise(1001), 5_000).await;
    store.put(Kind::Packument, "p", noise(1002), Stamp { fetched_at: 7_000, etag: None }).await.unwrap();
    store.close().await.unwrap();
    // Closing wrote down that all of it was used just now; what came in is what is compared here.
    let set = |key: &str, seconds| {
        let name = tarball_name::TarballName::of_integrity(key).unwrap();
        let path = scratch.0.join("tarballs-v2").join(name.folder()).join(name.file());
        fs::File::options()
            .append(true)
            .open(path)
            .unwrap()
            .set_modified(UNIX_EPOCH + Duration::from_secs(seconds))
            .unwrap();
    };
    set(&old, 10_000);
    set(&older, 5_000);
    let store = open(&scratch).await;
    assert_eq!(store.collect(10_000).await.unwrap().removed, Holding::default());
    let collected = store.collect(2_100).await.unwrap();
    assert_eq!((collected.before, collected.removed), (holding(3, 3003), holding(1, 1001)));
    assert_eq!(files(&scratch).len(), 1);
    // A use makes what was old the newest.
    assert!(tarball(&store, &old).await.is_some());
    set(&old, 1);
    let collected = store.collect(1_500).await.unwrap();
    assert_eq!(collected.removed, holding(1, 1002));
    assert!(store.get(Kind::Packument, "p").await.unwrap().is_none());
    assert!(tarball(&store, &old).await.is_some());
    assert_eq!(store.collect(0).await.unwrap().removed, holding(1, 1000));
    assert!(files(&scratch).is_empty());
}

fn holding(count: u64, bytes: u64) -> Holding {
    Holding { count, bytes }
}

#[tokio::test]
async fn a_use_is_written_down_at_the_end_and_not_twice_in_an_hour() {
    static SECONDS: AtomicU64 = AtomicU64::new(100_000);
    let now = || UNIX_EPOCH + Duration::from_secs(SECONDS.load(Ordering::SeqCst));
    let scratch = Scratch::new();
    let used_at = || {
        let modified = fs::metadata(&files(&scratch)[0]).unwrap().modified().unwrap();
        modified.duration_since(UNIX_EPOCH).unwrap().as_secs()
    };
    let mut expected = 100_000;
    for (seconds, written) in [(100_000, 100_000), (103_599, 100_000), (103_600, 103_600), (90_000, 103_600)] {
        SECONDS.store(seconds, Ordering::SeqCst);
        let store = Store::open(&scratch.0, &limits(), now).await.unwrap();
        let key = match files(&scratch).is_empty() {
            true => keep(&store, noise(9), seconds).await,
            false => integrity(&noise(9)),
        };
        store.mark(Kind::Tarball, [key.as_str()]);
        assert_eq!(used_at(), expected);
        store.close().await.unwrap();
        expected = written;
        assert_eq!(used_at(), expected);
    }
}

#[tokio::test]
async fn uses_do_not_fill_memory() {
    let scratch = Scratch::new();
    let few = Limits { uses: 10, ..limits() };
    let store = Store::open(&scratch.0, &few, now).await.unwrap();
    let visit = store.visit();
    for number in 0..100 {
        store.length(Kind::Packument, &format!("p{number}")).await.unwrap();
    }
    // What a visit uses is remembered as long as it lasts, and no longer.
    assert!(store.uses.last(Kind::Packument, "p0").is_some());
    drop(visit);
    for number in 100..120 {
        store.length(Kind::Packument, &format!("p{number}")).await.unwrap();
    }
    let kept = (0..120).filter(|number| store.uses.last(Kind::Packument, &format!("p{number}")).is_some()).count();
    assert!(kept <= 20, "{kept}");
}

#[tokio::test]
async fn what_a_visit_uses_or_waits_for_is_not_collected() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    let before = keep(&store, noise(100), 0).await;
    let visit = store.visit();
    let wanted = keep(&store, noise(101), 0).await;
    let read = keep(&store, noise(102), 0).await;
    store.close().await.unwrap();
    drop(visit);
    let store = open(&scratch).await;
    let visit = store.visit();
    let later = store.visit();
    store.mark(Kind::Tarball, [wanted.as_str()]);
    assert!(tarball(&store, &read).await.is_some());
    drop(later);
    let collected = store.collect(0).await.unwrap();
    assert_eq!((collected.removed, collected.in_use), (holding(1, 100), holding(2, 203)));
    assert!(tarball(&store, &before).await.is_none());
    assert!(tarball(&store, &wanted).await.is_some());
    drop(visit);
    assert_eq!(store.collect(0).await.unwrap().removed, holding(2, 203));
}

#[tokio::test]
async fn what_is_pinned_is_not_collected() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    let pinned = keep(&store, noise(100), 0).await;
    let loose = keep(&store, noise(101), 0).await;
    store.put(Kind::Packument, "p", noise(102), Stamp::default()).await.unwrap();
    store.put(Kind::Packument, "q", noise(103), Stamp::default()).await.unwrap();
    let set = BTreeMap::from([
        (Kind::Tarball, BTreeSet::from([format!("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= {pinned}")])),
        // One that comes later.
        (Kind::Packument, BTreeSet::from(["p".to_owned(), "later".to_owned()])),
    ]);
    store.pin("set", set).await.unwrap();
    store.close().await.unwrap();
    let store = open(&scratch).await;
    store.put(Kind::Packument, "later", noise(104), Stamp::default()).await.unwrap();
    let holdings = store.holdings().await.unwrap();
    assert_eq!((holdings.pinned, holdings.sets["set"]), (holding(3, 306), holding(3, 306)));
    assert_eq!((holdings.kinds[&Kind::Tarball], holdings.kinds[&Kind::Packument]), (holding(2, 201), holding(3, 309)));
    assert_eq!(store.collect(0).await.unwrap().removed, holding(2, 204));
    assert!(tarball(&store, &loose).await.is_none() && tarball(&store, &pinned).await.is_some());
    assert_eq!((store.unpin("set").await.unwrap(), store.unpin("set").await.unwrap()), (true, false));
    assert_eq!(store.collect(0).await.unwrap().removed, holding(3, 306));
}

#[tokio::test]
async fn room_is_made_by_what_was_used_least_lately() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    for number in 0..8 {
        store.make_room(Kind::Module, 8).await.unwrap();
        store.put(Kind::Module, &number.to_string(), noise(9), Stamp { fetched_at: number, etag: None }).await.unwrap();
    }
    assert!(store.get(Kind::Module, "0").await.unwrap().is_some());
    store.make_room(Kind::Module, 8).await.unwrap();
    store.put(Kind::Module, "8", noise(9), Stamp::default()).await.unwrap();
    let mut left = Vec::new();
    for number in 0..9 {
        left.extend(store.length(Kind::Module, &number.to_string()).await.unwrap().map(|_| number));
    }
    assert_eq!(left, [0, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn a_held_lock_names_its_holder_and_closing_frees_it() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    let impatient = Limits { lock_wait: Duration::ZERO, ..Limits::default() };
    let error = Store::open(&scratch.0, &impatient, now).await.unwrap_err();
    let expected = Error::CacheBusy { pid: Some(std::process::id()), folder: scratch.0.clone() };
    assert_eq!(error, expected);
    // One that waits gets it as soon as it is free.
    let waiting = Limits { lock_wait: Duration::from_secs(60), ..Limits::default() };
    let (closed, opened) = tokio::join!(store.close(), Store::open(&scratch.0, &waiting, now));
    closed.unwrap();
    let store = opened.unwrap();
    // Dropping without closing frees it too.
    drop(store);
    Store::open(&scratch.0, &waiting, now).await.unwrap();
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    store.sync().await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(store.get(Kind::Tarball, "k").await.unwrap_err().code(), "store-failed");
}

#[tokio::test]
async fn of_a_damaged_database_what_can_be_read_is_saved() {
    let scratch = Scratch::new();
    let store = open(&scratch).await;
    let key = keep(&store, noise(100), 0).await;
    let packument = |number: u8| noise(20_000).iter().map(|byte| byte ^ number).collect::<Vec<u8>>();
    for number in 0..200 {
        store.put(Kind::Packument, &format!("p{number}"), packument(number), Stamp::default()).await.unwrap();
    }
    store.pin("set", BTreeMap::new()).await.unwrap();
    store.close().await.unwrap();
    // What no snapshot covers yet is cut off at the damage, as if it had never been written. Opening makes one.
    open(&scratch).await.close().await.unwrap();
    let good = read_folder(&scratch.0.join("database-v1"));
    // In the middle of what one of the packuments holds. Where that has lain before it matters to nobody.
    let part = &packument(100)[8_000..8_100];
    let database = &good[Path::new("db")];
    let places: Vec<usize> = (0..database.len()).filter(|at| database[*at..].starts_with(part)).collect();
    let mut damaged = 0;
    for at in places {
        let mut bad = good.clone();
        bad.get_mut(Path::new("db")).unwrap()[at + 50] ^= 1;
        write_folder(&scratch.0.join("database-v1"), &bad);
        let store = open(&scratch).await;
        let found = store.verify().await.unwrap();
        assert!(found.broken.is_empty());
        assert!(tarball(&store, &key).await.is_some());
        let mut left = 0;
        for number in 0..200 {
            let blob = store.get(Kind::Packument, &format!("p{number}")).await.unwrap();
            left += usize::from(blob.is_some_and(|blob| blob.bytes == packument(number)));
        }
        match found.damage {
            Some(_) => assert!((190..200).contains(&left), "{left} of 200"),
            None => assert_eq!(left, 200),
        }
        damaged += usize::from(found.damage.is_some());
        assert!(store.holdings().await.unwrap().sets.contains_key("set"));
        let again = store.verify().await.unwrap();
        assert!(again.damage.is_none() && again.broken.is_empty());
        store.close().await.unwrap();
        assert!(!scratch.0.join("database-v1-rescued").exists());
    }
    assert!(damaged > 0);
}

type Contents = BTreeMap<PathBuf, Vec<u8>>;

fn read_folder(folder: &Path) -> Contents {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    files.map(|path| (PathBuf::from(path.file_name().unwrap()), fs::read(path).unwrap())).collect()
}

fn write_folder(folder: &Path, contents: &Contents) {
    fs::remove_dir_all(folder).unwrap();
    fs::create_dir(folder).unwrap();
    contents.iter().for_each(|(name, bytes)| fs::write(folder.join(name), bytes).unwrap());
}

#[tokio::test]
async fn a_database_that_cannot_be_opened_is_replaced() {
    let scratch = Scratch::new();
    for damage in ["snapshot", "all"] {
        let store = open(&scratch).await;
        let key = keep(&store, noise(100), 0).await;
        store.put(Kind::Packument, "p", noise(9000), Stamp::default()).await.unwrap();
        store.close().await.unwrap();
        // Opened once more, so that there is a snapshot.
        open(&scratch).await.close().await.unwrap();
        for entry in fs::read_dir(scratch.0.join("database-v1")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name.starts_with("snap.") || (damage == "all" && name == "db") {
                let length = fs::metadata(&path).unwrap().len() as usize;
                fs::write(&path, noise(length.min(50_000))).unwrap();
            }
        }
        let store = open(&scratch).await;
        assert!(tarball(&store, &key).await.is_some(), "{damage}");
        let packument = store.get(Kind::Packument, "p").await.unwrap();
        assert_eq!(packument.is_some(), damage == "snapshot", "{damage}");
        store.close().await.unwrap();
    }
}
