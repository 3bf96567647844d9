//! Work that several callers want at the same time and that is done once.
//!
//! Every caller drives the shared work while it waits, so it goes on when the one who began it is dropped, and ends when
//! nobody wants it any more. Nothing is remembered afterwards: that is the store's business.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared, WeakShared};

use crate::error::Error;

type Work<V> = Shared<BoxFuture<'static, Result<V, Error>>>;
type WeakWork<V> = WeakShared<BoxFuture<'static, Result<V, Error>>>;

/// The work in flight, by key.
#[derive(Debug)]
pub(crate) struct Flights<V: Clone> {
    flying: Mutex<HashMap<String, WeakWork<V>>>,
}

impl<V: Clone + Send + Sync + 'static> Flights<V> {
    pub(crate) fn new() -> Self {
        Self { flying: Mutex::new(HashMap::new()) }
    }

    /// Joins the work under `key`, or begins it.
    pub(crate) async fn join<F>(&self, key: &str, begin: impl FnOnce() -> F) -> Result<V, Error>
    where
        F: Future<Output = Result<V, Error>> + Send + 'static,
    {
        let work: Work<V> = {
            let mut flying = self.flying.lock().unwrap_or_else(PoisonError::into_inner);
            // Work that is over or that everybody left is no longer there to be joined.
            flying.retain(|_, work| work.upgrade().is_some_and(|work| work.peek().is_none()));
            match flying.get(key).and_then(WeakShared::upgrade) {
                Some(work) => work,
                None => {
                    let work = begin().boxed().shared();
                    flying.extend(work.downgrade().map(|weak| (key.to_owned(), weak)));
                    work
                }
            }
        };
        work.await
    }
}
