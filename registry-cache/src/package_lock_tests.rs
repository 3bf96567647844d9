use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::limits::Limits;

const SRI: &str = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

fn entry(version: &str, fields: Value) -> Value {
    let mut entry = json!({"version": version, "integrity": SRI, "resolved": "https://registry.invalid/x.tgz"});
    for (key, value) in fields.as_object().unwrap() {
        entry[key] = value.clone();
    }
    entry
}

fn lock(root: Value, packages: Value) -> String {
    let mut all = packages;
    all[""] = root;
    json!({"name": "x", "lockfileVersion": 3, "requires": true, "packages": all}).to_string()
}

fn parse(text: &str) -> Result<Lock, Error> {
    Lock::parse(text, "package-lock.json", &Limits::default())
}

/// `who > name: what` for every dependency.
fn edges(lock: &Lock) -> Vec<String> {
    let graph = lock.graph();
    let of = |who: &str, links: &BTreeMap<String, String>| -> Vec<String> {
        links.iter().map(|(name, id)| format!("{who} > {name}: {}", graph.packages[id].display())).collect()
    };
    let mut edges = of("", &graph.root);
    edges.extend(graph.packages.iter().flat_map(|(id, package)| of(id, &package.dependencies)));
    edges
}

#[test]
fn versions_are_those_that_node_would_find() {
    let text = lock(
        json!({"dependencies": {"a": "^1", "b": "^1", "renamed": "npm:c@2"}, "devDependencies": {"d": "1"}}),
        json!({
            "node_modules/a": entry("1.0.0", json!({"dependencies": {"c": "^1", "b": "^1"}})),
            "node_modules/a/node_modules/b": entry("1.5.0", json!({"dependencies": {"c": "^1"}})),
            "node_modules/a/node_modules/c": entry("1.9.0", json!({})),
            "node_modules/b": entry("1.2.0", json!({"dependencies": {"c": "^2"}})),
            "node_modules/c": entry("2.0.0", json!({})),
            "node_modules/d": entry("1.0.0", json!({"dev": true})),
            "node_modules/renamed": entry("2.0.0", json!({"name": "c"})),
            "node_modules/lost": entry("1.0.0", json!({"extraneous": true})),
        }),
    );
    let lock = parse(&text).unwrap();
    let expected = [
        " > a: a@1.0.0",
        " > b: b@1.2.0",
        " > renamed: c@2.0.0",
        "a@1.0.0 > b: b@1.5.0",
        "a@1.0.0 > c: c@1.9.0",
        "b@1.2.0 > c: c@2.0.0",
        "b@1.5.0 > c: c@1.9.0",
    ];
    assert_eq!(edges(&lock), expected);
    // The alias and the package itself are one.
    assert_eq!(lock.graph().packages.len(), 5);
    assert_eq!(lock.asked.requirements["renamed"], "npm:c@2");
    assert!(!lock.asked.requirements.contains_key("d"));
}

#[test]
fn optional_ones_are_for_linux_and_peers_are_found() {
    let text = lock(
        json!({"dependencies": {"a": "1"}, "optionalDependencies": {"mac": "1", "linux": "1", "absent": "1"}}),
        json!({
            "node_modules/a": entry("1.0.0", json!({
                "peerDependencies": {"peer": "1", "maybe": "1", "never": "1"},
                "peerDependenciesMeta": {"maybe": {"optional": true}, "never": {"optional": true}},
                "optionalDependencies": {"musl": "1", "not-linux": "1"}
            })),
            "node_modules/peer": entry("1.0.0", json!({"peer": true, "dependencies": {"maybe": "1"}})),
            "node_modules/maybe": entry("1.1.0", json!({})),
            "node_modules/never": entry("1.1.0", json!({"optional": true, "peer": true})),
            "node_modules/mac": entry("1.0.0", json!({"os": ["darwin"], "dependencies": {"below-mac": "1"}})),
            "node_modules/below-mac": entry("1.0.0", json!({})),
            "node_modules/linux": entry("1.0.0", json!({"os": ["linux"], "cpu": ["x64"], "libc": ["glibc"]})),
            "node_modules/musl": entry("1.0.0", json!({"libc": "musl"})),
            "node_modules/not-linux": entry("1.0.0", json!({"os": ["!linux"]})),
        }),
    );
    let lock = parse(&text).unwrap();
    let expected = [
        " > a: a@1.0.0",
        " > linux: linux@1.0.0",
        "a@1.0.0 > maybe: maybe@1.1.0",
        "a@1.0.0 > peer: peer@1.0.0",
        "peer@1.0.0 > maybe: maybe@1.1.0",
    ];
    assert_eq!(edges(&lock), expected);
    let peers: Vec<&String> = lock.graph().packages["a@1.0.0"].peers.iter().collect();
    assert_eq!(peers, ["maybe", "peer"]);
}

