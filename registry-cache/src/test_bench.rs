//! A whole trip for tests: a registry, a folder, and a cache between them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::json;

use crate::lock_file::LockFile;
use crate::test_registry::{Scratch, TestRegistry};
use crate::{
    Ahead, CacheOptions, CacheUse, Connection, Error, Graph, Limits, Manifest, NetworkOptions, OwnCache, OwnerOptions,
    Policy, Registries, Tree,
};

/// A registry, a folder, and what a cache is opened with.
pub(crate) struct Bench {
    pub(crate) registry: TestRegistry,
    pub(crate) scratch: Scratch,
    pub(crate) npmrc: String,
    pub(crate) network: NetworkOptions,
    pub(crate) limits: Limits,
    pub(crate) connection: Connection,
    pub(crate) policy: Policy,
    pub(crate) owner: OwnerOptions,
    pub(crate) now: fn() -> SystemTime,
}

impl Bench {
    pub(crate) async fn new() -> Self {
        let network = NetworkOptions {
            retry_pause: Duration::ZERO,
            retry_pause_most: Duration::ZERO,
            ..NetworkOptions::default()
        };
        Self {
            registry: TestRegistry::start().await,
            scratch: Scratch::new(),
            npmrc: String::new(),
            network,
            limits: Limits::default(),
            connection: Connection::Online,
            policy: Policy::default(),
            owner: OwnerOptions::default(),
            now: || UNIX_EPOCH + Duration::from_secs(1_000_000),
        }
    }

    /// Another one with the same settings, and with a registry that nobody runs.
    pub(crate) fn alike(&self) -> Self {
        Self {
            registry: TestRegistry::nowhere(),
            scratch: Scratch::new(),
            npmrc: self.npmrc.clone(),
            network: self.network.clone(),
            limits: self.limits.clone(),
            connection: self.connection,
            policy: self.policy.clone(),
            owner: self.owner.clone(),
            now: self.now,
        }
    }

    pub(crate) async fn open(&self) -> OwnCache {
        let options = self.options();
        let lock = LockFile::take(&options.folder, options.limits.lock_wait).await.unwrap();
        OwnCache::open(lock, options).await.unwrap()
    }

    pub(crate) fn options(&self) -> CacheOptions {
        let npmrc = format!("registry={}/\n{}", self.registry.url, self.npmrc);
        CacheOptions {
            folder: self.scratch.0.clone(),
            registries: Registries::parse(&[(".npmrc".to_owned(), npmrc)], &BTreeMap::new()).unwrap(),
            network: self.network.clone(),
            limits: self.limits.clone(),
            connection: self.connection,
            policy: self.policy.clone(),
            owner: self.owner.clone(),
            now: self.now,
        }
    }

    /// Resolves, fetches and lays out, in a cache that is opened for it.
    pub(crate) async fn trip(&self, manifest: serde_json::Value) -> Result<(Graph, Tree, CacheUse), Error> {
        let cache = self.open().await;
        let manifest = Manifest::parse_package_json(&manifest.to_string(), "package.json")?;
        let outcome = async {
            let graph = cache.resolve(&manifest, Ahead::Packages, &()).await?;
            let packages = cache.fetch(&graph.value, &()).await?;
            let tree = Tree::hoist(&graph.value, &packages.value)?;
            Ok((graph.value, tree, graph.cache.max(packages.cache)))
        }
        .await;
        cache.close().await.unwrap();
        outcome
    }

    pub(crate) async fn failure(&self, dependencies: serde_json::Value) -> Error {
        self.trip(json!({"dependencies": dependencies})).await.unwrap_err()
    }
}

/// The lines of a tree.
pub(crate) fn mounts(tree: &Tree) -> Vec<String> {
    tree.mounts.iter().map(|mount| format!("{} {}", mount.path, mount.package_id)).collect()
}
