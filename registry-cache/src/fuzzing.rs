//! What fuzz targets call: the parsers of strangers' bytes, each with what must hold of whatever they accept.
//!
//! Each function takes any bytes and panics when an invariant is broken. The targets in `fuzz/` drive them with coverage;
//! the tests below drive them with the seeds in `testdata/fuzz` and with thousands of seeded changes to them, so that every
//! test run has a little of it. No part of the crate's interface.

use std::collections::BTreeMap;

use url::Url;

use crate::graph;
use crate::limits::Limits;
use crate::lock_document::Lock;
use crate::manifest::{Manifest, PackageName};
use crate::npmrc::Registries;
use crate::packument::{Form, Packument};
use crate::policy::age::Ages;
use crate::tarball;

/// A host that the settings under test must not know.
const ELSEWHERE: &str = "https://elsewhere.invalid/a";

/// Bounds that keep a round short.
fn limits() -> Limits {
    Limits { unpacked_bytes: 4 << 20, package_files: 1000, packument_bytes: 4 << 20, ..Limits::default() }
}

/// A tarball, or the archive that one would hold.
pub fn tarball(bytes: &[u8]) {
    for bytes in [bytes, &stored_gzip(bytes)] {
        let Ok(files) = tarball::unpack("a@1.0.0", bytes, &limits()) else { continue };
        let paths: Vec<&str> = files.iter().map(|(path, _)| path).collect();
        assert!(paths.contains(&"package.json") && paths.len() <= limits().package_files);
        for pair in paths.windows(2) {
            assert!(pair[0] < pair[1], "paths are in order, each once");
        }
        for path in &paths {
            assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")), "{path:?}");
            assert!(!path.contains(['\\', '\0']) && path.len() <= limits().path_bytes, "{path:?}");
            let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
            assert!(folders.into_iter().all(|folder| paths.binary_search(&folder).is_err()), "{path:?} below a file");
        }
    }
}

/// Bytes in gzip's clothes, uncompressed, so that a fuzzer's changes reach the archive.
fn stored_gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new().read(bytes, flate2::Compression::none());
    let mut packed = Vec::new();
    std::io::Read::read_to_end(&mut encoder, &mut packed).expect("memory does not fail");
    packed
}

/// A packument, in either form, of the package that it names.
pub fn packument(bytes: &[u8]) {
    let named = serde_json::from_slice::<serde_json::Value>(bytes).ok();
    let named = named.as_ref().and_then(|root| root.get("name")?.as_str()).unwrap_or("a");
    let Ok(name) = PackageName::parse(named) else { return };
    for form in [Form::Abbreviated, Form::Full] {
        let Ok(packument) = Packument::parse(&name, bytes, form) else { continue };
        let info = packument.info().expect("what was accepted, the resolver can read");
        assert_eq!(info.name, name.as_str());
        assert!(info.dist_tags.values().all(|version| info.versions.contains_key(version)));
        for version in info.versions.keys() {
            let _ = packument.signatures(&version.to_string());
        }
        let kept =
            Packument::decompress(&packument.compress(), limits().packument_bytes).expect("what was kept is there");
        assert_eq!((kept.form(), kept.document()), (packument.form(), packument.document()));
        assert_eq!(kept.info().expect("it was read before").versions.len(), info.versions.len());
    }
    // What a damaged store gives back is a packument or nothing.
    let _ = Packument::decompress(bytes, limits().packument_bytes).map(|packument| packument.info().is_ok());
}

/// A range, a name, and a whole manifest.
pub fn range(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(name) = PackageName::parse(text) {
        assert_eq!(name.as_str(), text);
        let url = Registries::default().packument_url(&name).expect("a name that is allowed has a URL");
        assert_eq!(url.path().matches('/').count(), 1, "{url}");
    }
    let ranged = Manifest::from_dependencies(&BTreeMap::from([("a".to_owned(), text.to_owned())]), "fuzz");
    for manifest in [ranged, Manifest::parse(text, "fuzz")].into_iter().flatten() {
        let _ = graph::beginning(&manifest, &Ages::default());
    }
}

/// An `.npmrc`.
pub fn npmrc(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let environment = BTreeMap::from([("TOKEN".to_owned(), "from-the-environment".to_owned())]);
    let Ok(registries) = Registries::parse(&[("fuzz".to_owned(), text.to_owned())], &environment) else { return };
    let shown = format!("{registries:?} {}", registries.fingerprint());
    assert!(!shown.contains("from-the-environment") || text.contains("registry"), "{shown}");
    let elsewhere = Url::parse(ELSEWHERE).expect("a constant that is a URL");
    for name in ["a", "@s/a"] {
        let Ok(name) = PackageName::parse(name) else { continue };
        assert!(text.contains("elsewhere") || registries.authorization(&elsewhere, name.as_str()).is_none());
        let url = registries.packument_url(&name).expect("a registry is an http: or https: URL");
        assert!(url.username().is_empty() && url.password().is_none());
        let header = registries.authorization(&url, name.as_str()).unwrap_or_default();
        assert!(header.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{header:?}");
        if let Ok(url) = registries.tarball_url(name.as_str(), text.trim()) {
            assert!(url.username().is_empty() && url.password().is_none() && url.has_host());
        }
    }
}

/// A lock of ours or of npm.
pub fn lock(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(lock) = Lock::parse(text, "fuzz", &limits()) else { return };
    assert!(lock.graph().is_closed());
    let written = serde_json::to_string(&lock).expect("a lock is JSON");
    let again = Lock::parse(&written, "fuzz", &limits()).expect("what was written can be read");
    assert_eq!(again, lock);
}

#[cfg(test)]
#[path = "fuzzing_tests.rs"]
mod tests;
