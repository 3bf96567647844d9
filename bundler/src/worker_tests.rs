use std::{sync::Arc, time::Instant};

use registry_cache::{Mount, PackageImage};

use super::*;
use crate::layer::LayerPlan;

/// The worker that the other tests start: this same test binary, told to run only this.
#[test]
#[ignore = "it is what the other tests start"]
fn worker_process() {
    let _ = crate::worker_main();
}

/// A program that hangs before it answers.
fn sleeper() -> WorkerCommand {
    WorkerCommand { program: "sleep".into(), arguments: vec!["60".into()] }
}

fn command() -> WorkerCommand {
    let arguments = ["--ignored", "--exact", "worker::tests::worker_process", "--nocapture"];
    WorkerCommand { program: std::env::current_exe().unwrap(), arguments: arguments.map(OsString::from).to_vec() }
}

/// Local files as they are in the test.
struct Given<'a>(&'a [(&'a str, &'a str)]);

impl FileSource for Given<'_> {
    fn read(&mut self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.iter().find(|(name, _)| *name == path).map(|(_, text)| text.as_bytes().to_vec()))
    }
}

async fn bundle(limits: &Limits, files: &[(&str, &str)]) -> Result<(Scan, Bundle), Error> {
    let mut worker = Worker::spawn(&command(), limits).await?;
    let scan = worker.scan(files[0].0, &mut Given(files)).await?;
    let tree = Tree { mounts: Vec::new() };
    let bundle = worker.bundle(&tree, &BTreeMap::new(), &BundleOptions::run()).await?;
    Ok((scan, bundle))
}

#[tokio::test]
async fn a_worker_scans_and_bundles() {
    let files = [
        ("src/a.ts", "import { b } from './b'; import fs from 'fs'; export default [b, fs]"),
        ("src/b.ts", "export const b = 1"),
    ];
    let (scan, bundle) = super::tests::bundle(&Limits::default(), &files).await.unwrap();
    assert_eq!(scan, Scan { imports: Vec::new(), plan: LayerPlan::Layer(Vec::new()) });
    assert!(bundle.code.contains("from \"node:fs\""), "{}", bundle.code);
    // The engine's own helpers import `node:module`.
    assert_eq!(bundle.builtins, ["node:fs", "node:module"]);
    assert!(bundle.source_map.contains("src/b.ts"));
    assert_eq!(bundle.hash().len(), 64);
}

fn mount(path: &str, package_id: &str, files: &[(&str, &str)]) -> Mount {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    let image = Arc::new(PackageImage::from_files(files).unwrap());
    Mount { path: path.to_owned(), package_id: package_id.to_owned(), image }
}

#[tokio::test]
async fn packages_reach_the_worker_as_descriptors() {
    // More than one message can carry.
    let names: Vec<String> = (0..300).map(|number| format!("p{number}")).collect();
    let mounts = names.iter().map(|name| {
        mount(
            &format!("node_modules/{name}"),
            &format!("{name}@1.0.0"),
            &[("index.js", &format!("module.exports = '{name}!'"))],
        )
    });
    let mut tree = Tree { mounts: mounts.collect() };
    let twice = Mount { path: "node_modules/p0/node_modules/p1".to_owned(), ..tree.mounts[1].clone() };
    tree.mounts.push(twice);
    let text = "import a from 'p0'; import b from 'p299'; export default [a, b]";
    let mut worker = Worker::spawn(&command(), &Limits::default()).await.unwrap();
    let scan = worker.scan("a.ts", &mut Given(&[("a.ts", text)])).await.unwrap();
    assert_eq!(scan.imports.iter().map(|import| import.package.as_str()).collect::<Vec<_>>(), ["p0", "p299"]);
    let bundle = worker.bundle(&tree, &BTreeMap::new(), &BundleOptions::run()).await.unwrap();
    assert!(bundle.code.contains("p0!") && bundle.code.contains("p299!"), "{}", bundle.code);
    let error = bundle_with(&tree, &Limits { packages: 300, ..Limits::default() }, text).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { knob: "packages", .. }), "{error}");
}

async fn bundle_with(tree: &Tree, limits: &Limits, text: &str) -> Result<Bundle, Error> {
    let mut worker = Worker::spawn(&command(), limits).await?;
    worker.scan("a.ts", &mut Given(&[("a.ts", text)])).await?;
    worker.bundle(tree, &BTreeMap::new(), &BundleOptions::run()).await
}

