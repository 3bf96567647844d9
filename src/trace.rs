//! How far a request is, and what its stages took.

use std::future::Future;
use std::time::{Duration, Instant};

use bundler::Diagnostic;
use registry_cache::{CacheUse, Lock, Progress};

use crate::build::Modules;
use crate::error::Error;

/// Somebody who wants to know how far a request is.
pub(crate) trait Observer: Progress {
    /// A stage begins.
    fn stage(&self, _stage: Stage) {}
}

/// Nobody is watching.
impl Observer for () {}

/// The stages of a request, in order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    /// Reading the program's own files and their imports.
    Scan,
    /// Waiting for the cache and opening it.
    Open,
    /// From requirements to exact versions.
    Resolve,
    /// From versions to verified files.
    Fetch,
    /// From files to one module.
    Bundle,
    /// From the program's own files to a module that is linked to its layer.
    Link,
    /// Guest code.
    Run,
}

impl Stage {
    /// The stage's stable name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Scan => "scan",
            Self::Open => "open",
            Self::Resolve => "resolve",
            Self::Fetch => "fetch",
            Self::Bundle => "bundle",
            Self::Link => "link",
            Self::Run => "run",
        }
    }
}

/// What a stage took, and what the cache was good for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// The stage.
    pub(crate) stage: Stage,
    /// Its time on the wall.
    pub(crate) took: Duration,
    /// None for stages that the cache has no part in.
    pub(crate) cache: Option<CacheUse>,
}

/// What there is to say about a request however it ends.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// The stages so far, the failed one included.
    pub(crate) timings: Vec<Timing>,
    /// What was resolved, once it is.
    pub(crate) lock: Option<Lock>,
    /// The way that was taken, once it is decided.
    pub(crate) path: Option<Path>,
    /// The bundle's hash and size, once there is one.
    pub(crate) bundle: Option<BundleFacts>,
    /// What is suspicious.
    pub(crate) warnings: Vec<Diagnostic>,
}

/// The way from packages to modules.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Path {
    /// The program is linked to a layer.
    Layer,
    /// Everything is in one bundle.
    Bundle {
        /// Why it could not be linked, when that was wanted.
        reason: Option<String>,
    },
}

impl Path {
    /// The path's stable name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Layer => "layer",
            Self::Bundle { .. } => "bundle",
        }
    }

    /// Why it is not the other one, when that was wanted.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Layer => None,
            Self::Bundle { reason } => reason.as_deref(),
        }
    }
}

/// What identifies a bundle.
#[derive(Debug)]
pub(crate) struct BundleFacts {
    /// SHA-256 of the code, in hexadecimal.
    pub(crate) hash: String,
    /// The code's size.
    pub(crate) bytes: usize,
}

impl BundleFacts {
    /// Those of what a request was built into. A program that is linked to a layer is both modules.
    pub(crate) fn of(modules: &Modules) -> Self {
        match &modules.layer {
            None => Self { hash: modules.main.hash(), bytes: modules.main.code.len() },
            Some(layer) => Self {
                hash: format!("{}+{}", modules.main.hash(), layer.hash),
                bytes: modules.main.code.len() + layer.bytes,
            },
        }
    }
}

impl Trace {
    /// Takes the time of one stage.
    pub(crate) async fn time<T, E>(
        &mut self,
        stage: Stage,
        observer: &dyn Observer,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error>
    where
        Error: From<E>,
    {
        observer.stage(stage);
        let started = Instant::now();
        let result = work.await;
        self.timings.push(Timing { stage, took: started.elapsed(), cache: None });
        Ok(result?)
    }

    /// The same for what could have come from the cache and did not.
    pub(crate) async fn time_made<T, E>(
        &mut self,
        stage: Stage,
        observer: &dyn Observer,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Error>
    where
        Error: From<E>,
    {
        let made = self.time(stage, observer, work).await?;
        self.note_cache(CacheUse::Miss);
        Ok(made)
    }

    /// The same for a look into the cache, which is a stage only when something is there.
    pub(crate) async fn time_if<T>(
        &mut self,
        stage: Stage,
        observer: &dyn Observer,
        work: impl Future<Output = Result<Option<T>, Error>>,
    ) -> Result<Option<T>, Error> {
        let found = self.time(stage, observer, work).await?;
        match found {
            Some(_) => self.note_cache(CacheUse::Hit),
            None => drop(self.timings.pop()),
        }
        Ok(found)
    }

    /// The same for a stage that asks the cache.
    pub(crate) async fn time_cached<T>(
        &mut self,
        stage: Stage,
        observer: &dyn Observer,
        work: impl Future<Output = Result<registry_cache::Stage<T>, registry_cache::Error>>,
    ) -> Result<T, Error> {
        let answer = self.time(stage, observer, work).await?;
        self.note_cache(answer.cache);
        Ok(answer.value)
    }

    /// Says of the last stage what the cache was good for.
    fn note_cache(&mut self, cache: CacheUse) {
        if let Some(timing) = self.timings.last_mut() {
            timing.cache = Some(cache);
        }
    }
}
