//! Where bundling workers come from. Each serves one request; a service has some started ahead, so that a request does not
//! wait for a process to start.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bundler::{Limits, Worker, WorkerCommand};
use tokio::task::JoinHandle;

/// Starts workers.
pub(crate) struct Bundlers {
    command: WorkerCommand,
    /// What each of them may use up.
    pub(crate) limits: Limits,
    /// How many to have ready.
    ahead: usize,
    ready: Mutex<VecDeque<JoinHandle<Result<Worker, bundler::Error>>>>,
}

impl Bundlers {
    /// Workers that are started by `command`, so many of them ahead.
    pub(crate) fn new(command: WorkerCommand, limits: Limits, ahead: usize) -> Self {
        Self { command, limits, ahead, ready: Mutex::default() }
    }

    /// A worker that has seen no request.
    pub(crate) async fn take(&self) -> Result<Worker, bundler::Error> {
        loop {
            let next = self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(next) = next else { return Worker::spawn(&self.command, &self.limits).await };
            // One that could not be started, or has died since, is replaced by one started now.
            if let Ok(Ok(mut worker)) = next.await
                && worker.is_alive()
            {
                return Ok(worker);
            }
        }
    }

    /// Starts what is lacking. Not while a request is being worked on: it would take its processors.
    pub(crate) fn replenish(&self) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        while ready.len() < self.ahead {
            let (command, limits) = (self.command.clone(), self.limits.clone());
            ready.push_back(tokio::spawn(async move {
                let mut worker = Worker::spawn(&command, &limits).await?;
                worker.warm().await?;
                Ok(worker)
            }));
        }
    }
}

impl Drop for Bundlers {
    fn drop(&mut self) {
        for starting in self.ready.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            starting.abort();
        }
    }
}
