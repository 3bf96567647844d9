//! The HTTP service, end to end.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures::future::join_all;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, ORIGIN, RETRY_AFTER};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use serde_json::{Value, json};

use crate::place::{CANARY, Place};
use crate::registry::{Fault, Registry};

/// No answer takes longer than this.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running service with a registry and a cache of its own. Dropping it kills it.
pub(crate) struct Service {
    child: Child,
    url: String,
    client: reqwest::Client,
    registry: Registry,
    place: Option<Place>,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Service {
    fn start(name: &str, arguments: &[&str]) -> Service {
        Service::start_with(name, arguments, Registry::start())
    }

    pub(crate) fn start_with(name: &str, arguments: &[&str], registry: Registry) -> Service {
        Service::start_in(Place::with_registry(name, &registry.url()), arguments, registry)
    }

    pub(crate) async fn run(&self, body: Value) -> Answer {
        self.post(body.to_string(), &[]).await
    }

    async fn post(&self, body: String, headers: &[(reqwest::header::HeaderName, &str)]) -> Answer {
        let mut request = self.client.post(format!("{}/v1/run", self.url)).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            let one = HeaderMap::from_iter([(name.clone(), value.parse().unwrap())]);
            request = request.headers(one);
        }
        Answer::of(request.body(body)).await
    }

    /// A service in a place that is not new, with the registry that it knows.
    pub(crate) fn start_in(place: Place, arguments: &[&str], registry: Registry) -> Service {
        let mut command = place.hoist(&["serve", "--listen", "127.0.0.1:0"]);
        command.args(arguments);
        let (child, url) = start(command);
        let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap();
        Service { child, url, client, registry, place: Some(place) }
    }

    /// Where it listens, without a slash at the end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Any request without a body.
    pub(crate) async fn ask(&self, method: reqwest::Method, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Answer::of(request).await
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where its commands are run.
    pub(crate) fn place(&self) -> &Place {
        self.place.as_ref().expect("it goes with the service")
    }

    /// The registry that it asks.
    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether its process has ended.
    pub(crate) fn has_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), options).unwrap().is_some()
    }

    /// Its place, without it.
    pub(crate) fn into_place(mut self) -> Place {
        self.place.take().expect("it goes with the service")
    }

    /// Ends it as an operator does.
    pub(crate) fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let status = self.child.wait().unwrap();
        assert_eq!(status.code(), Some(0), "{status}");
        self.place.take().unwrap().passed();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Answer {
    async fn of(request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, text: response.text().await.unwrap() }
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The status and what stands at a pointer.
    #[track_caller]
    pub(crate) fn assert(&self, status: u16, pointer: &str, expected: Value) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.json().pointer(pointer), Some(&expected), "{}", self.text);
    }
}

/// The service says where it listens once it does.
fn start(mut command: Command) -> (Child, String) {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("unexpected first line {line:?}"));
    (child, url.to_owned())
}

fn code(text: &str) -> Value {
    json!({ "code": text })
}

