//! Writes that nobody has to wait for before going on with what is written.
//!
//! They are waited for together: before a cache closes, before it says that something is kept, and before anything is
//! removed that they may write.

use std::future::Future;
use std::sync::Mutex;

use tokio::task::{JoinError, JoinSet};

use crate::error::Error;
use crate::shared::locked;

/// The writes that are under way.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    writes: Mutex<JoinSet<Result<(), Error>>>,
    /// The first failure that nobody has been told.
    failed: Mutex<Option<Error>>,
}

impl Behind {
    pub(crate) fn begin(&self, write: impl Future<Output = Result<(), Error>> + Send + 'static) {
        let mut writes = locked(&self.writes);
        while let Some(outcome) = writes.try_join_next() {
            let mut failed = locked(&self.failed);
            *failed = failed.take().or(outcome_of(outcome).err());
        }
        writes.spawn(write);
    }

    /// Waits for all of them. The first failure is the one to report.
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        let mut writes = std::mem::take(&mut *locked(&self.writes));
        let mut first = locked(&self.failed).take().map_or(Ok(()), Err);
        while let Some(outcome) = writes.join_next().await {
            first = first.and(outcome_of(outcome));
        }
        first
    }
}

fn outcome_of(outcome: Result<Result<(), Error>, JoinError>) -> Result<(), Error> {
    outcome.unwrap_or_else(|error| Err(Error::Internal { detail: format!("a write ended: {error}") }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn failures_are_not_lost_and_end_with_being_told() {
        let behind = Behind::default();
        let failure = || Error::Store { detail: "full".to_owned() };
        behind.begin(async { Ok(()) });
        behind.begin(async move { Err(failure()) });
        tokio::task::yield_now().await;
        behind.begin(async { Ok(()) });
        behind.begin(async { Ok(()) });
        assert_eq!(behind.settle().await, Err(failure()));
        assert_eq!(behind.settle().await, Ok(()));
    }
}
