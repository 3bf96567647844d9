//! Two of the C library's functions as this binary has them, for V8, which calls them by name.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicU64, Ordering};

/// V8 keeps all of its memory from being forked, which is the one thing that a zygote is for. Everything else that is asked
/// goes to the kernel as it is: aws-lc sees by its own calls that it has been forked.
///
/// # Safety
///
/// As madvise(2): the range must be the caller's.
#[unsafe(no_mangle)]
unsafe extern "C" fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int {
    if advice == libc::MADV_DONTFORK {
        return 0;
    }
    // SAFETY: the caller keeps to madvise's contract, which is the kernel's.
    unsafe { libc::syscall(libc::SYS_madvise, address, length, advice) as c_int }
}

static CLOCK_READS: AtomicU64 = AtomicU64::new(0);

/// How often the time of day has been read. V8 reads it for `Date` and for what comes to the same.
pub(super) fn clock_reads() -> u64 {
    CLOCK_READS.load(Ordering::Relaxed)
}

/// The time of day, counted.
///
/// # Safety
///
/// As gettimeofday(2): each pointer must be null or valid for a write.
#[unsafe(no_mangle)]
unsafe extern "C" fn gettimeofday(time: *mut libc::timeval, _zone: *mut c_void) -> c_int {
    CLOCK_READS.fetch_add(1, Ordering::Relaxed);
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid for the write of a timespec.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &mut now) };
    if result == 0 && !time.is_null() {
        let value = libc::timeval { tv_sec: now.tv_sec, tv_usec: now.tv_nsec / 1000 };
        // SAFETY: the caller says that it is valid for a write when it is not null.
        unsafe { time.write(value) };
    }
    result
}
