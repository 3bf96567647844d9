//! Scenarios as data: every folder `testdata/scenarios/<group>/<name>/` holds a project and a `scenario.json` that says
//! what is run in it and what must come of it.
//!
//! Each scenario has a registry, a home and a cache of its own. `HOIST_SCENARIO=text` runs only those whose
//! `<group>/<name>` holds the text.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::place::{Finished, Place, copy_project, fill_in, finish};
use crate::registry::{Fault, Registry};
use crate::universe::testdata;

/// Scenarios of one group that run at the same time.
const AT_ONCE: usize = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    /// One sentence: given these packages and this entry, that answer.
    #[serde(rename = "about")]
    _about: String,
    /// Files beside those in the folder; `{{registry}}` and `{{place}}` in them are filled in.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Symbolic links in the project, by their paths, with their targets.
    #[serde(default)]
    links: BTreeMap<String, String>,
    /// The registry answers only to this bearer token.
    #[serde(default)]
    token: Option<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Arguments of the binary, filled in like files; or of node, if the first is `node`.
    run: Vec<String>,
    /// The folder to run in, below the project.
    #[serde(default)]
    folder: String,
    /// Variables set beside those of the place; null takes one away.
    #[serde(default)]
    environment: BTreeMap<String, Option<String>>,
    /// Wrong answers of the registry during this step, by package.
    #[serde(default)]
    faults: BTreeMap<String, Fault>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    exit: i32,
    /// The whole of stdout as JSON. Numbers are compared by their text.
    #[serde(default, deserialize_with = "present")]
    stdout: Option<Value>,
    /// The whole of stdout as text.
    text: Option<String>,
    /// The whole of stderr as text.
    stderr_text: Option<String>,
    /// What stderr must hold.
    #[serde(default)]
    stderr: Vec<String>,
    /// What neither stdout nor stderr may hold.
    #[serde(default)]
    never: Vec<String>,
    /// JSON pointers into stdout, and what must stand there; null also where nothing does.
    #[serde(default)]
    json: BTreeMap<String, Value>,
    /// JSON pointers into stdout, and what the text of the value there must hold.
    #[serde(default)]
    holds: BTreeMap<String, Vec<String>>,
    /// The requests that the registry saw in this step, by path.
    requests: Option<BTreeMap<String, usize>>,
    /// Files that must (true) or must not (false) stand below the place's folder afterwards.
    #[serde(default)]
    files: BTreeMap<String, bool>,
    /// So many milliseconds are enough.
    within_ms: Option<u64>,
}

/// Tells `null` from nothing.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[test]
fn entry() {
    run_group("entry");
}

#[test]
fn errors() {
    run_group("errors");
}

#[test]
fn codec() {
    run_group("codec");
}

#[test]
fn limits() {
    run_group("limits");
}

#[test]
fn layers() {
    run_group("layers");
}

#[test]
fn dependencies() {
    run_group("dependencies");
}

#[test]
fn mirror() {
    run_group("mirror");
}

#[test]
fn files() {
    run_group("files");
}

#[test]
fn local_files() {
    run_group("local-files");
}

#[test]
fn own_paths() {
    run_group("own-paths");
}

#[test]
fn modules() {
    run_group("modules");
}

#[test]
fn trees() {
    run_group("trees");
}

#[test]
fn bad_input() {
    run_group("bad-input");
}

#[test]
fn bundle_errors() {
    run_group("bundle-errors");
}

#[test]
fn platform() {
    run_group("platform");
}

#[test]
fn numbers() {
    run_group("numbers");
}

#[test]
fn cache() {
    run_group("cache");
}

#[test]
fn policy() {
    run_group("policy");
}

#[test]
fn inspect() {
    run_group("inspect");
}

#[test]
fn formats() {
    run_group("formats");
}

#[test]
fn bundle() {
    run_group("bundle");
}

#[test]
fn usage() {
    run_group("usage");
}

