//! A cache that this process owns: resolve, fetch, close. Whether this process or another one owns it is `owner.rs`'s business.
//!
//! This file joins the parts: what the store has is used, what it lacks is asked of a registry, checked, and stored. It
//! holds no format and no protocol. Any of its futures can be dropped at any point: what the store lists is whole then too.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::ahead::{self, Ahead};
use crate::behind::Behind;
use crate::drift::{self, Difference, Drift, Wanted};
use crate::error::Error;
use crate::evidence::AdvisoriesNow;
use crate::flights::Flights;
use crate::graph::{self, KeptVersions, Packuments};
use crate::image::PackageImage;
use crate::limits::{Limits, NetworkOptions};
use crate::lock::{Graph, LockedPackage};
use crate::lock_file::LockFile;
use crate::manifest::{Manifest, PackageName};
use crate::mirror;
use crate::npmrc::Registries;
use crate::owner::OwnerOptions;
use crate::packument::Packument;
use crate::policy::Policy;
use crate::policy::age::Ages;
use crate::recent::Recent;
use crate::registry::Client;
use crate::shared::{Shared, locked};
use crate::store::{Kind, Stamp, Store, blocking};

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
    /// Whether registries may be asked.
    pub connection: Connection,
    /// What is allowed into a graph.
    pub policy: Policy,
    /// How processes that use one cache find each other.
    pub owner: OwnerOptions,
    /// The time, for the freshness of what is cached.
    pub now: fn() -> SystemTime,
}

/// Whether registries may be asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Connection {
    /// They are.
    #[default]
    Online,
    /// Nobody is. What is kept is used, however old it is; what is not kept is reported, all of it at once.
    Offline,
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
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Stage<T> {
    /// What the stage made.
    pub value: T,
    /// Where it came from.
    pub cache: CacheUse,
}

/// How much the cache helped.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
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
    /// These images, each with the ids of the packages whose files it holds, bounded as `limits` say.
    pub(crate) fn new(images: impl IntoIterator<Item = (Vec<String>, Arc<PackageImage>)>, limits: &Limits) -> Self {
        let each = |(ids, image): (Vec<String>, Arc<PackageImage>)| ids.into_iter().map(move |id| (id, image.clone()));
        Self {
            images: images.into_iter().flat_map(each).collect(),
            tree_depth: limits.tree_depth,
            tree_folders: limits.tree_folders,
        }
    }

    /// The reverse of [`Packages::new`].
    pub(crate) fn into_images(self) -> Vec<(Vec<String>, Arc<PackageImage>)> {
        let mut images: BTreeMap<usize, (Vec<String>, Arc<PackageImage>)> = BTreeMap::new();
        for (id, image) in self.images {
            images.entry(Arc::as_ptr(&image).addr()).or_insert((Vec::new(), image)).0.push(id);
        }
        images.into_values().collect()
    }

    /// The files of the package with this id.
    pub fn image(&self, id: &str) -> Option<&Arc<PackageImage>> {
        self.images.get(id)
    }
}

/// A cache that this process owns.
#[derive(Debug)]
pub struct OwnCache {
    pub(crate) shared: Arc<Shared>,
}

impl OwnCache {
    /// Opens the store, whose lock is held.
    pub(crate) async fn open(lock: LockFile, options: CacheOptions) -> Result<Self, Error> {
        let CacheOptions { folder, registries, network, limits, connection, policy, owner: _, now } = options;
        let client = Client::new(registries, network, &limits, now);
        let store = Store::open_locked(lock, &folder, &limits, now).await?;
        let shared = Shared {
            store: Arc::new(store),
            client,
            connection,
            policy,
            now,
            advisories: Mutex::new(None),
            packuments: Flights::new(),
            images: Flights::new(),
            tarballs: Flights::new(),
            recent_packuments: Mutex::new(Recent::new(limits.packument_cache_bytes)),
            recent_failures: Mutex::default(),
            recent_images: Mutex::new(Recent::new(limits.image_cache_bytes)),
            jobs: Semaphore::new(limits.concurrent_unpacks.max(1)),
            served_tarballs: Arc::new(Semaphore::new(limits.served_tarballs.max(1))),
            behind: Behind::default(),
            ahead: Mutex::new(Vec::new()),
            limits,
        };
        let shared = Arc::new(shared);
        mirror::finish_import(&shared).await?;
        Ok(Self { shared })
    }

