//! Resolution: from a manifest to a graph, by npm's rules.
//!
//! The only file that names the resolver, `deno_npm`. It asks for packuments through [`Packuments`] and knows nothing of
//! registries or stores. Its futures are not Send, so [`resolve`] belongs on a thread of its own (see `cache.rs`). Its errors
//! name a package and no more; [`Finder`] walks the packuments again to say who asked.

mod age;
mod kept;
mod wide;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use async_trait::async_trait;
use deno_npm::NpmSystemInfo;
use deno_npm::registry::{
    NpmDependencyEntry, NpmDependencyEntryKind, NpmPackageInfo, NpmPackageVersionDistInfoIntegrity,
    NpmPackageVersionInfo, NpmRegistryApi, NpmRegistryPackageInfoLoadError,
};
use deno_npm::resolution::{
    AddPkgReqsOptions, NpmOverrides, NpmPackageVersionResolutionError, NpmResolutionError, NpmResolutionSnapshot,
    NpmVersionResolver, SerializedNpmResolutionSnapshot, SerializedNpmResolutionSnapshotPackage,
    UnmetPeerDepDiagnostic,
};
use deno_semver::package::{PackageName as SemverName, PackageReq};
use deno_semver::{Version, VersionReq};

use crate::error::Error;
use crate::lock::{Graph, LockedPackage};
use crate::manifest::{Manifest, PackageName, Requirement, one_line};
use crate::packument::Packument;
use crate::policy::age::Ages;

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
    api.loaded.borrow_mut().insert(ROOT.to_owned(), Arc::new(root));
    let version_req = VersionReq::parse_from_npm("*").expect("a constant that is a range");
    let package_reqs = [PackageReq { name: ROOT.into(), version_req }];
    let mut dependents = age::Dependents::default();
    let (snapshot, diagnostics) = loop {
        let options =
            AddPkgReqsOptions { package_reqs: &package_reqs, version_resolver: &resolver, should_dedup: true };
        let result = NpmResolutionSnapshot::default().add_pkg_reqs(&api, options, None).await;
        match result.dep_graph_result {
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

/// Packuments as the resolver wants them, each asked for once.
struct Api<'a> {
    source: &'a dyn Packuments,
    loaded: RefCell<Loaded>,
    /// The same, with the versions that the resolver is not shown.
    whole: RefCell<Loaded>,
    kept: RefCell<KeptVersions>,
    /// The resolver passes its errors on as text; ours wait here for it to be done.
    failed: RefCell<BTreeMap<String, Error>>,
    most: usize,
}

impl<'a> Api<'a> {
    fn new(source: &'a dyn Packuments, kept: KeptVersions, most: usize) -> Self {
        Self {
            source,
            loaded: RefCell::default(),
            whole: RefCell::default(),
            kept: RefCell::new(kept),
            failed: RefCell::default(),
            most,
        }
    }

    async fn load(&self, name: &str) -> Result<Arc<NpmPackageInfo>, Error> {
        let known = self.loaded.borrow().get(name).cloned();
        if let Some(info) = known {
            return Ok(info);
        }
        // Every package of a graph is a packument at least, so this bounds what a hostile registry can make us load.
        let count = self.loaded.borrow().len();
        if count > self.most {
            return Err(too_many(count, self.most));
        }
        let parsed = PackageName::parse(name).map_err(|problem| Error::PackageName {
            origin: "a package's dependencies".to_owned(),
            name: name.to_owned(),
            problem,
        })?;
        let packument = self.source.packument(&parsed).await?;
        let info = packument
            .info()
            .map_err(|detail| Error::Resolution { detail: format!("packument of {name}: {detail}") })?;
        self.whole.borrow_mut().insert(name.to_owned(), info.clone());
        let shown = self.kept.borrow().shown(name, &info);
        self.loaded.borrow_mut().insert(name.to_owned(), shown.clone());
        Ok(shown)
    }

    /// Shows the resolver one more version of the package that `error` is about. Says whether there was one to show.
    fn widen_kept(&self, error: &Error, resolver: &NpmVersionResolver) -> bool {
        let Error::UnknownVersion { package, requirement, .. } = error else { return false };
        let whole = self.whole.borrow();
        let Some(info) = whole.get(package) else { return false };
        let mut kept = self.kept.borrow_mut();
        let widened = kept.widen(package, requirement, info, resolver);
        if widened {
            self.loaded.borrow_mut().insert(package.clone(), kept.shown(package, info));
        }
        widened
    }
}

impl Api<'_> {
    /// Takes the dependency that `error` is about from every loaded package that wants it optionally. Says whether there was
    /// one.
    fn drop_optional(&self, error: &Error) -> bool {
        let (package, requirement) = match error {
            Error::UnknownPackage { package, .. } => (package, None),
            Error::UnknownVersion { package, requirement, .. } => (package, Some(requirement)),
            _ => return false,
        };
        let mut dropped = false;
        for info in self.loaded.borrow_mut().values_mut() {
            let wants = |version: &NpmPackageVersionInfo| {
                let asked = version.optional_dependencies.get(package.as_str());
                asked.is_some_and(|range| requirement.is_none_or(|wanted| range.as_str().trim() == wanted.as_str()))
            };
            if !info.versions.values().any(wants) {
                continue;
            }
            let mut without = (**info).clone();
            let mut versions: HashMap<_, _> =
                without.versions.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            for version in versions.values_mut().filter(|version| wants(version)) {
                version.optional_dependencies.remove(package.as_str());
                // npm's packuments list an optional dependency here as well.
                version.dependencies.remove(package.as_str());
            }
            without.versions = versions.into();
            *info = Arc::new(without);
            dropped = true;
        }
        dropped
    }
}

