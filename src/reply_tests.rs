//! What callers read.

use std::time::Duration;

use executor::{Failure, LimitKind, Usage};
use serde_json::Value;

use super::*;
use crate::trace::{Stage, Timing};

fn answer(outcome: Outcome) -> Answer {
    let usage = Usage {
        cpu: Duration::from_micros(1500),
        wall: Duration::from_millis(2),
        peak_resident_bytes: 7,
        peak_heap_bytes: Some(5),
        private_bytes: None,
    };
    let timings =
        vec![Timing { stage: Stage::Resolve, took: Duration::from_micros(250), cache: Some(CacheUse::Revalidated) }];
    let trace = Trace { timings, ..Trace::default() };
    let evaluation = Evaluation::EachRun { reason: None };
    Answer { trace, ending: Ok(Report { outcome, logs: Vec::new(), logs_truncated: false, usage, evaluation }) }
}

fn parsed(answer: &Answer) -> Value {
    serde_json::from_str(&Reply::new(answer).to_json()).unwrap()
}

#[test]
fn a_value_keeps_its_spelling() {
    let answer = answer(Outcome::Value("{\"a\":1.50,\"a\":12345678901234567890123}".to_owned()));
    let json = Reply::new(&answer).to_json();
    assert!(json.starts_with("{\"outcome\":\"value\",\"value\":{\"a\":1.50,\"a\":12345678901234567890123},"), "{json}");
    assert!(json.contains("{\"stage\":\"resolve\",\"ms\":0.25,\"cache\":\"revalidated\"}"), "{json}");
    assert!(json.contains("\"cpu_ms\":1.5,"), "{json}");
}

#[test]
fn a_forged_value_is_a_crash() {
    let found = parsed(&answer(Outcome::Value("1},\"outcome\":{".to_owned())));
    assert_eq!(found["outcome"], "crashed");
    assert!(found.get("value").is_none());
}

#[test]
fn bodies_are_text_or_base64() {
    let response = |body: &[u8]| {
        Outcome::Response(Response {
            status: 201,
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: body.to_vec(),
        })
    };
    let text = parsed(&answer(response(b"hello")));
    assert_eq!((&text["response"]["body"], &text["response"]["body_encoding"]), (&"hello".into(), &"utf-8".into()));
    let bytes = parsed(&answer(response(&[0xff, 0])));
    assert_eq!((&bytes["response"]["body"], &bytes["response"]["body_encoding"]), (&"/wA=".into(), &"base64".into()));
    assert_eq!(bytes["response"]["headers"][0][1], "b");
}

#[test]
fn what_the_guest_did_is_an_error_with_its_details() {
    let cause = Cause { name: "Error".to_owned(), message: "y".to_owned(), stack: None };
    let failure = Failure {
        name: "TypeError".to_owned(),
        message: "x".to_owned(),
        stack: Some("at a.ts:1".to_owned()),
        causes: vec![cause],
        errors: Vec::new(),
    };
    let threw = parsed(&answer(Outcome::Threw(failure)));
    assert_eq!((&threw["outcome"], &threw["error"]["name"]), (&"threw".into(), &"TypeError".into()));
    assert_eq!(threw["error"]["causes"][0]["message"], "y");
    assert_eq!(threw["usage"]["peak_heap_bytes"], 5);
    let exceeded = Exceeded { which: LimitKind::Heap, limit: 1 << 20, measured: 2 << 20 };
    let limit = parsed(&answer(Outcome::Limit { exceeded, stack: Some("at b.ts:1".to_owned()) }));
    assert_eq!(limit["error"]["stack"], "at b.ts:1");
    assert_eq!((&limit["limit"]["which"], &limit["limit"]["knob"]), (&"heap".into(), &"--heap".into()));
    assert_eq!(limit["error"]["message"], "the heap limit of 1 MiB was exceeded (2 MiB measured)");
    let exited = parsed(&answer(Outcome::Exited { code: 3 }));
    assert_eq!((&exited["outcome"], &exited["exit_code"]), (&"exited".into(), &3.into()));
}

#[test]
fn an_error_names_its_code_and_hint() {
    let found = parsed(&Answer::from(Error::NoCacheFolder));
    assert_eq!((&found["outcome"], &found["error"]["code"]), (&"error".into(), &"no-cache-folder".into()));
    assert!(found["error"]["hint"].as_str().unwrap().contains("--cache"));
    assert!(found["graph"].is_null() && found["usage"].is_null());
}
