//! `hoist bench-adapter`: hoist as a peer of the side-by-side benchmark, one JSON request a line on the standard input, one
//! JSON reply a line on the standard output.
//!
//! It does what a service does, with the same pipeline; only the way in is another one, which [`fn@echo`] measures by itself.
//! Who starts it is trusted: its requests name a registry and a cache's folder, and are not bounded. What changes the
//! state (a program is built, a cache is opened) is done in the order of the requests; runs of what is built overlap.

mod echo;
mod wire;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bundler::{BundleOptions, Minify};
use executor::{Held, Outcome, Report};
use registry_cache::{Cache, Manifest};
use tokio::task::{JoinError, JoinSet};

use self::wire::{Asked, Files, Refused, Reply, Workload, requests, send};
use crate::build::Way;
use crate::cache_access::CacheAccess;
use crate::cli::CacheArguments;
use crate::config::{CacheConfig, Environment};
use crate::error::Error;
use crate::given_lock::GivenLock;
use crate::pipeline::{Call, ManifestSource, Pipeline, Prepared, Request};
use crate::project::{RelativePath, SentFiles};
use crate::reply::ErrorReply;
use crate::requirements::Unlisted;
use crate::trace::{Stage, Trace};

pub(crate) use self::echo::echo;

/// The name of a workload's program.
const ENTRY: &str = "index.mjs";

/// A service of one client.
struct Adapter {
    pipeline: Pipeline,
    /// The cache that is open.
    open: Option<Open>,
    /// The last program, and what it was made of.
    last: Option<(Workload, Arc<Prepared>)>,
    /// How often nothing was to be known but packages.
    relinks: u64,
    /// Runs that have answered and stay alive.
    held: Vec<Held>,
}

/// A cache, and what it was opened for.
struct Open {
    cache: Arc<Cache>,
    folder: PathBuf,
    registry: String,
    least_age: Duration,
}

/// Answers until the input ends.
pub(crate) async fn serve(pipeline: Pipeline) -> Result<(), Error> {
    pipeline.bundlers.replenish();
    pipeline.executor.prepare().await?;
    let mut adapter = Adapter { pipeline, open: None, last: None, relinks: 0, held: Vec::new() };
    let mut requests = requests();
    let mut runs = JoinSet::new();
    send(&Reply::hello("hoist"))?;
    loop {
        let asked = tokio::select! {
            asked = requests.recv() => asked,
            Some(sent) = runs.join_next() => {
                ended(sent)?;
                continue;
            }
        };
        let Some(asked) = asked.transpose()? else { break };
        match asked.op.as_str() {
            "hot" => {
                let (id, hot) = (asked.id, adapter.hot(asked));
                runs.spawn(async move { send(&Reply::to(id, run(hot).await)) });
            }
            "quit" => {
                while let Some(sent) = runs.join_next().await {
                    ended(sent)?;
                }
                send(&Reply::to(asked.id, Ok(Reply::default())))?;
                break;
            }
            _ => {
                let id = asked.id;
                send(&Reply::to(id, adapter.answer(asked).await))?;
            }
        }
    }
    // Without a `quit` nobody is left to hear of these.
    runs.shutdown().await;
    adapter.close().await;
    Ok(())
}

impl Adapter {
    /// What is not `hot`.
    async fn answer(&mut self, asked: Asked) -> Result<Reply, Refused> {
        match asked.op.as_str() {
            // The folder of the last cache has been removed.
            "prepare" => {
                self.close().await;
                Ok(Reply::default())
            }
            "cold" => self.run_new(asked, Way::Layered(BundleOptions::run())).await,
            "warm" if asked.relink => {
                // What is kept of resolutions is kept by policy: with another one, nothing but packages and packuments counts.
                self.relinks += 1;
                self.run_new(asked, Way::Compared(BundleOptions::run())).await
            }
            "warm" => self.run_new(asked, Way::Layered(BundleOptions::run())).await,
            "bundle" => self.bundle(&asked).await,
            "hold" => self.hold(asked).await,
            "release" => {
                self.held.clear();
                Ok(Reply::default())
            }
            operation => Err(Refused::Unsupported(format!("there is no operation {operation}"))),
        }
    }

    /// A new program, built and run.
    async fn run_new(&mut self, asked: Asked, way: Way) -> Result<Reply, Refused> {
        let Asked { workload, input, registry, cache_dir, .. } = asked;
        let (Some(workload), Some(registry), Some(folder)) = (workload, registry, cache_dir) else {
            return Err(Refused::Failed("there is no workload, no registry or no cacheDir".to_owned()));
        };
        if !workload.dependencies.is_empty() {
            self.open(&registry, &folder).await?;
        }
        let mut trace = Trace::default();
        let call = Call { input: input.map(|input| input.get().to_owned()), ..Call::default() };
        let request = request(&workload)?;
        let run = async {
            let prepared = self.pipeline.prepare(request, &way, call, &mut trace, &()).await?;
            let report = trace.time(Stage::Run, &(), prepared.run()).await?;
            Ok::<_, Error>((prepared, report))
        };
        let ran = run.await;
        self.pipeline.bundlers.replenish();
        let (prepared, report) = ran?;
        self.last = Some((workload, Arc::new(prepared)));
        Ok(Reply { result: Some(result(&report)?), ..Reply::of_trace(&trace) })
    }