#[test]
fn what_is_in_a_tarball_is_not_fetched() {
    let text = lock(
        json!({"dependencies": {"a": "1"}}),
        json!({
            "node_modules/a": entry("1.0.0", json!({
                "bundleDependencies": ["inner", "unlisted"], "dependencies": {"inner": "1", "unlisted": "1", "outer": "1"}
            })),
            "node_modules/a/node_modules/inner": entry("1.0.0", json!({"inBundle": true})),
            "node_modules/outer": entry("1.0.0", json!({})),
        }),
    );
    assert_eq!(edges(&parse(&text).unwrap()), [" > a: a@1.0.0", "a@1.0.0 > outer: outer@1.0.0"]);
}

#[test]
fn a_circle_is_a_graph() {
    let text = lock(
        json!({"dependencies": {"a": "1"}}),
        json!({
            "node_modules/a": entry("1.0.0", json!({"dependencies": {"b": "1"}})),
            "node_modules/b": entry("1.0.0", json!({"dependencies": {"a": "1"}})),
        }),
    );
    assert_eq!(edges(&parse(&text).unwrap()).len(), 3);
}

#[test]
fn what_comes_from_no_registry_is_refused_by_name() {
    for (fields, specifier, kind) in [
        (json!({"link": true, "resolved": "packages/a"}), "*", "link"),
        (json!({"resolved": "git+ssh://git@host.invalid/a.git#abc"}), "github:x/a", "git"),
        (json!({"resolved": "file:a.tgz"}), "file:a.tgz", "file"),
        (json!({"resolved": "https://host.invalid/a.tgz"}), "https://host.invalid/a.tgz", "URL"),
    ] {
        let text = lock(json!({"dependencies": {"a": specifier}}), json!({"node_modules/a": entry("1.0.0", fields)}));
        let expected = Error::UnsupportedLockEntry {
            origin: "package-lock.json".to_owned(),
            entry: "node_modules/a".to_owned(),
            kind,
        };
        assert_eq!(parse(&text).unwrap_err(), expected);
    }
}

#[test]
fn what_cannot_be_used_says_why() {
    let code = |text: &str| parse(text).unwrap_err().code();
    let root = json!({"dependencies": {"a": "1"}});
    let one = |fields: Value| lock(root.clone(), json!({"node_modules/a": fields}));
    assert_eq!(code(r#"{"lockfileVersion": 1, "dependencies": {}}"#), "lock-version");
    assert_eq!(code(r#"{"lockfileVersion": 4}"#), "lock-version");
    assert_eq!(code(r#"{"lockfileVersion": 3}"#), "invalid-lock");
    assert_eq!(code(r#"{"lockfileVersion": 3, "packages": {}}"#), "invalid-lock");
    assert_eq!(code(r#"{"lockfileVersion": 3, "packages": []}"#), "lock-syntax");
    assert_eq!(code(&lock(root.clone(), json!({}))), "invalid-lock");
    assert_eq!(code(&one(json!({"version": "1.0.0"}))), "lock-without-integrity");
    assert_eq!(code(&one(json!({"integrity": SRI}))), "invalid-lock");
    assert_eq!(code(&one(entry("one", json!({})))), "invalid-lock");
    assert_eq!(code(&one(entry("1.0.0", json!({"integrity": "sha512-x"})))), "invalid-lock");
    assert_eq!(code(&one(entry("1.0.0", json!({"name": "../a"})))), "invalid-lock");
    let small = Limits { graph_packages: 0, ..Limits::default() };
    let error = Lock::parse(&one(entry("1.0.0", json!({}))), "package-lock.json", &small).unwrap_err();
    assert_eq!(error.code(), "package-limit");
}

#[test]
fn a_registry_that_is_not_named_is_the_configured_one() {
    let mut fields = entry("1.0.0", json!({}));
    fields.as_object_mut().unwrap().remove("resolved");
    let text = lock(json!({"dependencies": {"a": "1"}}), json!({"node_modules/a": fields}));
    assert_eq!(parse(&text).unwrap().graph().packages["a@1.0.0"].tarball, "");
}

fn seed() -> String {
    lock(
        json!({"dependencies": {"a": "1"}, "optionalDependencies": {"b": "npm:c@1"}}),
        json!({
            "node_modules/a": entry("1.0.0", json!({"peerDependencies": {"b": "1"}, "bundleDependencies": ["x"]})),
            "node_modules/b": entry("1.0.0", json!({"name": "c", "os": ["linux"], "dependencies": {"@s/d": "*"}})),
            "node_modules/b/node_modules/@s/d": entry("1.0.0-rc.1", json!({"dependencies": {"a": "*"}})),
        }),
    )
}

#[test]
fn the_seed_is_a_lock() {
    assert_eq!(parse(&seed()).unwrap().graph().packages.len(), 3);
}

proptest! {
    #[test]
    fn a_damaged_lock_is_a_lock_or_an_error(at in any::<prop::sample::Index>(), byte in any::<u8>(), length in 0usize..8) {
        let mut bytes = seed().into_bytes();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, [byte]);
        if let Ok(lock) = parse(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(lock.graph().is_closed());
        }
    }
}
