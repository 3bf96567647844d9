//! Resolution: from a manifest to a graph, by npm's rules.
//!
//! The only place that names the resolver, `deno_npm`. It asks for packuments through [`Packuments`] and knows nothing of
//! registries or stores. Its futures are not Send, so [`resolve`] belongs on a thread of its own (see `cache.rs`). What
//! it is shown and how its errors are explained is in the folder of this file.

mod age;
mod api;
mod explain;
mod kept;
mod second_thoughts;
mod wide;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use deno_npm::NpmSystemInfo;
use deno_npm::registry::{
    NpmPackageInfo, NpmPackageVersionDistInfo, NpmPackageVersionDistInfoIntegrity, NpmPackageVersionInfo,
};
use deno_npm::resolution::{
    AddPkgReqsOptions, NpmOverrides, NpmResolutionSnapshot, NpmVersionResolver, SerializedNpmResolutionSnapshot,
    SerializedNpmResolutionSnapshotPackage, UnmetPeerDepDiagnostic,
};
use deno_semver::package::{PackageName as SemverName, PackageReq};
use deno_semver::{Version, VersionReq};

use crate::error::Error;
use crate::lock::{Graph, LockedPackage};
use crate::manifest::{Manifest, PackageName, Requirement, one_line};
use crate::packument::Packument;
use crate::policy::age::Ages;

use api::Api;
use explain::explain;
pub(crate) use kept::KeptVersions;
pub(crate) use wide::{Resolution, Roots};

/// What programs run on, whatever machine this is: optional dependencies for other systems are left out.
pub(crate) const OS: &str = "linux";
pub(crate) const CPU: &str = "x64";

/// The root's name among packages. No package can have it.
const ROOT: &str = ".root";
/// Sorts before everything that a name can begin with.
const FIRST: char = '\u{1}';

/// Where packuments come from.
#[async_trait(?Send)]
pub(crate) trait Packuments {
    async fn packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error>;

    /// How old versions must be.
    fn ages(&self) -> &Ages;
}

/// Resolves a manifest. `kept` versions go before others; `most` bounds the packages of the graph.
pub(crate) async fn resolve(
    manifest: &Manifest,
    kept: KeptVersions,
    source: &dyn Packuments,
    most: usize,
) -> Result<Graph, Error> {
    resolve_widely(manifest, kept, source, most, Roots::OfPrograms).await?.graph_for(OS, CPU)
}

/// Resolves a manifest for more systems than one.
pub(crate) async fn resolve_widely(
    manifest: &Manifest,
    kept: KeptVersions,
    source: &dyn Packuments,
    most: usize,
    which: Roots,
) -> Result<Resolution, Error> {
    let resolver = resolver_of(manifest, source.ages())?;
    let api = Api::new(source, kept, most);
    let roots = present_roots(manifest, &api, &resolver, which).await?;
    let mut root = root_info(&roots);
    if matches!(which, Roots::OfAllSystems) {
        wide::mark_optional(&mut root, manifest);
    }
    api.add_root(root);
    let version_req = VersionReq::parse_from_npm("*").expect("a constant that is a range");
    let package_reqs = [PackageReq { name: ROOT.into(), version_req }];
    let mut dependents = age::Dependents::default();
    let (snapshot, diagnostics) = loop {
        let options =
            AddPkgReqsOptions { package_reqs: &package_reqs, version_resolver: &resolver, should_dedup: true };
        let result = NpmResolutionSnapshot::default().add_pkg_reqs(&api, options, None).await;
        match result.dep_graph_result {
            Ok(snapshot) if api.reconsider(&snapshot, &result.unmet_peer_diagnostics, &resolver) => {}
            Ok(snapshot) => break (snapshot, result.unmet_peer_diagnostics),
            // The resolver fails for an optional dependency that cannot be had. npm goes on without it; so do we, as often
            // as there is one to leave out.
            Err(error) => match explain(error, &api, &roots, &resolver) {
                error
                    if api.widen_kept(&error, &resolver)
                        || api.drop_optional(&error)
                        || dependents.hold_back(&api, &error) => {}
                error => return Err(dependents.cause_of(error)),
            },
        }
    };
    let warnings = warnings_of(&diagnostics);
    Ok(Resolution { snapshot, loaded: api.loaded.into_inner(), ages: source.ages().clone(), warnings, most })
}

/// What a walk ahead of the resolver begins with.
pub(crate) fn beginning(manifest: &Manifest, ages: &Ages) -> Result<(Vec<PackageReq>, NpmVersionResolver), Error> {
    let roots = manifest.dependencies.values().map(package_req).collect::<Result<_, _>>()?;
    Ok((roots, resolver_of(manifest, ages)?))
}

