use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

use super::*;

/// A package that npm's registry signed, with the key of that time; both are facts that anybody can look up there.
const MESSAGE: &str = "tiny-tarball@1.0.0:sha512-SxmEuEiq4d9L2UjUCyP7g3KHND65MJnsFbEwCbaoMp9NYjHjufAzIUCRaRHB+FNTwzZ1e2xjBoYobBB8pqB5IQ==";
const KEYID: &str = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA";
const KEY: &str = "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkhBktUgg==";
const SIGNATURE: &str =
    "MEUCICguG74eMv+l6RBT6cDoOhWysqtjms2zSXyWwg6LC5XnAiEAq1VSNbCx+D4LT6lgzYx0JGs0PPWKgP9XuQn8tniow2c=";

fn signature(keyid: &str, sig: &str) -> Signature {
    Signature { keyid: keyid.to_owned(), sig: sig.to_owned() }
}

fn keys(keyid: &str, kind: &str, key: &str, expires: Option<&str>) -> RegistryKeys {
    let document = json!({"keys": [{"keyid": keyid, "keytype": kind, "scheme": kind, "key": key, "expires": expires}]});
    RegistryKeys::parse(document.to_string().as_bytes()).unwrap()
}

fn date(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

#[test]
fn what_npm_signed_is_right() {
    let keys = keys(KEYID, KIND, KEY, Some("2025-01-29T00:00:00.000Z"));
    let (before, after, now) =
        (date("2015-03-24T00:00:00Z"), date("2025-01-29T00:00:00Z"), date("2026-11-26T00:00:00Z"));
    let verify = |message: &str, published| keys.verify(message, &signature(KEYID, SIGNATURE), published, now);
    assert_eq!(verify(MESSAGE, Published::At(before)), Verdict::Right);
    assert_eq!(verify(MESSAGE, Published::By(before)), Verdict::Right);
    assert_eq!(verify(MESSAGE, Published::By(after)), Verdict::Undated);
    assert_eq!(verify(MESSAGE, Published::Unknown), Verdict::Undated);
    assert!(matches!(verify(MESSAGE, Published::At(after)), Verdict::Wrong(why) if why.contains("expired")));
    // Somebody else's bytes, version or name.
    for changed in ["Q==", "tiny-tarball@1.0.1", "tiny-tarbal@1.0.0"] {
        let message = match changed {
            "Q==" => MESSAGE.replace("IQ==", "Iw=="),
            changed => MESSAGE.replace("tiny-tarball@1.0.0", changed),
        };
        assert!(matches!(verify(&message, Published::At(before)), Verdict::Wrong(why) if why.contains("does not fit")));
    }
}

#[test]
fn a_key_that_will_expire_counts_for_everything_yet() {
    let keys = keys(KEYID, KIND, KEY, Some("2025-01-29T00:00:00.000Z"));
    let verdict = keys.verify(MESSAGE, &signature(KEYID, SIGNATURE), Published::Unknown, date("2025-01-28T00:00:00Z"));
    assert_eq!(verdict, Verdict::Right);
}

#[test]
fn keys_and_signatures_can_be_anything() {
    let now = date("2026-11-26T00:00:00Z");
    let good = keys(KEYID, KIND, KEY, None);
    let verify = |keys: &RegistryKeys, keyid: &str, sig: &str| {
        keys.verify(MESSAGE, &signature(keyid, sig), Published::Unknown, now)
    };
    assert_eq!(verify(&good, KEYID, SIGNATURE), Verdict::Right);
    assert_eq!(verify(&good, "SHA256:other", SIGNATURE), Verdict::UnknownKey);
    assert_eq!(verify(&RegistryKeys::default(), KEYID, SIGNATURE), Verdict::UnknownKey);
    for sig in ["", "!", "AAAA", KEY] {
        assert!(matches!(verify(&good, KEYID, sig), Verdict::Wrong(_)), "{sig}");
    }
    for key in ["", "AAAA", SIGNATURE] {
        assert!(matches!(verify(&keys(KEYID, KIND, key, None), KEYID, SIGNATURE), Verdict::Wrong(_)), "{key}");
    }
    let odd = keys(KEYID, "ssh-rsa", KEY, None);
    assert!(matches!(verify(&odd, KEYID, SIGNATURE), Verdict::Wrong(why) if why.contains("ssh-rsa")));
}

#[test]
fn a_key_made_here_signs_and_verifies() {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let key = BASE64_STANDARD.encode(AsDer::as_der(pair.public_key()).unwrap().as_ref());
    let sig = BASE64_STANDARD.encode(pair.sign(&SystemRandom::new(), b"a@1.0.0:sha512-x").unwrap());
    let keys = keys("own", KIND, &key, None);
    let verify =
        |message| keys.verify(message, &signature("own", &sig), Published::Unknown, date("2026-11-26T00:00:00Z"));
    assert_eq!(verify("a@1.0.0:sha512-x"), Verdict::Right);
    assert!(matches!(verify("a@1.0.0:sha512-y"), Verdict::Wrong(_)));
}

#[test]
fn answers_that_are_no_keys() {
    assert!(RegistryKeys::parse(br#"{"keys": []}"#).unwrap().is_empty());
    assert!(RegistryKeys::parse(b"{}").unwrap().is_empty());
    for (body, words) in [
        ("", "no list"),
        ("7", "no list"),
        (r#"{"keys": {}}"#, "no list"),
        (r#"{"keys": [{"keyid": "a", "keytype": "b", "key": "!"}]}"#, "base64"),
        (r#"{"keys": [{"keyid": "a", "keytype": "b", "key": "", "expires": "soon"}]}"#, "date"),
    ] {
        let problem = RegistryKeys::parse(body.as_bytes()).unwrap_err();
        assert!(problem.contains(words), "{body}: {problem}");
    }
}
