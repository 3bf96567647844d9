//! Release ages while versions are chosen: what the resolver is told, what it could not find, and what was held back.
//!
//! The resolver passes over versions that are too young. A version that is old enough but requires one that is not, as
//! packages that are released together do, would make it fail; then that version is held back as well, until the one
//! that it requires is old enough. What the program itself requires is never replaced: that is refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use deno_npm::registry::NpmPackageInfo;
use deno_npm::resolution::{
    NewestDependencyDate, NewestDependencyDateOptions, NpmPackageVersionResolutionError, NpmVersionResolver,
    SerializedNpmResolutionSnapshot,
};
use deno_semver::{Version, VersionReq};

use super::Loaded;
use super::api::Api;
use super::explain::Finder;
use crate::error::Error;
use crate::policy::age::{Ages, HeldBack, date_text};
use crate::policy::{NamePattern, Refusal};

/// The rule as the resolver knows it.
pub(super) fn options(ages: &Ages) -> NewestDependencyDateOptions {
    let exempt = || ages.exempt().iter();
    NewestDependencyDateOptions {
        date: ages.general_cutoff().map(NewestDependencyDate),
        exclude: exempt().filter_map(NamePattern::package).map(Into::into).collect(),
        exclude_prefixes: exempt().filter_map(NamePattern::prefix).map(Into::into).collect(),
    }
}

/// Whether a version was not found only because those that fit are too young.
pub(super) fn is_to_blame(failure: &NpmPackageVersionResolutionError) -> bool {
    use NpmPackageVersionResolutionError as Failure;
    match failure {
        Failure::DistTagVersionTooNew { .. } => true,
        Failure::VersionReqNotMatched { newest_dependency_date, .. } => newest_dependency_date.is_some(),
        Failure::DistTagNotFound { .. }
        | Failure::DistTagVersionNotFound { .. }
        | Failure::VersionNotFound(_)
        | Failure::TrustPolicyDowngrade { .. } => false,
    }
}

/// Our error for that: of the versions that fit, it names the one that is old enough first.
pub(super) fn too_young(failure: &NpmPackageVersionResolutionError, finder: &Finder<'_>) -> Option<Error> {
    use NpmPackageVersionResolutionError as Failure;
    let (package, requirement) = match failure {
        Failure::DistTagVersionTooNew { package_name, dist_tag, .. } => {
            (package_name, VersionReq::parse_from_npm(dist_tag).ok()?)
        }
        Failure::VersionReqNotMatched { package_name, version_req, .. } => (package_name, version_req.clone()),
        Failure::DistTagNotFound { .. }
        | Failure::DistTagVersionNotFound { .. }
        | Failure::VersionNotFound(_)
        | Failure::TrustPolicyDowngrade { .. } => return None,
    };
    // The resolver may not have been shown all versions.
    let seen = if is_to_blame(failure) { finder.loaded } else { finder.whole };
    let info = seen.get(package.as_str())?;
    let cutoff = finder.ages.cutoff(package)?;
    let tagged = requirement.tag().map(|tag| info.dist_tags.get(tag));
    let fitting = info.versions.keys().filter(|version| match tagged {
        Some(tagged) => tagged == Some(version),
        None => requirement.matches(version),
    });
    // One without a date would be old enough.
    let dated: Option<Vec<_>> = fitting.map(|version| Some((version, *info.time.get(version)?))).collect();
    let (version, published) = dated?.into_iter().min_by_key(|(_, published)| *published)?;
    if published < cutoff {
        return None;
    }
    let refusal = Refusal::TooYoung {
        package: package.to_string(),
        version: version.to_string(),
        published: date_text(published),
        old_enough_at: finder.ages.old_enough_at(published),
        chain: finder.chain(package, Some(requirement.version_text())),
    };
    Some(refusal.error())
}