    /// Finds the packages that a manifest stands for, and has what is needed next ahead. A lock that fits is used as it is,
    /// without asking a registry.
    pub async fn resolve(
        &self,
        wanted: impl Into<Wanted<'_>>,
        ahead: Ahead,
        progress: &dyn Progress,
    ) -> Result<Stage<Graph>, Error> {
        let Wanted { manifest, lock, drift } = wanted.into();
        let Some(lock) = lock else { return self.resolve_manifest(manifest, ahead, progress).await };
        let _visit = self.visit();
        let differences = lock.differences(manifest);
        if drift == Drift::Frozen && !differences.is_empty() {
            return Err(lock.drifted(manifest, &differences));
        }
        let graph = lock.graph_from(self.shared.client.registries());
        if differences.iter().all(Difference::is_extra) {
            let graph = self.shared.review_given(&drift::without_extra(graph, manifest)).await?;
            self.mark(&graph);
            return Ok(Stage { value: graph, cache: CacheUse::Hit });
        }
        let kept = KeptVersions::of(&graph);
        // What is locked is not looked for ahead: it is mostly there.
        let advisories = self.shared.advisories().await?;
        let resolved = self.resolve_anew(manifest, kept, &advisories, Ahead::Nothing, progress).await?;
        let Resolved { mut graph, cache, stale } = resolved;
        lock.keep_integrity(&mut graph);
        graph.warnings.extend(stale);
        self.mark(&graph);
        Ok(Stage { value: graph, cache })
    }

    async fn resolve_manifest(
        &self,
        manifest: &Manifest,
        ahead: Ahead,
        progress: &dyn Progress,
    ) -> Result<Stage<Graph>, Error> {
        let _visit = self.visit();
        let advisories = self.shared.advisories().await?;
        let key = self.shared.resolution_key(manifest, &advisories);
        if let Some(graph) = self.shared.known_resolution(&key).await? {
            self.mark(&graph);
            return Ok(Stage { value: graph, cache: CacheUse::Hit });
        }
        let resolved = match self.resolve_anew(manifest, KeptVersions::default(), &advisories, ahead, progress).await {
            Ok(resolved) => resolved,
            Err(Error::Offline { missing }) => return Err(self.everything_missing(manifest, missing).await),
            Err(error) => match error.doubted() {
                // What is missing may have been published since.
                Some(package) if self.shared.forget(package).await? => {
                    self.resolve_anew(manifest, KeptVersions::default(), &advisories, ahead, progress).await?
                }
                _ => return Err(self.shared.with_similar_names(error).await),
            },
        };
        let Resolved { mut graph, cache, stale } = resolved;
        if stale.is_empty() {
            let stamp = Stamp { fetched_at: self.shared.seconds(), etag: None };
            let bytes = serde_json::to_vec(&graph).expect("a graph is plain data");
            let store = self.shared.store.clone();
            self.shared.behind.begin(async move { store.put(Kind::Resolution, &key, bytes, stamp).await });
        }
        graph.warnings.extend(stale);
        self.mark(&graph);
        Ok(Stage { value: graph, cache })
    }

    /// The resolver's futures cannot move between threads, so it gets one of its own, and its news come by channel. When
    /// this future is dropped the channel closes, which ends the resolver too.
    async fn resolve_anew(
        &self,
        manifest: &Manifest,
        kept: KeptVersions,
        advisories: &Arc<AdvisoriesNow>,
        ahead: Ahead,
        progress: &dyn Progress,
    ) -> Result<Resolved, Error> {
        // Who asks again is answered anew.
        locked(&self.shared.recent_failures).clear();
        let walk = self.look_ahead(manifest, ahead)?;
        let (sender, mut receiver) = mpsc::unbounded_channel::<String>();
        let shared = self.shared.clone();
        let (manifest, advisories) = (manifest.clone(), advisories.clone());
        let runtime = tokio::runtime::Handle::current();
        let job = blocking(move || {
            let source = Source {
                shared: shared.clone(),
                ages: shared.ages(),
                news: sender.clone(),
                used: Mutex::new(Used::default()),
            };
            let resolving = async {
                let mut graph = graph::resolve(&manifest, kept, &source, shared.limits.graph_packages).await?;
                shared.review(&mut graph, &advisories, &source).await.map(|()| graph)
            };
            let graph = runtime.block_on(async {
                tokio::select! {
                    resolved = resolving => resolved,
                    () = sender.closed() => Err(Error::Internal { detail: "nobody waits for this resolution".to_owned() }),
                }
            })?;
            let Used { cache, stale, .. } = std::mem::take(&mut *locked(&source.used));
            Ok(Resolved { graph, cache, stale })
        });
        tokio::pin!(job);
        let resolved = loop {
            tokio::select! {
                outcome = &mut job => break outcome??,
                Some(name) = receiver.recv() => progress.resolving(&name),
            }
        };
        // What it still downloads is wanted next.
        let mut walks = locked(&self.shared.ahead);
        walks.retain_mut(|walk| {
            while walk.try_join_next().is_some() {}
            !walk.is_empty()
        });
        walks.push(walk);
        drop(walks);
        Ok(resolved)
    }

