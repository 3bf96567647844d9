//! Namespaces: a network without interfaces, process numbers of its own. Not every system lets its users have them.
//!
//! A process number namespace takes effect for children, so one process stays behind that only waits: it has nothing open,
//! dies with its own parent, and takes the whole namespace with it.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::PidfdFlags;

use super::kernel::unshare;
use super::{care, failed};
use crate::error::Error;
use crate::os::{self, Ended, Forked};

/// Which processes a zygote and its runs can name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PidNamespace {
    /// None but each other: the zygote is process 1 of a namespace of its own, and its network is without interfaces.
    Own,
    /// Those of its parent: the system does not allow a namespace.
    Shared,
}

/// Goes on as process 1 of a process number namespace where that is allowed, and in any case as a process that is killed
/// when its parent ends. Must be called before the process has a second thread, by a process whose own parent's thread lives
/// as long as it is to live. Process numbers change with it, and who started the process holds one that waits for it: the same
/// exit code, 128 and the signal's number where a signal ended it.
///
/// # Errors
///
/// When the namespace is there but nothing can be started in it.
pub fn pid_namespace() -> Result<PidNamespace, Error> {
    // The namespace takes away the file in /proc by which this is said.
    let _ = care::first_to_be_killed();
    let parent = rustix::process::getppid();
    let entered = unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWPID | libc::CLONE_NEWNET).is_ok();
    care::die_with_parent()?;
    if rustix::process::getppid() != parent {
        // It ended before that could be asked for.
        os::exit_now(ORPHANED);
    }
    if !entered {
        return Ok(PidNamespace::Shared);
    }
    let waiter =
        rustix::process::pidfd_open(rustix::process::getpid(), PidfdFlags::empty()).map_err(failed("pidfd"))?;
    match os::fork().map_err(failed("fork"))? {
        Forked::Parent(child) => wait_for(child),
        Forked::Child => follow(waiter),
    }
}

/// Leaves the network, where that is allowed and not yet done.
pub(super) fn leave_network(pids: PidNamespace) {
    match pids {
        PidNamespace::Own => {}
        PidNamespace::Shared => {
            let _ = unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET);
        }
    }
}

/// The exit code of a process whose parent has ended.
const ORPHANED: i32 = 1;

/// Ties the child to the process that waits for it. Its parent has no number in the new namespace, but a handle.
fn follow(waiter: OwnedFd) -> Result<PidNamespace, Error> {
    care::die_with_parent()?;
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    match poll(&mut [PollFd::new(&waiter, PollFlags::IN)], Some(&now)).map_err(failed("poll"))? {
        0 => Ok(PidNamespace::Own),
        _ => os::exit_now(ORPHANED),
    }
}

fn wait_for(child: i32) -> ! {
    // Whatever this process has inherited, the sockets to its parent above all, is the child's. A kernel that has no such
    // call has none for the child either, which says so.
    let _ = os::close_from(0);
    let _ = care::drop_capabilities();
    let Ended { signal, code, .. } = os::reap(child as u32).unwrap_or_default();
    os::exit_now(code.or(signal.map(|signal| 128 + signal)).unwrap_or(ORPHANED))
}
