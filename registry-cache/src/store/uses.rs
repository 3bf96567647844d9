//! What is in use, and what was used lately.
//!
//! A visit stands for a request. What was used since the oldest visit that lasts began is in use: it is not collected. One
//! who asks whether something is in use and removes it if not does both in one step, so a visit finds what it has marked,
//! or knows that it was gone before. Times of use stay in memory and are written down when there are many of them, and at
//! the end: a read costs no write.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::{Kind, Opened};
use crate::error::Error;
use crate::shared::locked;

/// The uses of one store.
#[derive(Debug)]
pub(super) struct Uses {
    most: usize,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    /// Counts uses and visits, so that each is before or after each other.
    clock: u64,
    /// How many visits that last began at a moment.
    visits: BTreeMap<u64, usize>,
    used: HashMap<(Kind, String), Use>,
    /// How many uses are worth keeping although they were written down: they are in use.
    settled: usize,
}

/// The last use of a blob.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Use {
    /// Seconds since 1970.
    pub(super) seconds: u64,
    /// Tells uses in the same second apart.
    pub(super) moment: u64,
}

/// A time in which nothing that is used is collected. It ends when this is dropped.
#[derive(Debug)]
#[must_use = "it ends when it is dropped"]
pub struct Visit {
    uses: Arc<Uses>,
    began: u64,
}

impl Uses {
    /// Writes down uses when there are `most` of them.
    pub(super) fn new(most: usize) -> Self {
        Self { most, book: Mutex::new(Book::default()) }
    }

    pub(super) fn begin(self: &Arc<Self>) -> Visit {
        let mut book = locked(&self.book);
        let began = book.clock;
        *book.visits.entry(began).or_default() += 1;
        Visit { uses: self.clone(), began }
    }

    pub(super) fn mark(&self, kind: Kind, keys: impl IntoIterator<Item = String>, seconds: u64) {
        let mut book = locked(&self.book);
        for key in keys {
            book.clock += 1;
            let moment = book.clock;
            book.used.insert((kind, key), Use { seconds, moment });
        }
    }

    /// When a blob was last used, if that is not written down yet.
    pub(super) fn last(&self, kind: Kind, key: &str) -> Option<Use> {
        locked(&self.book).used.get(&(kind, key.to_owned())).copied()
    }

    /// Removes a blob unless it is in use. Says whether it did.
    pub(super) fn remove_unused(
        &self,
        kind: Kind,
        key: &str,
        remove: impl FnOnce() -> Result<(), Error>,
    ) -> Result<bool, Error> {
        let mut book = locked(&self.book);
        let name = (kind, key.to_owned());
        if book.used.get(&name).is_some_and(|last| book.is_in_use(last)) {
            return Ok(false);
        }
        book.used.remove(&name);
        remove().map(|()| true)
    }

    /// Whether it is time to write uses down.
    pub(super) fn are_many(&self) -> bool {
        let book = locked(&self.book);
        book.used.len() >= book.settled + self.most
    }

    /// Writes down every use, and forgets those of what is not in use.
    pub(super) fn settle(&self, opened: &Opened) -> Result<(), Error> {
        let used: Vec<((Kind, String), Use)> = {
            let mut book = locked(&self.book);
            let used = std::mem::take(&mut book.used);
            let kept = used.iter().filter(|(_, last)| book.is_in_use(last));
            book.used = kept.map(|(name, last)| (name.clone(), *last)).collect();
            book.settled = book.used.len();
            used.into_iter().collect()
        };
        used.iter().try_for_each(|((kind, key), last)| opened.shelf(*kind).used(key, last.seconds))
    }
}

impl Book {
    fn is_in_use(&self, last: &Use) -> bool {
        self.visits.first_key_value().is_some_and(|(began, _)| *began < last.moment)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut book = locked(&self.uses.book);
        if let Some(count) = book.visits.get_mut(&self.began) {
            *count -= 1;
            if *count == 0 {
                book.visits.remove(&self.began);
            }
        }
    }
}
