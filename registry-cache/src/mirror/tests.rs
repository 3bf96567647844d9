use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::json;

use super::archive::{Content, Reader, Writer};
use super::*;
use crate::cache::{Connection, OwnCache};
use crate::limits::Limits;
use crate::packument::Form;
use crate::store::{Kind, Stamp};
use crate::test_bench::{Bench, mounts};
use crate::test_registry::Scratch;
use crate::{Ahead, Error, Manifest};

fn signer() -> MirrorSigner {
    MirrorSigner::from_seed(&[7; 32])
}

fn trusted() -> Vec<MirrorKey> {
    vec![signer().key()]
}

fn manifest(value: &serde_json::Value) -> Manifest {
    Manifest::parse_package_json(&value.to_string(), "package.json").unwrap()
}

/// Packages of every kind that matters to a mirror.
async fn source() -> Bench {
    let bench = Bench::new().await;
    let registry = &bench.registry;
    let optional = json!({"native-linux": "1", "native-mac": "1", "native-musl": "1", "absent": "1", "odd": "^9"});
    registry.publish("app", "1.0.0", json!({"dependencies": {"lib": "^1.0.0", "@s/c": "*"}}));
    registry.publish("app", "0.9.0", json!({}));
    registry.publish("app", "1.0.1", json!({"optionalDependencies": optional, "dependencies": {"lib": "~1.1.0"}}));
    registry.publish("lib", "1.1.0", json!({"peerDependencies": {"@s/c": "3"}}));
    registry.publish("lib", "1.2.0", json!({}));
    registry.publish("lib", "2.0.0", json!({}));
    registry.publish("@s/c", "3.0.0", json!({"bin": "index.js"}));
    registry.publish("native-linux", "1.0.0", json!({"os": ["linux"], "cpu": ["x64"]}));
    registry.publish("native-mac", "1.0.0", json!({"os": ["darwin"]}));
    registry.publish("native-musl", "1.0.0", json!({"os": ["linux"], "libc": ["musl"]}));
    registry.publish("odd", "1.0.0", json!({}));
    registry.edit("app", |packument| packument["dist-tags"] = json!({"latest": "1.0.1", "old": "0.9.0"}));
    bench
}

fn wanted() -> serde_json::Value {
    json!({"dependencies": {"app": "^1.0.0", "lib": "1"}, "optionalDependencies": {"native-mac": "1", "gone": "1"}})
}

fn file_in(scratch: &Scratch, name: &str) -> PathBuf {
    std::fs::create_dir_all(&scratch.0).unwrap();
    scratch.0.join(name)
}

async fn export(bench: &Bench, manifests: &[serde_json::Value], platforms: &Platforms) -> (Vec<u8>, Exported) {
    let cache = bench.open().await;
    let path = file_in(&bench.scratch, "mirror");
    let manifests: Vec<Manifest> = manifests.iter().map(manifest).collect();
    let file = File::create(&path).unwrap();
    let exported = cache.export_mirror(&manifests, platforms, &signer(), file, &()).await.unwrap();
    cache.close().await.unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len() as u64, exported.bytes);
    (bytes, exported)
}

fn of_programs() -> Platforms {
    Platforms::These(BTreeSet::from([Platform::OF_PROGRAMS]))
}

async fn import(cache: &OwnCache, scratch: &Scratch, bytes: &[u8]) -> Result<Imported, Error> {
    let path = file_in(scratch, "received");
    std::fs::write(&path, bytes).unwrap();
    cache.import_mirror(File::open(&path).unwrap(), &trusted(), &()).await
}

fn offline(bench: &Bench) -> Bench {
    let mut there = bench.alike();
    there.connection = Connection::Offline;
    there
}

