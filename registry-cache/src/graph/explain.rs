//! What went wrong while versions were chosen, as errors of ours.
//!
//! The resolver's errors name a package and no more; [`Finder`] walks the packuments again to say who asked.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use deno_npm::registry::{NpmDependencyEntry, NpmDependencyEntryKind, NpmRegistryPackageInfoLoadError};
use deno_npm::resolution::{NpmPackageVersionResolutionError, NpmResolutionError, NpmVersionResolver};
use deno_semver::package::PackageReq;

use super::api::Api;
use super::{Loaded, age};
use crate::error::Error;
use crate::manifest::one_line;
use crate::policy::age::Ages;

/// Our error for one of the resolver's.
pub(super) fn explain(
    error: NpmResolutionError,
    api: &Api<'_>,
    roots: &BTreeMap<String, PackageReq>,
    resolver: &NpmVersionResolver,
) -> Error {
    let loaded = api.loaded.borrow();
    let whole = api.whole.borrow();
    let finder = Finder { loaded: &loaded, whole: &whole, roots, resolver, ages: api.source.ages() };
    match error {
        NpmResolutionError::Registry(failure) => {
            let name = match &failure {
                NpmRegistryPackageInfoLoadError::PackageNotExists { package_name } => package_name.clone(),
                NpmRegistryPackageInfoLoadError::LoadError(name) => name.to_string(),
            };
            match api.failed.borrow().get(&name) {
                Some(error) => error.clone().with_chain(finder.chain(&name, None)),
                None => Error::Resolution { detail: failure.to_string() },
            }
        }
        NpmResolutionError::Resolution(failure) => unresolved(&failure, &finder),
        NpmResolutionError::DependencyEntry(failure) => Error::UnsupportedTransitive {
            package: failure.parent_nv.to_string(),
            dependency: failure.key.clone(),
            specifier: failure.value.clone(),
            detail: match crate::manifest::foreign_kind(&failure.value) {
                Some(kind) => format!("a {kind} dependency, and only packages of a registry are supported"),
                None => one_line(&failure.source),
            },
            chain: finder.chain(&failure.parent_nv.name, None),
        },
    }
}

fn unresolved(failure: &NpmPackageVersionResolutionError, finder: &Finder<'_>) -> Error {
    use NpmPackageVersionResolutionError as Failure;
    if let Some(error) = age::too_young(failure, finder) {
        return error;
    }
    let unknown = |package: &str, requirement: String| Error::UnknownVersion {
        latest: finder.latest(package),
        chain: finder.chain(package, Some(&requirement)),
        package: package.to_owned(),
        requirement,
    };
    match failure {
        Failure::DistTagNotFound { dist_tag, package_name } => unknown(package_name, dist_tag.clone()),
        Failure::DistTagVersionNotFound { package_name, dist_tag, .. } => unknown(package_name, dist_tag.clone()),
        Failure::VersionReqNotMatched { package_name, version_req, .. } => {
            unknown(package_name, version_req.to_string())
        }
        Failure::VersionNotFound(missing) => unknown(&missing.0.name, missing.0.version.to_string()),
        Failure::DistTagVersionTooNew { .. } | Failure::TrustPolicyDowngrade { .. } => {
            Error::Resolution { detail: failure.to_string() }
        }
    }
}

/// Walks loaded packuments from the root, each requirement at its best version, to say who asks for a package.
pub(super) struct Finder<'a> {
    pub(super) loaded: &'a Loaded,
    /// The same, with the versions that the resolver is not shown.
    pub(super) whole: &'a Loaded,
    roots: &'a BTreeMap<String, PackageReq>,
    resolver: &'a NpmVersionResolver,
    pub(super) ages: &'a Ages,
}

/// One package on the walk, and the one that asked for it.
struct Step {
    display: String,
    asked_by: Option<Rc<Step>>,
}

impl Finder<'_> {
    fn latest(&self, name: &str) -> Option<String> {
        self.loaded.get(name)?.dist_tags.get("latest").map(ToString::to_string)
    }

    /// The way to `wanted`, itself left out; the one that asks with `range`, if any does.
    pub(super) fn chain(&self, wanted: &str, range: Option<&str>) -> Vec<String> {
        let with_range = range.and_then(|range| self.walk(wanted, Some(range)));
        with_range.or_else(|| self.walk(wanted, None)).unwrap_or_default()
    }

    fn walk(&self, wanted: &str, range: Option<&str>) -> Option<Vec<String>> {
        let mut seen = BTreeSet::new();
        let mut queue: VecDeque<(PackageReq, Option<Rc<Step>>)> =
            self.roots.values().map(|req| (req.clone(), None)).collect();
        while let Some((req, asked_by)) = queue.pop_front() {
            if req.name == wanted && range.is_none_or(|range| req.version_req.version_text() == range) {
                return Some(unwind(asked_by));
            }
            let Some((display, entries)) = self.dependencies(&req) else { continue };
            if !seen.insert(display.clone()) {
                continue;
            }
            let step = Rc::new(Step { display, asked_by });
            for entry in entries {
                queue.push_back((PackageReq { name: entry.name, version_req: entry.version_req }, Some(step.clone())));
            }
        }
        None
    }

    fn dependencies(&self, req: &PackageReq) -> Option<(String, Vec<NpmDependencyEntry>)> {
        let info = self.loaded.get(req.name.as_str())?;
        let resolver = self.resolver.get_for_package(info);
        let version = resolver.resolve_best_package_version_info(&req.version_req, [].iter()).ok()?;
        let mut entries = version.dependencies_as_entries(&req.name).unwrap_or_default();
        entries.retain(|entry| entry.kind != NpmDependencyEntryKind::OptionalPeer);
        entries.sort();
        Some((format!("{}@{}", req.name, version.version), entries))
    }
}

fn unwind(mut step: Option<Rc<Step>>) -> Vec<String> {
    let mut chain = Vec::new();
    while let Some(current) = step {
        chain.push(current.display.clone());
        step = current.asked_by.clone();
    }
    chain.reverse();
    chain
}
