//! The rules where they are asked: in a cache, before a registry.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use super::*;
use crate::test_bench::Bench;
use crate::test_registry::{Reply, Scratch, TestRegistry};
use crate::{Ahead, CacheUse, Drift, Graph, Lock, Manifest, Wanted};

/// The time is the 12th; a day before that is the 11th at this hour.
const OLD: &str = "1970-01-11T13:00:00.000Z";
const YOUNG: &str = "1970-01-11T14:00:00.000Z";
const KEYS: &str = "/-/npm/v1/keys";

fn patterns(texts: &[&str]) -> Vec<NamePattern> {
    texts.iter().map(|text| NamePattern::parse(text).unwrap()).collect()
}

/// Says when versions were published, and that the package changed at the last of these times.
fn date(registry: &TestRegistry, name: &str, dates: &[(&str, &str)]) {
    registry.edit(name, |document| {
        document["time"] = dates.iter().map(|(version, date)| ((*version).to_owned(), json!(date))).collect();
        document["modified"] = json!(dates.iter().map(|(_, date)| *date).max());
    });
}

fn versions(graph: &Graph) -> Vec<String> {
    graph.packages.values().map(crate::LockedPackage::display).collect()
}

async fn graph(bench: &Bench, dependencies: Value) -> Graph {
    bench.trip(json!({"dependencies": dependencies})).await.unwrap().0
}

/// A package with an old and a young version.
async fn aging() -> Bench {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    bench.registry.publish("a", "1.1.0", json!({}));
    date(&bench.registry, "a", &[("1.0.0", OLD), ("1.1.0", YOUNG)]);
    bench
}

#[tokio::test]
async fn a_range_takes_the_newest_version_that_is_old_enough() {
    for range in ["^1.0.0", "*", "latest", ">=1"] {
        let bench = aging().await;
        let graph = graph(&bench, json!({"a": range})).await;
        assert_eq!(versions(&graph), ["a@1.0.0"], "{range}");
        let held = HeldBack {
            package: "a".to_owned(),
            version: "1.1.0".to_owned(),
            taken: "1.0.0".to_owned(),
            old_enough_at: "1970-01-12T14:00:00Z".to_owned(),
        };
        assert_eq!(graph.held_back, [held], "{range}");
    }
}

#[tokio::test]
async fn what_is_too_young_is_taken_when_it_is_old_enough() {
    static SECONDS: AtomicU64 = AtomicU64::new(1_000_000);
    let mut bench = aging().await;
    bench.now = || UNIX_EPOCH + Duration::from_secs(SECONDS.load(Ordering::SeqCst));
    assert_eq!(versions(&graph(&bench, json!({"a": "1"})).await), ["a@1.0.0"]);
    SECONDS.store(1_000_000 + 3600, Ordering::SeqCst);
    let later = graph(&bench, json!({"a": "1"})).await;
    assert_eq!((versions(&later), later.held_back.len()), (vec!["a@1.1.0".to_owned()], 0));
}

#[tokio::test]
async fn an_exact_pin_that_is_too_young_is_refused() {
    let mut bench = aging().await;
    bench.registry.publish("b", "1.0.0", json!({"dependencies": {"a": "1.1.0"}}));
    for (dependencies, chain) in [(json!({"a": "1.1.0"}), vec![]), (json!({"b": "1"}), vec!["b@1.0.0"])] {
        let error = bench.failure(dependencies).await;
        assert_eq!(
            (error.code(), error.chain()),
            ("release-too-young", chain.iter().map(ToString::to_string).collect::<Vec<_>>().as_slice())
        );
        let (message, hint) = (error.to_string(), error.hint().unwrap());
        assert!(message.contains("a@1.1.0") && message.contains("1970-01-12T14:00:00Z"), "{message}");
        assert!(hint.contains("--min-release-age 0") && hint.contains("releaseAge.exclude"), "{hint}");
    }
    // A range that only such versions fit is no better.
    assert_eq!(bench.failure(json!({"a": ">1.0.0"})).await.code(), "release-too-young");
    // An optional dependency is not passed over in silence.
    let optional = json!({"optionalDependencies": {"a": "1.1.0"}});
    assert_eq!(bench.trip(optional).await.unwrap_err().code(), "release-too-young");
    assert_eq!(bench.failure(json!({"a": "7"})).await.code(), "unknown-version");
    bench.policy.release_age.least = Duration::ZERO;
    assert_eq!(versions(&graph(&bench, json!({"a": "1.1.0"})).await), ["a@1.1.0"]);
}

