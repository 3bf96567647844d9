//! Who signs mirrors: ed25519 keys. The only file that names the signature's crate.
//!
//! A public key is 32 bytes, no longer than a fingerprint of it would be, so it is its own fingerprint.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// Before the letters of a public key.
const PREFIX: &str = "hoist-key-1:";

/// What is signed begins with this, so that no signature of ours means anything elsewhere.
const CONTEXT: &[u8] = b"hoist mirror, version 1\0";

/// A public key, as `hoist-key-1:` and its bytes in base64url.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct MirrorKey([u8; 32]);

impl MirrorKey {
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Whether this key has signed this digest. Strict: no second signature can be made from one.
    pub(crate) fn has_signed(&self, digest: &[u8; 32], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(&message(digest), &signature).is_ok())
    }
}

impl fmt::Display for MirrorKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl FromStr for MirrorKey {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let letters = text.strip_prefix(PREFIX).ok_or_else(|| format!("a key begins with {PREFIX}"))?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(letters).map_err(|_| "a key is base64url".to_owned())?;
        bytes.try_into().map(Self).map_err(|_| "a key has 32 bytes".to_owned())
    }
}

/// A key that signs. It is never printed.
#[derive(Clone)]
pub struct MirrorSigner(SigningKey);

impl MirrorSigner {
    /// The key that comes of these random bytes.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// What it comes of.
    pub(crate) fn seed(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Its public half.
    pub fn key(&self) -> MirrorKey {
        MirrorKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, digest: &[u8; 32]) -> [u8; 64] {
        self.0.sign(&message(digest)).to_bytes()
    }
}

impl fmt::Debug for MirrorSigner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("MirrorSigner").field(&self.key().to_string()).finish()
    }
}

fn message(digest: &[u8; 32]) -> Vec<u8> {
    [CONTEXT, digest].concat()
}
