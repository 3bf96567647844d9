//! The calls to the operating system that no safe library offers. One operation a block.

use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::unix::AsyncFd;

/// How a process ended and what it used, from `wait4`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Ended {
    /// The signal that ended it, if one did.
    pub(crate) signal: Option<i32>,
    /// Its exit code otherwise.
    pub(crate) code: Option<i32>,
    /// Processor time, user and system.
    pub(crate) cpu: Duration,
    /// Most memory resident at once, in bytes.
    pub(crate) peak_resident_bytes: u64,
}

/// Waits for the child `pid` to end and reaps it.
pub(crate) fn reap(pid: u32) -> std::io::Result<Ended> {
    let (_, ended) = wait(pid as libc::pid_t, 0)?.ok_or(std::io::ErrorKind::WouldBlock)?;
    Ok(ended)
}

/// Reaps any child that has ended; `None` when none has.
pub(crate) fn reap_any() -> std::io::Result<Option<(i32, Ended)>> {
    wait(-1, libc::WNOHANG)
}

fn wait(which: libc::pid_t, options: libc::c_int) -> std::io::Result<Option<(i32, Ended)>> {
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    let reaped = loop {
        // SAFETY: both pointers are valid for writes of their types for the length of the call.
        let reaped = unsafe { libc::wait4(which, &mut status, options, usage.as_mut_ptr()) };
        if reaped >= 0 {
            break reaped;
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error);
        }
    };
    if reaped == 0 {
        return Ok(None);
    }
    // SAFETY: a rusage is plain numbers, for which zeros are valid, and wait4 has filled it in.
    let usage = unsafe { usage.assume_init() };
    let time = |value: libc::timeval| Duration::new(value.tv_sec as u64, value.tv_usec as u32 * 1000);
    let ended = Ended {
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak_resident_bytes: usage.ru_maxrss as u64 * 1024,
    };
    Ok(Some((reaped, ended)))
}

/// The processor time that the child `pid`, not yet reaped, has used.
pub(crate) fn cpu_time(pid: u32) -> Option<Duration> {
    let mut clock: libc::clockid_t = 0;
    // SAFETY: the pointer is valid for the write of a clock id.
    if unsafe { libc::clock_getcpuclockid(pid as libc::pid_t, &mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the write of a timespec.
    if unsafe { libc::clock_gettime(clock, &mut time) } != 0 {
        return None;
    }
    Some(Duration::new(time.tv_sec as u64, time.tv_nsec as u32))
}

/// The number of the process that a pidfd refers to, in this process's namespace; `None` when it has ended.
pub(crate) fn pid_of(handle: BorrowedFd<'_>) -> Option<u32> {
    let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", handle.as_raw_fd())).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
}

/// What a process has been given or had copied for it, in bytes: a page for each of its faults that needed no disk.
pub(crate) fn private_bytes(pid: u32) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may hold anything. After it come state, six numbers, and the faults.
    let after = text.rsplit_once(')')?.1;
    let faults: u64 = after.split_whitespace().nth(7)?.parse().ok()?;
    // SAFETY: sysconf takes no pointers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    Some(faults * u64::try_from(page).ok()?)
}

/// What a process shares with no other, in bytes. Who may not see that, because the process is kept from debuggers, is told
/// all of its memory that is no file's: more, where it is a fork.
pub(crate) fn unique_bytes(pid: u32) -> Option<u64> {
    let Ok(text) = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")) else {
        return bytes_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "RssAnon:");
    };
    let private = text.lines().filter_map(|line| line.strip_prefix("Private_Dirty:"));
    let kibibytes: u64 = private.filter_map(|rest| rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()).sum();
    Some(kibibytes * 1024)
}