fn resolver_of(manifest: &Manifest, ages: &Ages) -> Result<NpmVersionResolver, Error> {
    Ok(NpmVersionResolver {
        overrides: Arc::new(overrides_of(manifest)?),
        newest_dependency_date_options: age::options(ages),
        ..NpmVersionResolver::default()
    })
}

/// Whether a version is for the system that programs run on.
pub(crate) fn is_for_programs(version: &NpmPackageVersionInfo) -> bool {
    let system = deno_npm::NpmResolutionPackageSystemInfo { os: version.os.clone(), cpu: version.cpu.clone() };
    system.matches_system(&system_of_programs())
}

fn system_of_programs() -> NpmSystemInfo {
    NpmSystemInfo { os: OS.into(), cpu: CPU.into() }
}

fn too_many(measured: usize, most: usize) -> Error {
    Error::Limit {
        subject: "the graph".to_owned(),
        what: "its number of packages",
        measured: measured as u64,
        limit: most as u64,
        knob: "limits.graph_packages",
    }
}

/// Packuments by name.
type Loaded = HashMap<String, Arc<NpmPackageInfo>>;

/// The root's requirements as the resolver wants them, without optional ones that cannot be had (npm's
/// "optionalDependencies").
async fn present_roots(
    manifest: &Manifest,
    api: &Api<'_>,
    resolver: &NpmVersionResolver,
    which: Roots,
) -> Result<BTreeMap<String, PackageReq>, Error> {
    let mut roots = BTreeMap::new();
    for (alias, requirement) in &manifest.dependencies {
        let req = package_req(requirement)?;
        if requirement.optional && !is_available(&req, api, resolver, which).await? {
            continue;
        }
        roots.insert(alias.as_str().to_owned(), req);
    }
    Ok(roots)
}

fn package_req(requirement: &Requirement) -> Result<PackageReq, Error> {
    let version_req = VersionReq::parse_from_npm(&requirement.range).map_err(|error| Error::Range {
        origin: requirement.origin.clone(),
        package: requirement.package.to_string(),
        range: requirement.range.clone(),
        detail: one_line(&error),
    })?;
    Ok(PackageReq { name: requirement.package.as_str().into(), version_req })
}

async fn is_available(
    req: &PackageReq,
    api: &Api<'_>,
    resolver: &NpmVersionResolver,
    which: Roots,
) -> Result<bool, Error> {
    let shown = match api.load(&req.name).await {
        Ok(info) => info,
        Err(Error::UnknownPackage { .. }) => return Ok(false),
        Err(error) => return Err(error),
    };
    let info = api.whole.borrow().get(req.name.as_str()).cloned().unwrap_or(shown);
    let resolver = resolver.get_for_package(&info);
    match resolver.resolve_best_package_version_info(&req.version_req, [].iter()) {
        Ok(version) => Ok(matches!(which, Roots::OfAllSystems) || is_for_programs(version)),
        // It can be had, only not yet: that is not passed over in silence.
        Err(failure) => Ok(age::is_to_blame(&failure)),
    }
}

fn overrides_of(manifest: &Manifest) -> Result<NpmOverrides, Error> {
    let Some(value) = &manifest.overrides else { return Ok(NpmOverrides::default()) };
    let problem = |detail: String| Error::Overrides { origin: manifest.origin.clone(), detail };
    // `$name` in an override stands for what the root itself requires.
    let roots = manifest
        .dependencies
        .iter()
        .map(|(alias, requirement)| {
            let text = requirement.specifier(alias);
            (SemverName::from_str(alias.as_str()), text.as_str().into())
        })
        .collect();
    if let Some(specifier) = foreign_override(value) {
        return Err(problem(format!("{specifier:?} does not come from a registry")));
    }
    NpmOverrides::from_value(value.clone(), &roots, &Default::default()).map_err(|error| problem(one_line(&error)))
}

/// The first override that is a git, file or URL requirement.
fn foreign_override(value: &serde_json::Value) -> Option<String> {
    match value {
        serde_json::Value::String(text) => {
            let plain = !text.starts_with("npm:") && !text.starts_with('$');
            (plain && crate::manifest::foreign_kind(text).is_some()).then(|| text.clone())
        }
        serde_json::Value::Object(entries) => entries.values().find_map(foreign_override),
        _ => None,
    }
}

