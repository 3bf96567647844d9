//! Real packages from the npm registry, which is the only thing here that leaves the machine: every program
//! `testdata/live/<name>.ts` with `<name>.json` beside it, the value that Node gave for it.
//!
//! Ignored unless it is asked for: `cargo test --test tests -- --ignored live`. `HOIST_LIVE=text` runs only the programs
//! whose name holds the text. The registry is npm's own unless `npm_config_registry` says otherwise.

use std::fs;
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use crate::place::{Place, finish};
use crate::universe::{files_below, testdata};

/// Programs at once.
const AT_ONCE: usize = 2;

#[test]
#[ignore = "leaves the machine"]
fn live() {
    let wanted = std::env::var("HOIST_LIVE").unwrap_or_default();
    let files = files_below(&testdata("live"));
    let names = files.iter().filter_map(|(name, _)| name.strip_suffix(".json"));
    let names: Vec<&str> = names.filter(|name| name.contains(&wanted)).collect();
    assert!(!names.is_empty(), "no program's name holds {wanted:?}");
    let waiting = Mutex::new(names);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap().pop();
                    let Some(name) = next else { break };
                    if let Err(failure) = run_live(name) {
                        failures.lock().unwrap().push(format!("== {name}: {failure}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n\n"));
}

fn run_live(name: &str) -> Result<(), String> {
    let source = ["ts", "tsx", "mjs"].map(|ending| testdata(&format!("live/{name}.{ending}")));
    let source = source.iter().find(|path| path.is_file()).ok_or("there is no program")?;
    let expected = fs::read_to_string(testdata(&format!("live/{name}.json"))).unwrap();
    let expected: Value = serde_json::from_str(&expected).map_err(|error| format!("the expected value: {error}"))?;
    let place = Place::new(name);
    let file = source.file_name().unwrap().to_str().unwrap();
    place.write(file, fs::read(source).unwrap());
    let mut command = place.hoist(&["run", file]);
    with_own_network(&mut command);
    let finished = finish(command);
    if finished.code() != 0 {
        return Err(finished.describe());
    }
    let value = finished.json()?;
    if value != expected {
        return Err(format!("expected {expected}\n{}", finished.describe()));
    }
    place.passed();
    Ok(())
}

/// The way to the registry is the machine's own.
pub(crate) fn with_own_network(command: &mut Command) {
    for (variable, value) in std::env::vars_os() {
        let lower = variable.to_string_lossy().to_lowercase();
        if ["npm_config_registry", "http_proxy", "https_proxy", "no_proxy", "ssl_cert_file", "node_extra_ca_certs"]
            .contains(&lower.as_str())
        {
            command.env(variable, value);
        }
    }
}
