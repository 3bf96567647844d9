//! The keys of mirrors in the config folder: the one that this user signs with, and those that are trusted.
//!
//! `mirror-key` holds the first, as random bytes in hexadecimal; it is made when it is first needed, for its owner's eyes
//! only, and refused when others can read it. `trusted-keys` holds one public key a line; what follows it on the line, and
//! lines that begin with `#`, are for people.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use registry_cache::{MirrorKey, MirrorSigner};

use crate::error::Error;

const OWN: &str = "mirror-key";
const TRUSTED: &str = "trusted-keys";
/// Bytes of a file of keys: enough for a thousand with what people write beside them.
const KEYS_BYTES: u64 = 256 << 10;

/// The own key, made if there is none.
pub(crate) fn own(folder: &Path) -> Result<MirrorSigner, Error> {
    match read_own(folder)? {
        Some(signer) => Ok(signer),
        None => {
            make_own(folder)?;
            read_own(folder)?.ok_or_else(|| unusable(&folder.join(OWN), "it is gone again"))
        }
    }
}

/// Every key that is trusted without being named: the own one, if there is one, and the configured ones.
pub(crate) fn trusted(folder: &Path) -> Result<Vec<MirrorKey>, Error> {
    let mut keys: Vec<MirrorKey> = read_own(folder)?.map(|signer| signer.key()).into_iter().collect();
    let path = folder.join(TRUSTED);
    let Some((text, _)) = read(&path)? else { return Ok(keys) };
    for (number, line) in text.lines().enumerate() {
        let Some(word) = line.split_whitespace().next().filter(|word| !word.starts_with('#')) else { continue };
        let key = word.parse().map_err(|problem| unusable(&path, &format!("line {}: {problem}", number + 1)))?;
        keys.push(key);
    }
    Ok(keys)
}

fn read_own(folder: &Path) -> Result<Option<MirrorSigner>, Error> {
    let path = folder.join(OWN);
    let Some((text, mode)) = read(&path)? else { return Ok(None) };
    if mode & 0o077 != 0 {
        return Err(unusable(&path, &format!("others may read it (mode {:o}); make it 600", mode & 0o777)));
    }
    let seed = seed_of(text.trim()).ok_or_else(|| unusable(&path, "it does not hold a key"))?;
    Ok(Some(MirrorSigner::from_seed(&seed)))
}

/// Makes the key, unless somebody else does so at the same time.
fn make_own(folder: &Path) -> Result<(), Error> {
    let path = folder.join(OWN);
    let failed = |error: std::io::Error| unusable(&path, &error.to_string());
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut seed = [0; 32];
    let mut filled = 0;
    while filled < seed.len() {
        filled += rustix::rand::getrandom(&mut seed[filled..], rustix::rand::GetRandomFlags::empty())
            .map_err(|error| failed(error.into()))?;
    }
    let text: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    // Whole under another name first: whoever looks meanwhile sees no key or all of it.
    let draft = folder.join(format!("{OWN}.{}", std::process::id()));
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft);
    let written = written.and_then(|mut file| {
        file.write_all(format!("{text}\n").as_bytes())?;
        file.sync_all()
    });
    let linked = written.and_then(|()| std::fs::hard_link(&draft, &path));
    // A draft that stays is of no use to anybody, and as private as the key.
    let _ = std::fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn seed_of(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..32).map(|index| u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()).collect();
    bytes?.try_into().ok()
}

/// A file's text and mode; none where there is no file.
fn read(path: &Path) -> Result<Option<(String, u32)>, Error> {
    let failed = |error: std::io::Error| unusable(path, &error.to_string());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if metadata.len() > KEYS_BYTES {
        return Err(unusable(path, &format!("it has {} bytes, more than the limit of {KEYS_BYTES}", metadata.len())));
    }
    let mut text = String::new();
    file.take(KEYS_BYTES).read_to_string(&mut text).map_err(failed)?;
    Ok(Some((text, metadata.mode())))
}

fn unusable(path: &Path, problem: &str) -> Error {
    Error::Configuration { path: PathBuf::from(path), problem: problem.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            Self(std::env::temp_dir().join(format!("hoist-keys-{}-{name}", std::process::id())))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_key_is_made_once_and_for_its_owner() {
        let folder = Folder::new("made");
        assert_eq!(trusted(&folder.0).unwrap(), []);
        let key = own(&folder.0).unwrap().key();
        assert_eq!(own(&folder.0).unwrap().key(), key);
        assert_eq!(trusted(&folder.0).unwrap(), [key]);
        let path = folder.0.join(OWN);
        assert_eq!(path.metadata().unwrap().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(own(&folder.0), Err(Error::Configuration { .. })));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        for text in ["", "00", &"é".repeat(32), &"g".repeat(64)] {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(own(&folder.0), Err(Error::Configuration { .. })), "{text}");
        }
    }

    #[test]
    fn trusted_keys_stand_one_on_a_line() {
        let folder = Folder::new("trusted");
        std::fs::create_dir_all(&folder.0).unwrap();
        let key = MirrorSigner::from_seed(&[1; 32]).key();
        std::fs::write(folder.0.join(TRUSTED), format!("# ours\n\n{key} the build machine\n")).unwrap();
        assert_eq!(trusted(&folder.0).unwrap(), [key]);
        std::fs::write(folder.0.join(TRUSTED), format!("{key}\nnonsense\n")).unwrap();
        let error = trusted(&folder.0).unwrap_err();
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}
