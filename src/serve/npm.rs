//! The npm registry below `/npm/`, read-only: what npm, pnpm, yarn and bun ask when they install.
//!
//! Follows npm's registry documentation for paths, and npm-registry-fetch for how an error is said (`error` in the body).
//! What is in a document and where it is from is `registry_cache`'s business. Whatever an npm client may ask beside an
//! installation (audits, search, users) is answered as by a registry that has none of it.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use registry_cache::{Document, DocumentForm, OwnCache, PackageName, ServedTarball};
use serde_json::json;

use super::refusal::Refusal;
use crate::error::Error;
use crate::exit_code::status_of_error;

/// Where the registry is.
pub(crate) const PREFIX: &str = "/npm";

const JSON: &str = "application/json";
const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";
const TARBALL: &str = "application/octet-stream";
/// Bytes of a tarball that are handed over at once.
const CHUNK: usize = 64 << 10;
/// A document may have another version in a moment.
const ASK_AGAIN: &str = "no-cache";
/// A version's tarball never changes.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What is asked for.
#[derive(Debug, Eq, PartialEq)]
enum Target {
    Root,
    Ping,
    Keys,
    DistTags(PackageName),
    Document(PackageName),
    Version(PackageName, String),
    Tarball(PackageName, String),
}

/// Answers one request, whose host has been checked.
pub(crate) async fn answer(cache: &OwnCache, request: Request) -> Response {
    let (head, _) = request.into_parts();
    let path = head.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    match given(cache, &head.method, path, &head.headers).await {
        Ok(response) => response,
        Err(error) => said(&error),
    }
}

async fn given(cache: &OwnCache, method: &Method, path: &str, headers: &HeaderMap) -> Result<Response, Error> {
    let target = target_of(path);
    if !matches!(*method, Method::GET | Method::HEAD) {
        // npm goes on without an audit where there is none.
        let refusal = if is_audit(path) { Refusal::NotInRegistry } else { Refusal::ReadOnlyRegistry };
        return Err(refusal.into());
    }
    let target = target.ok_or(Refusal::NotInRegistry)?;
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let base = format!("http://{host}{PREFIX}");
    let reply = match target {
        Target::Root => Reply::of_json(&json!({"db_name": "registry"})),
        Target::Ping => Reply::of_json(&json!({})),
        Target::Keys => Reply::of(cache.registry_keys().await?.ok_or(Refusal::NotInRegistry)?, JSON),
        Target::DistTags(name) => Reply::of(cache.dist_tags(&name).await?, JSON),
        Target::Version(name, version) => Reply::of(cache.version_document(&name, &version, &base).await?, JSON),
        Target::Document(name) => {
            let (form, kind) = match wants_abbreviated(headers) {
                true => (DocumentForm::Abbreviated, ABBREVIATED),
                false => (DocumentForm::Full, JSON),
            };
            Reply::of(cache.document(&name, form, &base).await?, kind)
        }
        Target::Tarball(name, file) => Reply::of_tarball(cache.served_tarball(&name, &file).await?),
    };
    Ok(reply.for_request(method, headers))
}

/// What a path below [`PREFIX`] stands for. A scope's slash may be encoded.
fn target_of(path: &str) -> Option<Target> {
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    let parts: Vec<&str> = decoded.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] => return Some(Target::Root),
        ["-", "ping"] => return Some(Target::Ping),
        ["-", "npm", "v1", "keys"] => return Some(Target::Keys),
        ["-", "package", name @ .., "dist-tags"] => {
            return PackageName::parse(&name.join("/")).ok().map(Target::DistTags);
        }
        ["-", ..] => return None,
        _ => {}
    }
    let of_name = if parts[0].starts_with('@') { 2 } else { 1 };
    let name = PackageName::parse(&parts.get(..of_name)?.join("/")).ok()?;
    match &parts[of_name..] {
        [] => Some(Target::Document(name)),
        // Some registries repeat the scope in a tarball's name.
        ["-", .., file] => Some(Target::Tarball(name, (*file).to_owned())),
        ["-"] => None,
        [version] => Some(Target::Version(name, (*version).to_owned())),
        _ => None,
    }
}

fn is_audit(path: &str) -> bool {
    path.starts_with("/-/npm/v1/security/") || path.starts_with("/-/npm/v1/advisories")
}

fn wants_abbreviated(headers: &HeaderMap) -> bool {
    headers.get_all(ACCEPT).iter().any(|value| value.to_str().is_ok_and(|text| text.contains(ABBREVIATED)))
}

/// An answer before it is known how much of it is wanted.
struct Reply {
    kind: &'static str,
    caching: &'static str,
    etag: String,
    length: usize,
    body: Body,
}

impl Reply {
    fn of(document: Document, kind: &'static str) -> Self {
        let length = document.json.len();
        Self { kind, caching: ASK_AGAIN, etag: document.etag, length, body: document.json.into() }
    }

