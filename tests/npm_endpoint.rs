//! The npm registry of `hoist serve`, as its HTTP clients see it.

use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::place::{Place, finish};
use crate::registry::{Fault, Registry};
use crate::serve::{Answer, Service};
use crate::universe::UNIVERSE;

const ABBREVIATED: (&str, &str) =
    ("accept", "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*");

async fn get(service: &Service, path: &str) -> Answer {
    service.ask(Method::GET, path, &[]).await
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[tokio::test]
async fn documents_and_tarballs_are_passed_on_and_kept() {
    let service = Service::start_with("npm-pass-on", &[], Registry::start());
    let full = get(&service, "/npm/majors").await;
    full.assert(200, "/dist-tags/latest", json!("2.0.0"));
    assert_eq!(header(&full, "content-type"), "application/json");
    let tarball = format!("{}/npm/majors/-/majors-2.0.0.tgz", service.url());
    assert_eq!(full.json()["versions"]["2.0.0"]["dist"]["tarball"], json!(tarball));
    assert!(full.json()["time"].is_object(), "{}", full.text);
    let short = service.ask(Method::GET, "/npm/majors", &[ABBREVIATED]).await;
    assert_eq!(header(&short, "content-type"), "application/vnd.npm.install-v1+json");
    assert!(short.json().get("time").is_none(), "{}", short.text);

    for path in ["/npm/@scope%2ftool", "/npm/@scope%2Ftool", "/npm/@scope/tool", "/npm/%40scope%2ftool"] {
        get(&service, path).await.assert(200, "/name", json!("@scope/tool"));
    }
    get(&service, "/npm/-/package/@scope%2ftool/dist-tags").await.assert(200, "/latest", json!("1.0.0"));
    get(&service, "/npm/majors/1.2.0").await.assert(200, "/version", json!("1.2.0"));
    get(&service, "/npm/majors/latest").await.assert(200, "/version", json!("2.0.0"));
    get(&service, "/npm/-/ping").await.assert(200, "", json!({}));
    assert!(get(&service, "/npm/-/npm/v1/keys").await.json()["keys"].is_array());

    service.registry().take_requests();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    for _ in 0..2 {
        let response = client.get(&tarball).send().await.unwrap();
        assert_eq!(response.headers()["content-type"], "application/octet-stream");
        let bytes = response.bytes().await.unwrap();
        assert_eq!(Sha512::digest(&bytes), Sha512::digest(&UNIVERSE["majors"].versions["2.0.0"].tarball));
    }
    let requests = service.registry().take_requests();
    assert_eq!(requests.get("/majors/-/majors-2.0.0.tgz"), Some(&1), "{requests:#?}");
    service.stop();
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let service = Service::start_with("npm-etags", &[], Registry::start());
    for path in ["/npm/majors", "/npm/majors/-/majors-2.0.0.tgz"] {
        let first = get(&service, path).await;
        let etag = header(&first, "etag").to_owned();
        assert!(etag.len() > 20, "{etag}");
        let again = service.ask(Method::GET, path, &[("if-none-match", &etag)]).await;
        assert_eq!((again.status, again.text.as_str(), header(&again, "etag")), (304, "", etag.as_str()));
        let changed = service.ask(Method::GET, path, &[("if-none-match", "\"other\"")]).await;
        assert_eq!(changed.status, 200);
        let head = service.ask(Method::HEAD, path, &[]).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        assert_eq!(header(&head, "content-length"), header(&first, "content-length"));
    }
    service.stop();
}

#[tokio::test]
async fn what_it_does_not_do_is_said_as_npm_shows_it() {
    let service = Service::start_with("npm-refusals", &[], Registry::start());
    let say = |answer: &Answer| answer.json()["error"].as_str().unwrap().to_owned();
    for method in [Method::PUT, Method::POST, Method::DELETE] {
        let answer = service.ask(method, "/npm/majors", &[]).await;
        answer.assert(405, "/code", json!("read-only-registry"));
        assert!(say(&answer).contains("read-only"), "{}", answer.text);
        assert_eq!(header(&answer, "allow"), "GET, HEAD");
    }
    for path in ["/npm/-/npm/v1/security/advisories/bulk", "/npm/-/npm/v1/security/audits/quick"] {
        service.ask(Method::POST, path, &[]).await.assert(404, "/code", json!("not-found"));
    }
    for (path, code) in [
        ("/npm/never-published", "unknown-package"),
        ("/npm/majors/9.9.9", "no-such-version"),
        ("/npm/majors/-/majors-9.9.9.tgz", "no-such-tarball"),
        ("/npm/-/whoami", "not-found"),
        ("/npm/-/v1/search?text=x", "not-found"),
        ("/npm/.hidden", "not-found"),
        ("/npm/a%2f..%2f..%2fetc", "not-found"),
    ] {
        let answer = get(&service, path).await;
        answer.assert(404, "/code", json!(code));
        assert!(!say(&answer).is_empty());
    }
    service.registry().set_faults([("callable".to_owned(), Fault::WrongIntegrity)].into());
    get(&service, "/npm/callable/-/callable-1.0.0.tgz").await.assert(502, "/code", json!("wrong-integrity"));
    service.registry().set_faults([("dual".to_owned(), Fault::Error)].into());
    get(&service, "/npm/dual").await.assert(502, "/code", json!("registry-status"));
    let foreign = service.ask(Method::GET, "/npm/majors", &[("host", "evil.example")]).await;
    foreign.assert(403, "/error/code", json!("foreign-host"));
    service.stop();
}

#[tokio::test]
async fn without_a_connection_only_what_is_kept_is_there() {
    let registry = Registry::start();
    let place = Place::with_registry("npm-closed", &registry.url());
    place.write("package.json", r#"{"dependencies": {"majors": "1"}}"#);
    let command = place.hoist(&["prewarm", "package.json"]);
    let finished = tokio::task::spawn_blocking(|| finish(command)).await.unwrap();
    assert_eq!(finished.code(), 0, "{}", finished.describe());
    registry.take_requests();
    let service = Service::start_in(place, &["--offline"], registry);
    get(&service, "/npm/majors").await.assert(200, "/name", json!("majors"));
    assert_eq!(get(&service, "/npm/majors/-/majors-1.10.0.tgz").await.status, 200);
    for path in ["/npm/majors/-/majors-2.0.0.tgz", "/npm/dual"] {
        let answer = get(&service, path).await;
        answer.assert(404, "/code", json!("offline"));
        let text = answer.json()["error"].clone();
        assert!(matches!(&text, Value::String(text) if text.contains("offline") && text.contains("prewarm")), "{text}");
    }
    assert!(service.registry().take_requests().is_empty());
    service.stop();
}
