//! `hoist inspect`: what is known of a package without running it, and whether it will work here.
//!
//! Resolves and fetches like any request; a bundler worker looks at the sources, because they are hostile. The verdict is
//! read off the facts: a reason is one line that somebody who cannot see the package can act on.

use std::collections::{BTreeMap, BTreeSet};

use bundler::{Bundle, BundleOptions, FileSource, Inspection, PackageFacts, Worker};
use registry_cache::{Ahead, Graph, Manifest, Tree};
use serde::Serialize;

use crate::cache_access::Lease;
use crate::cli::Dependency;
use crate::error::{Error, located};
use crate::pipeline::Pipeline;
use crate::trace::{Observer, Stage, Trace};
use crate::units::show_bytes;

/// Modules of Node's of which something throws when it is used, with what does.
const REFUSED: &[(&str, &str)] = &[
    ("node:child_process", "starting a process throws"),
    ("node:cluster", "starting a process throws"),
    ("node:worker_threads", "starting a thread throws"),
    ("node:net", "there is no network: connecting and listening throw"),
    ("node:tls", "there is no network: connecting and listening throw"),
    ("node:dgram", "there is no network: sockets throw"),
    ("node:dns", "there is no network: looking up names throws"),
    ("node:dns/promises", "there is no network: looking up names throws"),
    ("node:http", "there is no network: requests and servers throw"),
    ("node:https", "there is no network: requests and servers throw"),
    ("node:http2", "there is no network: requests and servers throw"),
    ("node:inspector", "there is no debugger to speak to"),
    ("node:repl", "there is no terminal"),
];
/// Words in an install script that tell of native code.
const NATIVE_SCRIPTS: [&str; 6] = ["node-gyp", "prebuild", "node-pre-gyp", "cmake-js", "napi", "neon"];
/// Lines of a bundler's complaint that are worth reading.
const MOST_PROBLEMS: usize = 5;

/// Whether a package works here.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    /// Nothing speaks against it.
    Works,
    /// Some of it throws when it is used.
    WorksInPart,
    /// It cannot be imported, or is of no use without what it lacks here.
    DoesNotWork,
}

/// The report. Its JSON is the command's `--json`.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    name: String,
    version: String,
    licence: Option<String>,
    verdict: Verdict,
    /// Why it is not `works`, the worst first.
    reasons: Vec<String>,
    size: Size,
    /// Packages that come with it, itself included.
    packages: usize,
    entries: Vec<String>,
    /// Node's modules, with the packages that import them and where.
    builtins: BTreeMap<String, BTreeMap<String, String>>,
    /// The rest by package, for those that have any of it.
    native: BTreeMap<String, Vec<String>>,
    install_scripts: BTreeMap<String, BTreeMap<String, String>>,
    wasm: BTreeMap<String, Vec<String>>,
    /// Where code is made from text, which is allowed.
    evaluates: BTreeMap<String, BTreeMap<String, String>>,
    licences: BTreeMap<String, String>,
    /// Folders of packages whose files may be read while the main entry runs, which works: they are there read-only.
    read_at_run_time: Vec<String>,
    /// Whether every source that the entry points reach was read.
    complete: bool,
}

/// Bytes.
#[derive(Debug, Serialize)]
struct Size {
    tarball: Option<u64>,
    unpacked: u64,
    /// The package and everything below it, in one module with nothing shaken off; null when it does not bundle.
    bundled: Option<u64>,
}

impl Pipeline {
    /// Inspects a package.
    pub(crate) async fn inspect(&self, wanted: &Dependency, observer: &dyn Observer) -> Result<Report, Error> {
        let asked = BTreeMap::from([(wanted.name.clone(), wanted.range.clone())]);
        let manifest = Manifest::from_dependencies(&asked, "hoist inspect")?;
        let mut trace = Trace::default();
        let lease = trace.time(Stage::Open, observer, self.cache.open()).await?;
        let fetched = fetch(&lease, &manifest, &wanted.name, &mut trace, observer).await;
        let released = lease.release().await;
        // The first error is the one to report.
        let (graph, tree, tarball) = fetched?;
        released?;
        let mut worker = self.bundlers.take().await?;
        let inspection = trace.time(Stage::Scan, observer, worker.inspect(&tree, &wanted.name)).await?;
        let bundled = trace.time(Stage::Bundle, observer, bundle(&mut worker, &tree, &wanted.name)).await;
        report(&wanted.name, &graph, tarball, inspection, bundled)
    }
}