#[tokio::test]
async fn what_comes_out_is_resolved_and_fetched_offline_as_before() {
    let here = source().await;
    let (bytes, exported) = export(&here, &[wanted()], &of_programs()).await;
    assert_eq!((exported.tarballs, exported.platforms), (4, vec!["linux-x64".to_owned()]));
    let (graph, tree, _) = here.trip(wanted()).await.unwrap();
    assert_eq!(graph.packages.len(), 4);
    let there = offline(&here);
    let cache = there.open().await;
    let imported = import(&cache, &there.scratch, &bytes).await.unwrap();
    assert_eq!((imported.tarballs, imported.new_tarballs, imported.key), (4, 4, signer().key().to_string()));
    let again = import(&cache, &there.scratch, &bytes).await.unwrap();
    assert_eq!((again.tarballs, again.new_tarballs), (4, 0));
    cache.close().await.unwrap();
    let (graph_there, tree_there, _) = there.trip(wanted()).await.unwrap();
    assert_eq!((graph_there, mounts(&tree_there)), (graph, mounts(&tree)));
    // A manifest that nobody resolved before, from the trimmed packuments alone.
    let other = json!({"dependencies": {"app": "^1.0.0", "lib": "^1.0.0"}});
    let (graph, _, _) = here.trip(other.clone()).await.unwrap();
    assert_eq!(there.trip(other).await.unwrap().0, graph);
}

#[tokio::test]
async fn packuments_are_trimmed_and_tags_point_inside() {
    let here = source().await;
    let (bytes, _) = export(&here, &[wanted()], &of_programs()).await;
    let there = offline(&here);
    let cache = there.open().await;
    import(&cache, &there.scratch, &bytes).await.unwrap();
    let found = cache.shared.packument(&crate::PackageName::parse("app").unwrap()).await.unwrap();
    let document = found.packument.document();
    assert_eq!(document["versions"].as_object().unwrap().keys().collect::<Vec<_>>(), ["1.0.1"]);
    assert_eq!(document["dist-tags"], json!({"latest": "1.0.1"}));
    // Metadata is there for systems whose tarballs are not.
    let mac = cache.shared.packument(&crate::PackageName::parse("native-mac").unwrap()).await.unwrap();
    assert!(mac.packument.document()["versions"].get("1.0.0").is_some());
    cache.close().await.unwrap();
}

#[tokio::test]
async fn all_platforms_have_their_tarballs() {
    let here = source().await;
    let (bytes, exported) = export(&here, &[wanted()], &Platforms::All).await;
    assert_eq!(exported.tarballs, 6);
    let there = offline(&here);
    let cache = there.open().await;
    assert_eq!(import(&cache, &there.scratch, &bytes).await.unwrap().new_tarballs, 6);
    cache.close().await.unwrap();
    let mac = Platforms::These(BTreeSet::from(["darwin-arm64".parse().unwrap()]));
    // What programs need is always part of it.
    assert_eq!(export(&here, &[wanted()], &mac).await.1.tarballs, 5);
}

#[tokio::test]
async fn the_same_inputs_give_the_same_bytes() {
    let here = source().await;
    let other = json!({"dependencies": {"odd": "1"}});
    let (first, _) = export(&here, &[wanted(), other.clone()], &Platforms::All).await;
    let (again, _) = export(&here, &[other.clone(), wanted(), other], &Platforms::All).await;
    assert!(first == again);
    std::fs::remove_dir_all(&here.scratch.0).unwrap();
    let (anew, _) = export(&here, &[wanted(), json!({"dependencies": {"odd": "1"}})], &Platforms::All).await;
    assert!(first == anew);
}