/// What a process has allocated, in bytes, as the kernel counts it for `RLIMIT_DATA`.
pub(crate) fn data_bytes(pid: u32) -> Option<u64> {
    data_bytes_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// The most memory that a process has had resident at once, in bytes; pages that it shares count.
pub(crate) fn peak_resident_bytes(pid: u32) -> Option<u64> {
    bytes_of(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?, "VmHWM:")
}

/// The same figure in the text of a process's status.
pub(crate) fn data_bytes_of(status: &str) -> Option<u64> {
    bytes_of(status, "VmData:")
}

fn bytes_of(status: &str, name: &str) -> Option<u64> {
    let kibibytes: u64 =
        status.lines().find_map(|line| line.strip_prefix(name)?.trim().strip_suffix(" kB")?.trim().parse().ok())?;
    Some(kibibytes * 1024)
}

/// Ends this process at once: nothing is flushed, dropped or run on the way.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from `first` on. For a process at its start, that has opened nothing yet.
pub(crate) fn close_from(first: u32) -> std::io::Result<()> {
    close_between(first, u32::MAX)
}

/// What `fork` returns.
pub(crate) enum Forked {
    /// In the child.
    Child,
    /// In the parent: the child's number.
    Parent(i32),
}

/// Forks this process, which must have one thread: everything but that thread would be missing in the child.
pub(crate) fn fork() -> std::io::Result<Forked> {
    // SAFETY: with one thread no lock is held by another one, so the child may go on with whatever the parent had.
    match unsafe { libc::fork() } {
        0 => Ok(Forked::Child),
        pid if pid > 0 => Ok(Forked::Parent(pid)),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Makes `number` another descriptor of what `descriptor` is; what it was before is closed.
pub(crate) fn duplicate_to(descriptor: BorrowedFd<'_>, number: i32) -> std::io::Result<()> {
    // SAFETY: dup2 takes no pointers; the caller says that nobody owns the number or that its owner expects this.
    match unsafe { libc::dup2(descriptor.as_raw_fd(), number) } {
        -1 => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Closes the descriptors from `first` to `last`, whoever owns them: for a process that has just been forked.
pub(crate) fn close_between(first: u32, last: u32) -> std::io::Result<()> {
    if first > last {
        return Ok(());
    }
    // SAFETY: the call takes no pointers; the forked process uses none of what its parent had open there.
    match unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// The descriptor with this number, if there is one.
pub(crate) fn borrow(number: i32) -> Option<BorrowedFd<'static>> {
    // SAFETY: fcntl takes no pointers.
    if number < 0 || unsafe { libc::fcntl(number, libc::F_GETFD) } < 0 {
        return None;
    }
    // SAFETY: it is open, and only looked at.
    Some(unsafe { BorrowedFd::borrow_raw(number) })
}

fn child_signal() -> libc::sigset_t {
    let mut signals = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the pointer is valid for the write of a signal set.
    unsafe { libc::sigemptyset(signals.as_mut_ptr()) };
    // SAFETY: sigemptyset has filled it in.
    let mut signals = unsafe { signals.assume_init() };
    // SAFETY: the pointer is valid, and the set is one.
    unsafe { libc::sigaddset(&mut signals, libc::SIGCHLD) };
    signals
}

/// A descriptor, numbered `lowest` or above, that can be read when a child has ended. Its signal is blocked.
pub(crate) fn watch_children(lowest: i32) -> std::io::Result<OwnedFd> {
    let signals = child_signal();
    // SAFETY: the pointer is valid for the length of the call.
    if unsafe { libc::sigprocmask(libc::SIG_BLOCK, &signals, std::ptr::null_mut()) } != 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: as above.
    let descriptor = unsafe { libc::signalfd(-1, &signals, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: signalfd has just made it, and nothing else has it.
    let descriptor = unsafe { OwnedFd::from_raw_fd(descriptor) };
    Ok(rustix::io::fcntl_dupfd_cloexec(&descriptor, lowest)?)
}

/// Undoes what [`watch_children`] did to the signals, in a fork.
pub(crate) fn unblock_children() -> std::io::Result<()> {
    let signals = child_signal();
    // SAFETY: the pointer is valid for the length of the call.
    match unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &signals, std::ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Registers a descriptor with the reactor of the tokio runtime that this is called in.
pub(crate) fn watch(descriptor: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the registration owns the descriptor, which nothing else closes while it lasts.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}
