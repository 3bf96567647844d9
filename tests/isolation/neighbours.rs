//! Ordinary programs are answered, and in time, while hostile ones of every class run on the same service.

use std::cell::Cell;
use std::fs;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::iter;
use serde_json::json;

use super::{automatic, code, value};
use crate::registry::Registry;
use crate::serve::Service;
use crate::universe::testdata;

/// One of each class, each with a way of its own to take what others need.
const HOSTILE: [&str; 24] = [
    "abort.ts",
    "close-descriptors.ts",
    "file-flood.mjs",
    "forged-answers.ts",
    "log-flood.ts",
    "output-too-large.ts",
    "rejection-flood.ts",
    "scrypt-flood.ts",
    "starts-processes.mjs",
    "builtins/bigint-power.ts",
    "builtins/includes.ts",
    "builtins/json-parse-deep.ts",
    "builtins/text-encoder.ts",
    "loops/allocating.ts",
    "loops/await-microtasks.ts",
    "loops/finally.ts",
    "loops/promise-catch.ts",
    "memory/formatters.ts",
    "memory/map.ts",
    "memory/node-buffers.ts",
    "memory/object-urls.ts",
    "regex/polynomial.ts",
    "wasm/memory-fill.ts",
    "wasm/unrolled.ts",
];
/// Hostile programs at the same time: more than a small machine has cores.
const AT_ONCE: usize = 3;
/// How long an ordinary request may take beside them, on a machine that runs other tests too.
const IN_TIME: Duration = Duration::from_secs(5);
/// What every request of the service gets. Runs are enough for the hostile ones and a few more.
const LIMITS: [&str; 12] =
    ["--runs", "6", "--cpu", "1s", "--wall", "6s", "--heap", "64MiB", "--buffers", "64MiB", "--memory", "128MiB"];

const WITH_PACKAGES: &str = "
import { next } from 'counter';
import { kind } from 'dual';
export default async (input) => [input, next(), kind, await new Promise((done) => setTimeout(done, 1, 'waited'))];
";

#[tokio::test]
async fn ordinary_programs_are_answered_beside_hostile_ones() {
    let service = Service::start_with("neighbours", &LIMITS, Registry::start());
    value(&service.run(automatic(WITH_PACKAGES, json!(0))).await);
    let answered = Cell::new(0);
    let hostile = iter(HOSTILE).map(|name| run_hostile(&service, name)).buffer_unordered(AT_ONCE);
    tokio::select! {
        _ = hostile.collect::<Vec<_>>() => {}
        () = ask_for_ever(&service, &answered) => unreachable!("it asks until the others are done"),
    }
    // Each hostile program is longer at work than an ordinary one takes, or ends at once.
    assert!(answered.get() >= HOSTILE.len() / 2, "{} ordinary requests were answered", answered.get());
    service.stop();
}

async fn run_hostile(service: &Service, name: &str) {
    let text = fs::read_to_string(testdata("hostile").join(name)).unwrap();
    let entry = name.rsplit('/').next().expect("a split has a part");
    let input = json!({"folder": "/tmp", "parent": service.id()});
    let answer = service.run(json!({"files": {entry: text}, "entry": entry, "input": input})).await;
    assert_eq!(answer.status, 200, "{name}: {}", answer.text);
}

async fn ask_for_ever(service: &Service, answered: &Cell<usize>) {
    for number in 0.. {
        let started = Instant::now();
        let (request, expected) = match number % 3 {
            0 => (code("export default 'plain';"), json!("plain")),
            1 => (automatic(WITH_PACKAGES, json!(number)), json!([number, 1, "esm", "waited"])),
            _ => (code("export default { fetch: () => new Response('hi') };"), json!("hi")),
        };
        let answer = service.run(request).await;
        let taken = started.elapsed();
        let whole = answer.json();
        let found = whole.get("value").or(whole.pointer("/response/body"));
        assert_eq!((answer.status, found), (200, Some(&expected)), "{}", answer.text);
        assert!(taken < IN_TIME, "request {number} took {taken:?}: {}", answer.text);
        answered.set(answered.get() + 1);
    }
}
