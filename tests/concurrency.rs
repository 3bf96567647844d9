//! Many commands on one cache at the same time.

use std::thread;

use crate::place::{Place, finish};
use crate::registry::Registry;

/// As many as the issue asks for.
const COMMANDS: usize = 16;

const PROGRAM: &str = "
import { kind } from 'dual';
import { version } from 'majors';
import { inner } from 'uses-old-major';
import callable from 'callable';
export default (input: number) => ({ input, kind, version, inner, called: callable(String(input)) });
";

#[test]
fn sixteen_commands_on_one_empty_cache() {
    let registry = Registry::start();
    let place = Place::with_registry("sixteen", &registry.url());
    place.write(
        "package.json",
        r#"{"dependencies": {"dual": "1", "majors": "2", "uses-old-major": "1", "callable": "1"}}"#,
    );
    place.write("agent.ts", PROGRAM);
    let failures: Vec<String> = thread::scope(|scope| {
        let commands: Vec<_> = (0..COMMANDS)
            .map(|number| {
                scope.spawn({
                    let place = &place;
                    move || run_one(place, number)
                })
            })
            .collect::<Vec<_>>();
        commands.into_iter().filter_map(|command| command.join().unwrap()).collect()
    });
    assert!(failures.is_empty(), "{} of {COMMANDS} failed\n{}", failures.len(), failures.join("\n\n"));
    // Whoever came first fetched; nobody fetched again.
    let requests = registry.take_requests();
    assert!(requests.values().all(|count| *count == 1), "{requests:#?}");
    place.passed();
}

fn run_one(place: &Place, number: usize) -> Option<String> {
    let finished = finish(place.hoist(&["run", "agent.ts", "--input", &number.to_string()]));
    let expected = format!(
        "{{\"input\":{number},\"kind\":\"esm\",\"version\":\"2.0.0\",\"inner\":\"1.10.0\",\"called\":\"called by {number}\"}}\n"
    );
    (finished.stdout != expected || finished.code() != 0).then(|| format!("number {number}: {}", finished.describe()))
}
