//! Care of the whole store: what it holds, whether that is whole, and what goes when it holds too much.

use std::collections::{BTreeMap, BTreeSet};

use super::pins::Pinned;
use super::shelf::Broken;
use super::uses::{Use, Uses};
use super::{Kind, Opened, Store};
use crate::error::Error;

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Holding {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
}

/// What a store holds.
#[derive(Debug)]
pub(crate) struct Holdings {
    pub(crate) kinds: BTreeMap<Kind, Holding>,
    /// What is pinned and there.
    pub(crate) pinned: Holding,
    /// The sets, each with what is pinned by it and there.
    pub(crate) sets: BTreeMap<String, Holding>,
    /// Bytes of the database's files.
    pub(crate) database_bytes: u64,
}

/// What came of reading everything.
#[derive(Debug, Default)]
pub(crate) struct Verified {
    pub(crate) whole: BTreeMap<Kind, u64>,
    /// What was removed: its kind, key and problem.
    pub(crate) broken: Vec<(Kind, String, String)>,
    /// What was wrong with the database as a whole, of which only a part was saved then.
    pub(crate) damage: Option<String>,
}

/// What came of a collection.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Collected {
    /// What there was before.
    pub(crate) before: Holding,
    pub(crate) removed: Holding,
    /// What is pinned.
    pub(crate) pinned: Holding,
    /// What would have gone if nobody used it.
    pub(crate) in_use: Holding,
}

impl Holding {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

impl Store {
    /// What is there.
    pub(crate) async fn holdings(&self) -> Result<Holdings, Error> {
        self.run(Opened::holdings).await
    }

    /// Reads everything, and removes what is broken.
    pub(crate) async fn verify(&self) -> Result<Verified, Error> {
        match self.verify_once().await {
            // The first attempt has put what can be read into a new database.
            Err(Error::StoreDamaged { detail }) => {
                let mut verified = self.verify_once().await?;
                verified.damage = Some(detail);
                Ok(verified)
            }
            outcome => outcome,
        }
    }

    async fn verify_once(&self) -> Result<Verified, Error> {
        self.run(|opened| {
            let mut verified = Verified::default();
            for kind in Kind::ALL {
                let mut broken = |found: Broken| verified.broken.push((kind, found.what, found.problem));
                let whole = opened.shelf(kind).check(&mut broken)?;
                verified.whole.insert(kind, whole);
            }
            opened.database.flush().map(|()| verified)
        })
        .await
    }

    /// Removes what was used least lately until at most `quota_bytes` are left. What is pinned or in use stays.
    pub(crate) async fn collect(&self, quota_bytes: u64) -> Result<Collected, Error> {
        let uses = self.uses.clone();
        self.run(move |opened| opened.collect(&uses, quota_bytes)).await
    }

    /// Makes room for one more blob of a kind of which at most `most` are kept: what was used least lately goes, pinned or
    /// not. Some more go, so that this is not needed each time.
    pub(crate) async fn make_room(&self, kind: Kind, most: usize) -> Result<(), Error> {
        let uses = self.uses.clone();
        self.run(move |opened| {
            let mut candidates = opened.candidates(kind, &uses, &BTreeSet::new())?.0;
            if candidates.len() < most {
                return Ok(());
            }
            candidates.sort_by_key(|candidate| candidate.used);
            let excess = candidates.len() + 1 - (most - most / 4).max(1);
            candidates.iter().take(excess).try_for_each(|candidate| opened.shelf(kind).remove(&candidate.key))
        })
        .await
    }
}

/// Something that may go.
struct Candidate {
    kind: Kind,
    key: String,
    bytes: u64,
    used: Use,
}

impl Opened {
    fn holdings(&self) -> Result<Holdings, Error> {
        let sets = self.pin_sets()?;
        let all = union(&sets);
        let mut holdings = Holdings {
            kinds: BTreeMap::new(),
            pinned: Holding::default(),
            sets: sets.keys().map(|name| (name.clone(), Holding::default())).collect(),
            database_bytes: self.database.disk_bytes()?,
        };
        for kind in Kind::ALL {
            let mut holding = Holding::default();
            self.shelf(kind).each(&mut |entry| {
                holding.add(entry.bytes);
                if all.contains(&(kind, entry.key.as_str())) {
                    holdings.pinned.add(entry.bytes);
                    let by =
                        sets.iter().filter(|(_, set)| set.get(&kind).is_some_and(|keys| keys.contains(&entry.key)));
                    by.for_each(|(name, _)| holdings.sets.entry(name.clone()).or_default().add(entry.bytes));
                }
            })?;
            holdings.kinds.insert(kind, holding);
        }
        Ok(holdings)
    }

    fn collect(&self, uses: &Uses, quota_bytes: u64) -> Result<Collected, Error> {
        let sets = self.pin_sets()?;
        let all = union(&sets);
        let mut collected = Collected::default();
        let mut candidates = Vec::new();
        for kind in Kind::ALL {
            let (found, pinned) = self.candidates(kind, uses, &all)?;
            collected.pinned.count += pinned.count;
            collected.pinned.bytes += pinned.bytes;
            candidates.extend(found);
        }
        collected.before.count = collected.pinned.count + candidates.len() as u64;
        collected.before.bytes =
            collected.pinned.bytes + candidates.iter().map(|candidate| candidate.bytes).sum::<u64>();
        candidates.sort_by_key(|candidate| candidate.used);
        for Candidate { kind, key, bytes, .. } in candidates {
            if collected.before.bytes - collected.removed.bytes <= quota_bytes {
                break;
            }
            match uses.remove_unused(kind, &key, || self.shelf(kind).remove(&key))? {
                true => collected.removed.add(bytes),
                false => collected.in_use.add(bytes),
            }
        }
        self.database.flush().map(|()| collected)
    }

    /// What may go of a kind, and how much of it stays.
    fn candidates(
        &self,
        kind: Kind,
        uses: &Uses,
        pinned: &BTreeSet<(Kind, &str)>,
    ) -> Result<(Vec<Candidate>, Holding), Error> {
        let mut candidates = Vec::new();
        let mut staying = Holding::default();
        self.shelf(kind).each(&mut |entry| {
            if !kind.is_collected() || pinned.contains(&(kind, entry.key.as_str())) {
                return staying.add(entry.bytes);
            }
            let written = Use { seconds: entry.used_at, moment: 0 };
            let used = uses.last(kind, &entry.key).unwrap_or_default().max(written);
            candidates.push(Candidate { kind, key: entry.key, bytes: entry.bytes, used });
        })?;
        Ok((candidates, staying))
    }
}

fn union(sets: &BTreeMap<String, Pinned>) -> BTreeSet<(Kind, &str)> {
    let pinned = sets.values().flatten();
    pinned.flat_map(|(kind, keys)| keys.iter().map(|key| (*kind, key.as_str()))).collect()
}
