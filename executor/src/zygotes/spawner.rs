//! Starts base zygotes, on a thread that lives as long as they: the kernel ends a process that asked for it when the *thread*
//! that started it ends.

use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::mpsc;

use tokio::sync::oneshot;

use crate::process::{KillOnDrop, WorkerCommand, base_command, pidfd, socket_pair};

/// The thread.
#[derive(Debug)]
pub(super) struct Spawner {
    requests: mpsc::Sender<oneshot::Sender<std::io::Result<Spawned>>>,
}

/// A zygote's process that has been started.
pub(super) struct Spawned {
    pub(super) control: OwnedFd,
    pub(super) handle: OwnedFd,
    /// What it says of its own failures.
    pub(super) errors: OwnedFd,
    /// Reaps it.
    pub(super) reaper: KillOnDrop,
}

impl Spawner {
    /// Starts the thread. It ends with this.
    pub(super) fn new(command: WorkerCommand) -> std::io::Result<Self> {
        let (requests, received) = mpsc::channel::<oneshot::Sender<std::io::Result<Spawned>>>();
        std::thread::Builder::new().name("zygotes".to_owned()).spawn(move || {
            for answer in received {
                // Nobody may be waiting any more; what was started then ends with its control socket.
                let _ = answer.send(spawn(&command));
            }
        })?;
        Ok(Self { requests })
    }

    /// Starts a zygote.
    pub(super) async fn spawn(&self) -> std::io::Result<Spawned> {
        let (answer, answered) = oneshot::channel();
        let gone = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
        self.requests.send(answer).map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        answered.await.map_err(gone)?
    }
}

fn spawn(command: &WorkerCommand) -> std::io::Result<Spawned> {
    let (control, theirs) = socket_pair()?;
    // Its output goes nowhere: the end that could read it is dropped.
    let mut child = base_command(command, theirs).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let reaper = KillOnDrop(Some(child.id()));
    let handle = pidfd(child.id())?;
    let errors = OwnedFd::from(child.stderr.take().expect("spawned with a pipe"));
    Ok(Spawned { control, handle, errors, reaper })
}
