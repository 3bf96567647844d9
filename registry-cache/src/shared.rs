//! What all work on one cache shares: the store, the client, what is in memory, and what is in flight.
//!
//! `packument_cache.rs` and `package_cache.rs` say how packuments and packages are had from these.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::behind::Behind;
use crate::cache::{CacheUse, Connection};
use crate::error::Error;
use crate::evidence::AdvisoriesNow;
use crate::flights::Flights;
use crate::image::PackageImage;
use crate::limits::Limits;
use crate::lock::Graph;
use crate::manifest::{Manifest, PackageName};
use crate::packument_cache::{Failed, Found, Known};
use crate::policy::Policy;
use crate::policy::age::Ages;
use crate::recent::Recent;
use crate::registry::Client;
use crate::store::{Kind, Stamp, Store};

/// The parts of a cache.
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) client: Client,
    pub(crate) limits: Limits,
    pub(crate) connection: Connection,
    pub(crate) policy: Policy,
    /// The advisories that the policy names, once they were needed.
    pub(crate) advisories: Mutex<Option<Arc<AdvisoriesNow>>>,
    pub(crate) now: fn() -> SystemTime,
    /// Packuments being looked for, by URL.
    pub(crate) packuments: Flights<Found>,
    /// Packages being had, by name, version and integrity.
    pub(crate) images: Flights<(Arc<PackageImage>, CacheUse)>,
    /// Tarballs being had, by the same.
    pub(crate) tarballs: Flights<CacheUse>,
    pub(crate) recent_packuments: Mutex<Recent<Known>>,
    /// Packuments that a registry could not give a moment ago, by URL.
    pub(crate) recent_failures: Mutex<HashMap<String, Failed>>,
    pub(crate) recent_images: Mutex<Recent<Arc<PackageImage>>>,
    /// Bounds the jobs that keep a processor busy.
    pub(crate) jobs: Semaphore,
    /// Bounds the tarballs that memory holds for npm clients.
    pub(crate) served_tarballs: Arc<Semaphore>,
    pub(crate) behind: Behind,
    /// Downloads that were begun before somebody waits for them.
    pub(crate) ahead: Mutex<Vec<JoinSet<()>>>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("client", &self.client)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Seconds since 1970.
    pub(crate) fn seconds(&self) -> u64 {
        (self.now)().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// How old versions must be, now.
    pub(crate) fn ages(&self) -> Ages {
        let scopes = self.client.registries().scopes();
        Ages::new(&self.policy.release_age, (self.now)(), scopes, self.limits.age_rounds)
    }

    /// Whether what has this stamp is used without asking its registry. A stamp from the future (the clock was set back)
    /// is not fresh. Without a connection nobody can be asked.
    pub(crate) fn is_fresh(&self, stamp: &Stamp) -> bool {
        let age = self.seconds().checked_sub(stamp.fetched_at);
        match self.connection {
            Connection::Online => age.is_some_and(|age| age < self.limits.packument_ttl.as_secs()),
            Connection::Offline => true,
        }
    }

    /// What the graph of a manifest is kept under: all that it depends on beside the registries' own content.
    pub(crate) fn resolution_key(&self, manifest: &Manifest, advisories: &AdvisoriesNow) -> String {
        let policy = (self.policy.fingerprint(), &advisories.stamp);
        let registries = self.client.registries();
        let dependencies: Vec<_> = manifest
            .dependencies
            .iter()
            .map(|(alias, requirement)| {
                (alias.as_str(), requirement.package.as_str(), requirement.range.as_str(), requirement.optional)
            })
            .collect();
        let text = serde_json::to_vec(&(registries.fingerprint(), policy, dependencies, &manifest.overrides))
            .expect("plain data is JSON");
        format!("{:x}", Sha256::digest(text))
    }

    pub(crate) async fn known_resolution(&self, key: &str) -> Result<Option<Graph>, Error> {
        let Some(blob) = self.store.get(Kind::Resolution, key).await? else { return Ok(None) };
        match self.is_fresh(&blob.stamp) {
            true => Ok(serde_json::from_slice(&blob.bytes).ok().filter(Graph::is_closed)),
            false => Ok(None),
        }
    }

    /// Removes what is kept of a package that its registry does not keep to, and every graph that may have come of it.
    /// Says whether anything old was there. Without a connection, what is kept is all there is.
    pub(crate) async fn forget(&self, package: &str) -> Result<bool, Error> {
        let Ok(name) = PackageName::parse(package) else { return Ok(false) };
        if self.connection == Connection::Offline {
            return Ok(false);
        }
        self.behind.settle().await?;
        let url = self.client.registries().packument_url(&name)?.to_string();
        let known = self.store.get(Kind::Packument, &url).await?;
        let old = known.is_some_and(|blob| self.seconds() > blob.stamp.fetched_at);
        locked(&self.recent_packuments).remove(&url);
        self.store.remove(Kind::Packument, &url).await?;
        self.store.clear(Kind::Resolution).await?;
        self.store.flush().await?;
        Ok(old)
    }
}

/// What a panic left behind is whole: nothing here is changed in several steps.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