    /// The last program, with this input.
    fn hot(&mut self, asked: Asked) -> Result<Arc<Prepared>, Refused> {
        let Some((_, prepared)) = &mut self.last else { return Err(nothing_built()) };
        let input = asked.input.as_ref().map(|input| input.get());
        if prepared.input() != input {
            *prepared = Arc::new(prepared.with_input(input.map(str::to_owned)));
        }
        Ok(prepared.clone())
    }

    /// Runs the last program `k` times and keeps the processes.
    async fn hold(&mut self, asked: Asked) -> Result<Reply, Refused> {
        let runs = asked.k;
        let prepared = self.hot(asked)?;
        let mut last = None;
        for _ in 0..runs {
            let (report, held) = prepared.hold().await.map_err(Error::from)?;
            last = Some(result(&report)?);
            self.held.push(held);
        }
        Ok(Reply { result: last, live: Some(self.held.len()), ..Reply::default() })
    }

    /// Writes the last program as `hoist bundle` does, and minified.
    async fn bundle(&mut self, asked: &Asked) -> Result<Reply, Refused> {
        let Some((workload, _)) = &self.last else { return Err(nothing_built()) };
        let Some(folder) = &asked.cache_dir else { return Err(Refused::Failed("there is no cacheDir".to_owned())) };
        let write = async |name: &str, minify: Minify| {
            let way = Way::Whole(BundleOptions { minify, ..BundleOptions::bundle() });
            let built = self.pipeline.build(request(workload)?, &way, &mut Trace::default(), &()).await?;
            let path = folder.join(name);
            let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, &built.main.code));
            written.map_err(|error| Error::Output { path: path.clone(), problem: error.to_string() })?;
            Ok::<_, Refused>(path)
        };
        let plain = write("size-plain.mjs", Minify::Off).await?;
        let minified = write("size-minified.mjs", Minify::On).await?;
        self.pipeline.bundlers.replenish();
        Ok(Reply { files: Some(Files { plain, minified }), ..Reply::default() })
    }

    /// Has the cache in this folder open, under a policy that no relinked program was resolved under before.
    async fn open(&mut self, registry: &str, folder: &Path) -> Result<(), Error> {
        let least_age = Duration::from_secs(self.relinks);
        let is_it = |open: &Open| open.folder == folder && open.registry == registry && open.least_age == least_age;
        if self.open.as_ref().is_some_and(is_it) {
            return Ok(());
        }
        self.close().await;
        // Nothing of the machine's own settings: every peer is given the registry and nothing else.
        let environment = Environment::new([(OsString::from("npm_config_registry"), OsString::from(registry))]);
        let flags = CacheArguments {
            folder: Some(folder.to_owned()),
            min_release_age: Some(least_age),
            ..CacheArguments::default()
        };
        let config = CacheConfig::new(environment, flags, folder.to_owned());
        let cache = Arc::new(Cache::open(config.options()?).await?);
        self.pipeline.cache = CacheAccess::Held(cache.clone());
        self.open = Some(Open { cache, folder: folder.to_owned(), registry: registry.to_owned(), least_age });
        Ok(())
    }

    /// Lets go of the cache. Its folder may be gone, so that it cannot say that all is well.
    async fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let nobodys = CacheConfig::new(Environment::default(), CacheArguments::default(), open.folder);
        self.pipeline.cache = CacheAccess::Brief(nobodys);
        if let Some(cache) = Arc::into_inner(open.cache) {
            let _ = cache.close().await;
        }
    }
}

async fn run(prepared: Result<Arc<Prepared>, Refused>) -> Result<Reply, Refused> {
    let report = prepared?.run().await.map_err(Error::from)?;
    Ok(Reply { result: Some(result(&report)?), ..Reply::default() })
}

fn ended(run: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    run.map_err(|error| Error::Internal { problem: error.to_string() })?
}

/// A workload as the request that a client of the service would send.
fn request(workload: &Workload) -> Result<Request, Error> {
    let entry = RelativePath::parse(ENTRY).expect("it is a plain name");
    let mut files = SentFiles::default();
    let added = files.add(entry, workload.source.clone());
    debug_assert!(added, "it is the first file");
    Ok(Request {
        entry: ENTRY.to_owned(),
        data: files.to_vec(),
        files: Box::new(files),
        dependencies: Manifest::from_dependencies(&workload.dependencies, "dependencies")?,
        manifest: ManifestSource::Nearest,
        lock: GivenLock::default(),
        unlisted: Unlisted::Refuse,
    })
}

/// What a program answered, as JSON text.
fn result(report: &Report) -> Result<Box<serde_json::value::RawValue>, Refused> {
    let text = match &report.outcome {
        Outcome::Value(json) => json.clone(),
        Outcome::Response(response) => String::from_utf8_lossy(&response.body).into_owned(),
        outcome => {
            let error = ErrorReply::of_outcome(outcome);
            return Err(Refused::Failed(error.map_or_else(String::new, |error| {
                format!("{}: {} {}", error.code, error.headline(), error.stack.unwrap_or_default())
            })));
        }
    };
    wire::one_line(text).map_err(|error| Refused::Failed(format!("the answer is not JSON: {error}")))
}

fn nothing_built() -> Refused {
    Refused::Failed("no program was built before".to_owned())
}
