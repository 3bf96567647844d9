use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::protocol::{Greeting, Hello, PROTOCOL, Settings};
use super::*;
use crate::ahead::Ahead;
use crate::care::Pins;
use crate::manifest::Manifest;
use crate::mirror::{MirrorSigner, Platform, Platforms};
use crate::test_bench::Bench;
use crate::test_registry::{Reply as RegistryReply, Scratch, tarball_path};
use crate::{CacheUse, Connection, NetworkOptions, Registries, Tree};

/// A cache's folder, a folder for sockets beside it, and a registry that has `a`, which requires `b`.
async fn bench() -> (Bench, Scratch) {
    let mut bench = Bench::new().await;
    let sockets = Scratch::new();
    bench.owner.folder = Some(sockets.0.clone());
    bench.limits.lock_wait = Duration::ZERO;
    bench.registry.publish("a", "1.0.0", json!({"dependencies": {"b": "1"}}));
    bench.registry.publish("b", "1.0.0", json!({}));
    (bench, sockets)
}

fn manifest() -> Manifest {
    Manifest::parse_package_json(&json!({"dependencies": {"a": "1"}}).to_string(), "package.json").unwrap()
}

fn socket_in(folder: &Scratch) -> PathBuf {
    let mut names: Vec<PathBuf> = std::fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names.remove(0)
}

