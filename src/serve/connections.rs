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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    /// A service with one connection at a time, and what ends it.
    async fn start(header_wait: Duration) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<()>) {
        let second = Duration::from_secs(1);
        let limits = ServiceLimits {
            runs: 1,
            queue: 1,
            queue_wait: second,
            body_bytes: 1,
            body_wait: second,
            connections: 1,
            header_wait,
            drain: second,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().route("/", get(async || "here"));
        let serving = tokio::spawn(serve(listener, router, limits, async {
            let _ = stopped.await;
        }));
        (address, stop, serving)
    }

    async fn ask(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut text = String::new();
        while !text.ends_with("here") {
            let mut bytes = [0; 1024];
            let length = stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "it was closed after {text:?}");
            text.push_str(std::str::from_utf8(&bytes[..length]).unwrap());
        }
        text
    }

    #[tokio::test]
    async fn who_says_nothing_makes_room() {
        let (address, stop, serving) = start(Duration::from_millis(100)).await;
        for beginning in ["", "GET / HT"] {
            let mut silent = TcpStream::connect(address).await.unwrap();
            silent.write_all(beginning.as_bytes()).await.unwrap();
            let mut other = TcpStream::connect(address).await.unwrap();
            assert!(ask(&mut other).await.starts_with("HTTP/1.1 200"));
            // And between two requests.
            assert!(matches!(other.read(&mut [0]).await, Ok(0) | Err(_)));
        }
        stop.send(()).unwrap();
        serving.await.unwrap();
    }

    #[tokio::test]
    async fn who_is_connected_does_not_hold_up_the_end() {
        let (address, stop, serving) = start(Duration::from_secs(600)).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        ask(&mut stream).await;
        ask(&mut stream).await;
        stop.send(()).unwrap();
        serving.await.unwrap();
        assert!(TcpStream::connect(address).await.is_err());
    }
}
