//! `hoist resolve`: which packages a manifest stands for, without fetching them.

use std::path::PathBuf;

use clap::Args;
use registry_cache::{Ahead, Lock, Manifest};

use crate::cli::{CacheArguments, Dependency};
use crate::error::Error;
use crate::given_lock::{GivenLock, LockArguments};
use crate::pipeline::Pipeline;
use crate::trace::{Observer, Stage, Trace};

/// `hoist resolve`.
#[derive(Debug, Args)]
pub(crate) struct ResolveArguments {
    /// A package.json, or a plain map from names to ranges [default: package.json, unless --dep names packages]
    #[arg(value_name = "MANIFEST")]
    pub(crate) manifest: Option<PathBuf>,
    /// A package; goes before the manifest
    #[arg(long = "dep", value_name = "NAME@RANGE")]
    pub(crate) dependencies: Vec<Dependency>,
    /// Print the lock, as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The lock.
    #[command(flatten)]
    pub(crate) lock: LockArguments,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

impl Pipeline {
    /// Resolves a manifest.
    pub(crate) async fn resolve(
        &self,
        manifest: &Manifest,
        given: &GivenLock,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Lock, Error> {
        let lease = trace.time(Stage::Open, observer, self.cache.open()).await?;
        let wanted = given.wanted(manifest)?;
        let resolution = lease.cache().resolve(wanted, Ahead::Nothing, observer);
        let resolved = trace.time_cached(Stage::Resolve, observer, resolution).await;
        let released = lease.release().await;
        // The first error is the one to report.
        let lock = Lock::new(resolved?, manifest);
        released?;
        Ok(trace.lock.insert(lock).clone())
    }
}

/// The packages of a lock, one a line.
pub(crate) fn lines(lock: &Lock) -> String {
    let mut names: Vec<String> = lock.graph().packages.values().map(|package| package.display() + "\n").collect();
    names.sort();
    names.dedup();
    names.concat()
}
