//! Packages and what is made of them, whichever process owns the cache.

use super::protocol::{Call, SentLock};
use super::{Cache, Place};
use crate::ahead::Ahead;
use crate::cache::{CacheUse, Packages, Progress, Stage};
use crate::drift::Wanted;
use crate::error::Error;
use crate::lock::{Graph, LockedPackage};

impl Cache {
    /// Finds the packages that a manifest stands for, and has what is needed next ahead. A lock that fits is used as it is,
    /// without asking a registry.
    pub async fn resolve(
        &self,
        wanted: impl Into<Wanted<'_>>,
        ahead: Ahead,
        progress: &dyn Progress,
    ) -> Result<Stage<Graph>, Error> {
        let wanted = wanted.into();
        match self.place() {
            Place::Here(own) => own.resolve(wanted, ahead, progress).await,
            Place::There(client) => {
                let Wanted { manifest, lock, drift } = wanted;
                let call = Call::Resolve { manifest: manifest.clone(), lock: lock.map(SentLock::of), drift, ahead };
                self.ask(client, call, &[], progress).await
            }
        }
    }

    /// Gets a graph's packages, verified and unpacked.
    pub async fn fetch(&self, graph: &Graph, progress: &dyn Progress) -> Result<Stage<Packages>, Error> {
        match self.place() {
            Place::Here(own) => own.fetch(graph, progress).await,
            Place::There(client) => {
                let call = Call::Fetch { graph: graph.clone() };
                let (cache, outcome) = self.ask_for_more(client, call, &[], progress).await?;
                Ok(Stage { value: Packages::new(outcome.images, &self.options.limits), cache })
            }
        }
    }

    /// Sees to it that the store has every tarball of a graph, without unpacking what is there.
    pub async fn keep(&self, graph: &Graph, progress: &dyn Progress) -> Result<CacheUse, Error> {
        match self.place() {
            Place::Here(own) => own.keep(graph, progress).await,
            Place::There(client) => self.ask(client, Call::Keep { graph: graph.clone() }, &[], progress).await,
        }
    }

    /// The size of a package's tarball as it was received; `None` when it is not kept.
    pub async fn tarball_bytes(&self, package: &LockedPackage) -> Result<Option<u64>, Error> {
        match self.place() {
            Place::Here(own) => own.tarball_bytes(package).await,
            Place::There(client) => self.ask(client, Call::TarballBytes { package: package.clone() }, &[], &()).await,
        }
    }

    /// A module that [`Cache::keep_module`] kept under this key: whole, or not at all.
    pub async fn module(&self, key: &str) -> Result<Option<Vec<u8>>, Error> {
        match self.place() {
            Place::Here(own) => own.module(key).await,
            Place::There(client) => {
                let call = Call::Module { key: key.to_owned() };
                let (is_kept, outcome): (bool, _) = self.ask_for_more(client, call, &[], &()).await?;
                Ok(is_kept.then_some(outcome.bytes))
            }
        }
    }

    /// Keeps what was made of packages. The key says everything that it was made of. It is not flushed: what is lost can
    /// be made again.
    pub async fn keep_module(&self, key: &str, bytes: Vec<u8>) -> Result<(), Error> {
        match self.place() {
            Place::Here(own) => own.keep_module(key, bytes).await,
            Place::There(client) => self.ask(client, Call::KeepModule { key: key.to_owned() }, &bytes, &()).await,
        }
    }

    /// Makes what was written so far safe from a loss of power, not only of the process.
    pub async fn flush(&self) -> Result<(), Error> {
        match self.place() {
            Place::Here(own) => own.flush().await,
            Place::There(client) => self.ask(client, Call::Flush, &[], &()).await,
        }
    }
}
