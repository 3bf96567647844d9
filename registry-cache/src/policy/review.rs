//! What is asked of a graph when its versions are known, before anything in it is used.
//!
//! [`check_known`] needs nothing but the graph, so a lock that somebody gives is asked it too. [`review`] needs what a
//! registry says, so it is for what was resolved just now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::advisory::AdvisoryIndex;
use super::age::date_text;
use super::look_alike::model_of;
use super::signature::{Published, RegistryKeys, Verdict};
use super::{LookAlikeMode, Policy, Refusal, SignatureMode, name_pattern};
use crate::error::Error;
use crate::lock::{Graph, LockedPackage};
use crate::manifest::PackageName;
use crate::packument::Packument;

/// What registries say about packages.
#[async_trait(?Send)]
pub(crate) trait Evidence {
    /// The packument that a version was chosen from.
    async fn packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error>;

    /// The packument with everything that its registry says.
    async fn full_packument(&self, name: &PackageName) -> Result<Arc<Packument>, Error>;

    /// Which registry a package is from, as text that tells one from another.
    fn registry_of(&self, package: &str) -> String;

    /// Whether a package's scope has a registry of its own.
    fn has_own_registry(&self, package: &str) -> bool;

    /// The keys of a package's registry.
    async fn keys(&self, package: &str, wanted: KeysWanted) -> Result<KeysFound, Error>;

    fn now(&self) -> DateTime<Utc>;
}

/// How new keys must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeysWanted {
    /// As new as what is cached usually is.
    Usual,
    /// Asked for after the ones that are known.
    Newer,
}

/// What is known of a registry's keys.
#[derive(Clone, Debug)]
pub(crate) enum KeysFound {
    /// These.
    Keys(Arc<RegistryKeys>),
    /// It has none.
    Without,
    /// Nobody could ask.
    Offline,
}

/// The rules `names` and `advisories`, for any graph. Adds warnings.
pub(crate) fn check_known(graph: &mut Graph, policy: &Policy, index: &AdvisoryIndex) -> Result<(), Error> {
    let mut warnings: BTreeSet<String> = BTreeSet::new();
    for (id, package) in &graph.packages {
        let asked_by = || graph.chain(id);
        policy.check_name(&package.name).map_err(|error| error.with_chain(asked_by()))?;
        let Some(rule) = &policy.advisories else { continue };
        for advisory in index.about(package) {
            let fixed = advisory.fixed_after(&package.version);
            if advisory.severity >= rule.refuse {
                let refusal = Refusal::Advisory {
                    package: package.display(),
                    id: advisory.id.clone(),
                    severity: advisory.severity.name(),
                    summary: advisory.summary.clone(),
                    fixed,
                    chain: asked_by(),
                };
                return Err(refusal.error());
            }
            let fixed = fixed.map_or_else(String::new, |version| format!("; fixed in {version}"));
            let (id, severity, summary) = (&advisory.id, advisory.severity.name(), &advisory.summary);
            warnings.insert(format!("{} has the advisory {id} ({severity}): {summary}{fixed}", package.display()));
        }
    }
    graph.warnings.extend(warnings);
    Ok(())
}

/// The rules `lookAlikes` and `signatures`, for a graph that was resolved just now. Adds warnings.
pub(crate) async fn review(graph: &mut Graph, policy: &Policy, evidence: &dyn Evidence) -> Result<(), Error> {
    let mut warnings: BTreeSet<String> = BTreeSet::new();
    let mut signatures = SignatureReview { policy, evidence, keys: BTreeMap::new(), warnings: BTreeSet::new() };
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for (id, package) in &graph.packages {
        if !seen.insert(package.display()) {
            continue;
        }
        let reviewed = async {
            warnings.extend(look_alike(package, policy, evidence).await?);
            signatures.review(package).await
        };
        reviewed.await.map_err(|error: Error| error.with_chain(graph.chain(id)))?;
    }
    warnings.append(&mut signatures.warnings);
    graph.warnings.extend(warnings);
    Ok(())
}

/// The rule `lookAlikes` for one package. Gives back a warning.
async fn look_alike(
    package: &LockedPackage,
    policy: &Policy,
    evidence: &dyn Evidence,
) -> Result<Option<String>, Error> {
    let (rule, name) = (&policy.look_alikes, &package.name);
    if rule.mode == LookAlikeMode::Off || name_pattern::any(&rule.exclude, name) || evidence.has_own_registry(name) {
        return Ok(None);
    }
    let Some(like) = model_of(name) else { return Ok(None) };
    let parsed = parsed(name)?;
    let created = match rule.mode {
        LookAlikeMode::Refuse => evidence.full_packument(&parsed).await?.created(),
        LookAlikeMode::Warn | LookAlikeMode::Off => None,
    };
    let young = TimeDelta::from_std(rule.young).unwrap_or(TimeDelta::MAX);
    match created {
        Some(created) if evidence.now().signed_duration_since(created) < young => {
            let (package, like) = (name.clone(), like.to_owned());
            Err(Refusal::LookAlike { package, like, published: date_text(created), chain: Vec::new() }.error())
        }
        Some(_) | None => {
            Ok(Some(format!("package {name} looks like {like}, which is far better known; is the name right?")))
        }
    }
}