/// A frame without bytes.
fn frame(message: &serde_json::Value) -> Vec<u8> {
    let text = message.to_string();
    let mut frame = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

async fn read_frame(stream: &mut UnixStream) -> serde_json::Value {
    let mut header = [0; 8];
    stream.read_exact(&mut header).await.unwrap();
    let mut text = vec![0; u32::from_le_bytes(header[..4].try_into().unwrap()) as usize];
    stream.read_exact(&mut text).await.unwrap();
    serde_json::from_slice(&text).unwrap()
}

#[derive(Default)]
struct Heard {
    resolving: AtomicUsize,
    fetching: AtomicUsize,
}

impl Progress for Heard {
    fn resolving(&self, _: &str) {
        self.resolving.fetch_add(1, Ordering::SeqCst);
    }

    fn fetching(&self, _: &str, _: usize, _: usize) {
        self.fetching.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn every_call_goes_through_the_owner() {
    let (bench, sockets) = bench().await;
    let owner = Cache::publish(bench.options()).await.unwrap();
    assert_eq!(std::fs::metadata(socket_in(&sockets)).unwrap().permissions().mode() & 0o777, 0o600);
    let user = Cache::open(bench.options()).await.unwrap();
    assert!(owner.own().is_some() && user.own().is_none());

    let heard = Heard::default();
    let graph = user.resolve(&manifest(), Ahead::Packages, &heard).await.unwrap();
    assert_eq!(graph.cache, CacheUse::Miss);
    let packages = user.fetch(&graph.value, &heard).await.unwrap();
    let tree = Tree::hoist(&graph.value, &packages.value).unwrap();
    let texts: Vec<Vec<u8>> =
        tree.mounts.iter().map(|mount| mount.image.map().unwrap().get("index.js").unwrap().to_vec()).collect();
    assert_eq!(texts, [b"module.exports = 'a@1.0.0'", b"module.exports = 'b@1.0.0'"]);
    assert_eq!((heard.resolving.into_inner(), heard.fetching.into_inner()), (2, 2));

    let again = user.resolve(&manifest(), Ahead::Nothing, &()).await.unwrap();
    assert_eq!((again.value, again.cache), (graph.value.clone(), CacheUse::Hit));
    assert_eq!(user.keep(&graph.value, &()).await, Ok(CacheUse::Hit));
    let package = &graph.value.packages["a@1.0.0"];
    let own = owner.own().unwrap();
    let bytes = own.tarball_bytes(package).await.unwrap();
    assert!(bytes.is_some());
    assert_eq!(user.tarball_bytes(package).await, Ok(bytes));

    assert_eq!(user.module("key").await, Ok(None));
    let module: Vec<u8> = (0..700_000u32).map(|number| number as u8).collect();
    user.keep_module("key", module.clone()).await.unwrap();
    assert_eq!(own.module("key").await.unwrap().as_ref(), Some(&module));
    assert_eq!(user.module("key").await, Ok(Some(module)));
    user.flush().await.unwrap();

    user.pin("mine", &Pins::of(&graph.value)).await.unwrap();
    let stats = user.stats().await.unwrap();
    assert_eq!((stats.tarballs.count, stats.modules.count), (2, 1));
    assert_eq!(own.stats().await.as_ref(), Ok(&stats));
    assert!(stats.sets.contains_key("mine"));
    assert_eq!(user.verify().await.unwrap().removed, []);
    // All of it has been used through this very connection.
    assert_eq!(user.collect(0).await.unwrap().removed.count, 0);
    assert_eq!((user.unpin("mine").await, user.unpin("mine").await), (Ok(true), Ok(false)));

    drop(own);
    user.close().await.unwrap();
    owner.close().await.unwrap();
    assert_eq!(std::fs::read_dir(&sockets.0).unwrap().count(), 0);
}

#[tokio::test]
async fn mirrors_are_written_and_read_by_the_owner() {
    let (bench, _sockets) = bench().await;
    let owner = Cache::publish(bench.options()).await.unwrap();
    let user = Cache::open(bench.options()).await.unwrap();
    let folder = Scratch::new();
    std::fs::create_dir_all(&folder.0).unwrap();
    let path = folder.0.join("mirror");
    let (platforms, signer) = (Platforms::These([Platform::OF_PROGRAMS].into()), MirrorSigner::from_seed(&[7; 32]));
    let exported = user.export_mirror(&[manifest()], &platforms, &signer, &path, &()).await.unwrap();
    assert_eq!((exported.tarballs, exported.bytes), (2, std::fs::metadata(&path).unwrap().len()));
    let imported = user.import_mirror(&path, &[signer.key()], &()).await.unwrap();
    assert_eq!((imported.tarballs, imported.new_tarballs, imported.key), (2, 0, exported.key));
    let untrusted = user.import_mirror(&path, &[], &()).await.unwrap_err();
    let same = owner.import_mirror(&path, &[], &()).await.unwrap_err();
    assert_eq!(untrusted, same);
    owner.close().await.unwrap();
}

#[tokio::test]
async fn errors_come_back_whole() {
    let (bench, _sockets) = bench().await;
    bench.registry.publish("wants-ghost", "1.0.0", json!({"dependencies": {"ghost": "1"}}));
    let owner = Cache::publish(bench.options()).await.unwrap();
    let user = Cache::open(bench.options()).await.unwrap();
    let text = json!({"dependencies": {"wants-ghost": "1"}}).to_string();
    let wanted = Manifest::parse_package_json(&text, "package.json").unwrap();
    let told = user.resolve(&wanted, Ahead::Nothing, &()).await.unwrap_err();
    assert_eq!(told, owner.resolve(&wanted, Ahead::Nothing, &()).await.unwrap_err());
    assert_eq!((told.code(), told.chain()), ("unknown-package", ["wants-ghost@1.0.0".to_owned()].as_slice()));
    for error in [
        Error::PackageName { origin: "x".to_owned(), name: "é".to_owned(), problem: "it is empty" },
        Error::Limit { subject: "a@1".to_owned(), what: "files", measured: 7, limit: 3, knob: "package_files" },
        Error::RegistryTimeout { package: "a".to_owned(), url: "u".to_owned(), timeout: Duration::from_millis(1500) },
    ] {
        let error = Error::Required { error: Box::new(error), chain: vec!["b@2".to_owned()] };
        assert_eq!(serde_json::from_slice::<Error>(&serde_json::to_vec(&error).unwrap()).unwrap(), error);
    }
    owner.close().await.unwrap();
}

#[tokio::test]
async fn settings_must_be_the_same() {
    let (bench, _sockets) = bench().await;
    let owner = Cache::publish(bench.options()).await.unwrap();
    let registries =
        |text: &str| Registries::parse(&[(".npmrc".to_owned(), text.to_owned())], &Default::default()).unwrap();
    let base = format!("registry={}/\n", bench.registry.url);
    let with = |change: &dyn Fn(&mut CacheOptions)| {
        let mut options = bench.options();
        change(&mut options);
        options
    };
    let cases = [
        (with(&|options| options.registries = registries("registry=http://localhost:9/")), "credentials, registries"),
        (
            with(&|options| options.registries = registries(&format!("{base}//localhost:9/:_authToken=t"))),
            "credentials",
        ),
        (with(&|options| options.connection = Connection::Offline), "offline"),
        (with(&|options| options.policy.release_age.least += Duration::from_secs(1)), "policy"),
        (with(&|options| options.owner.tenant = "another".to_owned()), "tenant"),
    ];
    for (options, differs) in cases {
        let error = Cache::open(options).await.unwrap_err();
        let folder = bench.scratch.0.clone();
        let differs = differs.split(", ").map(str::to_owned).collect();
        assert_eq!(error, Error::OwnerSettings { pid: Some(std::process::id()), folder, differs });
        assert!(error.hint().unwrap().contains("--cache"));
    }
    // How a registry is reached is everybody's own business.
    let proxied = NetworkOptions { http_proxy: Some("http://localhost:9".to_owned()), ..NetworkOptions::default() };
    assert!(Cache::open(with(&|options| options.network = proxied.clone())).await.is_ok());
    owner.close().await.unwrap();
}

#[tokio::test]
async fn another_version_is_told_apart() {
    let (bench, sockets) = bench().await;
    let owner = Cache::publish(bench.options()).await.unwrap();
    let mut stream = UnixStream::connect(socket_in(&sockets)).await.unwrap();
    let hello = json!({"protocol": PROTOCOL + 1, "settings": {}, "more": [1]});
    stream.write_all(&frame(&hello)).await.unwrap();
    assert_eq!(read_frame(&mut stream).await["protocol"], json!(PROTOCOL));
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    owner.close().await.unwrap();

    // And the other way around: an owner of another version, which holds the lock.
    let _lock = LockFile::take(&bench.scratch.0, Duration::ZERO).await.unwrap();
    let listener = SocketPlace::make(&sockets.0, &bench.scratch.0).unwrap().listen().unwrap();
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_frame(&mut stream).await;
        stream.write_all(&frame(&json!({"protocol": 7, "differs": [], "more": {}}))).await.unwrap();
    });
    let error = Cache::open(bench.options()).await.unwrap_err();
    answering.await.unwrap();
    let folder = bench.scratch.0.clone();
    assert_eq!(error, Error::OwnerVersion { pid: Some(std::process::id()), folder, theirs: 7, ours: PROTOCOL });
}

#[tokio::test]
async fn what_is_too_large_or_makes_no_sense_ends_its_connection_only() {
    let (bench, sockets) = bench().await;
    let owner = Cache::publish(bench.options()).await.unwrap();
    let socket = socket_in(&sockets);
    for bytes in [
        b"\xff\xff\xff\xff\0\0\0\0".to_vec(),
        b"\0\0\0\0\xff\xff\xff\xff".to_vec(),
        frame(&json!({"hello": "world"})),
        frame(&json!([])),
        b"\x02\0\0\0\0\0\0\0{{".to_vec(),
    ] {
        let mut stream = UnixStream::connect(&socket).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        // Closed, or reset because not everything was read.
        assert!(matches!(stream.read(&mut [0]).await, Ok(0) | Err(_)));
    }
    // A call that nobody knows, after a proper greeting.
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    let hello = Hello { protocol: PROTOCOL, settings: Settings::of(&bench.options()) };
    stream.write_all(&frame(&serde_json::to_value(hello).unwrap())).await.unwrap();
    let greeting: Greeting = serde_json::from_value(read_frame(&mut stream).await).unwrap();
    assert_eq!(greeting.differs, Vec::<String>::new());
    stream.write_all(&frame(&json!({"Erase": {}}))).await.unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    let user = Cache::open(bench.options()).await.unwrap();
    assert_eq!(user.module("key").await, Ok(None));
    owner.close().await.unwrap();
}

#[tokio::test]
async fn a_slow_connection_is_closed_and_makes_room() {
    let (mut bench, sockets) = bench().await;
    bench.limits.owner_connections = 1;
    bench.limits.owner_message_wait = Duration::from_millis(200);
    let owner = Cache::publish(bench.options()).await.unwrap();
    let mut slow = UnixStream::connect(socket_in(&sockets)).await.unwrap();
    slow.write_all(&[1]).await.unwrap();
    bench.limits.owner_message_wait = Duration::from_secs(30);
    let user = Cache::open(bench.options()).await.unwrap();
    assert_eq!(user.module("key").await, Ok(None));
    assert_eq!(slow.read(&mut [0]).await.unwrap(), 0);
    owner.close().await.unwrap();
}

#[tokio::test]
async fn a_connection_that_was_closed_in_between_is_made_again() {
    let (mut bench, _sockets) = bench().await;
    bench.limits.owner_idle = Duration::from_millis(1);
    let owner = Cache::publish(bench.options()).await.unwrap();
    let user = Cache::open(bench.options()).await.unwrap();
    for _ in 0..20 {
        assert_eq!(user.module("key").await, Ok(None));
    }
    owner.close().await.unwrap();
}

#[tokio::test]
async fn many_calls_at_once() {
    let (bench, _sockets) = bench().await;
    let owner = Cache::publish(bench.options()).await.unwrap();
    let user = Cache::open(bench.options()).await.unwrap();
    let manifest = manifest();
    let calls = (0..32).map(|_| async {
        let graph = user.resolve(&manifest, Ahead::Packages, &()).await.unwrap().value;
        user.fetch(&graph, &()).await.unwrap().value.image("b@1.0.0").is_some()
    });
    assert!(futures::future::join_all(calls).await.into_iter().all(|there| there));
    assert_eq!(bench.registry.count(&tarball_path("a", "1.0.0")), 1);
    owner.close().await.unwrap();
}

#[tokio::test]
async fn more_images_than_one_message_can_carry() {
    const MANY: usize = 600;
    let (bench, _sockets) = bench().await;
    let names: Vec<String> = (0..MANY).map(|number| format!("p{number}")).collect();
    for name in &names {
        bench.registry.publish(name, "1.0.0", json!({}));
    }
    let dependencies: serde_json::Map<_, _> = names.iter().map(|name| (name.clone(), json!("1"))).collect();
    let text = json!({"dependencies": dependencies}).to_string();
    let manifest = Manifest::parse_package_json(&text, "package.json").unwrap();
    let owner = Cache::publish(bench.options()).await.unwrap();
    let user = Cache::open(bench.options()).await.unwrap();
    let graph = user.resolve(&manifest, Ahead::Nothing, &()).await.unwrap().value;
    let packages = user.fetch(&graph, &()).await.unwrap().value;
    for name in &names {
        let map = packages.image(&format!("{name}@1.0.0")).unwrap().map().unwrap();
        assert_eq!(map.get("index.js"), Some(format!("module.exports = '{name}@1.0.0'").as_bytes()));
    }
    owner.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_call_is_dropped_by_the_owner() {
    let (bench, _sockets) = bench().await;
    bench.registry.reply("/a", RegistryReply::Silence);
    let owner = Cache::publish(bench.options()).await.unwrap();
    let user = Cache::open(bench.options()).await.unwrap();
    let manifest = manifest();
    {
        let call = user.resolve(&manifest, Ahead::Nothing, &());
        tokio::pin!(call);
        tokio::select! {
            _ = &mut call => panic!("nobody can have answered"),
            () = bench.registry.asked_for("/a") => {}
        }
    }
    // Else closing would wait for it.
    let closed = tokio::time::timeout(bench.limits.owner_drain / 2, owner.close()).await;
    closed.expect("the call was dropped").unwrap();
}

#[tokio::test]
async fn an_owner_that_dies_over_a_call_is_replaced() {
    let (bench, sockets) = bench().await;
    let lock = LockFile::take(&bench.scratch.0, Duration::ZERO).await.unwrap();
    let listener = SocketPlace::make(&sockets.0, &bench.scratch.0).unwrap().listen().unwrap();
    let dying = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_frame(&mut stream).await;
        stream.write_all(&frame(&json!({"protocol": PROTOCOL, "differs": []}))).await.unwrap();
        read_frame(&mut stream).await;
        stream.write_all(&frame(&json!("Working"))).await.unwrap();
        // The kernel closes everything at once, in whatever order.
        drop((listener, lock, stream));
    });
    let user = Cache::open(bench.options()).await.unwrap();
    assert!(user.own().is_none());
    let graph = user.resolve(&manifest(), Ahead::Packages, &()).await.unwrap().value;
    dying.await.unwrap();
    assert_eq!(graph.packages.len(), 2);
    assert!(user.own().is_some());
    user.close().await.unwrap();
}

