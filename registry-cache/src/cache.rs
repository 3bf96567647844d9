//! The cache as others see it: resolve, fetch, close.
//!
//! This file joins the parts: what the store has is used, what it lacks is asked of a registry, checked, and stored. It
//! holds no format and no protocol. Any of its futures can be dropped at any point: what the store lists is whole then too.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use futures::StreamExt;
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};

use crate::error::Error;
use crate::flights::Flights;
use crate::graph::{self, Packuments};
use crate::image::PackageImage;
use crate::image_cache::Images;
use crate::limits::{Limits, NetworkOptions};
use crate::lock::{Graph, LockedPackage};
use crate::manifest::{Manifest, PackageName};
use crate::npmrc::Registries;
use crate::packument::Packument;
use crate::registry::{Client, PackumentAnswer};
use crate::store::{Blob, Kind, Stamp, Store, blocking};
use crate::tarball;

/// What a cache is opened with.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// The cache's folder; made if need be.
    pub folder: PathBuf,
    /// Where packages come from.
    pub registries: Registries,
    /// How registries are spoken to.
    pub network: NetworkOptions,
    /// The bounds.
    pub limits: Limits,
    /// The time, for the freshness of what is cached.
    pub now: fn() -> SystemTime,
}

/// Hears what a slow stage is doing.
pub trait Progress: Send + Sync {
    /// The packument of this package is wanted.
    fn resolving(&self, _name: &str) {}
    /// This package (`name@version`) is there now, `done` of `total`.
    fn fetching(&self, _package: &str, _done: usize, _total: usize) {}
}

impl Progress for () {}

/// What a stage made, and how much of it was there already.
#[derive(Clone, Debug)]
pub struct Stage<T> {
    /// What the stage made.
    pub value: T,
    /// Where it came from.
    pub cache: CacheUse,
}

/// How much the cache helped.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum CacheUse {
    /// No registry was asked.
    Hit,
    /// A registry was asked and had nothing newer.
    Revalidated,
    /// Something was fetched.
    Miss,
}

/// The packages of a graph, unpacked.
#[derive(Clone, Debug)]
pub struct Packages {
    images: BTreeMap<String, Arc<PackageImage>>,
    pub(crate) tree_depth: usize,
    pub(crate) tree_folders: usize,
}

impl Packages {
    /// The files of the package with this id.
    pub fn image(&self, id: &str) -> Option<&Arc<PackageImage>> {
        self.images.get(id)
    }
}

/// A cache that this process owns.
#[derive(Debug)]
pub struct Cache {
    shared: Arc<Shared>,
}

