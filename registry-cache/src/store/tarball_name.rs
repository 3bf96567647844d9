//! What a tarball's file is called: the algorithm and the hash, so that the name alone says what must be in it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ssri::{Algorithm, Integrity};

/// One hash. Its two spellings are an integrity (Subresource Integrity, section 3.5) and a file's name.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct TarballName {
    pub(super) algorithm: Algorithm,
    digest: Vec<u8>,
}

impl TarballName {
    /// The first hash of the strongest kind in an integrity. None for kinds that anybody can forge.
    pub(super) fn of_integrity(integrity: &str) -> Option<Self> {
        let integrity: Integrity = integrity.parse().ok()?;
        let hash = integrity.hashes.first()?;
        // Section 3.5 allows options behind a question mark, and gives them no meaning.
        let digest = hash.digest.split('?').next()?;
        Self::new(hash.algorithm, BASE64_STANDARD.decode(digest).ok()?)
    }

    /// What [`TarballName::file`] gave.
    pub(super) fn of_file(name: &str) -> Option<Self> {
        let (algorithm, digits) = name.split_once('-')?;
        let pairs = digits.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
        let digest = pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect::<Option<_>>()?;
        // Of several spellings one is the name.
        Self::new(algorithm.parse().ok()?, digest).filter(|parsed| parsed.file() == name)
    }

    fn new(algorithm: Algorithm, digest: Vec<u8>) -> Option<Self> {
        let length = match algorithm {
            Algorithm::Sha1 => 20,
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
            _ => return None,
        };
        (digest.len() == length).then_some(Self { algorithm, digest })
    }

    pub(super) fn integrity(&self) -> String {
        format!("{}-{}", self.algorithm, BASE64_STANDARD.encode(&self.digest))
    }

    pub(super) fn file(&self) -> String {
        let digits: String = self.digest.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}-{digits}", self.algorithm)
    }

    /// 256 folders keep each one small, whatever the file system makes of large ones.
    pub(super) fn folder(&self) -> String {
        format!("{:02x}", self.digest[0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &str = "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=";

    #[test]
    fn an_integrity_is_a_file_and_back() {
        let name = TarballName::of_integrity(SHA1).unwrap();
        assert_eq!(name.file(), "sha1-da39a3ee5e6b4b0d3255bfef95601890afd80709");
        assert_eq!((name.folder().as_str(), name.integrity().as_str()), ("da", SHA1));
        assert_eq!(TarballName::of_file(&name.file()), Some(name));
    }

    #[test]
    fn the_strongest_hash_counts_whatever_stands_beside_it() {
        let strong = ssri::IntegrityOpts::new().algorithm(Algorithm::Sha512).chain(b"x").result().to_string();
        for text in [strong.clone(), format!("{SHA1} {strong}"), format!("{strong}?a=b {SHA1}")] {
            assert_eq!(TarballName::of_integrity(&text).unwrap().integrity(), strong, "{text}");
        }
    }

    #[test]
    fn what_is_no_hash_has_no_name() {
        for text in ["", "sha1", "sha1-", "sha1-????", "sha1-AAAA", "xxh3-AAAAAAAAAAAAAAAAAAAAAA==", "../x", "md5-AAAA"]
        {
            assert_eq!(TarballName::of_integrity(text), None, "{text}");
        }
        for text in [
            "sha1-DA39A3EE5E6B4B0D3255BFEF95601890AFD80709",
            "sha1-da39",
            "sha1-+a39a3ee5e6b4b0d3255bfef95601890afd80709",
            "sha1-da39a3ee5e6b4b0d3255bfef95601890afd8070",
            "sha512-da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "sha1-é",
            "",
        ] {
            assert_eq!(TarballName::of_file(text), None, "{text}");
        }
    }
}
