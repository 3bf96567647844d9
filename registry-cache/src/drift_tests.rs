use serde_json::{Value, json};

use super::*;
use crate::limits::Limits;
use crate::lock::LockedPackage;

fn manifest(value: &Value) -> Manifest {
    Manifest::parse_package_json(&value.to_string(), "package.json").unwrap()
}

fn package(name: &str, version: &str) -> LockedPackage {
    LockedPackage {
        name: name.to_owned(),
        version: version.to_owned(),
        integrity: String::new(),
        tarball: String::new(),
        dependencies: BTreeMap::new(),
        peers: Default::default(),
    }
}

/// A lock that was made for a manifest, with these packages at its root.
fn lock(made_for: &Value, root: &[(&str, &str, &str)]) -> Lock {
    let mut graph = Graph::default();
    for (alias, name, version) in root {
        graph.root.insert((*alias).to_owned(), (*alias).to_owned());
        graph.packages.insert((*alias).to_owned(), package(name, version));
    }
    Lock::new(graph, &manifest(made_for))
}

fn sentences(lock: &Lock, wanted: &Value) -> Vec<String> {
    lock.differences(&manifest(wanted)).iter().map(ToString::to_string).collect()
}

#[test]
fn a_lock_fits_what_it_was_made_for() {
    let made_for = json!({
        "dependencies": {"a": "^1", "b": "npm:c@latest"}, "optionalDependencies": {"never": "1"}, "overrides": {"d": "1"}
    });
    let lock = lock(&made_for, &[("a", "a", "1.2.3"), ("b", "c", "4.0.0-rc.1")]);
    assert!(sentences(&lock, &made_for).is_empty());
}

#[test]
fn a_range_may_change_as_long_as_it_is_satisfied() {
    let lock = lock(&json!({"dependencies": {"a": "^1"}}), &[("a", "a", "1.2.3")]);
    assert!(sentences(&lock, &json!({"dependencies": {"a": "1.2.x"}})).is_empty());
    let expected = ["a@^2 is asked for and a@1.2.3 is locked"];
    assert_eq!(sentences(&lock, &json!({"dependencies": {"a": "^2"}})), expected);
}

#[test]
fn every_difference_is_said() {
    let made_for = json!({"dependencies": {"gone": "1", "tag": "latest", "alias": "npm:x@1", "lied": "^1"}});
    let root = [("gone", "gone", "1.0.0"), ("tag", "tag", "1.0.0"), ("alias", "x", "1.0.0"), ("lied", "lied", "2.0.0")];
    let wanted = json!({
        "dependencies": {"new": "^1", "tag": "next", "alias": "npm:y@1", "lied": "^1"},
        "optionalDependencies": {"maybe": "1"},
        "overrides": {"d": "1"}
    });
    let expected = [
        "the overrides are not those that it was made with",
        "alias@npm:y@1 is asked for and x@1.0.0 is locked",
        "lied@^1 is asked for and lied@2.0.0 is locked",
        "maybe@1 is not locked",
        "new@^1 is not locked",
        "tag@next is asked for and tag@1.0.0 is locked",
        "gone is locked (gone@1.0.0) and not asked for",
    ];
    assert_eq!(sentences(&lock(&made_for, &root), &wanted), expected);
}

#[test]
fn an_override_may_have_replaced_the_range() {
    let made_for = json!({"dependencies": {"a": "^1"}, "overrides": {"a": "2.0.0"}});
    let lock = lock(&made_for, &[("a", "a", "2.0.0")]);
    assert!(sentences(&lock, &made_for).is_empty());
    assert_eq!(sentences(&lock, &json!({"dependencies": {"a": "^1"}})).len(), 2);
}

#[test]
fn a_lock_that_does_not_say_what_for_is_taken_at_its_word() {
    let text = json!({
        "lockVersion": 1, "root": {"a": "a"},
        "packages": {"a": {
            "name": "a", "version": "1.0.0", "tarball": "", "dependencies": {},
            "integrity": "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="
        }}
    });
    let lock = Lock::parse(&text.to_string(), "x", &Limits::default()).unwrap();
    assert!(sentences(&lock, &json!({"dependencies": {"a": "next"}, "optionalDependencies": {"b": "1"}})).is_empty());
    assert_eq!(sentences(&lock, &json!({"dependencies": {"a": "2", "b": "1"}})).len(), 2);
}
