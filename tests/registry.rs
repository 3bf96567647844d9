//! The npm registry that a test starts for itself on a port that the system picks: packuments, abbreviated or whole, and
//! tarballs of [`UNIVERSE`]. It counts the requests for each path, and gives wrong answers for the packages that a test
//! names.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::thread::JoinHandle;
use std::time::SystemTime;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::{oneshot, watch};

use crate::signing;
use crate::universe::{Package, UNIVERSE};

const ABBREVIATED: &str = "application/vnd.npm.install-v1+json";
/// What an abbreviated packument keeps of a manifest (npm/registry, docs/responses/package-metadata.md).
const ABBREVIATED_FIELDS: [&str; 14] = [
    "name",
    "version",
    "deprecated",
    "dependencies",
    "optionalDependencies",
    "devDependencies",
    "bundleDependencies",
    "bundledDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bin",
    "engines",
    "os",
    "cpu",
];

/// A wrong answer for one package, instead of the right one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// The packument carries the integrity of other bytes.
    WrongIntegrity,
    /// The packument carries neither an integrity nor a shasum.
    NoIntegrity,
    /// The tarball's first half, with a content length that agrees with it.
    TruncatedTarball,
    /// The tarball's first half, then the connection ends before the promised length.
    CutTarball,
    /// The tarball's bytes are no gzip, and the packument's integrity is theirs.
    GarbageTarball,
    NotFoundTarball,
    ErrorTarball,
    HtmlTarball,
    EmptyTarball,
    NotFound,
    Error,
    /// The registry asks to be left alone for an hour.
    Busy,
    Html,
    Empty,
    Garbage,
}

/// A running registry. Dropping it ends its thread.
pub(crate) struct Registry {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    /// Set once the port is known: packuments name tarballs by whole addresses.
    base: Mutex<String>,
    faults: Mutex<BTreeMap<String, Fault>>,
    requests: Mutex<BTreeMap<String, usize>>,
    token: Option<String>,
    /// The package whose answers wait.
    held: watch::Sender<Option<String>>,
    /// Packages beside those of the universe.
    generated: BTreeMap<String, Package>,
}

impl Registry {
    /// Starts one that serves anybody.
    pub(crate) fn start() -> Registry {
        Registry::start_with(Shared::default())
    }

    /// Starts one that refuses a request without this bearer token.
    pub(crate) fn with_token(token: String) -> Registry {
        Registry::start_with(Shared { token: Some(token), ..Shared::default() })
    }

    /// Starts one that has these packages too.
    pub(crate) fn with_packages(generated: BTreeMap<String, Package>) -> Registry {
        Registry::start_with(Shared { generated, ..Shared::default() })
    }

