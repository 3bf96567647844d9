//! What forking copies is renewed before guest code runs, and what was evaluated before is whole: generators, clocks, V8's own
//! tasks, a layer's memory.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::once::package;
use crate::registry::Registry;
use crate::serve::{Answer, Service};

/// How long a program may take to have a zygote of its own.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long zygotes live before they are looked at again.
const AGE: Duration = Duration::from_secs(3);

fn service(name: &str, sources: &[(&str, &str)], arguments: &[&str]) -> Service {
    let packages: BTreeMap<_, _> = sources.iter().map(|(name, source)| package(name, source)).collect();
    Service::start_with(name, arguments, Registry::with_packages(packages))
}

fn request(code: &str) -> Value {
    json!({"code": code, "auto": true})
}

/// The value of an answer that has one and whose program was evaluated as far as this before.
#[track_caller]
fn value_of(answer: &Answer, once: &str) -> Value {
    answer.assert(200, "/outcome", json!("value"));
    answer.assert(200, "/evaluated/once", json!(once));
    answer.json()["value"].clone()
}

/// Runs a program until it has a zygote of its own.
async fn until_kept(service: &Service, code: &str) {
    let started = Instant::now();
    loop {
        let answer = service.run(request(code)).await;
        answer.assert(200, "/outcome", json!("value"));
        let evaluated = &answer.json()["evaluated"];
        if evaluated["once"] == "program" {
            return;
        }
        assert!(evaluated.get("reason").is_none(), "{}", answer.text);
        assert!(started.elapsed() < PATIENCE, "{}", answer.text);
    }
}

