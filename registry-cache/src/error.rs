//! Everything that can go wrong between a manifest and a tree, one variant for each thing a caller may treat differently.
//!
//! Errors are cloned to everybody who waits for the same download, so they hold text and not sources. URLs in them have
//! lost their credentials before they come here.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::owner::words::{self, Words};
use crate::policy::Refusal;

/// What went wrong, with the package it went wrong for and, where it is known, who required that.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // The fields are explained by the message above them.
pub enum Error {
    /// A manifest is not JSON.
    #[error("{origin} is not JSON: {detail}")]
    ManifestSyntax { origin: String, detail: String },
    /// A manifest is JSON of another shape.
    #[error("{origin}: {detail}")]
    ManifestShape { origin: String, detail: String },
    /// A package name breaks npm's rules.
    #[error("{origin}: invalid package name {name:?}: {problem}")]
    PackageName {
        origin: String,
        name: String,
        #[serde(deserialize_with = "words::read")]
        problem: Words,
    },
    /// A range is neither a semver range nor a dist-tag.
    #[error("{origin}: invalid range {range:?} for package {package}: {detail}")]
    Range { origin: String, package: String, range: String, detail: String },
    /// A dependency that does not come from a registry.
    #[error(
        "{origin}: package {package} is a {kind} dependency ({specifier:?}), and only packages of a registry are supported"
    )]
    UnsupportedDependency {
        origin: String,
        package: String,
        specifier: String,
        #[serde(deserialize_with = "words::read")]
        kind: Words,
    },
    /// `overrides` cannot be understood.
    #[error("{origin}: overrides: {detail}")]
    Overrides { origin: String, detail: String },
    /// `resolutions` cannot be understood.
    #[error("{origin}: resolutions: {detail}")]
    Resolutions { origin: String, detail: String },
    /// A lock is not JSON, or JSON of another shape.
    #[error("{origin} is no lock: {detail}")]
    LockSyntax { origin: String, detail: String },
    /// A lock of a version that is not known here.
    #[error("{origin} is a lock of version {version}, and only version 1 is known")]
    LockVersion { origin: String, version: u64 },
    /// A `package-lock.json` of a version that does not say enough.
    #[error("{origin} has lockfileVersion {version}, and only 2 and 3 say which package stands where")]
    PackageLockVersion { origin: String, version: u64 },
    /// A lock holds something that no resolution can have given.
    #[error("the lock {origin} is refused: {detail}")]
    InvalidLock { origin: String, detail: String },
    /// A `package-lock.json` holds something that comes from no registry.
    #[error("{origin}: {entry} is a {kind} dependency, and only packages of a registry are supported")]
    UnsupportedLockEntry {
        origin: String,
        entry: String,
        #[serde(deserialize_with = "words::read")]
        kind: Words,
    },
    /// A `package-lock.json` does not say what a tarball is verified against.
    #[error("{origin}: {entry} has no integrity")]
    LockWithoutIntegrity { origin: String, entry: String },
    /// A lock that must fit a manifest does not.
    #[error("the lock {origin} does not fit {manifest}: {}", .differences.join("; "))]
    LockDrift { origin: String, manifest: String, differences: Vec<String> },
    /// An `.npmrc` or a registry setting cannot be understood.
    #[error("{origin}: {detail}")]
    Npmrc { origin: String, detail: String },

    /// No registry has a package of this name.
    #[error("no package named {package} at {url}{}", required_by(.chain))]
    UnknownPackage { package: String, url: String, chain: Vec<String>, similar: Vec<String> },
    /// The package exists, a version that fits does not.
    #[error("no version of {package} satisfies {requirement:?}{}{}", newest(.latest), required_by(.chain))]
    UnknownVersion { package: String, requirement: String, latest: Option<String>, chain: Vec<String> },
    /// A package requires something that does not come from a registry or cannot be parsed.
    #[error("{package} depends on {dependency}@{specifier:?}: {detail}{}", required_by(.chain))]
    UnsupportedTransitive { package: String, dependency: String, specifier: String, detail: String, chain: Vec<String> },
    /// Resolution failed in a way that has no better name.
    #[error("resolution failed: {detail}")]
    Resolution { detail: String },

    /// A registry wants other credentials (401, 403).
    #[error("{url} refused access to package {package} with status {status}")]
    RegistryDenied { package: String, url: String, status: u16 },
    /// A registry answered with a status that means nothing good, also when asked again.
    #[error("{url} answered for package {package} with status {status}")]
    RegistryStatus { package: String, url: String, status: u16 },
    /// A registry answered 200 with something that is not what was asked for.
    #[error("{url} answered for package {package} with {detail}")]
    RegistryBody { package: String, url: String, detail: String },
    /// An answer ended before its length was reached.
    #[error("{url} broke off its answer for package {package}: {detail}")]
    RegistryTruncated { package: String, url: String, detail: String },
    /// A registry did not answer in time.
    #[error("{url} did not answer for package {package} within {} s", .timeout.as_secs_f64())]
    RegistryTimeout { package: String, url: String, timeout: Duration },
    /// A registry cannot be reached.
    #[error("{url} cannot be reached for package {package}: {detail}")]
    RegistryUnreachable { package: String, url: String, detail: String },
    /// A registry is busy and asks for a longer pause than we take.
    #[error("{url} answered for package {package} with status {status} and asks to wait {} s", .wait.as_secs())]
    RegistryBusy { package: String, url: String, status: u16, wait: Duration },
    /// A registry cannot prove who it is.
    #[error("{url} has a certificate that is not trusted, for package {package}: {detail}")]
    RegistryCertificate { package: String, url: String, detail: String },
    /// A redirect that is not followed.
    #[error("{url} redirected package {package} in a way that is not followed: {detail}")]
    RegistryRedirect { package: String, url: String, detail: String },
    /// Without a connection, and not kept.
    #[error("offline, and the cache lacks {}", .missing.join(", "))]
    Offline { missing: Vec<String> },
    /// The HTTP client could not be set up (proxy, certificates).
    #[error("network settings: {detail}")]
    Network { detail: String },

    /// The registry gives neither an integrity nor a shasum.
    #[error("package {package} has no integrity at its registry{}", required_by(.chain))]
    NoIntegrity { package: String, chain: Vec<String> },
    /// The registry gives no usable tarball URL.
    #[error("package {package} has no usable tarball URL at its registry: {detail}")]
    NoTarball { package: String, detail: String },
    /// A tarball is not the one its registry announced.
    #[error("package {package} from {url} has the wrong integrity: expected {expected}, got {actual}{}", required_by(.chain))]
    Integrity { package: String, url: String, expected: String, actual: String, chain: Vec<String> },
    /// A tarball cannot be read.
    #[error("the tarball of package {package} is broken: {detail}{}", required_by(.chain))]
    Tarball { package: String, detail: String, chain: Vec<String> },
    /// A tarball holds something that is refused.
    #[error("the tarball of package {package} is refused: {path:?} {problem}{}", required_by(.chain))]
    TarballEntry {
        package: String,
        path: String,
        #[serde(deserialize_with = "words::read")]
        problem: Words,
        chain: Vec<String>,
    },

    /// The supply-chain policy refuses a package.
    #[error(transparent)]
    Policy(Box<Refusal>),
    /// A policy file cannot be understood.
    #[error("the policy {origin}: {detail}")]
    PolicyFile { origin: String, detail: String },
    /// Advisories that a policy names cannot be read.
    #[error("the advisories {}: {detail}", .path.display())]
    AdvisoryFile { path: PathBuf, detail: String },

    /// An error of another kind, and who required the package.
    #[error("{error}{}", required_by(.chain))]
    Required { error: Box<Error>, chain: Vec<String> },

    /// A bound was passed.
    #[error("{subject}: {what} is {measured}, more than the limit of {limit} ({knob})")]
    Limit {
        subject: String,
        #[serde(deserialize_with = "words::read")]
        what: Words,
        measured: u64,
        limit: u64,
        #[serde(deserialize_with = "words::read")]
        knob: Words,
    },

    /// Another process holds the cache.
    #[error("the cache {} is in use by {}", .folder.display(), holder(.pid))]
    CacheBusy { pid: Option<u32>, folder: PathBuf },
    /// The owner of the cache speaks another version of the protocol.
    #[error("{} owns the cache {} and speaks version {theirs} of the protocol, not {ours}", holder(.pid), .folder.display())]
    OwnerVersion { pid: Option<u32>, folder: PathBuf, theirs: u32, ours: u32 },
    /// The owner of the cache has other settings.
    #[error("{} owns the cache {} and has other settings: {}", holder(.pid), .folder.display(), .differs.join(", "))]
    OwnerSettings { pid: Option<u32>, folder: PathBuf, differs: Vec<String> },
    /// The owner of the cache does not answer.
    #[error("{} owns the cache {} and has said nothing for {} s", holder(.pid), .folder.display(), .waited.as_secs_f64())]
    OwnerSilent { pid: Option<u32>, folder: PathBuf, waited: Duration },
    /// The owner of the cache went away before it had answered.
    #[error("{} owned the cache {} and went away before it had answered", holder(.pid), .folder.display())]
    OwnerGone { pid: Option<u32>, folder: PathBuf },
    /// The owner of the cache says what makes no sense.
    #[error("{} owns the cache {} and does not keep to the protocol: {detail}", holder(.pid), .folder.display())]
    OwnerProtocol { pid: Option<u32>, folder: PathBuf, detail: String },
    /// Another user answers for the cache.
    #[error("user {user} answers for the cache {}", .folder.display())]
    OwnerStranger { user: u32, folder: PathBuf },
    /// The folder for the socket cannot be used or trusted.
    #[error("the folder for sockets {} cannot be used: {detail}", .folder.display())]
    OwnerFolder { folder: PathBuf, detail: String },

    /// The cache's folder cannot be made or opened.
    #[error("the cache {} cannot be opened: {detail}", .folder.display())]
    CacheFolder { folder: PathBuf, detail: String },
    /// The database cannot be read any more; what could be has been put into a new one.
    #[error("the cache's database was damaged: {detail}")]
    StoreDamaged { detail: String },
    /// There is no room for what is to be kept.
    #[error("the disk under {} is full", .path.display())]
    CacheFull { path: PathBuf },
    /// The store failed.
    #[error("the store failed: {detail}")]
    Store { detail: String },
    /// Memory for a package's files could not be had, or an image is not one of ours.
    #[error("package image: {detail}")]
    Image { detail: String },
    /// A mirror is cut off, damaged, or something else.
    #[error("this is not a whole mirror: {detail}")]
    MirrorBroken { detail: String },
    /// A mirror of a format that is not ours.
    #[error("the mirror's format has the version {found}, and only {known} is known")]
    MirrorVersion { found: u32, known: u32 },
    /// A mirror's signature is none, or of something else.
    #[error("the mirror is not signed by the key that it names ({key})")]
    MirrorSignature { key: String },
    /// A mirror is signed by somebody who is not known.
    #[error("the mirror is signed by {key}, which is not trusted")]
    MirrorUntrusted { key: String },
    /// A mirror's file cannot be read or written.
    #[error("the mirror's file: {detail}")]
    MirrorFile { detail: String },
    /// A package has no such version or tag.
    #[error("package {package} has no version {version:?} here")]
    NoSuchVersion { package: String, version: String },
    /// A package has no tarball of this name.
    #[error("package {package} has no tarball {file:?}")]
    NoSuchTarball { package: String, file: String },

    /// A graph and what is to go with it do not fit together.
    #[error("the graph is inconsistent: {detail}")]
    Graph { detail: String },
    /// A task ended without an answer.
    #[error("internal: {detail}")]
    Internal { detail: String },
}

