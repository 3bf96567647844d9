//! The owner's side of the socket: who connects, is of this user and has the same settings may use the cache.
//!
//! Every connection is a task, and all of them end before the publication has. So many are served at the same time; one that is
//! open without a call is closed after a while. When the other end goes away over a call, the call is dropped.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::channel::{Channel, DESCRIPTORS};
use super::protocol::{Call, Greeting, Hello, Outcome, PROTOCOL, Reply, Settings, perform};
use super::socket::{SocketPlace, is_ours};
use crate::cache::{CacheOptions, OwnCache, Progress};
use crate::error::Error;
use crate::limits::Limits;

/// News of one call that wait to be sent. What is more is not said: the next one says more anyway.
const NEWS: usize = 64;
/// When nobody can be let in (no descriptor is left, for example), it is tried again after so long.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// A cache that others can use. Dropped, it ends at once; [`Publication::close`] lets calls finish.
#[derive(Debug)]
pub(crate) struct Publication {
    place: SocketPlace,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
}

/// What every connection needs.
#[derive(Debug)]
struct Host {
    cache: Arc<OwnCache>,
    settings: Settings,
    limits: Limits,
    stopped: watch::Receiver<bool>,
}

impl Publication {
    /// Lets others use a cache of these options, as long as they have the same settings.
    pub(crate) fn begin(cache: Arc<OwnCache>, options: &CacheOptions, place: SocketPlace) -> Result<Self, Error> {
        let listener = place.listen()?;
        let (stop, stopped) = watch::channel(false);
        let host = Host { cache, settings: Settings::of(options), limits: options.limits.clone(), stopped };
        Ok(Self { place, stop, accepting: tokio::spawn(accept(listener, Arc::new(host))) })
    }

    /// Lets nobody new in. What is under way goes on.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Lets nobody new in, waits a bounded time for what is under way, and removes the socket.
    pub(crate) async fn close(mut self) -> Result<(), Error> {
        self.stop();
        // It ends by itself, or in a panic that has been printed.
        let _ = (&mut self.accepting).await;
        self.place.remove()
    }
}

impl Drop for Publication {
    fn drop(&mut self) {
        // The task that is ended after it has the cache, so the lock is held still. A socket that stays is a dead one's.
        let _ = self.place.remove();
        self.accepting.abort();
    }
}

async fn accept(listener: UnixListener, host: Arc<Host>) {
    let places = Arc::new(Semaphore::new(host.limits.owner_connections.max(1)));
    let mut connections = JoinSet::new();
    let mut stopped = host.stopped.clone();
    loop {
        while connections.try_join_next().is_some() {}
        let next = async {
            let place = places.clone().acquire_owned().await.expect("the semaphore is never closed");
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let host = host.clone();
                connections.spawn(async move {
                    // Whatever went wrong, the other end sees that the connection is gone.
                    let _ = host.serve(stream).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(TRY_AGAIN).await,
        }
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    // What is not done by then is dropped with the set.
    let _ = timeout(host.limits.owner_drain, drained).await;
    connections.shutdown().await;
}

impl Host {
    async fn serve(&self, stream: UnixStream) -> io::Result<()> {
        if is_ours(&stream).is_err() {
            return Ok(());
        }
        let mut channel = Channel::new(stream, &self.limits);
        let hello = timeout(self.limits.owner_message_wait, channel.receive()).await??;
        let Some(frame) = hello else { return Ok(()) };
        let hello: Hello = frame.read()?;
        let differs = self.settings.differences(&hello.settings);
        let agreed = hello.protocol == PROTOCOL && differs.is_empty();
        channel.send(&Greeting { protocol: PROTOCOL, differs }, &[]).await?;
        if !agreed {
            return Ok(());
        }
        // What its calls use stays until it has gone.
        let _visit = self.cache.visit();
        let mut stopped = self.stopped.clone();
        loop {
            let frame = tokio::select! {
                frame = timeout(self.limits.owner_idle, channel.receive()) => frame??,
                _ = stopped.wait_for(|stopped| *stopped) => return Ok(()),
            };
            let Some(frame) = frame else { return Ok(()) };
            let call = frame.read()?;
            if let Some(outcome) = self.attend(&mut channel, call, frame.bytes).await? {
                answer(&mut channel, outcome).await?;
            }
        }
    }

    /// Performs a call while the other end is there; an outcome for nobody is none.
    async fn attend(
        &self,
        channel: &mut Channel,
        call: Call,
        bytes: Vec<u8>,
    ) -> io::Result<Option<Result<Outcome, Error>>> {
        let (sender, mut news) = mpsc::channel(NEWS);
        let progress = News(sender);
        let work = AssertUnwindSafe(perform(&self.cache, call, bytes, &progress)).catch_unwind();
        tokio::pin!(work);
        let mut beat = interval(self.limits.owner_beat.max(Duration::from_millis(1)));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first one comes at once.
        beat.tick().await;
        loop {
            tokio::select! {
                outcome = &mut work => {
                    while let Ok(reply) = news.try_recv() {
                        channel.send(&reply, &[]).await?;
                    }
                    let panicked = || Error::Internal { detail: "a call ended in a panic".to_owned() };
                    return Ok(Some(outcome.unwrap_or_else(|_| Err(panicked()))));
                }
                Some(reply) = news.recv() => channel.send(&reply, &[]).await?,
                _ = beat.tick() => channel.send(&Reply::Working, &[]).await?,
                () = channel.hung_up() => return Ok(None),
            }
        }
    }
}

async fn answer(channel: &mut Channel, outcome: Result<Outcome, Error>) -> io::Result<()> {
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => return channel.send(&Reply::Failed { error: Box::new(error) }, &[]).await,
    };
    for batch in outcome.images.chunks(DESCRIPTORS) {
        let ids = batch.iter().map(|(ids, _)| ids.clone()).collect();
        let descriptors: Vec<_> = batch.iter().map(|(_, image)| image.fd()).collect();
        channel.send_descriptors(&Reply::Images { ids }, &descriptors).await?;
    }
    let (end, bytes) = outcome.into_end();
    channel.send(&end, &bytes).await
}

/// News of a call, on their way to who asked for it.
struct News(mpsc::Sender<Reply>);

impl Progress for News {
    fn resolving(&self, name: &str) {
        self.tell(Reply::Resolving { name: name.to_owned() });
    }

    fn fetching(&self, package: &str, done: usize, total: usize) {
        self.tell(Reply::Fetching { package: package.to_owned(), done, total });
    }
}

impl News {
    fn tell(&self, reply: Reply) {
        // Full: somebody reads slowly.
        let _ = self.0.try_send(reply);
    }
}
