//! Hostile programs, `testdata/hostile/`: ways out, to files, processes, networks and the engine's inside. None reaches
//! anything of the host. Those that are told by how they end are in [`corpus`].

mod corpus;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::place::{CANARY, Finished, Place, finish};
use crate::registry::Registry;
use crate::serve::Service;
use crate::universe::testdata;

fn outcome_of(answer: &Value) -> String {
    let outcome = answer["outcome"].as_str().unwrap_or("none");
    match answer["limit"]["which"].as_str() {
        Some(which) => format!("{outcome}:{which}"),
        None => outcome.to_owned(),
    }
}

/// Copies a program into the place and runs it with `--json`.
fn run_program(place: &Place, name: &str, limits: &[String], input: Option<&Value>) -> Finished {
    place.write(name, fs::read(testdata("hostile").join(name)).unwrap());
    let mut command = place.hoist(&["run", name, "--json"]);
    command.args(limits);
    if let Some(input) = input {
        command.arg("--input").arg(input.to_string());
    }
    finish(command)
}

/// Limits for the programs that try many things, none of them costly.
fn patient_limits() -> Vec<String> {
    ["--cpu", "40s", "--wall", "60s", "--heap", "512MiB", "--buffers", "256MiB", "--memory", "512MiB"]
        .map(str::to_owned)
        .to_vec()
}

/// Asserts that nothing was reached, whatever else the program answered.
fn assert_nothing_reached(finished: &Finished) -> Value {
    let described = finished.describe();
    assert!(!finished.killed && finished.code() < 128, "{described}");
    let answer = finished.json().unwrap_or_else(|error| panic!("{error}\n{described}"));
    assert_nothing_came_out(&finished.stderr, &described);
    assert_reaches_nothing(&finished.stdout, &answer, &described)
}

#[track_caller]
fn assert_nothing_came_out(whole: &str, described: &str) {
    for text in [CANARY, "root:x:0", "content of the canary file"] {
        assert!(!whole.contains(text), "{text:?} came out\n{described}");
    }
}

#[track_caller]
fn assert_reaches_nothing(whole: &str, answer: &Value, described: &str) -> Value {
    assert_nothing_came_out(whole, described);
    assert_eq!(outcome_of(answer), "value", "{described}");
    let value = answer["value"].as_object().unwrap_or_else(|| panic!("not an object\n{described}"));
    let reached: Vec<_> = value
        .iter()
        .filter(|(_, result)| result.as_str().is_some_and(|result| result.starts_with("REACHED")))
        .collect();
    assert!(reached.is_empty(), "{reached:#?}\n{described}");
    answer["value"].clone()
}

/// A folder outside the project with one file in it.
fn canary_folder(place: &Place) -> Value {
    let folder = place.path("canary");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("canary.json"), "{\"text\":\"content of the canary file\"}").unwrap();
    json!({"folder": folder, "canary": folder.join("canary.json")})
}

fn assert_canary_untouched(place: &Place) {
    let names: Vec<_> = fs::read_dir(place.path("canary")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["canary.json"]);
    let text = fs::read_to_string(place.path("canary/canary.json")).unwrap();
    assert_eq!(text, "{\"text\":\"content of the canary file\"}");
}

#[test]
fn no_file_of_the_host_is_read() {
    let place = Place::new("reads-files");
    let input = canary_folder(&place);
    let finished = run_program(&place, "reads-files.mjs", &patient_limits(), Some(&input));
    let value = assert_nothing_reached(&finished);
    assert!(value.as_object().unwrap().len() > 100, "{value}");
    assert_canary_untouched(&place);
    place.passed();
}

#[test]
fn no_file_of_the_host_is_written() {
    let place = Place::new("writes-files");
    let input = canary_folder(&place);
    let finished = run_program(&place, "writes-files.mjs", &patient_limits(), Some(&input));
    assert_nothing_reached(&finished);
    assert_canary_untouched(&place);
    place.passed();
}

#[test]
fn no_variable_or_name_of_the_host_is_seen() {
    let place = Place::new("reads-environment");
    let finished = run_program(&place, "reads-environment.mjs", &patient_limits(), None);
    let value = assert_nothing_reached(&finished);
    let hostname = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let secrets = [
        env!("CARGO_BIN_EXE_hoist").to_owned(),
        env!("CARGO_MANIFEST_DIR").to_owned(),
        place.path("home").display().to_string(),
        place.path("cache").display().to_string(),
        std::env::var("PATH").unwrap(),
    ];
    let text = value.to_string();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        assert!(!text.contains(secret.as_str()), "{secret} came out\n{value:#}");
    }
    // It may be a short word, which others hold.
    let is_name = |letter: char| letter.is_alphanumeric() || letter == '-';
    let mut words = text.split(|letter: char| !is_name(letter));
    let hostname = hostname.trim();
    assert!(hostname == "localhost" || !words.any(|word| word == hostname), "{hostname} came out\n{value:#}");
    place.passed();
}

