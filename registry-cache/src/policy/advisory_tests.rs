use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::test_registry::Scratch;

fn rule(file: &Path) -> Advisories {
    Advisories { file: file.to_owned(), refuse: Severity::Low, ignore: vec!["GHSA-ignored".to_owned()] }
}

fn index(text: &str) -> AdvisoryIndex {
    let mut index = AdvisoryIndex::default();
    osv::documents(&mut text.as_bytes(), &mut |document| index.insert(document, &rule(Path::new("x")))).unwrap();
    index
}

fn advisory(id: &str, name: &str, events: Value) -> Value {
    json!({
        "id": id,
        "summary": "it does harm",
        "affected": [{"package": {"ecosystem": "npm", "name": name}, "ranges": [{"type": "SEMVER", "events": events}]}],
        "database_specific": {"severity": "MODERATE", "cvss": 5.25},
    })
}

fn package(name: &str, version: &str) -> LockedPackage {
    LockedPackage {
        name: name.to_owned(),
        version: version.to_owned(),
        integrity: String::new(),
        tarball: String::new(),
        dependencies: BTreeMap::new(),
        peers: BTreeSet::new(),
    }
}

fn affected(index: &AdvisoryIndex, versions: &[&str]) -> Vec<String> {
    let hit = |version: &&&str| !index.about(&package("a", version)).is_empty();
    versions.iter().filter(hit).map(ToString::to_string).collect()
}

const VERSIONS: [&str; 8] = ["0.1.0", "1.0.0-rc.1", "1.0.0", "1.2.0", "1.2.1", "2.0.0-beta.1", "2.0.0", "3.0.0"];

#[test]
fn ranges_are_evaluated_as_osv_says() {
    for (events, expected) in [
        (json!([{"introduced": "0"}]), VERSIONS.to_vec()),
        (json!([{"introduced": "1.0.0"}, {"fixed": "1.2.1"}]), vec!["1.0.0", "1.2.0"]),
        // Their order in the file means nothing.
        (json!([{"fixed": "1.2.1"}, {"introduced": "1.0.0"}]), vec!["1.0.0", "1.2.0"]),
        (json!([{"introduced": "1.0.0"}, {"last_affected": "1.2.0"}]), vec!["1.0.0", "1.2.0"]),
        (
            json!([{"introduced": "0"}, {"fixed": "1.0.0"}, {"introduced": "2.0.0"}]),
            vec!["0.1.0", "1.0.0-rc.1", "2.0.0", "3.0.0"],
        ),
        (json!([{"introduced": "0"}, {"fixed": "2.0.0"}]), VERSIONS[..6].to_vec()),
        // What cannot be read makes it larger.
        (json!([{"introduced": "nonsense"}, {"fixed": "1.0.0-rc.1"}]), vec!["0.1.0"]),
        (json!([{"introduced": "2.0.0"}, {"fixed": "soon"}]), vec!["2.0.0", "3.0.0"]),
        (json!([{"introduced": "2.0.0", "unknown": 1}]), vec!["2.0.0", "3.0.0"]),
        (json!([]), vec![]),
    ] {
        let index = index(&advisory("GHSA-1", "a", events.clone()).to_string());
        assert_eq!(affected(&index, &VERSIONS), expected, "{events}");
    }
}

#[test]
fn listed_versions_count_beside_ranges() {
    let mut document = advisory("GHSA-1", "a", json!([{"introduced": "3.0.0"}]));
    document["affected"][0]["versions"] = json!(["1.0.0"]);
    assert_eq!(affected(&index(&document.to_string()), &VERSIONS), ["1.0.0", "3.0.0"]);
    document["affected"][0]["ranges"] = Value::Null;
    assert_eq!(affected(&index(&document.to_string()), &VERSIONS), ["1.0.0"]);
}

#[test]
fn some_advisories_do_not_count() {
    let all = json!([{"introduced": "0"}]);
    let mut withdrawn = advisory("GHSA-1", "a", all.clone());
    withdrawn["withdrawn"] = json!("2024-01-01T00:00:00Z");
    let mut python = advisory("GHSA-2", "a", all.clone());
    python["affected"][0]["package"]["ecosystem"] = json!("PyPI");
    let mut git = advisory("GHSA-3", "a", all.clone());
    git["affected"][0]["ranges"][0]["type"] = json!("GIT");
    let mut alias = advisory("CVE-1", "a", all.clone());
    alias["aliases"] = json!(["GHSA-ignored"]);
    let ignored = advisory("GHSA-ignored", "a", all.clone());
    let none = json!({"id": "GHSA-4", "affected": null});
    let text = json!([withdrawn, python, git, alias, ignored, none, advisory("GHSA-5", "b", all)]).to_string();
    assert!(affected(&index(&text), &VERSIONS).is_empty());
    assert_eq!(index(&text).about(&package("b", "1.0.0")).len(), 1);
}

