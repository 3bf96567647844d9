//! Looking ahead: packuments and tarballs are asked for before the resolver comes to them.
//!
//! The walk goes from a manifest's requirements along the version that each would get on its own. That is nearly always
//! the version that the resolver decides on, so a cold resolution takes as long as the graph is deep, and its tarballs are
//! on their way before it ends. What it guesses wrong costs a download and changes nothing: the walk decides nothing.
//! Without a connection the same walk finds out what the cache lacks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use deno_npm::registry::{NpmDependencyEntryKind, NpmPackageInfo, NpmPackageVersionInfo};
use deno_npm::resolution::NpmVersionResolver;
use deno_semver::Version;
use deno_semver::package::PackageReq;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::error::Error;
use crate::graph::{integrity_of, is_for_programs};
use crate::lock::LockedPackage;
use crate::manifest::PackageName;
use crate::packument_cache::Found;
use crate::shared::Shared;
use crate::store::Kind;

/// What is had ahead beside packuments.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Ahead {
    /// Nothing.
    Nothing,
    /// Tarballs, for the store.
    Tarballs,
    /// Packages, unpacked as well.
    Packages,
}

/// Walks from these requirements until everything was looked at, or more than the graph may hold. Gives back what could
/// not be had without a connection.
pub(crate) async fn walk(
    shared: Arc<Shared>,
    roots: Vec<PackageReq>,
    resolver: NpmVersionResolver,
    ahead: Ahead,
) -> Vec<String> {
    let mut walk =
        Walk { shared, resolver, ahead, seen: BTreeSet::new(), chosen: BTreeMap::new(), downloads: JoinSet::new() };
    let mut missing: BTreeSet<String> = BTreeSet::new();
    let mut looking: FuturesUnordered<_> = roots.into_iter().filter_map(|req| walk.look(req)).collect();
    while let Some((req, found)) = looking.next().await {
        match found {
            Ok(found) => {
                let next = found.packument.info().ok().and_then(|info| walk.step(&req, &info));
                looking.extend(next.into_iter().flatten().filter_map(|req| walk.look(req)));
            }
            Err(Error::Offline { missing: more }) => missing.extend(more),
            // The resolver will say it, if it comes here.
            Err(_) => {}
        }
    }
    while let Some(outcome) = walk.downloads.join_next().await {
        if let Ok(Err(Error::Offline { missing: more })) = outcome {
            missing.extend(more);
        }
    }
    missing.into_iter().collect()
}

struct Walk {
    shared: Arc<Shared>,
    resolver: NpmVersionResolver,
    ahead: Ahead,
    seen: BTreeSet<(String, String)>,
    /// The resolver takes a version that is there already, where it fits.
    chosen: BTreeMap<String, BTreeSet<Version>>,
    downloads: JoinSet<Result<(), Error>>,
}

type Look = futures::future::BoxFuture<'static, (PackageReq, Result<Found, Error>)>;

impl Walk {
    fn look(&mut self, req: PackageReq) -> Option<Look> {
        let name = PackageName::parse(&req.name).ok()?;
        let new = self.seen.insert((req.name.to_string(), req.version_req.version_text().to_owned()));
        if !new || self.seen.len() > self.shared.limits.graph_packages {
            return None;
        }
        let shared = self.shared.clone();
        Some(Box::pin(async move { (req, shared.packument(&name).await) }))
    }

    /// What the version that fits requires, when nobody has asked for that version yet.
    fn step(&mut self, req: &PackageReq, info: &NpmPackageInfo) -> Option<Vec<PackageReq>> {
        let resolver = self.resolver.get_for_package(info);
        let chosen = self.chosen.entry(req.name.to_string()).or_default();
        let version = resolver.resolve_best_package_version_info(&req.version_req, chosen.iter()).ok()?;
        if !is_for_programs(version) || !chosen.insert(version.version.clone()) {
            return None;
        }
        if self.ahead != Ahead::Nothing
            && let Some(package) = decided(req, version)
        {
            self.downloads.spawn(download(self.shared.clone(), package, self.ahead));
        }
        let mut entries = version.dependencies_as_entries(&req.name).ok()?;
        entries.retain(|entry| entry.kind != NpmDependencyEntryKind::OptionalPeer);
        let wanted = |entry: deno_npm::registry::NpmDependencyEntry| PackageReq {
            name: entry.name,
            version_req: entry.peer_dep_version_req.unwrap_or(entry.version_req),
        };
        Some(entries.into_iter().map(wanted).collect())
    }
}

async fn download(shared: Arc<Shared>, package: LockedPackage, ahead: Ahead) -> Result<(), Error> {
    // What is there may not be needed at all: modules made of it may be there too.
    if shared.store.length(Kind::Tarball, &package.integrity).await?.is_some() {
        return Ok(());
    }
    match ahead {
        Ahead::Nothing => Ok(()),
        Ahead::Tarballs => shared.tarball(&package).await.map(drop),
        Ahead::Packages => shared.image(&package).await.map(drop),
    }
}

fn decided(req: &PackageReq, version: &NpmPackageVersionInfo) -> Option<LockedPackage> {
    let dist = version.dist.as_ref()?;
    Some(LockedPackage {
        name: req.name.to_string(),
        version: version.version.to_string(),
        integrity: integrity_of(dist)?,
        tarball: dist.tarball.clone(),
        dependencies: BTreeMap::new(),
        peers: BTreeSet::new(),
    })
}
