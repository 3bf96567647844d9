//! The one way from a request to its outcome, the same for the command line and for HTTP:
//! scan, gather requirements, resolve, fetch, bundle, run.
//!
//! A request that imports no package never touches the cache. A cache that was opened for one request is closed before
//! guest code runs. Dropping the future ends everything, child processes included.

use std::collections::BTreeMap;

use bundler::{Bundle, BundleOptions, FileSource, Worker};
use executor::{Executor, Program, Report};
use registry_cache::{Manifest, Tree};

use crate::cache_access::{CacheAccess, Lease};
use crate::error::Error;
use crate::project::nearest_manifest;
use crate::requirements::{Requirements, Unlisted, gather, parse_manifest};
use crate::trace::{BundleFacts, Observer, Stage, Trace};

/// A program and what it may import.
pub(crate) struct Request {
    /// The program's file, as `files` names it.
    pub(crate) entry: String,
    /// The program's files.
    pub(crate) files: Box<dyn FileSource>,
    /// Requirements that go before all others.
    pub(crate) dependencies: Manifest,
    /// The manifest.
    pub(crate) manifest: ManifestSource,
    /// What to do about imports that nothing names a version of.
    pub(crate) unlisted: Unlisted,
}

/// Where a request's manifest is.
pub(crate) enum ManifestSource {
    /// In the nearest package.json at or above the entry, read only when a package is imported.
    Nearest,
    /// Here.
    Given(Manifest),
}

/// How a request ended, with its trace.
pub(crate) struct Answer {
    /// What happened on the way.
    pub(crate) trace: Trace,
    /// The report of the run, or why there was none.
    pub(crate) ending: Result<Report, Error>,
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        Self { trace: Trace::default(), ending: Err(error) }
    }
}

/// The engines behind the stages, with their settings.
pub(crate) struct Pipeline {
    /// How to start a bundler.
    pub(crate) bundler: bundler::WorkerCommand,
    /// What a bundler may use up.
    pub(crate) bundler_limits: bundler::Limits,
    /// Who runs programs.
    pub(crate) executor: Executor,
    /// What a program may use up.
    pub(crate) run_limits: executor::Limits,
    /// The cache.
    pub(crate) cache: CacheAccess,
}

/// The name of the bundle's module, below the virtual root.
const BUNDLE_NAME: &str = "main.js";

impl Pipeline {
    /// Runs a program. `input` is JSON text.
    pub(crate) async fn run(
        &self,
        request: Request,
        options: &BundleOptions,
        input: Option<String>,
        observer: &dyn Observer,
    ) -> Answer {
        let mut trace = Trace::default();
        let ending = self.build_and_run(request, options, input, &mut trace, observer).await;
        Answer { trace, ending }
    }

    async fn build_and_run(
        &self,
        request: Request,
        options: &BundleOptions,
        input: Option<String>,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Report, Error> {
        let bundle = self.build(request, options, trace, observer).await?;
        let program =
            Program { name: BUNDLE_NAME.to_owned(), code: bundle.code, source_map: Some(bundle.source_map), input };
        trace.time(Stage::Run, observer, self.executor.run(&program, &self.run_limits)).await
    }

    /// Bundles a program.
    pub(crate) async fn build(
        &self,
        request: Request,
        options: &BundleOptions,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Bundle, Error> {
        let Request { entry, mut files, dependencies, manifest, unlisted } = request;
        let (mut worker, imports) = trace
            .time(Stage::Scan, observer, async {
                let mut worker = Worker::spawn(&self.bundler, &self.bundler_limits).await?;
                let scan = worker.scan(&entry, options, &mut *files).await?;
                Ok::<_, bundler::Error>((worker, scan.imports))
            })
            .await?;
        if imports.is_empty() {
            let nothing = (Tree { mounts: Vec::new() }, Default::default());
            return bundle_packages(&mut worker, nothing, None, options, trace, observer).await;
        }
        let manifest = manifest.read(&entry, &mut *files, &dependencies)?;
        let named = dependencies.fallback(manifest);
        let mut requirements = gather(named, &imports, unlisted)?;
        trace.warnings.append(&mut requirements.warnings);
        let lease = trace.time(Stage::Open, observer, self.cache.open()).await?;
        match fetch_packages(&lease, &mut requirements, trace, observer).await {
            Ok(tree) => {
                bundle_packages(&mut worker, (tree, requirements.rewrites()), Some(lease), options, trace, observer)
                    .await
            }
            Err(error) => {
                // The first error is the one to report.
                let _ = lease.release().await;
                Err(error)
            }
        }
    }
}

impl ManifestSource {
    fn read(self, entry: &str, files: &mut dyn FileSource, nearer: &Manifest) -> Result<Manifest, Error> {
        match self {
            Self::Given(manifest) => Ok(manifest),
            Self::Nearest => match nearest_manifest(entry, files)? {
                Some((path, text)) => parse_manifest(&text, &path, nearer),
                None => Ok(Manifest::default()),
            },
        }
    }
}

async fn fetch_packages(
    lease: &Lease,
    requirements: &mut Requirements,
    trace: &mut Trace,
    observer: &dyn Observer,
) -> Result<Tree, Error> {
    let cache = lease.cache();
    let mut graph =
        trace.time_cached(Stage::Resolve, observer, cache.resolve(&requirements.manifest, observer)).await?;
    requirements.merge_aliases(&mut graph);
    let graph = trace.graph.insert(graph).clone();
    let packages = trace.time_cached(Stage::Fetch, observer, cache.fetch(&graph, observer)).await?;
    Ok(Tree::hoist(&graph, &packages)?)
}

/// Bundles while the cache is closed: a tree holds its files in memory.
async fn bundle_packages(
    worker: &mut Worker,
    (tree, rewrites): (Tree, BTreeMap<String, String>),
    lease: Option<Lease>,
    options: &BundleOptions,
    trace: &mut Trace,
    observer: &dyn Observer,
) -> Result<Bundle, Error> {
    let release = async {
        match lease {
            Some(lease) => lease.release().await,
            None => Ok(()),
        }
    };
    let bundle = async { Ok::<_, Error>(worker.bundle(&tree, &rewrites, options).await?) };
    let both = async { tokio::join!(bundle, release) };
    let (bundle, released) = trace.time(Stage::Bundle, observer, async { Ok::<_, Error>(both.await) }).await?;
    let mut bundle = bundle?;
    released?;
    trace.bundle = Some(BundleFacts { hash: bundle.hash(), bytes: bundle.code.len() });
    trace.warnings.append(&mut bundle.warnings);
    Ok(bundle)
}