/// What the pieces of work in flight share.
struct Shared {
    store: Store,
    client: Client,
    limits: Limits,
    now: fn() -> SystemTime,
    packuments: Flights<(Arc<Packument>, CacheUse)>,
    tarballs: Flights<(Arc<PackageImage>, CacheUse)>,
    images: Mutex<Images>,
    unpacks: Semaphore,
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

impl Cache {
    /// Takes the cache's lock, waiting for another holder as long as the limits say, and opens the store.
    pub async fn open(options: CacheOptions) -> Result<Self, Error> {
        let CacheOptions { folder, registries, network, limits, now } = options;
        let client = Client::new(registries, network, &limits)?;
        let store = Store::open(&folder, &limits).await?;
        let shared = Shared {
            store,
            client,
            now,
            packuments: Flights::new(),
            tarballs: Flights::new(),
            images: Mutex::new(Images::new(limits.image_cache_bytes)),
            unpacks: Semaphore::new(limits.concurrent_unpacks.max(1)),
            limits,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Finds the packages that a manifest stands for.
    pub async fn resolve(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<Stage<Graph>, Error> {
        let key = resolution_key(manifest, self.shared.client.registries());
        if let Some(graph) = self.shared.known_resolution(&key).await? {
            return Ok(Stage { value: graph, cache: CacheUse::Hit });
        }
        let stage = match self.resolve_anew(manifest, progress).await {
            Ok(stage) => stage,
            Err(error) => match error.doubted() {
                // What is missing may have been published since.
                Some(package) if self.shared.forget(package).await? => self.resolve_anew(manifest, progress).await?,
                _ => return Err(error),
            },
        };
        let stamp = Stamp { fetched_at: self.shared.seconds(), etag: None };
        let bytes = serde_json::to_vec(&stage.value).expect("a graph is plain data");
        self.shared.store.put(Kind::Resolution, &key, bytes, stamp).await?;
        self.shared.store.flush().await?;
        Ok(stage)
    }

    /// The resolver's futures cannot move between threads, so it gets one of its own, and its news come by channel. When
    /// this future is dropped the channel closes, which ends the resolver too.
    async fn resolve_anew(&self, manifest: &Manifest, progress: &dyn Progress) -> Result<Stage<Graph>, Error> {
        let (sender, mut receiver) = mpsc::unbounded_channel::<String>();
        let shared = self.shared.clone();
        let manifest = manifest.clone();
        let runtime = tokio::runtime::Handle::current();
        let job = blocking(move || {
            let source = Source { shared: shared.clone(), news: sender.clone(), used: Mutex::new(CacheUse::Hit) };
            let resolved = runtime.block_on(async {
                tokio::select! {
                    resolved = graph::resolve(&manifest, &source, shared.limits.graph_packages) => resolved,
                    () = sender.closed() => Err(Error::Internal { detail: "nobody waits for this resolution".to_owned() }),
                }
            })?;
            let cache = *source.used.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(Stage { value: resolved, cache })
        });
        tokio::pin!(job);
        loop {
            tokio::select! {
                outcome = &mut job => return outcome?,
                Some(name) = receiver.recv() => progress.resolving(&name),
            }
        }
    }

    /// Gets a graph's packages, verified and unpacked.
    pub async fn fetch(&self, graph: &Graph, progress: &dyn Progress) -> Result<Stage<Packages>, Error> {
        // Packages in several peer contexts are one tarball.
        let mut wanted: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for (id, package) in &graph.packages {
            wanted.entry((&package.name, &package.integrity)).or_default().push(id);
        }
        let total = wanted.len();
        let jobs: Vec<_> = wanted.into_values().map(|ids| self.fetch_one(graph, ids)).collect();
        let mut jobs = futures::stream::iter(jobs).buffer_unordered(self.shared.limits.concurrent_packages.max(1));
        let mut images = BTreeMap::new();
        let mut cache = CacheUse::Hit;
        let mut done = 0;
        while let Some(outcome) = jobs.next().await {
            let fetched = outcome?;
            done += 1;
            progress.fetching(&fetched.display, done, total);
            cache = cache.max(fetched.cache);
            images.extend(fetched.ids.into_iter().map(|id| (id, fetched.image.clone())));
        }
        let packages = Packages {
            images,
            tree_depth: self.shared.limits.tree_depth,
            tree_folders: self.shared.limits.tree_folders,
        };
        Ok(Stage { value: packages, cache })
    }

    async fn fetch_one(&self, graph: &Graph, ids: Vec<&str>) -> Result<Fetched, Error> {
        let first = *ids.first().expect("a group has a member");
        let package = graph.packages.get(first).expect("the group was made from this graph").clone();
        let display = package.display();
        // Two names with one tarball are two images: messages name the package.
        let key = format!("{display} {}", package.integrity);
        let shared = self.shared.clone();
        let outcome = self.shared.tarballs.join(&key, move || shared.image_of(package)).await;
        let (image, cache) = match outcome {
            Ok(fetched) => fetched,
            Err(error) => {
                if error.doubted().is_some() {
                    self.shared.forget(&graph.packages[first].name).await?;
                }
                return Err(error.with_chain(graph.chain(first)));
            }
        };
        Ok(Fetched { ids: ids.into_iter().map(str::to_owned).collect(), display, image, cache })
    }

    /// The size of a package's tarball as it was received; `None` when it is not kept.
    pub async fn tarball_bytes(&self, package: &LockedPackage) -> Result<Option<u64>, Error> {
        self.shared.store.length(Kind::Tarball, &package.integrity).await
    }

    /// A module that [`Cache::keep_module`] kept under this key: whole, or not at all.
    pub async fn module(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.shared.store.get(Kind::Module, key).await?.map(|blob| blob.bytes))
    }

    /// Keeps what was made of packages. The key says everything that it was made of. It is not flushed: what is lost can
    /// be made again.
    pub async fn keep_module(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        if self.shared.store.count(Kind::Module).await? >= self.shared.limits.modules {
            self.shared.store.clear(Kind::Module).await?;
        }
        let stamp = Stamp { fetched_at: self.shared.seconds(), etag: None };
        self.shared.store.put(Kind::Module, key, bytes, stamp).await
    }

    /// Waits for what is being written, then lets go of the store and of the lock, in this order.
    pub async fn close(self) -> Result<(), Error> {
        self.shared.store.close().await
    }
}

/// What became of one tarball.
struct Fetched {
    ids: Vec<String>,
    display: String,
    image: Arc<PackageImage>,
    cache: CacheUse,
}

impl Shared {
    fn seconds(&self) -> u64 {
        (self.now)().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// A stamp from the future (the clock was set back) is not fresh.
    fn is_fresh(&self, stamp: &Stamp) -> bool {
        let age = self.seconds().checked_sub(stamp.fetched_at);
        age.is_some_and(|age| age < self.limits.packument_ttl.as_secs())
    }

    async fn known_resolution(&self, key: &str) -> Result<Option<Graph>, Error> {
        let Some(blob) = self.store.get(Kind::Resolution, key).await? else { return Ok(None) };
        match self.is_fresh(&blob.stamp) {
            true => Ok(serde_json::from_slice(&blob.bytes).ok().filter(Graph::is_closed)),
            false => Ok(None),
        }
    }

    /// Removes what is kept of a package that its registry does not keep to, and every graph that may have come of it.
    /// Says whether anything was there.
    async fn forget(&self, package: &str) -> Result<bool, Error> {
        let Ok(name) = PackageName::parse(package) else { return Ok(false) };
        let url = self.client.registries().packument_url(&name)?.to_string();
        let known = self.store.get(Kind::Packument, &url).await?;
        let old = known.is_some_and(|blob| self.seconds() > blob.stamp.fetched_at);
        self.store.remove(Kind::Packument, &url).await?;
        self.store.clear(Kind::Resolution).await?;
        self.store.flush().await?;
        Ok(old)
    }

    async fn packument(self: Arc<Self>, name: PackageName) -> Result<(Arc<Packument>, CacheUse), Error> {
        let url = self.client.registries().packument_url(&name)?.to_string();
        let limit = self.limits.packument_bytes;
        let stored = self.store.get(Kind::Packument, &url).await?;
        let stored = stored.and_then(|Blob { bytes, stamp }| Some((Packument::decompress(&bytes, limit)?, stamp)));
        let etag = match stored.as_ref() {
            Some((_, stamp)) if self.is_fresh(stamp) => {
                return Ok((Arc::new(stored.expect("it was matched").0), CacheUse::Hit));
            }
            Some((_, stamp)) => stamp.etag.clone(),
            None => None,
        };
        let answer = self.client.packument(&name, etag.as_deref()).await?;
        let fetched_at = self.seconds();
        match (answer, stored) {
            (PackumentAnswer::Fresh { body, etag }, _) => {
                let packument = self.keep_packument(name, url, body, Stamp { fetched_at, etag }).await?;
                Ok((packument, CacheUse::Miss))
            }
            (PackumentAnswer::NotModified, Some((packument, _))) => {
                self.store.touch(Kind::Packument, &url, Stamp { fetched_at, etag }).await?;
                Ok((Arc::new(packument), CacheUse::Revalidated))
            }
            (PackumentAnswer::NotModified, None) => Err(Error::RegistryBody {
                package: name.to_string(),
                url,
                detail: "status 304, which nobody asked for".to_owned(),
            }),
        }
    }

    async fn keep_packument(
        &self,
        name: PackageName,
        url: String,
        body: Vec<u8>,
        stamp: Stamp,
    ) -> Result<Arc<Packument>, Error> {
        let _permit = self.unpacks.acquire().await.expect("this semaphore is never closed");
        let package = name.to_string();
        let parsed =
            blocking(move || Packument::parse(&name, &body).map(|packument| (packument.compress(), packument))).await?;
        let (compressed, packument) =
            parsed.map_err(|detail| Error::RegistryBody { package, url: url.clone(), detail })?;
        self.store.put(Kind::Packument, &url, compressed, stamp).await?;
        Ok(Arc::new(packument))
    }

    /// A package's image: from memory, else from the store, else from its registry.
    async fn image_of(self: Arc<Self>, package: LockedPackage) -> Result<(Arc<PackageImage>, CacheUse), Error> {
        let display = package.display();
        let memory_key = format!("{display} {}", package.integrity);
        if let Some(image) = self.images().get(&memory_key) {
            return Ok((image, CacheUse::Hit));
        }
        let (image, cache) = match self.stored_image(&package).await? {
            Some(image) => (image, CacheUse::Hit),
            None => (self.fetched_image(&package).await?, CacheUse::Miss),
        };
        self.images().insert(memory_key, image.clone());
        Ok((image, cache))
    }

    /// What the store has is verified again: a disk forgets.
    async fn stored_image(&self, package: &LockedPackage) -> Result<Option<Arc<PackageImage>>, Error> {
        let key = &package.integrity;
        let Some(blob) = self.store.get(Kind::Tarball, key).await? else { return Ok(None) };
        match self.unpack(package, String::new(), Arc::new(blob.bytes)).await {
            Ok(image) => Ok(Some(image)),
            Err(Error::Integrity { .. }) => {
                self.store.remove(Kind::Tarball, key).await?;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    async fn fetched_image(&self, package: &LockedPackage) -> Result<Arc<PackageImage>, Error> {
        let url = self.client.registries().tarball_url(&package.name, &package.tarball)?;
        let shown = url.to_string();
        let answer = self.client.tarball(&package.display(), &package.name, url).await;
        let bytes = Arc::new(answer.map_err(|error| match error {
            // Its packument names it, so the package is known.
            Error::UnknownPackage { package, url, .. } => Error::RegistryStatus { package, url, status: 404 },
            error => error,
        })?);
        // Unpacked before it is stored: one that cannot be unpacked is of no use to anybody.
        let image = self.unpack(package, shown, bytes.clone()).await?;
        let stamp = Stamp { fetched_at: self.seconds(), etag: None };
        self.store.put_verified(Kind::Tarball, &package.integrity, bytes, stamp).await?;
        Ok(image)
    }

    async fn unpack(
        &self,
        package: &LockedPackage,
        url: String,
        bytes: Arc<Vec<u8>>,
    ) -> Result<Arc<PackageImage>, Error> {
        let _permit = self.unpacks.acquire().await.expect("this semaphore is never closed");
        let display = package.display();
        let integrity = package.integrity.clone();
        let limits = self.limits.clone();
        let image = blocking(move || {
            tarball::verify(&display, &url, &bytes, &integrity)?;
            PackageImage::seal(&tarball::unpack(&display, &bytes, &limits)?)
        });
        Ok(Arc::new(image.await??))
    }

    fn images(&self) -> std::sync::MutexGuard<'_, Images> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Packuments for one resolution.
struct Source {
    shared: Arc<Shared>,
    news: mpsc::UnboundedSender<String>,
    used: Mutex<CacheUse>,
}

#[async_trait(?Send)]
impl Packuments for Source {
    async fn packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error> {
        // Whether anybody still listens is looked after elsewhere.
        let _ = self.news.send(name.to_string());
        let shared = self.shared.clone();
        let owned = name.clone();
        let (packument, cache) = self.shared.packuments.join(name.as_str(), move || shared.packument(owned)).await?;
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        *used = cache.max(*used);
        Ok(packument)
    }
}

/// What a resolution depends on beside the registries' own content.
fn resolution_key(manifest: &Manifest, registries: &Registries) -> String {
    let dependencies: Vec<_> = manifest
        .dependencies
        .iter()
        .map(|(alias, requirement)| {
            (alias.as_str(), requirement.package.as_str(), requirement.range.as_str(), requirement.optional)
        })
        .collect();
    let text =
        serde_json::to_vec(&(registries.fingerprint(), dependencies, &manifest.overrides)).expect("plain data is JSON");
    format!("{:x}", Sha256::digest(text))
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
