//! The lock of a request: given with it, or npm's beside the package.json that it uses.
//!
//! One that is given must be usable. npm's own may have been written for more than runs here (links, workspaces, git): where
//! it cannot be read, that is a warning.

use std::path::{Path, PathBuf};

use bundler::{Diagnostic, FileSource};
use clap::Args;
use registry_cache::{Drift, Limits, Lock, Manifest, Wanted};

use crate::error::Error;
use crate::project::DiskFiles;
use crate::text_file;

/// The name that npm's manifest has.
const PACKAGE_JSON: &str = "package.json";
/// The name of npm's lock.
const PACKAGE_LOCK: &str = "package-lock.json";

/// Versions that were decided on before.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct LockArguments {
    /// Take versions from this file: the graph of an earlier answer, or a package-lock.json
    #[arg(long, value_name = "FILE")]
    pub(crate) lock: Option<PathBuf>,
    /// Refuse a lock that does not fit the manifest, instead of resolving what differs
    #[arg(long)]
    pub(crate) frozen: bool,
}

/// A lock, and what to do where it does not fit.
#[derive(Clone, Debug, Default)]
pub(crate) struct GivenLock {
    lock: Option<Lock>,
    drift: Drift,
}

impl LockArguments {
    /// Reads the file.
    pub(crate) fn read(&self) -> Result<GivenLock, Error> {
        let lock = self.lock.as_deref().map(read).transpose()?;
        Ok(GivenLock::new(lock, if self.frozen { Drift::Frozen } else { Drift::Allowed }))
    }
}

fn read(path: &Path) -> Result<Lock, Error> {
    let limits = Limits::default();
    let text = text_file::read(path, limits.lock_bytes as u64)
        .map_err(|problem| Error::LockFile { path: path.to_owned(), problem })?;
    Ok(Lock::parse(&text, &path.display().to_string(), &limits)?)
}

impl GivenLock {
    pub(crate) fn new(lock: Option<Lock>, drift: Drift) -> Self {
        Self { lock, drift }
    }

    /// Takes npm's lock from beside a package.json, where none was given. The warning says why it could not be used.
    pub(crate) fn or_beside(&mut self, manifest: &str, files: &mut dyn FileSource) -> Option<Diagnostic> {
        if self.lock.is_some() {
            return None;
        }
        let folder = manifest.rfind('/').map_or("", |slash| &manifest[..=slash]);
        let path = format!("{folder}{PACKAGE_LOCK}");
        let found = match files.read(&path) {
            Ok(None) => return None,
            Ok(Some(bytes)) => String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        let parsed =
            found.and_then(|text| Lock::parse(&text, &path, &Limits::default()).map_err(|error| error.to_string()));
        match parsed {
            Ok(lock) => {
                self.lock = Some(lock);
                None
            }
            Err(problem) => Some(unused(path, &problem)),
        }
    }

    /// The same for a manifest on disk, where it is a package.json.
    pub(crate) fn or_beside_file(&mut self, manifest: &Path) -> Option<Diagnostic> {
        if !manifest.ends_with(PACKAGE_JSON) {
            return None;
        }
        let folder = manifest.canonicalize().ok()?.parent()?.to_owned();
        let mut files = DiskFiles::new(folder, bundler::Limits::default().file_bytes);
        self.or_beside(PACKAGE_JSON, &mut files)
    }

    /// What is to be resolved.
    pub(crate) fn wanted<'a>(&'a self, manifest: &'a Manifest) -> Result<Wanted<'a>, Error> {
        if self.drift == Drift::Frozen && self.lock.is_none() {
            return Err(Error::NoLock);
        }
        Ok(Wanted { manifest, lock: self.lock.as_ref(), drift: self.drift })
    }
}

fn unused(path: String, problem: &str) -> Diagnostic {
    Diagnostic {
        code: "unused-lock".to_owned(),
        message: format!("{path} is not used: {problem}"),
        package: None,
        file: Some(path),
        line: None,
        column: None,
        frame: None,
        chain: Vec::new(),
        hint: Some("versions are resolved anew; --lock says which lock to use".to_owned()),
    }
}
