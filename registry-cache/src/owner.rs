//! The cache as others see it, whichever process owns it.
//!
//! One process owns a cache at a time: it holds the lock and has the store open. A command owns it for a moment, or, where a
//! long-lived process has it and publishes it on a socket, uses it through that one. When the owner dies over a call, the call is
//! made again, once, with whoever owns the cache then: this process, if the lock is free.

mod care;
mod channel;
mod client;
mod mirror;
mod packages;
mod protocol;
mod publication;
mod socket;
pub(crate) mod words;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde::de::DeserializeOwned;
use tokio::time::Instant;

use self::client::Client;
use self::protocol::{Call, Outcome, perform};
use self::publication::Publication;
use self::socket::SocketPlace;
use crate::cache::{CacheOptions, OwnCache, Progress};
use crate::error::Error;
use crate::lock_file::{Attempt, LOOK_AGAIN, LockFile};
use crate::shared::locked;

/// How processes that use one cache find each other, and what they must agree on beside registries and policy.
#[derive(Clone, Debug, Default)]
pub struct OwnerOptions {
    /// The folder for sockets, whose parent is there; made if need be. Without one, nobody else is found and the cache is waited for.
    pub folder: Option<PathBuf>,
    /// Whose cache it is.
    pub tenant: String,
}

/// A cache that this process owns, or uses through the one that does.
#[derive(Debug)]
pub struct Cache {
    options: CacheOptions,
    place: Mutex<Place>,
    /// Held while the place is looked for anew.
    finding: tokio::sync::Mutex<()>,
    publication: Option<Publication>,
}

/// Where the cache is.
#[derive(Clone, Debug)]
enum Place {
    Here(Arc<OwnCache>),
    There(Arc<Client>),
}

impl Cache {
    /// Takes the cache's lock and opens the store, or connects to the process that has them. A process that has them and does
    /// not answer for them is waited for as long as the limits say.
    pub async fn open(options: CacheOptions) -> Result<Self, Error> {
        let place = find(&options).await?;
        Ok(Self::new(options, place, None))
    }

    /// Takes the cache's lock, opens the store, and lets other processes of this user use it until it is closed. Another owner is
    /// waited for as long as the limits say.
    pub async fn publish(options: CacheOptions) -> Result<Self, Error> {
        let lock = LockFile::take(&options.folder, options.limits.lock_wait).await?;
        let socket = match &options.owner.folder {
            Some(folder) => Some(SocketPlace::make(folder, &options.folder)?),
            None => None,
        };
        let own = Arc::new(OwnCache::open(lock, options.clone()).await?);
        let begun = socket.map(|socket| Publication::begin(own.clone(), &options, socket)).transpose();
        match begun {
            Ok(publication) => Ok(Self::new(options, Place::Here(own), publication)),
            Err(error) => own.close().await.and(Err(error)),
        }
    }

    fn new(options: CacheOptions, place: Place, publication: Option<Publication>) -> Self {
        Self { options, place: Mutex::new(place), finding: tokio::sync::Mutex::default(), publication }
    }

    /// The cache itself, where this process owns it.
    pub fn own(&self) -> Option<Arc<OwnCache>> {
        match self.place() {
            Place::Here(own) => Some(own),
            Place::There(_) => None,
        }
    }

    /// Lets no other process in any more. What those that are in have asked for goes on until [`Cache::close`].
    pub fn stop(&self) {
        if let Some(publication) = &self.publication {
            publication.stop();
        }
    }

    /// Ends what other processes have asked for, after a bounded time, and removes the socket; waits for what is being written;
    /// lets go of the store and of the lock. In this order.
    pub async fn close(self) -> Result<(), Error> {
        let place = self.place();
        let unpublished = match self.publication {
            Some(publication) => publication.close().await,
            None => Ok(()),
        };
        let closed = match place {
            Place::Here(own) => own.close().await,
            Place::There(_) => Ok(()),
        };
        closed.and(unpublished)
    }

    fn place(&self) -> Place {
        locked(&self.place).clone()
    }

    /// Has the owner perform a call whose result is all there is.
    async fn ask<T: DeserializeOwned>(
        &self,
        client: Arc<Client>,
        call: Call,
        bytes: &[u8],
        progress: &dyn Progress,
    ) -> Result<T, Error> {
        Ok(self.ask_for_more(client, call, bytes, progress).await?.0)
    }

    /// Has the owner perform a call whose result comes with bytes or images.
    async fn ask_for_more<T: DeserializeOwned>(
        &self,
        client: Arc<Client>,
        call: Call,
        bytes: &[u8],
        progress: &dyn Progress,
    ) -> Result<(T, Outcome), Error> {
        let outcome = match client.call(&call, bytes, progress).await {
            Err(Error::OwnerGone { .. }) => match self.find_again(&client).await? {
                Place::Here(own) => perform(&own, call, bytes.to_vec(), progress).await?,
                Place::There(other) => other.call(&call, bytes, progress).await?,
            },
            outcome => outcome?,
        };
        let value = outcome.value().map_err(|detail| client.nonsense(detail))?;
        Ok((value, outcome))
    }

    /// Where the cache is now that this owner of it is gone.
    async fn find_again(&self, gone: &Arc<Client>) -> Result<Place, Error> {
        let _finding = self.finding.lock().await;
        match self.place() {
            Place::There(client) if Arc::ptr_eq(&client, gone) => {}
            // Another call has found it.
            place => return Ok(place),
        }
        let place = find(&self.options).await?;
        *locked(&self.place) = place.clone();
        Ok(place)
    }
}

async fn find(options: &CacheOptions) -> Result<Place, Error> {
    let deadline = Instant::now() + options.limits.lock_wait;
    loop {
        let pid = match LockFile::attempt(&options.folder)? {
            Attempt::Taken(lock) => return Ok(Place::Here(Arc::new(OwnCache::open(lock, options.clone()).await?))),
            Attempt::Held(pid) => pid,
        };
        let nobody = match Client::connect(options).await {
            Ok(Some(client)) => return Ok(Place::There(Arc::new(client))),
            Ok(None) => Error::CacheBusy { pid, folder: options.folder.clone() },
            // Whoever spoils the folder for sockets must not stop those who need none: the lock may be free soon.
            Err(error @ Error::OwnerFolder { .. }) => error,
            Err(error) => return Err(error),
        };
        if Instant::now() >= deadline {
            return Err(nobody);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;
