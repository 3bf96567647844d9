//! What guest code that has taken over its process would try: calls by which a process reaches a file, the network, another
//! process, or more rights. Made for real, by whoever wants to know whether the kernel refuses them.
//!
//! Their arguments do no harm where a call is allowed: nothing is ended, written or waited for, and memory stays as it is.
//! `vfork` is the exception, and is only for who has the filters.

use std::ffi::CStr;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::process::Pid;

use super::calls::{FORK, THREAD};
use super::kernel;

/// Whom the attempts are aimed at.
pub(super) struct Target<'a> {
    /// A process of the same user: the sibling.
    pub(super) sibling: Pid,
    /// One end of a connected pair.
    pub(super) socket: BorrowedFd<'a>,
}

/// One call, and what it is called in reports.
pub(super) struct Attempt {
    pub(super) name: &'static str,
    number: libc::c_long,
    arguments: [usize; 6],
}

impl Attempt {
    /// Makes the call. The error number, or 0.
    pub(super) fn make(&self) -> i32 {
        kernel::attempt(self.number, self.arguments)
    }
}

/// Every attempt, in no order that matters.
pub(super) fn attempts(target: &Target<'_>) -> Vec<Attempt> {
    let all = [files(), network(target), processes(target), itself(target), rights()];
    all.into_iter().flatten().collect()
}

/// The older names of `clone`. Where `vfork` is allowed its child would take this process's stack.
#[cfg(target_arch = "x86_64")]
pub(super) fn older_forks() -> Vec<Attempt> {
    vec![attempt("fork by its older name", libc::SYS_fork, []), attempt("vfork", libc::SYS_vfork, [])]
}

#[cfg(not(target_arch = "x86_64"))]
pub(super) fn older_forks() -> Vec<Attempt> {
    Vec::new()
}

const PASSWORDS: &CStr = c"/etc/passwd";
const MEMORY: &CStr = c"/proc/self/mem";
const NAME: &CStr = c"hoist";

/// An abstract address of a Unix socket that nobody listens on: family and name.
static ADDRESS: [u8; 11] = *b"\x01\0\0no-hoist";

const HERE: usize = libc::AT_FDCWD as usize;
const NONE: usize = usize::MAX;
const CLOEXEC: usize = libc::O_CLOEXEC as usize;

fn attempt<const COUNT: usize>(name: &'static str, number: libc::c_long, given: [usize; COUNT]) -> Attempt {
    let mut arguments = [0; 6];
    arguments[..COUNT].copy_from_slice(&given);
    Attempt { name, number, arguments }
}

fn files() -> Vec<Attempt> {
    vec![
        attempt("openat", libc::SYS_openat, [HERE, PASSWORDS.as_ptr() as usize, CLOEXEC]),
        attempt("openat of its memory", libc::SYS_openat, [HERE, MEMORY.as_ptr() as usize, CLOEXEC]),
        attempt("openat2", libc::SYS_openat2, [HERE, PASSWORDS.as_ptr() as usize]),
        attempt("statx", libc::SYS_statx, [HERE, PASSWORDS.as_ptr() as usize]),
        attempt("newfstatat", libc::SYS_newfstatat, [HERE, PASSWORDS.as_ptr() as usize]),
        attempt("faccessat", libc::SYS_faccessat, [HERE, PASSWORDS.as_ptr() as usize]),
        attempt("readlinkat", libc::SYS_readlinkat, [HERE, PASSWORDS.as_ptr() as usize]),
        attempt("unlinkat", libc::SYS_unlinkat, [HERE]),
        attempt("mkdirat", libc::SYS_mkdirat, [HERE]),
        attempt("chdir", libc::SYS_chdir, []),
        attempt("inotify_init1", libc::SYS_inotify_init1, [CLOEXEC]),
        attempt("memfd_create", libc::SYS_memfd_create, [NAME.as_ptr() as usize, libc::MFD_CLOEXEC as usize]),
    ]
}

fn network(target: &Target<'_>) -> Vec<Attempt> {
    let socket = target.socket.as_raw_fd() as usize;
    let (unix, inet, netlink) = (libc::AF_UNIX as usize, libc::AF_INET as usize, libc::AF_NETLINK as usize);
    let (stream, datagram) = (libc::SOCK_STREAM as usize, libc::SOCK_DGRAM as usize);
    let (address, length) = (ADDRESS.as_ptr() as usize, ADDRESS.len());
    vec![
        attempt("socket", libc::SYS_socket, [inet, stream | CLOEXEC]),
        attempt("socket of Unix", libc::SYS_socket, [unix, datagram | CLOEXEC]),
        attempt("socket of netlink", libc::SYS_socket, [netlink, datagram | CLOEXEC]),
        attempt("socketpair without connection", libc::SYS_socketpair, [unix, datagram | CLOEXEC]),
        attempt("connect", libc::SYS_connect, [socket, address, length]),
        attempt("bind", libc::SYS_bind, [socket, address, length]),
        attempt("listen", libc::SYS_listen, [socket, 1]),
        attempt("accept4", libc::SYS_accept4, [socket]),
        attempt("sendto with address", libc::SYS_sendto, [socket, address, 1, 0, address, length]),
    ]
}

