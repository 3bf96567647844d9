//! The HTTP service: the pipeline behind `POST /v1/run`, and an npm registry below `/npm/`. axum is named here and in the files below, nowhere else.
//!
//! It owns the cache while it lives, and commands beside it use the cache through it. Work is bounded: so many requests at once, so many that wait, the next one is told
//! to come again. A client that goes away takes its request with it. After SIGTERM or SIGINT nobody new is let in, what
//! runs may finish for a bounded time, and the cache is closed.

mod admission;
mod body;
mod connections;
mod guard;
mod npm;
mod receive;
mod refusal;

use std::future::Future;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, EXPECT, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures::FutureExt;
use registry_cache::{Cache, OwnCache};
use tokio::net::TcpListener;
use tokio::sync::watch;

use self::admission::Admission;
use self::guard::Guard;
pub(crate) use self::refusal::Refusal;
use crate::config::ServiceLimits;
use crate::error::Error;
use crate::exit_code::status_of_error;
use crate::pipeline::{Answer, Pipeline};
use crate::reply::Reply;

/// How long connections get to close after their requests have been given up.
const GRACE: Duration = Duration::from_secs(2);
/// When a client that was told to come again should.
const COME_AGAIN_SECONDS: &str = "1";

/// A service that has its address and its cache, and waits to be run.
pub(crate) struct Service {
    listener: TcpListener,
    address: SocketAddr,
    shared: Arc<Shared>,
    cache: Arc<Cache>,
    give_up: watch::Sender<bool>,
}

/// What every request sees.
struct Shared {
    pipeline: Pipeline,
    admission: Admission,
    limits: ServiceLimits,
    guard: Guard,
    /// For npm clients; programs have it from the pipeline.
    registry: Arc<OwnCache>,
    given_up: watch::Receiver<bool>,
}

impl Service {
    /// Takes the address and the cache.
    pub(crate) async fn start(
        address: SocketAddr,
        limits: ServiceLimits,
        cache: Cache,
        pipeline: impl FnOnce(Arc<Cache>) -> Result<Pipeline, Error>,
    ) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::Listen { address, problem: error.to_string() };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;
        let registry =
            cache.own().ok_or_else(|| Error::Internal { problem: "a service has to own its cache".to_owned() })?;
        let cache = Arc::new(cache);
        let (give_up, given_up) = watch::channel(false);
        let shared = Arc::new(Shared {
            pipeline: pipeline(cache.clone())?,
            admission: Admission::new(&limits),
            limits,
            guard: Guard::new(bound.ip()),
            registry,
            given_up,
        });
        shared.pipeline.bundlers.replenish();
        shared.pipeline.executor.prepare().await?;
        Ok(Self { listener, address: bound, shared, cache, give_up })
    }

    /// The address that is listened on, with its real port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` comes, then drains and closes the cache.
    pub(crate) async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let Self { listener, shared, cache, give_up, address: _ } = self;
        let (stopping, mut stopped) = watch::channel(false);
        let limits = shared.limits.clone();
        let drain = limits.drain;
        let server = connections::serve(listener, router(shared), limits, async move {
            stop.await;
            stopping.send_replace(true);
        });
        let patience = async {
            // Fails only when the server is gone, which ends the wait as well.
            let _ = stopped.wait_for(|stopping| *stopping).await;
            cache.stop();
            tokio::time::sleep(drain).await;
            give_up.send_replace(true);
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            () = server => {}
            () = patience => {}
            never = cache.tend() => match never {},
        }
        // A connection that would not end keeps the cache; the end of the process frees it then.
        match Arc::into_inner(cache) {
            Some(cache) => Ok(cache.close().await?),
            None => Ok(()),
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(healthy))
        .route("/v1/run", post(run))
        .route(npm::PREFIX, any(registry))
        .route(&format!("{}/", npm::PREFIX), any(registry))
        .route(&format!("{}/{{*path}}", npm::PREFIX), any(registry))
        .fallback(async || refuse(Refusal::NotFound))
        .method_not_allowed_fallback(async || refuse(Refusal::WrongMethod))
        .layer(from_fn_with_state(shared.clone(), check_origin))
        .with_state(shared)
}

async fn check_origin(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    match shared.guard.check(request.headers(), authority) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refuse(refusal),
    }
}

async fn healthy() -> Response {
    json_response(StatusCode::OK, "{\"status\":\"ok\"}".to_owned())
}

async fn registry(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut given_up = shared.given_up.clone();
    tokio::select! {
        response = npm::answer(&shared.registry, request) => response,
        _ = given_up.wait_for(|given_up| *given_up) => refuse(Refusal::Stopping),
    }
}

async fn run(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let mut given_up = shared.given_up.clone();
    let work = AssertUnwindSafe(answer(&shared, request)).catch_unwind();
    let answer = tokio::select! {
        answer = work => answer.unwrap_or_else(|_| Error::Internal { problem: "a request ended in a panic".to_owned() }.into()),
        _ = given_up.wait_for(|given_up| *given_up) => Error::from(Refusal::Stopping).into(),
    };
    respond(&answer)
}

async fn answer(shared: &Shared, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    // A place before the body is read: the places bound the memory that bodies can take.
    let checked = receive::check_headers(&head.headers, &shared.limits);
    let place = match checked.and_then(|()| shared.admission.place()) {
        Ok(place) => place,
        Err(refusal) => {
            // One who asks first whether to send hears that by the answer.
            if !head.headers.contains_key(EXPECT) {
                receive::discard(body, &shared.limits).await;
            }
            return Error::from(refusal).into();
        }
    };
    let work = async {
        let bytes = receive::read(body, &shared.limits).await?;
        let (request, way, call) = body::parse(&bytes, shared.pipeline.bundlers.limits.files)?;
        let turn = place.turn().await?;
        Ok::<_, Error>((request, way, call, turn))
    };
    match work.await {
        Ok((request, way, call, _turn)) => shared.pipeline.run(request, &way, call, &()).await,
        Err(error) => error.into(),
    }
}

fn refuse(refusal: Refusal) -> Response {
    respond(&Error::from(refusal).into())
}

fn respond(answer: &Answer) -> Response {
    let status = match &answer.ending {
        Ok(_) => StatusCode::OK,
        Err(error) => StatusCode::from_u16(status_of_error(error)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    };
    json_response(status, Reply::new(answer).to_json())
}

fn json_response(status: StatusCode, json: String) -> Response {
    let mut response = (status, json).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    // An answer quotes guest code: no browser may take it for a page.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
        headers.insert(RETRY_AFTER, HeaderValue::from_static(COME_AGAIN_SECONDS));
    }
    response
}
