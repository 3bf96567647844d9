//! Which registry a package comes from, and which credentials belong to which URL.
//!
//! `npmrc_text.rs` reads the settings; which registry and which tarball URL they mean is `deno_npmrc`'s to say. Of all
//! code only this sees a credential. [`Registries::authorization`] is asked for every URL anew, redirects included, so
//! a credential cannot follow a request to another host. Nothing here prints one: `Debug` is written by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use deno_npmrc::{NPM_DEFAULT_REGISTRY, NpmRc, NpmRegistryUrl, RegistryConfig, ReplaceRegistryHost, ResolvedNpmRc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use url::Url;

use crate::error::Error;
use crate::manifest::PackageName;
use crate::npmrc_network::at_home;
use crate::npmrc_text::Settings;

/// The characters of a name that stand for themselves in a packument's URL; the slash of a scope does not.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'!')
    .remove(b'@')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*');

/// The registries of a request, with their credentials.
#[derive(Clone)]
pub struct Registries {
    resolved: ResolvedNpmRc,
}

/// A certificate that says who we are, and its key: two PEM files.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ClientCertificate {
    pub(crate) certfile: PathBuf,
    pub(crate) keyfile: PathBuf,
}

impl Registries {
    /// Reads `.npmrc` texts, the nearest first, each with where it comes from. `environment` is what `${NAME}` and
    /// settings such as `npm_config_registry` are looked up in.
    pub fn parse(npmrc_texts: &[(String, String)], environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let settings = Settings::read(npmrc_texts, environment);
        let rc = rc_of(&settings, environment);
        let labels = npmrc_texts.iter().map(|(origin, _)| origin.as_str()).chain(["npm_config_registry"]);
        let labels = labels.collect::<Vec<_>>().join(", ");
        for text in rc.registry.iter().chain(rc.scope_registries.values()) {
            check_url(text, &labels)?;
        }
        for (prefix, config) in &rc.registry_configs {
            if header_of(config).is_some_and(|header| !is_header(&header)) {
                let detail = format!("a credential of {prefix} holds characters that cannot be sent");
                return Err(Error::Npmrc { origin: labels, detail });
            }
        }
        let resolved = rc
            .as_resolved(&npm_registry())
            .map_err(|error| Error::Npmrc { origin: labels, detail: error.to_string() })?;
        Ok(Self { resolved })
    }

    /// The URL of a package's packument.
    pub(crate) fn packument_url(&self, name: &PackageName) -> Result<Url, Error> {
        let registry = self.resolved.get_registry_url(name.as_str());
        let path = format!("{}/{}", registry.path().trim_end_matches('/'), utf8_percent_encode(name.as_str(), IN_URL));
        let mut url = registry.clone();
        url.set_path(&path);
        Ok(without_credentials(url))
    }

    /// The package whose packument is at this URL.
    pub(crate) fn package_of_url(&self, url: &str) -> Option<String> {
        let name = decode(url.rsplit('/').next()?);
        let parsed = PackageName::parse(&name).ok()?;
        (self.packument_url(&parsed).ok()?.as_str() == url).then_some(name)
    }

    /// The URL of the keys that a package's registry signs with (npm's "About ECDSA registry signatures").
    pub(crate) fn keys_url(&self, package: &str) -> Url {
        let registry = self.resolved.get_registry_url(package);
        let mut url = registry.clone();
        url.set_path(&format!("{}/-/npm/v1/keys", registry.path().trim_end_matches('/')));
        without_credentials(url)
    }

