use proptest::prelude::*;
use serde_json::json;

use super::*;

const SRI: &str = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";

fn document() -> Value {
    json!({
        "lockVersion": 1,
        "requirements": {"a": "^1", "b": "npm:@s/c@latest"},
        "overrides": {"x": "1"},
        "root": {"a": "a@1.0.0", "b": "c"},
        "packages": {
            "a@1.0.0": {
                "name": "a", "version": "1.0.0", "integrity": SRI, "tarball": "https://registry.invalid/a.tgz",
                "dependencies": {"peer": "c"}, "peers": ["peer"]
            },
            "c": {
                "name": "@s/c", "version": "2.0.0-rc.1", "integrity": SRI, "tarball": "", "dependencies": {"a": "a@1.0.0"}
            }
        }
    })
}

fn parse(text: &str) -> Result<Lock, Error> {
    Lock::parse(text, "the lock", &Limits::default())
}

#[test]
fn what_is_given_out_is_taken_back() {
    let lock = parse(&document().to_string()).unwrap();
    assert_eq!(serde_json::to_value(&lock).unwrap(), document());
    assert_eq!(parse(&serde_json::to_string(&lock).unwrap()).unwrap(), lock);
}

#[test]
fn a_lock_says_what_it_was_made_for() {
    let text = r#"{"dependencies": {"a": "1", "b": "npm:c@^2"}, "overrides": {"d": "1"}}"#;
    let manifest = Manifest::parse_package_json(text, "package.json").unwrap();
    let value = serde_json::to_value(Lock::new(Graph::default(), &manifest)).unwrap();
    let expected = json!({
        "lockVersion": 1, "requirements": {"a": "1", "b": "npm:c@^2"}, "overrides": {"d": "1"}, "root": {}, "packages": {}
    });
    assert_eq!(value, expected);
}

/// The document with one part replaced.
fn with(pointer: &str, value: Value) -> String {
    let mut document = document();
    *document.pointer_mut(pointer).unwrap() = value;
    document.to_string()
}

#[test]
fn a_stranger_s_lock_is_checked() {
    let a = "/packages/a@1.0.0";
    for (text, code) in [
        ("[]".to_owned(), "lock-syntax"),
        ("{".to_owned(), "lock-syntax"),
        ("{}".to_owned(), "invalid-lock"),
        (with("/lockVersion", json!(2)), "lock-version"),
        (with("/lockVersion", json!("1")), "lock-syntax"),
        (with("/packages", json!({})), "invalid-lock"),
        (with("/root/a", json!("gone")), "invalid-lock"),
        (with("/root", json!({"../a": "c"})), "invalid-lock"),
        (with(&format!("{a}/dependencies"), json!({"peer": "gone"})), "invalid-lock"),
        (with(&format!("{a}/dependencies"), json!({"..": "c", "peer": "c"})), "invalid-lock"),
        (with(&format!("{a}/peers"), json!(["other"])), "invalid-lock"),
        (with(&format!("{a}/name"), json!("A B")), "invalid-lock"),
        (with(&format!("{a}/version"), json!("^1.0.0")), "invalid-lock"),
        (with(&format!("{a}/version"), json!("1.0")), "invalid-lock"),
        (with(&format!("{a}/integrity"), json!("")), "invalid-lock"),
        (with(&format!("{a}/integrity"), json!("md5-1B2M2Y8AsgTpgAmY7PhCfg==")), "invalid-lock"),
        (with(&format!("{a}/tarball"), json!("file:///etc/passwd")), "invalid-lock"),
        (with(&format!("{a}/tarball"), json!("ftp://x.invalid/a.tgz")), "invalid-lock"),
    ] {
        let error = parse(&text).unwrap_err();
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.to_string().contains("the lock") && error.hint().is_some(), "{error}");
    }
    for limits in [Limits { graph_packages: 1, ..Limits::default() }, Limits { lock_bytes: 9, ..Limits::default() }] {
        let error = Lock::parse(&document().to_string(), "the lock", &limits).unwrap_err();
        assert_eq!(error.code(), "package-limit");
    }
}

#[test]
fn what_nothing_reaches_is_dropped() {
    let lock = parse(&with("/root", json!({}))).unwrap();
    assert!(lock.graph().packages.is_empty());
}

#[test]
fn only_the_strongest_integrity_counts() {
    let text = with("/packages/c/integrity", json!(format!("sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk= {SRI}")));
    assert_eq!(parse(&text).unwrap().graph().packages["c"].integrity, SRI);
}

#[test]
fn tarballs_come_from_the_configured_registry() {
    let npmrc = "registry=https://registry.invalid/npm/\n@s:registry=https://other.invalid/".to_owned();
    let registries = Registries::parse(&[(".npmrc".to_owned(), npmrc)], &BTreeMap::new()).unwrap();
    let tarball_from = |url: &str, id: &str| {
        let text = with(&format!("/packages/{id}/tarball"), json!(url));
        parse(&text).unwrap().graph_from(&registries).packages[id].tarball.clone()
    };
    let own = "https://registry.invalid/elsewhere/a.tgz";
    assert_eq!(tarball_from(own, "a@1.0.0"), own);
    for url in ["http://registry.invalid/a.tgz", "https://registry.invalid:81/a.tgz", "http://127.0.0.1/a.tgz", ""] {
        assert_eq!(tarball_from(url, "a@1.0.0"), "", "{url}");
    }
    // The registry of its scope counts.
    assert_eq!(tarball_from(own, "c"), "");
}

proptest! {
    #[test]
    fn any_text_is_a_lock_or_an_error(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn a_damaged_lock_is_whole_or_an_error(at in any::<prop::sample::Index>(), byte in any::<u8>(), length in 0usize..8) {
        let mut bytes = document().to_string().into_bytes();
        let at = at.index(bytes.len());
        let end = (at + length).min(bytes.len());
        bytes.splice(at..end, [byte]);
        if let Ok(lock) = parse(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(lock.graph().is_closed());
            let again = parse(&serde_json::to_string(&lock).unwrap()).unwrap();
            prop_assert_eq!(again, lock);
        }
    }
}