/// The versions that are held back because of what they require.
#[derive(Default)]
pub(super) struct Dependents {
    /// Why the first of them is: what there is to say if it cannot be.
    first: Option<Error>,
    rounds: usize,
}

impl Dependents {
    /// Holds back the version that requires what is too young, if `error` is about such. Says whether it could.
    pub(super) fn hold_back(&mut self, api: &Api<'_>, error: &Error) -> bool {
        let ages = api.source.ages();
        if self.rounds >= ages.rounds || !make_young(&mut api.loaded.borrow_mut(), ages, error) {
            return false;
        }
        self.rounds += 1;
        self.first.get_or_insert_with(|| error.clone());
        true
    }

    /// What is to blame when resolution fails with this error.
    pub(super) fn cause_of(self, error: Error) -> Error {
        self.first.unwrap_or(error)
    }
}

/// Dates the version that asked like what it asked for.
fn make_young(loaded: &mut Loaded, ages: &Ages, error: &Error) -> bool {
    let Error::Policy(refusal) = error else { return false };
    let Refusal::TooYoung { package, version, chain, .. } = refusal.as_ref() else { return false };
    let date = loaded.get(package).and_then(|info| date_of(info, version));
    let asked_by = chain.last().and_then(|display| display.rsplit_once('@'));
    let (Some(date), Some((name, asking))) = (date, asked_by) else { return false };
    let (Some(cutoff), Ok(asking)) = (ages.cutoff(name), Version::parse_from_npm(asking)) else { return false };
    match loaded.get_mut(name) {
        Some(info) if info.time.get(&asking).is_none_or(|known| *known < cutoff) => {
            Arc::make_mut(info).time.insert(asking, date);
            true
        }
        Some(_) | None => false,
    }
}

fn date_of(info: &NpmPackageInfo, version: &str) -> Option<DateTime<Utc>> {
    info.time.get(&Version::parse_from_npm(version).ok()?).copied()
}

/// The versions that requirements of the graph would have got, were they old enough.
pub(super) fn held_back(snapshot: &SerializedNpmResolutionSnapshot, loaded: &Loaded, ages: &Ages) -> Vec<HeldBack> {
    let mut held: BTreeSet<HeldBack> = BTreeSet::new();
    for package in &snapshot.packages {
        let name = package.id.nv.name.as_str();
        let info = loaded.get(name).and_then(|info| info.versions.get(&package.id.nv.version));
        for entry in info.and_then(|info| info.dependencies_as_entries(name).ok()).into_iter().flatten() {
            let (info, taken) = (loaded.get(entry.name.as_str()), package.dependencies.get(&entry.bare_specifier));
            let (Some(info), Some(taken)) = (info, taken) else { continue };
            let taken = &taken.nv.version;
            let Some((version, published)) = younger(info, &entry.version_req, taken, ages) else { continue };
            held.insert(HeldBack {
                package: entry.name.to_string(),
                version: version.to_string(),
                taken: taken.to_string(),
                old_enough_at: ages.old_enough_at(published),
            });
        }
    }
    held.into_iter().collect()
}

/// The version that a requirement would get if it were old enough, with its date, where that is not the one it got.
fn younger(
    info: &NpmPackageInfo,
    requirement: &VersionReq,
    taken: &Version,
    ages: &Ages,
) -> Option<(Version, DateTime<Utc>)> {
    let cutoff = ages.cutoff(&info.name)?;
    if info.time.values().all(|published| *published < cutoff) {
        return None;
    }
    let resolver = NpmVersionResolver::default();
    let resolver = resolver.get_for_package(info);
    let wanted = &resolver.resolve_best_package_version_info(requirement, [].iter()).ok()?.version;
    let published = *info.time.get(wanted)?;
    // What an override chose is not held back.
    (published >= cutoff && wanted > taken && fits(requirement, taken)).then(|| (wanted.clone(), published))
}

fn fits(requirement: &VersionReq, version: &Version) -> bool {
    requirement.tag().is_some() || requirement.matches(version)
}
