//! A registry that tests start on a port of their own, and that can be as bad as they want it.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use ssri::{Algorithm, IntegrityOpts};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::tarball::archive;

/// A folder of its own for one test, gone afterwards.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("hoist-test-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// One answer.
#[derive(Clone)]
pub(crate) enum Reply {
    Ok(Vec<u8>),
    Status(u16, &'static [(&'static str, &'static str)], Vec<u8>),
    Redirect(String),
    /// Half of the bytes, and then the connection breaks.
    Cut(Vec<u8>),
    /// Nothing, for ever.
    Silence,
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
}

#[derive(Default)]
struct Book {
    routes: Mutex<BTreeMap<String, VecDeque<Reply>>>,
    packuments: Mutex<BTreeMap<String, Value>>,
    seen: Mutex<Vec<Seen>>,
    came: Notify,
}

pub(crate) struct TestRegistry {
    pub(crate) url: String,
    book: Arc<Book>,
    server: JoinHandle<()>,
}

impl TestRegistry {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let book = Arc::new(Book::default());
        let router = Router::new().fallback(answer).with_state(book.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, book, server }
    }

    /// Publishes one version with these further fields in its packument.
    pub(crate) fn publish(&self, name: &str, version: &str, fields: Value) {
        let manifest = json!({"name": name, "version": version}).to_string();
        let main = format!("module.exports = '{name}@{version}'");
        let files: [(&str, &[u8]); 2] =
            [("package/package.json", manifest.as_bytes()), ("package/index.js", main.as_bytes())];
        self.publish_tarball(name, version, fields, archive::pack(&files));
    }

    pub(crate) fn publish_tarball(&self, name: &str, version: &str, fields: Value, tarball: Vec<u8>) {
        let path = tarball_path(name, version);
        let integrity = IntegrityOpts::new().algorithm(Algorithm::Sha512).chain(&tarball).result().to_string();
        let mut entry = json!({
            "name": name, "version": version,
            "dist": {"tarball": format!("{}{path}", self.url), "integrity": integrity},
        });
        for (field, value) in fields.as_object().unwrap() {
            entry[field] = value.clone();
        }
        let mut packuments = self.book.packuments.lock().unwrap();
        let packument = packuments.entry(name.to_owned()).or_insert_with(|| {
            // As npm's registry says it, and long before any test's time.
            json!({"name": name, "versions": {}, "dist-tags": {}, "modified": "1969-01-01T00:00:00.000Z"})
        });
        packument["versions"][version] = entry;
        packument["dist-tags"]["latest"] = json!(version);
        drop(packuments);
        self.reply(&path, Reply::Ok(tarball));
    }

    /// Changes a published packument.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&mut Value)) {
        change(self.book.packuments.lock().unwrap().get_mut(name).unwrap());
    }

    /// A registry that nobody runs.
    pub(crate) fn nowhere() -> Self {
        Self { url: "http://127.0.0.1:9".to_owned(), book: Arc::default(), server: tokio::spawn(async {}) }
    }

    pub(crate) fn book_packument(&self, name: &str) -> Vec<u8> {
        self.book.packuments.lock().unwrap()[name].to_string().into_bytes()
    }

    pub(crate) fn first_reply(&self, path: &str) -> Reply {
        self.book.routes.lock().unwrap()[path][0].clone()
    }

    /// Answers a path from now on.
    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        self.replies(path, [reply]);
    }

    /// Answers a path with one after the other; the last one stays.
    pub(crate) fn replies(&self, path: &str, replies: impl IntoIterator<Item = Reply>) {
        self.book.routes.lock().unwrap().insert(path.to_owned(), replies.into_iter().collect());
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.book.seen.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen().iter().filter(|seen| seen.path == path).count()
    }

    /// Waits until this path has been asked for.
    pub(crate) async fn asked_for(&self, path: &str) {
        loop {
            let came = self.book.came.notified();
            if self.count(path) > 0 {
                return;
            }
            came.await;
        }
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) fn tarball_path(name: &str, version: &str) -> String {
    format!("/{name}/-/{}-{version}.tgz", name.rsplit('/').next().unwrap())
}

async fn answer(State(book): State<Arc<Book>>, uri: Uri, headers: HeaderMap) -> Response {
    let header = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let (if_none_match, authorization) = (header("if-none-match"), header("authorization"));
    let path = uri.path().to_owned();
    book.seen.lock().unwrap().push(Seen { path: path.clone(), authorization });
    book.came.notify_waiters();
    let reply = next_reply(&book, &path);
    let response = Response::builder();
    match reply {
        Some(Reply::Ok(body)) => response.body(body.into()).unwrap(),
        Some(Reply::Status(status, headers, body)) => headers
            .iter()
            .fold(response.status(status), |response, (name, value)| response.header(*name, *value))
            .body(body.into())
            .unwrap(),
        Some(Reply::Redirect(to)) => response.status(302).header("location", to).body(Body::empty()).unwrap(),
        Some(Reply::Cut(body)) => {
            let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
            let parts = [Ok(half), Err(std::io::Error::other("cut"))];
            response.header("content-length", body.len()).body(Body::from_stream(futures::stream::iter(parts))).unwrap()
        }
        Some(Reply::Silence) => std::future::pending().await,
        None => packument(&book, &path, if_none_match.as_deref(), header("accept").as_deref()),
    }
}

fn next_reply(book: &Book, path: &str) -> Option<Reply> {
    let mut routes = book.routes.lock().unwrap();
    let replies = routes.get_mut(path)?;
    if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
}

fn packument(book: &Book, path: &str, if_none_match: Option<&str>, accept: Option<&str>) -> Response {
    let name = path[1..].replace("%2F", "/");
    let Some(mut document) = book.packuments.lock().unwrap().get(&name).cloned() else {
        return Response::builder().status(StatusCode::NOT_FOUND).body(r#"{"error":"not found"}"#.into()).unwrap();
    };
    if accept.is_some_and(|accept| accept.contains("application/vnd.npm.install-v1+json")) {
        // The abbreviated form has no dates but one.
        document.as_object_mut().unwrap().remove("time");
    }
    let body = document.to_string();
    let etag = format!("\"{}\"", IntegrityOpts::new().algorithm(Algorithm::Sha1).chain(&body).result());
    match if_none_match == Some(etag.as_str()) {
        true => Response::builder().status(StatusCode::NOT_MODIFIED).body(Body::empty()).unwrap(),
        false => Response::builder().header("etag", etag).body(body.into()).unwrap(),
    }
}
