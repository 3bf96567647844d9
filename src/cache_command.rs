//! `hoist cache`: what the cache holds, whether that is whole, and what goes when it is too much.
//!
//! The work itself is the cache's, whichever process owns that.

use registry_cache::{Amount, Cache, CacheOptions, Collection, Stats, Verification};
use serde::Serialize;

use crate::cli::{CacheCommand, CareArguments, CollectArguments, UnpinArguments};
use crate::error::Error;
use crate::units::show_bytes;

/// What came of it. Its JSON is the command's `--json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase", untagged)]
pub(crate) enum CareReport {
    /// Of `stats`.
    Held(Stats),
    /// Of `verify`.
    Verified(Verification),
    /// Of `gc`.
    Collected(Collection),
    /// Of `unpin`.
    Unpinned {
        /// The set.
        set: String,
        /// Whether there was one.
        found: bool,
    },
}

/// The flags that all of these have.
pub(crate) fn care_of(what: &CacheCommand) -> &CareArguments {
    match what {
        CacheCommand::Stats(care) | CacheCommand::Verify(care) => care,
        CacheCommand::Gc(CollectArguments { care, .. }) | CacheCommand::Unpin(UnpinArguments { care, .. }) => care,
    }
}

/// Opens the cache, does one thing, and closes it.
pub(crate) async fn look_after(what: &CacheCommand, options: CacheOptions) -> Result<CareReport, Error> {
    let most = options.limits.store_bytes;
    let cache = Cache::open(options).await?;
    let report = match what {
        CacheCommand::Stats(_) => cache.stats().await.map(CareReport::Held),
        CacheCommand::Verify(_) => cache.verify().await.map(CareReport::Verified),
        CacheCommand::Gc(flags) => cache.collect(flags.quota.unwrap_or(most)).await.map(CareReport::Collected),
        CacheCommand::Unpin(UnpinArguments { set, .. }) => {
            cache.unpin(set).await.map(|found| CareReport::Unpinned { set: set.clone(), found })
        }
    };
    let closed = cache.close().await;
    // The first error is the one to report.
    let report = report?;
    closed?;
    Ok(report)
}

impl CareReport {
    /// One line of JSON.
    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report is plain data")
    }

    /// For people.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Held(stats) => held(stats),
            Self::Verified(verification) => verified(verification),
            Self::Collected(collection) => collected(collection),
            Self::Unpinned { set, found: true } => format!("{set} is not pinned any more\n"),
            Self::Unpinned { set, found: false } => format!("there is no pinned set {set}\n"),
        }
    }
}

fn held(stats: &Stats) -> String {
    let kinds = [
        ("tarballs", stats.tarballs),
        ("packuments", stats.packuments),
        ("resolutions", stats.resolutions),
        ("modules", stats.modules),
        ("total", stats.total),
        ("pinned", stats.pinned),
    ];
    let mut text: String = kinds.iter().map(|(name, amount)| line(name, *amount)).collect();
    text.push_str(&stats.sets.iter().map(|(name, amount)| line(&format!("  {name}"), *amount)).collect::<String>());
    text.push_str(&format!("{:<14} {:>17}\n", "database files", show_bytes(stats.database_bytes)));
    text
}

fn line(name: &str, Amount { count, bytes }: Amount) -> String {
    format!("{name:<14} {count:>6} {:>10}\n", show_bytes(bytes))
}

fn verified(verification: &Verification) -> String {
    let removed = verification.removed.iter();
    let mut text: String =
        removed.map(|removed| format!("removed {} {}: {}\n", removed.kind, removed.name, removed.problem)).collect();
    text.push_str(&format!("{} whole, {} removed\n", verification.whole, verification.removed.len()));
    text
}

fn collected(collection: &Collection) -> String {
    let Collection { quota_bytes, removed, after, pinned, .. } = collection;
    let mut text = format!(
        "removed {} of {}, left {} of {}\n",
        removed.count,
        show_bytes(removed.bytes),
        after.count,
        show_bytes(after.bytes)
    );
    if after.bytes > *quota_bytes {
        let pinned = show_bytes(pinned.bytes);
        text.push_str(&format!("more than {} are left: {pinned} are pinned\n", show_bytes(*quota_bytes)));
    }
    text
}