    fn start_with(shared: Shared) -> Registry {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(shared);
        *shared.base.lock().unwrap() = format!("http://{address}");
        let (stop, stopped) = oneshot::channel::<()>();
        let state = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let service = Router::new().fallback(answer).with_state(state);
                tokio::select! {
                    served = axum::serve(listener, service) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Registry { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// Its address, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces all faults.
    pub(crate) fn set_faults(&self, faults: BTreeMap<String, Fault>) {
        *self.shared.faults.lock().unwrap() = faults;
    }

    /// Lets whoever asks for something of this package wait.
    pub(crate) fn hold(&self, package: &str) {
        self.shared.held.send_replace(Some(package.to_owned()));
    }

    /// Lets nobody wait any more.
    pub(crate) fn release(&self) {
        self.shared.held.send_replace(None);
    }

    /// Whether a path has been asked for.
    pub(crate) fn has_been_asked(&self, path: &str) -> bool {
        self.shared.requests.lock().unwrap().contains_key(path)
    }

    /// How often each path has been asked for, and forgets it.
    pub(crate) fn take_requests(&self) -> BTreeMap<String, usize> {
        std::mem::take(&mut *self.shared.requests.lock().unwrap())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed; the test that it spoils says the rest.
            let _ = thread.join();
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    // A scoped name comes with its slash escaped or not.
    let path = request.uri().path().replace("%2f", "/").replace("%2F", "/").replace("%40", "@");
    *shared.requests.lock().unwrap().entry(path.clone()).or_default() += 1;
    if let Some(token) = &shared.token {
        let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        if given != Some(format!("Bearer {token}").as_str()) {
            return plain(StatusCode::UNAUTHORIZED, "application/json", r#"{"error":"a token is needed"}"#);
        }
    }
    if path == "/-/npm/v1/keys" {
        return Response::builder().body(Body::from(signing::keys().to_string())).unwrap();
    }
    let (name, file) = match path.trim_start_matches('/').split_once("/-/") {
        Some((name, file)) => (name.to_owned(), Some(file.to_owned())),
        None => (path.trim_start_matches('/').to_owned(), None),
    };
    // The sender is in `shared`, so this ends by a change only.
    let _ = shared.held.subscribe().wait_for(|held| held.as_deref() != Some(name.as_str())).await;
    let fault = shared.faults.lock().unwrap().get(&name).copied();
    let Some(package) = shared.generated.get(&name).or_else(|| UNIVERSE.get(&name)) else {
        return not_found();
    };
    match file {
        Some(file) => tarball(package, &name, &file, fault),
        None => packument(&shared, package, &name, fault, request.headers()),
    }
}

fn packument(
    shared: &Shared,
    package: &Package,
    name: &str,
    fault: Option<Fault>,
    asked: &HeaderMap,
) -> Response<Body> {
    match fault {
        Some(Fault::NotFound) => return not_found(),
        Some(Fault::Error) => return plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "out of order"),
        Some(Fault::Busy) => {
            let answer = Response::builder().status(StatusCode::TOO_MANY_REQUESTS).header(header::RETRY_AFTER, "3600");
            return answer.body(Body::empty()).unwrap();
        }
        Some(Fault::Html) => return plain(StatusCode::OK, "text/html", "<!doctype html><title>Sign in</title>"),
        Some(Fault::Empty) => return plain(StatusCode::OK, "application/json", ""),
        Some(Fault::Garbage) => return plain(StatusCode::OK, "application/json", r#"{"name": "cut o"#),
        _ => {}
    }
    let accept = asked.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or("");
    let abbreviated = accept.contains(ABBREVIATED);
    let base = shared.base.lock().unwrap().clone();
    let versions: Map<String, Value> = package
        .versions
        .keys()
        .map(|number| (number.clone(), version_entry(&base, package, name, number, fault, abbreviated)))
        .collect();
    let times = times(package);
    let modified = times.values().max().cloned();
    let mut document = json!({"name": name, "dist-tags": package.tags, "versions": versions, "modified": modified});
    if !abbreviated {
        document["_id"] = json!(name);
        document["readme"] = json!("A package of the tests.");
        document["time"] = json!(times);
    }
    let body = document.to_string();
    let etag = format!("\"{:x}\"", Sha256::digest(&body));
    let known = asked.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let kind = if abbreviated { ABBREVIATED } else { "application/json" };
    let answer = Response::builder().header(header::ETAG, &etag).header(header::CONTENT_TYPE, kind);
    if known == Some(&etag) {
        return answer.status(StatusCode::NOT_MODIFIED).body(Body::empty()).unwrap();
    }
    answer.body(Body::from(body)).unwrap()
}

/// When a package and its versions were published. Ages are counted from when the tests began, so that a packument stays
/// the same.
fn times(package: &Package) -> BTreeMap<String, String> {
    static START: LazyLock<DateTime<Utc>> = LazyLock::new(|| SystemTime::now().into());
    let text = |minutes: Option<&u32>| match minutes {
        Some(minutes) => {
            (*START - TimeDelta::minutes(i64::from(*minutes))).to_rfc3339_opts(SecondsFormat::Millis, true)
        }
        None => "2024-01-01T00:00:00.000Z".to_owned(),
    };
    let mut times: BTreeMap<String, String> =
        package.versions.keys().map(|number| (number.clone(), text(package.said.minutes_ago.get(number)))).collect();
    times.insert("created".to_owned(), text(package.said.created_minutes_ago.as_ref()));
    times
}

fn version_entry(
    base: &str,
    package: &Package,
    name: &str,
    number: &str,
    fault: Option<Fault>,
    abbreviated: bool,
) -> Value {
    let version = &package.versions[number];
    let mut entry = version.manifest.clone();
    if abbreviated {
        entry.retain(|field, _| ABBREVIATED_FIELDS.contains(&field.as_str()));
        let scripts = version.manifest.get("scripts").and_then(Value::as_object);
        if scripts.is_some_and(|scripts| scripts.contains_key("install") || scripts.contains_key("postinstall")) {
            entry.insert("hasInstallScript".to_owned(), json!(true));
        }
    }
    let mut dist = json!({"tarball": format!("{base}/{name}/-/{}", tarball_name(name, number))});
    let other = "sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==";
    match fault {
        Some(Fault::WrongIntegrity) => dist["integrity"] = json!(other),
        Some(Fault::NoIntegrity) => {}
        Some(Fault::GarbageTarball) => dist["integrity"] = json!(crate::universe::integrity_of(GARBAGE)),
        _ => dist["integrity"] = json!(version.integrity),
    }
    if let Some(signing) = package.said.signed.get(number) {
        dist["signatures"] = json!([signing::signature(*signing, name, number, &version.integrity)]);
    }
    entry.insert("dist".to_owned(), dist);
    Value::Object(entry)
}

const GARBAGE: &[u8] = b"this was never packed by anybody";

fn tarball(package: &Package, name: &str, file: &str, fault: Option<Fault>) -> Response<Body> {
    let version = package.versions.iter().find(|(number, _)| tarball_name(name, number) == file);
    let Some((_, version)) = version else {
        return not_found();
    };
    let half = &version.tarball[..version.tarball.len() / 2];
    match fault {
        Some(Fault::NotFoundTarball) => not_found(),
        Some(Fault::ErrorTarball) => plain(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", "out of order"),
        Some(Fault::HtmlTarball) => plain(StatusCode::OK, "text/html", "<!doctype html><title>Sign in</title>"),
        Some(Fault::EmptyTarball) => bytes(Body::empty()),
        Some(Fault::TruncatedTarball) => bytes(Body::from(half.to_vec())),
        Some(Fault::CutTarball) => {
            let chunks = [Ok(half.to_vec()), Err(std::io::Error::other("cut"))];
            bytes(Body::from_stream(futures::stream::iter(chunks)))
        }
        Some(Fault::GarbageTarball) => bytes(Body::from(GARBAGE)),
        _ => bytes(Body::from(version.tarball.clone())),
    }
}

/// `dual-1.0.0.tgz`, without the scope.
fn tarball_name(name: &str, number: &str) -> String {
    format!("{}-{number}.tgz", name.rsplit('/').next().unwrap_or(name))
}

fn bytes(body: Body) -> Response<Body> {
    Response::builder().header(header::CONTENT_TYPE, "application/octet-stream").body(body).unwrap()
}

fn not_found() -> Response<Body> {
    plain(StatusCode::NOT_FOUND, "application/json", r#"{"error":"Not found"}"#)
}

fn plain(status: StatusCode, kind: &str, body: &'static str) -> Response<Body> {
    Response::builder().status(status).header(header::CONTENT_TYPE, kind).body(Body::from(body)).unwrap()
}
