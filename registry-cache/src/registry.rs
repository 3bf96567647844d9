//! The registry client: how packuments and tarballs are asked for, and what is made of bad answers.
//!
//! Redirects are followed here, because credentials are looked up for each URL anew. Failures that may pass are told from
//! those that will not, and only the former are asked about again, within one bound for all attempts. What comes back are
//! bytes: packuments are understood in `packument.rs`, tarballs are verified in `tarball.rs`.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use tokio::time::Instant;
use url::Url;

use crate::error::Error;
use crate::http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH, LOCATION,
    RETRY_AFTER,
};
use crate::http::{Answer, Http, StatusCode, Trouble};
use crate::limits::{Limits, NetworkOptions};
use crate::manifest::PackageName;
use crate::npmrc::{Registries, without_credentials};
use crate::packument::Form;
use crate::patience::{Places, pause, retry_after};

/// The short form of a packument, as npm's registry documentation has it ("package metadata"), and the full one from
/// registries that know no other.
const ABBREVIATED_TYPES: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*; q=0.1";
/// The full one, with the dates of its versions.
const FULL_TYPES: &str = "application/json; q=1.0, */*; q=0.1";

/// A client for all registries of one cache.
#[derive(Debug)]
pub(crate) struct Client {
    /// Made when something is asked for: it reads the system's certificates, which takes longer than all that a resolution
    /// does whose answers are kept.
    http: OnceLock<Result<Http, Error>>,
    registries: Registries,
    network: NetworkOptions,
    packument_bytes: u64,
    tarball_bytes: u64,
    keys_bytes: u64,
    places: Places,
    now: fn() -> SystemTime,
}

/// What a registry said about a packument.
#[derive(Debug)]
pub(crate) enum PackumentAnswer {
    /// The one we have is still the newest.
    NotModified,
    /// A packument as sent, decompressed.
    Fresh { body: Vec<u8>, etag: Option<String> },
}

/// One request of ours, for messages and for its credentials.
struct Ask<'a> {
    package: &'a str,
    name: &'a str,
    url: Url,
    headers: HeaderMap,
    body: Bound,
}

/// The most that an answer may hold.
#[derive(Clone, Copy)]
struct Bound {
    bytes: u64,
    what: &'static str,
    knob: &'static str,
}

/// How one attempt failed.
struct Failure {
    error: Box<Error>,
    /// Whether asking again may help, and how long the registry wants us to wait.
    again: Option<Option<Duration>>,
}

impl Failure {
    fn last(error: Error) -> Self {
        Self { error: Box::new(error), again: None }
    }

    fn passing(error: Error) -> Self {
        Self { error: Box::new(error), again: Some(None) }
    }
}

impl Client {
    /// `now` is the clock that dates in answers are read by.
    pub(crate) fn new(
        registries: Registries,
        network: NetworkOptions,
        limits: &Limits,
        now: fn() -> SystemTime,
    ) -> Self {
        Self {
            http: OnceLock::new(),
            registries,
            places: Places::new(&network),
            network,
            packument_bytes: limits.packument_bytes,
            tarball_bytes: limits.tarball_bytes,
            now,
            keys_bytes: limits.keys_bytes,
        }
    }