#[tokio::test]
async fn an_owner_that_dies_and_leaves_the_lock_to_nobody_is_an_error() {
    let (bench, sockets) = bench().await;
    let _lock = LockFile::take(&bench.scratch.0, Duration::ZERO).await.unwrap();
    let listener = SocketPlace::make(&sockets.0, &bench.scratch.0).unwrap().listen().unwrap();
    let dying = tokio::spawn(async move {
        for _ in 0..3 {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_frame(&mut stream).await;
            stream.write_all(&frame(&json!({"protocol": PROTOCOL, "differs": []}))).await.unwrap();
            read_frame(&mut stream).await;
        }
    });
    let user = Cache::open(bench.options()).await.unwrap();
    let error = user.module("key").await.unwrap_err();
    assert_eq!(error.code(), "owner-gone");
    assert!(error.to_string().contains(&std::process::id().to_string()), "{error}");
    dying.await.unwrap();
}

#[tokio::test]
async fn an_owner_that_says_nothing_is_an_error() {
    let (mut bench, sockets) = bench().await;
    bench.limits.owner_message_wait = Duration::from_millis(50);
    bench.limits.owner_silence = Duration::from_millis(50);
    let _lock = LockFile::take(&bench.scratch.0, Duration::ZERO).await.unwrap();
    let listener = SocketPlace::make(&sockets.0, &bench.scratch.0).unwrap().listen().unwrap();
    assert_eq!(Cache::open(bench.options()).await.unwrap_err().code(), "owner-silent");
    let (greeted, _) = listener.accept().await.unwrap();
    drop(greeted);
    let silent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_frame(&mut stream).await;
        stream.write_all(&frame(&json!({"protocol": PROTOCOL, "differs": []}))).await.unwrap();
        (listener, stream)
    });
    let user = Cache::open(bench.options()).await.unwrap();
    let _kept = silent.await.unwrap();
    assert_eq!(user.module("key").await.unwrap_err().code(), "owner-silent");
}

