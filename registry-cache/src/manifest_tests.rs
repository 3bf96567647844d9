use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Manifest, Error> {
    Manifest::parse_package_json(text, "package.json")
}

fn ranges(manifest: &Manifest) -> Vec<(String, String, String)> {
    let line = |(alias, requirement): (&PackageName, &Requirement)| {
        (alias.to_string(), requirement.package.to_string(), requirement.range.clone())
    };
    manifest.dependencies.iter().map(line).collect()
}

#[test]
fn dependencies_and_optional_ones_count() {
    let manifest = parse(
        r#"{"name": "x", "dependencies": {"a": "^1", "b": ""}, "devDependencies": {"d": "github:no/no"},
            "optionalDependencies": {"a": "^2", "o": "next"}, "overrides": {"c": "1.0.0"}}"#,
    )
    .unwrap();
    let expected = [("a", "a", "^2"), ("b", "b", "*"), ("o", "o", "next")];
    let expected = expected.map(|(alias, package, range)| (alias.to_owned(), package.to_owned(), range.to_owned()));
    assert_eq!(ranges(&manifest), expected);
    assert!(manifest.dependencies["a"].optional && !manifest.dependencies["b"].optional);
    assert!(manifest.overrides.is_some());
    assert_eq!(manifest.names().collect::<Vec<_>>(), ["a", "b", "o"]);
    assert!(manifest.contains("o") && !manifest.contains("d"));
}

#[test]
fn aliases_keep_name_and_package_apart() {
    let mut manifest = Manifest::default();
    manifest.add("left", "npm:left-pad@^1").unwrap();
    manifest.add("scoped", "npm:@a/b@2").unwrap();
    manifest.add("bare", "npm:@a/b").unwrap();
    let expected = [("bare", "@a/b", "*"), ("left", "left-pad", "^1"), ("scoped", "@a/b", "2")];
    let expected = expected.map(|(alias, package, range)| (alias.to_owned(), package.to_owned(), range.to_owned()));
    assert_eq!(ranges(&manifest), expected);
}

