//! The registry client: how packuments and tarballs are asked for, and what is made of bad answers.
//!
//! The only file that names the HTTP client. Redirects are followed by hand, because credentials are looked up for each
//! URL anew; proxies are given, never read from the environment; every answer is bounded while it streams in. What comes
//! back are bytes: packuments are understood in `packument.rs`, tarballs are verified in `tarball.rs`.

use std::error::Error as _;
use std::io::Read;
use std::time::Duration;

use flate2::read::GzDecoder;
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    IF_NONE_MATCH, LOCATION, RETRY_AFTER,
};
use reqwest::redirect::Policy;
use reqwest::{Certificate, NoProxy, Proxy, Response, StatusCode};
use tokio::sync::Semaphore;
use url::Url;

use crate::error::Error;
use crate::limits::{Limits, NetworkOptions};
use crate::manifest::PackageName;
use crate::npmrc::{Registries, without_credentials};
use crate::packument::Form;

/// The short form of a packument, as npm's registry documentation has it ("package metadata"), and the full one from
/// registries that know no other.
const ABBREVIATED_TYPES: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*; q=0.1";
/// The full one, with the dates of its versions.
const FULL_TYPES: &str = "application/json; q=1.0, */*; q=0.1";

/// A client for all registries of one cache.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    registries: Registries,
    network: NetworkOptions,
    packument_bytes: u64,
    tarball_bytes: u64,
    keys_bytes: u64,
    requests: Semaphore,
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

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Client {
    pub(crate) fn new(registries: Registries, network: NetworkOptions, limits: &Limits) -> Result<Self, Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(&network.user_agent)
            .connect_timeout(network.connect_timeout)
            .read_timeout(network.read_timeout)
            .redirect(Policy::none())
            // Without this the client reads proxy variables by itself.
            .no_proxy();
        for proxy in proxies(&network)? {
            builder = builder.proxy(proxy);
        }
        if let Some(path) = &network.ca_bundle {
            let problem = |detail: String| Error::Network { detail: format!("{}: {detail}", path.display()) };
            let pem = std::fs::read(path).map_err(|error| problem(error.to_string()))?;
            let bundle = Certificate::from_pem_bundle(&pem).map_err(|error| problem(explain(&error)))?;
            builder = builder.tls_certs_merge(bundle);
        }
        let http = builder.build().map_err(|error| Error::Network { detail: explain(&error) })?;
        Ok(Self {
            http,
            registries,
            requests: Semaphore::new(network.concurrent_requests.max(1)),
            network,
            packument_bytes: limits.packument_bytes,
            tarball_bytes: limits.tarball_bytes,
            keys_bytes: limits.keys_bytes,
        })
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
        let etag = answer.headers.get(ETAG).and_then(|etag| etag.to_str().ok()).map(str::to_owned);
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
            // Most registries know nothing of signatures, and each says so in its own way.
            Err(Error::UnknownPackage { .. } | Error::RegistryDenied { .. }) => Ok(None),
            Err(Error::RegistryStatus { status: 400..=499 | 501, .. }) => Ok(None),
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
        let _permit = self.requests.acquire().await.expect("this semaphore is never closed");
        let mut attempt = 1;
        loop {
            let timeout = self.network.request_timeout;
            let outcome = match tokio::time::timeout(timeout, self.attempt(ask)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Failure::passing(ask.timed_out(timeout))),
            };
            let failure = match outcome {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            let Some(wanted) = failure.again.filter(|_| attempt < self.network.attempts) else {
                return Err(*failure.error);
            };
            tokio::time::sleep(self.pause(attempt, wanted, &ask.url)).await;
            attempt += 1;
        }
    }

    /// Doubles with each attempt. Requests that failed together are spread by a number made from their URL, so that
    /// they do not come back together; this needs no source of randomness.
    fn pause(&self, attempt: u32, wanted: Option<Duration>, url: &Url) -> Duration {
        let doubled = self.network.retry_pause.saturating_mul(1 << attempt.saturating_sub(1).min(16));
        let spread =
            url.as_str().bytes().fold(7u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte))) % 512;
        let spread = doubled.saturating_mul(spread) / 1024;
        wanted.unwrap_or(doubled + spread).min(self.network.retry_pause_most)
    }

    /// One attempt, with the redirects that it meets.
    async fn attempt(&self, ask: &Ask<'_>) -> Result<Answer, Failure> {
        let mut url = ask.url.clone();
        for _ in 0..=self.network.redirects {
            let response = self.send(ask, &url).await?;
            let status = response.status();
            if status.is_redirection() && status != StatusCode::NOT_MODIFIED {
                url = redirected(ask, &url, response.headers())?;
                continue;
            }
            check_status(ask, &url, &response)?;
            let headers = response.headers().clone();
            let body = self.read(ask, &url, response).await?;
            return Ok(Answer { status, headers, body });
        }
        Err(Failure::last(ask.bad_redirect(&url, format!("more than {} redirects", self.network.redirects))))
    }

    async fn send(&self, ask: &Ask<'_>, url: &Url) -> Result<Response, Failure> {
        let mut request = self.http.get(url.clone()).headers(ask.headers.clone());
        if let Some(value) =
            self.registries.authorization(url, ask.name).and_then(|text| HeaderValue::from_str(&text).ok())
        {
            let mut value = value;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        request.send().await.map_err(|error| self.transport(ask, url, error))
    }

    /// Reads the body up to its bound, and undoes gzip up to the same bound.
    async fn read(&self, ask: &Ask<'_>, url: &Url, mut response: Response) -> Result<Vec<u8>, Failure> {
        let gzip = response.headers().get(CONTENT_ENCODING).is_some_and(|value| value == "gzip");
        if let Some(length) = response.content_length().filter(|length| *length > ask.body.bytes) {
            return Err(Failure::last(ask.too_large(length)));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.transport(ask, url, error))? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > ask.body.bytes {
                return Err(Failure::last(ask.too_large(body.len() as u64)));
            }
        }
        match gzip {
            true => gunzip(ask, url, &body),
            false => Ok(body),
        }
    }

    /// What a failure below HTTP means.
    fn transport(&self, ask: &Ask<'_>, url: &Url, error: reqwest::Error) -> Failure {
        let package = ask.package.to_owned();
        let url = url.to_string();
        let timeout = if error.is_connect() { self.network.connect_timeout } else { self.network.read_timeout };
        let (timed_out, never_there) = (error.is_timeout(), error.is_connect());
        let detail = explain(&error.without_url());
        Failure::passing(match (timed_out, never_there) {
            (true, _) => Error::RegistryTimeout { package, url, timeout },
            (false, true) => Error::RegistryUnreachable { package, url, detail },
            (false, false) => Error::RegistryTruncated { package, url, detail },
        })
    }
}

