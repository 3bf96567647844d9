//! What the policy judges by: packuments and keys, from the cache where they are fresh, and the files of advisories.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::cache::Connection;
use crate::error::Error;
use crate::graph::Packuments;
use crate::limits::Limits;
use crate::lock::Graph;
use crate::manifest::PackageName;
use crate::packument::Packument;
use crate::policy::advisory::AdvisoryIndex;
use crate::policy::review::{self, Evidence, KeysFound, KeysWanted};
use crate::policy::signature::RegistryKeys;
use crate::policy::{Advisories, look_alike, osv};
use crate::shared::{Shared, locked};
use crate::store::{Blob, Kind, Stamp, blocking};

/// The advisories that a policy names, as their files are now. They are read when a graph is judged by them.
#[derive(Debug, Default)]
pub(crate) struct AdvisoriesNow {
    /// What tells this state of the files from another.
    pub(crate) stamp: String,
    index: OnceLock<Result<AdvisoryIndex, Error>>,
}

impl AdvisoriesNow {
    fn index(&self, rule: Option<&Advisories>, limits: &Limits) -> Result<&AdvisoryIndex, Error> {
        let load = || rule.map_or_else(|| Ok(AdvisoryIndex::default()), |rule| AdvisoryIndex::load(rule, limits));
        self.index.get_or_init(load).as_ref().map_err(Clone::clone)
    }
}

/// The registries of a cache as witnesses.
struct Witness<'a> {
    shared: &'a Arc<Shared>,
    /// What versions were chosen from: what is judged is what was chosen.
    packuments: &'a dyn Packuments,
}

#[async_trait(?Send)]
impl Evidence for Witness<'_> {
    async fn packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error> {
        self.packuments.packument(name).await
    }

    async fn full_packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error> {
        self.shared.full_packument(name).await
    }

    fn registry_of(&self, package: &str) -> String {
        self.shared.client.registries().keys_url(package).to_string()
    }

    fn has_own_registry(&self, package: &str) -> bool {
        self.shared.client.registries().scopes().any(|scope| package.starts_with(&format!("{scope}/")))
    }

    async fn keys(&self, package: &str, wanted: KeysWanted) -> Result<KeysFound, Error> {
        self.shared.keys(package, wanted).await
    }

    fn now(&self) -> DateTime<Utc> {
        (self.shared.now)().into()
    }
}

impl Shared {
    /// The advisories as they are now.
    pub(crate) async fn advisories(&self) -> Result<Arc<AdvisoriesNow>, Error> {
        let Some(rule) = self.policy.advisories.clone() else { return Ok(Arc::default()) };
        let limits = self.limits.clone();
        let stamp = blocking(move || osv::stamp(&rule.file, &limits)).await??;
        let mut known = locked(&self.advisories);
        match known.as_ref().filter(|known| known.stamp == stamp) {
            Some(same) => Ok(same.clone()),
            None => Ok(known.insert(Arc::new(AdvisoriesNow { stamp, index: OnceLock::new() })).clone()),
        }
    }

    /// Judges a graph that was resolved just now. Reads files, so it belongs on a thread of its own.
    pub(crate) async fn review(
        self: &Arc<Self>,
        graph: &mut Graph,
        advisories: &AdvisoriesNow,
        packuments: &dyn Packuments,
    ) -> Result<(), Error> {
        let index = advisories.index(self.policy.advisories.as_ref(), &self.limits)?;
        review::check_known(graph, &self.policy, index)?;
        review::review(graph, &self.policy, &Witness { shared: self, packuments }).await
    }

    /// Judges a graph that somebody gives, by what it says itself.
    pub(crate) async fn review_given(self: &Arc<Self>, graph: &Graph) -> Result<Graph, Error> {
        let (shared, advisories, mut graph) = (self.clone(), self.advisories().await?, graph.clone());
        blocking(move || {
            let index = advisories.index(shared.policy.advisories.as_ref(), &shared.limits)?;
            review::check_known(&mut graph, &shared.policy, index).map(|()| graph)
        })
        .await?
    }