    /// The scopes that have a registry of their own, as `@scope`.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = String> {
        self.resolved.scopes.keys().map(|scope| format!("@{}", scope.trim_start_matches('@')))
    }

    /// The URL that a package's tarball is fetched from, given the one in its packument.
    pub(crate) fn tarball_url(&self, name: &str, announced: &str) -> Result<Url, Error> {
        let problem = |detail: &str| Error::NoTarball { package: name.to_owned(), detail: detail.to_owned() };
        let url = Url::parse(announced).map_err(|_| problem("it is not a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(problem("it is not an http: or https: URL"));
        }
        Ok(without_credentials(self.resolved.replace_tarball_url(url, name)))
    }

    /// Whether a tarball's URL is at the very registry that its package is configured to come from.
    pub(crate) fn is_own_tarball(&self, name: &str, announced: &str) -> bool {
        let registry = self.resolved.get_registry_url(name);
        self.tarball_url(name, announced).is_ok_and(|url| same_origin(&url, registry))
    }

    /// The `Authorization` header for one URL, when a credential belongs to it.
    pub(crate) fn authorization(&self, url: &Url, package: &str) -> Option<String> {
        let registry = self.resolved.get_registry_url(package);
        // npm's credentials name no scheme. One that goes to an https: registry must not be had by a plain http: URL
        // of the same host that a packument or a redirect names.
        if url.scheme() == "http" && !(registry.scheme() == "http" && same_origin(url, registry)) {
            return None;
        }
        if let Some(config) = self.resolved.tarball_config_for_package(url, package)
            && let Some(header) = header_of(config)
        {
            return Some(header);
        }
        // `https://user:password@host/`: the registry's own URL holds the credential.
        let own = same_origin(url, registry) && !registry.username().is_empty();
        own.then(|| basic(&decode(registry.username()), &decode(registry.password().unwrap_or_default())))
    }

    /// The certificate of ours that this URL's registry asks for.
    pub(crate) fn client_certificate(&self, url: &Url) -> Option<ClientCertificate> {
        let config = self.resolved.tarball_config(url).filter(|_| url.scheme() == "https")?;
        certificate_of(config)
    }

    /// All of them.
    pub(crate) fn client_certificates(&self) -> Vec<ClientCertificate> {
        let all: BTreeSet<_> =
            self.resolved.registry_configs.values().filter_map(|config| certificate_of(config)).collect();
        all.into_iter().collect()
    }

    /// A hash of everything that decides where packages come from. Credentials are not part of it.
    pub(crate) fn fingerprint(&self) -> String {
        let mut scopes: Vec<String> = self
            .resolved
            .scopes
            .iter()
            .map(|(scope, config)| format!("{scope}={}", without_credentials(config.registry_url.clone())))
            .collect();
        scopes.sort();
        let default = without_credentials(self.resolved.default_config.registry_url.clone());
        let text = format!("{default}\n{:?}\n{}", self.resolved.replace_registry_host, scopes.join("\n"));
        format!("{:x}", Sha256::digest(text))
    }

    /// A hash of the credentials and what they belong to.
    pub(crate) fn credentials_fingerprint(&self) -> String {
        let mut texts: Vec<String> = self
            .resolved
            .registry_configs
            .iter()
            .map(|(prefix, config)| format!("{prefix:?} {:?}", header_of(config)))
            .collect();
        // A registry's own URL can hold one.
        let scoped = self.resolved.scopes.values().map(|config| &config.registry_url);
        texts.extend(scoped.chain([&self.resolved.default_config.registry_url]).map(Url::to_string));
        texts.sort();
        format!("{:x}", Sha256::digest(texts.join("\n")))
    }
}

impl fmt::Debug for Registries {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scopes: BTreeMap<&String, String> = self
            .resolved
            .scopes
            .iter()
            .map(|(scope, config)| (scope, without_credentials(config.registry_url.clone()).to_string()))
            .collect();
        formatter
            .debug_struct("Registries")
            .field("default", &without_credentials(self.resolved.default_config.registry_url.clone()).as_str())
            .field("scopes", &scopes)
            .field("credentials", &self.resolved.registry_configs.len())
            .finish()
    }
}

impl Default for Registries {
    /// npm's own registry, without credentials.
    fn default() -> Self {
        Self { resolved: NpmRc::default().as_resolved(&npm_registry()).expect("no setting, so no bad one") }
    }
}