#[tokio::test]
async fn some_packages_are_exempt_from_the_age() {
    let mut bench = aging().await;
    bench.registry.publish("@s/b", "1.0.0", json!({}));
    date(&bench.registry, "@s/b", &[("1.0.0", YOUNG)]);
    bench.registry.publish("undated", "1.0.0", json!({}));
    bench.registry.edit("undated", |document| document["modified"] = json!(YOUNG));
    assert_eq!(versions(&graph(&bench, json!({"undated": "1"})).await), ["undated@1.0.0"]);
    assert_eq!(bench.failure(json!({"@s/b": "1"})).await.code(), "release-too-young");
    bench.npmrc = format!("@s:registry={}/", bench.registry.url);
    assert_eq!(versions(&graph(&bench, json!({"@s/b": "1"})).await), ["@s/b@1.0.0"]);
    bench.npmrc = String::new();
    bench.policy.release_age.exclude = patterns(&["a", "@s/*"]);
    let graph = graph(&bench, json!({"a": "1", "@s/b": "1"})).await;
    assert_eq!((versions(&graph), graph.held_back), (vec!["@s/b@1.0.0".to_owned(), "a@1.1.0".to_owned()], vec![]));
}

#[tokio::test]
async fn what_a_lock_has_is_exempt_from_the_age_and_not_from_names() {
    let mut bench = aging().await;
    bench.registry.publish("c", "1.0.0", json!({}));
    bench.policy.release_age.least = Duration::ZERO;
    let manifest = |dependencies: Value| {
        Manifest::parse_package_json(&json!({"dependencies": dependencies}).to_string(), "package.json").unwrap()
    };
    let lock = Lock::new(graph(&bench, json!({"a": "1"})).await, &manifest(json!({"a": "1"})));
    bench.policy = Policy::default();
    let cache = bench.open().await;
    let resolve = async |manifest: &Manifest| {
        let wanted = Wanted { manifest, lock: Some(&lock), drift: Drift::Allowed };
        cache.resolve(wanted, Ahead::Nothing, &()).await.map(|stage| stage.value)
    };
    for (dependencies, expected) in
        [(json!({"a": "1"}), vec!["a@1.1.0"]), (json!({"a": "1", "c": "1"}), vec!["a@1.1.0", "c@1.0.0"])]
    {
        let graph = resolve(&manifest(dependencies)).await.unwrap();
        assert_eq!(
            (versions(&graph), graph.held_back),
            (expected.into_iter().map(str::to_owned).collect(), Vec::new())
        );
    }
    // What the lock does not have is as young as ever.
    bench.registry.publish("a", "2.0.0", json!({}));
    date(&bench.registry, "a", &[("1.0.0", OLD), ("1.1.0", YOUNG), ("2.0.0", YOUNG)]);
    cache.close().await.unwrap();
    bench.scratch = Scratch::new();
    let cache = bench.open().await;
    let newer = manifest(json!({"a": "2"}));
    let wanted = Wanted { manifest: &newer, lock: Some(&lock), drift: Drift::Allowed };
    let error = cache.resolve(wanted, Ahead::Nothing, &()).await.unwrap_err();
    assert!(error.code() == "release-too-young" && error.to_string().contains("a@2.0.0"), "{error}");
    cache.close().await.unwrap();
    bench.policy.names.deny = patterns(&["a"]);
    let cache = bench.open().await;
    let same = manifest(json!({"a": "1"}));
    let wanted = Wanted { manifest: &same, lock: Some(&lock), drift: Drift::Frozen };
    assert_eq!(cache.resolve(wanted, Ahead::Nothing, &()).await.unwrap_err().code(), "name-denied");
    cache.close().await.unwrap();
}

