//! Care of the cache, as others see it: what it holds, whether that is whole, what goes and what stays.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use crate::cache::OwnCache;
use crate::error::Error;
use crate::lock::Graph;
use crate::manifest::{Manifest, PackageName};
use crate::owner::words::{self, Words};
use crate::store::{Holding, Kind, Visit};

/// How much there is of something.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Bytes, as kept.
    pub bytes: u64,
}

/// What a cache holds.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stats {
    /// Tarballs as received.
    pub tarballs: Amount,
    /// Packuments, compressed.
    pub packuments: Amount,
    /// Graphs that were resolved.
    pub resolutions: Amount,
    /// Modules that were made of packages.
    pub modules: Amount,
    /// All of these.
    pub total: Amount,
    /// What a collection leaves alone.
    pub pinned: Amount,
    /// The pinned sets, each with what of it is there.
    pub sets: BTreeMap<String, Amount>,
    /// Bytes of the database's files. They hold everything but the tarballs, and room that is used again.
    pub database_bytes: u64,
}

/// What came of reading everything that is kept.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Verification {
    /// How many were whole.
    pub whole: u64,
    /// What was not, and is gone now.
    pub removed: Vec<Removed>,
}

/// Something that was not what it should be.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Removed {
    /// `tarball`, `packument`, `resolution`, `module`, `pins`, `keys`, `import`, or `database` for an unknown number of all
    /// but tarballs.
    #[serde(deserialize_with = "words::read")]
    pub kind: Words,
    /// Its key, or the name of its file.
    pub name: String,
    /// What was wrong with it.
    pub problem: String,
}

/// What came of a collection.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Collection {
    /// Bytes that were to be left at most.
    pub quota_bytes: u64,
    /// What there was before.
    pub before: Amount,
    /// What went.
    pub removed: Amount,
    /// What is left.
    pub after: Amount,
    /// What stays because it is pinned.
    pub pinned: Amount,
    /// What stayed because a request uses it.
    pub in_use: Amount,
}

/// What a set pins.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Pins {
    /// Packages, whose packuments stay.
    pub packages: BTreeSet<String>,
    /// Integrities, whose tarballs stay.
    pub tarballs: BTreeSet<String>,
    /// Manifests, whose resolutions stay.
    pub manifests: Vec<Manifest>,
}

impl Pins {
    /// Everything that a graph holds.
    pub fn of(graph: &Graph) -> Self {
        let packages = graph.packages.values();
        Self {
            packages: packages.clone().map(|package| package.name.clone()).collect(),
            tarballs: packages.map(|package| package.integrity.clone()).collect(),
            manifests: Vec::new(),
        }
    }
}

impl OwnCache {
    /// Begins a visit: what requests use from now on is not collected while it lasts. One who resolves and fetches later
    /// holds one over both.
    pub fn visit(&self) -> Visit {
        self.shared.store.visit()
    }

    /// What the cache holds.
    pub async fn stats(&self) -> Result<Stats, Error> {
        self.shared.behind.settle().await?;
        let holdings = self.shared.store.holdings().await?;
        let of = |kind| holdings.kinds.get(&kind).copied().unwrap_or_default();
        let kinds = [Kind::Tarball, Kind::Packument, Kind::Resolution, Kind::Module].map(of);
        let total = kinds.iter().fold(Holding::default(), |total, kind| Holding {
            count: total.count + kind.count,
            bytes: total.bytes + kind.bytes,
        });
        let [tarballs, packuments, resolutions, modules] = kinds.map(Amount::from);
        Ok(Stats {
            tarballs,
            packuments,
            resolutions,
            modules,
            total: total.into(),
            pinned: holdings.pinned.into(),
            sets: holdings.sets.into_iter().map(|(name, holding)| (name, holding.into())).collect(),
            database_bytes: holdings.database_bytes,
        })
    }

    /// Reads everything, removes what is not what it should be, and says what that was.
    pub async fn verify(&self) -> Result<Verification, Error> {
        let verified = self.shared.store.verify().await?;
        let broken = verified.broken.into_iter();
        let broken = broken.map(|(kind, name, problem)| Removed { kind: word(kind), name, problem });
        let damage = verified.damage.map(|problem| Removed {
            kind: "database",
            name: "what could not be read of it, pins too".to_owned(),
            problem,
        });
        let removed = damage.into_iter().chain(broken).collect();
        Ok(Verification { whole: verified.whole.values().sum(), removed })
    }

    /// Removes what was used least lately until at most so many bytes are left. What is pinned, and what a request uses,
    /// stays.
    pub async fn collect(&self, quota_bytes: u64) -> Result<Collection, Error> {
        let collected = self.shared.store.collect(quota_bytes).await?;
        let (before, removed) = (collected.before, collected.removed);
        let after = Amount { count: before.count - removed.count, bytes: before.bytes - removed.bytes };
        let (pinned, in_use) = (collected.pinned.into(), collected.in_use.into());
        Ok(Collection { quota_bytes, before: before.into(), removed: removed.into(), after, pinned, in_use })
    }

    /// Keeps the cache within its limit while it is polled, which it is for ever: once at the beginning, then every so often.
    /// A failure is passed over, since the next time may be better.
    pub async fn tend(&self) -> Infallible {
        let mut ticks = tokio::time::interval(self.shared.limits.collect_interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let _ = self.collect(self.shared.limits.store_bytes).await;
        }
    }

    /// Keeps what these pins name from collections, until the set is unpinned. A set of that name is replaced.
    pub async fn pin(&self, set: &str, pins: &Pins) -> Result<(), Error> {
        let registries = self.shared.client.registries();
        let mut packuments = BTreeSet::new();
        for package in &pins.packages {
            let bad = |problem| Error::PackageName { origin: format!("pin {set}"), name: package.clone(), problem };
            let name = PackageName::parse(package).map_err(bad)?;
            packuments.insert(registries.packument_url(&name)?.to_string());
        }
        let advisories = self.shared.advisories().await?;
        let resolutions =
            pins.manifests.iter().map(|manifest| self.shared.resolution_key(manifest, &advisories)).collect();
        let pinned = BTreeMap::from([
            (Kind::Packument, packuments),
            (Kind::Tarball, pins.tarballs.clone()),
            (Kind::Resolution, resolutions),
        ]);
        self.shared.store.pin(set, pinned).await
    }

    /// Lets a set go. Says whether there was one.
    pub async fn unpin(&self, set: &str) -> Result<bool, Error> {
        self.shared.store.unpin(set).await
    }
}

impl From<Holding> for Amount {
    fn from(Holding { count, bytes }: Holding) -> Self {
        Self { count, bytes }
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Packument => "packument",
        Kind::Tarball => "tarball",
        Kind::Resolution => "resolution",
        Kind::Module => "module",
        Kind::Pins => "pins",
        Kind::Keys => "keys",
        Kind::Import => "import",
    }
}

#[cfg(test)]
#[path = "care_tests.rs"]
mod tests;
