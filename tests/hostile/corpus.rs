//! Every program ends with the outcome that its folder's `expected.json` names for it, in its time: on a service, whose
//! processes are forked, and those that are in no folder or try to get out also by the command, whose are not.
//!
//! What stands there under `*` goes for the programs of the folder that are not named; its arguments also for those that
//! name none. `HOIST_HOSTILE=text` runs only the programs whose path holds the text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use futures::StreamExt as _;
use futures::stream::iter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{outcome_of, run_program};
use crate::place::{Finished, Place};
use crate::registry::Registry;
use crate::serve::Service;
use crate::universe::{files_below, testdata};

/// What every program gets unless its arguments say otherwise: enough to start on a slow machine, little enough that the
/// whole folder takes no more than minutes.
const LIMITS: [&str; 10] =
    ["--cpu", "2s", "--wall", "25s", "--heap", "64MiB", "--buffers", "64MiB", "--memory", "128MiB"];
/// What a run may take beyond its limit.
const GRACE_MS: f64 = 1000.0;
/// Starting and ending the command itself, on a machine that runs other tests beside.
const COMMAND_MS: f64 = 1500.0;
/// An answer is bounded whatever the program does: the limits of output and logs, and what `--json` adds.
const ANSWER_BYTES: usize = 4 << 20;

/// What `expected.json` has for every program of a folder that it does not name.
const OTHERS: &str = "*";
/// Programs that another test runs, with an input of its own.
const ELSEWHERE: [&str; 8] = [
    "code-from-text.mjs",
    "deep-value.ts",
    "object-graph.mjs",
    "reads-environment.mjs",
    "reads-files.mjs",
    "starts-processes.mjs",
    "uses-network.mjs",
    "writes-files.mjs",
];
/// As many as the smallest machine has cores: processor time is what most of these programs are after.
const AT_ONCE: usize = 2;
/// What the issue asks for; the folder has more.
const PROGRAMS: usize = 60;

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Any of these; a limit as `limit:<which>`.
    outcomes: Vec<String>,
    /// Replacing those of [`LIMITS`] that they name.
    #[serde(default)]
    arguments: Vec<String>,
    /// The value, if the outcome is `value`.
    value: Option<Value>,
    /// Logs were cut off.
    #[serde(default)]
    truncated: bool,
}

#[tokio::test]
async fn programs_end_with_their_named_outcome_on_a_service() {
    let mut by_limits: BTreeMap<Vec<String>, Vec<(String, Expected)>> = BTreeMap::new();
    for (name, expected) in wanted() {
        by_limits.entry(merged_limits(&expected.arguments)).or_default().push((name, expected));
    }
    let mut failures = Vec::new();
    for (number, (limits, programs)) in by_limits.iter().enumerate() {
        let arguments: Vec<&str> = limits.iter().map(String::as_str).collect();
        let service = Service::start_with(&format!("hostile-{number}"), &arguments, Registry::start());
        let serve = async |(name, expected): &(String, Expected)| {
            serve_hostile(&service, name, expected, limits).await.map_err(|failure| format!("== {name}: {failure}"))
        };
        let ended: Vec<_> = iter(programs).map(serve).buffer_unordered(AT_ONCE).collect().await;
        failures.extend(ended.into_iter().filter_map(Result::err));
        let answer = service.run(json!({"code": "export default 'as ever';"})).await;
        answer.assert(200, "/value", json!("as ever"));
        service.stop();
    }
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n\n"));
}

async fn serve_hostile(service: &Service, name: &str, expected: &Expected, limits: &[String]) -> Result<(), String> {
    let text = fs::read_to_string(testdata("hostile").join(name)).unwrap();
    let answer = service.run(json!({"files": {name: text}, "entry": name})).await;
    let described = || answer.text.chars().take(2000).collect::<String>();
    if answer.status != 200 || answer.text.len() > ANSWER_BYTES {
        return Err(format!("status {}, {} bytes: {}", answer.status, answer.text.len(), described()));
    }
    check_answer(expected, limits, &answer.json()).map_err(|failure| format!("{failure}\n{}", described()))
}

/// The programs that are asked for, all unless some are.
fn wanted() -> BTreeMap<String, Expected> {
    let mut corpus = corpus();
    assert!(corpus.len() >= PROGRAMS, "{}", corpus.len());
    let wanted = std::env::var("HOIST_HOSTILE").unwrap_or_default();
    corpus.retain(|name, _| name.contains(&wanted));
    corpus
}