fn required_by(chain: &[String]) -> String {
    match chain {
        [] => String::new(),
        chain => format!(", required by {}", chain.join(" > ")),
    }
}

fn newest(latest: &Option<String>) -> String {
    latest.as_ref().map(|version| format!(" (its latest is {version})")).unwrap_or_default()
}

fn holder(pid: &Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

impl Error {
    /// The stable identifier of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ManifestSyntax { .. } => "manifest-syntax",
            Self::ManifestShape { .. } => "manifest-shape",
            Self::PackageName { .. } => "invalid-package-name",
            Self::Range { .. } => "invalid-range",
            Self::UnsupportedDependency { .. } => "unsupported-dependency",
            Self::Overrides { .. } => "invalid-overrides",
            Self::Resolutions { .. } => "invalid-resolutions",
            Self::LockSyntax { .. } => "lock-syntax",
            Self::LockVersion { .. } | Self::PackageLockVersion { .. } => "lock-version",
            Self::InvalidLock { .. } => "invalid-lock",
            Self::UnsupportedLockEntry { .. } => "unsupported-lock-entry",
            Self::LockWithoutIntegrity { .. } => "lock-without-integrity",
            Self::LockDrift { .. } => "lock-drift",
            Self::Npmrc { .. } => "invalid-npmrc",
            Self::UnknownPackage { .. } => "unknown-package",
            Self::UnknownVersion { .. } => "unknown-version",
            Self::UnsupportedTransitive { .. } => "unsupported-transitive-dependency",
            Self::Resolution { .. } => "resolution-failed",
            Self::RegistryDenied { .. } => "registry-denied",
            Self::RegistryStatus { .. } => "registry-status",
            Self::RegistryBody { .. } => "registry-body",
            Self::RegistryTruncated { .. } => "registry-truncated",
            Self::RegistryTimeout { .. } => "registry-timeout",
            Self::RegistryUnreachable { .. } => "registry-unreachable",
            Self::RegistryBusy { .. } => "registry-busy",
            Self::RegistryCertificate { .. } => "registry-certificate",
            Self::RegistryRedirect { .. } => "registry-redirect",
            Self::Offline { .. } => "offline",
            Self::Network { .. } => "network-settings",
            Self::NoIntegrity { .. } => "no-integrity",
            Self::NoTarball { .. } => "no-tarball",
            Self::Integrity { .. } => "wrong-integrity",
            Self::Tarball { .. } => "broken-tarball",
            Self::TarballEntry { .. } => "refused-tarball-entry",
            Self::Policy(refusal) => refusal.code(),
            Self::PolicyFile { .. } => "invalid-policy",
            Self::AdvisoryFile { .. } => "invalid-advisories",
            Self::Required { error, .. } => error.code(),
            Self::Limit { .. } => "package-limit",
            Self::CacheBusy { .. } => "cache-busy",
            Self::OwnerVersion { .. } => "owner-version",
            Self::OwnerSettings { .. } => "owner-settings",
            Self::OwnerSilent { .. } => "owner-silent",
            Self::OwnerGone { .. } => "owner-gone",
            Self::OwnerProtocol { .. } => "owner-protocol",
            Self::OwnerStranger { .. } => "owner-stranger",
            Self::OwnerFolder { .. } => "owner-folder",
            Self::CacheFolder { .. } => "cache-folder",
            Self::StoreDamaged { .. } => "store-damaged",
            Self::CacheFull { .. } => "cache-full",
            Self::Store { .. } => "store-failed",
            Self::Image { .. } => "image-failed",
            Self::MirrorBroken { .. } => "mirror-broken",
            Self::MirrorVersion { .. } => "mirror-version",
            Self::MirrorSignature { .. } => "mirror-signature",
            Self::MirrorUntrusted { .. } => "mirror-untrusted",
            Self::MirrorFile { .. } => "mirror-file",
            Self::NoSuchVersion { .. } => "no-such-version",
            Self::NoSuchTarball { .. } => "no-such-tarball",
            Self::Graph { .. } => "graph-inconsistent",
            Self::Internal { .. } => "internal",
        }
    }

    /// What to do about it, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ManifestSyntax { .. } => "correct the JSON".to_owned(),
            Self::ManifestShape { .. } => "dependencies is an object from package names to ranges".to_owned(),
            Self::PackageName { .. } => "npm names are like lodash or @scope/name".to_owned(),
            Self::Range { .. } => "write a range such as ^1.2.3, an exact version, or a dist-tag such as latest".to_owned(),
            Self::UnsupportedDependency { .. } => {
                "name a published version instead, or npm:other-name@range for a fork under another name".to_owned()
            }
            Self::Overrides { .. } => "overrides is an object of ranges, nested by package, as npm documents it".to_owned(),
            Self::Resolutions { .. } => "resolutions is an object from package names, or paths of them as a/b and **/b, to ranges; overrides says the same for npm".to_owned(),
            Self::LockSyntax { .. } => "give the lock of an earlier answer, or a package-lock.json".to_owned(),
            Self::LockVersion { .. } | Self::InvalidLock { .. } => "resolve again without the lock, and take the new one".to_owned(),
            Self::PackageLockVersion { .. } => "npm 7 and later write a newer one: npm install --package-lock-only".to_owned(),
            Self::UnsupportedLockEntry { .. } => "publish it, or name a published version instead, and lock again".to_owned(),
            Self::LockWithoutIntegrity { .. } => "lock again from a registry that gives one: remove the file and node_modules, then npm install --package-lock-only".to_owned(),
            Self::LockDrift { .. } => "leave --frozen (\"frozen\") away, and take the new lock".to_owned(),
            Self::Npmrc { .. } => "see npm's documentation of .npmrc; a registry is an http: or https: URL".to_owned(),
            Self::UnknownPackage { similar, .. } if !similar.is_empty() => format!("did you mean {}?", similar.join(", ")),
            Self::UnknownPackage { .. } => "check the spelling and the registry; a private package needs its scope's registry and a token in .npmrc".to_owned(),
            Self::UnknownVersion { .. } => "relax the range, or override it with overrides".to_owned(),
            Self::UnsupportedTransitive { dependency, .. } => format!("replace it with overrides: {{{dependency:?}: \"<a published version>\"}}"),
            Self::RegistryDenied { .. } => "put a token for this registry's URL into .npmrc".to_owned(),
            Self::RegistryStatus { .. } | Self::RegistryTruncated { .. } | Self::RegistryTimeout { .. } => {
                "try again later, or configure another registry with npm_config_registry".to_owned()
            }
            Self::RegistryBody { .. } => "check that the configured registry is an npm registry, and that no proxy or login page answers for it".to_owned(),
            Self::RegistryUnreachable { .. } => "check the network and the proxy settings".to_owned(),
            Self::RegistryBusy { wait, .. } => format!("try again in {} s", wait.as_secs()),
            Self::RegistryCertificate { .. } => "name the authority that signed it with cafile in .npmrc, NODE_EXTRA_CA_CERTS or SSL_CERT_FILE; strict-ssl=false is not followed, because a packument has no integrity but its connection's".to_owned(),
            Self::Offline { .. } => "prewarm the cache while there is a connection, import a mirror, or leave --offline away".to_owned(),
            Self::Network { .. } => "check proxy, cafile, ca, certfile and keyfile in .npmrc, the proxy variables, NODE_EXTRA_CA_CERTS and SSL_CERT_FILE".to_owned(),
            Self::Integrity { .. } => "the registry, or something on the way to it, serves other bytes than it announced; do not work around this".to_owned(),
            Self::Policy(refusal) => refusal.hint(),
            Self::PolicyFile { .. } => "a policy is an object with releaseAge, signatures, names, lookAlikes and advisories, each an object of its settings".to_owned(),
            Self::AdvisoryFile { .. } => "advisories.file in the policy file is a file or a folder of files in OSV form: one advisory, an array of them, or one a line".to_owned(),
            Self::Required { error, .. } => return error.hint(),
            Self::Limit { knob, .. } => format!("raise {knob}"),
            Self::CacheBusy { .. } => "wait for that process, or use another cache with --cache".to_owned(),
            Self::OwnerVersion { .. } => "use the version of hoist that owns the cache, or another cache with --cache".to_owned(),
            Self::OwnerSettings { .. } => {
                "use the settings of the process that owns the cache, or another cache with --cache".to_owned()
            }
            Self::OwnerSilent { .. } | Self::OwnerGone { .. } | Self::OwnerProtocol { .. } => {
                "see whether that process is well, or use another cache with --cache".to_owned()
            }
            Self::OwnerStranger { .. } => "do not trust it; use another cache with --cache, and a XDG_RUNTIME_DIR of your own".to_owned(),
            Self::OwnerFolder { .. } => {
                "make it a folder of your own with mode 0700, or set XDG_RUNTIME_DIR to one".to_owned()
            }
            Self::CacheFolder { .. } => "use another cache with --cache".to_owned(),
            Self::StoreDamaged { .. } => "try again: what was lost is fetched again; check the disk, and pin again what was pinned".to_owned(),
            Self::CacheFull { .. } => "make room, with hoist cache gc --quota SIZE for example".to_owned(),
            Self::Store { .. } => "delete the cache's folder: everything in it can be fetched again".to_owned(),
            Self::MirrorBroken { .. } => "get the file again, as a whole and as it was written".to_owned(),
            Self::MirrorVersion { .. } => "export it with this version of hoist, or import it with that one".to_owned(),
            Self::MirrorSignature { .. } => "somebody changed the file: get it again, from who exported it".to_owned(),
            Self::MirrorUntrusted { key } => format!(
                "compare the key with what hoist mirror key prints where it was exported; then --trust {key}, or a line of it in trusted-keys of the config folder"
            ),
            Self::MirrorFile { .. } => "check the path, its permissions and the room on its disk".to_owned(),
            Self::NoSuchVersion { .. } | Self::NoSuchTarball { .. } => {
                "with a connection everything that the registry has is here; without one, prewarm or import a mirror first".to_owned()
            }
            Self::Resolution { .. }
            | Self::RegistryRedirect { .. }
            | Self::NoIntegrity { .. }
            | Self::NoTarball { .. }
            | Self::Tarball { .. }
            | Self::TarballEntry { .. }
            | Self::Image { .. }
            | Self::Graph { .. }
            | Self::Internal { .. } => return None,
        };
        Some(hint)
    }

    /// Whether the same request may succeed later, without anybody doing anything.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::RegistryStatus { status, .. } => matches!(status, 408 | 425 | 429 | 500..=599),
            Self::RegistryTruncated { .. }
            | Self::RegistryTimeout { .. }
            | Self::RegistryUnreachable { .. }
            | Self::RegistryBusy { .. } => true,
            Self::Required { error, .. } => error.may_pass(),
            _ => false,
        }
    }

    /// The packages that led here, the root's dependency first; empty where nobody knows.
    pub fn chain(&self) -> &[String] {
        match self {
            Self::UnknownPackage { chain, .. }
            | Self::UnknownVersion { chain, .. }
            | Self::UnsupportedTransitive { chain, .. }
            | Self::NoIntegrity { chain, .. }
            | Self::Integrity { chain, .. }
            | Self::Tarball { chain, .. }
            | Self::TarballEntry { chain, .. }
            | Self::Required { chain, .. } => chain,
            Self::Policy(refusal) => refusal.chain(),
            _ => &[],
        }
    }

    /// The same error, saying who required the package; unchanged where that is not part of it or is known already.
    pub(crate) fn with_chain(mut self, asked_by: Vec<String>) -> Self {
        match &mut self {
            Self::UnknownPackage { chain, .. }
            | Self::UnknownVersion { chain, .. }
            | Self::UnsupportedTransitive { chain, .. }
            | Self::NoIntegrity { chain, .. }
            | Self::Integrity { chain, .. }
            | Self::Tarball { chain, .. }
            | Self::TarballEntry { chain, .. }
                if chain.is_empty() =>
            {
                *chain = asked_by;
            }
            Self::Policy(refusal) => {
                let refusal = (**refusal).clone().with_chain(asked_by);
                return Self::Policy(Box::new(refusal));
            }
            Self::RegistryDenied { .. }
            | Self::RegistryStatus { .. }
            | Self::RegistryBody { .. }
            | Self::RegistryTruncated { .. }
            | Self::RegistryTimeout { .. }
            | Self::RegistryUnreachable { .. }
            | Self::RegistryBusy { .. }
            | Self::RegistryCertificate { .. }
            | Self::RegistryRedirect { .. }
            | Self::NoTarball { .. }
                if !asked_by.is_empty() =>
            {
                return Self::Required { error: Box::new(self), chain: asked_by };
            }
            _ => {}
        }
        self
    }

    /// The package whose packument may be at fault: it says something that the registry itself does not keep to, or lacks
    /// what is asked of it. What a cache holds of it is not to be believed.
    pub(crate) fn doubted(&self) -> Option<&str> {
        match self {
            Self::UnknownVersion { package, .. }
            | Self::NoIntegrity { package, .. }
            | Self::NoTarball { package, .. }
            | Self::Integrity { package, .. }
            | Self::Tarball { package, .. }
            | Self::TarballEntry { package, .. } => {
                // Some name a version too.
                let end = package.rfind('@').filter(|at| *at > 0).unwrap_or(package.len());
                Some(&package[..end])
            }
            Self::Required { error, .. } => error.doubted(),
            _ => None,
        }
    }
}