fn processes(target: &Target<'_>) -> Vec<Attempt> {
    let sibling = target.sibling.as_raw_nonzero().get() as usize;
    let socket = target.socket.as_raw_fd() as usize;
    let (seize, nofile) = (libc::PTRACE_SEIZE as usize, libc::RLIMIT_NOFILE as usize);
    let new_user = (libc::CLONE_NEWUSER | libc::SIGCHLD) as usize;
    // How the kernel numbers the processor clock of another process.
    let clock = (!sibling << 3) | 2;
    vec![
        attempt("ptrace", libc::SYS_ptrace, [seize, sibling]),
        attempt("kill", libc::SYS_kill, [sibling]),
        attempt("tkill", libc::SYS_tkill, [sibling]),
        attempt("tgkill", libc::SYS_tgkill, [sibling, sibling]),
        attempt("rt_sigqueueinfo", libc::SYS_rt_sigqueueinfo, [sibling]),
        attempt("pidfd_open", libc::SYS_pidfd_open, [sibling]),
        attempt("pidfd_send_signal", libc::SYS_pidfd_send_signal, [NONE]),
        attempt("pidfd_getfd", libc::SYS_pidfd_getfd, [NONE]),
        attempt("process_vm_readv", libc::SYS_process_vm_readv, [sibling]),
        attempt("process_vm_writev", libc::SYS_process_vm_writev, [sibling]),
        attempt("process_madvise", libc::SYS_process_madvise, [NONE]),
        attempt("fcntl for its owner", libc::SYS_fcntl, [socket, libc::F_SETOWN as usize, sibling]),
        attempt("prlimit64 of the sibling", libc::SYS_prlimit64, [sibling, nofile]),
        attempt("clock of the sibling", libc::SYS_clock_gettime, [clock]),
        attempt("fork", libc::SYS_clone, [FORK as usize]),
        attempt("clone with a namespace", libc::SYS_clone, [new_user]),
        attempt(
            "clone of a thread with a namespace",
            libc::SYS_clone,
            [THREAD as usize | libc::CLONE_NEWUSER as usize],
        ),
        attempt("clone3", libc::SYS_clone3, []),
        attempt("wait4", libc::SYS_wait4, [NONE, 0, libc::WNOHANG as usize]),
        attempt("execve", libc::SYS_execve, []),
        attempt("execveat", libc::SYS_execveat, [NONE]),
    ]
}

fn itself(target: &Target<'_>) -> Vec<Attempt> {
    let socket = target.socket.as_raw_fd() as usize;
    vec![
        attempt("prctl to be dumpable", libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 1]),
        attempt("prctl to outlive the parent", libc::SYS_prctl, [libc::PR_SET_PDEATHSIG as usize]),
        attempt("seccomp to ask", libc::SYS_seccomp, [libc::SECCOMP_GET_ACTION_AVAIL as usize]),
        attempt("seccomp to set", libc::SYS_seccomp, [libc::SECCOMP_SET_MODE_FILTER as usize]),
        attempt("madvise to merge", libc::SYS_madvise, [0, 0, libc::MADV_MERGEABLE as usize]),
        attempt("dup3", libc::SYS_dup3, [socket, socket]),
        attempt("close_range", libc::SYS_close_range, [NONE, NONE]),
        attempt("setsid", libc::SYS_setsid, []),
        attempt("signalfd4", libc::SYS_signalfd4, [NONE]),
    ]
}

fn rights() -> Vec<Attempt> {
    vec![
        attempt("unshare", libc::SYS_unshare, [libc::CLONE_FS as usize]),
        attempt("unshare of a namespace", libc::SYS_unshare, [libc::CLONE_NEWUSER as usize]),
        attempt("setns", libc::SYS_setns, [NONE]),
        attempt("mount", libc::SYS_mount, []),
        attempt("umount2", libc::SYS_umount2, []),
        attempt("pivot_root", libc::SYS_pivot_root, []),
        attempt("chroot", libc::SYS_chroot, []),
        attempt("bpf", libc::SYS_bpf, []),
        attempt("io_uring_setup", libc::SYS_io_uring_setup, []),
        attempt("userfaultfd", libc::SYS_userfaultfd, [NONE]),
        attempt("perf_event_open", libc::SYS_perf_event_open, []),
        attempt("keyctl", libc::SYS_keyctl, [NONE]),
        attempt("capset", libc::SYS_capset, []),
        attempt("setresuid", libc::SYS_setresuid, [NONE, NONE, NONE]),
        attempt("personality", libc::SYS_personality, [u32::MAX as usize]),
        attempt("shmget", libc::SYS_shmget, []),
    ]
}