#[test]
fn programs_end_with_their_named_outcome() {
    let mut expected = wanted();
    expected.retain(|name, _| !name.contains('/') || name.starts_with("escape/"));
    let waiting = Mutex::new(expected.iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().next();
                    let Some((name, expected)) = next else { break };
                    if let Err(failure) = run_hostile(name, expected) {
                        failures.lock().unwrap().push(format!("== {name}: {failure}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n\n"));
}

/// Every program by its path, with what is expected of it. None is forgotten, and none is expected that is not there.
fn corpus() -> BTreeMap<String, Expected> {
    let root = testdata("hostile");
    let files = files_below(&root);
    let (said, programs): (Vec<_>, Vec<_>) = files.into_iter().partition(|(path, _)| path.ends_with("expected.json"));
    let folder = |path: &str| Path::new(path).parent().expect("a file's path").to_owned();
    let mut by_folder: BTreeMap<_, BTreeMap<String, Expected>> = BTreeMap::new();
    for (path, file) in said {
        let text = fs::read_to_string(file).unwrap();
        let expected = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
        by_folder.insert(folder(&path), expected);
    }
    let mut corpus = BTreeMap::new();
    for (path, _) in programs.into_iter().filter(|(path, _)| !ELSEWHERE.contains(&path.as_str())) {
        let expected =
            by_folder.get_mut(&folder(&path)).unwrap_or_else(|| panic!("{path} is in no folder of programs"));
        let name = Path::new(&path).file_name().and_then(|name| name.to_str()).expect("files_below gives text");
        let others = expected.get(OTHERS).cloned();
        let mut own = expected.remove(name).or_else(|| others.clone());
        if let (Some(own), Some(others)) = (&mut own, others)
            && own.arguments.is_empty()
        {
            own.arguments = others.arguments;
        }
        corpus.insert(path.clone(), own.unwrap_or_else(|| panic!("nothing is expected of {path}")));
    }
    let left = by_folder.values().flat_map(|expected| expected.keys()).find(|name| *name != OTHERS);
    assert_eq!(left, None, "there is no such program");
    corpus
}

fn run_hostile(name: &str, expected: &Expected) -> Result<(), String> {
    let place = Place::new(name);
    let limits = merged_limits(&expected.arguments);
    let finished = run_program(&place, name, &limits, None);
    check_hostile(expected, &limits, &finished).map_err(|failure| format!("{failure}\n{}", finished.describe()))?;
    place.passed();
    Ok(())
}

fn check_hostile(expected: &Expected, limits: &[String], finished: &Finished) -> Result<(), String> {
    if finished.killed || finished.code() >= 128 {
        return Err("it did not end with an exit code of ours".to_owned());
    }
    if finished.stdout.len() + finished.stderr.len() > ANSWER_BYTES {
        return Err(format!("{} bytes came out", finished.stdout.len() + finished.stderr.len()));
    }
    let answer = finished.json()?;
    check_answer(expected, limits, &answer)?;
    check_command(&answer, limits, finished)
}

fn check_answer(expected: &Expected, limits: &[String], answer: &Value) -> Result<(), String> {
    let outcome = outcome_of(answer);
    if !expected.outcomes.contains(&outcome) {
        return Err(format!("expected {:?}, got {outcome}", expected.outcomes));
    }
    if let (Some(value), "value") = (&expected.value, outcome.as_str())
        && answer["value"] != *value
    {
        return Err(format!("expected {value}, got {}", answer["value"]));
    }
    if expected.truncated != (answer["logs_truncated"] == json!(true)) {
        return Err("logs_truncated is not as expected".to_owned());
    }
    let limit = |name: &str| milliseconds_after(limits, name);
    let run = stage(answer, "run");
    if run > limit("--wall") + GRACE_MS {
        return Err(format!("the run took {run} ms"));
    }
    let processor = answer["usage"]["cpu_ms"].as_f64().unwrap_or_default();
    if outcome == "limit:cpu" && processor > limit("--cpu") + GRACE_MS {
        return Err(format!("it used {processor} ms of processor time"));
    }
    Ok(())
}

/// The command is over a second after the run's limit, by its own account and by ours.
fn check_command(answer: &Value, limits: &[String], finished: &Finished) -> Result<(), String> {
    let before: f64 = ["scan", "open", "resolve", "fetch", "bundle"].map(|name| stage(answer, name)).iter().sum();
    let measured = finished.elapsed.as_secs_f64() * 1000.0;
    if measured > before + milliseconds_after(limits, "--wall") + GRACE_MS + COMMAND_MS {
        return Err(format!("the command took {measured} ms, {before} of them before the run"));
    }
    Ok(())
}

/// What a stage took, in milliseconds.
fn stage(answer: &Value, wanted: &str) -> f64 {
    let timings = answer["timings"].as_array().expect("timings");
    timings.iter().filter(|timing| timing["stage"] == *wanted).filter_map(|timing| timing["ms"].as_f64()).sum()
}

fn merged_limits(arguments: &[String]) -> Vec<String> {
    let mut limits = LIMITS.map(str::to_owned).to_vec();
    for pair in arguments.chunks(2) {
        match limits.iter().position(|argument| *argument == pair[0]) {
            Some(position) => limits[position + 1].clone_from(&pair[1]),
            None => limits.extend_from_slice(pair),
        }
    }
    limits
}

fn milliseconds_after(limits: &[String], name: &str) -> f64 {
    let position = limits.iter().position(|argument| argument == name).expect("every program has this limit");
    let text = &limits[position + 1];
    match text.strip_suffix("ms") {
        Some(number) => number.parse().expect("milliseconds"),
        None => text.trim_end_matches('s').parse::<f64>().expect("seconds") * 1000.0,
    }
}
