//! Whatever process of a service dies, and whenever: each request gets one answer, a right one or one that says what
//! happened, and the service goes on.

use std::cell::Cell;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};

use super::processes::{descendants, kill_descendant};
use super::{automatic, value};
use crate::registry::Registry;
use crate::serve::{Answer, Service};

/// Clients that ask one after the other.
const CLIENTS: u64 = 4;
/// What each of them asks for.
const REQUESTS: u64 = 30;
/// One process is killed each time that so much has passed: about as often as a request is answered.
const PAUSE: Duration = Duration::from_millis(60);

/// Long enough to be killed in the middle, in turns of the loop.
const PROGRAM: &str = "
import { next } from 'counter';
export default async (input) => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve, 5));
  return [input, next()];
};
";

#[tokio::test]
async fn every_request_is_answered_once_while_processes_die() {
    let service = Service::start_with("kills", &["--queue", "64"], Registry::start());
    value(&service.run(automatic(PROGRAM, json!(0))).await);
    let kills = Cell::new(0_usize);
    let kill = async {
        loop {
            tokio::time::sleep(PAUSE).await;
            kills.set(kills.get() + usize::from(kill_one(service.id())));
        }
    };
    let right = tokio::select! {
        right = join_all((0..CLIENTS).map(|client| ask(&service, client))) => right.into_iter().sum::<u64>(),
        () = kill => unreachable!("it kills until the others are done"),
    };
    assert!(kills.get() > 0, "nothing was killed");
    assert!(right > 0, "nothing was answered, {} were killed", kills.get());
    assert_recovers(&service).await;
    service.stop();
}

/// Asks for what a client wants; how many answers were right. Any other has a name.
async fn ask(service: &Service, client: u64) -> u64 {
    let mut right = 0;
    for request in 0..REQUESTS {
        let input = client * REQUESTS + request;
        let answer = service.run(automatic(PROGRAM, json!(input))).await;
        right += u64::from(is_right(&answer, input));
    }
    right
}

/// Whether an answer is the right one. One that is not right says that a process has died, and nothing about the program.
fn is_right(answer: &Answer, input: u64) -> bool {
    let whole = answer.json();
    match whole["outcome"].as_str() {
        Some("value") => assert_eq!((answer.status, &whole["value"]), (200, &json!([input, 1])), "{}", answer.text),
        Some("crashed") => assert_eq!(answer.status, 200, "{}", answer.text),
        Some("error") => {
            assert!(answer.status >= 500, "{}", answer.text);
            let code = whole.pointer("/error/code").and_then(Value::as_str);
            assert!(code.is_some_and(|code| !code.is_empty()), "{}", answer.text);
        }
        _ => panic!("{}", answer.text),
    }
    whole["outcome"] == "value"
}

fn kill_one(service: u32) -> bool {
    let processes = descendants(service);
    let drawn = RandomState::new().build_hasher().finish() as usize;
    processes.get(drawn % processes.len().max(1)).is_some_and(|process| kill_descendant(*process, service))
}

/// The first answer may still meet a process that was killed last.
async fn assert_recovers(service: &Service) {
    is_right(&service.run(automatic(PROGRAM, json!(0))).await, 0);
    for input in 0..20 {
        let answer = service.run(automatic(PROGRAM, json!(input))).await;
        assert!(is_right(&answer, input), "{}", answer.text);
    }
}
