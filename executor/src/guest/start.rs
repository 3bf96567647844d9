//! A run in a process that was started for it alone: the same as a fork of a zygote, but for where it begins.

use std::convert::Infallible;
use std::io::Read as _;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use rustix::event::{PollFd, PollFlags, Timespec};

use super::channel::{self, Received};
use super::engine::{self, Compile, Engine};
use super::{run, watchdog};
use crate::file_tree::OpenImage;
use crate::{os, platform, sandbox};

/// The run's side of [`crate::Executor`]. Its standard input is the socket to the service; it must be called before the
/// process has a second thread. Returns only when no program could be run.
///
/// `open` maps an image of the program's files.
pub fn worker_main(open: OpenImage) -> ExitCode {
    match start(open) {
        Ok(never) => match never {},
        Err(error) => {
            // The service keeps what is said here for its own error.
            eprintln!("{error}");
            ExitCode::from(NO_PROGRAM)
        }
    }
}

/// The exit code of a process that could not run a program: `EX_SOFTWARE` of sysexits.h.
pub(super) const NO_PROGRAM: u8 = 70;

fn start(open: OpenImage) -> Result<Infallible, Box<dyn std::error::Error>> {
    sandbox::close_inherited()?;
    let socket = take_socket()?;
    let received: Received<crate::wire::Start> = channel::receive(&socket, open)?;
    let mut status = std::fs::File::open("/proc/self/status")?;
    sandbox::enter()?;
    // A service that has gone cannot kill what it left behind. Entering a namespace would have undone this.
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    if has_gone(&socket)? {
        // It went before that could be asked for.
        os::exit_now(0);
    }
    let tokio = engine::complete()?;
    let context = tokio.enter();
    let mut engine = Engine::start(Compile::Lazily, open)?;
    drop(context);
    platform::renew(&mut engine.runtime);
    watchdog::start(&mut engine.runtime)?;
    let mut text = String::new();
    status.read_to_string(&mut text)?;
    drop(status);
    let data_bytes = os::data_bytes_of(&text).ok_or("the kernel does not say what the process has allocated")?;
    sandbox::enter_run()?;
    run::run(engine, socket, &tokio, received, data_bytes)
}

/// Whether nobody holds the other end any more.
fn has_gone(socket: &OwnedFd) -> std::io::Result<bool> {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut polled = [PollFd::new(socket, PollFlags::empty())];
    rustix::event::poll(&mut polled, Some(&now))?;
    Ok(polled[0].revents().contains(PollFlags::HUP))
}

/// Takes the socket away from descriptor 0, where programs read their standard input, and leaves an empty one there.
pub(super) fn take_socket() -> std::io::Result<OwnedFd> {
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), SOCKETS)?;
    // Not the host's /dev/null: guest code may ask for other modes, owners and times of what it holds, and is root's now and
    // then. A pipe that nobody writes to is as empty, and nobody else's.
    let (empty, _) = std::io::pipe()?;
    rustix::stdio::dup2_stdin(&empty)?;
    Ok(socket)
}

/// Where the descriptors of our own begin; those of a run are below.
pub(super) const SOCKETS: i32 = 900;
