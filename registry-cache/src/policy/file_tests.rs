use std::path::PathBuf;

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Policy, Error> {
    Policy::parse(text, "policy.json", Path::new("/etc/hoist"))
}

#[test]
fn nothing_said_is_the_default() {
    for text in ["{}", "{ /* nothing */ }", "\u{feff}{}", r#"{"names": {}, "releaseAge": {}, "lookAlikes": {},}"#] {
        assert_eq!(parse(text).unwrap(), Policy::default(), "{text}");
    }
}

#[test]
fn everything_can_be_said() {
    let policy = parse(
        r#"{
            // A week, but not for what we publish ourselves.
            "releaseAge": { "least": "7d", "exclude": ["@ours/*", "hono"] },
            "signatures": { "mode": "require", "exclude": ["@ours/*"] },
            "names": { "allow": ["@ours/*", "hono"], "deny": ["left-pad"] },
            "lookAlikes": { "mode": "warn", "young": "2w", "exclude": ["expresso"] },
            "advisories": { "file": "osv/npm.json", "refuse": "high", "ignore": ["GHSA-x"], },
        }"#,
    )
    .unwrap();
    assert_eq!(policy.release_age.least, Duration::from_secs(7 * 86_400));
    assert!(policy.release_age.exclude[0].matches("@ours/x"));
    assert_eq!(policy.signatures.mode, SignatureMode::Require);
    assert_eq!(policy.names.allow.as_ref().unwrap().len(), 2);
    assert_eq!(policy.names.deny[0].to_string(), "left-pad");
    assert_eq!((policy.look_alikes.mode, policy.look_alikes.young.as_secs()), (LookAlikeMode::Warn, 14 * 86_400));
    let advisories = policy.advisories.unwrap();
    assert_eq!(advisories.file, PathBuf::from("/etc/hoist/osv/npm.json"));
    assert_eq!((advisories.refuse, advisories.ignore.len()), (Severity::High, 1));
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    for (text, words) in [
        (r#"{"minReleaseAge": {}}"#, "minReleaseAge"),
        (r#"{"releaseAge": {"minimum": "1d"}}"#, "minimum"),
        (r#"{"signatures": {"mode": "strict"}}"#, "strict"),
        (r#"{"releaseAge": {"least": "1 fortnight"}}"#, "fortnight"),
        (r#"{"releaseAge": {"least": 5}}"#, "string"),
        (r#"{"names": {"deny": ["*"]}}"#, "@scope/*"),
        (r#"{"names": {"deny": "left-pad"}}"#, "sequence"),
        (r#"{"advisories": {}}"#, "file"),
        (r#"{"advisories": {"file": "x", "refuse": "medium"}}"#, "medium"),
        (r#"{"names": {}, "names": {}}"#, "names"),
        ("[]", "not an object"),
        ("", "not an object"),
        (r#"{"names": [["hono"]]}"#, "names is not an object"),
        ("{} {}", "more than one"),
        ("{names: {}}", "string"),
        (r#"{"names": {}"#, "object"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.code(), "invalid-policy");
        let message = error.to_string();
        assert!(message.contains("policy.json") && message.contains(words), "{text}: {message}");
        assert!(error.hint().is_some());
    }
}

proptest! {
    #[test]
    fn no_text_brings_it_down(text in "[{}\\[\\]\":,a-zA-Z0-9/* \\\\\n-]{0,80}") {
        let _ = parse(&text);
    }

    #[test]
    fn what_is_said_is_what_is_had(hours in 0u64..100_000, names in proptest::collection::vec("(@[a-z]{1,5}/)?[a-z][a-z0-9-]{0,8}", 0..5)) {
        let list = serde_json::to_string(&names).unwrap();
        let text = format!("{{\"releaseAge\": {{\"least\": \"{hours}h\", \"exclude\": {list}}}, \"names\": {{\"deny\": {list}}}}}");
        let policy = parse(&text);
        // Some of these names are none, as `a-` is but `node_modules` is not: then all of it is refused.
        if let Ok(policy) = policy {
            prop_assert_eq!(policy.release_age.least, Duration::from_secs(hours * 3600));
            for name in &names {
                prop_assert!(policy.check_name(name).is_err());
            }
            prop_assert_eq!(policy.check_name("a.name.with.dots").is_ok(), true);
        }
    }
}
