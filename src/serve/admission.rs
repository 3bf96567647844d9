//! How many requests at once: so many are worked on, so many wait, one more is refused.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use super::refusal::Refusal;
use crate::config::ServiceLimits;

/// The places and the turns.
#[derive(Debug)]
pub(crate) struct Admission {
    places: Semaphore,
    limit: usize,
    turns: Semaphore,
    wait: Duration,
}

/// A place in the queue. Dropped, it is free again.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    admission: &'a Admission,
    place: SemaphorePermit<'a>,
}

/// The right to be worked on. Dropped, the next one has it.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    _place: SemaphorePermit<'a>,
    _turn: SemaphorePermit<'a>,
}

impl Admission {
    /// Everything is free.
    pub(crate) fn new(limits: &ServiceLimits) -> Self {
        let limit = limits.runs + limits.queue;
        Self { places: Semaphore::new(limit), limit, turns: Semaphore::new(limits.runs), wait: limits.queue_wait }
    }

    /// A place, if one is free.
    pub(crate) fn place(&self) -> Result<Place<'_>, Refusal> {
        match self.places.try_acquire() {
            Ok(place) => Ok(Place { admission: self, place }),
            Err(_) => Err(Refusal::Busy { limit: self.limit }),
        }
    }
}

impl<'a> Place<'a> {
    /// Waits for this place's turn, in the order of those who wait, for a bounded time.
    pub(crate) async fn turn(self) -> Result<Turn<'a>, Refusal> {
        let wait = self.admission.wait;
        match tokio::time::timeout(wait, self.admission.turns.acquire()).await {
            Ok(turn) => Ok(Turn { _place: self.place, _turn: turn.expect("the semaphore is never closed") }),
            Err(_) => Err(Refusal::QueueTimeout { limit: wait }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(runs: usize, queue: usize) -> Admission {
        Admission::new(&ServiceLimits {
            runs,
            queue,
            queue_wait: Duration::from_millis(1),
            body_bytes: 1,
            body_wait: Duration::from_secs(1),
            connections: 1,
            header_wait: Duration::from_secs(1),
            drain: Duration::from_secs(1),
        })
    }

    #[tokio::test]
    async fn one_runs_one_waits_one_is_refused() {
        let admission = admission(1, 1);
        let first = admission.place().unwrap().turn().await.unwrap();
        let second = admission.place().unwrap();
        assert_eq!(admission.place().unwrap_err().code(), "busy");
        assert_eq!(second.turn().await.unwrap_err().code(), "queue-timeout");
        drop(first);
        assert!(admission.place().unwrap().turn().await.is_ok());
    }
}
