//! What is drawn at random is drawn anew in each run, whatever generator it comes from and whatever its process has been
//! copied from.

use std::collections::HashMap;

use futures::StreamExt as _;
use futures::stream::iter;
use serde_json::Value;

use super::{automatic, code, value};
use crate::registry::Registry;
use crate::serve::Service;

/// More of them are drawn by `make soak`.
const RUNS: usize = 200;
/// Runs at the same time.
const AT_ONCE: usize = 16;

/// Draws from everything that there is to draw from, by the name of what it drew.
const DRAWS: &str = "
import { randomBytes, randomUUID, randomInt, randomFillSync, generateKeySync, generateKeyPairSync, webcrypto } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { inner } from 'uses-old-major';

const atLoad = [Math.random(), crypto.randomUUID()];
export default async () => {
  const hex = (bytes) => Buffer.from(bytes).toString('hex');
  const drawn = {
    atLoad: atLoad[0],
    uuidAtLoad: atLoad[1],
    random: Math.random(),
    randomAgain: Math.random(),
    values: hex(crypto.getRandomValues(new Uint8Array(16))),
    uuid: crypto.randomUUID(),
    uuidAgain: crypto.randomUUID(),
    bytes: randomBytes(16).toString('hex'),
    bytesLater: await new Promise((resolve, reject) =>
      randomBytes(16, (error, bytes) => (error ? reject(error) : resolve(bytes.toString('hex'))))),
    nodeUuid: randomUUID(),
    nodeUuidUncached: randomUUID({ disableEntropyCache: true }),
    integer: randomInt(2 ** 48 - 1),
    filled: hex(randomFillSync(new Uint8Array(16))),
    webValues: hex(webcrypto.getRandomValues(new Uint8Array(16))),
    secretKey: generateKeySync('hmac', { length: 128 }).export().toString('hex'),
    subtleKey: hex(await crypto.subtle.exportKey('raw', await crypto.subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encrypt']))),
    objectUrl: URL.createObjectURL(new Blob(['x'])),
    folder: mkdtempSync('/tmp/draw-'),
    keyPair: generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).toString('hex'),
    boundary: new Response(new FormData()).headers.get('content-type'),
  };
  return { drawn, inner };
};
";

/// How many names `DRAWS` has: none may be forgotten on the way.
const NAMES: usize = 20;

/// Draws in so many runs and compares everything that they drew.
pub(super) async fn draw(name: &str, runs: usize) {
    let service = Service::start_with(name, &[], Registry::start());
    // The first one has what the others share made.
    value(&service.run(automatic(DRAWS, Value::Null)).await);
    let answers = iter(0..runs).map(|_| service.run(automatic(DRAWS, Value::Null))).buffer_unordered(AT_ONCE);
    let answers: Vec<_> = answers.collect().await;
    let mut seen: HashMap<String, String> = HashMap::new();
    for (number, answer) in answers.iter().enumerate() {
        let drawn = value(answer);
        assert_eq!(drawn["inner"], "1.10.0");
        let drawn = drawn["drawn"].as_object().expect("an object").clone();
        assert_eq!(drawn.len(), NAMES, "{drawn:?}");
        for (name, drawn) in drawn {
            let drawn = text(&drawn);
            let here = format!("{name} of run {number}");
            if let Some(before) = seen.insert(drawn.clone(), here.clone()) {
                panic!("{before} and {here} are both {drawn}");
            }
        }
    }
    assert_eq!(seen.len(), runs * NAMES);
    service.stop();
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[tokio::test]
async fn no_two_runs_draw_the_same() {
    draw("draws", RUNS).await;
}

/// A program that comes again may be kept, but not what it drew or read.
#[tokio::test]
async fn a_program_that_comes_again_draws_again() {
    let service = Service::start_with("draws-again", &[], Registry::start());
    for program in [
        "export default Math.random();",
        "const drawn = crypto.randomUUID(); export default () => drawn;",
        "import { randomInt } from 'node:crypto'; const drawn = randomInt(2 ** 48 - 1); export default () => drawn;",
        "const drawn = crypto.getRandomValues(new Uint32Array(4)).join(); export default { fetch: () => new Response(drawn) };",
    ] {
        let mut seen = Vec::new();
        for _ in 0..5 {
            let answer = service.run(code(program)).await.json();
            let drawn = answer.get("value").or(answer.pointer("/response/body")).map(text);
            let drawn = drawn.unwrap_or_else(|| panic!("{program}: {answer}"));
            assert!(!seen.contains(&drawn), "{program}: {drawn} after {seen:?}");
            seen.push(drawn);
        }
    }
    service.stop();
}