/// The rule `signatures`.
struct SignatureReview<'a> {
    policy: &'a Policy,
    evidence: &'a dyn Evidence,
    /// By registry.
    keys: BTreeMap<String, KeysFound>,
    warnings: BTreeSet<String>,
}

impl SignatureReview<'_> {
    async fn review(&mut self, package: &LockedPackage) -> Result<(), Error> {
        let rule = &self.policy.signatures;
        if rule.mode == SignatureMode::Off || name_pattern::any(&rule.exclude, &package.name) {
            return Ok(());
        }
        let packument = self.evidence.packument(&parsed(&package.name)?).await?;
        let signatures = packument.signatures(&package.version);
        let missing = |problem: &str| match rule.mode {
            SignatureMode::Require => {
                let problem = problem.to_owned();
                Err(Refusal::Unsigned { package: package.display(), problem, chain: Vec::new() }.error())
            }
            SignatureMode::Verify | SignatureMode::Off => Ok(()),
        };
        if signatures.is_empty() {
            return missing("it has no signature");
        }
        match self.keys_of(package, KeysWanted::Usual).await? {
            KeysFound::Keys(keys) => {
                for signature in &signatures {
                    self.verify(package, &packument, signature, &keys).await?;
                }
                Ok(())
            }
            KeysFound::Without => missing("its registry publishes no keys"),
            KeysFound::Offline => {
                let registry = self.evidence.registry_of(&package.name);
                self.warnings.insert(format!("signatures were not verified: the cache lacks the keys {registry}"));
                missing("the cache lacks its registry's keys, and nobody can be asked for them")
            }
        }
    }

    async fn verify(
        &mut self,
        package: &LockedPackage,
        packument: &Packument,
        signature: &crate::packument::Signature,
        keys: &RegistryKeys,
    ) -> Result<(), Error> {
        let message = format!("{}:{}", package.display(), package.integrity);
        let now = self.evidence.now();
        let published = published(packument, &package.version);
        let verdict = match keys.verify(&message, signature, published, now) {
            Verdict::UnknownKey => match self.keys_of(package, KeysWanted::Newer).await? {
                KeysFound::Keys(newer) => newer.verify(&message, signature, published, now),
                KeysFound::Without | KeysFound::Offline => Verdict::UnknownKey,
            },
            Verdict::Undated => {
                let full = self.evidence.full_packument(&parsed(&package.name)?).await?;
                keys.verify(&message, signature, self::published(&full, &package.version), now)
            }
            verdict @ (Verdict::Right | Verdict::Wrong(_)) => verdict,
        };
        match verdict {
            Verdict::Right => Ok(()),
            Verdict::Wrong(problem) => Err(refused(package, problem)),
            Verdict::UnknownKey => Err(refused(package, format!("its registry has no key {}", signature.keyid))),
            Verdict::Undated => Err(refused(
                package,
                format!(
                    "the key {} has expired, and the registry does not say when the version was published",
                    signature.keyid
                ),
            )),
        }
    }

    async fn keys_of(&mut self, package: &LockedPackage, wanted: KeysWanted) -> Result<KeysFound, Error> {
        let registry = self.evidence.registry_of(&package.name);
        match self.keys.get(&registry) {
            Some(found) if wanted == KeysWanted::Usual => return Ok(found.clone()),
            Some(_) | None => {}
        }
        let found = self.evidence.keys(&package.name, wanted).await?;
        self.keys.insert(registry, found.clone());
        Ok(found)
    }
}

/// When a version was published, or by when at the latest: a package that did not change since has no newer version.
fn published(packument: &Packument, version: &str) -> Published {
    match (packument.published(version), packument.modified()) {
        (Some(date), _) => Published::At(date),
        (None, Some(date)) => Published::By(date),
        (None, None) => Published::Unknown,
    }
}

fn refused(package: &LockedPackage, problem: String) -> Error {
    Refusal::Signature { package: package.display(), problem, chain: Vec::new() }.error()
}

fn parsed(name: &str) -> Result<PackageName, Error> {
    let problem = |problem| Error::PackageName { origin: "the graph".to_owned(), name: name.to_owned(), problem };
    PackageName::parse(name).map_err(problem)
}
