//! What npm would have chosen otherwise, once a resolution is there.
//!
//! The resolver takes the newest version that a range allows. npm's choice (npm-pick-manifest) passes over deprecated ones
//! while another will do, and its tree (Arborist) takes a version that a peer wants as well as its dependents, where there
//! is one. Each package is thought about once, so this ends.

use std::collections::{BTreeMap, BTreeSet};

use deno_npm::registry::NpmPackageInfo;
use deno_npm::resolution::{NpmVersionResolver, SerializedNpmResolutionSnapshot, UnmetPeerDepDiagnostic};
use deno_semver::{Version, VersionReq};

use super::{KeptVersions, Loaded};

/// Requirements by the package and the version that they got.
type Wishes = BTreeMap<(String, Version), Vec<VersionReq>>;

/// Better versions, for the resolver to begin again with. Says whether there are any.
pub(super) fn reconsider(
    snapshot: &SerializedNpmResolutionSnapshot,
    unmet: &[UnmetPeerDepDiagnostic],
    whole: &Loaded,
    resolver: &NpmVersionResolver,
    kept: &mut KeptVersions,
) -> bool {
    let doubtful: BTreeSet<(String, Version)> = deprecated(snapshot, whole)
        .chain(unmet.iter().map(|peer| (peer.dependency.name.to_string(), peer.resolved.clone())))
        .filter(|(name, _)| !kept.is_settled(name))
        .collect();
    if doubtful.is_empty() {
        return false;
    }
    let wishes = wishes_of(snapshot, whole);
    let mut changed = false;
    for name in doubtful.iter().map(|(name, _)| name).collect::<BTreeSet<_>>() {
        let Some(info) = whole.get(name) else { continue };
        let mut versions = BTreeSet::new();
        for ((_, version), wanted) in wishes.iter().filter(|((package, _), _)| package == name) {
            match doubtful.contains(&(name.clone(), version.clone())) {
                true => versions.extend(better(info, version, wanted, resolver)),
                false => drop(versions.insert(version.clone())),
            }
        }
        let before: BTreeSet<Version> =
            wishes.keys().filter(|(package, _)| package == name).map(|(_, version)| version.clone()).collect();
        if versions != before {
            kept.settle(name, versions);
            changed = true;
        }
    }
    changed
}

fn deprecated<'a>(
    snapshot: &'a SerializedNpmResolutionSnapshot,
    whole: &'a Loaded,
) -> impl Iterator<Item = (String, Version)> + 'a {
    snapshot.packages.iter().filter_map(|package| {
        let nv = &package.id.nv;
        let info = whole.get(nv.name.as_str())?.versions.get(&nv.version)?;
        info.deprecated.as_ref().map(|_| (nv.name.to_string(), nv.version.clone()))
    })
}

fn wishes_of(snapshot: &SerializedNpmResolutionSnapshot, whole: &Loaded) -> Wishes {
    let mut wishes = Wishes::new();
    for package in &snapshot.packages {
        let nv = &package.id.nv;
        let info = whole.get(nv.name.as_str()).and_then(|info| info.versions.get(&nv.version));
        let entries = info.and_then(|info| info.dependencies_as_entries(&nv.name).ok()).unwrap_or_default();
        for entry in entries {
            let Some(found) = package.dependencies.get(&entry.bare_specifier) else { continue };
            let key = (found.nv.name.to_string(), found.nv.version.clone());
            wishes.entry(key).or_default().push(entry.peer_dep_version_req.unwrap_or(entry.version_req));
        }
    }
    wishes
}

/// One version for all of these requirements if there is one, else one for each that has one; the version they got where
/// there is nothing better.
fn better(
    info: &NpmPackageInfo,
    got: &Version,
    wanted: &[VersionReq],
    resolver: &NpmVersionResolver,
) -> BTreeSet<Version> {
    let resolver = resolver.get_for_package(info);
    let usable: BTreeSet<&Version> = resolver
        .applicable_version_infos()
        .filter(|version| version.deprecated.is_none() && !wanted.is_empty())
        .map(|version| &version.version)
        .collect();
    let fits = |version: &Version, range: &VersionReq| resolver.version_req_satisfies(range, version).unwrap_or(false);
    let newest = |ranges: &[VersionReq]| {
        let all = |version: &Version| ranges.iter().all(|range| fits(version, range));
        let latest = info.dist_tags.get("latest").filter(|latest| usable.contains(latest) && all(latest));
        latest.or_else(|| usable.iter().rev().find(|version| all(version)).copied()).cloned()
    };
    match newest(wanted) {
        Some(version) => BTreeSet::from([version]),
        None => wanted.iter().map(|range| newest(std::slice::from_ref(range)).unwrap_or_else(|| got.clone())).collect(),
    }
}
