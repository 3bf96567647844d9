//! `hoist prewarm`: resolves, fetches and pins, so that the first run finds everything.
//!
//! What is there already costs a look at its record: nothing is unpacked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use registry_cache::{Ahead, Cache, Graph, HeldBack, LockedPackage, Manifest, Pins};
use serde::Serialize;

use crate::cache_access::CacheAccess;
use crate::error::Error;
use crate::mirror_arguments::PrewarmArguments;
use crate::reply::TimingReply;
use crate::trace::{Observer, Stage, Trace};
use crate::wanted::{self, Wanted};

/// What was done. Its JSON is the command's `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Prewarmed {
    files: Vec<Done>,
    /// What all files stand for together.
    graph: Together,
    timings: Vec<TimingReply>,
    /// Versions that were not taken because they are too young.
    held_back: BTreeSet<HeldBack>,
    warnings: Vec<String>,
}

/// One file.
#[derive(Debug, Serialize)]
struct Done {
    file: String,
    /// Tarballs.
    packages: usize,
}

#[derive(Debug, Default, Serialize)]
struct Together {
    packages: BTreeMap<String, LockedPackage>,
}

/// Does it.
pub(crate) async fn prewarm(arguments: &PrewarmArguments, observer: &dyn Observer) -> Result<Prewarmed, Error> {
    let config = wanted::cache_config(&arguments.wanted, arguments.cache.clone())?;
    let wanted = wanted::read(&arguments.wanted, &arguments.lock, observer).await?;
    let mut trace = Trace::default();
    let lease = trace.time(Stage::Open, observer, CacheAccess::Brief(config).open()).await?;
    let outcome = keep_all(lease.cache(), wanted, &mut trace, observer).await;
    let released = lease.release().await;
    // The first error is the one to report.
    let prewarmed = outcome?;
    released?;
    Ok(prewarmed)
}

async fn keep_all(
    cache: &Cache,
    wanted: Vec<Wanted>,
    trace: &mut Trace,
    observer: &dyn Observer,
) -> Result<Prewarmed, Error> {
    let (mut files, mut together) = (Vec::new(), Together::default());
    let (mut held_back, mut warnings) = (BTreeSet::new(), Vec::new());
    for Wanted { file, manifest, lock } in wanted {
        let wanted = lock.wanted(&manifest)?;
        let graph =
            trace.time_cached(Stage::Resolve, observer, cache.resolve(wanted, Ahead::Tarballs, observer)).await?;
        let keeping = async {
            let cache = cache.keep(&graph, observer).await?;
            Ok(registry_cache::Stage { value: (), cache })
        };
        trace.time_cached(Stage::Fetch, observer, keeping).await?;
        pin(cache, &file, &manifest, &graph).await?;
        let tarballs: BTreeSet<&String> = graph.packages.values().map(|package| &package.integrity).collect();
        files.push(Done { file: file.display().to_string(), packages: tarballs.len() });
        together.packages.extend(graph.packages);
        held_back.extend(graph.held_back);
        warnings.extend(graph.warnings);
    }
    Ok(Prewarmed { files, graph: together, timings: TimingReply::all_of(trace), held_back, warnings })
}

/// Keeps a file's packages from being collected, until the file asks for others.
async fn pin(cache: &Cache, file: &Path, manifest: &Manifest, graph: &Graph) -> Result<(), Error> {
    let set = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let pins = Pins { manifests: vec![manifest.clone()], ..Pins::of(graph) };
    Ok(cache.pin(&set.display().to_string(), &pins).await?)
}

impl Prewarmed {
    /// For machines.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("plain data is JSON")
    }

    /// For people.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        for warning in &self.warnings {
            text.push_str(&format!("warning: {warning}\n"));
        }
        for HeldBack { package, version, taken, old_enough_at } in &self.held_back {
            text.push_str(&format!(
                "note: {package}@{version} is held back until {old_enough_at}; {taken} was taken\n"
            ));
        }
        for Done { file, packages } in &self.files {
            text.push_str(&format!("{file}: {packages} packages are there\n"));
        }
        let took: Vec<String> = self.timings.iter().map(TimingReply::to_text).collect();
        text.push_str(&format!("{}\n", took.join(", ")));
        text
    }
}
