//! The calls of the sandbox that no safe library offers. One operation a block.

use std::io;

use crate::os;

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

/// Makes any call, to see whether it is allowed: the error number, or 0. A process that it makes ends at once.
pub(super) fn attempt(number: libc::c_long, arguments: [usize; 6]) -> i32 {
    let [a, b, c, d, e, f] = arguments;
    let process = rustix::process::getpid();
    // SAFETY: `attempts` gives no pointer but to constants, which these calls read; none of them changes the memory of this
    // process or closes what it has open.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if rustix::process::getpid() != process {
        os::exit_now(0);
    }
    if answer == -1 { io::Error::last_os_error().raw_os_error().unwrap_or(0) } else { 0 }
}

/// The version of landlock, 0 where there is none.
pub(super) fn landlock_version() -> i64 {
    // SAFETY: without attributes and with this flag the call reads no pointer.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, LANDLOCK_CREATE_RULESET_VERSION) }.max(0)
}

/// `linux/landlock.h`.
const LANDLOCK_CREATE_RULESET_VERSION: usize = 1;

/// Whether equal pages are merged with those of others without being asked; an error where the kernel knows no such thing.
pub(super) fn pages_are_merged() -> io::Result<bool> {
    // SAFETY: the option takes no pointers.
    match unsafe { libc::prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0) } {
        -1 => Err(io::Error::last_os_error()),
        merged => Ok(merged != 0),
    }
}

const PR_GET_MEMORY_MERGE: libc::c_int = 68;

/// Writes code and executes it, as the engine does: what it returns, which is 42.
pub(super) fn execute_new_code() -> io::Result<i32> {
    #[cfg(target_arch = "x86_64")]
    const CODE: [u8; 6] = [0xb8, 42, 0, 0, 0, 0xc3];
    #[cfg(target_arch = "aarch64")]
    const CODE: [u8; 8] = [0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6];
    let bytes = 4096;
    let (data, private) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, at a place that the kernel chooses.
    let place = unsafe { libc::mmap(std::ptr::null_mut(), bytes, data, private, -1, 0) };
    if place == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the mapping is as long as a page, longer than the code, can be written, and is nobody else's.
    unsafe { std::ptr::copy_nonoverlapping(CODE.as_ptr(), place.cast::<u8>(), CODE.len()) };
    // SAFETY: the mapping is this function's own.
    if unsafe { libc::mprotect(place, bytes, libc::PROT_READ | libc::PROT_EXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the code is a function without arguments that returns a number, by the C convention of this architecture.
    let function = unsafe { std::mem::transmute::<*mut libc::c_void, extern "C" fn() -> i32>(place) };
    Ok(function())
}