/// The root as a package. The resolver knows its own roots by their packages' names alone, and would give a peer of one of
/// them to whatever alias has the newest version; the dependencies of a package it knows by what they are called.
fn root_info(roots: &BTreeMap<String, PackageReq>) -> NpmPackageInfo {
    let version = Version::parse_from_npm("1.0.0").expect("a constant that is a version");
    let mut info = NpmPackageVersionInfo { version: version.clone(), ..NpmPackageVersionInfo::default() };
    for (alias, req) in roots {
        let range = match req.name == alias.as_str() {
            true => req.version_req.version_text().to_owned(),
            false => format!("npm:{}@{}", req.name, req.version_req.version_text()),
        };
        // It enters each dependency under its package's name too, in order, over what is there already. An alias of a
        // package that has its own name beside it must therefore come first.
        let beside = req.name != alias.as_str() && roots.get(req.name.as_str()).is_some_and(|own| own.name == req.name);
        let key = if beside { format!("{FIRST}{alias}") } else { alias.clone() };
        info.dependencies.insert(key.as_str().into(), range.as_str().into());
    }
    NpmPackageInfo {
        name: ROOT.into(),
        versions: HashMap::from([(version, info)]).into(),
        dist_tags: HashMap::new(),
        time: HashMap::new(),
    }
}

fn graph_of(snapshot: &SerializedNpmResolutionSnapshot, loaded: &Loaded) -> Result<Graph, Error> {
    let mut graph = Graph::default();
    for package in &snapshot.packages {
        if package.id.nv.name == ROOT {
            for (alias, id) in &package.dependencies {
                let alias = alias.strip_prefix(FIRST).unwrap_or(alias);
                graph.root.insert(alias.to_owned(), id.as_serialized().to_string());
            }
        } else {
            graph.packages.insert(package.id.as_serialized().to_string(), locked(package, loaded)?);
        }
    }
    graph.prune();
    if !graph.is_closed() {
        return Err(Error::Resolution { detail: "the resolver left out a package that it names".to_owned() });
    }
    graph.merge_equal();
    for (id, package) in &graph.packages {
        let problem = match (package.integrity.is_empty(), package.tarball.is_empty()) {
            (true, _) => Error::NoIntegrity { package: package.display(), chain: graph.chain(id) },
            (false, true) => Error::NoTarball { package: package.display(), detail: "there is none".to_owned() },
            (false, false) => continue,
        };
        return Err(problem);
    }
    Ok(graph)
}

/// The integrity of a version in SRI form.
pub(crate) fn integrity_of(dist: &NpmPackageVersionDistInfo) -> Option<String> {
    match dist.integrity() {
        NpmPackageVersionDistInfoIntegrity::Integrity { algorithm, base64_hash } => {
            Some(format!("{algorithm}-{base64_hash}"))
        }
        _ => None,
    }
}

fn locked(package: &SerializedNpmResolutionSnapshotPackage, loaded: &Loaded) -> Result<LockedPackage, Error> {
    let dist = package.dist.as_ref();
    // `packument.rs` leaves no other form.
    let integrity = dist.and_then(integrity_of).unwrap_or_default();
    let info = loaded.get(package.id.nv.name.as_str()).and_then(|info| info.versions.get(&package.id.nv.version));
    let peers: Vec<String> =
        info.iter().flat_map(|info| info.peer_dependencies.keys()).map(ToString::to_string).collect();
    let mut dependencies = BTreeMap::new();
    for (alias, id) in &package.dependencies {
        let alias = PackageName::parse(alias).map_err(|problem| Error::PackageName {
            origin: format!("the dependencies of {}", package.id.nv),
            name: alias.to_string(),
            problem,
        })?;
        dependencies.insert(alias.as_str().to_owned(), id.as_serialized().to_string());
    }
    Ok(LockedPackage {
        name: package.id.nv.name.to_string(),
        version: package.id.nv.version.to_string(),
        integrity,
        tarball: dist.map(|dist| dist.tarball.clone()).unwrap_or_default(),
        peers: peers.into_iter().filter(|alias| dependencies.contains_key(alias)).collect(),
        dependencies,
    })
}

fn warnings_of(diagnostics: &[UnmetPeerDepDiagnostic]) -> Vec<String> {
    let sentences: BTreeSet<String> = diagnostics
        .iter()
        .map(|diagnostic| {
            let asked_by: Vec<String> =
                diagnostic.ancestors.iter().rev().filter(|nv| nv.name != ROOT).map(ToString::to_string).collect();
            format!(
                "{} wants the peer {} but finds {}",
                asked_by.join(" > "),
                diagnostic.dependency,
                diagnostic.resolved
            )
        })
        .collect();
    sentences.into_iter().collect()
}