async fn fetch(
    lease: &Lease,
    manifest: &Manifest,
    name: &str,
    trace: &mut Trace,
    observer: &dyn Observer,
) -> Result<(Graph, Tree, Option<u64>), Error> {
    let cache = lease.cache();
    let graph = trace.time_cached(Stage::Resolve, observer, cache.resolve(manifest, Ahead::Packages, observer)).await?;
    let packages = trace.time_cached(Stage::Fetch, observer, cache.fetch(&graph, observer)).await?;
    let tree = Tree::hoist(&graph, &packages)?;
    let tarball = match graph.root.get(name).and_then(|id| graph.packages.get(id)) {
        Some(package) => cache.tarball_bytes(package).await?,
        None => None,
    };
    Ok((graph, tree, tarball))
}

/// A program that has the package and nothing else.
struct ImportsIt(String);

/// The program's file.
const PROGRAM: &str = "inspect.mjs";

impl FileSource for ImportsIt {
    fn read(&mut self, path: &str) -> std::io::Result<Option<Vec<u8>>> {
        let text = || format!("import * as it from {:?};\nexport default it;\n", self.0);
        Ok((path == PROGRAM).then(|| text().into_bytes()))
    }
}

/// The package's main entry as a run would have it.
async fn bundle(worker: &mut Worker, tree: &Tree, name: &str) -> Result<Bundle, bundler::Error> {
    let options = BundleOptions::run();
    worker.scan(PROGRAM, &options, &mut ImportsIt(name.to_owned())).await?;
    worker.bundle(tree, &BTreeMap::new(), &options).await
}

fn report(
    name: &str,
    graph: &Graph,
    tarball: Option<u64>,
    inspection: Inspection,
    bundled: Result<Bundle, Error>,
) -> Result<Report, Error> {
    let nobody = || Error::Internal { problem: format!("{name} is not in its own graph") };
    let package = graph.root.get(name).and_then(|id| graph.packages.get(id)).ok_or_else(nobody)?;
    let display = package.display();
    let facts = inspection.packages.get(&display).cloned().unwrap_or_default();
    let direct: BTreeSet<String> = package
        .dependencies
        .values()
        .filter_map(|id| graph.packages.get(id))
        .map(|package| package.display())
        .collect();
    let mut reasons = Reasons::default();
    match &bundled {
        Ok(_) => {}
        // There is a simpler reason.
        Err(Error::Bundler(_)) if inspection.entries.is_empty() => {}
        Err(error @ Error::Bundler(_)) => problems(error).for_each(|problem| reasons.fatal(problem)),
        // The package has no part in it.
        Err(_) => return Err(bundled.err().unwrap_or_else(nobody)),
    }
    if inspection.entries.is_empty() {
        reasons.fatal(format!("{display} has no JavaScript to import (no entry point leads to a file)"));
    }
    for (id, facts) in &inspection.packages {
        judge(id, facts, *id == display, direct.contains(id), &mut reasons);
    }
    if !inspection.is_complete {
        reasons.partial("it has more sources than an inspection reads: the rest is not judged".to_owned());
    }
    let bundle = bundled.ok();
    Ok(Report {
        name: package.name.clone(),
        version: package.version.clone(),
        licence: facts.licence,
        verdict: reasons.verdict(),
        reasons: reasons.lines(),
        size: Size {
            tarball,
            unpacked: facts.unpacked_bytes,
            bundled: bundle.as_ref().map(|bundle| bundle.code.len() as u64),
        },
        packages: inspection.packages.len(),
        entries: inspection.entries,
        builtins: builtins(&inspection.packages),
        native: of_each(&inspection.packages, |facts| (!facts.native.is_empty()).then(|| facts.native.clone())),
        install_scripts: of_each(&inspection.packages, |facts| {
            (!facts.install_scripts.is_empty()).then(|| facts.install_scripts.clone())
        }),
        wasm: of_each(&inspection.packages, |facts| (!facts.wasm.is_empty()).then(|| facts.wasm.clone())),
        evaluates: of_each(&inspection.packages, |facts| {
            let places = facts.evaluates.iter().map(|(what, place)| (what.clone(), place.to_string()));
            (!facts.evaluates.is_empty()).then(|| places.collect())
        }),
        licences: of_each(&inspection.packages, |facts| facts.licence.clone()),
        read_at_run_time: bundle.map(|bundle| bundle.read_at_run_time).unwrap_or_default(),
        complete: inspection.is_complete,
    })
}

/// What a bundler complains about, line by line.
fn problems(error: &Error) -> impl Iterator<Item = String> {
    let lines: Vec<String> = match error.diagnostics() {
        [] => vec![error.to_string()],
        diagnostics => diagnostics.iter().take(MOST_PROBLEMS).map(located).collect(),
    };
    lines.into_iter().map(|line| format!("it does not bundle: {}", line.lines().next().unwrap_or_default()))
}

