//! Nothing of one run is there in another, whatever the two have in common: a service, packages, a program.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::join_all;
use serde_json::{Value, json};

use super::{automatic, code, value};
use crate::registry::Registry;
use crate::serve::{Answer, Service};

/// How often the two take turns.
const TURNS: usize = 10;

/// What both programs import: the same layer.
const IMPORTS: &str = "
import { next } from 'counter';
import framework, { identity } from 'framework';
import { count } from 'side-effects';
import fs from 'node:fs';
import http from 'node:http';
import module from 'node:module';
import events from 'node:events';
import util from 'node:util';
import { AsyncLocalStorage } from 'node:async_hooks';
";

/// Leaves something wherever it can.
const LEAVES: &str = "
globalThis.left = 'left';
var leftAsVariable = 'left';
(0, eval)('var leftByEval = 1; let leftLexically = 2;');
for (let number = 0; number < 5; number++) next();
identity.left = 'left';
framework.left = 'left';
Object.freeze(framework);
fs.writeFileSync('/tmp/left', 'left');
fs.mkdirSync('/tmp/folder/left', { recursive: true });
fs.left = 'left';
fs.openSync('/tmp/left');
process.env.LEFT = 'left';
process.env.NODE_ENV = 'left';
process.title = 'left';
process.exitCode = 7;
process.chdir('/tmp');
process.on('exit', () => console.log('left'));
process.on('uncaughtException', () => {});
process.on('unhandledRejection', () => {});
module._cache['/hoist/left.js'] = { exports: 'left' };
module._extensions['.js'] = () => { throw new Error('left'); };
module.builtinModules.push?.('left');
events.defaultMaxListeners = 99;
util.inspect.defaultOptions.depth = 99;
http.globalAgent.left = 'left';
Buffer.poolSize = 1;
Error.stackTraceLimit = 1;
Error.prepareStackTrace = () => 'left';
/(left)/.exec('left');
Symbol.for('left').description;
new AsyncLocalStorage().enterWith('left');
performance.mark('left');
const channel = new BroadcastChannel('left');
setInterval(() => channel.postMessage('left'), 1);
setTimeout(() => { throw new Error('left'); }, 60_000);
void new Promise(() => {});
URL.createObjectURL(new Blob(['left']));
crypto.getRandomValues = () => { throw new Error('left'); };
console.count('left');
console.group('left');
console.log = () => {};
Date.now = () => 1;
Math.random = () => 0.5;
JSON.parse = () => 'left';
globalThis.fetch = () => 'left';
globalThis.Response = class Left {};
Object.prototype.leftOnAll = 'left';
Array.prototype.map = () => 'left';
Array.prototype[Symbol.iterator] = () => 'left';
Promise.prototype.then = () => 'left';
Function.prototype.call = () => 'left';
String.prototype.split = () => 'left';
Object.freeze(Array.prototype);
export default () => 'left';
";

/// Names whatever it finds that it should not.
const LOOKS: &str = "
const looks = {
  'a global': typeof left,
  'a variable': typeof leftAsVariable,
  'a variable of eval': typeof leftByEval,
  'a name of eval': typeof leftLexically,
  counter: next(),
  'an export of a package': identity.left,
  'a package': framework.left,
  frozen: Object.isFrozen(framework),
  registered: count(),
  files: fs.readdirSync('/tmp').length,
  'a builtin': fs.left,
  variable: process.env.LEFT,
  mode: process.env.NODE_ENV,
  title: process.title === 'left',
  'exit code': process.exitCode,
  folder: process.cwd(),
  listeners: ['exit', 'uncaughtException', 'unhandledRejection'].map((name) => process.listenerCount(name)).join(),
  cached: Object.keys(module._cache).some((path) => path.includes('left')),
  extension: module._extensions['.js'].toString().includes('left'),
  modules: module.builtinModules.includes('left'),
  'most listeners': events.defaultMaxListeners,
  depth: util.inspect.defaultOptions.depth,
  agent: http.globalAgent.left,
  pool: Buffer.poolSize,
  'stack limit': Error.stackTraceLimit,
  'prepared stack': typeof Error.prepareStackTrace,
  'last match': RegExp.$1,
  marks: performance.getEntries().length,
  'a number': Math.random() === 0.5,
  time: Date.now() > 1e12,
  parsed: JSON.parse('1'),
  fetch: fetch.name,
  response: Response.name,
  'on all': ({}).leftOnAll,
  mapped: [1].map((one) => one + 1)[0],
  spread: [...[1, 2]].length,
  called: (function () { return this; }).call(1) == 1,
  'frozen arrays': Object.isFrozen(Array.prototype),
  split: 'a b'.split(' ').length,
};
const channel = new BroadcastChannel('left');
channel.onmessage = ({ data }) => (looks.message = data);
export default async () => {
  console.count('left');
  await new Promise((resolve) => setTimeout(resolve, 10));
  channel.close();
  return looks;
};
";

