//! A run's process as the service holds it: killed only through a pidfd, and reaped by its own parent, which is the service
//! for a process that it started and a zygote for a fork.

use std::ffi::OsString;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, PidfdFlags, Signal};
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::sync::oneshot;

use crate::error::Error;
use crate::os::{self, Ended};

/// How a worker is started: this binary, usually, with a command that leads to [`crate::worker_main`] or
/// [`crate::zygote_main`].
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The binary.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The environment of guest code, whole.
const ENVIRONMENT: [(&str, &str); 2] = [("NODE_ENV", "production"), ("TZ", "UTC")];

/// How long a zygote may take to tell of the end of a child that has been killed.
const REAPED_WITHIN: Duration = Duration::from_secs(5);

/// A process and what is connected to it. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    handle: OwnedFd,
    parent: Parent,
    pid: OnceLock<Option<u32>>,
    /// What it had used when its run began.
    waited: Duration,
    /// The socket to it.
    pub(crate) socket: AsyncFd<OwnedFd>,
    /// Its standard output.
    pub(crate) output: pipe::Receiver,
    /// Its standard error.
    pub(crate) errors: pipe::Receiver,
}

/// Who reaps a process.
#[derive(Debug)]
enum Parent {
    /// This process, with the number by which it does.
    Service { pid: u32, is_reaped: bool },
    /// A zygote, which tells how it ended.
    Zygote(Option<oneshot::Receiver<Ended>>),
}

/// The ends of what connects the service with a process: ours and the process's.
pub(crate) struct Ends {
    socket: OwnedFd,
    output: pipe::Receiver,
    errors: pipe::Receiver,
}

impl Ends {
    /// Both sides' ends: what the service keeps, and the socket, output and errors of the process.
    pub(crate) fn pair() -> std::io::Result<(Self, [OwnedFd; 3])> {
        let (ours, theirs) = socket_pair()?;
        let (output_end, output) = pipe::pipe()?;
        let (errors_end, errors) = pipe::pipe()?;
        let ends = [theirs, output_end.into_blocking_fd()?, errors_end.into_blocking_fd()?];
        Ok((Self { socket: ours, output, errors }, ends))
    }
}

/// A pair of sockets that keep the boundaries of messages.
pub(crate) fn socket_pair() -> std::io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// The command with everything that every worker's start has in common.
pub(crate) fn base_command(command: &WorkerCommand, socket: OwnedFd) -> Command {
    let mut started = Command::new(&command.program);
    started.args(&command.arguments).env_clear().envs(ENVIRONMENT).current_dir("/").stdin(Stdio::from(socket));
    started
}

impl Process {
    /// Starts a worker for one run.
    pub(crate) fn start(command: &WorkerCommand) -> Result<Self, Error> {
        Self::try_start(command)
            .map_err(|source| Error::Spawn { program: command.program.display().to_string(), source })
    }

    fn try_start(command: &WorkerCommand) -> std::io::Result<Self> {
        let (ours, theirs) = socket_pair()?;
        let mut child = base_command(command, theirs).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let pid = child.id();
        let handle = pidfd(pid).inspect_err(|_| {
            let _ = child.kill();
            let _ = child.wait();
        })?;
        let taken = "spawned with a pipe";
        let output = pipe::Receiver::from_owned_fd(OwnedFd::from(child.stdout.take().expect(taken)))?;
        let errors = pipe::Receiver::from_owned_fd(OwnedFd::from(child.stderr.take().expect(taken)))?;
        let parent = Parent::Service { pid, is_reaped: false };
        let mut process = KillOnDrop(Some(pid));
        let started = Self::connect(handle, parent, Ends { socket: ours, output, errors })?;
        process.0 = None;
        Ok(started)
    }

    /// A fork of a zygote's.
    pub(crate) fn forked(handle: OwnedFd, ended: oneshot::Receiver<Ended>, ends: Ends) -> std::io::Result<Self> {
        Self::connect(handle, Parent::Zygote(Some(ended)), ends)
    }

    fn connect(handle: OwnedFd, parent: Parent, ends: Ends) -> std::io::Result<Self> {
        rustix::io::ioctl_fionbio(&ends.socket, true)?;
        Ok(Self {
            handle,
            parent,
            pid: OnceLock::new(),
            waited: Duration::ZERO,
            socket: os::watch(ends.socket)?,
            output: ends.output,
            errors: ends.errors,
        })
    }

    /// The process's number, as this process sees it; `None` when it is no longer there.
    pub(crate) fn pid(&self) -> Option<u32> {
        *self.pid.get_or_init(|| match self.parent {
            Parent::Service { pid, .. } => Some(pid),
            Parent::Zygote(_) => os::pid_of(self.handle.as_fd()),
        })
    }

    /// Says that the run begins: what the process has used until now is not the program's.
    pub(crate) fn begin(&mut self) {
        self.waited = self.pid().and_then(os::cpu_time).unwrap_or_default();
    }

    /// The processor time that the run has used so far.
    pub(crate) fn cpu_time(&self) -> Option<Duration> {
        Some(self.pid().and_then(os::cpu_time)?.saturating_sub(self.waited))
    }

    /// What the process has to itself, in bytes, counted in the pages that the kernel has given it or copied for it. What it
    /// has given back counts too.
    pub(crate) fn private_bytes(&self) -> Option<u64> {
        os::private_bytes(self.pid()?)
    }

    /// See [`crate::Usage::peak_resident_bytes`].
    pub(crate) fn peak_resident_bytes(&self) -> Option<u64> {
        os::peak_resident_bytes(self.pid()?)
    }

    /// Kills the process, if it is still there; how it ended is not waited for.
    pub(crate) fn kill(&self) {
        let _ = rustix::process::pidfd_send_signal(&self.handle, Signal::KILL);
    }

    /// Kills the process, if it is still there, and says how it ended.
    pub(crate) async fn end(&mut self) -> std::io::Result<Ended> {
        self.kill();
        let waited = self.waited;
        let mut ended = match &mut self.parent {
            Parent::Service { pid, is_reaped } => {
                *is_reaped = true;
                os::reap(*pid)?
            }
            Parent::Zygote(ended) => {
                let ended = ended.take().ok_or(std::io::ErrorKind::NotFound)?;
                match tokio::time::timeout(REAPED_WITHIN, ended).await {
                    Ok(Ok(ended)) => ended,
                    // The zygote has ended too: so has everything that it had forked.
                    Ok(Err(_)) | Err(_) => Ended { signal: Some(libc::SIGKILL), ..Ended::default() },
                }
            }
        };
        ended.cpu = ended.cpu.saturating_sub(waited);
        Ok(ended)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if let Parent::Service { pid, is_reaped: false } = self.parent {
            // A process with SIGKILL pending ends at once, so this does not block for long.
            let _ = os::reap(pid);
        }
    }
}

/// Ends a child that could not be wrapped into a [`Process`].
pub(crate) struct KillOnDrop(pub(crate) Option<u32>);

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

/// A pidfd of a child that has not been reaped.
pub(crate) fn pidfd(pid: u32) -> std::io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(std::io::ErrorKind::InvalidInput)?;
    Ok(rustix::process::pidfd_open(pid, PidfdFlags::empty())?)
}