impl Ask<'_> {
    fn bad_body(&self, detail: &str) -> Error {
        Error::RegistryBody { package: self.package.to_owned(), url: self.url.to_string(), detail: detail.to_owned() }
    }

    fn bad_redirect(&self, url: &Url, detail: String) -> Error {
        Error::RegistryRedirect { package: self.package.to_owned(), url: url.to_string(), detail }
    }

    fn timed_out(&self, timeout: Duration) -> Error {
        Error::RegistryTimeout { package: self.package.to_owned(), url: self.url.to_string(), timeout }
    }

    fn too_large(&self, measured: u64) -> Error {
        let Bound { bytes: limit, what, knob } = self.body;
        Error::Limit { subject: format!("package {}", self.package), what, measured, limit, knob }
    }
}

fn proxies(network: &NetworkOptions) -> Result<Vec<Proxy>, Error> {
    let except = network.no_proxy.as_deref().and_then(NoProxy::from_string);
    let given = [
        (&network.http_proxy, Proxy::http as fn(String) -> reqwest::Result<Proxy>),
        (&network.https_proxy, Proxy::https),
    ];
    given
        .into_iter()
        .filter_map(|(url, make)| Some((url.clone().filter(|url| !url.is_empty())?, make)))
        .map(|(url, make)| match make(url) {
            Ok(proxy) => Ok(proxy.no_proxy(except.clone())),
            // The URL may hold a password, so it is not repeated.
            Err(_) => Err(Error::Network { detail: "a proxy is not a URL".to_owned() }),
        })
        .collect()
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

fn check_status(ask: &Ask<'_>, url: &Url, response: &Response) -> Result<(), Failure> {
    let status = response.status();
    let package = ask.package.to_owned();
    let url = url.to_string();
    match status.as_u16() {
        200..=299 => Ok(()),
        304 if ask.headers.contains_key(IF_NONE_MATCH) => Ok(()),
        404 | 410 => Err(Failure::last(Error::UnknownPackage { package, url, chain: Vec::new(), similar: Vec::new() })),
        401 | 403 => Err(Failure::last(Error::RegistryDenied { package, url, status: status.as_u16() })),
        408 | 425 | 429 | 500..=599 => {
            let error = Error::RegistryStatus { package, url, status: status.as_u16() };
            let wanted = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            // The other form of Retry-After, a date, needs a clock; our own pause will do.
            let wanted = wanted.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs);
            Err(Failure { error: Box::new(error), again: Some(wanted) })
        }
        _ => Err(Failure::last(Error::RegistryStatus { package, url, status: status.as_u16() })),
    }
}

fn gunzip(ask: &Ask<'_>, url: &Url, body: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut plain = Vec::new();
    let outcome = GzDecoder::new(body).take(ask.body.bytes + 1).read_to_end(&mut plain);
    if plain.len() as u64 > ask.body.bytes {
        return Err(Failure::last(ask.too_large(plain.len() as u64)));
    }
    match outcome {
        Ok(_) => Ok(plain),
        Err(error) => Err(Failure::passing(Error::RegistryTruncated {
            package: ask.package.to_owned(),
            url: url.to_string(),
            detail: format!("its gzip encoding is broken: {error}"),
        })),
    }
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

/// An error with its causes, in one line.
fn explain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
