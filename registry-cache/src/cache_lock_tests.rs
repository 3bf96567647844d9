//! Locks on their way through a cache.

use serde_json::{Value, json};

use crate::test_bench::Bench;
use crate::test_registry::tarball_path;
use crate::{Ahead, CacheUse, Connection, Drift, Error, Graph, Limits, Lock, Manifest, Stage, Wanted};

fn manifest(value: &Value) -> Manifest {
    Manifest::parse_package_json(&value.to_string(), "package.json").unwrap()
}

async fn resolve(bench: &Bench, value: &Value, lock: Option<&Lock>, drift: Drift) -> Result<Stage<Graph>, Error> {
    let cache = bench.open().await;
    let manifest = manifest(value);
    let outcome = cache.resolve(Wanted { manifest: &manifest, lock, drift }, Ahead::Nothing, &()).await;
    cache.close().await.unwrap();
    outcome
}

/// A lock as it comes back: by way of its text.
async fn locked(bench: &Bench, value: &Value) -> Lock {
    let graph = resolve(bench, value, None, Drift::Allowed).await.unwrap().value;
    let text = serde_json::to_string(&Lock::new(graph, &manifest(value))).unwrap();
    Lock::parse(&text, "lock", &Limits::default()).unwrap()
}

fn displays(graph: &Graph) -> Vec<String> {
    graph.packages.values().map(|package| package.display()).collect()
}

/// `a` needs `b`, `c` stands alone; of each there is a newer version that the lock does not have.
async fn aged() -> (Bench, Value, Lock) {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "^1"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    bench.registry.publish("c", "1.0.0", json!({}));
    let wanted = json!({"dependencies": {"a": "^1", "c": "^1"}});
    let lock = locked(&bench, &wanted).await;
    for name in ["a", "b", "c"] {
        bench.registry.publish(name, "1.1.0", json!({}));
    }
    bench.registry.publish("c", "2.0.0", json!({"dependencies": {"b": "^1"}}));
    // Another cache: nothing is known there.
    (Bench { scratch: crate::test_registry::Scratch::new(), ..bench }, wanted, lock)
}

#[tokio::test]
async fn a_lock_that_fits_is_used_and_nobody_is_asked() {
    let (bench, wanted, lock) = aged().await;
    let asked = bench.registry.seen().len();
    for drift in [Drift::Allowed, Drift::Frozen] {
        let stage = resolve(&bench, &wanted, Some(&lock), drift).await.unwrap();
        assert_eq!((stage.cache, &stage.value), (CacheUse::Hit, lock.graph()));
    }
    assert_eq!(bench.registry.seen().len(), asked);
}

#[tokio::test]
async fn what_fits_is_kept_and_the_rest_resolved() {
    let (bench, _, lock) = aged().await;
    let wanted = json!({"dependencies": {"a": "^1", "c": "^2"}});
    let graph = resolve(&bench, &wanted, Some(&lock), Drift::Allowed).await.unwrap().value;
    assert_eq!(displays(&graph), ["a@1.0.0", "b@1.0.0", "c@2.0.0"]);
    // An optional one that the lock lacks is new as well, and a tag is the registry's to say.
    let wanted = json!({"dependencies": {"a": "^1"}, "optionalDependencies": {"c": "latest"}});
    let graph = resolve(&bench, &wanted, Some(&lock), Drift::Allowed).await.unwrap().value;
    assert_eq!(displays(&graph), ["a@1.0.0", "b@1.0.0", "c@2.0.0"]);
}

#[tokio::test]
async fn what_nobody_asks_for_any_more_goes_without_a_registry() {
    let (mut bench, _, lock) = aged().await;
    bench.connection = Connection::Offline;
    let stage = resolve(&bench, &json!({"dependencies": {"c": "1"}}), Some(&lock), Drift::Allowed).await.unwrap();
    assert_eq!((displays(&stage.value), stage.cache), (vec!["c@1.0.0".to_owned()], CacheUse::Hit));
}

#[tokio::test]
async fn a_frozen_lock_says_every_difference() {
    let (bench, _, lock) = aged().await;
    let asked = bench.registry.seen().len();
    let wanted = json!({"dependencies": {"c": "^2", "d": "*"}});
    let error = resolve(&bench, &wanted, Some(&lock), Drift::Frozen).await.unwrap_err();
    let Error::LockDrift { differences, .. } = &error else { panic!("{error}") };
    assert_eq!(differences.len(), 3, "{error}");
    assert_eq!(bench.registry.seen().len(), asked);
}

