use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use crate::test_bench::Bench;
use crate::test_registry::{Reply, TestRegistry, tarball_path};
use crate::{Ahead, Connection, Error, Manifest};

#[tokio::test]
async fn offline_uses_what_is_kept_however_old() {
    static SECONDS: AtomicU64 = AtomicU64::new(1_000_000);
    let mut bench = Bench::new().await;
    bench.now = || UNIX_EPOCH + Duration::from_secs(SECONDS.load(Ordering::SeqCst));
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "1"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    let (online, _, _) = bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap();
    SECONDS.fetch_add(400 * 24 * 60 * 60, Ordering::SeqCst);
    let asked = bench.registry.seen().len();
    bench.connection = Connection::Offline;
    let (offline, tree, _) = bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap();
    assert_eq!((offline, tree.mounts.len()), (online, 2));
    // A manifest that was not resolved before, of packages that are there.
    let (graph, _, _) = bench.trip(json!({"dependencies": {"b": "^1.0.0"}})).await.unwrap();
    assert_eq!(graph.root["b"], "b@1.0.0");
    assert_eq!(bench.registry.seen().len(), asked);
}

#[tokio::test]
async fn offline_says_everything_that_is_missing() {
    let mut bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "1"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    // Packuments without tarballs.
    let cache = bench.open().await;
    let manifest = Manifest::parse_package_json(r#"{"dependencies": {"a": "1"}}"#, "package.json").unwrap();
    cache.resolve(&manifest, Ahead::Nothing, &()).await.unwrap();
    cache.close().await.unwrap();
    bench.connection = Connection::Offline;
    let missing = |error: Error| match error {
        Error::Offline { missing } => missing,
        other => panic!("{other}"),
    };
    let of_fetch = missing(bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap_err());
    assert_eq!(of_fetch, ["the tarball of a@1.0.0", "the tarball of b@1.0.0"]);
    let of_both = missing(bench.failure(json!({"a": "1", "x": "1", "@s/y": "2"})).await);
    let expected = ["the packument of @s/y", "the packument of x", "the tarball of a@1.0.0", "the tarball of b@1.0.0"];
    assert_eq!(of_both, expected);
}

#[tokio::test]
async fn a_registry_that_fails_for_a_while_is_bridged_and_said() {
    static SECONDS: AtomicU64 = AtomicU64::new(1_000_000);
    let mut bench = Bench::new().await;
    bench.network.attempts = 1;
    bench.now = || UNIX_EPOCH + Duration::from_secs(SECONDS.load(Ordering::SeqCst));
    bench.registry.publish("a", "1.0.0", json!({}));
    let manifest = json!({"dependencies": {"a": "1"}});
    bench.trip(manifest.clone()).await.unwrap();
    SECONDS.fetch_add(600, Ordering::SeqCst);
    bench.registry.reply("/a", Reply::Status(503, &[], vec![]));
    let (graph, _, _) = bench.trip(manifest.clone()).await.unwrap();
    assert_eq!(graph.warnings.len(), 1, "{:?}", graph.warnings);
    assert!(graph.warnings[0].contains("503") && graph.warnings[0].contains("10 min"), "{:?}", graph.warnings);
    // It is not taken for an answer: the next one asks again.
    let asked = bench.registry.count("/a");
    bench.trip(manifest.clone()).await.unwrap();
    assert_eq!(bench.registry.count("/a"), asked + 1);
    // Refusal and absence are answers.
    bench.registry.reply("/a", Reply::Status(403, &[], vec![]));
    assert_eq!(bench.trip(manifest.clone()).await.unwrap_err().code(), "registry-denied");
    bench.registry.reply("/a", Reply::Status(404, &[], vec![]));
    assert_eq!(bench.trip(manifest.clone()).await.unwrap_err().code(), "unknown-package");
    // An outage of more than a week is none.
    bench.registry.reply("/a", Reply::Status(503, &[], vec![]));
    SECONDS.fetch_add(7 * 24 * 60 * 60, Ordering::SeqCst);
    assert_eq!(bench.trip(manifest).await.unwrap_err().code(), "registry-status");
}

#[tokio::test]
async fn tarballs_are_on_their_way_before_the_graph_is_known() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "1", "slow": "1"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    bench.registry.reply("/slow", Reply::Silence);
    let cache = bench.open().await;
    let manifest = Manifest::parse_package_json(r#"{"dependencies": {"a": "1"}}"#, "package.json").unwrap();
    let seen = async {
        bench.registry.asked_for(&tarball_path("a", "1.0.0")).await;
        bench.registry.asked_for(&tarball_path("b", "1.0.0")).await;
    };
    tokio::select! {
        _ = cache.resolve(&manifest, Ahead::Tarballs, &()) => panic!("slow was answered"),
        () = seen => {}
    }
    cache.close().await.unwrap();
}

#[tokio::test]
async fn keeping_unpacks_nothing_that_is_there() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    let manifest = Manifest::parse_package_json(r#"{"dependencies": {"a": "1"}}"#, "package.json").unwrap();
    for expected in [1, 1] {
        let cache = bench.open().await;
        let graph = cache.resolve(&manifest, Ahead::Tarballs, &()).await.unwrap().value;
        cache.keep(&graph, &()).await.unwrap();
        assert_eq!(bench.registry.count(&tarball_path("a", "1.0.0")), expected);
        cache.close().await.unwrap();
    }
    let gone = Bench { registry: TestRegistry::nowhere(), ..bench };
    // Its registry is another one now, so its packuments are not known; its tarball is.
    assert_eq!(gone.failure(json!({"a": "1"})).await.code(), "registry-unreachable");
}
