use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use serde_json::json;

use super::*;
use crate::tarball::archive;
use crate::test_bench::{Bench, mounts};
use crate::test_registry::{Reply, Scratch, TestRegistry, tarball_path};
use crate::tree::Tree;

#[test]
fn futures_are_send() {
    fn send<T: Send>(_: T) {}
    fn check(cache: &crate::Cache, manifest: &Manifest, graph: &Graph, options: CacheOptions) {
        send(crate::Cache::open(options));
        send(cache.resolve(manifest, Ahead::Packages, &()));
        send(cache.fetch(graph, &()));
    }
    let _ = check;
    fn sync<T: Send + Sync>() {}
    sync::<OwnCache>();
    sync::<crate::Cache>();
    sync::<Packages>();
    sync::<Tree>();
}

#[tokio::test]
async fn the_second_trip_asks_nobody() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "^1.0.0", "@s/c": "*"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    bench.registry.publish("b", "1.2.0", json!({}));
    bench.registry.publish("b", "2.0.0", json!({}));
    bench.registry.publish("@s/c", "3.0.0", json!({}));
    let manifest = json!({"dependencies": {"a": "1"}});
    let (graph, tree, cache) = bench.trip(manifest.clone()).await.unwrap();
    assert_eq!(cache, CacheUse::Miss);
    assert_eq!(mounts(&tree), ["node_modules/@s/c @s/c@3.0.0", "node_modules/a a@1.0.0", "node_modules/b b@1.2.0"]);
    assert_eq!(graph.chain("b@1.2.0"), ["a@1.0.0"]);
    let asked = bench.registry.seen().len();
    assert_eq!(asked, 6);
    let (again, tree, cache) = bench.trip(manifest).await.unwrap();
    assert_eq!((again, cache, bench.registry.seen().len()), (graph, CacheUse::Hit, asked));
    let image = tree.mounts[1].image.map().unwrap();
    assert_eq!(image.get("index.js"), Some(b"module.exports = 'a@1.0.0'".as_slice()));
}

#[tokio::test]
async fn nothing_wanted_is_nothing_asked() {
    let bench = Bench::new().await;
    let (graph, tree, cache) = bench.trip(json!({})).await.unwrap();
    assert_eq!((graph, tree.mounts.len(), cache), (Graph::default(), 0, CacheUse::Hit));
    assert!(bench.registry.seen().is_empty());
}

#[tokio::test]
async fn an_old_packument_is_revalidated_and_a_new_one_taken() {
    static SECONDS: AtomicU64 = AtomicU64::new(1000);
    let mut bench = Bench::new().await;
    bench.now = || UNIX_EPOCH + Duration::from_secs(SECONDS.load(Ordering::SeqCst));
    bench.registry.publish("a", "1.0.0", json!({}));
    let manifest = json!({"dependencies": {"a": "1"}});
    bench.trip(manifest.clone()).await.unwrap();
    SECONDS.store(1000 + 299, Ordering::SeqCst);
    assert_eq!(bench.trip(manifest.clone()).await.unwrap().2, CacheUse::Hit);
    SECONDS.store(1000 + 300, Ordering::SeqCst);
    assert_eq!(bench.trip(manifest.clone()).await.unwrap().2, CacheUse::Revalidated);
    SECONDS.store(1000 + 599, Ordering::SeqCst);
    assert_eq!(bench.trip(manifest.clone()).await.unwrap().2, CacheUse::Hit);
    bench.registry.publish("a", "1.1.0", json!({}));
    SECONDS.store(1000 + 900, Ordering::SeqCst);
    let (graph, _, cache) = bench.trip(manifest.clone()).await.unwrap();
    assert_eq!((graph.root["a"].as_str(), cache), ("a@1.1.0", CacheUse::Miss));
    // A clock that was set back makes nothing fresh.
    SECONDS.store(10, Ordering::SeqCst);
    assert_eq!(bench.trip(manifest).await.unwrap().2, CacheUse::Revalidated);
}