    /// Ends when what is given back is dropped.
    fn look_ahead(&self, manifest: &Manifest, ahead: Ahead) -> Result<JoinSet<()>, Error> {
        let mut walk = JoinSet::new();
        if self.shared.connection == Connection::Online {
            let (roots, resolver) = graph::beginning(manifest, &self.shared.ages())?;
            let shared = self.shared.clone();
            walk.spawn(async move { drop(ahead::walk(shared, roots, resolver, ahead).await) });
        }
        Ok(walk)
    }

    async fn everything_missing(&self, manifest: &Manifest, first: Vec<String>) -> Error {
        let found = match graph::beginning(manifest, &self.shared.ages()) {
            Ok((roots, resolver)) => ahead::walk(self.shared.clone(), roots, resolver, Ahead::Tarballs).await,
            Err(error) => return error,
        };
        let missing: BTreeSet<String> = first.into_iter().chain(found).collect();
        Error::Offline { missing: missing.into_iter().collect() }
    }

    /// Gets a graph's packages, verified and unpacked.
    pub async fn fetch(&self, graph: &Graph, progress: &dyn Progress) -> Result<Stage<Packages>, Error> {
        let _visit = self.visit();
        self.mark(graph);
        if self.shared.connection == Connection::Offline {
            // Says everything that is missing.
            self.keep(graph, &()).await?;
        }
        let wanted = tarballs_of(graph);
        let total = wanted.len();
        let jobs: Vec<_> = wanted.into_iter().map(|ids| self.fetch_one(graph, ids)).collect();
        let mut jobs = futures::stream::iter(jobs).buffer_unordered(self.shared.limits.concurrent_packages.max(1));
        let mut images = Vec::with_capacity(total);
        let mut cache = CacheUse::Hit;
        let mut done = 0;
        while let Some(outcome) = jobs.next().await {
            let fetched = outcome?;
            done += 1;
            progress.fetching(&fetched.display, done, total);
            cache = cache.max(fetched.cache);
            images.push((fetched.ids, fetched.image));
        }
        Ok(Stage { value: Packages::new(images, &self.shared.limits), cache })
    }

    async fn fetch_one(&self, graph: &Graph, ids: Vec<&str>) -> Result<Fetched, Error> {
        let package = package_of(graph, &ids);
        let outcome = self.shared.image(package).await;
        let (image, cache) = self.or_forget(graph, &ids, outcome).await?;
        Ok(Fetched { ids: ids.into_iter().map(str::to_owned).collect(), display: package.display(), image, cache })
    }

    /// Sees to it that the store has every tarball of a graph, without unpacking what is there.
    pub async fn keep(&self, graph: &Graph, progress: &dyn Progress) -> Result<CacheUse, Error> {
        let _visit = self.visit();
        self.mark(graph);
        let mut wanted = tarballs_of(graph);
        let total = wanted.len();
        let keys = wanted.iter().map(|ids| package_of(graph, ids).integrity.clone()).collect();
        let absent = self.shared.store.absent(Kind::Tarball, keys).await?;
        wanted.retain(|ids| absent.contains(&package_of(graph, ids).integrity));
        if wanted.is_empty() {
            return Ok(CacheUse::Hit);
        }
        let mut done = total - wanted.len();
        let jobs: Vec<_> = wanted.into_iter().map(|ids| self.keep_one(graph, ids)).collect();
        let mut jobs = futures::stream::iter(jobs).buffer_unordered(self.shared.limits.concurrent_packages.max(1));
        let (mut cache, mut missing) = (CacheUse::Hit, Vec::new());
        while let Some(outcome) = jobs.next().await {
            let (display, used) = match outcome {
                Err(Error::Offline { missing: more }) => {
                    missing.extend(more);
                    continue;
                }
                outcome => outcome?,
            };
            done += 1;
            progress.fetching(&display, done, total);
            cache = cache.max(used);
        }
        drop(jobs);
        match missing.is_empty() {
            true => {
                self.shared.behind.settle().await?;
                self.shared.store.flush().await.map(|()| cache)
            }
            false => {
                missing.sort();
                Err(Error::Offline { missing })
            }
        }
    }