fn npm_registry() -> NpmRegistryUrl {
    NpmRegistryUrl { url: Url::parse(NPM_DEFAULT_REGISTRY).expect("a constant that is a URL"), from_env: false }
}

/// The URL without what must not be printed or sent twice.
pub(crate) fn without_credentials(mut url: Url) -> Url {
    // These fail only for URLs without a host, which hold no credentials either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// What the settings say of registries. A prefix without a whole credential hides no shorter one that has one, as
/// npm-registry-fetch has it.
fn rc_of(settings: &Settings, environment: &BTreeMap<String, String>) -> NpmRc {
    let mut rc = NpmRc {
        registry: settings.text("registry").map(str::to_owned),
        replace_registry_host: settings.text("replace-registry-host").map(replaced_host),
        ..NpmRc::default()
    };
    let mut configs: BTreeMap<String, RegistryConfig> = BTreeMap::new();
    for (key, value) in settings.iter() {
        let Some((left, field)) = key.rsplit_once(':') else { continue };
        if let Some(scope) = left.strip_prefix('@').filter(|_| field == "registry") {
            rc.scope_registries.insert(scope.to_owned(), value.to_owned());
        }
        let Some(prefix) = left.strip_prefix("//") else { continue };
        let config = configs.entry(prefix.to_owned()).or_default();
        let path = || Some(at_home(value, environment).to_string_lossy().into_owned());
        match field {
            "_auth" => config.auth = Some(value.to_owned()),
            "_authToken" => config.auth_token = Some(value.to_owned()),
            "username" => config.username = Some(value.to_owned()),
            "_password" => config.password = Some(value.to_owned()),
            "certfile" => config.certfile = path(),
            "keyfile" => config.keyfile = path(),
            _ => {}
        }
    }
    configs.retain(|_, config| header_of(config).is_some() || certificate_of(config).is_some());
    rc.registry_configs = configs.into_iter().map(|(prefix, config)| (prefix, Arc::new(config))).collect();
    rc
}

/// npm's `replace-registry-host`: a word, a host, or a URL.
fn replaced_host(value: &str) -> ReplaceRegistryHost {
    match value {
        "npmjs" => ReplaceRegistryHost::NpmJs,
        "never" => ReplaceRegistryHost::Never,
        "always" => ReplaceRegistryHost::Always,
        other => match Url::parse(other) {
            Ok(url) if url.has_host() => ReplaceRegistryHost::Url(url),
            _ => ReplaceRegistryHost::Hostname(other.to_owned()),
        },
    }
}

fn certificate_of(config: &RegistryConfig) -> Option<ClientCertificate> {
    let (certfile, keyfile) = (config.certfile.as_ref()?, config.keyfile.as_ref()?);
    Some(ClientCertificate { certfile: certfile.into(), keyfile: keyfile.into() })
}

/// What an HTTP header can hold (RFC 9110, section 5.5), without the characters that nobody uses.
fn is_header(text: &str) -> bool {
    text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

fn header_of(config: &RegistryConfig) -> Option<String> {
    if let Some(token) = &config.auth_token {
        return Some(format!("Bearer {token}"));
    }
    if let Some(auth) = &config.auth {
        return Some(format!("Basic {auth}"));
    }
    let user = config.username.as_ref()?;
    // npm keeps the password in base64, not to hide it but to hold any character.
    let password = BASE64_STANDARD.decode(config.password.as_ref()?).ok()?;
    Some(basic(user, &String::from_utf8_lossy(&password)))
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
}

fn decode(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

fn check_url(text: &str, origin: &str) -> Result<(), Error> {
    let problem = |detail: &str| Error::Npmrc { origin: origin.to_owned(), detail: detail.to_owned() };
    // The text itself may hold a password, so it is not repeated.
    let url = Url::parse(text).map_err(|_| problem("a registry is not a URL"))?;
    match url.scheme() {
        "http" | "https" if url.has_host() => Ok(()),
        _ => Err(problem("a registry is not an http: or https: URL")),
    }
}

#[cfg(test)]
#[path = "npmrc_tests.rs"]
mod tests;