#[tokio::test]
async fn what_npm_means_by_a_dependency() {
    let bench = Bench::new().await;
    let registry = &bench.registry;
    registry.publish("host", "1.0.0", json!({"peerDependencies": {"peer": "1 || 2"}}));
    registry.publish("peer", "1.0.0", json!({}));
    registry.publish("peer", "2.0.0", json!({}));
    registry.publish("other", "1.0.0", json!({"dependencies": {"host": "1", "peer": "2"}}));
    registry.publish("alias-user", "1.0.0", json!({"dependencies": {"renamed": "npm:peer@2"}}));
    registry.publish("deep", "1.0.0", json!({"dependencies": {"victim": "^1"}}));
    registry.publish("victim", "1.0.0", json!({}));
    registry.publish("victim", "1.5.0", json!({}));
    let optional = json!({"linux": "1", "mac": "1", "musl": "1", "gitty": "github:a/b"});
    registry.publish("native", "1.0.0", json!({"optionalDependencies": optional, "dependencies": optional}));
    registry.publish("linux", "1.0.0", json!({"os": ["linux"], "cpu": ["x64"]}));
    registry.publish("mac", "1.0.0", json!({"os": ["darwin"]}));
    registry.publish("musl", "1.0.0", json!({"os": ["linux"], "libc": ["musl"]}));
    registry.publish("bundler", "1.0.0", json!({"dependencies": {"inside": "1"}, "bundleDependencies": ["inside"]}));
    let manifest = json!({
        "dependencies": {"host": "1", "peer": "1", "other": "1", "alias-user": "1", "deep": "1", "native": "1", "bundler": "1", "second": "npm:peer@latest"},
        "optionalDependencies": {"missing": "1", "mac": "1"},
        "overrides": {"deep": {"victim": "1.0.0"}},
    });
    let (graph, tree, _) = bench.trip(manifest).await.unwrap();
    let expected = [
        "node_modules/alias-user alias-user@1.0.0",
        "node_modules/bundler bundler@1.0.0",
        "node_modules/deep deep@1.0.0",
        "node_modules/host host@1.0.0",
        "node_modules/linux linux@1.0.0",
        "node_modules/native native@1.0.0",
        "node_modules/other other@1.0.0",
        "node_modules/other/node_modules/host host@1.0.0",
        "node_modules/other/node_modules/peer peer@2.0.0",
        "node_modules/peer peer@1.0.0",
        "node_modules/renamed peer@2.0.0",
        "node_modules/second peer@2.0.0",
        "node_modules/victim victim@1.0.0",
    ];
    assert_eq!(mounts(&tree), expected);
    assert_eq!(registry.count(&tarball_path("peer", "2.0.0")), 1);
    assert_eq!(graph.warnings, Vec::<String>::new());
}

#[tokio::test]
async fn an_unmet_peer_is_a_warning() {
    let bench = Bench::new().await;
    bench.registry.publish("plugin", "1.0.0", json!({"peerDependencies": {"peer": "2"}}));
    bench.registry.publish("peer", "1.0.0", json!({}));
    bench.registry.publish("peer", "2.0.0", json!({}));
    let (graph, _, _) = bench.trip(json!({"dependencies": {"plugin": "1", "peer": "1"}})).await.unwrap();
    assert_eq!(graph.warnings.len(), 1, "{:?}", graph.warnings);
    assert!(graph.warnings[0].contains("plugin@1.0.0") && graph.warnings[0].contains("peer"), "{:?}", graph.warnings);
}

#[tokio::test]
async fn what_cannot_be_resolved_says_who_asked() {
    let bench = Bench::new().await;
    bench.registry.publish("top", "1.0.0", json!({"dependencies": {"middle": "1"}}));
    bench.registry.publish("middle", "1.0.0", json!({"dependencies": {"ghost": "1"}}));
    bench.registry.publish("wants", "1.0.0", json!({"dependencies": {"middle": "^7"}}));
    bench.registry.publish("gitty", "1.0.0", json!({"dependencies": {"x": "git+https://host/x.git"}}));
    bench.registry.publish("climbs", "1.0.0", json!({"dependencies": {"../../x": "1"}}));
    let error = bench.failure(json!({"top": "1"})).await;
    assert_eq!(
        (error.code(), error.chain()),
        ("unknown-package", ["top@1.0.0".to_owned(), "middle@1.0.0".to_owned()].as_slice())
    );
    assert!(error.to_string().contains("ghost") && error.to_string().contains("top@1.0.0 > middle@1.0.0"), "{error}");
    let error = bench.failure(json!({"ghost": "1"})).await;
    assert_eq!((error.code(), error.chain().len()), ("unknown-package", 0));
    let error = bench.failure(json!({"wants": "1"})).await;
    assert_eq!((error.code(), error.chain()), ("unknown-version", ["wants@1.0.0".to_owned()].as_slice()));
    assert!(error.to_string().contains("\"^7\"") && error.to_string().contains("1.0.0"), "{error}");
    assert_eq!(bench.failure(json!({"top": "nightly"})).await.code(), "unknown-version");
    let error = bench.failure(json!({"gitty": "1"})).await;
    assert_eq!(error.code(), "unsupported-transitive-dependency");
    assert!(error.to_string().contains("git dependency"), "{error}");
    assert_eq!(bench.failure(json!({"climbs": "1"})).await.code(), "invalid-package-name");
    let overrides = json!({"dependencies": {"top": "1"}, "overrides": {"middle": "github:a/b"}});
    assert_eq!(bench.trip(overrides).await.unwrap_err().code(), "invalid-overrides");
    // The cache is usable after all of that.
    bench.registry.publish("ghost", "1.0.0", json!({}));
    bench.trip(json!({"dependencies": {"top": "1"}})).await.unwrap();
}

