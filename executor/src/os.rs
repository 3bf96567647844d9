//! The calls to the operating system that no safe library offers. One operation a block.

use std::os::fd::OwnedFd;
use std::time::Duration;

use tokio::io::unix::AsyncFd;

/// How a process ended and what it used, from `wait4`.
#[derive(Clone, Copy, Debug)]
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
    let mut status = 0;
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    loop {
        // SAFETY: both pointers are valid for writes of their types for the length of the call.
        let reaped = unsafe { libc::wait4(pid as libc::pid_t, &mut status, 0, usage.as_mut_ptr()) };
        if reaped >= 0 {
            break;
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    // SAFETY: a rusage is plain numbers, for which zeros are valid, and wait4 has filled it in.
    let usage = unsafe { usage.assume_init() };
    let time = |value: libc::timeval| Duration::new(value.tv_sec as u64, value.tv_usec as u32 * 1000);
    Ok(Ended {
        signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
        code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
        cpu: time(usage.ru_utime) + time(usage.ru_stime),
        peak_resident_bytes: usage.ru_maxrss as u64 * 1024,
    })
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

/// Ends this process at once: nothing is flushed, dropped or run on the way.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit takes no pointers and does not return.
    unsafe { libc::_exit(code) }
}

/// Closes every descriptor from `first` on. For a process at its start, that has opened nothing yet.
pub(crate) fn close_from(first: u32) -> std::io::Result<()> {
    // SAFETY: the call takes no pointers, and nothing in this process owns one of these descriptors.
    match unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}

/// Registers a descriptor with the reactor of the tokio runtime that this is called in.
pub(crate) fn watch(descriptor: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the registration owns the descriptor, which nothing else closes while it lasts.
    Ok(unsafe { AsyncFd::register(descriptor) }?)
}