#[test]
fn no_process_is_started_or_signalled() {
    let place = Place::new("starts-processes");
    let mut input = canary_folder(&place);
    // Stands for any process of the host's: it must live on.
    let mut victim = Victim(Command::new("sleep").arg("300").stdin(Stdio::null()).spawn().unwrap());
    input["parent"] = json!(victim.0.id());
    let finished = run_program(&place, "starts-processes.mjs", &patient_limits(), Some(&input));
    assert_nothing_reached(&finished);
    assert!(victim.0.try_wait().unwrap().is_none(), "the other process was killed\n{}", finished.describe());
    assert_canary_untouched(&place);
    place.passed();
}

/// A process that ends with the test.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        self.0.kill().and_then(|()| self.0.wait()).expect("our own child can be killed");
    }
}

#[test]
fn no_network_is_reached() {
    let place = Place::new("uses-network");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    // The socket's own folder: a path of a socket holds 108 bytes.
    let folder = std::env::temp_dir().join(format!("hoist-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("socket");
    let socket = UnixListener::bind(&path).unwrap();
    socket.set_nonblocking(true).unwrap();
    let input = json!({"port": listener.local_addr().unwrap().port(), "path": path});
    let finished = run_program(&place, "uses-network.mjs", &patient_limits(), Some(&input));
    let called = [listener.accept().map(|_| ()), socket.accept().map(|_| ())];
    fs::remove_dir_all(&folder).unwrap();
    assert_nothing_reached(&finished);
    for call in called {
        assert_eq!(call.unwrap_err().kind(), ErrorKind::WouldBlock, "{}", finished.describe());
    }
    place.passed();
}

#[test]
fn code_from_text_has_the_same_globals() {
    let place = Place::new("code-from-text");
    let finished = run_program(&place, "code-from-text.mjs", &patient_limits(), None);
    assert_nothing_reached(&finished);
    place.passed();
}

#[test]
fn object_graph() {
    let place = Place::new("object-graph");
    let finished = run_program(&place, "object-graph.mjs", &patient_limits(), None);
    let value = assert_nothing_reached(&finished);
    let expected = json!({"found": [], "visible": [], "whole": true, "manyObjects": true, "manyGetters": true});
    assert_eq!(value, expected, "{value:#}");
    place.passed();
}

#[test]
fn a_deep_value_passes_or_is_refused() {
    let place = Place::new("deep-value");
    for depth in [100, 5_000, 200_000, 2_000_000] {
        let finished = run_program(&place, "deep-value.ts", &patient_limits(), Some(&json!(depth)));
        // Not parsed here: what reads the answer must not fall over its depth, and serde_json would refuse it.
        let outcome = finished.stdout.split('"').nth(3).unwrap_or("nothing");
        let allowed = ["value", "threw", "unserializable", "limit"].contains(&outcome);
        assert!(allowed && !finished.killed, "{depth}: {outcome}\n{}", finished.describe());
        assert!(depth > 100 || outcome == "value", "{depth}: {outcome}\n{}", finished.describe());
    }
    place.passed();
}

/// The same where runs are forks.
#[tokio::test]
async fn nothing_of_the_host_is_reached_from_a_service() {
    let place = Place::new("reaches-from-a-service");
    let mut input = canary_folder(&place);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    input["port"] = json!(listener.local_addr().unwrap().port());
    input["path"] = json!("/nowhere/socket");
    let limits = patient_limits();
    let limits: Vec<&str> = limits.iter().map(String::as_str).collect();
    let service = Service::start_with("reaches", &limits, Registry::start());
    input["parent"] = json!(service.id());
    for name in [
        "code-from-text.mjs",
        "object-graph.mjs",
        "reads-environment.mjs",
        "reads-files.mjs",
        "starts-processes.mjs",
        "uses-network.mjs",
        "writes-files.mjs",
    ] {
        let text = fs::read_to_string(testdata("hostile").join(name)).unwrap();
        let answer = service.run(json!({"files": {name: text}, "entry": name, "input": input})).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text);
        let value = assert_reaches_nothing(&answer.text, &answer.json(), &format!("{name}: {}", answer.text));
        assert!(name != "object-graph.mjs" || value["found"] == json!([]), "{value:#}");
    }
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_canary_untouched(&place);
    // The service was not killed: it answers.
    service.stop();
    place.passed();
}