#[test]
fn the_worst_comes_first_and_says_what_is_fixed() {
    let mut critical = advisory("GHSA-2", "a", json!([{"introduced": "1.0.0"}, {"fixed": "2.0.0"}]));
    critical["database_specific"]["severity"] = json!("CRITICAL");
    let mut unrated = advisory("MAL-1", "a", json!([{"introduced": "1.2.0"}]));
    unrated["database_specific"] = json!({"severity": {"score": 9.75}});
    let first = advisory(
        "GHSA-1",
        "a",
        json!([{"introduced": "0"}, {"fixed": "1.2.1"}, {"introduced": "1.2.2"}, {"fixed": "1.2.3"}]),
    );
    let index = index(&json!([first, unrated, critical]).to_string());
    let vulnerable = package("a", "1.2.0");
    let found = index.about(&vulnerable);
    let ids: Vec<_> = found.iter().map(|advisory| (advisory.id.as_str(), advisory.severity.name())).collect();
    assert_eq!(ids, [("GHSA-2", "critical"), ("MAL-1", "critical"), ("GHSA-1", "moderate")]);
    let fixed: Vec<_> = found.iter().map(|advisory| advisory.fixed_after("1.2.0")).collect();
    assert_eq!(fixed, [Some("2.0.0".to_owned()), None, Some("1.2.1".to_owned())]);
}

#[test]
fn a_file_holds_one_or_several_and_a_folder_files() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(&scratch.0).unwrap();
    let events = json!([{"introduced": "0"}]);
    let (one, other) = (advisory("GHSA-1", "a", events.clone()), advisory("GHSA-2", "a", events));
    let write = |name: &str, text: String| std::fs::write(scratch.0.join(name), text).unwrap();
    write("1.json", one.to_string());
    write("2.json", format!("\n [{one}, {other}]\n"));
    write("3.json", format!("{one}\n{other}\n"));
    write("readme.txt", "not one".to_owned());
    let limits = Limits::default();
    let count =
        |path: &Path| AdvisoryIndex::load(&rule(path), &limits).map(|index| index.about(&package("a", "1.0.0")).len());
    assert_eq!(["1.json", "2.json", "3.json"].map(|name| count(&scratch.0.join(name)).unwrap()), [1, 2, 2]);
    assert_eq!(count(&scratch.0).unwrap(), 5);
    let before = osv::stamp(&scratch.0, &limits).unwrap();
    assert_eq!(osv::stamp(&scratch.0, &limits).unwrap(), before);
    write("4.json", "{\"id\": 7}".to_owned());
    assert_ne!(osv::stamp(&scratch.0, &limits).unwrap(), before);
    let error = count(&scratch.0).unwrap_err();
    assert!(error.code() == "invalid-advisories" && error.to_string().contains("4.json"), "{error}");
    assert_eq!(count(&scratch.0.join("absent.json")).unwrap_err().code(), "invalid-advisories");
    assert_eq!(osv::stamp(&scratch.0.join("absent.json"), &limits).unwrap_err().code(), "invalid-advisories");
}

#[test]
fn files_are_bounded() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(&scratch.0).unwrap();
    let text = advisory("GHSA-1", "a", json!([])).to_string();
    for name in ["1.json", "2.json"] {
        std::fs::write(scratch.0.join(name), &text).unwrap();
    }
    let load = |limits: Limits| AdvisoryIndex::load(&rule(&scratch.0), &limits).unwrap_err();
    let bytes = load(Limits { advisory_bytes: text.len() as u64 + 10, ..Limits::default() });
    assert!(bytes.to_string().contains("limits.advisory_bytes"), "{bytes}");
    let files = load(Limits { advisory_files: 1, ..Limits::default() });
    assert!(files.to_string().contains("limits.advisory_files"), "{files}");
}

proptest! {
    #[test]
    fn no_text_brings_it_down(text in "[\\[\\]{}\":,a-z0-9 ]{0,120}") {
        let mut index = AdvisoryIndex::default();
        let _ = osv::documents(&mut text.as_bytes(), &mut |document| index.insert(document, &rule(Path::new("x"))));
    }

    #[test]
    fn a_range_is_what_lies_between(from in 0u64..5, length in 0u64..5, version in 0u64..10) {
        let events = json!([{"introduced": format!("{from}.0.0")}, {"fixed": format!("{}.0.0", from + length)}]);
        let index = index(&advisory("GHSA-1", "a", events).to_string());
        let hit = !index.about(&package("a", &format!("{version}.0.0"))).is_empty();
        prop_assert_eq!(hit, (from..from + length).contains(&version));
    }
}
