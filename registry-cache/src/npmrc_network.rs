//! What `.npmrc` files and `npm_config_*` variables say about connections: proxies, certificates, patience.
//!
//! Follows npm's documentation of its settings ("config"). `strict-ssl` is not read: connections are always verified,
//! because nothing else vouches for a packument, and the error of a certificate says so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;
use crate::limits::NetworkOptions;
use crate::npmrc_text::Settings;

/// What separates the certificates of a PEM text.
const PEM_END: &str = "-----END CERTIFICATE-----";

impl NetworkOptions {
    /// These options, changed as the settings say. Takes what [`crate::Registries::parse`] takes.
    pub fn with_npmrc(
        self,
        npmrc_texts: &[(String, String)],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let settings = Settings::read(npmrc_texts, environment);
        let text = |key: &str| settings.text(key).map(str::to_owned);
        let milliseconds = |key: &str| settings.number(key).map(Duration::from_millis);
        let proxy = text("proxy").or_else(|| text("http-proxy"));
        let https_proxy = text("https-proxy");
        // npm's client, too, uses one for both where only one is set.
        Ok(Self {
            http_proxy: proxy.clone().or_else(|| https_proxy.clone()).or(self.http_proxy),
            https_proxy: https_proxy.or(proxy).or(self.https_proxy),
            no_proxy: text("noproxy").or_else(|| text("no-proxy")).or(self.no_proxy),
            authorities: authorities(&settings, environment)?.or(self.authorities),
            requests_per_host: count(&settings, "maxsockets").unwrap_or(self.requests_per_host),
            attempts: settings.number("fetch-retries").map_or(self.attempts, attempts),
            retry_pause: milliseconds("fetch-retry-mintimeout").unwrap_or(self.retry_pause),
            retry_pause_most: milliseconds("fetch-retry-maxtimeout").unwrap_or(self.retry_pause_most),
            request_timeout: milliseconds("fetch-timeout")
                .filter(|most| !most.is_zero())
                .unwrap_or(self.request_timeout),
            ..self
        })
    }
}

/// `ca` and `cafile` are the only authorities that are trusted then, as npm's are; `ca` wins.
fn authorities(settings: &Settings, environment: &BTreeMap<String, String>) -> Result<Option<Vec<String>>, Error> {
    let given: Vec<String> = match settings.texts("ca") {
        [null] if matches!(null.as_str(), "null" | "false") => Vec::new(),
        // In one line, a line's end is written as \n.
        texts => texts.iter().map(|text| text.replace("\\n", "\n")).collect(),
    };
    if !given.is_empty() {
        return Ok(Some(given));
    }
    let Some(file) = settings.text("cafile") else { return Ok(None) };
    let path = at_home(file, environment);
    let problem = |detail: String| Error::Network { detail: format!("cafile {}: {detail}", path.display()) };
    let text = std::fs::read_to_string(&path).map_err(|error| problem(error.to_string()))?;
    match text.contains(PEM_END) {
        true => Ok(Some(vec![text])),
        false => Err(problem("it holds no certificate in PEM form".to_owned())),
    }
}

/// A path of a setting: `~/` is the home folder.
pub(crate) fn at_home(path: &str, environment: &BTreeMap<String, String>) -> PathBuf {
    match (path.strip_prefix("~/"), environment.get("HOME")) {
        (Some(rest), Some(home)) => Path::new(home).join(rest),
        _ => PathBuf::from(path),
    }
}

fn count(settings: &Settings, key: &str) -> Option<usize> {
    usize::try_from(settings.number(key)?).ok().filter(|count| *count > 0)
}

/// What npm counts are the attempts after the first.
fn attempts(retries: u64) -> u32 {
    u32::try_from(retries.saturating_add(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(text: &str) -> Result<NetworkOptions, Error> {
        let environment = BTreeMap::from([("HOME".to_owned(), "/nowhere".to_owned())]);
        NetworkOptions::default().with_npmrc(&[("file".to_owned(), text.to_owned())], &environment)
    }

    #[test]
    fn proxies_and_patience() {
        let both = options("proxy=http://user:secret@p.invalid/\nhttps-proxy=http://q.invalid/\nnoproxy=a,b").unwrap();
        assert_eq!(both.http_proxy.as_deref(), Some("http://user:secret@p.invalid/"));
        assert_eq!((both.https_proxy.as_deref(), both.no_proxy.as_deref()), (Some("http://q.invalid/"), Some("a,b")));
        assert!(!format!("{both:?}").contains("secret"));
        assert_eq!(options("proxy=http://p.invalid/").unwrap().https_proxy.as_deref(), Some("http://p.invalid/"));
        assert_eq!(options("proxy=null\nhttps-proxy=false").unwrap().https_proxy, None);
        let patient = options(
            "maxsockets=3\nfetch-retries=0\nfetch-retry-mintimeout=7\nfetch-retry-maxtimeout=8\nfetch-timeout=9",
        )
        .unwrap();
        assert_eq!((patient.requests_per_host, patient.attempts), (3, 1));
        assert_eq!((patient.retry_pause.as_millis(), patient.retry_pause_most.as_millis()), (7, 8));
        assert_eq!(patient.request_timeout.as_millis(), 9);
        // npm tells its scripts who it is; we are somebody else.
        let odd = options("maxsockets=0\nfetch-retries=some\nfetch-timeout=0\nuser-agent=npm/1").unwrap();
        let default = NetworkOptions::default();
        assert_eq!((odd.requests_per_host, odd.attempts), (default.requests_per_host, default.attempts));
        assert_eq!((odd.request_timeout, odd.user_agent), (default.request_timeout, default.user_agent));
    }

    #[test]
    fn authorities_are_named_and_a_bad_file_is_an_error() {
        let given = options(r#"ca[]="-----BEGIN\n1""#).unwrap().authorities.unwrap();
        assert_eq!(given, ["-----BEGIN\n1"]);
        assert_eq!(options(r"ca=a\nb").unwrap().authorities.unwrap(), ["a\nb"]);
        assert_eq!(options("ca=null").unwrap().authorities, None);
        let error = options("cafile=~/none.pem").unwrap_err();
        assert_eq!(error.code(), "network-settings");
        assert!(error.to_string().contains("/nowhere/none.pem"), "{error}");
    }
}
