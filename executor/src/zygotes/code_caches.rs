//! The code caches of layers that are evaluated in each run, by the hash of their text.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use super::lock;

/// Layers that have one, and bytes of all caches together.
const KEPT: usize = 32;
const KEPT_BYTES: usize = 256 << 20;

/// A text's hash, and its cache once it is made.
type Entry = ([u8; 32], Option<Arc<Vec<u8>>>);

/// The caches.
#[derive(Debug, Default)]
pub(super) struct CodeCaches(Mutex<VecDeque<Entry>>);

/// What there is for a text.
pub(super) enum Found {
    /// A cache.
    Cache(Arc<Vec<u8>>),
    /// Nothing, and somebody else makes it.
    Coming,
    /// Nothing: it is to be made by whoever asked.
    Absent,
}

impl CodeCaches {
    /// Looks a text up. The first one to ask is to make it.
    pub(super) fn find(&self, hash: &[u8; 32]) -> Found {
        let mut entries = lock(&self.0);
        if let Some(place) = entries.iter().position(|(known, _)| known == hash) {
            let entry = entries.remove(place).expect("it was found there");
            let found = entry.1.clone().map_or(Found::Coming, Found::Cache);
            entries.push_front(entry);
            return found;
        }
        entries.push_front((*hash, None));
        entries.truncate(KEPT);
        Found::Absent
    }

    /// Keeps what was made.
    pub(super) fn keep(&self, hash: &[u8; 32], cache: Vec<u8>) {
        let mut entries = lock(&self.0);
        let others: usize = entries.iter().filter_map(|(_, cache)| Some(cache.as_ref()?.len())).sum();
        if let Some((_, kept)) = entries.iter_mut().find(|(known, _)| known == hash)
            && others + cache.len() <= KEPT_BYTES
        {
            *kept = Some(Arc::new(cache));
        }
    }
}
