use proptest::prelude::*;

use super::*;

fn registries(texts: &[&str], environment: &[(&str, &str)]) -> Result<Registries, Error> {
    let texts: Vec<(String, String)> =
        texts.iter().enumerate().map(|(index, text)| (format!("file {index}"), (*text).to_owned())).collect();
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Registries::parse(&texts, &environment)
}

fn packument_url(registries: &Registries, name: &str) -> String {
    registries.packument_url(&PackageName::parse(name).unwrap()).unwrap().to_string()
}

fn authorization(registries: &Registries, url: &str, package: &str) -> Option<String> {
    registries.authorization(&Url::parse(url).unwrap(), package)
}

#[test]
fn scopes_and_the_default() {
    let text = "registry=https://main.invalid/npm\n@a:registry=https://scope.invalid/";
    let registries = registries(&[text], &[]).unwrap();
    assert_eq!(packument_url(&registries, "x"), "https://main.invalid/npm/x");
    assert_eq!(packument_url(&registries, "@a/x"), "https://scope.invalid/@a%2Fx");
    assert_eq!(packument_url(&registries, "@b/x"), "https://main.invalid/npm/@b%2Fx");
    assert!(packument_url(&Registries::default(), "x").starts_with(NPM_DEFAULT_REGISTRY));
}

#[test]
fn nearer_files_win_key_by_key_and_the_environment_before_all() {
    let near = "registry=https://near.invalid/\n//far.invalid/:_authToken=near";
    let far = "registry=https://far.invalid/\n@a:registry=https://far.invalid/\n//far.invalid/:_authToken=far\n//x.invalid/:_authToken=x";
    let merged = registries(&[near, far], &[]).unwrap();
    assert_eq!(packument_url(&merged, "x"), "https://near.invalid/x");
    assert_eq!(packument_url(&merged, "@a/x"), "https://far.invalid/@a%2Fx");
    assert_eq!(authorization(&merged, "https://far.invalid/y", "@a/y").unwrap(), "Bearer near");
    assert_eq!(authorization(&merged, "https://x.invalid/y", "y").unwrap(), "Bearer x");
    let set = registries(&[near], &[("npm_config_registry", "https://set.invalid/")]).unwrap();
    assert_eq!(packument_url(&set, "x"), "https://set.invalid/x");
}

#[test]
fn credentials_of_every_kind() {
    let text = "//t.invalid/:_authToken=${TOKEN}\n//b.invalid/:_auth=dTpw\n//u.invalid/:username=u\n//u.invalid/:_password=cA==\nregistry=https://own:p%40ss@o.invalid/";
    let registries = registries(&[text], &[("TOKEN", "secret")]).unwrap();
    assert_eq!(authorization(&registries, "https://t.invalid/a", "a").unwrap(), "Bearer secret");
    assert_eq!(authorization(&registries, "https://b.invalid/a", "a").unwrap(), "Basic dTpw");
    assert_eq!(authorization(&registries, "https://u.invalid/a", "a").unwrap(), "Basic dTpw");
    let own = authorization(&registries, "https://o.invalid/a", "a").unwrap();
    assert_eq!(own, format!("Basic {}", BASE64_STANDARD.encode("own:p@ss")));
    assert_eq!(packument_url(&registries, "a"), "https://o.invalid/a");
}

#[test]
fn credentials_stay_with_their_url() {
    let text = "registry=https://r.invalid/npm/\n//r.invalid/npm/:_authToken=secret";
    let registries = registries(&[text], &[]).unwrap();
    assert!(authorization(&registries, "https://r.invalid/npm/a", "a").is_some());
    for elsewhere in [
        "https://other.invalid/npm/a",
        "https://r.invalid.other.invalid/npm/a",
        "https://r.invalid:8443/npm/a",
        "http://r.invalid/npm/a",
        "https://r.invalid@other.invalid/npm/a",
    ] {
        assert_eq!(authorization(&registries, elsewhere, "a"), None, "{elsewhere}");
    }
}