    fn http(&self) -> Result<&Http, Error> {
        let make = || Http::new(&self.network, &self.registries.client_certificates());
        self.http.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    pub(crate) fn registries(&self) -> &Registries {
        &self.registries
    }

    /// Asks for a packument in this form, or whether the one with this etag is still current.
    pub(crate) async fn packument(
        &self,
        name: &PackageName,
        form: Form,
        etag: Option<&str>,
    ) -> Result<PackumentAnswer, Error> {
        let mut headers = HeaderMap::new();
        let types = match form {
            Form::Abbreviated => ABBREVIATED_TYPES,
            Form::Full => FULL_TYPES,
        };
        headers.insert(ACCEPT, HeaderValue::from_static(types));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        if let Some(etag) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
            headers.insert(IF_NONE_MATCH, etag);
        }
        let body = Bound { bytes: self.packument_bytes, what: "the packument", knob: "limits.packument_bytes" };
        let url = self.registries.packument_url(name)?;
        let ask = Ask { package: name.as_str(), name: name.as_str(), url, headers, body };
        let answer = self.ask(&ask).await?;
        if answer.status == StatusCode::NOT_MODIFIED {
            return Ok(PackumentAnswer::NotModified);
        }
        if is_html(&answer) {
            return Err(ask.bad_body("an HTML page"));
        }
        if answer.body.iter().all(u8::is_ascii_whitespace) {
            return Err(ask.bad_body("an empty body"));
        }
        let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok());
        let etag = etag.filter(|etag| etag.len() <= self.network.etag_bytes).map(str::to_owned);
        Ok(PackumentAnswer::Fresh { body: answer.body, etag })
    }

    /// Asks for the keys that a registry signs with; `None` when it has none. `package` is one of its packages.
    pub(crate) async fn keys(&self, package: &str) -> Result<Option<Vec<u8>>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let body = Bound { bytes: self.keys_bytes, what: "the registry's keys", knob: "limits.keys_bytes" };
        let url = self.registries.keys_url(package);
        let answer = self.ask(&Ask { package, name: package, url, headers, body }).await;
        match answer {
            Ok(answer) if is_html(&answer) => Ok(None),
            Ok(answer) => Ok(Some(answer.body)),
            // Most registries know nothing of signatures, and each says so in its own way. One that is only busy does not.
            Err(Error::RegistryStatus { status: 501, .. }) => Ok(None),
            Err(error) if error.may_pass() => Err(error),
            Err(Error::UnknownPackage { .. } | Error::RegistryDenied { .. }) => Ok(None),
            Err(Error::RegistryStatus { status: 400..=499, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Fetches a tarball as it is. `package` is `name@version`.
    pub(crate) async fn tarball(&self, package: &str, name: &str, url: Url) -> Result<Vec<u8>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("application/octet-stream, */*"));
        // The integrity covers the file as published, so nothing on the way may compress it once more.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let body = Bound { bytes: self.tarball_bytes, what: "the tarball", knob: "limits.tarball_bytes" };
        let ask = Ask { package, name, url, headers, body };
        let answer = self.ask(&ask).await?;
        match answer.body.is_empty() {
            true => Err(ask.bad_body("an empty body")),
            false if is_html(&answer) && !answer.body.starts_with(&[0x1f, 0x8b]) => Err(ask.bad_body("an HTML page")),
            false => Ok(answer.body),
        }
    }

    /// One request with its further attempts.
    async fn ask(&self, ask: &Ask<'_>) -> Result<Answer, Error> {
        let _at_host = self.places.at_host(&ask.url).await;
        let end = Instant::now() + self.network.retry_total;
        let mut attempt = 1;
        loop {
            let failure = match self.timed_attempt(ask, end).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(asked) = failure.again.filter(|_| attempt < self.network.attempts) else {
                return Err(*failure.error);
            };
            let Some(pause) = pause(&self.network, attempt, asked) else {
                return Err(ask.busy(*failure.error, asked.unwrap_or_default()));
            };
            if Instant::now() + pause >= end {
                return Err(*failure.error);
            }
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn timed_attempt(&self, ask: &Ask<'_>, end: Instant) -> Result<Answer, Failure> {
        let _permit = self.places.any().await;
        let timeout = self.network.request_timeout.min(end.saturating_duration_since(Instant::now()));
        match tokio::time::timeout(timeout, self.attempt(ask)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Failure::passing(ask.timed_out(&ask.url, timeout))),
        }
    }

    /// One attempt, with the redirects that it meets.
    async fn attempt(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let http = self.http().map_err(Failure::last)?;
        let mut url = ask.url.clone();
        for _ in 0..=self.network.redirects {
            let mut headers = ask.headers.clone();
            let credential = self.registries.authorization(&url, ask.name);
            if let Some(mut value) = credential.and_then(|text| HeaderValue::from_str(&text).ok()) {
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            let certificate = self.registries.client_certificate(&url);
            let answer = http.get(&url, headers, certificate.as_ref(), ask.body.bytes).await;
            let answer = answer.map_err(|trouble| ask.failure(&url, trouble))?;
            if answer.status.is_redirection() && answer.status != StatusCode::NOT_MODIFIED {
                url = redirected(ask, &url, &answer.headers)?;
                continue;
            }
            self.check_status(ask, &url, &answer)?;
            return Ok(answer);
        }
        Err(Failure::last(ask.bad_redirect(&url, format!("more than {} redirects", self.network.redirects))))
    }

    fn check_status(&self, ask: &Ask<'_>, url: &Url, answer: &Answer) -> Result<(), Failure> {
        let status = answer.status.as_u16();
        let (package, url) = (ask.package.to_owned(), shown(url));
        match status {
            200..=299 => Ok(()),
            304 if ask.headers.contains_key(IF_NONE_MATCH) => Ok(()),
            404 | 410 => {
                Err(Failure::last(Error::UnknownPackage { package, url, chain: Vec::new(), similar: Vec::new() }))
            }
            401 | 403 => Err(Failure::last(Error::RegistryDenied { package, url, status })),
            408 | 425 | 429 | 500..=599 => {
                let error = Error::RegistryStatus { package, url, status };
                let asked = answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let asked = asked.and_then(|text| retry_after(text, (self.now)()));
                Err(Failure { error: Box::new(error), again: Some(asked) })
            }
            _ => Err(Failure::last(Error::RegistryStatus { package, url, status })),
        }
    }
}

impl Ask<'_> {
    /// What a failure below HTTP means.
    fn failure(&self, url: &Url, trouble: Trouble) -> Failure {
        let package = self.package.to_owned();
        match trouble {
            Trouble::Timeout(timeout) => Failure::passing(self.timed_out(url, timeout)),
            Trouble::Unreachable(detail) => {
                Failure::passing(Error::RegistryUnreachable { package, url: shown(url), detail })
            }
            Trouble::BrokenOff(detail) => {
                Failure::passing(Error::RegistryTruncated { package, url: shown(url), detail })
            }
            Trouble::Certificate(detail) => {
                Failure::last(Error::RegistryCertificate { package, url: shown(url), detail })
            }
            Trouble::TooLarge(measured) => Failure::last(self.too_large(measured)),
            Trouble::Encoding(encoding) => {
                Failure::last(self.bad_body(&format!("the content encoding {encoding:?}, which nobody asked for")))
            }
        }
    }

    fn bad_body(&self, detail: &str) -> Error {
        Error::RegistryBody { package: self.package.to_owned(), url: shown(&self.url), detail: detail.to_owned() }
    }

    fn bad_redirect(&self, url: &Url, detail: String) -> Error {
        Error::RegistryRedirect { package: self.package.to_owned(), url: shown(url), detail }
    }

    fn timed_out(&self, url: &Url, timeout: Duration) -> Error {
        Error::RegistryTimeout { package: self.package.to_owned(), url: shown(url), timeout }
    }

    /// A status with a wish to be left alone for long.
    fn busy(&self, error: Error, wait: Duration) -> Error {
        match error {
            Error::RegistryStatus { package, url, status } => Error::RegistryBusy { package, url, status, wait },
            other => other,
        }
    }

    fn too_large(&self, measured: u64) -> Error {
        let Bound { bytes: limit, what, knob } = self.body;
        Error::Limit { subject: format!("package {}", self.package), what, measured, limit, knob }
    }
}

/// A URL for messages. What a redirect leads to is often signed in its query, which is as good as a password.
fn shown(url: &Url) -> String {
    let mut url = without_credentials(url.clone());
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

fn redirected(ask: &Ask<'_>, from: &Url, headers: &HeaderMap) -> Result<Url, Failure> {
    let target = headers.get(LOCATION).and_then(|value| value.to_str().ok()).and_then(|text| from.join(text).ok());
    let Some(target) = target.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host()) else {
        return Err(Failure::last(ask.bad_redirect(from, "its target is not an http: or https: URL".to_owned())));
    };
    // A packument has no integrity but the connection's.
    if from.scheme() == "https" && target.scheme() == "http" {
        return Err(Failure::last(ask.bad_redirect(from, "from https: to http:".to_owned())));
    }
    Ok(without_credentials(target))
}

fn is_html(answer: &Answer) -> bool {
    let declared = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("text/html"));
    let start = answer.body.trim_ascii_start();
    declared || start.first() == Some(&b'<')
}

#[cfg(test)]
#[path = "registry_tests.rs"]
mod tests;