#[tokio::test]
async fn what_the_cache_knows_stays() {
    let here = source().await;
    let (bytes, _) = export(&here, &[json!({"dependencies": {"lib": "1.2.0"}})], &of_programs()).await;
    let mut there = Bench::new().await;
    there.registry.publish("lib", "1.1.0", json!({}));
    there.registry.publish("lib", "5.0.0", json!({}));
    there.trip(json!({"dependencies": {"lib": "5"}})).await.unwrap();
    let cache = there.open().await;
    import(&cache, &there.scratch, &bytes).await.unwrap();
    cache.close().await.unwrap();
    // With a connection the registry's word is newer; it has no 1.2.0, but what is known was asked for just now.
    there.connection = Connection::Offline;
    assert_eq!(there.trip(json!({"dependencies": {"lib": "1.2.0"}})).await.unwrap().0.root["lib"], "lib@1.2.0");
    assert_eq!(there.trip(json!({"dependencies": {"lib": "*"}})).await.unwrap().0.root["lib"], "lib@5.0.0");
}

#[tokio::test]
async fn with_a_connection_a_mirror_counts_as_old() {
    let here = source().await;
    let only = json!({"dependencies": {"lib": "^1.0.0"}});
    let (bytes, _) = export(&here, std::slice::from_ref(&only), &of_programs()).await;
    let there = Bench::new().await;
    there.registry.publish("lib", "1.9.0", json!({}));
    let cache = there.open().await;
    import(&cache, &there.scratch, &bytes).await.unwrap();
    cache.close().await.unwrap();
    assert_eq!(there.trip(only).await.unwrap().0.root["lib"], "lib@1.9.0");
}

#[tokio::test]
async fn an_import_that_was_killed_is_forgotten_or_finished() {
    let here = source().await;
    let (bytes, _) = export(&here, &[wanted()], &of_programs()).await;
    let (graph, _, _) = here.trip(wanted()).await.unwrap();
    let there = offline(&here);
    let cache = there.open().await;
    let path = file_in(&there.scratch, "received");
    std::fs::write(&path, &bytes).unwrap();
    let trusted = trusted();
    // Dropped again and again, a little later each time, until once it comes to its end.
    let mut polls = 1;
    let finished = loop {
        let mut import = Box::pin(cache.import_mirror(File::open(&path).unwrap(), &trusted, &()));
        let mut left = polls;
        let outcome = std::future::poll_fn(|context| {
            left -= 1;
            match import.as_mut().poll(context) {
                std::task::Poll::Ready(outcome) => std::task::Poll::Ready(Some(outcome)),
                std::task::Poll::Pending if left == 0 => std::task::Poll::Ready(None),
                std::task::Poll::Pending => std::task::Poll::Pending,
            }
        });
        let outcome = outcome.await;
        drop(import);
        if let Some(outcome) = outcome {
            break outcome;
        }
        let pending = cache.shared.store.get(Kind::Import, "pending").await.unwrap().is_some();
        let resolved = cache.resolve(&manifest(&wanted()), Ahead::Nothing, &()).await;
        assert!(pending || polls > 5 || matches!(resolved, Err(Error::Offline { .. })), "after {polls} polls");
        polls += 1;
    };
    finished.unwrap();
    assert!(polls > 5);
    cache.close().await.unwrap();
    assert_eq!(there.trip(wanted()).await.unwrap().0, graph);
}

#[tokio::test]
async fn an_intent_is_carried_out_by_whoever_opens_the_cache() {
    let there = offline(&Bench::new().await);
    let cache = there.open().await;
    let name = crate::PackageName::parse("a").unwrap();
    let url = cache.shared.client.registries().packument_url(&name).unwrap().to_string();
    let document = json!({"name": "a", "dist-tags": {}, "versions": {"1.0.0": {"name": "a", "version": "1.0.0"}}});
    let packument = json!({"name": "a", "url": url, "form": "full", "document": document.to_string()});
    let intent = json!({"packuments": [packument], "keys": [], "resolutions": [["key", "{}"]]});
    let store = &cache.shared.store;
    store.put(Kind::Import, "pending", intent.to_string().into_bytes(), Stamp::default()).await.unwrap();
    cache.close().await.unwrap();
    let cache = there.open().await;
    assert!(cache.shared.store.get(Kind::Import, "pending").await.unwrap().is_none());
    assert!(cache.shared.store.get(Kind::Resolution, "key").await.unwrap().is_some());
    let found = cache.shared.packument(&name).await.unwrap();
    assert!(found.packument.document()["versions"].get("1.0.0").is_some());
    cache.close().await.unwrap();
}