    async fn keep_one(&self, graph: &Graph, ids: Vec<&str>) -> Result<(String, CacheUse), Error> {
        let package = package_of(graph, &ids);
        let outcome = self.shared.tarball(package).await;
        Ok((package.display(), self.or_forget(graph, &ids, outcome).await?))
    }

    /// The error says who asked; where the packument is to blame, it goes.
    async fn or_forget<T>(&self, graph: &Graph, ids: &[&str], outcome: Result<T, Error>) -> Result<T, Error> {
        match outcome {
            Ok(value) => Ok(value),
            Err(error) => {
                if error.doubted().is_some() {
                    self.shared.forget(&package_of(graph, ids).name).await?;
                }
                Err(error.with_chain(graph.chain(ids[0])))
            }
        }
    }

    /// A graph's tarballs are used, also where memory has what they hold.
    fn mark(&self, graph: &Graph) {
        self.shared.store.mark(Kind::Tarball, graph.packages.values().map(|package| package.integrity.as_str()));
    }

    /// The size of a package's tarball as it was received; `None` when it is not kept.
    pub async fn tarball_bytes(&self, package: &LockedPackage) -> Result<Option<u64>, Error> {
        self.shared.store.length(Kind::Tarball, &package.integrity).await
    }

    /// A module that [`OwnCache::keep_module`] kept under this key: whole, or not at all.
    pub async fn module(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.shared.store.get(Kind::Module, key).await?.map(|blob| blob.bytes))
    }

    /// Keeps what was made of packages. The key says everything that it was made of. It is not flushed: what is lost can
    /// be made again.
    pub async fn keep_module(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        self.shared.store.make_room(Kind::Module, self.shared.limits.modules).await?;
        let stamp = Stamp { fetched_at: self.shared.seconds(), etag: None };
        self.shared.store.put(Kind::Module, key, bytes, stamp).await
    }

    /// Makes what was written so far safe from a loss of power, not only of the process. Costs as much as the system has to
    /// write, also for others.
    pub async fn flush(&self) -> Result<(), Error> {
        self.shared.behind.settle().await?;
        self.shared.store.sync().await
    }

    /// Waits for what is being written, then lets go of the store and of the lock, in this order.
    pub(crate) async fn close(&self) -> Result<(), Error> {
        let walks = std::mem::take(&mut *locked(&self.shared.ahead));
        for mut walk in walks {
            walk.shutdown().await;
        }
        let written = self.shared.behind.settle().await;
        self.shared.store.close().await.and(written)
    }
}

/// What became of one tarball.
struct Fetched {
    ids: Vec<String>,
    display: String,
    image: Arc<PackageImage>,
    cache: CacheUse,
}

/// The packages of a graph by tarball: one in several peer contexts is one tarball.
fn tarballs_of(graph: &Graph) -> Vec<Vec<&str>> {
    let mut wanted: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (id, package) in &graph.packages {
        wanted.entry((&package.name, &package.integrity)).or_default().push(id);
    }
    wanted.into_values().collect()
}

/// The package of a group of [`tarballs_of`].
fn package_of<'a>(graph: &'a Graph, ids: &[&str]) -> &'a LockedPackage {
    graph.packages.get(ids[0]).expect("a group has a member, and was made from this graph")
}

/// What came of a resolution.
struct Resolved {
    graph: Graph,
    cache: CacheUse,
    /// What was used although it was old, as sentences.
    stale: BTreeSet<String>,
}

/// What the packuments of a resolution were.
struct Used {
    cache: CacheUse,
    stale: BTreeSet<String>,
    /// One resolution sees one state of a package.
    packuments: HashMap<String, Arc<Packument>>,
}

impl Default for Used {
    fn default() -> Self {
        Self { cache: CacheUse::Hit, stale: BTreeSet::new(), packuments: HashMap::new() }
    }
}

/// Packuments for one resolution.
struct Source {
    shared: Arc<Shared>,
    ages: Ages,
    news: mpsc::UnboundedSender<String>,
    used: Mutex<Used>,
}

#[async_trait(?Send)]
impl Packuments for Source {
    async fn packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error> {
        if let Some(known) = locked(&self.used).packuments.get(name.as_str()) {
            return Ok(known.clone());
        }
        // Whether anybody still listens is looked after elsewhere.
        let _ = self.news.send(name.to_string());
        let found = self.shared.packument(name).await?;
        let mut used = locked(&self.used);
        used.cache = used.cache.max(found.cache);
        used.stale.extend(found.stale);
        used.packuments.insert(name.to_string(), found.packument.clone());
        Ok(found.packument)
    }

    fn ages(&self) -> &Ages {
        &self.ages
    }
}

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
