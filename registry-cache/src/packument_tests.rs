use proptest::prelude::*;
use serde_json::json;

use super::*;

fn name() -> PackageName {
    PackageName::parse("a").unwrap()
}

fn parse(value: &Value, form: Form) -> Packument {
    Packument::parse(&name(), value.to_string().as_bytes(), form).unwrap()
}

fn sha512() -> String {
    format!("sha512-{}==", "A".repeat(86))
}

fn published() -> Value {
    json!({
        "name": "a", "modified": "2026-01-03T00:00:00.000Z", "readme": "long",
        "dist-tags": {"latest": "1.0.0", "nowhere": "9.0.0", "odd": 7},
        "time": {"created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-02T00:00:00.000Z", "1.0.0": "2026-01-01T10:00:00Z", "2.0.0": "soon"},
        "versions": {
            "1.0.0": {
                "name": "a", "version": "1.0.0", "bin": {"a": "cli.js"}, "scripts": {"install": "evil"}, "readme": "long", "engines": {"node": ">=1"},
                "libc": ["musl"],
                "optionalDependencies": {"b": "1", "git": "github:x/y"}, "dependencies": {"b": "1", "git": "github:x/y", "c": "2"},
                "dist": {"tarball": "http://host/a.tgz", "integrity": sha512(), "shasum": "0".repeat(40), "npm-signature": "old",
                    "signatures": [{"keyid": "SHA256:k", "sig": "c2ln"}]},
            },
            "2.0.0": {"version": "2.0.0", "dependencies": "odd", "dist": {"tarball": "http://host/b.tgz", "shasum": "0".repeat(40)}},
            "not a version": {"version": "not a version"},
            "3.0.0": {"version": "3.0.1"},
            "4.0.0": 4,
        },
    })
}

#[test]
fn what_resolution_reads_stands_beside_what_was_published() {
    let packument = parse(&published(), Form::Full);
    let info = packument.info().unwrap();
    let one = &info.versions[&Version::parse_from_npm("1.0.0").unwrap()];
    assert_eq!(one.os, [NOWHERE]);
    assert_eq!(one.optional_dependencies.keys().collect::<Vec<_>>(), ["b"]);
    assert!(!one.dependencies.contains_key("git") && one.dependencies.contains_key("c"));
    let document = packument.document();
    let one = &document["versions"]["1.0.0"];
    assert_eq!(one.get("os"), None);
    assert_eq!(one["libc"], json!(["musl"]));
    assert_eq!(one["optionalDependencies"], published()["versions"]["1.0.0"]["optionalDependencies"]);
    assert_eq!(one["dependencies"], published()["versions"]["1.0.0"]["dependencies"]);
    assert_eq!((&one["bin"], &one["engines"]), (&json!({"a": "cli.js"}), &json!({"node": ">=1"})));
    assert!(
        one.as_object()
            .unwrap()
            .keys()
            .all(|field| !field.starts_with(PUBLISHED) && field != "scripts" && field != "readme")
    );
}

#[test]
fn odd_parts_do_not_hide_the_others() {
    let packument = parse(&published(), Form::Full);
    let info = packument.info().unwrap();
    let mut versions: Vec<String> = info.versions.keys().map(ToString::to_string).collect();
    versions.sort();
    assert_eq!(versions, ["1.0.0", "2.0.0"]);
    assert_eq!(info.dist_tags.keys().collect::<Vec<_>>(), ["latest"]);
    assert_eq!(info.time.len(), 1);
    let document = packument.document();
    assert!(document["versions"]["2.0.0"]["dist"]["integrity"].as_str().unwrap().starts_with("sha1-"));
}

#[test]
fn dates_and_signatures_are_kept() {
    let packument = parse(&published(), Form::Full);
    assert_eq!(packument.modified(), date("2026-01-03T00:00:00Z"));
    assert_eq!(packument.created(), date("2026-01-01T00:00:00Z"));
    let signature = Signature { keyid: "SHA256:k".to_owned(), sig: "c2ln".to_owned() };
    assert_eq!(packument.signatures("1.0.0"), [signature]);
    assert!(packument.signatures("2.0.0").is_empty() && packument.signatures("7.0.0").is_empty());
    let mut old = published();
    old.as_object_mut().unwrap().remove("modified");
    assert_eq!(parse(&old, Form::Full).modified(), date("2026-01-02T00:00:00Z"));
    old.as_object_mut().unwrap().remove("time");
    let without = parse(&old, Form::Abbreviated);
    assert_eq!((without.modified(), without.created(), without.form()), (None, None, Form::Abbreviated));
}

#[test]
fn what_the_store_gives_back_is_the_same() {
    for (packument, form) in [
        (parse(&published(), Form::Full), Form::Full),
        (parse(&json!({"name": "a", "versions": {}}), Form::Abbreviated), Form::Abbreviated),
    ] {
        let bytes = packument.compress();
        let again = Packument::decompress(&bytes, 1 << 20).unwrap();
        assert_eq!((again.form(), again.modified(), &again.text), (form, packument.modified(), &packument.text));
        assert_eq!(Packument::decompress(&bytes, 1).is_some(), packument.text.len() <= 2);
        for length in 0..bytes.len() {
            assert!(Packument::decompress(&bytes[..length], 1 << 20).is_none(), "{length}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_packument_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Packument::parse(&name(), &body, Form::Full);
        let _ = Packument::decompress(&body, 1 << 16);
    }

    /// Whatever one field of a version holds, the resolver can read what is kept of it.
    #[test]
    fn any_field_leaves_something_that_parses(field in proptest::sample::select(KEPT.to_vec()), value in odd_value()) {
        let mut sent = published();
        sent["versions"]["1.0.0"][field] = value.clone();
        sent["dist-tags"][field] = value.clone();
        sent["time"]["1.0.0"] = value;
        let packument = parse(&sent, Form::Full);
        let info = packument.info().unwrap();
        for version in info.versions.keys() {
            prop_assert!(info.versions.get(version).is_some());
        }
        packument.document();
        packument.signatures("1.0.0");
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-z0-9.:/^~*\"\\\\é-]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-z]{1,4}", inner, 0..3)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}