#[tokio::test]
async fn who_is_not_known_is_asked_about() {
    let here = source().await;
    let (bytes, _) = export(&here, &[wanted()], &of_programs()).await;
    let there = offline(&here);
    let cache = there.open().await;
    let path = file_in(&there.scratch, "received");
    std::fs::write(&path, &bytes).unwrap();
    let other = MirrorSigner::from_seed(&[8; 32]).key();
    let error = cache.import_mirror(File::open(&path).unwrap(), &[other], &()).await.unwrap_err();
    assert_eq!(error, Error::MirrorUntrusted { key: signer().key().to_string() });
    assert!(error.hint().unwrap().contains(&format!("--trust {}", signer().key())));
    cache.close().await.unwrap();
}

/// A signed mirror of these blobs.
fn signed(blobs: &[(Content, Vec<u8>)]) -> Vec<u8> {
    let scratch = Scratch::new();
    let path = file_in(&scratch, "mirror");
    let mut writer = Writer::new(File::create(&path).unwrap(), vec!["all".to_owned()]).unwrap();
    for (content, blob) in blobs {
        writer.append(content.clone(), blob).unwrap();
    }
    writer.finish(&signer()).unwrap();
    std::fs::read(&path).unwrap()
}

#[tokio::test]
async fn a_trusted_key_does_not_make_wrong_things_right() {
    let there = offline(&Bench::new().await);
    let cache = there.open().await;
    let tarball = |integrity: &str| Content::Tarball { package: "a@1.0.0".to_owned(), integrity: integrity.to_owned() };
    let packument = |name: &str| Content::Packument { name: name.to_owned(), form: Form::Full };
    let garbage = b"garbage".to_vec();
    let of_garbage = ssri::IntegrityOpts::new().algorithm(ssri::Algorithm::Sha512).chain(&garbage).result().to_string();
    let of_nothing = ssri::IntegrityOpts::new().algorithm(ssri::Algorithm::Sha512).result().to_string();
    let open_graph = json!({"manifest": manifest(&json!({})), "graph": {"root": {"a": "a@1"}, "packages": {}}});
    for (content, blob, code) in [
        (tarball(&of_nothing), garbage.clone(), "wrong-integrity"),
        (tarball(&of_garbage), garbage.clone(), "broken-tarball"),
        (tarball("sha512-x"), garbage.clone(), "mirror-broken"),
        (tarball(""), garbage.clone(), "mirror-broken"),
        (packument("../a"), garbage.clone(), "invalid-package-name"),
        (packument("a"), garbage.clone(), "mirror-broken"),
        (packument("a"), br#"{"name": "b", "versions": {}}"#.to_vec(), "mirror-broken"),
        (Content::Resolution, garbage.clone(), "mirror-broken"),
        (Content::Resolution, open_graph.to_string().into_bytes(), "mirror-broken"),
    ] {
        let good = (packument("good"), br#"{"name": "good", "versions": {}}"#.to_vec());
        let error = import(&cache, &there.scratch, &signed(&[good, (content.clone(), blob)])).await.unwrap_err();
        assert_eq!(error.code(), code, "{content:?}: {error}");
    }
    let store = &cache.shared.store;
    for kind in [Kind::Packument, Kind::Tarball, Kind::Resolution, Kind::Import] {
        assert_eq!(store.keys(kind).await.unwrap().len(), 0, "{kind:?}");
    }
    cache.close().await.unwrap();
}

/// What the reader says of these bytes, to their end.
fn read(bytes: &[u8], limits: &Limits) -> Result<Vec<Content>, Error> {
    let scratch = Scratch::new();
    let path = file_in(&scratch, "mirror");
    std::fs::write(&path, bytes).unwrap();
    let mut reader = Reader::open(File::open(&path).unwrap(), &trusted(), limits)?;
    let mut contents = Vec::new();
    while let Some((content, _)) = reader.next()? {
        contents.push(content);
    }
    Ok(contents)
}

fn small_mirror() -> Vec<u8> {
    let packument = Content::Packument { name: "a".to_owned(), form: Form::Abbreviated };
    let tarball = Content::Tarball { package: "a@1.0.0".to_owned(), integrity: "sha512-x".to_owned() };
    signed(&[(Content::Resolution, vec![b'r'; 20]), (packument, vec![b'p'; 50]), (tarball, vec![0; 100])])
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let whole = small_mirror();
    assert_eq!(read(&whole, &Limits::default()).unwrap().len(), 3);
    for length in 0..whole.len() {
        let error = read(&whole[..length], &Limits::default()).unwrap_err();
        assert!(error.code().starts_with("mirror-") || error.code() == "package-limit", "{length}: {error}");
    }
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        let error = read(&bytes, &Limits::default()).unwrap_err();
        assert!(error.code().starts_with("mirror-") || error.code() == "package-limit", "{at}: {error}");
    }
}

#[test]
fn bounds_are_kept_and_named() {
    let whole = small_mirror();
    type Tighten = fn(&mut Limits);
    let tight: [(&str, Tighten); 4] = [
        ("limits.tarball_bytes", |limits| limits.tarball_bytes = 99),
        ("limits.packument_bytes", |limits| limits.packument_bytes = 49),
        ("limits.mirror_index_bytes", |limits| limits.mirror_index_bytes = 10),
        ("limits.mirror_metadata_bytes", |limits| limits.mirror_metadata_bytes = 69),
    ];
    for (expected, tighten) in tight {
        let mut limits = Limits::default();
        tighten(&mut limits);
        match read(&whole, &limits) {
            Err(Error::Limit { knob, .. }) => assert_eq!(knob, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[test]
fn another_version_is_named() {
    let mut bytes = small_mirror();
    bytes[12] = 9;
    assert_eq!(read(&bytes, &Limits::default()).unwrap_err(), Error::MirrorVersion { found: 9, known: 1 });
}

#[test]
fn keys_are_read_as_they_are_written() {
    let key = signer().key();
    assert_eq!(key.to_string().parse(), Ok(key));
    assert!(!format!("{:?}", signer()).contains("7, 7"));
    for text in ["", "hoist-key-1:", "hoist-key-1:AAAA", "hoist-key-2:AAAA", "hoist-key-1:!"] {
        assert!(text.parse::<MirrorKey>().is_err(), "{text}");
    }
}

#[test]
fn platforms_are_read_as_node_names_them() {
    assert_eq!("linux-x64".parse(), Ok(Platform::OF_PROGRAMS));
    assert_eq!("darwin-arm64".parse::<Platform>().unwrap().to_string(), "darwin-arm64");
    for text in ["", "linux", "linux-amd64", "macos-x64", "linux-x64-musl", "all"] {
        assert!(text.parse::<Platform>().is_err(), "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_added_left_out_or_changed_is_refused(
        at in any::<prop::sample::Index>(),
        other in prop::collection::vec(any::<u8>(), 0..40),
        instead_of in 0usize..40,
    ) {
        let whole = small_mirror();
        let at = at.index(whole.len() + 1);
        let end = (at + instead_of).min(whole.len());
        prop_assume!(whole[at..end] != other[..]);
        let bytes = [&whole[..at], &other, &whole[end..]].concat();
        prop_assume!(bytes != whole);
        prop_assert!(read(&bytes, &Limits::default()).is_err());
    }

    #[test]
    fn anything_at_all_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read(&bytes, &Limits::default()).is_err());
    }
}
