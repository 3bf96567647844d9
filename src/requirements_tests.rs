//! Given these imports and manifests, these packages are asked for.

use super::*;

fn import(specifier: &str, package: &str, range: Option<&str>, subpath: &str) -> Import {
    Import {
        specifier: specifier.to_owned(),
        package: package.to_owned(),
        range: range.map(str::to_owned),
        subpath: subpath.to_owned(),
        importer: "agent.ts".to_owned(),
        line: 3,
    }
}

fn manifest(dependencies: &[(&str, &str)], origin: &str) -> Manifest {
    let dependencies = dependencies.iter().map(|(name, range)| ((*name).to_owned(), (*range).to_owned())).collect();
    Manifest::from_dependencies(&dependencies, origin).unwrap()
}

/// The requirements as `alias=package@range`.
fn asked(requirements: &Requirements) -> Vec<String> {
    let dependencies = &requirements.manifest.dependencies;
    dependencies
        .iter()
        .map(|(alias, requirement)| format!("{alias}={}@{}", requirement.package, requirement.range))
        .collect()
}

fn pairs(rewrites: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    rewrites.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect()
}

#[test]
fn the_nearest_source_decides() {
    let named =
        manifest(&[("zod", "^4")], "--dep").fallback(manifest(&[("zod", "^3"), ("hono", "^4")], "package.json"));
    let imports = [
        import("zod@2/v4", "zod", Some("2"), "/v4"),
        import("hono", "hono", None, ""),
        import("ms@1", "ms", Some("1"), ""),
    ];
    let requirements = gather(named, &imports, Unlisted::Refuse).unwrap();
    assert_eq!(asked(&requirements), ["hono=hono@^4", "ms=ms@1", "zod=zod@^4"]);
    assert_eq!(pairs(&requirements.rewrites()), [("ms@1", "ms"), ("zod@2/v4", "zod/v4")]);
    assert_eq!(requirements.warnings.len(), 1);
    assert_eq!(requirements.warnings[0].code, "overruled-version");
    assert_eq!(requirements.manifest.dependencies["ms"].origin, "agent.ts:3");
}

#[test]
fn a_version_in_one_specifier_counts_for_all_of_that_name() {
    let imports = [import("zod", "zod", None, ""), import("npm:zod@^3/v4", "zod", Some("^3"), "/v4")];
    let requirements = gather(Manifest::default(), &imports, Unlisted::Refuse).unwrap();
    assert_eq!(asked(&requirements), ["zod=zod@^3"]);
    assert_eq!(pairs(&requirements.rewrites()), [("npm:zod@^3/v4", "zod/v4")]);
}

#[test]
fn an_import_that_nothing_names_is_refused_or_latest() {
    let imports = [import("npm:zod", "zod", None, "")];
    let error = gather(Manifest::default(), &imports, Unlisted::Refuse).unwrap_err();
    assert!(error.to_string().starts_with("agent.ts:3: cannot import"), "{error}");
    let Error::UnlistedImports(found) = error else { panic!() };
    assert_eq!((found[0].file.as_deref(), found[0].line), (Some("agent.ts"), Some(3)));
    assert!(found[0].hint.as_deref().unwrap().contains("--dep zod@<range>"));
    let requirements = gather(Manifest::default(), &imports, Unlisted::Latest).unwrap();
    assert_eq!(asked(&requirements), ["zod=zod@latest"]);
    assert_eq!(pairs(&requirements.rewrites()), [("npm:zod", "zod")]);
}

#[test]
fn two_ranges_stand_side_by_side() {
    let imports = [import("@a/b@1/x", "@a/b", Some("1"), "/x"), import("@a/b@2", "@a/b", Some("2"), "")];
    let requirements = gather(Manifest::default(), &imports, Unlisted::Refuse).unwrap();
    assert_eq!(asked(&requirements), ["@a/b~1=@a/b@1", "@a/b~2=@a/b@2"]);
    assert_eq!(pairs(&requirements.rewrites()), [("@a/b@1/x", "@a/b~1/x"), ("@a/b@2", "@a/b~2")]);
}

#[test]
fn two_ranges_do_not_say_what_a_third_import_means() {
    let imports = [import("b@1", "b", Some("1"), ""), import("b@2", "b", Some("2"), ""), import("b", "b", None, "")];
    let Err(Error::UnlistedImports(found)) = gather(Manifest::default(), &imports, Unlisted::Refuse) else { panic!() };
    assert!(found[0].message.contains("b@1 and b@2"), "{}", found[0].message);
    let requirements = gather(Manifest::default(), &imports, Unlisted::Latest).unwrap();
    assert_eq!(asked(&requirements), ["b=b@latest", "b~1=b@1", "b~2=b@2"]);
}

#[test]
fn two_ranges_that_mean_one_version_are_one_package() {
    let imports = [import("b@1", "b", Some("1"), ""), import("b@^1", "b", Some("^1"), "")];
    let mut requirements = gather(Manifest::default(), &imports, Unlisted::Refuse).unwrap();
    let ids = ["b~1", "b~2"].map(|alias| (alias.to_owned(), "b@1.0.0".to_owned()));
    let mut graph = Graph { root: BTreeMap::from(ids), ..Graph::default() };
    requirements.merge_aliases(&mut graph);
    assert_eq!(graph.root.keys().collect::<Vec<_>>(), ["b~1"]);
    assert_eq!(pairs(&requirements.rewrites()), [("b@1", "b~1"), ("b@^1", "b~1")]);
}

#[test]
fn a_path_that_is_no_package_is_said_to_be_none() {
    let Err(Error::UnlistedImports(found)) =
        gather(Manifest::default(), &[import("@/lib", "@/lib", None, "")], Unlisted::Refuse)
    else {
        panic!()
    };
    assert!(found[0].message.contains("no package name"), "{}", found[0].message);
}

#[test]
fn bad_ranges_say_where_they_stand() {
    let found =
        gather(Manifest::default(), &[import("b@git:x", "b", Some("git:x"), "")], Unlisted::Refuse).unwrap_err();
    assert_eq!(found.code(), "unsupported-dependency");
    assert!(found.to_string().contains("agent.ts:3"), "{found}");
}

#[test]
fn what_a_nearer_source_decides_may_be_anything_farther_away() {
    let text = r#"{"dependencies": {"a": "file:../a", "b": "^1"}, "overrides": {"c": "1.10"}}"#;
    assert_eq!(
        parse_manifest(text, "package.json", &Manifest::default()).unwrap_err().code(),
        "unsupported-dependency"
    );
    let found = parse_manifest(text, "package.json", &manifest(&[("a", "1")], "--dep")).unwrap();
    assert_eq!(found.names().collect::<Vec<_>>(), ["b"]);
    assert_eq!(found.overrides.unwrap()["c"], "1.10");
    assert_eq!(parse_manifest("{", "x", &manifest(&[("a", "1")], "--dep")).unwrap_err().code(), "manifest-syntax");
}
