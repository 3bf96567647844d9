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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// Work that counts how often it begins and goes on when the test lets it.
    #[derive(Clone)]
    struct Work {
        flights: Arc<Flights<usize>>,
        begun: Arc<AtomicUsize>,
        gate: Arc<Semaphore>,
    }

    impl Work {
        fn new() -> Self {
            Self { flights: Arc::new(Flights::new()), begun: Arc::default(), gate: Arc::new(Semaphore::new(0)) }
        }

        fn ask(&self) -> impl Future<Output = Result<usize, Error>> + use<> {
            let (work, gate) = (self.clone(), self.gate.clone());
            async move {
                let begin = || {
                    let number = work.begun.fetch_add(1, Ordering::SeqCst) + 1;
                    async move {
                        gate.acquire().await.expect("never closed").forget();
                        Ok(number)
                    }
                };
                work.flights.join("key", begin).await
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn fifty_askers_are_one_work_whoever_leaves() {
        let work = Work::new();
        let mut first = Box::pin(work.ask());
        assert!(futures::poll!(first.as_mut()).is_pending());
        let mut others: Vec<_> = (0..49).map(|_| Box::pin(work.ask())).collect();
        for other in &mut others {
            assert!(futures::poll!(other.as_mut()).is_pending());
        }
        // The one who began it leaves, and so do some who came later.
        drop(first);
        others.drain(..9);
        let others: Vec<_> = others.into_iter().map(tokio::spawn).collect();
        work.gate.add_permits(1);
        for other in others {
            assert_eq!(other.await.unwrap(), Ok(1));
        }
        assert_eq!(work.begun.load(Ordering::SeqCst), 1);
        // It is over, so it is not joined any more.
        work.gate.add_permits(1);
        assert_eq!(work.ask().await, Ok(2));
    }

    #[tokio::test]
    async fn work_that_everybody_left_begins_anew() {
        let work = Work::new();
        let mut one = Box::pin(work.ask());
        let mut other = Box::pin(work.ask());
        assert!(futures::poll!(one.as_mut()).is_pending() && futures::poll!(other.as_mut()).is_pending());
        drop((one, other));
        work.gate.add_permits(1);
        assert_eq!(work.ask().await, Ok(2));
    }

    #[tokio::test]
    async fn a_failure_is_everybody_s_and_remembered_by_nobody() {
        let flights = Flights::<usize>::new();
        let failing = || async {
            tokio::task::yield_now().await;
            Err(Error::Internal { detail: "once".to_owned() })
        };
        let (one, other) = futures::join!(flights.join("key", failing), flights.join("key", || async { Ok(1) }));
        assert_eq!((one.is_err(), other.is_err()), (true, true));
        assert_eq!(flights.join("key", || async { Ok(2) }).await, Ok(2));
        assert_eq!(flights.join("other", || async { Ok(3) }).await, Ok(3));
    }
}
