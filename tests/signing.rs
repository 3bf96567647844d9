//! What the tests' registry signs with: a key that is made anew for each run of the tests (npm's documentation, "About
//! ECDSA registry signatures").

use std::sync::LazyLock;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::universe::Signing;

static KEY: LazyLock<EcdsaKeyPair> =
    LazyLock::new(|| EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key"));

const KEYID: &str = "SHA256:of-the-tests";
const KIND: &str = "ecdsa-sha2-nistp256";

/// What stands at `/-/npm/v1/keys`.
pub(crate) fn keys() -> Value {
    let key = STANDARD.encode(AsDer::as_der(KEY.public_key()).expect("a key of ours").as_ref());
    json!({"keys": [{"keyid": KEYID, "keytype": KIND, "scheme": KIND, "key": key, "expires": null}]})
}

/// What stands in a version's `dist.signatures`.
pub(crate) fn signature(signing: Signing, name: &str, version: &str, integrity: &str) -> Value {
    let (keyid, integrity) = match signing {
        Signing::Right => (KEYID, integrity),
        Signing::OtherBytes => (KEYID, "sha512-of-other-bytes"),
        Signing::UnknownKey => ("SHA256:of-nobody", integrity),
    };
    let message = format!("{name}@{version}:{integrity}");
    let sig = KEY.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
    json!({"keyid": keyid, "sig": STANDARD.encode(sig)})
}
