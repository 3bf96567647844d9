//! What stays in memory between requests, the least recently used dropped first. Whoever holds one of it keeps it.

use std::collections::BTreeMap;

/// Values by key, each with the bytes that it takes.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    most_bytes: u64,
    bytes: u64,
    clock: u64,
    by_key: BTreeMap<String, Kept<T>>,
    by_age: BTreeMap<u64, String>,
}

#[derive(Debug)]
struct Kept<T> {
    age: u64,
    bytes: u64,
    value: T,
}

impl<T: Clone> Recent<T> {
    pub(crate) fn new(most_bytes: u64) -> Self {
        Self { most_bytes, bytes: 0, clock: 0, by_key: BTreeMap::new(), by_age: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, key: &str) -> Option<T> {
        self.clock += 1;
        let kept = self.by_key.get_mut(key)?;
        let name = self.by_age.remove(&kept.age)?;
        kept.age = self.clock;
        self.by_age.insert(self.clock, name);
        Some(kept.value.clone())
    }

    pub(crate) fn insert(&mut self, key: String, value: T, bytes: u64) {
        self.clock += 1;
        self.remove(&key);
        self.bytes += bytes;
        self.by_age.insert(self.clock, key.clone());
        self.by_key.insert(key, Kept { age: self.clock, bytes, value });
        while self.bytes > self.most_bytes
            && let Some((_, oldest)) = self.by_age.first_key_value()
        {
            let oldest = oldest.clone();
            self.remove(&oldest);
        }
    }

    pub(crate) fn remove(&mut self, key: &str) {
        if let Some(kept) = self.by_key.remove(key) {
            self.by_age.remove(&kept.age);
            self.bytes -= kept.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let mut recent = Recent::new(20);
        recent.insert("a".to_owned(), 1, 10);
        recent.insert("b".to_owned(), 2, 10);
        assert!(recent.get("a").is_some());
        recent.insert("c".to_owned(), 3, 10);
        assert_eq!((recent.get("a"), recent.get("b"), recent.get("c")), (Some(1), None, Some(3)));
        // Inserting again replaces, and does not count twice.
        recent.insert("c".to_owned(), 4, 10);
        assert_eq!((recent.get("a"), recent.get("c"), recent.bytes), (Some(1), Some(4), 20));
        recent.remove("a");
        assert_eq!((recent.get("a"), recent.bytes), (None, 10));
    }

    #[test]
    fn one_larger_than_all_is_not_kept() {
        let mut recent = Recent::new(9);
        recent.insert("a".to_owned(), 1, 10);
        assert_eq!((recent.get("a"), recent.bytes), (None, 0));
    }
}
