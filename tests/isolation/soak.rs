//! Very many runs on one service (`make soak`, never part of `make test`): what it holds stays as it is.
//!
//! `HOIST_SOAK_RUNS` says how many.

use std::time::Instant;

use futures::StreamExt as _;
use futures::stream::iter;
use serde_json::{Value, json};

use super::processes::{Held, held};
use super::{automatic, code, value};
use crate::registry::Registry;
use crate::serve::Service;

/// As many as the issue asks for.
const RUNS: usize = 100_000;
/// Runs at the same time.
const AT_ONCE: usize = 4;
/// How often the service is left alone and looked at. The first tenth of these are its time to grow; then the least of the
/// next tenth is compared with the least of the last: what leaks is in every sample, and processes that are being replaced
/// are in some.
const SAMPLES: usize = 100;
const TENTH: usize = SAMPLES / 10;
/// What a process holds depends on its age, and their number on how fast they die.
const MEMORY_TOLERANCE: f64 = 1.10;
/// Connections that wait come and go.
const DESCRIPTOR_TOLERANCE: u64 = 8;
/// As many draws as the issue asks for.
const DRAWS: usize = 2000;

const WITH_PACKAGES: &str = "
import { next } from 'counter';
import { kind } from 'dual';
import { version } from 'majors';
import { count } from 'side-effects';
export default { fetch: async (request) => Response.json([(await request.json()).number, next(), kind, version, count()]) };
";

#[tokio::test]
#[ignore = "takes long: make soak"]
async fn what_a_service_holds_stays_flat() {
    let runs = std::env::var("HOIST_SOAK_RUNS").map_or(RUNS, |text| text.parse().expect("a number of runs"));
    let service = Service::start_with("soak", &[], Registry::start());
    let mut samples = Vec::new();
    let mut asking = 0.0;
    for sample in 0..SAMPLES {
        let numbers = sample * runs / SAMPLES..(sample + 1) * runs / SAMPLES;
        let started = Instant::now();
        iter(numbers).for_each_concurrent(AT_ONCE, |number| run(&service, number)).await;
        asking += started.elapsed().as_secs_f64();
        samples.push(held(service.id()));
        if sample % TENTH == TENTH - 1 {
            let done = (sample + 1) * runs / SAMPLES;
            println!("{done} runs, {:.0} a second: {:?}", done as f64 / asking, samples[sample]);
        }
    }
    let (early, late) = (&samples[TENTH..2 * TENTH], &samples[SAMPLES - TENTH..]);
    let least = |samples: &[Held], what: fn(&Held) -> u64| samples.iter().map(what).min().expect("a tenth has samples");
    let memory = [early, late].map(|samples| least(samples, |held| held.resident_bytes));
    let descriptors = [early, late].map(|samples| least(samples, |held| held.descriptors as u64));
    println!("at least {memory:?} bytes and {descriptors:?} descriptors, early and late");
    assert!(memory[1] as f64 <= memory[0] as f64 * MEMORY_TOLERANCE, "{samples:#?}");
    assert!(descriptors[1] <= descriptors[0] + DESCRIPTOR_TOLERANCE, "{samples:#?}");
    service.stop();
}

/// An empty program and one with packages, by turns.
async fn run(service: &Service, number: usize) {
    if number.is_multiple_of(2) {
        assert_eq!(value(&service.run(code("export default null;")).await), Value::Null);
        return;
    }
    let answer = service.run(automatic(WITH_PACKAGES, json!({"number": number}))).await;
    let body = answer.json()["response"]["body"].as_str().map(str::to_owned);
    assert_eq!(body, Some(json!([number, 1, "esm", "2.0.0", 1]).to_string()), "{}", answer.text);
}

#[tokio::test]
#[ignore = "takes long: make soak"]
async fn no_two_of_very_many_runs_draw_the_same() {
    super::draws::draw("soak-draws", DRAWS).await;
}
