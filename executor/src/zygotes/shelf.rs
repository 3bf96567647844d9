//! The zygotes that there are, by key and by use.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::key::Key;
use super::zygote::{Made, Zygote};
use super::{ZygoteLimits, lock};
use crate::error::Error;
use crate::guest::EachRun;

/// How often a program comes before it has a zygote of its own.
const SIGHTINGS: u32 = 2;

/// Keys that are remembered beside the zygotes that there are: programs that came once, layers that are evaluated in each run.
const REMEMBERED: usize = 10_000;

/// A place for one zygote. Whoever asks while it is made waits for it.
#[derive(Debug, Default)]
pub(super) struct Slot {
    made: tokio::sync::Mutex<Option<Result<Arc<Zygote>, EachRun>>>,
    /// What `made` holds, for whoever may not wait.
    known: Mutex<Option<Result<Arc<Zygote>, EachRun>>>,
    /// When it was last asked for, in the shelf's own count.
    used: AtomicU64,
    sightings: AtomicU32,
}

impl Slot {
    /// The zygote, or why there is none; made now, unless there is one that will do.
    pub(super) async fn get<F: Future<Output = Result<Made, Error>>>(
        &self,
        limits: &ZygoteLimits,
        make: impl FnOnce() -> F,
    ) -> Result<Result<Arc<Zygote>, EachRun>, Error> {
        let mut made = self.made.lock().await;
        match &*made {
            Some(Err(reason)) => return Ok(Err(reason.clone())),
            Some(Ok(zygote)) if will_do(zygote, limits) => return Ok(Ok(zygote.clone())),
            Some(Ok(_)) | None => {}
        }
        let result = match make().await? {
            Made::Zygote(zygote) => Ok(zygote),
            Made::EachRun(reason) => Err(reason),
        };
        *lock(&self.known) = Some(result.clone());
        *made = Some(result.clone());
        Ok(result)
    }

    /// Whether a program has now come often enough; true once.
    pub(super) fn is_due(&self) -> bool {
        self.sightings.fetch_add(1, Ordering::Relaxed) + 1 == SIGHTINGS
    }

    fn zygote(&self) -> Option<Arc<Zygote>> {
        lock(&self.known).as_ref()?.as_ref().ok().cloned()
    }

    fn empty(&self) {
        lock(&self.known).take_if(|known| known.is_ok());
        self.sightings.store(0, Ordering::Relaxed);
        if let Ok(mut made) = self.made.try_lock() {
            made.take_if(|made| made.is_ok());
        }
    }
}

fn will_do(zygote: &Zygote, limits: &ZygoteLimits) -> bool {
    zygote.is_alive() && zygote.forks() < limits.forks && zygote.age() < limits.age
}

/// All places.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    slots: Mutex<HashMap<Key, Arc<Slot>>>,
    clock: AtomicU64,
}

impl Shelf {
    /// The place of a key.
    pub(super) fn slot(&self, key: &Key) -> Arc<Slot> {
        let mut slots = lock(&self.slots);
        let slot = slots.entry(key.clone()).or_default().clone();
        self.touch(&slot);
        if slots.len() > REMEMBERED {
            forget(&mut slots);
        }
        slot
    }

    fn touch(&self, slot: &Slot) {
        slot.used.store(self.clock.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// The zygote of a key, if there is one and it will do, or why there can be none.
    pub(super) fn ready(&self, key: &Key, limits: &ZygoteLimits) -> Option<Result<Arc<Zygote>, EachRun>> {
        let slot = lock(&self.slots).get(key)?.clone();
        let known = lock(&slot.known).clone()?;
        if let Ok(zygote) = &known
            && !will_do(zygote, limits)
        {
            // It is made again when it has come often enough again.
            slot.empty();
            return None;
        }
        self.touch(&slot);
        Some(known)
    }

    /// Lets go of the zygotes that have not been used for longest, until the rest keeps within the limits.
    pub(super) fn keep_within(&self, limits: &ZygoteLimits) {
        let slots = lock(&self.slots);
        let mut bytes = 0;
        for (count, (_, slot, zygote)) in by_use(&slots).into_iter().enumerate() {
            bytes += zygote.private_bytes();
            if count >= limits.zygotes || bytes > limits.memory_bytes && count > 0 {
                slot.empty();
            }
        }
    }

    /// Only the zygotes that were used last keep children waiting.
    pub(super) fn stand_down_all_but(&self, zygotes: usize) {
        let slots = lock(&self.slots);
        for (_, _, zygote) in by_use(&slots).into_iter().skip(zygotes) {
            zygote.stand_down();
        }
    }
}

/// Forgets the half of the keys that was not asked for longest, but for those that have a zygote.
fn forget(slots: &mut HashMap<Key, Arc<Slot>>) {
    let mut ages: Vec<u64> = slots.values().map(|slot| slot.used.load(Ordering::Relaxed)).collect();
    ages.sort_unstable();
    let oldest = ages[ages.len() / 2];
    slots.retain(|_, slot| slot.used.load(Ordering::Relaxed) > oldest || slot.zygote().is_some());
}

/// The zygotes that there are, the last used first.
fn by_use(slots: &HashMap<Key, Arc<Slot>>) -> Vec<(u64, Arc<Slot>, Arc<Zygote>)> {
    let there = |slot: &Arc<Slot>| {
        let zygote = slot.zygote()?;
        Some((slot.used.load(Ordering::Relaxed), slot.clone(), zygote))
    };
    let mut there: Vec<_> = slots.values().filter_map(there).collect();
    there.sort_by_key(|(used, ..)| std::cmp::Reverse(*used));
    there
}
