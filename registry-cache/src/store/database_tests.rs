use std::fs;

use super::*;
use crate::test_registry::Scratch;

type Damage = fn(&Table, &str) -> sled::Result<()>;

async fn open(scratch: &Scratch) -> Database {
    fs::create_dir_all(&scratch.0).unwrap();
    Database::open(&scratch.0, &Limits::default()).await.unwrap()
}

fn noise(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn second_chunk(table: &Table, key: &str) -> [u8; 20] {
    let record = table.record(key).unwrap().unwrap().unwrap();
    chunk_key(&prefix_of(key, &record.sha256), 1)
}

#[tokio::test]
async fn a_shorter_blob_replaces_a_longer_one_whole() {
    let scratch = Scratch::new();
    let database = open(&scratch).await;
    let table = &database.resolutions;
    for length in [9 * CHUNK, 2 * CHUNK, 2 * CHUNK] {
        table.put("k", &noise(length), Stamp::default()).unwrap();
    }
    assert_eq!(table.get("k").unwrap().unwrap().bytes.len(), 2 * CHUNK);
    assert_eq!(table.chunks.len(), 2);
    table.touch("k", Stamp { fetched_at: 9, etag: None }).unwrap();
    assert_eq!(table.get("k").unwrap().unwrap().stamp.fetched_at, 9);
}

#[tokio::test]
async fn damage_is_a_miss_and_leaves_nothing_behind() {
    let scratch = Scratch::new();
    let database = open(&scratch).await;
    let table = &database.packuments;
    let damages: [Damage; 4] = [
        |table, key| table.chunks.remove(second_chunk(table, key)).map(drop),
        |table, key| table.chunks.insert(second_chunk(table, key), vec![0; CHUNK]).map(drop),
        |table, key| {
            let record = table.record(key)?.unwrap().unwrap();
            table.write_record(key, &Record { bytes: usize::MAX, ..record })
        },
        |table, key| table.index.insert(key, b"{".as_slice()).map(drop),
    ];
    for damage in damages {
        table.put("k", &noise(3 * CHUNK), Stamp::default()).unwrap();
        table.put("other", &noise(CHUNK), Stamp::default()).unwrap();
        damage(table, "k").unwrap();
        assert!(table.get("k").unwrap().is_none());
        assert_eq!((table.index.len(), table.chunks.len()), (1, 1));
        table.put("k", &noise(3 * CHUNK), Stamp::default()).unwrap();
        damage(table, "k").unwrap();
        let mut found = Vec::new();
        assert_eq!(table.check(&mut |broken| found.push(broken.what)).unwrap(), 1);
        assert_eq!((found, table.index.len(), table.chunks.len()), (vec!["k".to_owned()], 1, 1));
    }
}

#[tokio::test]
async fn a_writer_that_is_killed_at_any_point_leaves_what_was_there() {
    let scratch = Scratch::new();
    let database = open(&scratch).await;
    let table = &database.packuments;
    table.put("k", &noise(3 * CHUNK), Stamp::default()).unwrap();
    // The chunks of another blob of the same key, and no record.
    let other = prefix_of("k", "of another");
    for number in 0..5 {
        table.chunks.insert(chunk_key(&other, number), vec![7; CHUNK]).unwrap();
        assert_eq!(table.get("k").unwrap().unwrap().bytes, noise(3 * CHUNK));
    }
    assert_eq!(table.check(&mut |broken| panic!("{broken:?}")).unwrap(), 1);
    assert_eq!(table.chunks.len(), 3);
}

#[tokio::test]
async fn trees_of_other_versions_go() {
    let scratch = Scratch::new();
    let database = open(&scratch).await;
    database.packuments.put("k", &noise(9), Stamp::default()).unwrap();
    database.database.open_tree("packuments-v0").unwrap().insert("k", "x").unwrap();
    database.database.insert("k", "x").unwrap();
    database.flush().unwrap();
    drop(database);
    let database = open(&scratch).await;
    assert_eq!(database.database.tree_names().len(), 13);
    assert_eq!(database.packuments.get("k").unwrap().unwrap().bytes, noise(9));
}
