//! The rule `signatures`: a registry's keys, and what they have signed.
//!
//! The only file that names the cryptography [aws-lc-rs]. Follows npm's documentation "About ECDSA registry signatures":
//! the keys of a registry stand at `/-/npm/v1/keys`, each signs `name@version:integrity` (ECDSA over P-256 and SHA-256),
//! and one that has expired counts for what was published before. As with `npm audit signatures`, every signature of a
//! version must be right, and one by a key that the registry does not know is wrong.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::age::date_text;
use crate::packument::Signature;

/// npm's name for the one kind of key that there is.
const KIND: &str = "ecdsa-sha2-nistp256";

/// The keys of a registry.
#[derive(Clone, Debug, Default)]
pub(crate) struct RegistryKeys {
    keys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    keyid: String,
    kind: String,
    /// A SubjectPublicKeyInfo.
    der: Vec<u8>,
    expires: Option<DateTime<Utc>>,
}

/// What is known of when a version was published.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Published {
    /// Then.
    At(DateTime<Utc>),
    /// Not after this.
    By(DateTime<Utc>),
    /// Nothing.
    Unknown,
}

/// What comes of one signature.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It is right.
    Right,
    /// The registry's keys, as they are known, do not have this one.
    UnknownKey,
    /// It is right if the version was published before its key expired, which is not known.
    Undated,
    /// It is not; why.
    Wrong(String),
}

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    keys: Vec<DocumentKey>,
}

#[derive(Deserialize)]
struct DocumentKey {
    keyid: String,
    keytype: String,
    key: String,
    expires: Option<String>,
}

impl RegistryKeys {
    /// Reads what a registry answers. The error says what it is instead of keys.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(body).map_err(|error| format!("no list of keys ({error})"))?;
        let keys = document.keys.into_iter().map(|key| {
            let broken = |what: &str| format!("the key {:?}, whose {what} cannot be read", key.keyid);
            let expires = match &key.expires {
                Some(text) => Some(DateTime::parse_from_rfc3339(text).map_err(|_| broken("date"))?.to_utc()),
                None => None,
            };
            let der = BASE64_STANDARD.decode(&key.key).map_err(|_| broken("base64"))?;
            Ok(Key { keyid: key.keyid, kind: key.keytype, der, expires })
        });
        Ok(Self { keys: keys.collect::<Result<_, String>>()? })
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Verifies one signature of `message`.
    pub(crate) fn verify(
        &self,
        message: &str,
        signature: &Signature,
        published: Published,
        now: DateTime<Utc>,
    ) -> Verdict {
        let Some(key) = self.keys.iter().find(|key| key.keyid == signature.keyid) else { return Verdict::UnknownKey };
        if key.kind != KIND {
            return Verdict::Wrong(format!("the key {} is of the kind {:?}, not {KIND}", key.keyid, key.kind));
        }
        let right = BASE64_STANDARD.decode(&signature.sig).is_ok_and(|bytes| {
            UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &key.der).verify(message.as_bytes(), &bytes).is_ok()
        });
        if !right {
            return Verdict::Wrong(format!("it does not fit its name, version and integrity (key {})", key.keyid));
        }
        key.judge(published, now)
    }
}

impl Key {
    /// Whether it counts for what was published then.
    fn judge(&self, published: Published, now: DateTime<Utc>) -> Verdict {
        let Some(expires) = self.expires.filter(|expires| *expires <= now) else { return Verdict::Right };
        match published {
            Published::At(date) | Published::By(date) if date < expires => Verdict::Right,
            Published::At(date) => Verdict::Wrong(format!(
                "the key {} expired at {}, and the version was published at {}",
                self.keyid,
                date_text(expires),
                date_text(date)
            )),
            Published::By(_) | Published::Unknown => Verdict::Undated,
        }
    }
}

#[cfg(test)]
#[path = "signature_tests.rs"]
mod tests;
