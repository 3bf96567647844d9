//! Who may ask. The service listens on loopback, which every web page in a browser of this machine can reach.
//!
//! A page that has its own name resolve to a loopback address (DNS rebinding) is known by `Host`: it holds that name. A
//! page that simply posts to us is known by `Origin`. An address in `Host` is no name that somebody could bend, and its
//! port says nothing (it may be forwarded).

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

use super::refusal::Refusal;

/// Checks `Host` and `Origin`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Guard {
    listen: IpAddr,
}

impl Guard {
    /// For a service that listens on this address.
    pub(crate) fn new(listen: IpAddr) -> Self {
        Self { listen }
    }

    /// Refuses requests that were meant for somebody else or come from a page of somebody else's. `authority` is that of
    /// a request whose target is a whole URL.
    pub(crate) fn check(&self, headers: &HeaderMap, authority: Option<&str>) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let host = hosts.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let foreign = |host: &str| Refusal::ForeignHost { host: host.to_owned() };
        if hosts.next().is_some() || !self.is_ours(host) {
            return Err(foreign(host));
        }
        if let Some(authority) = authority
            && !self.is_ours(authority)
        {
            return Err(foreign(authority));
        }
        for origin in headers.get_all(ORIGIN) {
            let origin = origin.to_str().unwrap_or_default();
            if origin.to_ascii_lowercase().strip_prefix("http://") != Some(host.to_ascii_lowercase().as_str()) {
                return Err(Refusal::ForeignOrigin { origin: origin.to_owned() });
            }
        }
        Ok(())
    }

    fn is_ours(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        if host.eq_ignore_ascii_case("localhost") {
            return true;
        }
        match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            Ok(address) => {
                address.is_loopback() || self.listen.is_unspecified() || address == self.listen.to_canonical()
            }
            Err(_) => false,
        }
    }
}

/// The host of `host`, `host:port`, `[address]` or `[address]:port`.
fn host_of(authority: &str) -> Option<&str> {
    let (host, rest) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    match rest.strip_prefix(':') {
        Some(port) => port.parse::<u16>().is_ok().then_some(host),
        None => rest.is_empty().then_some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(listen: &str, host: Option<&str>, origin: Option<&str>) -> Result<(), &'static str> {
        let mut headers = HeaderMap::new();
        for (name, value) in [(HOST, host), (ORIGIN, origin)] {
            if let Some(value) = value {
                headers.insert(name, value.parse().unwrap());
            }
        }
        Guard::new(listen.parse().unwrap()).check(&headers, None).map_err(|refusal| refusal.code())
    }

    #[test]
    fn loopback_and_the_own_address_are_hosts() {
        for host in ["127.0.0.1:8787", "localhost", "LOCALHOST:1", "[::1]:8787", "127.8.8.8", "[::ffff:127.0.0.1]"] {
            assert_eq!(check("127.0.0.1", Some(host), None), Ok(()), "{host}");
        }
        assert_eq!(check("10.0.0.5", Some("10.0.0.5:80"), None), Ok(()));
        assert_eq!(check("0.0.0.0", Some("10.0.0.5:80"), None), Ok(()));
    }

    #[test]
    fn other_hosts_are_refused() {
        for host in [
            "evil.example",
            "evil.example:8787",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "10.0.0.5",
            "",
            "localhost:x",
            "[::1",
            "a@localhost",
            "2130706433",
        ] {
            assert_eq!(check("127.0.0.1", Some(host), None), Err("foreign-host"), "{host}");
        }
        assert_eq!(check("0.0.0.0", Some("evil.example"), None), Err("foreign-host"));
        assert_eq!(check("127.0.0.1", None, None), Err("foreign-host"));
    }

    #[test]
    fn two_hosts_are_one_too_many() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, "localhost".parse().unwrap());
        headers.append(HOST, "localhost".parse().unwrap());
        let guard = Guard::new("127.0.0.1".parse().unwrap());
        assert!(guard.check(&headers, None).is_err());
        headers.remove(HOST);
        headers.append(HOST, "localhost".parse().unwrap());
        assert!(guard.check(&headers, Some("evil.example")).is_err());
        assert_eq!(guard.check(&headers, Some("localhost:1")), Ok(()));
    }

    #[test]
    fn only_the_own_origin_counts() {
        let host = Some("localhost:8787");
        assert_eq!(check("127.0.0.1", host, Some("http://localhost:8787")), Ok(()));
        for origin in [
            "http://localhost:3000",
            "https://localhost:8787",
            "http://evil.example",
            "null",
            "",
            "http://localhost:8787.evil.example",
            "file://",
        ] {
            assert_eq!(check("127.0.0.1", host, Some(origin)), Err("foreign-origin"), "{origin}");
        }
    }
}
