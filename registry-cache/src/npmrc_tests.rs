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

proptest! {
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