#[tokio::test]
async fn bad_packuments_are_told_apart() {
    let mut bench = Bench::new().await;
    bench.network.attempts = 2;
    let html = b"<!doctype html><title>Log in</title>".to_vec();
    for (reply, code, words) in [
        (Reply::Status(500, &[], vec![]), "registry-status", "500"),
        (Reply::Status(503, &[("retry-after", "3600")], vec![]), "registry-busy", "3600"),
        (Reply::Status(418, &[], vec![]), "registry-status", "418"),
        (Reply::Status(401, &[], vec![]), "registry-denied", "401"),
        (Reply::Status(403, &[], vec![]), "registry-denied", "403"),
        (Reply::Status(304, &[], vec![]), "registry-status", "304"),
        (Reply::Ok(html.clone()), "registry-body", "HTML"),
        (
            Reply::Status(200, &[("content-type", "text/html; charset=utf-8")], b"hello".to_vec()),
            "registry-body",
            "HTML",
        ),
        (Reply::Ok(vec![]), "registry-body", "empty"),
        (Reply::Ok(b"nonsense".to_vec()), "registry-body", "JSON"),
        (Reply::Ok(b"[]".to_vec()), "registry-body", "object"),
        (Reply::Ok(br#"{"name":"b","versions":{}}"#.to_vec()), "registry-body", "another name"),
        (Reply::Ok(br#"{"name":"a"}"#.to_vec()), "registry-body", "versions"),
        (Reply::Ok(br#"{"name":"a","versions":{}}"#.to_vec()), "unknown-version", "a"),
        (Reply::Cut(vec![b'{'; 1000]), "registry-truncated", "broke off"),
        (Reply::Status(200, &[("content-encoding", "gzip")], b"{}".to_vec()), "registry-truncated", "gzip"),
        (Reply::Redirect("ftp://host/".to_owned()), "registry-redirect", "not an http"),
        (Reply::Redirect("/a".to_owned()), "registry-redirect", "more than 5"),
    ] {
        let bench = Bench { registry: TestRegistry::start().await, scratch: Scratch::new(), ..bench.alike() };
        bench.registry.reply("/a", reply);
        let error = bench.failure(json!({"a": "1"})).await;
        assert_eq!(error.code(), code, "{error}");
        let text = error.to_string();
        assert!(text.contains(words) && text.contains(" a"), "{text}");
    }
}

#[tokio::test]
async fn passing_trouble_passes() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    let tarball = archive::pack(&[("package/package.json", b"{}"), ("package/big", &[9; 3000])]);
    bench.registry.publish_tarball("b", "1.0.0", json!({}), tarball.clone());
    bench.registry.replies(
        &tarball_path("b", "1.0.0"),
        [
            Reply::Status(429, &[("retry-after", "0")], vec![]),
            Reply::Cut(tarball.clone()),
            Reply::Status(502, &[], vec![]),
            Reply::Ok(tarball),
        ],
    );
    bench.trip(json!({"dependencies": {"a": "1", "b": "1"}})).await.unwrap();
    assert_eq!(bench.registry.count(&tarball_path("b", "1.0.0")), 4);
}

#[tokio::test]
async fn silence_and_refusal() {
    let mut bench = Bench::new().await;
    bench.network = NetworkOptions { read_timeout: Duration::from_millis(50), attempts: 2, ..bench.network };
    bench.registry.reply("/a", Reply::Silence);
    let error = bench.failure(json!({"a": "1"})).await;
    assert_eq!(error.code(), "registry-timeout", "{error}");
    assert_eq!(bench.registry.count("/a"), 2);
    bench.registry = TestRegistry::nowhere();
    let error = bench.failure(json!({"a": "1"})).await;
    assert_eq!(error.code(), "registry-unreachable", "{error}");
    bench.network.http_proxy = Some("http://127.0.0.1:9".to_owned());
    assert_eq!(bench.failure(json!({"a": "1"})).await.code(), "registry-unreachable");
}

#[tokio::test]
async fn an_optional_dependency_that_cannot_be_had_is_left_out() {
    let bench = Bench::new().await;
    let optional =
        json!({"optionalDependencies": {"gone": "1", "a": "9"}, "dependencies": {"gone": "1", "a": "9", "b": "1"}});
    bench.registry.publish("top", "1.0.0", optional);
    bench.registry.publish("a", "1.0.0", json!({}));
    bench.registry.publish("b", "1.0.0", json!({}));
    let (graph, _, _) = bench.trip(json!({"dependencies": {"top": "1"}})).await.unwrap();
    assert_eq!(graph.packages.keys().collect::<Vec<_>>(), ["b@1.0.0", "top@1.0.0"]);
}

#[tokio::test]
async fn bad_tarballs_are_told_apart_and_never_stored() {
    let mut bench = Bench::new().await;
    bench.network.attempts = 2;
    let registry = &bench.registry;
    let good = archive::pack(&[("package/package.json", b"{}"), ("package/big", &[9; 3000])]);
    let path = tarball_path("a", "1.0.0");
    registry.publish("top", "1.0.0", json!({"dependencies": {"a": "1"}}));
    registry.publish_tarball("a", "1.0.0", json!({}), good.clone());
    for (reply, code) in [
        (Reply::Ok(archive::pack(&[("package/package.json", b"{}")])), "wrong-integrity"),
        (Reply::Ok(good[..good.len() / 2].to_vec()), "wrong-integrity"),
        (Reply::Cut(good.clone()), "registry-truncated"),
        (Reply::Ok(vec![]), "registry-body"),
        (Reply::Ok(b"<html>".to_vec()), "registry-body"),
        (Reply::Status(404, &[], vec![]), "registry-status"),
        (Reply::Status(500, &[], vec![]), "registry-status"),
    ] {
        registry.reply(&path, reply);
        let error = bench.failure(json!({"top": "1"})).await;
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains("a@1.0.0"), "{error}");
        assert_eq!(error.chain(), ["top@1.0.0"]);
    }
    registry.reply(&path, Reply::Ok(good.clone()));
    bench.trip(json!({"dependencies": {"top": "1"}})).await.unwrap();
    // Announced rightly, and still no package.
    for (name, tarball, code) in [
        ("cut", good[..good.len() / 2].to_vec(), "broken-tarball"),
        ("plain", b"not gzip at all".to_vec(), "broken-tarball"),
        (
            "climbs",
            archive::gzip(&[archive::pax(&[("path", "p/../../x")]), archive::tar(&[("p/x", b"")])].concat()),
            "refused-tarball-entry",
        ),
        ("none", archive::pack(&[("package/index.js", b"")]), "broken-tarball"),
    ] {
        registry.publish_tarball(name, "1.0.0", json!({}), tarball);
        let error = bench.failure(json!({name: "1"})).await;
        assert_eq!(error.code(), code, "{error}");
    }
    registry.publish("bare", "1.0.0", json!({"dist": {"tarball": "http://127.0.0.1/x.tgz"}}));
    assert_eq!(bench.failure(json!({"bare": "1"})).await.code(), "no-integrity");
    registry.publish(
        "odd",
        "1.0.0",
        json!({"dist": {"tarball": "file:///etc/passwd", "shasum": "da39a3ee5e6b4b0d3255bfef95601890afd80709"}}),
    );
    assert_eq!(bench.failure(json!({"odd": "1"})).await.code(), "no-tarball");
}

#[tokio::test]
async fn a_shasum_will_do_where_there_is_nothing_else() {
    let bench = Bench::new().await;
    let tarball = archive::pack(&[("package/package.json", b"{}")]);
    let (_, hex) = ssri::IntegrityOpts::new().algorithm(ssri::Algorithm::Sha1).chain(&tarball).result().to_hex();
    bench.registry.publish_tarball("a", "1.0.0", json!({}), tarball.clone());
    bench.registry.edit("a", |packument| {
        let dist = packument["versions"]["1.0.0"]["dist"].as_object_mut().unwrap();
        dist.remove("integrity");
        dist.insert("shasum".to_owned(), json!(hex));
    });
    let (graph, _, _) = bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap();
    assert!(graph.packages["a@1.0.0"].integrity.starts_with("sha1-"));
    // Where there is a stronger one, the weaker one counts for nothing.
    bench.registry.publish_tarball("b", "1.0.0", json!({}), tarball);
    let sha1 = graph.packages["a@1.0.0"].integrity.clone();
    bench.registry.edit("b", |packument| {
        packument["versions"]["1.0.0"]["dist"]["integrity"] = json!(format!("{sha1} sha512-{}==", "A".repeat(86)));
    });
    assert_eq!(bench.failure(json!({"b": "1"})).await.code(), "wrong-integrity");
}

#[tokio::test]
async fn one_odd_version_does_not_hide_the_others() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    bench.registry.edit("a", |packument| {
        packument["versions"]["not-a-version"] = json!({"version": "not-a-version"});
        packument["versions"]["1.9.0"] = json!({"version": "1.8.0"});
        packument["versions"]["1.8.0"] = json!("nonsense");
        packument["versions"]["1.7.0"] = json!({"version": "1.7.0", "dist": 3});
        packument["dist-tags"]["beta"] = json!("9.9.9");
        packument["dist-tags"]["odd"] = json!(5);
    });
    let (graph, _, _) = bench.trip(json!({"dependencies": {"a": "^1"}})).await.unwrap();
    assert_eq!(graph.root["a"], "a@1.0.0");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect() {
    let mut bench = Bench::new().await;
    let other = TestRegistry::start().await;
    bench.npmrc = format!("{}/:_authToken=secret", bench.registry.url.strip_prefix("http:").unwrap());
    bench.registry.publish("a", "1.0.0", json!({}));
    let path = tarball_path("a", "1.0.0");
    let tarball = archive::pack(&[("package/package.json", b"{}")]);
    bench.registry.publish_tarball("a", "1.0.0", json!({}), tarball.clone());
    bench.registry.reply(&path, Reply::Redirect(format!("{}/moved.tgz", other.url)));
    other.reply("/moved.tgz", Reply::Redirect(format!("{}/back.tgz", bench.registry.url)));
    bench.registry.reply("/back.tgz", Reply::Ok(tarball));
    bench.trip(json!({"dependencies": {"a": "1"}})).await.unwrap();
    let token = Some("Bearer secret".to_owned());
    let seen: Vec<_> = bench.registry.seen().into_iter().map(|seen| (seen.path, seen.authorization)).collect();
    assert_eq!(seen, [("/a".to_owned(), token.clone()), (path, token.clone()), ("/back.tgz".to_owned(), token)]);
    let seen: Vec<_> = other.seen().into_iter().map(|seen| (seen.path, seen.authorization)).collect();
    assert_eq!(seen, [("/moved.tgz".to_owned(), None)]);
}

#[tokio::test]
async fn bounds_hold_while_bytes_arrive() {
    let mut bench = Bench::new().await;
    bench.registry.publish_tarball("a", "1.0.0", json!({}), archive::pack(&[("package/package.json", b"{}")]));
    let squeezed = archive::gzip(&vec![b' '; 100_000]);
    bench.limits = Limits { packument_bytes: 2000, tarball_bytes: 10, ..Limits::default() };
    let knob = |error: Error| match error {
        Error::Limit { knob, .. } => knob,
        error => panic!("{error}"),
    };
    assert_eq!(knob(bench.failure(json!({"a": "1"})).await), "limits.tarball_bytes");
    bench.registry.reply("/b", Reply::Ok(vec![b' '; 3000]));
    assert_eq!(knob(bench.failure(json!({"b": "1"})).await), "limits.packument_bytes");
    bench.registry.reply("/c", Reply::Status(200, &[("content-encoding", "gzip")], squeezed));
    assert_eq!(knob(bench.failure(json!({"c": "1"})).await), "limits.packument_bytes");
    bench.limits = Limits { graph_packages: 1, ..Limits::default() };
    bench.registry.publish("d", "1.0.0", json!({"dependencies": {"a": "1"}}));
    assert_eq!(knob(bench.failure(json!({"d": "1"})).await), "limits.graph_packages");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_askers_are_one_download() {
    let bench = Bench::new().await;
    for number in 0..30 {
        bench.registry.publish(
            &format!("p{number}"),
            "1.0.0",
            json!({"dependencies": {format!("p{}", (number + 1) % 30): "1"}}),
        );
    }
    let cache = bench.open().await;
    let manifest = Manifest::from_dependencies(&BTreeMap::from([("p0".into(), "1".into())]), "test").unwrap();
    let trips = (0..8).map(|_| async {
        let graph = cache.resolve(&manifest, Ahead::Packages, &()).await.unwrap().value;
        let packages = cache.fetch(&graph, &()).await.unwrap().value;
        Tree::hoist(&graph, &packages).unwrap().mounts.len()
    });
    assert_eq!(futures::future::join_all(trips).await, [30; 8]);
    assert_eq!(bench.registry.seen().len(), 60);
    cache.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_asker_leaves_the_cache_whole() {
    let mut bench = Bench::new().await;
    // The second asker may still find the first one's request in flight, and then waits for its next attempt.
    bench.network.read_timeout = Duration::from_millis(100);
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "1"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    let cache = bench.open().await;
    let manifest = Manifest::from_dependencies(&BTreeMap::from([("a".into(), "1".into())]), "test").unwrap();
    // Dropped while it waits for a packument, and then while it waits for a tarball.
    let packument = bench.registry.book_packument("b");
    bench.registry.replies("/b", [Reply::Silence, Reply::Ok(packument)]);
    tokio::select! {
        _ = cache.resolve(&manifest, Ahead::Nothing, &()) => panic!("nothing was answered"),
        () = bench.registry.asked_for("/b") => {}
    }
    let graph = cache.resolve(&manifest, Ahead::Nothing, &()).await.unwrap().value;
    let path = tarball_path("b", "1.0.0");
    let tarball = bench.registry.first_reply(&path);
    bench.registry.replies(&path, [Reply::Silence, tarball]);
    tokio::select! {
        _ = cache.fetch(&graph, &()) => panic!("nothing was answered"),
        () = bench.registry.asked_for(&path) => {}
    }
    let packages = cache.fetch(&graph, &()).await.unwrap();
    assert_eq!(Tree::hoist(&graph, &packages.value).unwrap().mounts.len(), 2);
    cache.close().await.unwrap();
}

#[tokio::test]
async fn a_flipped_bit_is_fetched_again() {
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    let manifest = json!({"dependencies": {"a": "1"}});
    let (graph, _, _) = bench.trip(manifest.clone()).await.unwrap();
    let cache = bench.open().await;
    let key = graph.packages["a@1.0.0"].integrity.clone();
    let mut bytes = cache.shared.store.get(Kind::Tarball, &key).await.unwrap().unwrap().bytes;
    bytes[20] ^= 1;
    cache.shared.store.put_verified(Kind::Tarball, &key, Arc::new(bytes), Stamp::default()).await.unwrap();
    cache.close().await.unwrap();
    assert_eq!(bench.trip(manifest.clone()).await.unwrap().2, CacheUse::Miss);
    assert_eq!(bench.trip(manifest).await.unwrap().2, CacheUse::Hit);
    assert_eq!(bench.registry.count(&tarball_path("a", "1.0.0")), 2);
}

#[tokio::test]
async fn progress_is_told() {
    #[derive(Default)]
    struct Told(Mutex<Vec<String>>);
    impl Progress for Told {
        fn resolving(&self, name: &str) {
            self.0.lock().unwrap().push(name.to_owned());
        }
        fn fetching(&self, package: &str, done: usize, total: usize) {
            self.0.lock().unwrap().push(format!("{package} {done}/{total}"));
        }
    }
    let bench = Bench::new().await;
    bench.registry.publish("a", "1.0.0", json!({}));
    let cache = bench.open().await;
    let manifest = Manifest::from_dependencies(&BTreeMap::from([("a".into(), "1".into())]), "test").unwrap();
    let told = Told::default();
    let graph = cache.resolve(&manifest, Ahead::Packages, &told).await.unwrap().value;
    cache.fetch(&graph, &told).await.unwrap();
    assert_eq!(*told.0.lock().unwrap(), ["a", "a@1.0.0 1/1"]);
    cache.close().await.unwrap();
}
