use std::path::Path;

use super::*;

/// Changed inputs for each seed. Two thousand take some seconds for all targets; `fuzz/` is for more.
const ROUNDS: u64 = 2000;

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 5] =
    [("tarball", tarball), ("packument", packument), ("range", range), ("npmrc", npmrc), ("lock", lock)];

/// Marsaglia's xorshift: the same numbers in every run, so that a failure comes again.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, most: usize) -> usize {
        (self.next() % most.max(1) as u64) as usize
    }
}

/// One of the changes that fuzzers make.
fn change(bytes: &mut Vec<u8>, numbers: &mut Numbers) {
    let at = numbers.below(bytes.len());
    let length = numbers.below(16).min(bytes.len() - at.min(bytes.len()));
    match numbers.below(7) {
        _ if bytes.is_empty() => bytes.push(numbers.next() as u8),
        0 => bytes[at] ^= 1 << numbers.below(8),
        1 => bytes[at] = numbers.next() as u8,
        2 => bytes.insert(at, numbers.next() as u8),
        3 => drop(bytes.drain(at..at + length)),
        4 => {
            let part = bytes[at..at + length].to_vec();
            let to = numbers.below(bytes.len());
            bytes.splice(to..to, part);
        }
        5 => bytes.truncate(at),
        // What parsers take for something.
        _ => {
            let words = [
                "..",
                "/",
                "\\",
                "\0",
                "\"",
                "{",
                "}",
                "[",
                "null",
                "-1",
                "1e999",
                "99999999999999999999",
                "${",
                "npm:",
                "@",
                "\u{feff}",
                "path=",
                "size=",
                "//",
            ];
            let word = words[numbers.below(words.len())];
            bytes.splice(at..at, word.bytes());
        }
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/fuzz").join(target);
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    let mut seeds: Vec<_> = files
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    seeds.sort();
    seeds
}

fn drive(target: Target, name: &str, seed: &str, bytes: &[u8]) {
    let outcome = std::panic::catch_unwind(|| target(bytes));
    assert!(outcome.is_ok(), "{name}, from {seed}: {:?}", String::from_utf8_lossy(bytes));
}

#[test]
fn what_is_accepted_holds_after_any_change() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(seeds.len() > 2, "{name} has no seeds");
        for (number, (seed, bytes)) in seeds.iter().enumerate() {
            drive(target, name, seed, bytes);
            let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15 + number as u64);
            for _ in 0..ROUNDS {
                let mut changed = bytes.clone();
                for _ in 0..=numbers.below(4) {
                    change(&mut changed, &mut numbers);
                }
                drive(target, name, seed, &changed);
            }
        }
    }
}

/// Seeds that no parser accepts would test nothing.
#[test]
fn seeds_called_good_are_accepted() {
    let good = |target: &str| {
        let found: Vec<_> = seeds(target).into_iter().filter(|(name, _)| name.starts_with("good")).collect();
        assert!(!found.is_empty(), "{target}");
        found.into_iter().map(|(_, bytes)| bytes)
    };
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    for bytes in good("tarball") {
        let opened = tarball::unpack("a@1.0.0", &bytes, &limits())
            .or_else(|_| tarball::unpack("a@1.0.0", &stored_gzip(&bytes), &limits()));
        assert!(opened.is_ok(), "{opened:?}");
    }
    for bytes in good("packument") {
        let name = PackageName::parse("a").unwrap();
        assert!(!Packument::parse(&name, &bytes, Form::Full).unwrap().info().unwrap().versions.is_empty());
    }
    for bytes in good("range") {
        let text = text(bytes);
        let ranged = Manifest::from_dependencies(&BTreeMap::from([("a".to_owned(), text.clone())]), "seed");
        assert!(ranged.or_else(|_| Manifest::parse(&text, "seed")).is_ok(), "{text}");
    }
    for bytes in good("npmrc") {
        let registries = Registries::parse(&[("seed".to_owned(), text(bytes))], &BTreeMap::new()).unwrap();
        assert!(registries.authorization(&Url::parse("https://r.invalid/npm/a").unwrap(), "a").is_some());
    }
    for bytes in good("lock") {
        assert!(!Lock::parse(&text(bytes), "seed", &limits()).unwrap().graph().packages.is_empty());
    }
}
