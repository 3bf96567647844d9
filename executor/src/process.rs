//! A run's process as the service holds it: started with nothing, killed through a pidfd, reaped by nobody else.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;

use crate::error::Error;
use crate::os::{self, Ended};

/// How a worker is started: this binary, usually, with a command that leads to [`crate::worker_main`].
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The binary.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The environment of guest code, whole.
const ENVIRONMENT: [(&str, &str); 2] = [("NODE_ENV", "production"), ("TZ", "UTC")];

/// A started process and what is connected to it. Dropped before it is reaped, it is killed.
pub(crate) struct Process {
    pid: u32,
    handle: OwnedFd,
    reaped: bool,
    /// The socket to it.
    pub(crate) socket: AsyncFd<OwnedFd>,
    /// Its standard output.
    pub(crate) output: pipe::Receiver,
    /// Its standard error.
    pub(crate) errors: pipe::Receiver,
}

impl Process {
    /// Starts a worker.
    pub(crate) fn start(command: &WorkerCommand) -> Result<Self, Error> {
        Self::try_start(command)
            .map_err(|source| Error::Spawn { program: command.program.display().to_string(), source })
    }

    fn try_start(command: &WorkerCommand) -> std::io::Result<Self> {
        let flags = SocketFlags::CLOEXEC;
        let (ours, theirs) = rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .envs(ENVIRONMENT)
            .current_dir("/")
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let pid = child.id();
        let handle = pidfd(pid).inspect_err(|_| {
            let _ = child.kill();
            let _ = child.wait();
        })?;
        let taken = "spawned with a pipe";
        let output = OwnedFd::from(child.stdout.take().expect(taken));
        let errors = OwnedFd::from(child.stderr.take().expect(taken));
        let mut process = KillOnDrop(Some(pid));
        rustix::io::ioctl_fionbio(&ours, true)?;
        let started = Self {
            pid,
            handle,
            reaped: false,
            socket: os::watch(ours)?,
            output: pipe::Receiver::from_owned_fd(output)?,
            errors: pipe::Receiver::from_owned_fd(errors)?,
        };
        process.0 = None;
        Ok(started)
    }

    /// The processor time used so far.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        os::cpu_time(self.pid)
    }

    /// Kills the process, if it is still there, and reaps it.
    pub(crate) fn kill(&mut self) -> std::io::Result<Ended> {
        let _ = rustix::process::pidfd_send_signal(&self.handle, Signal::KILL);
        self.reaped = true;
        os::reap(self.pid)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            // A process with SIGKILL pending ends at once, so this does not block for long.
            let _ = self.kill();
        }
    }
}

/// Ends a child that could not be wrapped into a [`Process`].
struct KillOnDrop(Option<u32>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        if let Some(pid) = self.0.take() {
            if let Ok(handle) = pidfd(pid) {
                let _ = rustix::process::pidfd_send_signal(&handle, Signal::KILL);
            }
            let _ = os::reap(pid);
        }
    }
}

fn pidfd(pid: u32) -> std::io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(std::io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}
