//! A writer that is killed, again and again: what it was told is safe is there, what is there is whole.
//!
//! The writer is this test binary under the name of an ignored test. It says on its standard output what is safe, after it
//! is; whoever killed it opens the store and looks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::*;
use crate::test_registry::Scratch;

const ROUNDS: u64 = 200;
/// Different tarballs and packuments: few, so that most writes meet what is there.
const TARBALLS: u64 = 48;
const PACKUMENTS: u64 = 6;
const FOLDER: &str = "HOIST_TEST_CRASH_FOLDER";
const SEED: &str = "HOIST_TEST_CRASH_SEED";

/// Xorshift (Marsaglia, 2003), so that a seed says everything.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn bytes(seed: u64, length: u64) -> Vec<u8> {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..length).map(|_| random.below(256) as u8).collect()
    }
}

fn tarball_bytes(number: u64) -> Vec<u8> {
    Random::bytes(number + 1, number * number * 17)
}

fn key_of(number: u64) -> String {
    let hash = ssri::IntegrityOpts::new().algorithm(ssri::Algorithm::Sha512).chain(tarball_bytes(number));
    hash.result().to_string()
}

/// A packument says which version of it this is, and the rest follows from that.
fn packument_bytes(number: u64, version: u64) -> Vec<u8> {
    let mut bytes = version.to_be_bytes().to_vec();
    bytes.extend(Random::bytes(number * 1_000_003 + version, version % 5 * 4000 + 3));
    bytes
}

async fn open(folder: &Path) -> Store {
    // What is still pinned is used less lately than everything else.
    let now = || UNIX_EPOCH + Duration::from_secs(1_000_000);
    Store::open(folder, &Limits::default(), now).await.unwrap()
}

