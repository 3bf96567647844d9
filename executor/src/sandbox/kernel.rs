//! The calls of the sandbox that no safe library offers. One operation a block.

use std::io;

use rustix::process::Pid;

/// What `fork` returns.
pub(super) enum Forked {
    /// In the new process.
    Child,
    /// In the old one.
    Parent(Pid),
}

/// Forks this process, which must have one thread.
pub(super) fn fork() -> io::Result<Forked> {
    // SAFETY: fork takes no pointers; with one thread nothing is held by a thread that the child lacks.
    match unsafe { libc::fork() } {
        0 => Ok(Forked::Child),
        pid => Pid::from_raw(pid).filter(|_| pid > 0).map(Forked::Parent).ok_or_else(io::Error::last_os_error),
    }
}

/// Moves this process, which must have one thread, into namespaces of its own.
pub(super) fn unshare(flags: libc::c_int) -> io::Result<()> {
    // SAFETY: unshare takes no pointers, and its callers ask for namespaces only: memory and descriptors stay as they are.
    match unsafe { libc::unshare(flags) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Has no page of this process merged with an equal one of another.
pub(super) fn keep_pages_apart() -> io::Result<()> {
    // SAFETY: the option takes a number, no pointers.
    match unsafe { libc::prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// `linux/prctl.h`, since Linux 6.4.
const PR_SET_MEMORY_MERGE: libc::c_int = 67;