#[tokio::test]
async fn answers() {
    let service = Service::start("serve-answers", &[]);
    let health = Answer::of(service.client.get(format!("{}/healthz", service.url))).await;
    assert_eq!(health.status, 200);

    let answer =
        service.run(json!({"code": "export default (input) => ({ got: input })", "input": {"a": [1.5, "x"]}})).await;
    answer.assert(200, "/value", json!({"got": {"a": [1.5, "x"]}}));
    answer.assert(200, "/outcome", json!("value"));
    assert_eq!(answer.headers[CONTENT_TYPE], "application/json");

    let files = json!({
        "lib/part.ts": "export const part: string = 'part';",
        "main.ts": "import { part } from './lib/part.ts'; import { kind } from 'dual'; export default [part, kind];",
        "package.json": "{\"dependencies\": {\"dual\": \"1\"}}",
    });
    service.run(json!({"files": files, "entry": "main.ts"})).await.assert(200, "/value", json!(["part", "esm"]));

    let versions = "import { version } from 'majors'; export default version;";
    let named = service.run(json!({"code": versions, "dependencies": {"majors": "^1.0.0"}})).await;
    named.assert(200, "/value", json!("1.10.0"));
    assert!(named.json()["graph"]["packages"].to_string().contains("1.10.0"), "{}", named.text);
    let lock = named.json()["graph"].clone();
    let locked =
        |range: &str| json!({"code": versions, "dependencies": {"majors": range}, "lock": lock, "frozen": true});
    service.run(locked("1")).await.assert(200, "/value", json!("1.10.0"));
    service.run(locked("2")).await.assert(422, "/error/code", json!("lock-drift"));
    service.run(json!({"code": versions, "auto": true})).await.assert(200, "/value", json!("2.0.0"));
    service.run(code("import { version } from 'npm:majors@~1.2'; export default version;")).await.assert(
        200,
        "/value",
        json!("1.2.0"),
    );
    service.stop();
}

#[tokio::test]
async fn every_file_of_a_request_can_be_read() {
    let service = Service::start("serve-files", &[]);
    let program = "import fs from 'node:fs';\n\
        export default () => [fs.readdirSync('.'), fs.readFileSync(new URL('./data/a.csv', import.meta.url), 'utf8')];";
    let files = json!({"agent.mjs": program, "data/a.csv": "1,2"});
    let answer = service.run(json!({"files": files, "entry": "agent.mjs"})).await;
    answer.assert(200, "/value", json!([["agent.mjs", "data"], "1,2"]));
    service.stop();
}

#[tokio::test]
async fn whatever_guest_code_does_is_200() {
    let service = Service::start("serve-outcomes", &["--cpu", "1s", "--wall", "4s", "--heap", "64MiB"]);
    let outcomes = [
        ("export default () => { throw new TypeError('bad') }", "threw", "/error/message", json!("bad")),
        ("export default () => process.exit(3)", "exited", "/exit_code", json!(3)),
        ("export default () => 1n", "unserializable", "/value", Value::Null),
        ("export default () => new Promise(() => {})", "never-settled", "/value", Value::Null),
        ("export default () => { for (;;); }", "limit", "/limit/which", json!("cpu")),
        ("export default () => new Promise((done) => setTimeout(done, 60000))", "limit", "/limit/which", json!("wall")),
        (
            "export default () => { const kept = []; for (;;) kept.push(new Array(10_000).fill(0.5)); }",
            "limit",
            "/limit/which",
            json!("heap"),
        ),
        (
            "export default { fetch: () => new Response('hi', { status: 404 }) }",
            "response",
            "/response/status",
            json!(404),
        ),
        ("export default () => process.env.HOIST_TEST_CANARY ?? 'nothing'", "value", "/value", json!("nothing")),
    ];
    for (program, outcome, pointer, expected) in outcomes {
        let answer = service.run(code(program)).await;
        answer.assert(200, "/outcome", json!(outcome));
        let found = answer.json().pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(found, expected, "{program}: {}", answer.text);
        assert!(!answer.text.contains(CANARY), "{}", answer.text);
    }
    service.stop();
}

#[tokio::test]
async fn values_beyond_json_come_and_go() {
    let service = Service::start("serve-codec", &[]);
    let program = "export default (input) => new Map([[input.getTime(), new Uint8Array([1])], ['n', 2n]]);";
    let date = json!({"$type": "date", "value": "1970-01-01T00:00:01.000Z"});
    let expected = json!({"$type": "map", "value": [
        [1000, {"$type": "bytes", "value": "AQ=="}],
        ["n", {"$type": "bigint", "value": "2"}],
    ]});
    // Again and again: a program that comes again is evaluated once for all its runs.
    for _ in 0..4 {
        let answer = service.run(json!({"code": program, "input": date, "codec": "tagged"})).await;
        answer.assert(200, "/value", expected.clone());
    }
    let plain = "export default (input) => input;";
    service.run(json!({"code": plain, "input": date})).await.assert(200, "/value", date.clone());
    let bad = json!({"code": plain, "input": {"$type": "dat"}, "codec": "tagged"});
    service.run(bad).await.assert(422, "/error/code", json!("malformed-input"));
    service.run(json!({"code": plain, "codec": "xml"})).await.assert(400, "/error/code", json!("malformed-request"));
    service.stop();
}