fn say(words: std::fmt::Arguments<'_>) {
    let mut output = std::io::stdout().lock();
    // One write, so that a reader sees all of a line or nothing.
    output.write_all(format!("\nsafe {words}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

#[tokio::test]
#[ignore = "the writer of the crash test"]
async fn crash_writer() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let seed: u64 = std::env::var(SEED).unwrap().parse().unwrap();
    let mut random = Random(seed);
    let store = open(Path::new(&folder)).await;
    say(format_args!("open"));
    let mut unflushed = BTreeMap::new();
    for step in 0.. {
        match random.below(20) {
            0..8 => {
                let number = random.below(TARBALLS);
                let bytes = Arc::new(tarball_bytes(number));
                store.put_verified(Kind::Tarball, &key_of(number), bytes, Stamp::default()).await.unwrap();
                say(format_args!("tarball {number}"));
            }
            8..15 => {
                let (number, version) = (random.below(PACKUMENTS), (seed >> 32) * 1000 + step);
                let key = format!("p{number}");
                store.put(Kind::Packument, &key, packument_bytes(number, version), Stamp::default()).await.unwrap();
                unflushed.insert(number, version);
            }
            15..18 => {
                store.flush().await.unwrap();
                for (number, version) in std::mem::take(&mut unflushed) {
                    say(format_args!("packument {number} {version}"));
                }
            }
            18 => {
                let number = random.below(TARBALLS);
                // Said before: from here on, another set may be there.
                say(format_args!("pinning {number}"));
                let set = BTreeMap::from([(Kind::Tarball, BTreeSet::from([key_of(number)]))]);
                store.pin(&format!("s{}", number % 4), set).await.unwrap();
                say(format_args!("pin {number}"));
            }
            _ => {
                // Said before: from here on, what is not pinned may be gone.
                say(format_args!("collecting"));
                unflushed.clear();
                store.collect(random.below(200_000)).await.unwrap();
            }
        }
    }
}

/// What was said to be safe.
#[derive(Default)]
struct Safe {
    tarballs: BTreeSet<u64>,
    packuments: BTreeMap<u64, u64>,
    pinned: BTreeMap<u64, u64>,
    said: u64,
}

impl Safe {
    fn hear(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words[at].parse::<u64>().unwrap();
        match words.get(1).copied() {
            Some("open") => {}
            Some("tarball") => drop(self.tarballs.insert(number(2))),
            Some("packument") => drop(self.packuments.insert(number(2), number(3))),
            Some("pinning") => drop(self.pinned.remove(&(number(2) % 4))),
            Some("pin") => drop(self.pinned.insert(number(2) % 4, number(2))),
            Some("collecting") => {
                let pinned: BTreeSet<u64> = self.pinned.values().copied().collect();
                self.tarballs.retain(|number| pinned.contains(number));
                self.packuments.clear();
            }
            _ => panic!("the writer says {line:?}"),
        }
        self.said += 1;
    }
}

/// Starts a writer, and kills it after some lines and some time.
fn start_and_kill(folder: &Path, seed: u64, random: &mut Random, safe: &mut Safe) {
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::crash_tests::crash_writer", "--ignored", "--nocapture", "--test-threads=1"])
        .env(FOLDER, folder)
        .env(SEED, seed.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let output = BufReader::new(writer.stdout.take().unwrap());
    let (sender, lines) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok).filter(|line| line.starts_with("safe ")) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    // Some are killed while they open, most in the middle of their work.
    let patience = Duration::from_secs(30);
    let heard: Vec<String> = match random.below(5) {
        0 => Vec::new(),
        _ => (0..=random.below(30)).map_while(|_| lines.recv_timeout(patience).ok()).collect(),
    };
    std::thread::sleep(Duration::from_micros(random.below(20_000)));
    kill(&mut writer);
    heard.iter().for_each(|line| safe.hear(line));
    lines.iter().for_each(|line| safe.hear(&line));
    reader.join().unwrap();
}

fn kill(writer: &mut Child) {
    writer.kill().unwrap();
    let status = writer.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "the writer ended by itself: {status}");
}

async fn check(folder: &Path, safe: &Safe, context: &str) {
    let store = open(folder).await;
    let verified = store.verify().await.unwrap();
    assert!(verified.broken.is_empty(), "{context}: {:?}", verified.broken);
    for number in &safe.tarballs {
        let found = store.get(Kind::Tarball, &key_of(*number)).await.unwrap();
        let whole = found.is_some_and(|blob| blob.bytes == tarball_bytes(*number));
        assert!(whole, "{context}: tarball {number} is lost");
    }
    for number in 0..PACKUMENTS {
        let least = safe.packuments.get(&number).copied();
        let found = store.get(Kind::Packument, &format!("p{number}")).await.unwrap();
        let version = found.map(|blob| {
            let version = u64::from_be_bytes(blob.bytes[..8].try_into().unwrap());
            assert!(blob.bytes == packument_bytes(number, version), "{context}: packument {number} is not whole");
            version
        });
        assert!(version >= least, "{context}: of packument {number} there is {version:?} and not {least:?}");
    }
    let sets = store.run(|opened| opened.pin_sets()).await.unwrap();
    for set in safe.pinned.keys() {
        assert!(sets.contains_key(&format!("s{set}")), "{context}: the pins s{set} are lost");
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_killed_writer_loses_nothing_that_was_safe() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let first = std::env::var(SEED).map_or(now | 1, |seed| seed.parse().unwrap());
    let mut random = Random(first);
    let scratch = Scratch::new();
    let mut safe = Safe::default();
    for round in 0..ROUNDS {
        // Versions grow with the rounds.
        let seed = (round + 1) << 32 | random.below(1 << 31) | 1;
        let context = format!("{SEED}={first}, round {round}");
        tokio::task::block_in_place(|| start_and_kill(&scratch.0, seed, &mut random, &mut safe));
        // A writer that was killed may leave its successor to a writer that is killed too.
        if random.below(4) > 0 || round + 1 == ROUNDS {
            check(&scratch.0, &safe, &context).await;
        }
    }
    assert!(safe.said > 5 * ROUNDS && !safe.pinned.is_empty(), "the writers said only {} lines", safe.said);
}
