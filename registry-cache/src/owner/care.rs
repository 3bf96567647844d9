//! Care of a cache, whichever process owns it.

use std::convert::Infallible;

use super::protocol::Call;
use super::{Cache, Place};
use crate::care::{Collection, Pins, Stats, Verification};
use crate::error::Error;
use crate::store::Visit;

impl Cache {
    /// Begins a visit: what requests use from now on is not collected while it lasts. None where another process owns the
    /// cache, which does the same for everybody who is connected to it.
    pub fn visit(&self) -> Option<Visit> {
        self.own().map(|own| own.visit())
    }

    /// What the cache holds.
    pub async fn stats(&self) -> Result<Stats, Error> {
        match self.place() {
            Place::Here(own) => own.stats().await,
            Place::There(client) => self.ask(client, Call::Stats, &[], &()).await,
        }
    }

    /// Reads everything, removes what is not what it should be, and says what that was.
    pub async fn verify(&self) -> Result<Verification, Error> {
        match self.place() {
            Place::Here(own) => own.verify().await,
            Place::There(client) => self.ask(client, Call::Verify, &[], &()).await,
        }
    }

    /// Removes what was used least lately until at most so many bytes are left. What is pinned, and what a request uses,
    /// stays.
    pub async fn collect(&self, quota_bytes: u64) -> Result<Collection, Error> {
        match self.place() {
            Place::Here(own) => own.collect(quota_bytes).await,
            Place::There(client) => self.ask(client, Call::Collect { quota_bytes }, &[], &()).await,
        }
    }

    /// Keeps the cache within its limit while it is polled, which it is for ever. Where another process owns the cache that
    /// is its business.
    pub async fn tend(&self) -> Infallible {
        match self.own() {
            Some(own) => own.tend().await,
            None => std::future::pending().await,
        }
    }

    /// Keeps what these pins name from collections, until the set is unpinned. A set of that name is replaced.
    pub async fn pin(&self, set: &str, pins: &Pins) -> Result<(), Error> {
        match self.place() {
            Place::Here(own) => own.pin(set, pins).await,
            Place::There(client) => {
                let call = Call::Pin { set: set.to_owned(), pins: pins.clone() };
                self.ask(client, call, &[], &()).await
            }
        }
    }

    /// Lets a set go. Says whether there was one.
    pub async fn unpin(&self, set: &str) -> Result<bool, Error> {
        match self.place() {
            Place::Here(own) => own.unpin(set).await,
            Place::There(client) => self.ask(client, Call::Unpin { set: set.to_owned() }, &[], &()).await,
        }
    }
}
