//! Which system calls a zygote and a run may make. Whatever does not stand here is refused.
//!
//! A run's calls are all of the zygote's that neither make a process nor reach one: what the run's filter allows is also
//! allowed by the zygote's, which its runs inherit. No call here takes a path, makes a socket that could be connected or names
//! another process, except that the zygote may open a handle on a process and wait for one.

use libc::{c_int, c_long};

/// A system call, and when it is allowed: when all conditions of one of the sets hold, or always if there is no set.
pub(super) struct Call {
    pub(super) number: c_long,
    pub(super) when: &'static [&'static [Condition]],
}

/// What an argument, counted from 0, must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Condition {
    /// The lower half equals.
    Is(u8, u32),
    /// The lower half does not equal.
    IsNot(u8, u32),
    /// The lower half, as an unsigned number, is less.
    Below(u8, u32),
    /// The whole register equals.
    IsWhole(u8, u64),
    /// The lower half's bits of the mask equal.
    Bits(u8, u32, u32),
}

use Condition::{Below, Bits, Is, IsNot, IsWhole};

const fn always(number: c_long) -> Call {
    Call { number, when: &[] }
}

const fn only(number: c_long, when: &'static [&'static [Condition]]) -> Call {
    Call { number, when }
}

const fn flags(value: c_int) -> u32 {
    value as u32
}

/// Exactly how glibc starts a thread where it has no `clone3`.
pub(super) const THREAD: u64 = flags(
    libc::CLONE_VM
        | libc::CLONE_FS
        | libc::CLONE_FILES
        | libc::CLONE_SYSVSEM
        | libc::CLONE_SIGHAND
        | libc::CLONE_THREAD
        | libc::CLONE_SETTLS
        | libc::CLONE_PARENT_SETTID
        | libc::CLONE_CHILD_CLEARTID,
) as u64;

/// Exactly how glibc forks.
pub(super) const FORK: u64 = flags(libc::CLONE_CHILD_SETTID | libc::CLONE_CHILD_CLEARTID | libc::SIGCHLD) as u64;

/// What zygotes and runs do alike, under the same conditions.
pub(super) const BOTH: &[Call] = &[
    // Memory. The engine writes code and makes it executable; merging pages with those of others would tell of them.
    always(libc::SYS_brk),
    always(libc::SYS_mmap),
    always(libc::SYS_mprotect),
    always(libc::SYS_mremap),
    always(libc::SYS_munmap),
    only(libc::SYS_madvise, &[&[IsNot(2, flags(libc::MADV_MERGEABLE))]]),
    always(libc::SYS_pkey_alloc),
    always(libc::SYS_pkey_free),
    always(libc::SYS_pkey_mprotect),
    // Threads of its own, and its end.
    always(libc::SYS_exit),
    always(libc::SYS_exit_group),
    always(libc::SYS_futex),
    always(libc::SYS_getpid),
    always(libc::SYS_getppid),
    always(libc::SYS_gettid),
    always(libc::SYS_membarrier),
    always(libc::SYS_rseq),
    // glibc asks for these by a thread's number; a number of somebody else's would tell how that is scheduled, no more.
    always(libc::SYS_sched_getaffinity),
    always(libc::SYS_sched_getparam),
    always(libc::SYS_sched_getscheduler),
    always(libc::SYS_sched_yield),
    always(libc::SYS_set_robust_list),
    // Answered by the program before: that it does not exist, so that glibc takes `clone`.
    always(libc::SYS_clone3),
    // Signals that are its own doing. `abort` has no call left and ends at its trap instead.
    always(libc::SYS_restart_syscall),
    always(libc::SYS_rt_sigaction),
    always(libc::SYS_rt_sigprocmask),
    always(libc::SYS_rt_sigreturn),
    always(libc::SYS_sigaltstack),
    // Time. A clock above the fixed ones is another process's or a device's.
    only(libc::SYS_clock_getres, &[&[Below(0, CLOCKS)]]),
    only(libc::SYS_clock_gettime, &[&[Below(0, CLOCKS)]]),
    only(libc::SYS_clock_nanosleep, &[&[Below(0, CLOCKS)]]),
    always(libc::SYS_gettimeofday),
    always(libc::SYS_nanosleep),
    // What is open. A descriptor's owner is not to be set: its signals would go to any process.
    always(libc::SYS_close),
    only(
        libc::SYS_fcntl,
        &[
            &[Is(1, flags(libc::F_DUPFD_CLOEXEC))],
            &[Is(1, flags(libc::F_GETFD))],
            &[Is(1, flags(libc::F_SETFD))],
            &[Is(1, flags(libc::F_GETFL))],
            &[Is(1, flags(libc::F_GET_SEALS))],
            &[Is(1, flags(libc::F_SETFL)), Bits(2, flags(libc::O_ASYNC), 0)],
        ],
    ),
    always(libc::SYS_fstat),
    only(
        libc::SYS_ioctl,
        &[&[Is(1, libc::FIONBIO as u32)], &[Is(1, libc::FIOCLEX as u32)], &[Is(1, libc::TCGETS as u32)]],
    ),
    always(libc::SYS_lseek),
    always(libc::SYS_pread64),
    always(libc::SYS_pwrite64),
    always(libc::SYS_read),
    always(libc::SYS_readv),
    always(libc::SYS_recvfrom),
    always(libc::SYS_recvmsg),
    always(libc::SYS_sendmsg),
    only(libc::SYS_sendto, &[&[IsWhole(4, 0)]]),
    always(libc::SYS_write),
    always(libc::SYS_writev),
    // Waiting. tokio's signal driver makes a connected pair for itself; one that is not connected could be sent anywhere from.
    always(libc::SYS_epoll_create1),
    always(libc::SYS_epoll_ctl),
    always(libc::SYS_epoll_pwait),
    always(libc::SYS_eventfd2),
    always(libc::SYS_ppoll),
    only(libc::SYS_socketpair, &[&[Is(0, flags(libc::AF_UNIX)), Bits(1, SOCKET_KIND, flags(libc::SOCK_STREAM))]]),
    // Facts that are the same for everybody here, and its own usage.
    always(libc::SYS_getcwd),
    always(libc::SYS_getegid),
    always(libc::SYS_geteuid),
    always(libc::SYS_getgid),
    always(libc::SYS_getrandom),
    always(libc::SYS_getrusage),
    always(libc::SYS_getuid),
    // A run limits itself when it has been told its limits. What is given up cannot be had back.
    only(libc::SYS_prlimit64, &[&[Is(0, 0)]]),
];

