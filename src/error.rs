//! Why guest code was not run: the crates' errors, and what can go wrong around them.
//!
//! What guest code does itself is an `executor::Outcome`, never one of these.

use std::net::SocketAddr;
use std::path::PathBuf;

use bundler::Diagnostic;

use crate::serve::Refusal;

/// Everything that can go wrong before guest code runs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Manifests, resolution, registries, tarballs, the cache.
    #[error(transparent)]
    Registry(Box<registry_cache::Error>),
    /// The bundle.
    #[error(transparent)]
    Bundler(#[from] bundler::Error),
    /// Our side of a run.
    #[error(transparent)]
    Executor(#[from] executor::Error),
    /// A request that the service does not take.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Imports of packages that nothing names a version of. Never empty.
    #[error("{}", first(.0))]
    UnlistedImports(Vec<Diagnostic>),
    /// Flags that contradict each other.
    #[error("{problem}")]
    Usage {
        /// What is wrong.
        problem: String,
    },
    /// A file of the program's that is missing, unreadable or outside its project.
    #[error("cannot read {}: {problem}", .path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A manifest that is missing or unreadable.
    #[error("cannot read the manifest {}: {problem}", .path.display())]
    ManifestFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A lock that is missing or unreadable.
    #[error("cannot read the lock {}: {problem}", .path.display())]
    LockFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Versions must be those of a lock, and there is none.
    #[error("there is no lock to keep to")]
    NoLock,
    /// A configuration file that cannot be read.
    #[error("cannot read {}: {problem}", .path.display())]
    Configuration {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Neither a flag nor the environment says where the cache is.
    #[error("there is no folder for the cache: neither HOIST_CACHE, XDG_CACHE_HOME nor HOME is set")]
    NoCacheFolder,
    /// The environment does not say where keys are.
    #[error("there is no folder for keys: neither XDG_CONFIG_HOME nor HOME is set")]
    NoConfigFolder,
    /// A result that cannot be written.
    #[error("cannot write {}: {problem}", .path.display())]
    Output {
        /// The file, or what stands for a stream.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {problem}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What is wrong.
        problem: String,
    },
    /// A fault of ours or of the system's.
    #[error("internal: {problem}")]
    Internal {
        /// What is known of it.
        problem: String,
    },
}

impl From<registry_cache::Error> for Error {
    fn from(error: registry_cache::Error) -> Self {
        Self::Registry(Box::new(error))
    }
}

impl Error {
    /// The stable identifier. `exit_code` has the table of them all.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Registry(error) => error.code(),
            Self::Bundler(error) => error.code(),
            Self::Executor(error) => error.code(),
            Self::Refused(refusal) => refusal.code(),
            Self::UnlistedImports(_) => "unlisted-import",
            Self::Usage { .. } => "usage",
            Self::LocalFile { .. } => "local-file",
            Self::ManifestFile { .. } => "manifest-file",
            Self::LockFile { .. } => "lock-file",
            Self::NoLock => "no-lock",
            Self::Configuration { .. } => "configuration",
            Self::NoCacheFolder => "no-cache-folder",
            Self::NoConfigFolder => "no-config-folder",
            Self::Output { .. } => "output-file",
            Self::Listen { .. } => "listen",
            Self::Internal { .. } => "internal",
        }
    }

    /// What to do about it, where there is something to do.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Registry(error) => error.hint(),
            Self::Bundler(error) => error.hint(),
            Self::Executor(error) => error.hint(),
            Self::Refused(refusal) => refusal.hint(),
            Self::UnlistedImports(imports) => imports.first().and_then(|import| import.hint.clone()),
            Self::NoLock => Some("give one with --lock (\"lock\"), or leave --frozen (\"frozen\") away".to_owned()),
            Self::NoCacheFolder => Some("say where with --cache".to_owned()),
            Self::NoConfigFolder => Some("set XDG_CONFIG_HOME or HOME".to_owned()),
            Self::Usage { .. }
            | Self::LocalFile { .. }
            | Self::ManifestFile { .. }
            | Self::LockFile { .. }
            | Self::Configuration { .. }
            | Self::Output { .. }
            | Self::Listen { .. }
            | Self::Internal { .. } => None,
        }
    }

    /// The packages that led here, the program's own dependency first; empty where nobody knows.
    pub(crate) fn chain(&self) -> &[String] {
        match self {
            Self::Registry(error) => error.chain(),
            Self::Bundler(_)
            | Self::Executor(_)
            | Self::Refused(_)
            | Self::UnlistedImports(_)
            | Self::Usage { .. }
            | Self::LocalFile { .. }
            | Self::ManifestFile { .. }
            | Self::LockFile { .. }
            | Self::NoLock
            | Self::Configuration { .. }
            | Self::NoCacheFolder
            | Self::NoConfigFolder
            | Self::Output { .. }
            | Self::Listen { .. }
            | Self::Internal { .. } => &[],
        }
    }

    /// What is wrong, place by place, where the error is a list of such.
    pub(crate) fn diagnostics(&self) -> &[Diagnostic] {
        match self {
            Self::UnlistedImports(diagnostics) | Self::Bundler(bundler::Error::Bundle(diagnostics)) => diagnostics,
            Self::Registry(_)
            | Self::Bundler(_)
            | Self::Executor(_)
            | Self::Refused(_)
            | Self::Usage { .. }
            | Self::LocalFile { .. }
            | Self::ManifestFile { .. }
            | Self::LockFile { .. }
            | Self::NoLock
            | Self::Configuration { .. }
            | Self::NoCacheFolder
            | Self::NoConfigFolder
            | Self::Output { .. }
            | Self::Listen { .. }
            | Self::Internal { .. } => &[],
        }
    }
}

fn first(diagnostics: &[Diagnostic]) -> String {
    match diagnostics {
        [] => "an import is not listed".to_owned(),
        [only] => located(only),
        [first, rest @ ..] => format!("{} (and {} more)", located(first), rest.len()),
    }
}

/// What is wrong, after as much of its place as is known.
pub(crate) fn located(diagnostic: &Diagnostic) -> String {
    let mut text = String::new();
    if let Some(file) = &diagnostic.file {
        text.push_str(file);
        for number in [diagnostic.line, diagnostic.line.and(diagnostic.column)].into_iter().flatten() {
            text.push_str(&format!(":{number}"));
        }
        text.push_str(": ");
    }
    text.push_str(&diagnostic.message);
    text
}