    fn of_json(value: &serde_json::Value) -> Self {
        let text = value.to_string();
        Self { kind: JSON, caching: ASK_AGAIN, etag: String::new(), length: text.len(), body: text.into() }
    }

    fn of_tarball(tarball: ServedTarball) -> Self {
        let ServedTarball { bytes, etag, place } = tarball;
        let length = bytes.len();
        // The place is free again when the last chunk has been taken, or the client has gone.
        let chunks = futures::stream::unfold((Bytes::from(bytes), place), |(mut rest, place)| async move {
            let chunk = rest.split_to(CHUNK.min(rest.len()));
            (!chunk.is_empty()).then(|| (Ok::<_, std::convert::Infallible>(chunk), (rest, place)))
        });
        Self { kind: TARBALL, caching: FOR_EVER, etag, length, body: Body::from_stream(chunks) }
    }

    fn for_request(self, method: &Method, headers: &HeaderMap) -> Response {
        let known = !self.etag.is_empty() && is_known(headers, &self.etag);
        let mut response = Response::new(Body::empty());
        let given = response.headers_mut();
        given.insert(CACHE_CONTROL, HeaderValue::from_static(self.caching));
        given.insert(VARY, HeaderValue::from_static("accept"));
        if let Ok(etag) = HeaderValue::from_str(&self.etag)
            && !self.etag.is_empty()
        {
            given.insert(ETAG, etag);
        }
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        given.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        given.insert(CONTENT_LENGTH, HeaderValue::from(self.length));
        if *method != Method::HEAD {
            *response.body_mut() = self.body;
        }
        response
    }
}

/// Whether the client has this one already (RFC 9110, section 13.1.2).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// An error as npm shows it: the status, and what stands under `error`.
fn said(error: &Error) -> Response {
    let text = match error.hint() {
        Some(hint) => format!("{error}; {hint}"),
        None => error.to_string(),
    };
    let body = json!({"error": text, "code": error.code()}).to_string();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status_of(error);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    if response.status() == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}

/// Clients go on without an optional package that is not found, and try again for a long time after a 5xx. What is not kept
/// and cannot be asked for is not found.
fn status_of(error: &Error) -> StatusCode {
    match error.code() {
        "unknown-package" | "unknown-version" | "offline" => StatusCode::NOT_FOUND,
        _ => StatusCode::from_u16(status_of_error(error)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> PackageName {
        PackageName::parse(text).unwrap()
    }

    #[test]
    fn paths_are_npms() {
        let tarball = |package: &str, file: &str| Some(Target::Tarball(name(package), file.to_owned()));
        for (path, target) in [
            ("", Some(Target::Root)),
            ("/", Some(Target::Root)),
            ("/-/ping", Some(Target::Ping)),
            ("/-/npm/v1/keys", Some(Target::Keys)),
            ("/-/whoami", None),
            ("/-/v1/search", None),
            ("/-/package/zod/dist-tags", Some(Target::DistTags(name("zod")))),
            ("/-/package/@a%2fb/dist-tags", Some(Target::DistTags(name("@a/b")))),
            ("/zod", Some(Target::Document(name("zod")))),
            ("/@a%2Fb", Some(Target::Document(name("@a/b")))),
            ("/%40a%2fb", Some(Target::Document(name("@a/b")))),
            ("/@a/b", Some(Target::Document(name("@a/b")))),
            ("/@a", None),
            ("/zod/latest", Some(Target::Version(name("zod"), "latest".to_owned()))),
            ("/@a/b/1.0.0", Some(Target::Version(name("@a/b"), "1.0.0".to_owned()))),
            ("/zod/-/zod-1.0.0.tgz", tarball("zod", "zod-1.0.0.tgz")),
            ("/@a/b/-/b-1.0.0.tgz", tarball("@a/b", "b-1.0.0.tgz")),
            ("/@a%2fb/-/@a/b-1.0.0.tgz", tarball("@a/b", "b-1.0.0.tgz")),
            ("/zod/-", None),
            ("/zod/1.0.0/more", None),
            ("/../etc/passwd", None),
            ("/%2e%2e/x", None),
            ("/%ff", None),
        ] {
            assert_eq!(target_of(path), target, "{path}");
        }
    }

    #[test]
    fn what_a_client_has_is_not_sent_again() {
        let with = |value: &str| HeaderMap::from_iter([(IF_NONE_MATCH, value.parse().unwrap())]);
        for value in ["\"a\"", "W/\"a\"", "\"b\", \"a\"", "*"] {
            assert!(is_known(&with(value), "\"a\""), "{value}");
        }
        for value in ["\"b\"", "a", ""] {
            assert!(!is_known(&with(value), "\"a\""), "{value}");
        }
    }
}
