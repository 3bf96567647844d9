//! Pins: sets of blobs that are never collected, each under a name.

use std::collections::{BTreeMap, BTreeSet};

use super::shelf::Shelf;
use super::{Kind, Opened, Stamp, Store};
use crate::error::Error;

/// The blobs of one set, by what they are.
pub(crate) type Pinned = BTreeMap<Kind, BTreeSet<String>>;

impl Store {
    /// Keeps blobs, also those that are not there yet, until the set is unpinned. A set of that name is replaced.
    pub(crate) async fn pin(&self, set: &str, pinned: Pinned) -> Result<(), Error> {
        let canonical = |(kind, keys): (Kind, BTreeSet<String>)| {
            (kind, keys.iter().map(|key| kind.canonical(key)).collect::<BTreeSet<_>>())
        };
        let pinned: Pinned = pinned.into_iter().map(canonical).collect();
        let bytes = serde_json::to_vec(&pinned).expect("pins are plain data");
        // The same again costs no write.
        if self.get(Kind::Pins, set).await?.is_some_and(|known| known.bytes == bytes) {
            return Ok(());
        }
        let stamp = Stamp { fetched_at: self.seconds(), etag: None };
        self.put(Kind::Pins, set, bytes, stamp).await?;
        self.flush().await
    }

    /// Lets a set go. Says whether there was one.
    pub(crate) async fn unpin(&self, set: &str) -> Result<bool, Error> {
        let there = self.length(Kind::Pins, set).await?.is_some();
        self.remove(Kind::Pins, set).await?;
        self.flush().await.map(|()| there)
    }
}

impl Opened {
    pub(super) fn pin_sets(&self) -> Result<BTreeMap<String, Pinned>, Error> {
        let mut names = Vec::new();
        self.database.pins.each(&mut |entry| names.push(entry.key))?;
        let mut sets = BTreeMap::new();
        for name in names {
            if let Some(blob) = self.database.pins.get(&name)?
                && let Ok(pinned) = serde_json::from_slice(&blob.bytes)
            {
                sets.insert(name, pinned);
            }
        }
        Ok(sets)
    }
}