/// What a program finds that is the first and only one.
fn nothing_left() -> Value {
    json!({
        "a global": "undefined",
        "a variable": "undefined",
        "a variable of eval": "undefined",
        "a name of eval": "undefined",
        "counter": 1,
        "frozen": false,
        "registered": 1,
        "files": 0,
        "mode": "production",
        "title": false,
        "folder": "/hoist",
        "listeners": "0,0,0",
        "cached": false,
        "extension": false,
        "modules": false,
        "most listeners": 10,
        "depth": 2,
        "pool": 8192,
        "stack limit": 10,
        "prepared stack": "undefined",
        "last match": "",
        "marks": 0,
        "a number": false,
        "time": true,
        "parsed": 1,
        "fetch": "fetch",
        "response": "Response",
        "mapped": 2,
        "spread": 2,
        "called": true,
        "frozen arrays": false,
        "split": 2,
    })
}

async fn leave(service: &Service) {
    let answer = service.run(automatic(&format!("{IMPORTS}{LEAVES}"), Value::Null)).await;
    // It got to its end: everything is left.
    assert_eq!(value(&answer), "left", "{}", answer.text);
}

async fn look(service: &Service) {
    let answer = service.run(automatic(&format!("{IMPORTS}{LOOKS}"), Value::Null)).await;
    assert_eq!(value(&answer), nothing_left(), "{}", answer.text);
    assert_eq!(logged(&answer), ["left: 1"], "{}", answer.text);
}

fn logged(answer: &Answer) -> Vec<String> {
    let answer = answer.json();
    let lines = answer["logs"].as_array().expect("logs");
    lines.iter().map(|line| line["text"].as_str().expect("text").to_owned()).collect()
}

#[tokio::test]
async fn nothing_is_left_for_the_next_run() {
    let service = Service::start_with("hygiene", &["--wall", "3s"], Registry::start());
    look(&service).await;
    for _ in 0..TURNS {
        leave(&service).await;
        look(&service).await;
    }
    service.stop();
}

#[tokio::test]
async fn nothing_is_there_of_a_run_at_the_same_time() {
    let service = Service::start_with("hygiene-together", &["--runs", "4", "--wall", "5s"], Registry::start());
    look(&service).await;
    for _ in 0..TURNS / 2 {
        let leaving = join_all((0..2).map(|_| leave(&service)));
        let looking = join_all((0..2).map(|_| look(&service)));
        tokio::join!(leaving, looking);
    }
    service.stop();
}

/// Five times the same text: what it does when it is loaded, it does each time.
#[tokio::test]
async fn a_program_that_comes_again_begins_again() {
    let service = Service::start_with("hygiene-again", &[], Registry::start());
    let programs = [
        code("let n = 0; export default () => ++n;"),
        code("globalThis.n = (globalThis.n ?? 0) + 1; export default () => globalThis.n;"),
        code("const kept = []; export default () => kept.push(1);"),
        code(
            "import fs from 'node:fs'; export default () => (fs.appendFileSync('/tmp/n', 'x'), fs.statSync('/tmp/n').size);",
        ),
        code(
            "let n = 0; setTimeout(() => n++, 0); export default () => new Promise((done) => setTimeout(() => done(n), 20));",
        ),
        automatic("import { next } from 'counter'; export default () => next();", Value::Null),
        automatic("import { next } from 'counter'; const n = next(); export default () => n;", Value::Null),
        automatic(
            "import { identity } from 'framework'; export default () => (identity.n = (identity.n ?? 0) + 1);",
            Value::Null,
        ),
    ];
    for program in programs {
        for _ in 0..5 {
            let answer = service.run(program.clone()).await;
            assert_eq!(value(&answer), 1, "{program}: {}", answer.text);
        }
    }
    let logs = code("console.log('loaded'); export default () => console.log('called');");
    for _ in 0..5 {
        assert_eq!(logged(&service.run(logs.clone()).await), ["loaded", "called"]);
    }
    for input in 0..5 {
        let answer = service.run(json!({"code": "export default (input) => input;", "input": input})).await;
        assert_eq!(value(&answer), input);
    }
    service.stop();
}

/// Both clocks of a program are between the moments when it was asked for and when it was answered.
#[tokio::test]
async fn a_program_that_comes_again_reads_the_time_again() {
    let service = Service::start_with("hygiene-time", &[], Registry::start());
    let program = "
const load = [Date.now(), performance.timeOrigin + performance.now()];
export default () => [...load, Date.now(), performance.timeOrigin + performance.now(), performance.timeOrigin];
";
    for _ in 0..5 {
        let before = now();
        let times = value(&service.run(code(program)).await);
        let after = now();
        let times: Vec<f64> = times.as_array().expect("times").iter().map(|time| time.as_f64().expect("ms")).collect();
        // To a millisecond: that is what clocks are shown in.
        let early = times.iter().any(|time| *time < before - 1.0);
        assert!(!early && times.iter().all(|time| *time < after + 1.0), "{before} {times:?} {after}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    service.stop();
}

/// In milliseconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_secs_f64() * 1000.0
}
