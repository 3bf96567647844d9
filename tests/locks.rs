//! Locks: given out with an answer, brought back with a request, npm's own beside a package.json.

use std::fs;

use serde_json::{Value, json};

use crate::place::{Finished, Place, finish};
use crate::registry::Registry;

const PROGRAM: &str =
    "import { version } from 'majors'; import { inner } from 'uses-old-major'; export default [version, inner];";

/// A project whose lock is in `lock.json`, made for `majors` at 1.2.
fn locked(name: &str) -> (Registry, Place) {
    let registry = Registry::start();
    let place = Place::with_registry(name, &registry.url());
    place.write("agent.ts", PROGRAM);
    place.write("package.json", r#"{"dependencies": {"majors": "~1.2", "uses-old-major": "1"}}"#);
    let resolved = finish(place.hoist(&["resolve", "--json"]));
    assert_eq!(resolved.code(), 0, "{}", resolved.describe());
    place.write("lock.json", &resolved.stdout);
    let listed = finish(place.hoist(&["resolve"]));
    assert_eq!(listed.stdout, "majors@1.2.0\nuses-old-major@1.0.0\n", "{}", listed.describe());
    registry.take_requests();
    (registry, place)
}

fn run(place: &Place, arguments: &[&str]) -> Finished {
    finish(place.hoist(&[&["run", "agent.ts"], arguments].concat()))
}

fn assert_value(finished: &Finished, value: Value) {
    assert_eq!(finished.code(), 0, "{}", finished.describe());
    assert_eq!(finished.json().unwrap(), value, "{}", finished.describe());
}

#[test]
fn a_lock_decides_and_no_packument_is_asked_for() {
    let (registry, place) = locked("lock-decides");
    place.write("package.json", r#"{"dependencies": {"majors": "1", "uses-old-major": "1"}}"#);
    for frozen in [&["--lock", "lock.json", "--frozen"][..], &["--lock", "lock.json"]] {
        assert_value(&run(&place, frozen), json!(["1.2.0", "1.2.0"]));
    }
    let requests = registry.take_requests();
    assert!(requests.len() == 2 && requests.keys().all(|path| path.contains(".tgz")), "{requests:?}");
    // Without it, the newest counts.
    assert_value(&run(&place, &[]), json!(["1.10.0", "1.10.0"]));
    place.passed();
}

#[test]
fn the_graph_of_an_answer_is_a_lock() {
    let (registry, place) = locked("lock-of-answer");
    let answer = run(&place, &["--json"]);
    let graph = &answer.json().unwrap()["graph"];
    assert_eq!(graph["lockVersion"], 1, "{}", answer.describe());
    place.write("answer.json", graph.to_string());
    registry.take_requests();
    assert_value(&run(&place, &["--lock", "answer.json", "--frozen", "--offline"]), json!(["1.2.0", "1.2.0"]));
    assert!(registry.take_requests().is_empty());
    place.passed();
}

#[test]
fn a_frozen_lock_that_does_not_fit_says_every_difference() {
    let (registry, place) = locked("lock-frozen");
    place.write("package.json", r#"{"dependencies": {"majors": "2", "dual": "1"}}"#);
    let refused = finish(place.hoist(&["resolve", "--lock", "lock.json", "--frozen"]));
    assert_eq!(refused.code(), 3, "{}", refused.describe());
    for part in ["error[lock-drift]", "dual@1 is not locked", "majors@2 is asked for", "uses-old-major is locked"] {
        assert!(refused.stderr.contains(part), "{part}: {}", refused.describe());
    }
    assert!(registry.take_requests().is_empty());
    // What fits stays otherwise.
    place.write("package.json", r#"{"dependencies": {"majors": "1", "uses-old-major": "1", "dual": "1"}}"#);
    let resolved = finish(place.hoist(&["resolve", "--lock", "lock.json"]));
    assert_eq!(resolved.stdout, "dual@1.0.0\nmajors@1.2.0\nuses-old-major@1.0.0\n", "{}", resolved.describe());
    let unlocked = run(&place, &["--frozen"]);
    assert!(unlocked.code() == 3 && unlocked.stderr.contains("error[no-lock]"), "{}", unlocked.describe());
    place.passed();
}

#[test]
fn npm_s_lock_beside_the_package_json_counts() {
    let (registry, place) = locked("lock-of-npm");
    place.write("package.json", r#"{"dependencies": {"majors": "1", "uses-old-major": "1"}}"#);
    let lock: Value = serde_json::from_str(&fs::read_to_string(place.path("project/lock.json")).unwrap()).unwrap();
    let entry = |id: &str, fields: Value| {
        let mut entry = fields;
        entry["version"] = lock["packages"][id]["version"].clone();
        entry["integrity"] = lock["packages"][id]["integrity"].clone();
        entry
    };
    let mut of_npm = json!({
        "lockfileVersion": 3,
        "packages": {
            "": {"dependencies": {"majors": "1", "uses-old-major": "1"}},
            "node_modules/majors": entry("majors@1.2.0", json!({})),
            "node_modules/uses-old-major": entry("uses-old-major@1.0.0", json!({"dependencies": {"majors": "^1.0.0"}})),
        }
    });
    place.write("package-lock.json", of_npm.to_string());
    assert_value(&run(&place, &["--frozen"]), json!(["1.2.0", "1.2.0"]));
    // It does not say where tarballs are: their packuments, which are known, do.
    let requests = registry.take_requests();
    assert!(requests.len() == 2 && requests.keys().all(|path| path.contains(".tgz")), "{requests:?}");
    of_npm["packages"]["node_modules/majors"] = json!({"resolved": "../majors", "link": true});
    place.write("package-lock.json", of_npm.to_string());
    let warned = run(&place, &[]);
    assert_value(&warned, json!(["1.10.0", "1.10.0"]));
    assert!(warned.stderr.contains("node_modules/majors is a link dependency"), "{}", warned.describe());
    let refused = run(&place, &["--lock", "package-lock.json"]);
    assert!(refused.code() == 3 && refused.stderr.contains("error[unsupported-lock-entry]"), "{}", refused.describe());
    place.passed();
}
