//! Everything that can go wrong between a manifest and a tree, one variant for each thing a caller may treat differently.
//!
//! Errors are cloned to everybody who waits for the same download, so they hold text and not sources. URLs in them have
//! lost their credentials before they come here.

use std::path::PathBuf;
use std::time::Duration;

/// What went wrong, with the package it went wrong for and, where it is known, who required that.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
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
    PackageName { origin: String, name: String, problem: &'static str },
    /// A range is neither a semver range nor a dist-tag.
    #[error("{origin}: invalid range {range:?} for package {package}: {detail}")]
    Range { origin: String, package: String, range: String, detail: String },
    /// A dependency that does not come from a registry.
    #[error(
        "{origin}: package {package} is a {kind} dependency ({specifier:?}), and only packages of a registry are supported"
    )]
    UnsupportedDependency { origin: String, package: String, specifier: String, kind: &'static str },
    /// `overrides` cannot be understood.
    #[error("{origin}: overrides: {detail}")]
    Overrides { origin: String, detail: String },
    /// An `.npmrc` or a registry setting cannot be understood.
    #[error("{origin}: {detail}")]
    Npmrc { origin: String, detail: String },

    /// No registry has a package of this name.
    #[error("no package named {package} at {url}{}", required_by(.chain))]
    UnknownPackage { package: String, url: String, chain: Vec<String> },
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
    TarballEntry { package: String, path: String, problem: &'static str, chain: Vec<String> },

    /// An error of another kind, and who required the package.
    #[error("{error}{}", required_by(.chain))]
    Required { error: Box<Error>, chain: Vec<String> },

    /// A bound was passed.
    #[error("{subject}: {what} is {measured}, more than the limit of {limit} ({knob})")]
    Limit { subject: String, what: &'static str, measured: u64, limit: u64, knob: &'static str },

    /// Another process holds the cache.
    #[error("the cache {} is in use by {}", .folder.display(), holder(.pid))]
    CacheBusy { pid: Option<u32>, folder: PathBuf },
    /// The cache's folder cannot be made or opened.
    #[error("the cache {} cannot be opened: {detail}", .folder.display())]
    CacheFolder { folder: PathBuf, detail: String },
    /// The store failed.
    #[error("the store failed: {detail}")]
    Store { detail: String },
    /// Memory for a package's files could not be had, or an image is not one of ours.
    #[error("package image: {detail}")]
    Image { detail: String },
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
            Self::Required { error, .. } => error.code(),
            Self::Limit { .. } => "package-limit",
            Self::CacheBusy { .. } => "cache-busy",
            Self::CacheFolder { .. } => "cache-folder",
            Self::Store { .. } => "store-failed",
            Self::Image { .. } => "image-failed",
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
            Self::Npmrc { .. } => "see npm's documentation of .npmrc; a registry is an http: or https: URL".to_owned(),
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
            Self::Required { error, .. } => return error.hint(),
            Self::Limit { knob, .. } => format!("raise {knob}"),
            Self::CacheBusy { .. } => "use another cache with --cache, or send the request to the server that holds this one".to_owned(),
            Self::CacheFolder { .. } => "use another cache with --cache".to_owned(),
            Self::Store { .. } => "delete the cache's folder: everything in it can be fetched again".to_owned(),
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