#[tokio::test]
async fn what_requires_a_version_that_is_too_young_is_held_back_with_it() {
    let bench = aging().await;
    let registry = &bench.registry;
    registry.publish("b", "2.0.0", json!({"dependencies": {"a": "1.0.0"}}));
    registry.publish("b", "2.1.0", json!({"dependencies": {"a": "1.1.0"}}));
    date(registry, "b", &[("2.0.0", OLD), ("2.1.0", OLD)]);
    registry.publish("c", "3.0.0", json!({"dependencies": {"b": "2"}}));
    let graph = graph(&bench, json!({"c": "3"})).await;
    assert_eq!(versions(&graph), ["a@1.0.0", "b@2.0.0", "c@3.0.0"]);
    let held: Vec<_> = graph.held_back.iter().map(|held| (held.version.as_str(), held.taken.as_str())).collect();
    assert_eq!(held, [("2.1.0", "2.0.0")]);
    assert_eq!(graph.held_back[0].old_enough_at, "1970-01-12T14:00:00Z");
    // Where there is no other version, what is too young itself is to blame.
    let error = bench.failure(json!({"b": "2.1.0"})).await;
    assert!(error.to_string().starts_with("a@1.1.0 is too young") && error.chain() == ["b@2.1.0"], "{error}");
}

#[tokio::test]
async fn the_full_packument_is_asked_for_only_where_ages_matter() {
    let bench = aging().await;
    bench.registry.publish("b", "1.0.0", json!({}));
    date(&bench.registry, "b", &[("1.0.0", OLD)]);
    graph(&bench, json!({"a": "1", "b": "1"})).await;
    assert_eq!((bench.registry.count("/a"), bench.registry.count("/b")), (2, 1));
}

#[tokio::test]
async fn denied_names_are_not_even_asked_for() {
    let mut bench = aging().await;
    bench.registry.publish("b", "1.0.0", json!({"dependencies": {"a": "1"}}));
    bench.policy.names.deny = patterns(&["a", "@bad/*"]);
    let error = bench.failure(json!({"b": "1"})).await;
    assert_eq!((error.code(), error.chain()), ("name-denied", ["b@1.0.0".to_owned()].as_slice()));
    assert!(error.to_string().contains("names.deny") && error.hint().unwrap().contains("names.deny"), "{error}");
    assert_eq!(bench.failure(json!({"@bad/x": "1"})).await.code(), "name-denied");
    // An alias hides nothing.
    assert_eq!(bench.failure(json!({"good": "npm:a@1"})).await.code(), "name-denied");
    bench.policy.names = Names { allow: Some(patterns(&["b"])), deny: Vec::new() };
    let error = bench.failure(json!({"b": "1"})).await;
    assert_eq!((error.code(), error.chain()), ("name-not-allowed", ["b@1.0.0".to_owned()].as_slice()));
    assert_eq!((bench.registry.count("/a"), bench.registry.count("/@bad%2Fx")), (0, 0));
}

#[tokio::test]
async fn another_policy_is_another_resolution() {
    let mut bench = aging().await;
    let manifest = json!({"dependencies": {"a": "1"}});
    assert_eq!(bench.trip(manifest.clone()).await.unwrap().2, CacheUse::Miss);
    assert_eq!(bench.trip(manifest.clone()).await.unwrap().2, CacheUse::Hit);
    bench.policy.names.deny = patterns(&["a"]);
    assert_eq!(bench.trip(manifest.clone()).await.unwrap_err().code(), "name-denied");
    bench.policy = Policy::default();
    bench.policy.release_age.least = Duration::ZERO;
    assert_eq!(versions(&bench.trip(manifest).await.unwrap().0), ["a@1.1.0"]);
}

#[tokio::test]
async fn an_unknown_name_is_answered_with_what_may_be_meant() {
    let bench = Bench::new().await;
    bench.registry.publish("our-own-plugin", "1.0.0", json!({}));
    graph(&bench, json!({"our-own-plugin": "1"})).await;
    let hint = async |name: &str| bench.failure(json!({name: "1"})).await.hint().unwrap();
    assert_eq!(hint("our-own-plugni").await, "did you mean our-own-plugin?");
    assert!(hint("lodahs").await.starts_with("did you mean lodash"));
    assert!(hint("nothing-that-anybody-made").await.contains("check the spelling"));
}

/// A package `b` that requires one whose name is nearly a well-known one.
async fn alike(created: Option<&str>) -> Bench {
    let bench = Bench::new().await;
    bench.registry.publish("expres", "1.0.0", json!({}));
    bench.registry.publish("b", "1.0.0", json!({"dependencies": {"expres": "1"}}));
    if let Some(created) = created {
        bench.registry.edit("expres", |document| document["time"] = json!({"created": created, "1.0.0": OLD}));
    }
    bench
}

