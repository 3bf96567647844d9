//! What may be evaluated once for many runs, and that nobody can tell, `testdata/once/`: packages by what they do while they
//! are evaluated, and programs that come again. Each is run several times; what it answers must be right every time,
//! and so must be what the reply says of how much had been evaluated before.
//!
//! `HOIST_ONCE=text` runs only those whose name holds the text.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::stream::iter;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::registry::Registry;
use crate::serve::{Answer, Service};
use crate::universe::{Package, testdata};

/// How many are tried at the same time.
const AT_ONCE: usize = 4;
/// How often each is run once it is known how much of it is evaluated before.
const RUNS: usize = 3;
/// How long a program may take to have a zygote of its own, or to be known to have none.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is expected of a package or of a program.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// Why it is evaluated in each run, as the reply says it after "the rest"; else it is evaluated once.
    reason: Option<String>,
    #[serde(default = "value")]
    outcome: String,
    value: Option<Value>,
    /// A response's body.
    body: Option<String>,
    /// An error's message.
    error: Option<String>,
    /// Levels and texts of what each run has in its log.
    #[serde(default)]
    logs: Vec<String>,
    /// The value is another one in each run.
    #[serde(default)]
    draws: bool,
    /// The value is a time, in milliseconds, of the run itself.
    #[serde(default)]
    rises: bool,
}

fn value() -> String {
    "value".to_owned()
}

type Cases = BTreeMap<String, Expected>;

fn cases(kind: &str) -> Cases {
    let text = fs::read_to_string(testdata(&format!("once/{kind}.json"))).unwrap();
    let mut cases: Cases = serde_json::from_str(&text).unwrap();
    let files = fs::read_dir(testdata(&format!("once/{kind}"))).unwrap();
    let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let files: HashSet<String> = files.map(|name| name.trim_end_matches(".mjs").to_owned()).collect();
    assert_eq!(files, cases.keys().cloned().collect(), "every file has what is expected of it");
    let wanted = std::env::var("HOIST_ONCE").unwrap_or_default();
    cases.retain(|name, _| name.contains(&wanted));
    cases
}

fn source(kind: &str, name: &str) -> String {
    fs::read_to_string(testdata(&format!("once/{kind}/{name}.mjs"))).unwrap()
}

/// A package whose entry is this source.
pub(crate) fn package(name: &str, source: &str) -> (String, Package) {
    let manifest = json!({"name": name, "version": "1.0.0", "type": "module", "exports": "./index.js"}).to_string();
    let files = [
        ("package.json", manifest.as_str()),
        ("index.js", source),
        ("other.mjs", "export const value = 'imported';\n"),
        ("data.txt", "data\n"),
    ];
    let files = files.map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec())).into();
    (name.to_owned(), Package::generated(name, files))
}

/// A program that takes what a package has and then uses operations that need a runtime of its own.
fn program(package: &str, run: usize) -> String {
    format!(
        "import * as fixture from '{package}';
        import {{ readFile, writeFile }} from 'node:fs/promises';
        import {{ promisify }} from 'node:util';
        import {{ gzip }} from 'node:zlib';
        const run = {run};
        export default async () => {{
            const value = await (typeof fixture.value === 'function' ? fixture.value() : fixture.value);
            await new Promise((resolve) => setTimeout(resolve, 1));
            const digest = await crypto.subtle.digest('SHA-256', new Uint8Array(run));
            await writeFile('/tmp/operations', await promisify(gzip)('text'));
            const file = await readFile('/tmp/operations');
            return {{ value, run, operations: [digest.byteLength, file.length > 4] }};
        }};"
    )
}

/// All but the failures' names are right.
async fn try_all<'a, F: Future<Output = Result<(), String>> + 'a>(
    cases: &'a Cases,
    one: impl Fn(&'a str, &'a Expected) -> F,
) {
    let tried = iter(cases).map(|(name, expected)| {
        let tried = one(name, expected);
        async move { tried.await.map_err(|failure| format!("== {name}: {failure}")) }
    });
    let tried: Vec<_> = tried.buffer_unordered(AT_ONCE).collect().await;
    let failures: Vec<String> = tried.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n\n"));
}