#[tokio::test]
async fn what_is_under_way_is_counted_for_each_run() {
    let service = Service::start("serve-under-way", &["--timers", "20", "--cpu", "1s"]);
    let program =
        "export default (count) => { for (let at = 0; at < count; at++) setTimeout(() => {}, 1); return count; };";
    for _ in 0..5 {
        service.run(json!({"code": program, "input": 20})).await.assert(200, "/value", json!(20));
        let answer = service.run(json!({"code": program, "input": 21})).await;
        answer.assert(200, "/limit/which", json!("timers"));
        answer.assert(200, "/limit/measured", json!(21));
        assert!(
            answer.json()["error"]["stack"].as_str().is_some_and(|stack| stack.contains("main.ts:1")),
            "{}",
            answer.text
        );
        assert!(
            answer.json()["usage"]["peak_heap_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20),
            "{}",
            answer.text
        );
    }
    service.stop();
}

#[tokio::test]
async fn what_is_not_a_request_is_refused() {
    let service = Service::start("serve-refusals", &[]);
    let json_body = code("export default 1").to_string();
    for body in [
        "",
        "{",
        "[]",
        "{}",
        r#"{"code": 1}"#,
        r#"{"code": "1", "registry": "http://127.0.0.1:9"}"#,
        r#"{"code":"1","cache":"/tmp"}"#,
    ] {
        service.post(body.to_owned(), &[]).await.assert(400, "/error/code", json!("malformed-request"));
    }
    for path in ["/etc/passwd", "../main.ts", "a/../../b.ts", ""] {
        let answer = service.run(json!({"files": {path: "export default 1"}, "entry": path})).await;
        answer.assert(400, "/error/code", json!("malformed-request"));
    }
    let large = code(&"x".repeat(5 << 20)).to_string();
    service.post(large, &[]).await.assert(413, "/error/code", json!("body-too-large"));
    for kind in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""] {
        service.post(json_body.clone(), &[(CONTENT_TYPE, kind)]).await.assert(
            415,
            "/error/code",
            json!("wrong-content-type"),
        );
    }
    service.post(json_body.clone(), &[(CONTENT_TYPE, "Application/JSON; charset=utf-8")]).await.assert(
        200,
        "/value",
        json!(1),
    );
    for host in ["evil.example", "evil.example:8787", "169.254.169.254"] {
        service.post(json_body.clone(), &[(HOST, host)]).await.assert(403, "/error/code", json!("foreign-host"));
        let health = Answer::of(service.client.get(format!("{}/healthz", service.url)).header(HOST, host)).await;
        assert_eq!(health.status, 403);
    }
    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        service.post(json_body.clone(), &[(ORIGIN, origin)]).await.assert(403, "/error/code", json!("foreign-origin"));
    }
    service.post(json_body.clone(), &[(ORIGIN, &service.url)]).await.assert(200, "/value", json!(1));
    Answer::of(service.client.get(format!("{}/v1/run", service.url))).await.assert(
        405,
        "/error/code",
        json!("wrong-method"),
    );
    Answer::of(service.client.get(format!("{}/etc/passwd", service.url))).await.assert(
        404,
        "/error/code",
        json!("not-found"),
    );
    service.stop();
}