#[async_trait(?Send)]
impl NpmRegistryApi for Api<'_> {
    async fn package_info(&self, name: &str) -> Result<Arc<NpmPackageInfo>, NpmRegistryPackageInfoLoadError> {
        match self.load(name).await {
            Ok(info) => Ok(info),
            Err(error) => {
                let unknown = matches!(error, Error::UnknownPackage { .. });
                self.failed.borrow_mut().insert(name.to_owned(), error);
                Err(match unknown {
                    true => NpmRegistryPackageInfoLoadError::PackageNotExists { package_name: name.to_owned() },
                    // All that it has to carry is the key to our own error, see `explain`.
                    false => {
                        NpmRegistryPackageInfoLoadError::LoadError(Arc::new(std::io::Error::other(name.to_owned())))
                    }
                })
            }
        }
    }
}

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
        Err(failure) => Ok(is_for_age(&failure)),
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

fn locked(package: &SerializedNpmResolutionSnapshotPackage, loaded: &Loaded) -> Result<LockedPackage, Error> {
    let dist = package.dist.as_ref();
    let integrity = match dist.map(|dist| dist.integrity()) {
        Some(NpmPackageVersionDistInfoIntegrity::Integrity { algorithm, base64_hash }) => {
            format!("{algorithm}-{base64_hash}")
        }
        // `packument.rs` leaves no other form.
        _ => String::new(),
    };
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

/// Our error for one of the resolver's.
fn explain(
    error: NpmResolutionError,
    api: &Api<'_>,
    roots: &BTreeMap<String, PackageReq>,
    resolver: &NpmVersionResolver,
) -> Error {
    let loaded = api.loaded.borrow();
    let finder = Finder { loaded: &loaded, roots, resolver, ages: api.source.ages() };
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
    if let Some(error) = too_young(failure, finder) {
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

/// Whether only versions fit that are too young.
fn is_for_age(failure: &NpmPackageVersionResolutionError) -> bool {
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

fn too_young(failure: &NpmPackageVersionResolutionError, finder: &Finder<'_>) -> Option<Error> {
    use NpmPackageVersionResolutionError as Failure;
    let (package, requirement) = match failure {
        Failure::DistTagVersionTooNew { package_name, dist_tag, .. } => {
            (package_name, VersionReq::parse_from_npm(dist_tag).ok()?)
        }
        Failure::VersionReqNotMatched { package_name, version_req, newest_dependency_date: Some(_) } => {
            (package_name, version_req.clone())
        }
        Failure::VersionReqNotMatched { .. }
        | Failure::DistTagNotFound { .. }
        | Failure::DistTagVersionNotFound { .. }
        | Failure::VersionNotFound(_)
        | Failure::TrustPolicyDowngrade { .. } => return None,
    };
    let chain = finder.chain(package, Some(requirement.version_text()));
    age::too_young(package, &requirement, chain, finder.loaded, finder.ages)
}

/// Walks loaded packuments from the root, each requirement at its best version, to say who asks for a package.
struct Finder<'a> {
    loaded: &'a Loaded,
    roots: &'a BTreeMap<String, PackageReq>,
    resolver: &'a NpmVersionResolver,
    ages: &'a Ages,
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
    fn chain(&self, wanted: &str, range: Option<&str>) -> Vec<String> {
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