    /// The same error; one about an unknown package says what may have been meant.
    pub(crate) async fn with_similar_names(&self, error: Error) -> Error {
        let Error::UnknownPackage { package, url, chain, .. } = error else { return error };
        // That nothing can be suggested is no reason to fail otherwise.
        let known = self.store.keys(Kind::Packument).await.unwrap_or_default();
        let names: Vec<String> = known.iter().filter_map(|url| self.client.registries().package_of_url(url)).collect();
        let similar = look_alike::suggestions(&package, &names);
        Error::UnknownPackage { package, url, chain, similar }
    }

    /// What the registries of these packages sign with, as they say it, each by the first of its packages.
    pub(crate) async fn keys_of_registries<'a>(
        &self,
        packages: impl Iterator<Item = &'a String>,
    ) -> Result<Vec<(String, Vec<u8>)>, Error> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for package in packages {
            let url = self.client.registries().keys_url(package).to_string();
            if seen.insert(url.clone()) {
                let stored = self.store.get(Kind::Keys, &url).await?;
                found.extend(stored.filter(|blob| !blob.bytes.is_empty()).map(|blob| (package.clone(), blob.bytes)));
            }
        }
        Ok(found)
    }

    /// What npm's own registry, or the one in its place, signs with; as it says it.
    pub(crate) async fn default_keys(&self) -> Result<Option<Vec<u8>>, Error> {
        // No scope has a registry for this name.
        let package = "unscoped";
        self.keys(package, KeysWanted::Usual).await?;
        let url = self.client.registries().keys_url(package).to_string();
        let stored = self.store.get(Kind::Keys, &url).await?;
        Ok(stored.map(|blob| blob.bytes).filter(|bytes| !bytes.is_empty()))
    }

    /// The keys of a package's registry. Old ones are used while it cannot answer.
    async fn keys(&self, package: &str, wanted: KeysWanted) -> Result<KeysFound, Error> {
        let url = self.client.registries().keys_url(package).to_string();
        let stored = self.store.get(Kind::Keys, &url).await?;
        let fresh = |stamp: &Stamp| {
            let age = self.seconds().checked_sub(stamp.fetched_at);
            let limit = match wanted {
                KeysWanted::Usual => self.limits.keys_ttl.as_secs(),
                // Just asked for, by this resolution or another one.
                KeysWanted::Newer => 1,
            };
            age.is_some_and(|age| age < limit)
        };
        let offline = self.connection == Connection::Offline;
        let body = match stored {
            Some(Blob { bytes, stamp }) if offline || fresh(&stamp) => bytes,
            None if offline => return Ok(KeysFound::Offline),
            stored => match (self.client.keys(package).await, stored) {
                (Ok(body), _) => self.keep_keys(package, &url, body.unwrap_or_default()).await?,
                (Err(error), Some(stored)) if error.may_pass() => stored.bytes,
                (Err(error), _) => return Err(error),
            },
        };
        Ok(self.read_keys(package, &url, &body)?.map_or(KeysFound::Without, |keys| KeysFound::Keys(Arc::new(keys))))
    }

    /// What cannot be read is not kept.
    async fn keep_keys(&self, package: &str, url: &str, body: Vec<u8>) -> Result<Vec<u8>, Error> {
        self.read_keys(package, url, &body)?;
        let stamp = Stamp { fetched_at: self.seconds(), etag: None };
        self.store.put(Kind::Keys, url, body.clone(), stamp).await?;
        Ok(body)
    }

    fn read_keys(&self, package: &str, url: &str, body: &[u8]) -> Result<Option<RegistryKeys>, Error> {
        if body.is_empty() {
            return Ok(None);
        }
        let bad = |detail| Error::RegistryBody { package: package.to_owned(), url: url.to_owned(), detail };
        RegistryKeys::parse(body).map_err(bad).map(|keys| Some(keys).filter(|keys| !keys.is_empty()))
    }
}