const ENGINE_TASKS: &str = "
import { registry, collected } from 'collects';
const settled = async (waiting) => [waiting.async, await waiting.value];
export default async () => {
  const own = new Set();
  const ownRegistry = new FinalizationRegistry((held) => own.add(held));
  for (let index = 0; index < 100; index++) {
    ownRegistry.register({ index }, index);
    registry.register({ index }, index);
  }
  const shared = new Int32Array(new SharedArrayBuffer(16));
  const keepsAlive = setInterval(() => {}, 5);
  const notified = settled(Atomics.waitAsync(shared, 0, 0));
  const timedOut = settled(Atomics.waitAsync(shared, 1, 0, 20));
  setTimeout(() => Atomics.notify(shared, 0), 5);
  let garbage = [];
  for (let round = 0; (own.size === 0 || collected.size === 0) && round < 2000; round++) {
    garbage.push(new Array(200_000).fill(round));
    if (garbage.length > 8) garbage = [];
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const waited = [await notified, await timedOut];
  clearInterval(keepsAlive);
  return [own.size > 0, collected.size > 0, waited];
};";

#[tokio::test]
async fn finalizers_and_waits_work() {
    let source = "export const collected = new Set();\n\
        export const registry = new FinalizationRegistry((held) => collected.add(held));";
    let service = service("renewal-tasks", &[("collects", source)], &[]);
    let expected = json!([true, true, [[true, "ok"], [true, "timed-out"]]]);
    assert_eq!(value_of(&service.run(request(ENGINE_TASKS)).await, "layer"), expected);
    until_kept(&service, ENGINE_TASKS).await;
    assert_eq!(value_of(&service.run(request(ENGINE_TASKS)).await, "program"), expected);
    service.stop();
}

const TIMES: &str = "
import { atLoad, sinceLoad } from 'looks-at-clock';
export default () => ({
  date: Date.now(),
  origin: performance.timeOrigin,
  now: performance.now(),
  uptime: process.uptime() * 1000,
  hrtime: Number(process.hrtime.bigint()) / 1e6,
  atLoad,
  sinceLoad: sinceLoad(),
});";

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

/// Counts from the run's own start, but for what a package saw before, which is never in the future.
async fn check_times(service: &Service, once: &str) {
    let before = now();
    let answer = service.run(request(TIMES)).await;
    let after = now();
    let times = value_of(&answer, once);
    let time = |name: &str| times[name].as_f64().unwrap_or_else(|| panic!("{name}: {times}"));
    assert!((before - 1.0..=after + 1.0).contains(&time("date")), "{before} {times} {after}");
    assert!((time("origin") + time("now") - time("date")).abs() < 500.0, "{times}");
    // What the package had seen, and a run on a slow machine.
    let most = time("atLoad") + after - before + 1.0;
    for name in ["now", "uptime", "hrtime"] {
        assert!(time(name) > 0.0 && time(name) < most, "{name} of at most {most}: {times}");
    }
    assert!(time("sinceLoad") >= 0.0 && time("sinceLoad") < most, "{times}");
}

#[tokio::test]
async fn time_begins_with_the_run() {
    let source = "export const atLoad = performance.now();\n\
        const loaded = process.hrtime();\n\
        export const sinceLoad = () => { const [seconds, nanoseconds] = process.hrtime(loaded); return seconds * 1e3 + nanoseconds / 1e6; };";
    let service = service("renewal-times", &[("looks-at-clock", source)], &[]);
    check_times(&service, "layer").await;
    // Zygotes and children that wait ready grow old: that is what is looked at.
    tokio::time::sleep(AGE).await;
    check_times(&service, "layer").await;
    until_kept(&service, TIMES).await;
    tokio::time::sleep(AGE).await;
    for _ in 0..4 {
        check_times(&service, "program").await;
    }
    service.stop();
}

const CONTEXTS: &str = "
import vm from 'node:vm';
const draw = 'Math.random()';
export default () => {
  const context = vm.createContext({});
  const ownMath = vm.createContext({ Math: { random: () => 'the sandbox\\'s own' } });
  const said = vm.runInContext(draw, ownMath);
  const drawn = [
    vm.runInNewContext(draw),
    vm.runInNewContext(draw, { x: 1 }),
    vm.runInContext(draw, context),
    vm.runInContext(draw, context),
    new vm.Script(draw).runInContext(context),
    vm.compileFunction('return Math.random()', [], { parsingContext: context })(),
    vm.runInContext(draw, vm.createContext(vm.constants.DONT_CONTEXTIFY)),
    vm.runInNewContext(draw, {}, { contextCodeGeneration: { strings: false, wasm: false } }),
    vm.runInNewContext('new Array(3).fill().map(Math.random).join()'),
  ];
  const shape = vm.runInNewContext(`
    const { random } = Math;
    const { value, ...flags } = Object.getOwnPropertyDescriptor(Math, 'random');
    [random.constructor === Function, Object.getPrototypeOf(random) === Function.prototype, random.name, random.length,
      JSON.stringify(flags), random.constructor('return this')() === globalThis, 'prototype' in random].join();
  `);
  return { drawn, said, shape };
};";

#[tokio::test]
async fn contexts_of_vm_draw_their_own() {
    let service = service("renewal-contexts", &[], &[]);
    let mut seen = HashSet::new();
    for run in 0..12 {
        if run == 6 {
            until_kept(&service, CONTEXTS).await;
        }
        let answer = service.run(request(CONTEXTS)).await;
        answer.assert(200, "/outcome", json!("value"));
        let value = answer.json()["value"].clone();
        assert_eq!(value["said"], "the sandbox's own");
        let flags = "{\"writable\":true,\"enumerable\":false,\"configurable\":true}";
        assert_eq!(value["shape"], format!("true,true,random,0,{flags},true,false"));
        let drawn = value["drawn"].as_array().unwrap();
        assert_eq!(drawn.len(), 9);
        for one in drawn {
            assert!(one.as_str().is_some() || one.as_f64().is_some_and(|one| (0.0..1.0).contains(&one)), "{one}");
            assert!(seen.insert(one.to_string()), "{one} again, of {} drawn", seen.len());
        }
    }
    service.stop();
}

#[tokio::test]
async fn what_a_package_said_is_said_in_each_run() {
    let source = "console.log('said at load'); export default 'said';";
    let service = service("renewal-said", &[("says", source)], &[]);
    let code = "import said from 'says'; export default () => { console.log('said later'); return said; };";
    let check = |answer: &Answer, once: &str| {
        assert_eq!(value_of(answer, once), "said");
        let logs = answer.json()["logs"].clone();
        let texts: Vec<&str> = logs.as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap()).collect();
        assert_eq!(texts, ["said at load", "said later"], "{}", answer.text);
    };
    check(&service.run(request(code)).await, "layer");
    until_kept(&service, code).await;
    for _ in 0..3 {
        check(&service.run(request(code)).await, "program");
    }
    service.stop();
}

const LARGE: &str = "
import { bytes, objects } from 'large';
let runs = 0;
export default (input) => {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4096) sum += bytes[at];
  const last = objects.at(-1).name;
  bytes.fill(9, 0, 4096 * 2);
  objects.length = 10;
  return [++runs, sum, last, bytes[4096], objects.length];
};";

#[tokio::test]
async fn a_large_layer_is_whole_in_every_run() {
    let source = "export const bytes = new Uint8Array(50 << 20).fill(1);\n\
        export const objects = Array.from({ length: 300_000 }, (_, index) => ({ name: `object ${index}`, index }));";
    let service = service("renewal-large", &[("large", source)], &[]);
    let expected = json!([1, (50 << 20) / 4096, "object 299999", 9, 10]);
    assert_eq!(value_of(&service.run(request(LARGE)).await, "layer"), expected);
    until_kept(&service, LARGE).await;
    for _ in 0..3 {
        assert_eq!(value_of(&service.run(request(LARGE)).await, "program"), expected);
    }
    service.stop();
}

/// Packages that hurt while they are evaluated: what they do to the run that asks for them, and why they are not evaluated
/// once.
const HOSTILE: [(&str, &str, &str, &str); 7] = [
    ("endless", "for (;;);", "cpu", "takes longer than it may"),
    (
        "grows-heap",
        "export const kept = []; for (;;) kept.push(new Array(100_000).fill(0.5));",
        "heap",
        "ends its process",
    ),
    (
        "grows-text",
        "let text = 'x'; export const kept = []; for (;;) kept.push((text += text.slice(0, 99_999)).split(''));",
        "heap",
        "ends its process",
    ),
    (
        "grows-buffers",
        "export const kept = []; for (;;) kept.push(new Uint8Array(1 << 20).fill(1));",
        "buffers",
        "throws: RangeError",
    ),
    (
        "grows-wasm",
        "export const kept = []; for (;;) { const memory = new WebAssembly.Memory({ initial: 256 }); new Uint8Array(memory.buffer).fill(1); kept.push(memory); }",
        "buffers or memory",
        "",
    ),
    (
        "grows-blobs",
        "export const kept = []; for (;;) kept.push(new Blob([new Uint8Array(1 << 20).fill(1)]));",
        "buffers or memory",
        "",
    ),
    (
        "grows-files",
        "import { appendFileSync } from 'node:fs'; for (;;) appendFileSync('/tmp/x', 'x'.repeat(1 << 20));",
        "",
        "throws: Error: ENOSPC",
    ),
];

#[tokio::test]
async fn packages_that_hurt_while_they_are_evaluated_hurt_their_run_alone() {
    let sources: Vec<_> = HOSTILE.iter().map(|(name, source, ..)| (*name, *source)).collect();
    let limits = ["--cpu", "2s", "--wall", "40s", "--heap", "64MiB", "--buffers", "64MiB", "--memory", "64MiB"];
    let service = service("renewal-hostile", &sources, &limits);
    for (name, _, limit, reason) in HOSTILE {
        let body = request(&format!("import * as hurts from '{name}'; export default () => Object.keys(hurts);"));
        let neighbour = async {
            let started = Instant::now();
            for run in 0..5 {
                let code = format!("export default () => {run}");
                service.run(request(&code)).await.assert(200, "/value", json!(run));
            }
            assert!(started.elapsed() < Duration::from_secs(40), "{name}: {:?}", started.elapsed());
        };
        let (answer, ()) = tokio::join!(service.run(body.clone()), neighbour);
        for answer in [answer, service.run(body).await] {
            if limit.is_empty() {
                answer.assert(200, "/outcome", json!("threw"));
            } else {
                answer.assert(200, "/outcome", json!("limit"));
                let which = answer.json()["limit"]["which"].as_str().unwrap_or("none").to_owned();
                assert!(limit.split(" or ").any(|limit| limit == which), "{name}: {}", answer.text);
            }
            answer.assert(200, "/evaluated/once", json!("nothing"));
            let said = answer.json()["evaluated"]["reason"].as_str().unwrap_or_default().to_owned();
            assert!(!said.is_empty() && said.contains(reason), "{name}: {said:?}");
        }
    }
    service.stop();
}
