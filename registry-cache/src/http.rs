//! The HTTP client: connections, certificates, proxies, and answers that are bounded while they come in.
//!
//! The only file that names the client's crate. It follows no redirect, because credentials are looked up for each URL
//! anew; it reads no variable; and it knows nothing of npm: that is `registry.rs`. Connections are kept and used again;
//! where a registry speaks HTTP/2, all requests share one.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Identity, NoProxy, Proxy, Response};
use url::Url;

use crate::error::Error;
use crate::limits::NetworkOptions;
use crate::npmrc::ClientCertificate;

pub(crate) use reqwest::StatusCode;
pub(crate) use reqwest::header;

/// Clients for all registries: one, and one more for each certificate of ours that a registry asks for.
pub(crate) struct Http {
    plain: Client,
    identified: BTreeMap<ClientCertificate, Client>,
    connect_timeout: Duration,
    read_timeout: Duration,
}

/// An answer; its body is read where the status is one of success.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: header::HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer.
pub(crate) enum Trouble {
    Timeout(Duration),
    Unreachable(String),
    Certificate(String),
    BrokenOff(String),
    /// So many bytes, and there would be more.
    TooLarge(u64),
    /// A content encoding that nobody asked for.
    Encoding(String),
}

impl fmt::Debug for Http {
    /// The client itself would show its proxies, which may hold passwords.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Http").field("certificates", &self.identified.len()).finish_non_exhaustive()
    }
}

impl Http {
    pub(crate) fn new(network: &NetworkOptions, certificates: &[ClientCertificate]) -> Result<Self, Error> {
        let identified = certificates
            .iter()
            .map(|certificate| Ok((certificate.clone(), client(network, Some(identity(certificate)?))?)))
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            plain: client(network, None)?,
            identified,
            connect_timeout: network.connect_timeout,
            read_timeout: network.read_timeout,
        })
    }

    /// One request; of the body at most so many bytes, as sent and unpacked.
    pub(crate) async fn get(
        &self,
        url: &Url,
        headers: header::HeaderMap,
        certificate: Option<&ClientCertificate>,
        most: u64,
    ) -> Result<Answer, Trouble> {
        let client = certificate.and_then(|certificate| self.identified.get(certificate)).unwrap_or(&self.plain);
        let response = client.get(url.clone()).headers(headers).send().await.map_err(|error| self.trouble(error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = if status.is_success() { self.body(response, most).await? } else { Vec::new() };
        Ok(Answer { status, headers, body })
    }

    async fn body(&self, mut response: Response, most: u64) -> Result<Vec<u8>, Trouble> {
        if let Some(length) = response.content_length().filter(|length| *length > most) {
            return Err(Trouble::TooLarge(length));
        }
        let encoding = response.headers().get(header::CONTENT_ENCODING);
        let encoding = encoding.map_or(String::new(), |value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.trouble(error))? {
            body.extend_from_slice(&chunk);
            if body.len() as u64 > most {
                return Err(Trouble::TooLarge(body.len() as u64));
            }
        }
        match encoding.trim() {
            "" | "identity" => Ok(body),
            "gzip" | "x-gzip" => gunzip(&body, most),
            other => Err(Trouble::Encoding(other.to_owned())),
        }
    }

    /// What a failure below HTTP means.
    fn trouble(&self, error: reqwest::Error) -> Trouble {
        let (timed_out, never_there) = (error.is_timeout(), error.is_connect());
        let detail = explain(&error.without_url());
        match (timed_out, never_there) {
            (true, true) => Trouble::Timeout(self.connect_timeout),
            (true, false) => Trouble::Timeout(self.read_timeout),
            // The words of the TLS library, whose type is not to be had from here.
            (false, true) if detail.contains("invalid peer certificate") => Trouble::Certificate(detail),
            (false, true) => Trouble::Unreachable(detail),
            (false, false) => Trouble::BrokenOff(detail),
        }
    }
}

fn client(network: &NetworkOptions, identity: Option<Identity>) -> Result<Client, Error> {
    let mut builder = Client::builder()
        .user_agent(&network.user_agent)
        .connect_timeout(network.connect_timeout)
        .read_timeout(network.read_timeout)
        .redirect(Policy::none())
        // Without this the client reads proxy variables by itself.
        .no_proxy();
    for proxy in proxies(network)? {
        builder = builder.proxy(proxy);
    }
    if let Some(texts) = &network.authorities {
        let certificates =
            texts.iter().map(|text| authorities(text.as_bytes(), "ca")).collect::<Result<Vec<_>, _>>()?;
        builder = builder.tls_certs_only(certificates.into_iter().flatten());
    }
    for path in &network.extra_authorities {
        builder = builder.tls_certs_merge(authorities(&read(path)?, &path.display().to_string())?);
    }
    if let Some(identity) = identity {
        builder = builder.identity(identity);
    }
    builder.build().map_err(|error| Error::Network { detail: explain(&error) })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|error| Error::Network { detail: format!("{}: {error}", path.display()) })
}

fn authorities(pem: &[u8], origin: &str) -> Result<Vec<Certificate>, Error> {
    let problem = |detail: &str| Error::Network { detail: format!("{origin}: {detail}") };
    match Certificate::from_pem_bundle(pem) {
        Ok(certificates) if certificates.is_empty() => Err(problem("it holds no certificate in PEM form")),
        Ok(certificates) => Ok(certificates),
        Err(error) => Err(problem(&explain(&error))),
    }
}

fn identity(certificate: &ClientCertificate) -> Result<Identity, Error> {
    let pem = [read(&certificate.certfile)?, b"\n".to_vec(), read(&certificate.keyfile)?].concat();
    // What the error says of the key's file is not repeated.
    Identity::from_pem(&pem).map_err(|_| Error::Network {
        detail: format!(
            "{} and {} are not a certificate and its key in PEM form",
            certificate.certfile.display(),
            certificate.keyfile.display()
        ),
    })
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

fn gunzip(body: &[u8], most: u64) -> Result<Vec<u8>, Trouble> {
    let mut plain = Vec::new();
    let outcome = MultiGzDecoder::new(body).take(most + 1).read_to_end(&mut plain);
    if plain.len() as u64 > most {
        return Err(Trouble::TooLarge(plain.len() as u64));
    }
    match outcome {
        Ok(_) => Ok(plain),
        Err(error) => Err(Trouble::BrokenOff(format!("its gzip encoding is broken: {error}"))),
    }
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
