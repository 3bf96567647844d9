use serde_json::json;

use super::*;
use crate::test_bench::Bench;
use crate::test_registry::{Reply, tarball_path};

const BASE: &str = "http://127.0.0.1:1/npm";

fn name(text: &str) -> PackageName {
    PackageName::parse(text).unwrap()
}

fn value(document: &Document) -> Value {
    serde_json::from_slice(&document.json).unwrap()
}

async fn bench() -> Bench {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({"os": ["linux"], "libc": ["musl"], "bin": {"a": "index.js"}}));
    bench.registry.publish("a", "2.0.0", json!({"dependencies": {"@s/c": "1"}, "hasInstallScript": true}));
    bench.registry.publish("@s/c", "1.0.0", json!({}));
    bench.registry.edit("a", |packument| {
        packument["time"] = json!({"1.0.0": "2020-01-01T00:00:00.000Z", "modified": "2020-01-01T00:00:00.000Z"});
    });
    bench
}

#[tokio::test]
async fn documents_are_as_published_but_for_the_tarballs_places() {
    let bench = bench().await;
    let cache = bench.open().await;
    let full = cache.document(&name("a"), DocumentForm::Full, BASE).await.unwrap();
    let document = value(&full);
    assert_eq!((&document["_id"], &document["dist-tags"]["latest"]), (&json!("a"), &json!("2.0.0")));
    let first = &document["versions"]["1.0.0"];
    assert_eq!((&first["os"], &first["libc"]), (&json!(["linux"]), &json!(["musl"])));
    assert_eq!(first["dist"]["tarball"], json!(format!("{BASE}/a/-/a-1.0.0.tgz")));
    assert!(document["time"]["1.0.0"].is_string());
    let short = cache.document(&name("a"), DocumentForm::Abbreviated, BASE).await.unwrap();
    assert!(value(&short).get("time").is_none());
    assert_eq!(value(&short)["versions"]["2.0.0"]["hasInstallScript"], json!(true));
    assert_ne!(short.etag, full.etag);
    assert_eq!(cache.document(&name("a"), DocumentForm::Full, BASE).await.unwrap().etag, full.etag);
    let scoped = cache.document(&name("@s/c"), DocumentForm::Abbreviated, BASE).await.unwrap();
    let expected = json!(format!("{BASE}/@s/c/-/c-1.0.0.tgz"));
    assert_eq!(value(&scoped)["versions"]["1.0.0"]["dist"]["tarball"], expected);
    assert_eq!(value(&cache.dist_tags(&name("a")).await.unwrap()), json!({"latest": "2.0.0"}));
    for wanted in ["2.0.0", "latest"] {
        let version = cache.version_document(&name("a"), wanted, BASE).await.unwrap();
        assert_eq!(value(&version)["version"], json!("2.0.0"));
    }
    assert_eq!(cache.version_document(&name("a"), "3.0.0", BASE).await.unwrap_err().code(), "no-such-version");
    cache.close().await.unwrap();
}

#[tokio::test]
async fn tarballs_are_kept_and_verified_whenever_they_are_given_out() {
    let mut bench = bench().await;
    let cache = bench.open().await;
    let first = cache.served_tarball(&name("@s/c"), "c-1.0.0.tgz").await.unwrap();
    cache.served_tarball(&name("@s/c"), "c-1.0.0.tgz").await.unwrap();
    assert_eq!(bench.registry.count(&tarball_path("@s/c", "1.0.0")), 1);
    // A disk that forgets: it is had again, with a connection.
    let key = first.etag.trim_matches('"').to_owned();
    let stamp = crate::store::Stamp::default();
    let spoilt = Arc::new(b"spoilt".to_vec());
    cache.shared.store.put_verified(Kind::Tarball, &key, spoilt.clone(), stamp.clone()).await.unwrap();
    assert_eq!(cache.served_tarball(&name("@s/c"), "c-1.0.0.tgz").await.unwrap().bytes, first.bytes);
    assert_eq!(bench.registry.count(&tarball_path("@s/c", "1.0.0")), 2);
    cache.shared.store.put_verified(Kind::Tarball, &key, spoilt, stamp).await.unwrap();
    cache.close().await.unwrap();
    bench.connection = crate::Connection::Offline;
    let cache = bench.open().await;
    assert_eq!(cache.served_tarball(&name("@s/c"), "c-1.0.0.tgz").await.unwrap_err().code(), "offline");
    assert_eq!(cache.served_tarball(&name("@s/c"), "c-9.0.0.tgz").await.unwrap_err().code(), "no-such-tarball");
    assert_eq!(cache.document(&name("unheard"), DocumentForm::Full, BASE).await.unwrap_err().code(), "offline");
    cache.close().await.unwrap();
}

#[tokio::test]
async fn a_registrys_own_name_for_a_tarball_counts_too() {
    let bench = bench().await;
    bench.registry.publish("odd", "1.0.0", json!({}));
    let reply = bench.registry.first_reply(&tarball_path("odd", "1.0.0"));
    bench.registry.reply("/files/odd.v1.tgz", reply);
    let url = format!("{}/files/odd.v1.tgz?x=1", bench.registry.url);
    bench.registry.edit("odd", |packument| packument["versions"]["1.0.0"]["dist"]["tarball"] = json!(url));
    let cache = bench.open().await;
    let by_npm = cache.served_tarball(&name("odd"), "odd-1.0.0.tgz").await.unwrap();
    let by_registry = cache.served_tarball(&name("odd"), "odd.v1.tgz").await.unwrap();
    assert_eq!(by_npm.bytes, by_registry.bytes);
    cache.close().await.unwrap();
}

#[tokio::test]
async fn what_is_not_what_was_announced_is_not_given_out() {
    let bench = bench().await;
    bench.registry.reply(&tarball_path("a", "2.0.0"), Reply::Ok(b"something else".to_vec()));
    let cache = bench.open().await;
    assert_eq!(cache.served_tarball(&name("a"), "a-2.0.0.tgz").await.unwrap_err().code(), "wrong-integrity");
    cache.close().await.unwrap();
}
