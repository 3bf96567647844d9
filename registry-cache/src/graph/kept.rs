//! Versions that are taken before any others: those that a lock has, and those of second thoughts.
//!
//! The resolver is shown these alone of their packages. Where it says that none of them fits, it is shown the best one that
//! does as well, and begins again: what need not change does not.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use deno_npm::registry::NpmPackageInfo;
use deno_npm::resolution::NpmVersionResolver;
use deno_semver::{Version, VersionReq};

use crate::lock::Graph;

/// Versions by package. What is here is settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeptVersions(BTreeMap<String, BTreeSet<Version>>);

impl KeptVersions {
    /// The versions of a graph.
    pub(crate) fn of(graph: &Graph) -> Self {
        let mut kept: BTreeMap<String, BTreeSet<Version>> = BTreeMap::new();
        for package in graph.packages.values() {
            if let Ok(version) = Version::parse_from_npm(&package.version) {
                kept.entry(package.name.clone()).or_default().insert(version);
            }
        }
        Self(kept)
    }

    /// Whether the versions of a package were decided on before.
    pub(super) fn is_settled(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Decides on the versions of a package.
    pub(super) fn settle(&mut self, name: &str, versions: BTreeSet<Version>) {
        self.0.insert(name.to_owned(), versions);
    }

    /// What the resolver is shown of a package.
    pub(super) fn shown(&self, name: &str, whole: &Arc<NpmPackageInfo>) -> Arc<NpmPackageInfo> {
        let Some(kept) = self.0.get(name) else { return whole.clone() };
        let versions: HashMap<Version, _> =
            kept.iter().filter_map(|version| Some((version.clone(), whole.versions.get(version)?.clone()))).collect();
        let tags = whole.dist_tags.iter().filter(|(_, version)| versions.contains_key(*version));
        let tags = tags.map(|(tag, version)| (tag.clone(), version.clone())).collect();
        Arc::new(NpmPackageInfo {
            name: whole.name.clone(),
            versions: versions.into(),
            dist_tags: tags,
            // What is locked was taken before, whatever its age.
            time: HashMap::new(),
        })
    }

    /// Adds the best version for a requirement that none of those that are shown satisfies. Says whether there is one.
    pub(super) fn widen(
        &mut self,
        name: &str,
        requirement: &str,
        whole: &NpmPackageInfo,
        resolver: &NpmVersionResolver,
    ) -> bool {
        let (Some(kept), Ok(range)) = (self.0.get_mut(name), VersionReq::parse_from_npm(requirement)) else {
            return false;
        };
        let resolver = resolver.get_for_package(whole);
        let best = resolver.resolve_best_package_version_info(&range, [].iter());
        best.is_ok_and(|best| kept.insert(best.version.clone()))
    }
}