#[test]
fn nothing_prints_a_credential() {
    let text = "registry=https://user:secret@r.invalid/\n@a:registry=https://u:secret@a.invalid/\n//r.invalid/:_authToken=secret\n//r.invalid/:_password=c2VjcmV0";
    let registries = registries(&[text], &[]).unwrap();
    let shown = format!("{registries:?} {:#?} {}", registries, registries.fingerprint());
    assert!(!shown.contains("secret") && !shown.contains("c2VjcmV0"), "{shown}");
    assert!(shown.contains("r.invalid"));
}

#[test]
fn bad_settings_are_named_and_not_repeated() {
    for text in ["registry=secret", "registry=ftp://secret/", "@a:registry=secret"] {
        let error = registries(&[text], &[]).unwrap_err();
        assert_eq!(error.code(), "invalid-npmrc");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    assert!(registries(&[], &[("npm_config_registry", "nonsense")]).is_err());
    assert!(registries(&[], &[("npm_config_registry", "")]).is_ok());
}

#[test]
fn tarballs_of_the_default_registry_come_from_the_configured_one() {
    let registries = registries(&["registry=http://127.0.0.1:4873/npm/"], &[]).unwrap();
    let announced = format!("{NPM_DEFAULT_REGISTRY}/a/-/a-1.0.0.tgz");
    assert_eq!(registries.tarball_url("a", &announced).unwrap().as_str(), "http://127.0.0.1:4873/npm/a/-/a-1.0.0.tgz");
    let other = "http://cdn.invalid/a.tgz";
    assert_eq!(registries.tarball_url("a", other).unwrap().as_str(), other);
    for bad in ["", "a.tgz", "file:///etc/passwd", "data:x,y"] {
        assert_eq!(registries.tarball_url("a", bad).unwrap_err().code(), "no-tarball", "{bad}");
    }
}

#[test]
fn the_longest_prefix_with_a_whole_credential_wins() {
    let text = "registry=https://r.invalid/a/b/\n//r.invalid/:_authToken=host\n//r.invalid/a/:_authToken=a\n\
        //r.invalid/a/b/:username=nobody\n//r.invalid/a/b/:email=x\n//r.invalid/a/c:_authToken=c";
    let registries = registries(&[text], &[]).unwrap();
    for (path, expected) in [
        ("/", "host"),
        ("/x", "host"),
        ("/ab", "host"),
        ("/a/x", "a"),
        // A name without a password is no credential, and hides none.
        ("/a/b/x", "a"),
        ("/a/c", "c"),
        ("/a/c/x", "c"),
        ("/a/cx", "a"),
        ("/a/../x", "host"),
        ("/a/%2e%2e/x", "host"),
    ] {
        let url = format!("https://r.invalid{path}");
        assert_eq!(authorization(&registries, &url, "x").unwrap(), format!("Bearer {expected}"), "{path}");
    }
}

#[test]
fn tokens_and_prefixes_of_every_form() {
    let text = "//n.invalid/:_authToken=12345\n//t.invalid/:_authToken=true\n//e.invalid/:_auth=\"dTpw==\"\n\
        //${HOST}/:_authToken=${TOKEN?}x\n//l.invalid:8080/npm/:_authToken=port\n//u.invalid/:_authToken=${UNSET}";
    let environment = [("HOST", "h.invalid"), ("npm_config_//v.invalid/:_authToken", "variable")];
    let registries = registries(&[text], &environment).unwrap();
    for (url, expected) in [
        ("https://n.invalid/a", "Bearer 12345"),
        ("https://t.invalid/a", "Bearer true"),
        ("https://e.invalid/a", "Basic dTpw=="),
        ("https://h.invalid/a", "Bearer x"),
        ("https://v.invalid/a", "Bearer variable"),
        ("https://l.invalid:8080/npm/a", "Bearer port"),
        ("https://u.invalid/a", "Bearer ${UNSET}"),
    ] {
        assert_eq!(authorization(&registries, url, "a").as_deref(), Some(expected), "{url}");
    }
    assert_eq!(authorization(&registries, "https://l.invalid/npm/a", "a"), None);
}

#[test]
fn a_credential_that_cannot_be_sent_is_named_and_not_shown() {
    for secret in ["se\ncret", "s\u{e9}cret"] {
        let error = registries(&["//r.invalid/:_authToken=${TOKEN}"], &[("TOKEN", secret)]).unwrap_err();
        assert!(error.code() == "invalid-npmrc" && error.to_string().contains("r.invalid"), "{error}");
        assert!(!error.to_string().contains("cret"), "{error}");
    }
}

#[test]
fn tarball_urls_are_rewritten_as_npm_says() {
    let npm = format!("{NPM_DEFAULT_REGISTRY}/a/-/a-1.0.0.tgz?x=1");
    let other = "https://other.invalid/a/-/a.tgz";
    let own = "https://r.invalid/npm/a/-/a-1.0.0.tgz?x=1";
    for (setting, of_npm, of_other) in [
        ("", own, other),
        ("replace-registry-host=npmjs", own, other),
        ("replace-registry-host=never", npm.as_str(), other),
        ("replace-registry-host=always", own, "https://r.invalid/npm/a/-/a.tgz"),
        ("replace-registry-host=other.invalid", npm.as_str(), "https://r.invalid/npm/a/-/a.tgz"),
    ] {
        let registries = registries(&[&format!("registry=https://r.invalid/npm/\n{setting}")], &[]).unwrap();
        assert_eq!(registries.tarball_url("a", &npm).unwrap().as_str(), of_npm, "{setting}");
        assert_eq!(registries.tarball_url("a", other).unwrap().as_str(), of_other, "{setting}");
    }
    // A scope's packages go to the scope's registry.
    let scoped = registries(&["@s:registry=http://127.0.0.1:1/"], &[]).unwrap();
    let announced = format!("{NPM_DEFAULT_REGISTRY}/@s/a/-/a-1.0.0.tgz");
    assert_eq!(scoped.tarball_url("@s/a", &announced).unwrap().as_str(), "http://127.0.0.1:1/@s/a/-/a-1.0.0.tgz");
}

#[test]
fn a_packument_s_credentials_are_not_ours() {
    let registries = registries(&["registry=https://r.invalid/"], &[]).unwrap();
    let url = registries.tarball_url("a", "https://user:word@r.invalid/a.tgz").unwrap();
    assert_eq!(url.as_str(), "https://r.invalid/a.tgz");
    assert_eq!(authorization(&registries, url.as_str(), "a"), None);
}

proptest! {
    #[test]
    fn a_rewritten_url_is_at_the_registry_or_as_announced(
        host in prop_oneof![Just("default"), Just("other.invalid")],
        path in "(/[a-z@%.-]{1,8}){1,4}",
        mode in prop_oneof![Just("npmjs"), Just("never"), Just("always"), Just("other.invalid")],
        folder in "(/[a-z]{1,4}){0,2}",
    ) {
        let registries = registries(&[&format!("registry=http://127.0.0.1:4873{folder}\nreplace-registry-host={mode}")], &[]).unwrap();
        let announced = match host {
            "default" => format!("{NPM_DEFAULT_REGISTRY}{path}"),
            host => format!("https://{host}{path}"),
        };
        let url = registries.tarball_url("a", &announced).unwrap();
        let moves = mode == "always" || mode == host || (mode == "npmjs" && host == "default");
        let announced = Url::parse(&announced).unwrap();
        if !moves {
            prop_assert_eq!(url, announced);
        } else {
            prop_assert_eq!(url.origin().ascii_serialization(), "http://127.0.0.1:4873");
            prop_assert!(url.path().starts_with(&folder) && url.path().ends_with(announced.path()));
        }
    }

    #[test]
    fn any_text_is_an_npmrc_or_an_error(text in "[@a-z:/=${}\\[\\]\\\\\n _.;\"#-]{0,120}") {
        if let Ok(registries) = registries(&[&text], &[("a", "b")]) {
            let _ = authorization(&registries, "https://a.b/c", "@a/b");
        }
    }

    #[test]
    fn a_token_goes_to_its_host_only(host in "[a-z]{1,6}\\.invalid", other in "[a-z]{1,6}\\.invalid", path in "[a-z/]{0,8}") {
        prop_assume!(host != other);
        let registries = registries(&[&format!("registry=https://{host}/\n//{host}/:_authToken=secret")], &[]).unwrap();
        prop_assert_eq!(authorization(&registries, &format!("https://{other}/{path}"), "a"), None);
        let own = authorization(&registries, &format!("https://{host}/{path}"), "a");
        prop_assert!(own.is_some());
    }
}
