//! What belongs into a mirror: for some manifests, the versions that any system may choose, and the tarballs that the
//! wanted systems need.
//!
//! Resolution asks about optional dependencies of every system before it leaves some out, so packuments are there for all
//! of them. One that its registry does not have is remembered as a package without versions: that gives the same answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::platform::Platforms;
use crate::error::Error;
use crate::evidence::AdvisoriesNow;
use crate::graph::{self, KeptVersions, Packuments, Roots};
use crate::lock::{Graph, LockedPackage};
use crate::manifest::{Manifest, PackageName};
use crate::packument::Packument;
use crate::policy::age::Ages;
use crate::shared::{Shared, locked};
use crate::store::blocking;

/// Everything that some manifests need.
#[derive(Debug, Default)]
pub(crate) struct Closure {
    /// What the manifests are resolved to, in their order.
    pub(crate) graphs: Vec<Graph>,
    /// Versions by package. A package without any was asked for and could not be had.
    pub(crate) versions: BTreeMap<String, BTreeSet<String>>,
    /// Packages by integrity.
    pub(crate) tarballs: BTreeMap<String, LockedPackage>,
}

impl Closure {
    pub(crate) async fn of(shared: &Arc<Shared>, manifests: &[Manifest], wanted: &Platforms) -> Result<Self, Error> {
        let advisories = shared.advisories().await?;
        let (shared, manifests, wanted) = (shared.clone(), manifests.to_vec(), wanted.clone());
        let runtime = tokio::runtime::Handle::current();
        // The resolver's futures cannot move between threads.
        let work = move || {
            runtime.block_on(async {
                let mut closure = Self::default();
                for manifest in &manifests {
                    closure.add(&shared, &advisories, manifest, &wanted).await?;
                }
                Ok(closure)
            })
        };
        blocking(work).await?
    }

    async fn add(
        &mut self,
        shared: &Arc<Shared>,
        advisories: &AdvisoriesNow,
        manifest: &Manifest,
        wanted: &Platforms,
    ) -> Result<(), Error> {
        let source = Source { shared: shared.clone(), ages: shared.ages(), absent: Mutex::default() };
        let most = shared.limits.graph_packages;
        let mut graph = graph::resolve(manifest, KeptVersions::default(), &source, most).await?;
        shared.review(&mut graph, advisories, &source).await?;
        // What was held back was that day's.
        graph.held_back.clear();
        self.add_tarballs(&graph);
        self.graphs.push(graph);
        for which in [Roots::OfPrograms, Roots::OfAllSystems] {
            let resolution = graph::resolve_widely(manifest, KeptVersions::default(), &source, most, which).await?;
            for name in resolution.names() {
                self.versions.entry(name.to_owned()).or_default();
            }
            let mut everything = resolution.graph_for_all()?;
            if *wanted == Platforms::All {
                shared.review(&mut everything, advisories, &source).await?;
            }
            for package in everything.packages.values() {
                self.versions.entry(package.name.clone()).or_default().insert(package.version.clone());
            }
            match wanted {
                Platforms::All => self.add_tarballs(&everything),
                Platforms::These(platforms) => {
                    for platform in platforms {
                        self.add_tarballs(&resolution.graph_for(platform.os, platform.cpu)?);
                    }
                }
            }
        }
        for name in locked(&source.absent).iter() {
            self.versions.entry(name.clone()).or_default();
        }
        Ok(())
    }

    fn add_tarballs(&mut self, graph: &Graph) {
        for package in graph.packages.values() {
            let first = self.tarballs.entry(package.integrity.clone()).or_insert_with(|| package.clone());
            if package.display() < first.display() {
                *first = package.clone();
            }
        }
    }
}

/// Packuments, and the names that have none.
struct Source {
    shared: Arc<Shared>,
    ages: Ages,
    absent: Mutex<BTreeSet<String>>,
}

#[async_trait(?Send)]
impl Packuments for Source {
    async fn packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error> {
        match self.shared.packument(name).await {
            Ok(found) => Ok(found.packument),
            Err(error) => {
                if matches!(error, Error::UnknownPackage { .. }) {
                    locked(&self.absent).insert(name.to_string());
                }
                Err(error)
            }
        }
    }

    fn ages(&self) -> &Ages {
        &self.ages
    }
}