#[tokio::test]
async fn a_name_like_a_better_known_one_is_a_warning() {
    for created in [None, Some("1969-11-01T00:00:00.000Z")] {
        let graph = graph(&alike(created).await, json!({"b": "1"})).await;
        assert!(graph.warnings.len() == 1 && graph.warnings[0].contains("looks like express"), "{:?}", graph.warnings);
    }
    // Whoever has the scope's registry has its names.
    let mut bench = Bench::new().await;
    bench.registry.publish("@bable/core", "1.0.0", json!({}));
    assert_eq!(graph(&bench, json!({"@bable/core": "1"})).await.warnings.len(), 1);
    bench.npmrc = format!("@bable:registry={}/", bench.registry.url);
    assert_eq!(graph(&bench, json!({"@bable/core": "1"})).await.warnings.len(), 0);
}

#[tokio::test]
async fn a_young_package_with_such_a_name_is_refused() {
    let mut bench = alike(Some("1970-01-01T00:00:00.000Z")).await;
    let error = bench.failure(json!({"b": "1"})).await;
    assert_eq!((error.code(), error.chain()), ("look-alike-name", ["b@1.0.0".to_owned()].as_slice()));
    let (message, hint) = (error.to_string(), error.hint().unwrap());
    assert!(message.contains("express") && message.contains("lookAlikes"), "{message}");
    assert!(hint.contains("did you mean express?") && hint.contains("lookAlikes.exclude"), "{hint}");
    for (rule, warnings) in [
        (LookAlikes { mode: LookAlikeMode::Warn, ..LookAlikes::default() }, 1),
        (LookAlikes { mode: LookAlikeMode::Off, ..LookAlikes::default() }, 0),
        (LookAlikes { exclude: patterns(&["expres"]), ..LookAlikes::default() }, 0),
        (LookAlikes { young: Duration::from_secs(3600), ..LookAlikes::default() }, 1),
    ] {
        bench.policy.look_alikes = rule;
        assert_eq!(graph(&bench, json!({"b": "1"})).await.warnings.len(), warnings);
    }
}

/// A key of a registry, and what it signs.
struct Signer {
    pair: EcdsaKeyPair,
    keyid: &'static str,
    expires: Option<&'static str>,
}

impl Signer {
    fn new(keyid: &'static str, expires: Option<&'static str>) -> Self {
        Self { pair: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap(), keyid, expires }
    }

    fn document(signers: &[&Self]) -> Reply {
        let keys = signers.iter().map(|signer| {
            let key = BASE64_STANDARD.encode(AsDer::as_der(signer.pair.public_key()).unwrap().as_ref());
            json!({"keyid": signer.keyid, "keytype": "ecdsa-sha2-nistp256", "scheme": "ecdsa-sha2-nistp256", "key": key, "expires": signer.expires})
        });
        Reply::Ok(json!({"keys": keys.collect::<Vec<_>>()}).to_string().into_bytes())
    }

    /// Signs a published version as if its integrity were the one that `of` makes of it.
    fn sign(&self, registry: &TestRegistry, name: &str, version: &str, of: impl Fn(&str) -> String) {
        registry.edit(name, |document| {
            let dist = &mut document["versions"][version]["dist"];
            let message = format!("{name}@{version}:{}", of(dist["integrity"].as_str().unwrap()));
            let sig = BASE64_STANDARD.encode(self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap());
            dist["signatures"] = json!([{"keyid": self.keyid, "sig": sig}]);
        });
    }
}

/// A package `b` that requires `a`, which the signer has signed.
async fn signed(signer: &Signer, of: impl Fn(&str) -> String) -> Bench {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    bench.registry.publish("b", "1.0.0", json!({"dependencies": {"a": "1"}}));
    signer.sign(&bench.registry, "a", "1.0.0", of);
    bench.registry.reply(KEYS, Signer::document(&[signer]));
    bench
}

async fn outcome(bench: &Bench) -> Result<Vec<String>, (String, Option<String>)> {
    let trip = bench.trip(json!({"dependencies": {"b": "1"}})).await;
    trip.map(|(graph, _, _)| versions(&graph)).map_err(|error| {
        assert_eq!((error.code(), error.chain()), ("wrong-signature", ["b@1.0.0".to_owned()].as_slice()), "{error}");
        (error.to_string(), error.hint())
    })
}

