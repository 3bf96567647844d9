//! Packuments as the resolver sees them: which versions it is shown, and what of them it is not to know.
//!
//! The resolver's own choice is steered by this alone: a version that is not shown is not chosen.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use deno_npm::registry::{NpmPackageInfo, NpmPackageVersionInfo, NpmRegistryApi, NpmRegistryPackageInfoLoadError};
use deno_npm::resolution::{NpmResolutionSnapshot, NpmVersionResolver, UnmetPeerDepDiagnostic};

use super::{KeptVersions, Loaded, Packuments, ROOT, second_thoughts, system_of_programs, too_many};
use crate::error::Error;
use crate::manifest::PackageName;

/// Packuments as the resolver wants them, each asked for once.
pub(super) struct Api<'a> {
    pub(super) source: &'a dyn Packuments,
    pub(super) loaded: RefCell<Loaded>,
    /// The same, with the versions that the resolver is not shown.
    pub(super) whole: RefCell<Loaded>,
    kept: RefCell<KeptVersions>,
    /// The resolver passes its errors on as text; ours wait here for it to be done.
    pub(super) failed: RefCell<BTreeMap<String, Error>>,
    most: usize,
}

impl<'a> Api<'a> {
    pub(super) fn new(source: &'a dyn Packuments, kept: KeptVersions, most: usize) -> Self {
        Self {
            source,
            loaded: RefCell::default(),
            whole: RefCell::default(),
            kept: RefCell::new(kept),
            failed: RefCell::default(),
            most,
        }
    }

    pub(super) fn add_root(&self, info: NpmPackageInfo) {
        let info = Arc::new(info);
        self.whole.borrow_mut().insert(ROOT.to_owned(), info.clone());
        self.loaded.borrow_mut().insert(ROOT.to_owned(), info);
    }

    pub(super) async fn load(&self, name: &str) -> Result<Arc<NpmPackageInfo>, Error> {
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

    /// Settles on other versions where npm would. Says whether there are any.
    pub(super) fn reconsider(
        &self,
        snapshot: &NpmResolutionSnapshot,
        unmet: &[UnmetPeerDepDiagnostic],
        resolver: &NpmVersionResolver,
    ) -> bool {
        let serialized = snapshot.as_valid_serialized_for_system(&system_of_programs()).into_serialized();
        let (mut kept, whole) = (self.kept.borrow_mut(), self.whole.borrow());
        if !second_thoughts::reconsider(&serialized, unmet, &whole, resolver, &mut kept) {
            return false;
        }
        let mut loaded = self.loaded.borrow_mut();
        for (name, info) in whole.iter().filter(|(name, _)| kept.is_settled(name)) {
            loaded.insert(name.clone(), kept.shown(name, info));
        }
        true
    }

    /// Shows the resolver one more version of the package that `error` is about. Says whether there was one to show.
    pub(super) fn widen_kept(&self, error: &Error, resolver: &NpmVersionResolver) -> bool {
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
    pub(super) fn drop_optional(&self, error: &Error) -> bool {
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
