//! The service's connections: so many at once, each with so long to say what it wants. hyper is named here only.
//!
//! Every connection is a task of the future that serves them, and ends with it. One that says nothing is closed, also between two
//! requests; one more than may be waits in the system's own queue.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::config::ServiceLimits;

/// When nobody can be let in (no descriptor is left, for example), it is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// Answers until `stop` comes, then until everybody who is connected has had the answer that is due.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ServiceLimits,
    stop: impl Future<Output = ()> + Send,
) {
    let places = Arc::new(Semaphore::new(limits.connections.max(1)));
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let (router, stopped) = (router.clone(), stopped.clone());
                connections.spawn(async move {
                    answer(stream, router, limits.header_wait, stopped).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
    drop(listener);
    stopping.send_replace(true);
    while connections.join_next().await.is_some() {}
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, router: Router, header_wait: Duration, mut stopped: watch::Receiver<bool>) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_wait)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    tokio::select! {
        // Whatever went wrong is the client's, who sees it.
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}