fn run_group(group: &str) {
    let wanted = std::env::var("HOIST_SCENARIO").unwrap_or_default();
    let mut names: Vec<String> = fs::read_dir(testdata("scenarios").join(group))
        .unwrap_or_else(|error| panic!("group {group}: {error}"))
        .map(|entry| format!("{group}/{}", entry.unwrap().file_name().to_str().unwrap()))
        .filter(|name| name.contains(&wanted))
        .collect();
    names.sort_by(|left, right| right.cmp(left));
    let waiting = Mutex::new(names);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    // A statement of its own, so that the lock is not held while the scenario runs.
                    let next = waiting.lock().unwrap().pop();
                    let Some(name) = next else { break };
                    if let Err(failure) = run_scenario(&name) {
                        failures.lock().unwrap().push(format!("== {name}: {failure}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n\n"));
}

fn run_scenario(name: &str) -> Result<(), String> {
    let folder = testdata("scenarios").join(name);
    let text = fs::read_to_string(folder.join("scenario.json")).map_err(|error| format!("scenario.json: {error}"))?;
    let scenario: Scenario = serde_json::from_str(&text).map_err(|error| format!("scenario.json: {error}"))?;
    let registry = scenario.token.clone().map_or_else(Registry::start, Registry::with_token);
    let place = Place::with_registry(name, &registry.url());
    let values = BTreeMap::from([
        ("registry", registry.url()),
        ("registry_host", registry.url().replace("http:", "")),
        ("place", place.path("").to_str().unwrap().trim_end_matches('/').to_owned()),
    ]);
    prepare(&place, &folder, &scenario, &values);
    for (number, step) in scenario.steps.iter().enumerate() {
        registry.set_faults(step.faults.clone());
        let finished = finish(command_of(&place, step, &values));
        check(&place, &registry, &step.expect, &finished)
            .map_err(|failure| format!("step {}: {failure}\n{}", number + 1, finished.describe()))?;
    }
    place.passed();
    Ok(())
}

fn prepare(place: &Place, folder: &Path, scenario: &Scenario, values: &BTreeMap<&str, String>) {
    copy_project(place, folder, "scenario.json");
    for (path, text) in &scenario.files {
        place.write(path, fill_in(text, values));
    }
    for (path, target) in &scenario.links {
        let link = place.path("project").join(path);
        fs::create_dir_all(link.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(fill_in(target, values), link).unwrap();
    }
}

fn command_of(place: &Place, step: &Step, values: &BTreeMap<&str, String>) -> std::process::Command {
    let arguments: Vec<String> = step.run.iter().map(|argument| fill_in(argument, values)).collect();
    let mut command = match arguments.split_first() {
        Some((program, rest)) if program == "node" => {
            let mut command = place.command("node");
            command.args(rest);
            command
        }
        _ => place.hoist(&arguments),
    };
    command.current_dir(place.path("project").join(&step.folder));
    for (variable, value) in &step.environment {
        match value {
            Some(value) => command.env(variable, fill_in(value, values)),
            None => command.env_remove(variable),
        };
    }
    command
}

fn check(place: &Place, registry: &Registry, expect: &Expect, finished: &Finished) -> Result<(), String> {
    let requests = registry.take_requests();
    if finished.killed {
        return Err("it did not end".to_owned());
    }
    equal("exit code", &finished.code(), &expect.exit)?;
    if let Some(text) = &expect.text {
        equal("stdout", &finished.stdout, text)?;
    }
    if let Some(text) = &expect.stderr_text {
        equal("stderr", &finished.stderr, text)?;
    }
    if let Some(value) = &expect.stdout {
        equal("stdout", &finished.json()?, value)?;
    }
    for fragment in &expect.stderr {
        if !finished.stderr.contains(fragment) {
            return Err(format!("stderr does not hold {fragment:?}"));
        }
    }
    for fragment in &expect.never {
        if finished.stdout.contains(fragment) || finished.stderr.contains(fragment) {
            return Err(format!("{fragment:?} was printed"));
        }
    }
    check_json(expect, finished)?;
    if let Some(expected) = &expect.requests {
        equal("requests", &requests, expected)?;
    }
    for (path, stands) in &expect.files {
        equal(path, &place.path(path).symlink_metadata().is_ok(), stands)?;
    }
    if expect.within_ms.is_some_and(|limit| finished.elapsed > Duration::from_millis(limit)) {
        return Err("it took too long".to_owned());
    }
    Ok(())
}

fn check_json(expect: &Expect, finished: &Finished) -> Result<(), String> {
    if expect.json.is_empty() && expect.holds.is_empty() {
        return Ok(());
    }
    let answer = finished.json()?;
    for (pointer, value) in &expect.json {
        equal(pointer, answer.pointer(pointer).unwrap_or(&Value::Null), value)?;
    }
    for (pointer, fragments) in &expect.holds {
        let text = match answer.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => return Err(format!("there is no {pointer}")),
        };
        for fragment in fragments {
            if !text.contains(fragment) {
                return Err(format!("{pointer} does not hold {fragment:?}"));
            }
        }
    }
    Ok(())
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, actual: &T, expected: &T) -> Result<(), String> {
    match actual == expected {
        true => Ok(()),
        false => Err(format!("{what}: expected {expected:?}, got {actual:?}")),
    }
}