#[test]
fn what_is_no_manifest_is_named() {
    for (text, code) in [
        ("", "manifest-syntax"),
        ("{", "manifest-syntax"),
        ("[]", "manifest-shape"),
        ("null", "manifest-shape"),
        (r#"{"dependencies": []}"#, "manifest-shape"),
        (r#"{"dependencies": {"a": 1}}"#, "manifest-shape"),
        (r#"{"overrides": "a"}"#, "manifest-shape"),
        (r#"{"dependencies": {"../a": "1"}}"#, "invalid-package-name"),
        (r#"{"dependencies": {"a": "not a range"}}"#, "invalid-range"),
        (r#"{"dependencies": {"a": ">=1 <<2"}}"#, "invalid-range"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.code(), code, "{text}: {error}");
        assert!(error.hint().is_some());
        assert!(error.to_string().contains("package.json"), "{error}");
    }
    assert!(parse("\u{feff}{}").is_ok());
}

#[test]
fn requirements_from_elsewhere_are_refused_by_kind() {
    for (specifier, kind) in [
        ("user/repository", "git"),
        ("user/repository#main", "git"),
        ("github:user/repository", "git"),
        ("git+ssh://git@host/a.git", "git"),
        ("git@host:a/b.git", "git"),
        ("git://host/a.git", "git"),
        ("file:../a", "file"),
        ("./a", "file"),
        ("~/a", "file"),
        ("a.tgz", "file"),
        ("link:../a", "link"),
        ("portal:../a", "portal"),
        ("patch:a@1#x", "patch"),
        ("workspace:*", "workspace"),
        ("catalog:", "catalog"),
        ("https://host/a.tgz", "URL"),
        ("http://host/a", "URL"),
        ("jsr:@a/b", "JSR"),
        ("npm:a@npm:b", "nested alias"),
        ("npm:a@github:b/c", "git"),
    ] {
        let mut manifest = Manifest { origin: "--dep".to_owned(), ..Manifest::default() };
        let error = manifest.add("a", specifier).unwrap_err();
        let Error::UnsupportedDependency { kind: found, package, .. } = &error else { panic!("{specifier}: {error}") };
        assert_eq!((*found, package.as_str()), (kind, "a"), "{specifier}");
    }
}

#[test]
fn a_token_in_a_url_is_not_repeated() {
    let mut manifest = Manifest::default();
    let error = manifest.add("a", "git+https://user:secret@host/a.git").unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[test]
fn nearer_manifests_win() {
    let near = Manifest::from_dependencies(&BTreeMap::from([("a".into(), "1".into())]), "--dep").unwrap();
    let far = parse(r#"{"dependencies": {"a": "2", "b": "3"}, "overrides": {"c": "1"}}"#).unwrap();
    let merged = near.fallback(far);
    assert_eq!(merged.dependencies["a"].range, "1");
    assert_eq!(merged.dependencies["b"].origin, "package.json");
    assert!(merged.overrides.is_some());
}

#[test]
fn names_as_npm_has_them() {
    for good in ["a", "lodash-es", "@a/b", "JSONStream", "a.b", "a_b", "@types/node", "7zip"] {
        assert!(PackageName::parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        ".",
        "..",
        ".a",
        "_a",
        "@",
        "@/",
        "@a",
        "@a/",
        "@a/.b",
        "a/b",
        "a b",
        "a\\b",
        "@a/b/c",
        "node_modules",
        "é",
    ] {
        assert!(PackageName::parse(bad).is_err(), "{bad}");
    }
    assert!(PackageName::parse(&"a".repeat(215)).is_err());
}

proptest! {
    #[test]
    fn any_text_is_a_manifest_or_an_error(text in "\\PC{0,200}") {
        let _ = parse(&text);
        let mut manifest = Manifest::default();
        let _ = manifest.add("a", &text);
        let _ = manifest.add(&text, "1");
    }

    #[test]
    fn a_good_name_is_a_safe_path(name in "[@a-zA-Z0-9._/\\\\~ -]{0,12}") {
        if PackageName::parse(&name).is_ok() {
            let parts: Vec<&str> = name.split('/').collect();
            prop_assert!(parts.iter().all(|part| !part.is_empty() && !part.starts_with('.') && !part.contains('\\')));
            let expected = if name.starts_with('@') { 2 } else { 1 };
            prop_assert_eq!(parts.len(), expected);
        }
    }
}

#[test]
fn npm_installs_the_peers_of_the_root() {
    let manifest = parse(
        r#"{"peerDependencies": {"p": ">=1", "a": "1", "o": "1", "q": "1"}, "dependencies": {"a": "2"},
            "optionalDependencies": {"q": "3"}, "peerDependenciesMeta": {"o": {"optional": true}, "p": {"optional": false}}}"#,
    )
    .unwrap();
    let found: Vec<(&str, &str, bool)> = manifest
        .dependencies
        .iter()
        .map(|(alias, requirement)| (alias.as_str(), requirement.range.as_str(), requirement.optional))
        .collect();
    assert_eq!(found, [("a", "2", false), ("p", ">=1", false), ("q", "3", true)]);
}

#[test]
fn resolutions_are_overrides() {
    let overrides = |text: &str| parse(text).unwrap().overrides;
    let expected = serde_json::json!({"a": "1", "b": {"c": "2"}});
    assert_eq!(overrides(r#"{"resolutions": {"**/a": "1", "b/c": "2"}}"#), Some(expected.clone()));
    assert_eq!(overrides(r#"{"resolutions": {"a": "9", "b/c": "2"}, "overrides": {"a": "1"}}"#), Some(expected));
    for text in [r#"{"resolutions": []}"#, r#"{"resolutions": {"packages/*/a": "1"}}"#, r#"{"resolutions": {"a": 1}}"#]
    {
        let code = parse(text).unwrap_err().code();
        assert!(["manifest-shape", "invalid-resolutions"].contains(&code), "{text}: {code}");
    }
}

#[test]
fn a_plain_map_is_a_manifest() {
    let names = |text: &str| -> Vec<String> {
        Manifest::parse(text, "deps.json").unwrap().names().map(str::to_owned).collect()
    };
    assert_eq!(names(r#"{"zod": "^3", "left": "npm:left-pad@1"}"#), ["left", "zod"]);
    assert_eq!(names(r#"{"dependencies": {"zod": "^3"}}"#), ["zod"]);
    assert!(names(r#"{"name": "x", "version": "1.0.0"}"#).is_empty());
    assert!(names("{}").is_empty());
    assert_eq!(Manifest::parse(r#"{"a": "git:x"}"#, "deps.json").unwrap_err().code(), "unsupported-dependency");
    assert_eq!(Manifest::parse("[]", "deps.json").unwrap_err().code(), "manifest-shape");
    assert_eq!(Manifest::parse("{", "deps.json").unwrap_err().code(), "manifest-syntax");
}

#[test]
fn what_comes_from_no_registry_is_refused_wherever_it_stands() {
    let specifiers = [
        "git+https://host.invalid/a.git",
        "git@host.invalid:a.git",
        "github:a/b",
        "a/b",
        "a/b#main",
        "gist:1",
        "file:../a",
        "../a",
        "~/a",
        "/a",
        "a.tgz",
        "link:../a",
        "portal:../a",
        "workspace:*",
        "catalog:",
        "http://host.invalid/a.tgz",
        "https://host.invalid/a",
        "patch:a@1#b",
        "jsr:@a/b",
    ];
    for field in ["dependencies", "optionalDependencies", "peerDependencies"] {
        for specifier in specifiers {
            let text = serde_json::json!({field: {"a": specifier}}).to_string();
            let error = parse(&text).unwrap_err();
            assert_eq!(error.code(), "unsupported-dependency", "{text}");
            assert!(error.hint().is_some() && error.to_string().contains("package a"), "{error}");
        }
    }
}