#[tokio::test]
async fn an_owner_at_work_is_not_silent() {
    let (mut bench, _sockets) = bench().await;
    bench.limits.owner_beat = Duration::from_millis(5);
    bench.limits.owner_silence = Duration::from_millis(500);
    bench.network.request_timeout = Duration::from_millis(1200);
    bench.network.attempts = 1;
    bench.registry.reply("/a", RegistryReply::Silence);
    let owner = Cache::publish(bench.options()).await.unwrap();
    let user = Cache::open(bench.options()).await.unwrap();
    let error = user.resolve(&manifest(), Ahead::Nothing, &()).await.unwrap_err();
    assert_eq!(error.code(), "registry-timeout");
    owner.close().await.unwrap();
}

#[tokio::test]
async fn a_socket_that_nobody_answers_is_stale() {
    let (bench, sockets) = bench().await;
    std::fs::create_dir_all(&bench.scratch.0).unwrap();
    drop(SocketPlace::make(&sockets.0, &bench.scratch.0).unwrap().listen().unwrap());
    let stale = socket_in(&sockets);
    let brief = Cache::open(bench.options()).await.unwrap();
    assert!(brief.own().is_some());
    // Whoever holds the cache for a moment only is waited for.
    assert_eq!(Cache::open(bench.options()).await.unwrap_err().code(), "cache-busy");
    brief.close().await.unwrap();
    let owner = Cache::publish(bench.options()).await.unwrap();
    assert_eq!(socket_in(&sockets), stale);
    assert!(Cache::open(bench.options()).await.unwrap().own().is_none());
    owner.close().await.unwrap();
}

