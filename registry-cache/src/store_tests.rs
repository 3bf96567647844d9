use super::*;
use crate::test_registry::Scratch;

type Damage = fn(&Trees, [u8; 20]) -> sled::Result<()>;

fn limits() -> Limits {
    Limits { lock_wait: Duration::ZERO, ..Limits::default() }
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[tokio::test]
async fn blobs_survive_closing_and_opening() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 7] {
        let stamp = Stamp { fetched_at: length as u64, etag: Some("e".to_owned()) };
        store.put(Kind::Packument, &format!("p{length}"), noise(length), stamp).await.unwrap();
        store
            .put_verified(Kind::Tarball, &format!("t{length}"), Arc::new(noise(length)), Stamp::default())
            .await
            .unwrap();
    }
    store.close().await.unwrap();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 7] {
        let packument = store.get(Kind::Packument, &format!("p{length}")).await.unwrap().unwrap();
        assert_eq!((packument.bytes, packument.stamp.fetched_at), (noise(length), length as u64));
        assert_eq!(store.get(Kind::Tarball, &format!("t{length}")).await.unwrap().unwrap().bytes, noise(length));
    }
    assert!(store.get(Kind::Tarball, "p1").await.unwrap().is_none());
}

#[tokio::test]
async fn a_shorter_blob_replaces_a_longer_one_whole() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    for length in [9 * CHUNK, 2 * CHUNK] {
        store.put(Kind::Resolution, "k", noise(length), Stamp::default()).await.unwrap();
    }
    assert_eq!(store.get(Kind::Resolution, "k").await.unwrap().unwrap().bytes.len(), 2 * CHUNK);
    let left = store.run(|opened| Ok(opened.trees(Kind::Resolution).chunks.len())).await.unwrap();
    assert_eq!(left, 2);
    store.touch(Kind::Resolution, "k", Stamp { fetched_at: 9, etag: None }).await.unwrap();
    assert_eq!(store.get(Kind::Resolution, "k").await.unwrap().unwrap().stamp.fetched_at, 9);
}

#[tokio::test]
async fn damage_is_a_miss_and_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    let key = || chunk_key(&chunk_prefix("k"), 1);
    let damages: [Damage; 3] = [
        |trees, key| trees.chunks.remove(key).map(drop),
        |trees, key| trees.chunks.insert(key, vec![0; CHUNK]).map(drop),
        |trees, _| {
            trees
                .index
                .insert(
                    "k",
                    br#"{"bytes":18446744073709551615,"sha256":null,"stamp":{"fetched_at":0,"etag":null}}"#.as_slice(),
                )
                .map(drop)
        },
    ];
    for damage in damages {
        store.put(Kind::Packument, "k", noise(3 * CHUNK), Stamp::default()).await.unwrap();
        store.run(move |opened| damage(opened.trees(Kind::Packument), key())).await.unwrap();
        assert!(store.get(Kind::Packument, "k").await.unwrap().is_none());
        let left = store.run(|opened| Ok(opened.trees(Kind::Packument).chunks.len())).await.unwrap();
        assert_eq!(left, 0);
    }
}

#[tokio::test]
async fn a_blob_without_its_record_is_not_there() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    // What a writer leaves that was dropped or killed between chunks and record.
    store.run(|opened| opened.trees(Kind::Tarball).write_chunks("k", &noise(3 * CHUNK))).await.unwrap();
    assert!(store.get(Kind::Tarball, "k").await.unwrap().is_none());
    store.put_verified(Kind::Tarball, "k", Arc::new(noise(CHUNK)), Stamp::default()).await.unwrap();
    assert_eq!(store.get(Kind::Tarball, "k").await.unwrap().unwrap().bytes, noise(CHUNK));
}

#[tokio::test]
async fn a_held_lock_names_its_holder_and_closing_frees_it() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    let error = Store::open(&scratch.0, &limits()).await.unwrap_err();
    let expected = Error::CacheBusy { pid: Some(std::process::id()), folder: scratch.0.clone() };
    assert_eq!(error, expected);
    // One that waits gets it as soon as it is free.
    let waiting = Limits { lock_wait: Duration::from_secs(60), ..Limits::default() };
    let (closed, opened) = tokio::join!(store.close(), Store::open(&scratch.0, &waiting));
    closed.unwrap();
    let store = opened.unwrap();
    // Dropping without closing frees it too.
    drop(store);
    Store::open(&scratch.0, &waiting).await.unwrap();
}

#[tokio::test]
async fn many_writers_share_flushes() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    let writers = (0..40).map(|number| {
        let store = &store;
        async move {
            store.put_verified(Kind::Tarball, &format!("k{number}"), Arc::new(noise(9000)), Stamp::default()).await
        }
    });
    for outcome in futures::future::join_all(writers).await {
        outcome.unwrap();
    }
    for number in 0..40 {
        assert!(store.get(Kind::Tarball, &format!("k{number}")).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let scratch = Scratch::new();
    let store = Store::open(&scratch.0, &limits()).await.unwrap();
    store.close().await.unwrap();
    store.close().await.unwrap();
    assert_eq!(store.get(Kind::Tarball, "k").await.unwrap_err().code(), "store-failed");
}