#[tokio::test]
async fn a_wrong_program_is_a_list_of_diagnostics() {
    let error = bundle(&Limits::default(), &[("a.ts", "import './b'"), ("b.ts", "const = 1")]).await.unwrap_err();
    let Error::Bundle(diagnostics) = &error else { panic!("{error}") };
    assert_eq!((diagnostics[0].code.as_str(), diagnostics[0].file.as_deref()), ("syntax-error", Some("b.ts")));
    let error = bundle(&Limits::default(), &[("a.ts", "import z from 'zod'; export default z")]).await.unwrap_err();
    let Error::Bundle(diagnostics) = &error else { panic!("{error}") };
    assert_eq!(diagnostics[0].package.as_deref(), Some("zod"));
}

#[tokio::test]
async fn limits_are_named() {
    let knob = |error: Error| match error {
        Error::TooLarge { knob, .. } => knob,
        other => panic!("{other}"),
    };
    let files = [("a.ts", "import './b'"), ("b.ts", "import './c'"), ("c.ts", "export default 'x'.repeat(3)")];
    let rounds = Limits { file_rounds: 2, ..Limits::default() };
    assert_eq!(knob(bundle(&rounds, &files).await.unwrap_err()), "file_rounds");
    let asked = Limits { files: 5, ..Limits::default() };
    assert_eq!(knob(bundle(&asked, &files).await.unwrap_err()), "files");
    let size = Limits { file_bytes: 8, ..Limits::default() };
    assert_eq!(knob(bundle(&size, &files).await.unwrap_err()), "file_bytes");
    let sum = Limits { local_bytes: 20, ..Limits::default() };
    assert_eq!(knob(bundle(&sum, &files).await.unwrap_err()), "local_bytes");
    let output = Limits { output_bytes: 8, ..Limits::default() };
    assert_eq!(knob(bundle(&output, &files).await.unwrap_err()), "output_bytes");
}

#[tokio::test]
async fn a_worker_that_takes_too_long_is_killed() {
    let limits = Limits { deadline: Duration::from_millis(100), ..Limits::default() };
    let mut worker = Worker::spawn(&sleeper(), &limits).await.unwrap();
    let started = Instant::now();
    let error = worker.scan("a.ts", &mut Given(&[])).await.unwrap_err();
    assert!(matches!(error, Error::Deadline { stage: Stage::Scan, .. }), "{error}");
    let status = worker.child.wait().await.unwrap();
    assert_eq!(status.signal(), Some(9));
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_worker_that_dies_is_reported_with_its_last_words() {
    let arguments = ["-c", "head -c 8 >/dev/null; echo alas >&2; exit 3"].map(OsString::from).to_vec();
    let command = WorkerCommand { program: "sh".into(), arguments };
    let mut worker = Worker::spawn(&command, &Limits::default()).await.unwrap();
    let error = worker.scan("a.ts", &mut Given(&[])).await.unwrap_err();
    let Error::WorkerDied { status, stderr, .. } = &error else { panic!("{error}") };
    assert_eq!((status.as_str(), stderr.as_str()), ("exit code 3", "alas\n"));
    let missing = WorkerCommand { program: "/nothing/here".into(), arguments: Vec::new() };
    assert_eq!(Worker::spawn(&missing, &Limits::default()).await.unwrap_err().code(), "bundler-spawn");
}

#[tokio::test]
async fn a_worker_that_sends_nonsense_is_not_believed() {
    let script = "exec >&0; head -c 8 >/dev/null; printf '\\377\\377\\377\\377\\377\\377\\377\\377'; sleep 60";
    let command = WorkerCommand { program: "sh".into(), arguments: ["-c", script].map(OsString::from).to_vec() };
    let mut worker = Worker::spawn(&command, &Limits::default()).await.unwrap();
    let error = worker.scan("a.ts", &mut Given(&[])).await.unwrap_err();
    assert!(matches!(error, Error::Protocol { .. }), "{error}");
}

#[tokio::test]
async fn sources_that_nest_too_deeply_end_in_a_named_error() {
    let nested = format!("export default {}1{}", "(".repeat(200_000), ")".repeat(200_000));
    let error = bundle(&Limits::default(), &[("a.js", &nested)]).await.unwrap_err();
    assert_eq!((error.code(), error.to_string().as_str()), ("source-too-deep", "a.js nests too deeply to be parsed"));
}
