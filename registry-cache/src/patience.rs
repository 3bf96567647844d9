//! How many requests are in flight, to all hosts and to each, and how long is waited before one is made again.
//!
//! A request keeps its place at its host while it pauses, so that a host which asks for less gets less, but not its place
//! among all, so that one slow host does not hold up the others.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use url::Url;

use crate::limits::NetworkOptions;

/// The places of requests.
#[derive(Debug)]
pub(crate) struct Places {
    all: Semaphore,
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Places {
    pub(crate) fn new(network: &NetworkOptions) -> Self {
        Self {
            all: Semaphore::new(network.concurrent_requests.max(1)),
            per_host: network.requests_per_host.max(1),
            hosts: Mutex::default(),
        }
    }

    /// A place among all requests.
    pub(crate) async fn any(&self) -> SemaphorePermit<'_> {
        self.all.acquire().await.expect("this semaphore is never closed")
    }

    /// A place among the requests to this URL's host.
    pub(crate) async fn at_host(&self, url: &Url) -> OwnedSemaphorePermit {
        let origin = url.origin().ascii_serialization();
        let host = {
            let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
            // Packuments name hosts as they like; only those in use are remembered.
            hosts.retain(|_, host| Arc::strong_count(host) > 1);
            hosts.entry(origin).or_insert_with(|| Arc::new(Semaphore::new(self.per_host))).clone()
        };
        host.acquire_owned().await.expect("this semaphore is never closed")
    }
}

/// How long to wait after this attempt, the first being 1; none when the registry asks for more than we grant.
///
/// Our own pause doubles, and half of it is chosen by lot, so that what failed together does not come back together. What
/// the registry asks for is a least, and the lot comes on top.
pub(crate) fn pause(network: &NetworkOptions, attempt: u32, asked: Option<Duration>) -> Option<Duration> {
    let doubled = network.retry_pause.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let doubled = doubled.min(network.retry_pause_most);
    match asked {
        Some(asked) if asked > network.retry_after_most => None,
        Some(asked) => Some(asked + part(network.retry_pause)),
        None => Some(doubled / 2 + part(doubled / 2)),
    }
}

/// A part of this duration, by lot. The standard library seeds its hashes from the system's randomness.
fn part(of: Duration) -> Duration {
    let lot = RandomState::new().hash_one(0u8) >> 32;
    of.mul_f64(lot as f64 / f64::from(u32::MAX))
}

/// RFC 9110, section 10.2.3: seconds, or a date.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) && !text.is_empty() {
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn pauses_double_within_their_bound_and_are_spread() {
        let network = NetworkOptions { retry_pause: SECOND, retry_pause_most: 3 * SECOND, ..NetworkOptions::default() };
        for (attempt, most) in [(1, SECOND), (2, 2 * SECOND), (3, 3 * SECOND), (40, 3 * SECOND), (u32::MAX, 3 * SECOND)]
        {
            let pauses: Vec<Duration> = (0..50).map(|_| pause(&network, attempt, None).unwrap()).collect();
            assert!(pauses.iter().all(|pause| *pause >= most / 2 && *pause <= most), "{attempt}: {pauses:?}");
            assert!(pauses.iter().any(|pause| *pause != pauses[0]), "fifty times the same lot");
        }
    }

    #[test]
    fn what_is_asked_for_is_a_least_and_has_a_most() {
        let network = NetworkOptions { retry_after_most: 60 * SECOND, ..NetworkOptions::default() };
        let granted = pause(&network, 1, Some(60 * SECOND)).unwrap();
        assert!(granted >= 60 * SECOND && granted <= 60 * SECOND + network.retry_pause);
        assert_eq!(pause(&network, 1, Some(61 * SECOND)), None);
        assert!(pause(&network, 1, Some(Duration::ZERO)).unwrap() <= network.retry_pause);
    }

    #[test]
    fn seconds_and_dates() {
        let now = SystemTime::UNIX_EPOCH + 784_111_777 * SECOND;
        assert_eq!(retry_after(" 120 ", now), Some(120 * SECOND));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(10 * SECOND));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("99999999999999999999999", now), Some(Duration::from_secs(u64::MAX)));
        for odd in ["", "soon", "-1", "1.5", "+3"] {
            assert_eq!(retry_after(odd, now), None, "{odd}");
        }
    }

    #[tokio::test]
    async fn a_host_that_nobody_asks_is_forgotten() {
        let places = Places::new(&NetworkOptions { requests_per_host: 1, ..NetworkOptions::default() });
        let url = |text: &str| Url::parse(text).unwrap();
        let held = places.at_host(&url("http://a.invalid/x")).await;
        for host in 0..50 {
            drop(places.at_host(&url(&format!("http://h{host}.invalid/"))).await);
        }
        assert!(places.hosts.lock().unwrap().len() <= 2);
        let same_host = url("http://a.invalid/y");
        let mut second = Box::pin(places.at_host(&same_host));
        assert!(futures::poll!(second.as_mut()).is_pending());
        drop(held);
        drop(second.await);
    }
}