#[derive(Default)]
struct Reasons {
    fatal: Vec<String>,
    partial: Vec<String>,
}

impl Reasons {
    fn fatal(&mut self, reason: String) {
        self.fatal.push(reason);
    }

    fn partial(&mut self, reason: String) {
        self.partial.push(reason);
    }

    fn verdict(&self) -> Verdict {
        match (self.fatal.is_empty(), self.partial.is_empty()) {
            (false, _) => Verdict::DoesNotWork,
            (true, false) => Verdict::WorksInPart,
            (true, true) => Verdict::Works,
        }
    }

    fn lines(self) -> Vec<String> {
        self.fatal.into_iter().chain(self.partial).collect()
    }
}

/// What a package's facts speak against.
fn judge(id: &str, facts: &PackageFacts, is_inspected: bool, is_direct: bool, reasons: &mut Reasons) {
    judge_native(id, facts, is_inspected, is_direct, reasons);
    for (builtin, consequence) in REFUSED {
        if let Some(place) = facts.builtins.get(*builtin) {
            reasons.partial(format!("{id} uses {builtin} ({place}): {consequence}"));
        }
    }
    for (file, problem) in &facts.broken {
        reasons.partial(format!("{id} has a source that cannot be parsed, {file}: {problem}"));
    }
}

fn judge_native(id: &str, facts: &PackageFacts, is_inspected: bool, is_direct: bool, reasons: &mut Reasons) {
    let script =
        facts.install_scripts.iter().find(|(_, script)| NATIVE_SCRIPTS.iter().any(|word| script.contains(word)));
    let sign = facts.native.first().cloned().or_else(|| script.map(|(name, script)| format!("{name}: {script}")));
    // A direct dependency that is made for one system, and is no JavaScript, is the package's own native half.
    let is_half = is_direct && !facts.platforms.is_empty() && (sign.is_some() || facts.sources == 0);
    let sign = sign.or_else(|| is_half.then(|| format!("for {} only", facts.platforms.join(" "))));
    if let Some(sign) = sign {
        let line = format!("{id} is or has native code ({sign}), which cannot be loaded or started here");
        if is_inspected || is_half {
            reasons.fatal(line)
        } else {
            reasons.partial(line)
        }
        return;
    }
    if let Some((name, script)) = facts.install_scripts.iter().next() {
        reasons.partial(format!(
            "{id} has an install script that is never run ({name}: {script}): what it fetches or builds is missing"
        ));
    }
}

fn builtins(packages: &BTreeMap<String, PackageFacts>) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut all: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (id, facts) in packages {
        for (builtin, place) in &facts.builtins {
            all.entry(builtin.clone()).or_default().insert(id.clone(), place.to_string());
        }
    }
    all
}

fn of_each<T>(
    packages: &BTreeMap<String, PackageFacts>,
    pick: impl Fn(&PackageFacts) -> Option<T>,
) -> BTreeMap<String, T> {
    packages.iter().filter_map(|(id, facts)| Some((id.clone(), pick(facts)?))).collect()
}

impl Report {
    /// The report as JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report holds nothing that JSON cannot")
    }

    /// The report for people.
    pub(crate) fn to_text(&self) -> String {
        let verdict = match self.verdict {
            Verdict::Works => "works",
            Verdict::WorksInPart => "works in part",
            Verdict::DoesNotWork => "does not work",
        };
        let mut text = format!("{}@{}: {verdict}\n", self.name, self.version);
        for reason in &self.reasons {
            text.push_str(&format!("  {reason}\n"));
        }
        let size = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), show_bytes);
        let rows = [
            ("licence", self.licence.clone().unwrap_or_else(|| "none named".to_owned())),
            (
                "size",
                format!(
                    "tarball {}, unpacked {}, bundled {}",
                    size(self.size.tarball),
                    show_bytes(self.size.unpacked),
                    self.size.bundled.map_or("not at all".to_owned(), show_bytes)
                ),
            ),
            ("packages", self.packages.to_string()),
            ("builtins", list(self.builtins.iter().map(|(name, users)| format!("{name} ({})", keys(users))))),
            ("native", list(self.native.iter().map(|(id, files)| format!("{id} ({})", files.join(" "))))),
            ("install scripts", keys(&self.install_scripts)),
            ("wasm", list(self.wasm.iter().map(|(id, files)| format!("{id} ({})", files.join(" "))))),
            ("eval", keys(&self.evaluates)),
            ("reads files of", self.read_at_run_time.join(", ")),
        ];
        for (name, value) in rows {
            if !value.is_empty() {
                text.push_str(&format!("{name:<16}{value}\n"));
            }
        }
        text
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn keys<T>(map: &BTreeMap<String, T>) -> String {
    list(map.keys().cloned())
}