#[tokio::test]
async fn what_cannot_be_run_has_its_status() {
    let service = Service::start("serve-errors", &[]);
    let uses = |name: &str| format!("import x from '{name}'; export default x;");
    let cases = [
        (json!({"code": uses("dual")}), 422, "unlisted-import"),
        (json!({"code": uses("dual"), "dependencies": {"dual": ">=1 banana ||| 2"}}), 422, "invalid-range"),
        (
            json!({"code": uses("dual"), "dependencies": {"dual": "git+https://example.invalid/x.git"}}),
            422,
            "unsupported-dependency",
        ),
        (json!({"code": uses("never-published"), "auto": true}), 422, "unknown-package"),
        (json!({"code": uses("dual"), "dependencies": {"dual": "9"}}), 422, "unknown-version"),
        (json!({"code": uses("wraps-missing-import"), "auto": true}), 422, "bundle"),
        (json!({"code": "export default {;"}), 422, "bundle"),
        (json!({"files": {"package.json": "{", "a.ts": uses("dual")}}), 422, "manifest-syntax"),
    ];
    for (body, status, code) in cases {
        let answer = service.run(body.clone()).await;
        answer.assert(status, "/error/code", json!(code));
        answer.assert(status, "/outcome", json!("error"));
    }
    for (fault, status, code) in [
        (Fault::WrongIntegrity, 502, "wrong-integrity"),
        (Fault::Error, 502, "registry-status"),
        (Fault::Html, 502, "registry-body"),
    ] {
        service.registry.set_faults([("callable".to_owned(), fault)].into());
        service.run(json!({"code": uses("callable"), "auto": true})).await.assert(status, "/error/code", json!(code));
    }
    service.registry.set_faults(Default::default());
    service
        .run(json!({"code": "import call from 'callable'; export default call('all');", "auto": true}))
        .await
        .assert(200, "/value", json!("called by all"));
    service.stop();
}

#[tokio::test]
async fn many_at_once() {
    let service = Service::start("serve-many", &[]);
    let program = "import { kind } from 'dual'; import { version } from 'majors'; export default (input) => [input, kind, version];";
    let requests = (0..24).map(|number| service.run(json!({"code": program, "auto": true, "input": number})));
    for (number, answer) in join_all(requests).await.into_iter().enumerate() {
        answer.assert(200, "/value", json!([number, "esm", "2.0.0"]));
    }
    // One download of each, however many asked.
    let requests = service.registry.take_requests();
    assert!(requests.values().all(|count| *count == 1), "{requests:#?}");
    service.stop();
}

#[tokio::test]
async fn too_many_are_told_to_come_again() {
    let service = Service::start("serve-busy", &["--runs", "1", "--queue", "1", "--wall", "6s"]);
    let program = "export default () => new Promise((resolve) => setTimeout(() => resolve('done'), 1500));";
    let answers = join_all((0..6).map(|_| service.run(code(program)))).await;
    let (done, busy): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 200);
    assert!(!done.is_empty() && done.len() <= 2, "{} were answered", done.len());
    for answer in done {
        answer.assert(200, "/value", json!("done"));
    }
    for answer in busy {
        answer.assert(429, "/error/code", json!("busy"));
        assert!(answer.headers.contains_key(RETRY_AFTER));
    }
    service.run(code("export default 'again'")).await.assert(200, "/value", json!("again"));
    service.stop();
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place() {
    let service = Service::start("serve-gone", &["--runs", "1", "--queue", "0"]);
    let endless = service.run(code("export default () => new Promise((done) => setTimeout(done, 25000))"));
    assert!(tokio::time::timeout(Duration::from_secs(3), endless).await.is_err());
    // Its connection is closed with the future; the place is free once the service has noticed.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let answer = service.run(code("export default 'next'")).await;
        if answer.status == 200 {
            break answer.assert(200, "/value", json!("next"));
        }
        assert_eq!(answer.status, 429, "{}", answer.text);
        assert!(tokio::time::Instant::now() < deadline, "the place is still taken");
    }
    service.stop();
}