#[tokio::test]
async fn a_signature_that_is_there_must_be_right() {
    let signer = Signer::new("one", None);
    let good = signed(&signer, str::to_owned).await;
    assert_eq!(outcome(&good).await.unwrap(), ["a@1.0.0", "b@1.0.0"]);
    assert_eq!(outcome(&good).await.unwrap(), ["a@1.0.0", "b@1.0.0"]);
    // The keys are asked for once.
    assert_eq!(good.registry.count(KEYS), 1);
    let mut bad = signed(&signer, |_| "sha512-other".to_owned()).await;
    let (message, hint) = outcome(&bad).await.unwrap_err();
    assert!(message.contains("a@1.0.0") && message.contains("does not fit"), "{message}");
    assert!(hint.unwrap().contains("signatures.exclude"));
    bad.policy.signatures.exclude = patterns(&["a"]);
    assert!(outcome(&bad).await.is_ok());
    bad.policy.signatures = Signatures { mode: SignatureMode::Off, exclude: Vec::new() };
    assert!(outcome(&bad).await.is_ok());
}

#[tokio::test]
async fn a_registry_without_keys_is_not_asked_to_prove_anything() {
    let signer = Signer::new("one", None);
    for reply in [
        Reply::Status(404, &[], b"{}".to_vec()),
        Reply::Status(400, &[], Vec::new()),
        Reply::Status(405, &[], Vec::new()),
        Reply::Ok(b"<!doctype html>".to_vec()),
        Reply::Ok(br#"{"keys": []}"#.to_vec()),
    ] {
        let mut bench = signed(&signer, |_| "sha512-other".to_owned()).await;
        bench.registry.reply(KEYS, reply);
        assert!(outcome(&bench).await.is_ok());
        bench.policy.signatures.mode = SignatureMode::Require;
        let error = bench.failure(json!({"b": "1"})).await;
        assert!(error.code() == "unsigned-package" && error.to_string().contains("no keys"), "{error}");
    }
}

#[tokio::test]
async fn everything_needs_a_signature_where_that_is_required() {
    let signer = Signer::new("one", None);
    let mut bench = signed(&signer, str::to_owned).await;
    bench.policy.signatures.mode = SignatureMode::Require;
    let error = bench.failure(json!({"b": "1"})).await;
    assert!(error.code() == "unsigned-package" && error.to_string().contains("b@1.0.0"), "{error}");
    assert!(error.hint().unwrap().contains("signatures.exclude"));
    bench.policy.signatures.exclude = patterns(&["b"]);
    assert!(outcome(&bench).await.is_ok());
    bench.policy.signatures.exclude = Vec::new();
    signer.sign(&bench.registry, "b", "1.0.0", str::to_owned);
    let again = Bench { scratch: Scratch::new(), ..bench };
    assert!(outcome(&again).await.is_ok());
}

#[tokio::test]
async fn a_new_key_is_asked_for_and_an_unknown_one_refused() {
    let (old, new) = (Signer::new("old", None), Signer::new("new", None));
    let bench = signed(&new, str::to_owned).await;
    bench.registry.replies(KEYS, [Signer::document(&[&old]), Signer::document(&[&old, &new])]);
    // The first answer is not believed for the second that it is new in.
    static SECONDS: AtomicU64 = AtomicU64::new(1_000_000);
    let bench = Bench { now: || UNIX_EPOCH + Duration::from_secs(SECONDS.fetch_add(1, Ordering::SeqCst)), ..bench };
    assert!(outcome(&bench).await.is_ok());
    assert_eq!(bench.registry.count(KEYS), 2);
    let unknown = signed(&new, str::to_owned).await;
    unknown.registry.reply(KEYS, Signer::document(&[&old]));
    let (message, _) = outcome(&unknown).await.unwrap_err();
    assert!(message.contains("no key new"), "{message}");
}

#[tokio::test]
async fn an_expired_key_counts_for_what_was_published_before() {
    let expired = Signer::new("one", Some("1970-01-05T00:00:00.000Z"));
    for (time, modified, words) in [
        (json!({"1.0.0": "1970-01-04T00:00:00.000Z"}), "1970-01-09T00:00:00.000Z", None),
        (json!({"1.0.0": "1970-01-06T00:00:00.000Z"}), "1970-01-09T00:00:00.000Z", Some("expired at 1970-01-05")),
        // What did not change since then was published before.
        (json!({}), "1970-01-04T00:00:00.000Z", None),
        (json!({}), "1970-01-09T00:00:00.000Z", Some("does not say when")),
    ] {
        let bench = signed(&expired, str::to_owned).await;
        bench.registry.edit("a", |document| {
            document["time"] = time.clone();
            document["modified"] = json!(modified);
        });
        match (outcome(&bench).await, words) {
            (Ok(_), None) => {}
            (Err((message, _)), Some(words)) => assert!(message.contains(words), "{message}"),
            (outcome, _) => panic!("{time} {modified}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn known_keys_are_used_while_the_registry_fails() {
    static SECONDS: AtomicU64 = AtomicU64::new(1_000_000);
    let signer = Signer::new("one", None);
    let mut bench = signed(&signer, str::to_owned).await;
    bench.now = || UNIX_EPOCH + Duration::from_secs(SECONDS.load(Ordering::SeqCst));
    bench.network.attempts = 1;
    assert!(outcome(&bench).await.is_ok());
    bench.registry.reply(KEYS, Reply::Status(503, &[], Vec::new()));
    SECONDS.fetch_add(2 * 86_400, Ordering::SeqCst);
    assert!(outcome(&bench).await.is_ok());
    assert_eq!(bench.registry.count(KEYS), 2);
    // Without any, nothing can be said.
    let other = signed(&signer, str::to_owned).await;
    other.registry.reply(KEYS, Reply::Status(503, &[], Vec::new()));
    let other = Bench { network: bench.network.clone(), ..other };
    assert_eq!(other.failure(json!({"b": "1"})).await.code(), "registry-status");
}

fn osv(severity: &str) -> String {
    json!({
        "id": "GHSA-0000", "summary": "it does harm", "database_specific": {"severity": severity},
        "affected": [{"package": {"ecosystem": "npm", "name": "a"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}]}],
    })
    .to_string()
}

#[tokio::test]
async fn what_is_known_to_be_vulnerable_is_refused_or_warned_of() {
    let mut bench = aging().await;
    bench.registry.publish("b", "1.0.0", json!({"dependencies": {"a": "1"}}));
    let files = Scratch::new();
    std::fs::create_dir_all(&files.0).unwrap();
    let file = files.0.join("osv.json");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    let rule = Advisories { file: file.clone(), refuse: Severity::High, ignore: Vec::new() };
    bench.policy.advisories = Some(rule.clone());
    assert_eq!(bench.failure(json!({"b": "1"})).await.code(), "invalid-advisories");
    write(&osv("HIGH"));
    let error = bench.failure(json!({"b": "1"})).await;
    assert_eq!((error.code(), error.chain()), ("known-vulnerability", ["b@1.0.0".to_owned()].as_slice()));
    let (message, hint) = (error.to_string(), error.hint().unwrap());
    assert!(
        ["a@1.0.0", "GHSA-0000", "high", "it does harm", "1.0.1"].iter().all(|word| message.contains(word)),
        "{message}"
    );
    assert!(hint.contains("1.0.1") && hint.contains("advisories.ignore"), "{hint}");
    // What the file says now counts, also for what was resolved before.
    write(&osv("LOW"));
    let warned = graph(&bench, json!({"b": "1"})).await;
    assert!(
        warned.warnings.len() == 1 && warned.warnings[0].contains("a@1.0.0 has the advisory GHSA-0000 "),
        "{:?}",
        warned.warnings
    );
    write(&osv("CRITICAL"));
    assert_eq!(bench.failure(json!({"b": "1"})).await.code(), "known-vulnerability");
    bench.policy.advisories = Some(Advisories { ignore: vec!["GHSA-0000".to_owned()], ..rule });
    assert_eq!(graph(&bench, json!({"b": "1"})).await.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn nothing_more_is_asked_of_a_registry_that_knows_no_more() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    graph(&bench, json!({"a": "1"})).await;
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for request in bench.registry.seen() {
        *seen.entry(request.path).or_default() += 1;
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [("/a".to_owned(), 1), ("/a/-/a-1.0.0.tgz".to_owned(), 1)]);
}
