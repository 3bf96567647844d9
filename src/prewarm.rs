//! `hoist prewarm`: resolves, fetches and pins, so that the first run finds everything.
//!
//! What is there already costs a look at its record: nothing is unpacked.

use std::path::Path;
use std::time::{Duration, Instant};

use registry_cache::{Ahead, Cache, CacheUse, Graph, Manifest, Pins};
use serde::Serialize;

use crate::cache_access::CacheAccess;
use crate::error::Error;
use crate::mirror_arguments::PrewarmArguments;
use crate::trace::Observer;
use crate::wanted::{self, Wanted};

/// What was done. Its JSON is the command's `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Prewarmed {
    sets: Vec<Set>,
    /// Packages in all sets together.
    packages: usize,
    /// From opening the cache to closing it.
    total_ms: f64,
}

/// What was done for one file.
#[derive(Debug, Serialize)]
struct Set {
    file: String,
    packages: usize,
    resolve: Step,
    fetch: Step,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Step {
    ms: f64,
    cache: &'static str,
}

impl Step {
    fn new(took: Duration, cache: CacheUse) -> Self {
        let cache = match cache {
            CacheUse::Hit => "hit",
            CacheUse::Revalidated => "revalidated",
            CacheUse::Miss => "miss",
        };
        Self { ms: milliseconds(took), cache }
    }
}

/// Does it.
pub(crate) async fn prewarm(arguments: &PrewarmArguments, observer: &dyn Observer) -> Result<Prewarmed, Error> {
    let config = wanted::cache_config(&arguments.wanted, arguments.cache.clone())?;
    let wanted = wanted::read(&arguments.wanted, &arguments.lock, observer).await?;
    let started = Instant::now();
    let lease = CacheAccess::Brief(config).open().await?;
    let outcome = keep_all(lease.cache(), wanted, observer).await;
    let released = lease.release().await;
    // The first error is the one to report.
    let (sets, packages) = outcome?;
    released?;
    Ok(Prewarmed { sets, packages, total_ms: milliseconds(started.elapsed()) })
}

async fn keep_all(cache: &Cache, wanted: Vec<Wanted>, observer: &dyn Observer) -> Result<(Vec<Set>, usize), Error> {
    let mut sets = Vec::new();
    let mut packages = std::collections::BTreeSet::new();
    for Wanted { file, manifest, lock } in wanted {
        let started = Instant::now();
        let graph = cache.resolve(lock.wanted(&manifest)?, Ahead::Tarballs, observer).await?;
        let resolve = Step::new(started.elapsed(), graph.cache);
        let started = Instant::now();
        let fetched = cache.keep(&graph.value, observer).await?;
        let fetch = Step::new(started.elapsed(), fetched);
        pin(cache, &file, &manifest, &graph.value).await?;
        packages.extend(graph.value.packages.values().map(|package| package.display()));
        let names = graph.value.packages.values().map(|package| package.display());
        let names: std::collections::BTreeSet<String> = names.collect();
        sets.push(Set {
            file: file.display().to_string(),
            packages: names.len(),
            resolve,
            fetch,
            warnings: graph.value.warnings,
        });
    }
    cache.flush().await?;
    Ok((sets, packages.len()))
}

/// Keeps a file's packages from being collected, until the file asks for others.
async fn pin(cache: &Cache, file: &Path, manifest: &Manifest, graph: &Graph) -> Result<(), Error> {
    let pins = Pins { manifests: vec![manifest.clone()], ..Pins::of(graph) };
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    Ok(cache.pin(&file.display().to_string(), &pins).await?)
}

impl Prewarmed {
    /// For machines.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data is JSON")
    }

    /// For people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for set in &self.sets {
            for warning in &set.warnings {
                text.push_str(&format!("warning: {warning}\n"));
            }
            let how = match (set.resolve.cache, set.fetch.cache) {
                ("hit", "hit") => "all of them were there",
                (_, "hit") => "resolved anew, all of them were there",
                (_, _) => "fetched and verified",
            };
            text.push_str(&format!("{}: {} packages, {how}\n", set.file, set.packages));
        }
        text
    }
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