#[tokio::test]
async fn the_locked_integrity_stays_when_the_registry_says_another() {
    let (bench, _, lock) = aged().await;
    let locked = lock.graph().packages["a@1.0.0"].integrity.clone();
    bench.registry.edit("a", |packument| {
        packument["versions"]["1.0.0"]["dist"]["integrity"] =
            packument["versions"]["1.1.0"]["dist"]["integrity"].clone();
    });
    let wanted = json!({"dependencies": {"a": "^1", "c": "^2"}});
    let graph = resolve(&bench, &wanted, Some(&lock), Drift::Allowed).await.unwrap().value;
    assert_eq!(graph.packages["a@1.0.0"].integrity, locked);
}

#[tokio::test]
async fn a_tarball_elsewhere_is_not_asked_for() {
    let (bench, wanted, lock) = aged().await;
    let elsewhere = Bench::new().await;
    elsewhere.registry.publish("a", "1.0.0", json!({}));
    let path = tarball_path("a", "1.0.0");
    let own = format!("{}{path}", bench.registry.url);
    let text = serde_json::to_string(&lock).unwrap();
    assert!(text.contains(&own), "{text}");
    let text = text.replace(&own, &format!("{}{path}", elsewhere.registry.url));
    let moved = Lock::parse(&text, "lock", &Limits::default()).unwrap();
    let cache = bench.open().await;
    let manifest = manifest(&wanted);
    let wanted = Wanted { manifest: &manifest, lock: Some(&moved), drift: Drift::Frozen };
    let graph = cache.resolve(wanted, Ahead::Nothing, &()).await.unwrap().value;
    cache.fetch(&graph, &()).await.unwrap();
    cache.close().await.unwrap();
    assert_eq!((bench.registry.count(&path), elsewhere.registry.count(&path)), (1, 0));
}

#[tokio::test]
async fn another_tarball_than_the_locked_one_is_refused() {
    let (bench, wanted, lock) = aged().await;
    let mut document = serde_json::to_value(&lock).unwrap();
    let other = document["packages"]["b@1.0.0"]["integrity"].clone();
    document["packages"]["a@1.0.0"]["integrity"] = other;
    let wrong = Lock::parse(&document.to_string(), "lock", &Limits::default()).unwrap();
    let cache = bench.open().await;
    let manifest = manifest(&wanted);
    let wanted = Wanted { manifest: &manifest, lock: Some(&wrong), drift: Drift::Frozen };
    let graph = cache.resolve(wanted, Ahead::Nothing, &()).await.unwrap().value;
    let error = cache.fetch(&graph, &()).await.unwrap_err();
    cache.close().await.unwrap();
    assert_eq!(error.code(), "wrong-integrity");
}

#[tokio::test]
async fn a_deprecated_version_gives_way_to_one_that_is_not() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    bench.registry.publish("a", "1.1.0", json!({"deprecated": "use 1.0"}));
    bench.registry.publish("old", "1.0.0", json!({"deprecated": "gone"}));
    bench.registry.publish("pins", "1.0.0", json!({"dependencies": {"a": "1.1.0"}}));
    let graph = resolve(&bench, &json!({"dependencies": {"a": "^1", "old": "*"}}), None, Drift::Allowed).await.unwrap();
    assert_eq!(displays(&graph.value), ["a@1.0.0", "old@1.0.0"]);
    let graph = resolve(&bench, &json!({"dependencies": {"pins": "*"}}), None, Drift::Allowed).await.unwrap();
    assert_eq!(displays(&graph.value), ["a@1.1.0", "pins@1.0.0"]);
}

#[tokio::test]
async fn a_version_that_suits_a_peer_too_goes_before_a_newer_one() {
    let bench = Bench::new().await;
    for version in ["1.0.0", "1.9.0", "1.10.0"] {
        bench.registry.publish("api", version, json!({}));
    }
    bench.registry.publish("sdk", "1.0.0", json!({"peerDependencies": {"api": ">=1 <1.10.0"}}));
    let wanted = json!({"dependencies": {"api": "^1", "sdk": "1"}});
    let graph = resolve(&bench, &wanted, None, Drift::Allowed).await.unwrap().value;
    assert_eq!(graph.packages[&graph.root["api"]].version, "1.9.0");
    assert!(graph.warnings.is_empty(), "{:?}", graph.warnings);
}

#[tokio::test]
async fn a_peer_that_is_a_dependency_as_well_is_a_dependency() {
    let bench = Bench::new().await;
    let both = json!({
        "dependencies": {"inner": "1"}, "peerDependencies": {"inner": ">=1"}, "peerDependenciesMeta": {"inner": {"optional": true}}
    });
    bench.registry.publish("both", "1.0.0", both);
    bench.registry.publish("inner", "1.0.0", json!({}));
    let graph = resolve(&bench, &json!({"dependencies": {"both": "1"}}), None, Drift::Allowed).await.unwrap().value;
    assert_eq!(displays(&graph), ["both@1.0.0", "inner@1.0.0"]);
}
