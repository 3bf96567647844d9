use serde_json::json;

use super::*;
use crate::ahead::Ahead;
use crate::cache::Connection;
use crate::test_bench::{Bench, mounts};
use crate::test_registry::tarball_path;

async fn filled() -> (Bench, Manifest) {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "1"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    bench.registry.publish("c", "1.0.0", json!({}));
    bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap();
    bench.trip(json!({"dependencies": {"c": "1"}})).await.unwrap();
    let manifest = Manifest::from_dependencies(&BTreeMap::from([("a".into(), "1".into())]), "test").unwrap();
    (bench, manifest)
}

#[tokio::test]
async fn what_a_request_waits_for_is_not_collected() {
    let (bench, manifest) = filled().await;
    let cache = bench.open().await;
    let visit = cache.visit();
    let graph = cache.resolve(&manifest, Ahead::Nothing, &()).await.unwrap().value;
    // Between a resolution and its fetch, of which nothing has begun.
    let collection = cache.collect(0).await.unwrap();
    assert_eq!((cache.stats().await.unwrap().tarballs.count, collection.after.bytes > 0), (2, true));
    cache.fetch(&graph, &()).await.unwrap();
    assert_eq!(bench.registry.count(&tarball_path("b", "1.0.0")), 1);
    drop(visit);
    let collection = cache.collect(0).await.unwrap();
    assert_eq!((collection.after, collection.in_use), (Amount::default(), Amount::default()));
    assert_eq!(cache.stats().await.unwrap().total, Amount::default());
    cache.close().await.unwrap();
}

#[tokio::test]
async fn what_is_pinned_is_enough_without_a_connection() {
    let (mut bench, manifest) = filled().await;
    let cache = bench.open().await;
    let graph = cache.resolve(&manifest, Ahead::Nothing, &()).await.unwrap().value;
    let pins = Pins { manifests: vec![manifest.clone()], ..Pins::of(&graph) };
    cache.pin("project", &pins).await.unwrap();
    let collection = cache.collect(0).await.unwrap();
    let stats = cache.stats().await.unwrap();
    assert_eq!((stats.tarballs.count, stats.packuments.count, stats.resolutions.count), (2, 2, 1));
    assert_eq!((stats.sets["project"], stats.pinned.count), (stats.pinned, 5));
    assert!(collection.removed.count > 0);
    cache.close().await.unwrap();
    bench.connection = Connection::Offline;
    let (_, tree, _) = bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap();
    assert_eq!(mounts(&tree), ["node_modules/a a@1.0.0", "node_modules/b b@1.0.0"]);
    let cache = bench.open().await;
    assert!(cache.unpin("project").await.unwrap());
    cache.collect(0).await.unwrap();
    cache.close().await.unwrap();
    assert_eq!(bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap_err().code(), "offline");
}

#[tokio::test]
async fn what_memory_has_is_used_too() {
    let (bench, manifest) = filled().await;
    let cache = bench.open().await;
    let graph = cache.resolve(&manifest, Ahead::Packages, &()).await.unwrap().value;
    cache.fetch(&graph, &()).await.unwrap();
    // Served from memory from now on, and still what was used last.
    let other = Manifest::from_dependencies(&BTreeMap::from([("c".into(), "1".into())]), "test").unwrap();
    let unused = cache.resolve(&other, Ahead::Nothing, &()).await.unwrap().value;
    cache.fetch(&unused, &()).await.unwrap();
    cache.fetch(&graph, &()).await.unwrap();
    let stats = cache.stats().await.unwrap();
    let two: u64 = [0, 1].map(|at| at + stats.tarballs.bytes / 3).iter().sum();
    cache.collect(two + 2).await.unwrap();
    for package in graph.packages.values() {
        assert!(cache.tarball_bytes(package).await.unwrap().is_some(), "{}", package.name);
    }
    for package in unused.packages.values() {
        assert_eq!(cache.tarball_bytes(package).await.unwrap(), None, "{}", package.name);
    }
    cache.close().await.unwrap();
}