/// What of the same the older names do, that only this architecture has.
#[cfg(target_arch = "x86_64")]
pub(super) const OLDER: &[Call] = &[always(libc::SYS_epoll_wait), always(libc::SYS_poll), always(libc::SYS_time)];
#[cfg(not(target_arch = "x86_64"))]
pub(super) const OLDER: &[Call] = &[];

/// What only a zygote does: start the engine, make a process, set it up, wait for it. And what its runs do under conditions of their own.
pub(super) const ZYGOTE: &[Call] = &[
    only(libc::SYS_clone, &[&[IsWhole(0, FORK)], &[IsWhole(0, THREAD)]]),
    only(libc::SYS_prctl, PRCTL_OF_ZYGOTE),
    // The one way to add a filter.
    only(libc::SYS_seccomp, &[&[Is(0, libc::SECCOMP_SET_MODE_FILTER)]]),
    always(libc::SYS_close_range),
    always(libc::SYS_dup3),
    always(libc::SYS_pidfd_open),
    always(libc::SYS_pipe2),
    always(libc::SYS_setsid),
    always(libc::SYS_signalfd4),
    // The engine asks how much memory there is and which kernel this is when it starts.
    always(libc::SYS_sysinfo),
    always(libc::SYS_uname),
    always(libc::SYS_wait4),
    always(libc::SYS_waitid),
    #[cfg(target_arch = "x86_64")]
    always(libc::SYS_dup2),
];

/// What a run does under conditions of its own: threads, and names for them and its memory.
pub(super) const RUN: &[Call] = &[
    only(libc::SYS_clone, &[&[IsWhole(0, THREAD)]]),
    only(
        libc::SYS_prctl,
        &[&[Is(0, flags(libc::PR_SET_NAME))], &[Is(0, flags(libc::PR_SET_VMA))], &[Is(0, PR_GET_AUXV)]],
    ),
];

const PRCTL_OF_ZYGOTE: &[&[Condition]] = &[
    &[Is(0, flags(libc::PR_SET_NAME))],
    &[Is(0, flags(libc::PR_SET_VMA))],
    &[Is(0, PR_GET_AUXV)],
    &[Is(0, flags(libc::PR_SET_PDEATHSIG))],
    // Both come with adding a filter.
    &[Is(0, flags(libc::PR_SET_NO_NEW_PRIVS))],
    &[Is(0, flags(libc::PR_SET_SECCOMP))],
];

/// `linux/prctl.h`: what the process was started with, which says where the kernel's own functions are.
const PR_GET_AUXV: u32 = 0x4155_5856;

/// One more than the highest of the kernel's fixed clocks.
const CLOCKS: u32 = flags(libc::CLOCK_TAI) + 1;

/// The bits of a socket's type that are not flags.
const SOCKET_KIND: u32 = 0xf;

#[cfg(test)]
mod tests {
    use super::*;

    /// By which refusing the difference leaves exactly what a run may do: whatever both do under conditions, they do by one
    /// argument's value.
    #[test]
    fn a_run_may_do_less_than_a_zygote() {
        for run in RUN {
            let zygote = ZYGOTE.iter().find(|call| call.number == run.number).unwrap();
            assert!(!run.when.is_empty() && run.when.iter().all(|set| zygote.when.contains(set)), "{}", run.number);
            for set in zygote.when {
                assert!(matches!(set, [Is(0, _) | IsWhole(0, _)]), "{}: {set:?}", run.number);
            }
        }
    }

    #[test]
    fn every_call_stands_once_in_a_list() {
        for list in [[BOTH, OLDER, ZYGOTE], [BOTH, OLDER, RUN]] {
            let mut numbers: Vec<c_long> = list.into_iter().flatten().map(|call| call.number).collect();
            let count = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), count);
        }
    }
}
