use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use super::*;
use crate::tarball::archive::gzip;
use crate::test_faults::{Clients, FaultyRegistry, Step, answer, certificate, head, tls};

/// 1994-11-06 08:49:37 UTC, the date of RFC 9110's examples.
fn clock() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(784_111_777)
}

fn quick() -> NetworkOptions {
    NetworkOptions { retry_pause: Duration::ZERO, ..NetworkOptions::default() }
}

fn client_with(npmrc: &str, network: NetworkOptions, limits: &Limits) -> Result<Client, Error> {
    let registries = Registries::parse(&[(".npmrc".to_owned(), npmrc.to_owned())], &BTreeMap::new())?;
    Ok(Client::new(registries, network, limits, clock))
}

fn client(registry: &FaultyRegistry) -> Client {
    client_with(&format!("registry={}", registry.url), quick(), &Limits::default()).unwrap()
}

async fn get(client: &Client) -> Result<PackumentAnswer, Error> {
    client.packument(&PackageName::parse("a").unwrap(), Form::Abbreviated, None).await
}

async fn code(client: &Client) -> &'static str {
    get(client).await.unwrap_err().code()
}

fn good() -> Vec<Step> {
    answer(200, "", b"{\"name\":\"a\"}")
}

#[tokio::test]
async fn passing_failures_are_asked_about_again() {
    let short = || vec![Step::Send([head(200, "", 50).as_bytes(), b"{"].concat()), Step::Close];
    let passing: [(&str, Vec<Step>); 12] = [
        ("a date that is past", answer(429, "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", b"")),
        ("no time", answer(429, "", b"slow down")),
        ("no seconds", answer(503, "retry-after: 0\r\n", b"")),
        ("a time that is none", answer(503, "retry-after: soon\r\n", b"")),
        ("500", answer(500, "", b"")),
        ("502", answer(502, "", b"<html>")),
        ("408", answer(408, "", b"")),
        ("truncation", short()),
        (
            "a chunk that is cut",
            vec![Step::Send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\n{".to_vec()), Step::Close],
        ),
        ("an end before the answer", vec![Step::Send(b"HTTP/1.1 200".to_vec()), Step::Close]),
        ("a reset", vec![Step::Send(head(200, "", 50).into_bytes()), Step::Reset]),
        ("a broken encoding", answer(200, "content-encoding: gzip\r\n", &gzip(b"{}")[..12])),
    ];
    for (what, failure) in passing {
        let registry = FaultyRegistry::start().await;
        registry.script("/a", [failure.clone(), failure, good()]);
        let PackumentAnswer::Fresh { body, .. } = get(&client(&registry)).await.unwrap() else { panic!("{what}") };
        assert_eq!(body, b"{\"name\":\"a\"}", "{what}");
        assert_eq!(registry.count("/a"), 3, "{what}");
    }
}

#[tokio::test]
async fn a_failure_that_stays_is_told_after_the_last_attempt() {
    for (failure, expected) in [
        (answer(429, "", b""), "registry-status"),
        (answer(503, "", b""), "registry-status"),
        (vec![Step::Send(head(200, "", 50).into_bytes()), Step::Close], "registry-truncated"),
        (vec![Step::Reset], "registry-truncated"),
        (vec![Step::Send(b"this is not HTTP\r\n\r\n".to_vec()), Step::Close], "registry-truncated"),
        (
            vec![
                Step::Send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}".to_vec()),
                Step::Close,
            ],
            "registry-truncated",
        ),
    ] {
        let registry = FaultyRegistry::start().await;
        registry.script("/a", [failure]);
        let error = get(&client(&registry)).await.unwrap_err();
        assert!(error.may_pass() && error.hint().is_some(), "{error}");
        assert_eq!((error.code(), registry.count("/a")), (expected, 4), "{error}");
    }
}

#[tokio::test]
async fn final_failures_are_asked_about_once() {
    for (failure, expected) in [
        (answer(404, "", b"{}"), "unknown-package"),
        (answer(410, "", b"{}"), "unknown-package"),
        (answer(401, "", b"{}"), "registry-denied"),
        (answer(403, "", b"{}"), "registry-denied"),
        (answer(400, "", b"{}"), "registry-status"),
        (answer(418, "", b"{}"), "registry-status"),
        // A poisoned ETag: nobody asked whether something changed.
        (vec![Step::Send(b"HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n".to_vec())], "registry-status"),
        (answer(200, "", b""), "registry-body"),
        (answer(200, "", b" \n "), "registry-body"),
        (answer(200, "content-type: text/html\r\n", b"{}"), "registry-body"),
        (answer(200, "content-type: application/json\r\n", b"<!doctype html>"), "registry-body"),
        (answer(200, "content-encoding: br\r\n", b"{}"), "registry-body"),
        (answer(302, "", b""), "registry-redirect"),
        (answer(302, "location: file:///etc/passwd\r\n", b""), "registry-redirect"),
        (answer(302, "location: /a\r\n", b""), "registry-redirect"),
    ] {
        let registry = FaultyRegistry::start().await;
        registry.script("/a", [failure]);
        let error = get(&client(&registry)).await.unwrap_err();
        let requests = if error.to_string().contains("more than 5 redirects") { 6 } else { 1 };
        assert_eq!((error.code(), registry.count("/a")), (expected, requests), "{error}");
        assert!(!error.may_pass(), "{error}");
    }
}

#[tokio::test]
async fn what_a_registry_asks_for_is_granted_up_to_a_bound() {
    for asked in ["61", "99999999999999999999", "Sun, 06 Nov 1994 09:49:37 GMT"] {
        let registry = FaultyRegistry::start().await;
        registry.script("/a", [answer(429, &format!("retry-after: {asked}\r\n"), b""), good()]);
        let error = get(&client(&registry)).await.unwrap_err();
        assert!(matches!(&error, Error::RegistryBusy { status: 429, wait, .. } if wait.as_secs() > 60), "{error}");
        assert!(error.may_pass());
        assert_eq!(registry.count("/a"), 1);
    }
    let registry = FaultyRegistry::start().await;
    registry.script("/a", [answer(429, "retry-after: Sun, 06 Nov 1994 08:49:38 GMT\r\n", b""), good()]);
    let began = Instant::now();
    get(&client(&registry)).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn all_attempts_together_have_one_bound() {
    let registry = FaultyRegistry::start().await;
    registry.script("/a", [answer(503, "", b"")]);
    let network = NetworkOptions {
        attempts: u32::MAX,
        retry_pause: Duration::from_millis(20),
        retry_pause_most: Duration::from_millis(20),
        retry_total: Duration::from_millis(300),
        ..quick()
    };
    let client = client_with(&format!("registry={}", registry.url), network, &Limits::default()).unwrap();
    let began = Instant::now();
    assert_eq!(code(&client).await, "registry-status");
    assert!(began.elapsed() < Duration::from_secs(3));
    // Pauses are 10 to 20 ms.
    let count = registry.count("/a");
    assert!((2..=31).contains(&count), "{count}");
}

#[tokio::test]
async fn slow_answers_are_waited_for_and_drips_are_not() {
    let registry = FaultyRegistry::start().await;
    let late = [vec![Step::Pause(Duration::from_millis(60))], good()].concat();
    registry.script("/a", [late]);
    get(&client(&registry)).await.unwrap();
    let network = NetworkOptions {
        request_timeout: Duration::from_millis(250),
        read_timeout: Duration::from_secs(5),
        attempts: 2,
        ..quick()
    };
    let client = client_with(&format!("registry={}", registry.url), network, &Limits::default()).unwrap();
    let drip = Step::Drip(vec![b' '; 1000], Duration::from_millis(20));
    registry.script("/a", [vec![Step::Send(head(200, "", 1000).into_bytes()), drip]]);
    let began = Instant::now();
    let error = get(&client).await.unwrap_err();
    assert!(matches!(&error, Error::RegistryTimeout { timeout, .. } if timeout.as_millis() <= 250), "{error}");
    assert!(began.elapsed() < Duration::from_secs(4), "a thousand bytes at this pace are 20 s");
    assert_eq!(registry.count("/a"), 3);
}

#[tokio::test]
async fn an_answer_longer_than_it_says_ends_where_it_says() {
    let registry = FaultyRegistry::start().await;
    let long = Step::Send([head(200, "", 12).as_bytes(), b"{\"name\":\"a\"}HTTP/1.1 200 OK\r\nrubbish"].concat());
    registry.script("/a", [vec![long], good()]);
    let client = client(&registry);
    for _ in 0..2 {
        let PackumentAnswer::Fresh { body, .. } = get(&client).await.unwrap() else { panic!() };
        assert_eq!(body, b"{\"name\":\"a\"}");
    }
    // What came too much is not the answer to the next request.
    assert_eq!(registry.asked().iter().map(|asked| asked.connection).collect::<Vec<_>>(), [0, 1]);
}

#[tokio::test]
async fn bombs_end_at_the_bound() {
    let limits = Limits { packument_bytes: 1 << 20, ..Limits::default() };
    let zeros = gzip(&vec![b' '; 64 << 20]);
    assert!(zeros.len() < 1 << 20);
    for failure in [
        answer(200, "content-encoding: gzip\r\n", &zeros),
        answer(200, "content-encoding: gzip\r\n", &gzip(&vec![b' '; 600 << 10]).repeat(2)),
        // Nothing of a body that is announced as too long is read.
        vec![Step::Send(head(200, "", 2 << 20).into_bytes()), Step::Wait],
        vec![
            Step::Send(
                format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n{}\r\n", " ".repeat(2 << 20))
                    .into_bytes(),
            ),
            Step::Wait,
        ],
    ] {
        let registry = FaultyRegistry::start().await;
        registry.script("/a", [failure]);
        let client = client_with(&format!("registry={}", registry.url), quick(), &limits).unwrap();
        match get(&client).await.unwrap_err() {
            Error::Limit { measured, limit, knob, .. } => {
                assert!(measured > limit && measured < 4 << 20, "{measured}");
                assert_eq!(knob, "limits.packument_bytes");
            }
            error => panic!("{error}"),
        }
        assert_eq!(registry.count("/a"), 1);
    }
}

#[tokio::test]
async fn etags_are_kept_as_they_are_or_not_at_all() {
    let name = PackageName::parse("a").unwrap();
    let long = format!("\"{}\"", "x".repeat(2000));
    for (sent, kept) in [
        ("\"a\"", Some("\"a\"")),
        ("W/\"a\"", Some("W/\"a\"")),
        ("unquoted", Some("unquoted")),
        (&long, None),
        ("\"\u{e9}\u{fc}\"", None),
    ] {
        let registry = FaultyRegistry::start().await;
        let unchanged = vec![Step::Send(b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec())];
        registry.script("/a", [answer(200, &format!("etag: {sent}\r\n"), b"{}"), unchanged]);
        let client = client(&registry);
        let PackumentAnswer::Fresh { etag, .. } = get(&client).await.unwrap() else { panic!("{sent}") };
        assert_eq!(etag.as_deref(), kept, "{sent}");
        if let Some(etag) = etag {
            let again = client.packument(&name, Form::Abbreviated, Some(&etag)).await.unwrap();
            assert!(matches!(again, PackumentAnswer::NotModified), "{sent}");
            assert_eq!(registry.asked()[1].headers["if-none-match"], sent);
        }
    }
    // One that a damaged store came up with cannot be sent, so nothing may answer that it is current.
    let registry = FaultyRegistry::start().await;
    registry.script("/a", [good()]);
    client(&registry).packument(&name, Form::Abbreviated, Some("\"a\"\r\nx: y")).await.unwrap();
    let headers = &registry.asked()[0].headers;
    assert!(!headers.contains_key("if-none-match") && !headers.contains_key("x"));
}

#[tokio::test]
async fn redirects_to_another_host_lose_what_is_secret() {
    let (registry, other) = (FaultyRegistry::start().await, FaultyRegistry::start().await);
    let host = registry.url.strip_prefix("http:").unwrap();
    let npmrc = format!("registry={}\n{host}/:_authToken=secret", registry.url);
    let client = client_with(&npmrc, quick(), &Limits::default()).unwrap();
    let moved = |to: String| answer(302, &format!("location: {to}\r\n"), b"");
    registry.script("/a", [moved(format!("{}/b", registry.url))]);
    registry.script("/b", [moved(other.url.replace("http://", "http://user:other@") + "/c?signature=signed")]);
    other.script("/c?signature=signed", [moved(format!("{}/d", registry.url)), answer(500, "", b"")]);
    registry.script("/d", [good()]);
    get(&client).await.unwrap();
    let credentials: Vec<_> =
        registry.asked().iter().map(|asked| asked.headers.get("authorization").cloned()).collect();
    assert_eq!(credentials, vec![Some("Bearer secret".to_owned()); 3]);
    assert_eq!(other.asked().len(), 1);
    for name in ["authorization", "referer", "cookie"] {
        assert!(!other.asked()[0].headers.contains_key(name), "{name}");
    }
    // What a message says of that URL is no password either.
    let error = get(&client).await.unwrap_err();
    assert!(error.to_string().contains("/c answered"), "{error}");
    for secret in ["secret", "signed", "other@", "user"] {
        assert!(!format!("{error} {error:?} {client:?}").contains(secret), "{secret}: {error:?}");
    }
}

#[tokio::test]
async fn a_proxy_s_password_is_not_shown() {
    let network =
        NetworkOptions { http_proxy: Some("http://user:secret@127.0.0.1:9".to_owned()), attempts: 1, ..quick() };
    let client = client_with("registry=http://registry.invalid/", network, &Limits::default()).unwrap();
    let error = get(&client).await.unwrap_err();
    assert_eq!(error.code(), "registry-unreachable");
    assert!(!format!("{error} {error:?} {client:?}").contains("secret"), "{error:?} {client:?}");
    let network = NetworkOptions { http_proxy: Some("http://user:secret@[".to_owned()), ..quick() };
    let error = get(&client_with("", network, &Limits::default()).unwrap()).await.unwrap_err();
    assert!(error.code() == "network-settings" && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let registry = FaultyRegistry::start().await;
    registry.script("/a", [good()]);
    let client = client(&registry);
    for _ in 0..10 {
        get(&client).await.unwrap();
    }
    assert!(registry.asked().iter().all(|asked| asked.connection == 0));
    assert_eq!(registry.asked().len(), 10);
}

#[tokio::test]
async fn each_host_has_its_bound_and_holds_up_no_other() {
    let (slow, fast) = (FaultyRegistry::start().await, FaultyRegistry::start().await);
    slow.script("/a", [[vec![Step::Wait], good()].concat()]);
    fast.script("/@s%2Fa", [good()]);
    let network = NetworkOptions { requests_per_host: 3, concurrent_requests: 4, ..quick() };
    let npmrc = format!("registry={}\n@s:registry={}", slow.url, fast.url);
    let client = std::sync::Arc::new(client_with(&npmrc, network, &Limits::default()).unwrap());
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..9 {
        let client = client.clone();
        waiting.spawn(async move { get(&client).await.map(drop) });
    }
    for turn in 1..=3 {
        slow.came(3 * turn).await;
        let scoped = PackageName::parse("@s/a").unwrap();
        client.packument(&scoped, Form::Abbreviated, None).await.unwrap();
        assert_eq!(slow.asked().len(), 3 * turn, "more than three at once");
        slow.release();
    }
    while let Some(outcome) = waiting.join_next().await {
        outcome.unwrap().unwrap();
    }
    assert_eq!((slow.asked().len(), fast.asked().len()), (9, 3));
}

#[tokio::test]
async fn authorities_decide_who_is_believed() {
    let registry = FaultyRegistry::start_tls(tls(&[], Clients::Anybody)).await;
    registry.script("/a", [good()]);
    let npmrc = format!("registry={}", registry.url);
    let with = |network| client_with(&npmrc, network, &Limits::default()).unwrap();
    // Nobody knows the authority of the tests; asking again would not change that.
    let error = get(&with(quick())).await.unwrap_err();
    assert_eq!(error.code(), "registry-certificate", "{error}");
    assert!(!error.may_pass() && error.hint().unwrap().contains("cafile"));
    assert_eq!(registry.asked().len(), 0);
    get(&with(NetworkOptions { extra_authorities: vec![certificate("authority.pem")], ..quick() })).await.unwrap();
    let cafile = format!("cafile={}", certificate("authority.pem").display());
    let settings = [("x".to_owned(), cafile)];
    get(&with(quick().with_npmrc(&settings, &BTreeMap::new()).unwrap())).await.unwrap();
    let other = std::fs::read_to_string(certificate("server.pem")).unwrap();
    let error = get(&with(NetworkOptions { authorities: Some(vec![other]), ..quick() })).await.unwrap_err();
    assert_eq!(error.code(), "registry-certificate", "{error}");
    for file in ["none.pem", "README.md"] {
        let network = NetworkOptions { extra_authorities: vec![certificate(file)], ..quick() };
        let client = client_with(&npmrc, network, &Limits::default()).unwrap();
        assert_eq!(get(&client).await.unwrap_err().code(), "network-settings", "{file}");
    }
}

#[tokio::test]
async fn a_registry_gets_the_certificate_that_is_meant_for_it() {
    let registry = FaultyRegistry::start_tls(tls(&[], Clients::Known)).await;
    registry.script("/a", [good()]);
    let network = || NetworkOptions { extra_authorities: vec![certificate("authority.pem")], attempts: 1, ..quick() };
    let host = registry.url.strip_prefix("https:").unwrap();
    let npmrc = |prefix: &str| {
        let (certfile, keyfile) = (certificate("client.pem"), certificate("client.key"));
        format!(
            "registry={}\n{prefix}/:certfile={}\n{prefix}/:keyfile={}",
            registry.url,
            certfile.display(),
            keyfile.display()
        )
    };
    get(&client_with(&npmrc(host), network(), &Limits::default()).unwrap()).await.unwrap();
    assert_eq!(registry.asked().len(), 1);
    let elsewhere = client_with(&npmrc("//other.invalid"), network(), &Limits::default()).unwrap();
    assert!(get(&elsewhere).await.is_err());
    assert_eq!(registry.asked().len(), 1);
    let mixed = npmrc(host).replace("client.key", "README.md");
    let client = client_with(&mixed, network(), &Limits::default()).unwrap();
    assert_eq!(get(&client).await.unwrap_err().code(), "network-settings");
}

#[tokio::test]
async fn http_2_carries_all_requests_on_one_connection() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let acceptor = tls(&[b"h2", b"http/1.1"], Clients::Anybody);
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(acceptor.accept(stream).await.unwrap()).await.unwrap();
        let mut held = Vec::new();
        // Nobody is answered before all have asked, so they do share the connection.
        while let Some(request) = connection.accept().await {
            held.push(request.unwrap().1);
            if held.len() == 20 {
                for mut respond in held.drain(..) {
                    let mut stream = respond.send_response(axum::http::Response::new(()), false).unwrap();
                    stream.send_data(axum::body::Bytes::from_static(b"{}"), true).unwrap();
                }
            }
        }
        // A second connection would find nobody here.
        drop(listener);
    });
    let network = NetworkOptions { extra_authorities: vec![certificate("authority.pem")], attempts: 1, ..quick() };
    let client = client_with(&format!("registry={url}"), network, &Limits::default()).unwrap();
    let answers = futures::future::join_all((0..20).map(|_| get(&client))).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    drop(client);
    server.await.unwrap();
}
