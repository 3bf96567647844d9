//! Which registry a package comes from, and which credentials belong to which URL.
//!
//! `.npmrc` is parsed by `deno_npmrc`; this file merges several of them as npm does (nearer wins, key by key) and is the
//! only one that sees a credential. [`Registries::authorization`] is asked for every URL anew, redirects included, so
//! a credential cannot follow a request to another host. Nothing here prints one: `Debug` is written by hand.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use deno_npmrc::{NPM_DEFAULT_REGISTRY, NpmRc, NpmRegistryUrl, RegistryConfig, ResolvedNpmRc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use sys_traits::{BaseEnvVar, EnvVar};
use url::Url;

use crate::error::Error;
use crate::manifest::PackageName;

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

impl Registries {
    /// Reads `.npmrc` texts, the nearest first, each with where it comes from. `environment` is what `${NAME}` and
    /// `npm_config_registry` are looked up in.
    pub fn parse(npmrc_texts: &[(String, String)], environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        let environment = Environment(environment);
        let mut merged = NpmRc::default();
        for (origin, text) in npmrc_texts {
            let parsed = NpmRc::parse(&environment, text).map_err(|_| Error::Npmrc {
                // The parser's own message quotes the line, which may hold a token.
                origin: origin.clone(),
                detail: "it cannot be parsed as an .npmrc".to_owned(),
            })?;
            merge(&mut merged, parsed);
        }
        let from_environment = environment.env_var("NPM_CONFIG_REGISTRY").ok();
        if let Some(text) = &from_environment {
            check_url(text, "npm_config_registry")?;
        }
        let labels = npmrc_texts.iter().map(|(origin, _)| origin.as_str()).collect::<Vec<_>>().join(", ");
        for text in merged.registry.iter().chain(merged.scope_registries.values()) {
            check_url(text, &labels)?;
        }
        let default = NpmRegistryUrl::for_npm(&environment);
        let resolved =
            merged.as_resolved(&default).map_err(|error| Error::Npmrc { origin: labels, detail: error.to_string() })?;
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
        let default = NpmRegistryUrl {
            url: Url::parse(NPM_DEFAULT_REGISTRY).expect("a constant that is a URL"),
            from_env: false,
        };
        Self { resolved: NpmRc::default().as_resolved(&default).expect("no setting, so no bad one") }
    }
}

/// The URL without what must not be printed or sent twice.
pub(crate) fn without_credentials(mut url: Url) -> Url {
    // These fail only for URLs without a host, which hold no credentials either.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

fn merge(nearer: &mut NpmRc, farther: NpmRc) {
    nearer.registry = nearer.registry.take().or(farther.registry);
    nearer.replace_registry_host = nearer.replace_registry_host.take().or(farther.replace_registry_host);
    for (scope, registry) in farther.scope_registries {
        nearer.scope_registries.entry(scope).or_insert(registry);
    }
    for (prefix, config) in farther.registry_configs {
        let merged = match nearer.registry_configs.remove(&prefix) {
            Some(near) => Arc::new(merge_config(&near, &config)),
            None => config,
        };
        nearer.registry_configs.insert(prefix, merged);
    }
}

/// Each `//host/:key` of an `.npmrc` is a setting of its own.
fn merge_config(nearer: &RegistryConfig, farther: &RegistryConfig) -> RegistryConfig {
    let pick = |near: &Option<String>, far: &Option<String>| near.clone().or_else(|| far.clone());
    RegistryConfig {
        auth: pick(&nearer.auth, &farther.auth),
        auth_token: pick(&nearer.auth_token, &farther.auth_token),
        username: pick(&nearer.username, &farther.username),
        password: pick(&nearer.password, &farther.password),
        email: pick(&nearer.email, &farther.email),
        certfile: pick(&nearer.certfile, &farther.certfile),
        keyfile: pick(&nearer.keyfile, &farther.keyfile),
    }
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

/// The caller's variables as `deno_npmrc` reads them. npm accepts its settings in any case.
struct Environment<'a>(&'a BTreeMap<String, String>);

impl BaseEnvVar for Environment<'_> {
    fn base_env_var_os(&self, key: &OsStr) -> Option<OsString> {
        let key = key.to_str()?;
        let value = match key.to_ascii_lowercase().starts_with("npm_config_") {
            false => self.0.get(key),
            // An empty setting is an unset one.
            true => self
                .0
                .iter()
                .find(|(name, value)| name.eq_ignore_ascii_case(key) && !value.is_empty())
                .map(|(_, value)| value),
        };
        value.map(OsString::from)
    }
}

#[cfg(test)]
#[path = "npmrc_tests.rs"]
mod tests;