#[tokio::test]
async fn only_a_folder_of_ours_is_trusted() {
    let (mut bench, sockets) = bench().await;
    let other = Scratch::new();
    std::fs::create_dir_all(&other.0).unwrap();
    std::fs::set_permissions(&other.0, PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink(&other.0, &sockets.0).unwrap();
    let refused = Cache::publish(bench.options()).await.unwrap_err();
    assert_eq!(refused.code(), "owner-folder", "{refused}");
    bench.owner.folder = Some(other.0.clone());
    let refused = Cache::publish(bench.options()).await.unwrap_err();
    assert!(refused.to_string().contains("0755"), "{refused}");
    // The lock is free again: a command owns the cache itself, and asks nobody in that folder.
    let brief = Cache::open(bench.options()).await.unwrap();
    assert!(brief.own().is_some());
    assert_eq!(Cache::open(bench.options()).await.unwrap_err().code(), "owner-folder");
    brief.close().await.unwrap();
    std::fs::remove_file(&sockets.0).unwrap();
    std::fs::write(&sockets.0, "a file").unwrap();
    bench.owner.folder = Some(sockets.0.clone());
    assert_eq!(Cache::publish(bench.options()).await.unwrap_err().code(), "owner-folder");
    std::fs::remove_file(&sockets.0).unwrap();
}

#[tokio::test]
async fn a_second_owner_waits_and_names_the_first() {
    let (bench, _sockets) = bench().await;
    let owner = Cache::publish(bench.options()).await.unwrap();
    let error = Cache::publish(bench.options()).await.unwrap_err();
    assert_eq!(error, Error::CacheBusy { pid: Some(std::process::id()), folder: bench.scratch.0.clone() });
    owner.stop();
    owner.close().await.unwrap();
    Cache::publish(bench.options()).await.unwrap().close().await.unwrap();
}
