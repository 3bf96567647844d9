//! How much memory and time a large store takes.
//!
//! Memory is measured in a process of its own: this test binary under the name of an ignored test.

use std::fs::{self, File};
use std::process::Command;
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::*;
use crate::test_registry::Scratch;

const FOLDER: &str = "HOIST_TEST_SIZE_FOLDER";
const MEBIBYTE: u64 = 1 << 20;

async fn open(folder: &Path) -> Store {
    Store::open(folder, &Limits::default(), || UNIX_EPOCH + Duration::from_secs(1_000_000)).await.unwrap()
}

/// The most memory that this process has had, in bytes.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// Runs one of the ignored tests below and gives back the number that it says.
fn measured(test: &str, folder: &Path) -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("store::size_tests::{test}"), "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = text.lines().find_map(|line| line.strip_prefix("measured "));
    number.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr))).parse().unwrap()
}

fn noise(seed: u32, length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| ((number ^ seed).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[tokio::test]
#[ignore = "a part of another test"]
async fn passing_much_through() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder)).await;
    let before = peak();
    let tarball = |number: u32| {
        let bytes = noise(number, 2 << 20);
        let hash = ssri::IntegrityOpts::new().algorithm(ssri::Algorithm::Sha1).chain(&bytes).result();
        (hash.to_string(), bytes)
    };
    for number in 0..120 {
        let (key, bytes) = tarball(number);
        store.put_verified(Kind::Tarball, &key, Arc::new(bytes), Stamp::default()).await.unwrap();
        assert!(store.get(Kind::Tarball, &key).await.unwrap().is_some());
        store.put(Kind::Packument, &number.to_string(), noise(number, 500_000), Stamp::default()).await.unwrap();
        store.flush().await.unwrap();
    }
    assert!(store.verify().await.unwrap().broken.is_empty());
    println!("\nmeasured {}", peak() - before);
    store.close().await.unwrap();
}

#[test]
fn three_hundred_megabytes_pass_through_little_memory() {
    let scratch = Scratch::new();
    let bytes = measured("passing_much_through", &scratch.0);
    assert!(bytes < 200 * MEBIBYTE, "{bytes} bytes of memory");
}

#[tokio::test]
#[ignore = "a part of another test"]
async fn opening() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let store = open(Path::new(&folder)).await;
    println!("\nmeasured {}", peak());
    store.close().await.unwrap();
}

/// The files have holes, so that this costs no disk: opening reads none of them.
#[tokio::test]
async fn a_store_of_five_gigabytes_opens_in_no_time_and_little_memory() {
    let scratch = Scratch::new();
    let store = open(&scratch.0).await;
    for number in 0..200 {
        store.put(Kind::Packument, &number.to_string(), noise(number, 50_000), Stamp::default()).await.unwrap();
    }
    store.close().await.unwrap();
    for folder in 0..=u8::MAX {
        let path = scratch.0.join(format!("tarballs-v2/{folder:02x}"));
        fs::create_dir_all(&path).unwrap();
        for number in 0..20 {
            let name = format!("sha1-{folder:02x}{number:038x}");
            File::create(path.join(name)).unwrap().set_len(MEBIBYTE).unwrap();
        }
    }
    // The best of a few: others are at work here.
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        let store = open(&scratch.0).await;
        best = best.min(began.elapsed());
        store.close().await.unwrap();
    }
    assert!(best < Duration::from_millis(200), "{best:?}");
    let store = open(&scratch.0).await;
    let holding = store.holdings().await.unwrap().kinds[&Kind::Tarball];
    assert_eq!((holding.count, holding.bytes), (5120, 5120 * MEBIBYTE));
    store.close().await.unwrap();
    let bytes = measured("opening", &scratch.0);
    assert!(bytes < 200 * MEBIBYTE, "{bytes} bytes of memory");
}
