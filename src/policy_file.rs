//! Where the supply-chain policy is: `--policy`, HOIST_POLICY, or a file of that name in hoist's configuration folder.
//!
//! What it says is `registry_cache`'s business. Without a file the default holds.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use registry_cache::Policy;

use crate::error::Error;

/// A policy is a page or two; this many bytes are not one.
const POLICY_BYTES: u64 = 1 << 20;
/// What it is called in the configuration folder. Both are JSON that may have comments.
const NAMES: [&str; 2] = ["policy.json", "policy.jsonc"];

/// The policy of these flags and folders.
pub(crate) fn read(
    named: Option<&Path>,
    configuration: Option<PathBuf>,
    least_age: Option<Duration>,
) -> Result<Policy, Error> {
    let file = match named {
        Some(path) => Some(path.to_owned()),
        None => configuration.map(|folder| found_in(&folder)).transpose()?.flatten(),
    };
    let mut policy = match file {
        Some(path) => read_file(&path)?,
        None => Policy::default(),
    };
    if let Some(least) = least_age {
        policy.release_age.least = least;
    }
    Ok(policy)
}

fn found_in(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let mut found: Vec<PathBuf> = NAMES.iter().map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(Error::Configuration {
            path: folder.to_owned(),
            problem: format!("it holds both {}, and one of them has to go", NAMES.join(" and ")),
        }),
    }
}

fn read_file(path: &Path) -> Result<Policy, Error> {
    let unreadable = |problem: String| Error::Configuration { path: path.to_owned(), problem };
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => unreadable("there is no such policy file".to_owned()),
        _ => unreadable(error.to_string()),
    })?;
    if metadata.len() > POLICY_BYTES {
        return Err(unreadable(format!("it has {} bytes, more than the limit of {POLICY_BYTES}", metadata.len())));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(Policy::parse(&text, &path.display().to_string(), folder)?)
}
