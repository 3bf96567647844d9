//! Receives a body: of the right kind, within bounds of size and time.

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use futures::StreamExt;

use super::admission::Tenant;
use super::refusal::Refusal;
use crate::config::ServiceLimits;

/// Bodies that are not wanted are still received up to so many times the limit, then the connection is cut.
const PATIENCE: usize = 8;

/// Whether the body is said to be JSON, and not to be too large. A form of a web page cannot say that it is JSON without
/// asking first (CORS).
pub(crate) fn check_headers(headers: &HeaderMap, limits: &ServiceLimits) -> Result<(), Refusal> {
    let found = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let found = found.unwrap_or_default();
    if !found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json") {
        return Err(Refusal::WrongContentType { found });
    }
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    match announced.is_some_and(|bytes| bytes > limits.body_bytes as u64) {
        true => Err(Refusal::BodyTooLarge { limit: limits.body_bytes }),
        false => Ok(()),
    }
}

/// Whose request it is, as whoever stands before the service says: tenants take turns, and share no process in which code was
/// evaluated.
pub(crate) fn tenant(headers: &HeaderMap) -> Result<Tenant, Refusal> {
    let Some(value) = headers.get(TENANT) else { return Ok(None) };
    let name = value.to_str().ok().filter(|name| !name.is_empty() && name.len() <= TENANT_BYTES);
    let problem = || format!("{TENANT} is not a name of at most {TENANT_BYTES} printable characters");
    name.map(|name| Some(name.to_owned())).ok_or_else(|| Refusal::Malformed { problem: problem() })
}

/// The header that names a tenant, and bytes of such a name.
const TENANT: &str = "hoist-tenant";
const TENANT_BYTES: usize = 128;

/// Reads the body.
pub(crate) async fn read(body: Body, limits: &ServiceLimits) -> Result<Vec<u8>, Refusal> {
    let limit = limits.body_bytes;
    let collect = async {
        let mut body = body.into_data_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = body.next().await {
            let chunk =
                chunk.map_err(|error| Refusal::Malformed { problem: format!("its body broke off: {error}") })?;
            if bytes.len() + chunk.len() > limit {
                bytes.clear();
                forget(&mut body, limit).await;
                return Err(Refusal::BodyTooLarge { limit });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    };
    let timeout = Refusal::BodyTimeout { limit: limits.body_wait };
    tokio::time::timeout(limits.body_wait, collect).await.unwrap_or(Err(timeout))
}

/// Receives a body and forgets it: a client that is cut off while it sends does not see the answer.
pub(crate) async fn discard(body: Body, limits: &ServiceLimits) {
    // Too late is as good as done.
    let _ = tokio::time::timeout(limits.body_wait, forget(&mut body.into_data_stream(), limits.body_bytes)).await;
}

async fn forget(body: &mut BodyDataStream, limit: usize) {
    let mut bytes = 0_usize;
    while bytes < limit.saturating_mul(PATIENCE) {
        match body.next().await {
            Some(Ok(chunk)) => bytes += chunk.len(),
            Some(Err(_)) | None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn check(kind: Option<&str>, length: &str) -> Result<(), &'static str> {
        let second = Duration::from_secs(1);
        let limits = ServiceLimits {
            runs: 1,
            queue: 1,
            queue_wait: second,
            body_bytes: 10,
            body_wait: second,
            connections: 1,
            header_wait: second,
            drain: second,
        };
        let mut headers = HeaderMap::from_iter([(CONTENT_LENGTH, length.parse().unwrap())]);
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, kind.parse().unwrap());
        }
        check_headers(&headers, &limits).map_err(|refusal| refusal.code())
    }

    #[test]
    fn only_json_is_taken() {
        for kind in ["application/json", "Application/JSON; charset=utf-8"] {
            assert_eq!(check(Some(kind), "10"), Ok(()), "{kind}");
        }
        for kind in [Some("text/plain"), Some("application/jsonx"), Some(""), None] {
            assert_eq!(check(kind, "1"), Err("wrong-content-type"), "{kind:?}");
        }
    }

    #[test]
    fn a_large_body_is_refused_before_it_comes() {
        assert_eq!(check(Some("application/json"), "11"), Err("body-too-large"));
    }
}