#[tokio::test]
async fn packages_are_evaluated_once_where_nobody_could_tell() {
    let cases = cases("layers");
    let packages = cases.keys().map(|name| package(name, &source("layers", name))).collect();
    let service = Service::start_with("once-layers", &[], Registry::with_packages(packages));
    try_all(&cases, async |name, expected| {
        let once = if expected.reason.is_none() { "layer" } else { "nothing" };
        let mut seen = Seen::default();
        for run in 0..RUNS {
            // Another program each time: one that came again would have a zygote of its own.
            let body = json!({"code": program(name, run), "dependencies": {name: "1.0.0"}});
            let answer = service.run(body).await;
            check(expected, evaluated(once, expected), &answer, &mut seen)?;
            if expected.outcome == "value" && answer.json()["value"]["operations"] != json!([32, true]) {
                return Err(format!("operations: {}", answer.text));
            }
        }
        Ok(())
    })
    .await;
    service.stop();
}

#[tokio::test]
async fn programs_are_evaluated_once_where_nobody_could_tell() {
    let cases = cases("programs");
    let service = Service::start_with("once-programs", &[], Registry::start());
    try_all(&cases, async |name, expected| {
        let body = json!({"code": source("programs", name), "input": 1});
        let mut seen = Seen::default();
        let started = Instant::now();
        // The zygote is made beside the runs that ask for it.
        loop {
            let answer = service.run(body.clone()).await;
            let evaluated = &answer.json()["evaluated"];
            if evaluated["once"] == "program" || evaluated.get("reason").is_some() {
                break;
            }
            check(expected, json!({"once": "layer"}), &answer, &mut seen)?;
            if started.elapsed() > PATIENCE {
                return Err(format!("nothing is known of it: {}", answer.text));
            }
        }
        // Node's own modules count as a layer.
        let once = if expected.reason.is_none() { "program" } else { "layer" };
        for _ in 0..RUNS {
            check(expected, evaluated(once, expected), &service.run(body.clone()).await, &mut seen)?;
        }
        Ok(())
    })
    .await;
    service.stop();
}

/// Values that must not come again.
#[derive(Default)]
struct Seen(Vec<Value>);

/// What a reply says when there is no more to find out.
fn evaluated(once: &str, expected: &Expected) -> Value {
    match &expected.reason {
        Some(reason) => json!({"once": once, "reason": format!("the rest {reason}")}),
        None => json!({"once": once}),
    }
}

/// Compares an answer with what is expected of it.
fn check(expected: &Expected, evaluated: Value, answer: &Answer, seen: &mut Seen) -> Result<(), String> {
    let reply = answer.json();
    let compare = |what: &str, found: Value, expected: Value| {
        if found == expected { Ok(()) } else { Err(format!("{what} is {found} and not {expected}\n{}", answer.text)) }
    };
    compare("status", json!(answer.status), json!(200))?;
    compare("outcome", reply["outcome"].clone(), json!(expected.outcome))?;
    compare("evaluated", reply["evaluated"].clone(), evaluated)?;
    let logs = reply["logs"].as_array().into_iter().flatten();
    let logs: Vec<String> =
        logs.map(|line| format!("{} {}", line["level"].as_str().unwrap(), line["text"].as_str().unwrap())).collect();
    compare("log", json!(logs), json!(expected.logs))?;
    let whole = &reply["value"];
    // A package's value is a part of what its program returns.
    let value = if whole.get("operations").is_some() { whole.get("value").unwrap_or(&Value::Null) } else { whole };
    if let Some(expected) = &expected.value {
        compare("value", value.clone(), expected.clone())?;
    }
    if let Some(body) = &expected.body {
        compare("body", reply["response"]["body"].clone(), json!(body))?;
    }
    if let Some(message) = &expected.error {
        compare("error", reply["error"]["message"].clone(), json!(message))?;
    }
    if expected.draws || expected.rises {
        if value.is_null() || seen.0.contains(value) {
            return Err(format!("{value} after {:?}\n{}", seen.0, answer.text));
        }
        seen.0.push(value.clone());
    }
    if expected.rises && !seen.0.is_sorted_by(|one, next| one.as_f64() < next.as_f64()) {
        return Err(format!("times do not rise: {:?}", seen.0));
    }
    Ok(())
}
