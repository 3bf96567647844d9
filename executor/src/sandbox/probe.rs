//! Tries what the sandbox is for, in processes that enter it as zygotes and runs do, and says what the kernel answered.
//! Nothing is guessed from versions.

use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::net::UdpSocket;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::process::ExitCode;
use std::time::Instant;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use rustix::process::{Pid, Resource};
use rustix::thread::{CapabilitySet, CapabilitySets};
use serde::{Deserialize, Serialize};

use super::attempts::{Target, attempts, older_forks};
use super::kernel;
use super::namespaces::{PidNamespace, pid_namespace};
use super::{enter, enter_run, enter_zygote, failed};
use crate::error::Error;
use crate::os::{self, Ended, Forked};

/// What the process that tried something had entered.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Nothing.
    Before,
    /// The sandbox, without a filter.
    Sandbox,
    /// The sandbox, as a zygote.
    Zygote,
    /// The sandbox, as a run.
    Run,
}

/// One thing that was tried, or looked up.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Observed {
    /// Where.
    pub stage: Stage,
    /// What: the call's name, or the fact's.
    pub name: String,
    /// The fact's number; for a call that was tried the error's, 0 where it was allowed.
    pub answer: i64,
}

/// The other side of `hoist doctor`: tries everything and prints each [`Observed`] as a line of JSON. Must be called before
/// the process has a second thread.
pub fn probe_main() -> ExitCode {
    match probe(&Listener(rustix::stdio::stdout())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Where the lines go.
pub(super) struct Listener<'a>(pub(super) BorrowedFd<'a>);

impl Listener<'_> {
    pub(super) fn say(&self, stage: Stage, name: &str, answer: i64) {
        let observed = Observed { stage, name: name.to_string(), answer };
        let line = serde_json::to_string(&observed).expect("numbers and text") + "\n";
        // A line fits into a pipe whole. Who does not listen does not miss it.
        let _ = rustix::io::write(self.0, line.as_bytes());
    }

    fn say_result<T>(&self, stage: Stage, name: &str, result: rustix::io::Result<T>) {
        self.say(stage, name, result.err().map_or(0, |error| error.raw_os_error().into()));
    }
}

/// Goes through all stages, each in a process of its own. What it returns in is the zygote.
pub(super) fn probe(listener: &Listener<'_>) -> Result<(), Error> {
    namespaces(listener)?;
    listener.say(Stage::Before, "landlock version", kernel::landlock_version());
    with_target(|target| {
        in_child(|| {
            try_all(listener, Stage::Before, target);
            Ok(())
        })
    })?;
    in_child(|| sandbox(listener))?;
    let started = Instant::now();
    let pids = pid_namespace()?;
    say_time(listener, Stage::Zygote, "nanoseconds of the pid namespace", started);
    with_target(|target| zygote(listener, pids, target))
}

fn say_time(listener: &Listener<'_>, stage: Stage, name: &str, started: Instant) {
    listener.say(stage, name, started.elapsed().as_nanos().try_into().unwrap_or(i64::MAX));
}

fn namespaces(listener: &Listener<'_>) -> Result<(), Error> {
    for (name, flags) in [
        ("user namespace", libc::CLONE_NEWUSER),
        ("network namespace", libc::CLONE_NEWUSER | libc::CLONE_NEWNET),
        ("pid namespace", libc::CLONE_NEWUSER | libc::CLONE_NEWPID),
    ] {
        in_child(|| {
            let entered = kernel::unshare(flags);
            let error = entered.err().and_then(|error| error.raw_os_error()).unwrap_or(0);
            listener.say(Stage::Before, name, error.into());
            Ok(())
        })?;
    }
    Ok(())
}

fn try_all(listener: &Listener<'_>, stage: Stage, target: &Target<'_>) {
    for attempt in attempts(target) {
        listener.say(stage, attempt.name, attempt.make().into());
    }
    if stage > Stage::Sandbox {
        for attempt in older_forks() {
            listener.say(stage, attempt.name, attempt.make().into());
        }
    }
}

/// What the kernel says of a process in the sandbox, and what it can reach without any filter.
fn sandbox(listener: &Listener<'_>) -> Result<(), Error> {
    let say = |name: &str, answer: i64| listener.say(Stage::Sandbox, name, answer);
    let mut score = File::open("/proc/self/oom_score_adj").map_err(failed("oom_score_adj"))?;
    let parent = rustix::process::getppid();
    enter()?;
    say("no_new_privs", rustix::thread::no_new_privs().map_err(failed("no_new_privs"))?.into());
    let CapabilitySets { effective, permitted, inheritable } =
        rustix::thread::capabilities(None).map_err(failed("capabilities"))?;
    say("capabilities", (effective | permitted | inheritable).bits().count_ones().into());
    let bounding = (0..u64::BITS).map(|number| CapabilitySet::from_bits_retain(1 << number));
    let kept = bounding.filter(|one| rustix::thread::capability_is_in_bounding_set(*one).unwrap_or(false)).count();
    say("bounding capabilities", kept as i64);
    say("dumpable", rustix::process::dumpable_behavior().map_err(failed("dumpable"))? as i64);
    say("huge pages off", rustix::thread::transparent_huge_pages_are_disabled().map_err(failed("huge pages"))?.into());
    say("core limit", rustix::process::getrlimit(Resource::Core).maximum.map_or(-1, |bytes| bytes as i64));
    let mut text = String::new();
    score.rewind().and_then(|()| score.read_to_string(&mut text)).map_err(failed("oom_score_adj"))?;
    say("oom_score_adj", text.trim().parse().unwrap_or(0));
    say("pages merged", kernel::pages_are_merged().map_or(-1, i64::from));
    say("opening a file", error_of(File::open("/etc/passwd")));
    let reached = UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.connect("127.0.0.1:9"));
    say("reaching an address", error_of(reached));
    let signalled = parent.map_or(Err(Errno::SRCH), rustix::process::test_kill_process);
    listener.say_result(Stage::Sandbox, "signalling its parent", signalled);
    Ok(())
}

fn error_of<T>(result: std::io::Result<T>) -> i64 {
    result.err().and_then(|error| error.raw_os_error()).unwrap_or(0).into()
}

fn zygote(listener: &Listener<'_>, pids: PidNamespace, target: &Target<'_>) -> Result<(), Error> {
    let started = Instant::now();
    enter_zygote(pids)?;
    say_time(listener, Stage::Zygote, "nanoseconds of entering", started);
    listener.say(Stage::Zygote, "process number", rustix::process::getpid().as_raw_nonzero().get().into());
    in_child(|| run(listener, target))?;
    try_all(listener, Stage::Zygote, target);
    Ok(())
}

/// What guest code would try, and what it must be able to do.
fn run(listener: &Listener<'_>, target: &Target<'_>) -> Result<(), Error> {
    let started = Instant::now();
    enter_run()?;
    say_time(listener, Stage::Run, "nanoseconds of entering", started);
    try_all(listener, Stage::Run, target);
    let thread = std::thread::Builder::new().name("probe".to_string()).spawn(|| 42);
    let joined = thread.map_err(failed("thread"))?.join().unwrap_or(0);
    listener.say(Stage::Run, "a thread's answer", joined);
    listener.say(Stage::Run, "new code's answer", kernel::execute_new_code().map_or(-1, i64::from));
    Ok(())
}

/// Does something in a child and waits for it. Fails when the child does.
pub(super) fn in_child(work: impl FnOnce() -> Result<(), Error>) -> Result<(), Error> {
    match os::fork().map_err(failed("fork"))? {
        Forked::Child => match work() {
            Ok(()) => os::exit_now(0),
            Err(error) => {
                let _ = rustix::io::write(rustix::stdio::stderr(), format!("{error}\n").as_bytes());
                os::exit_now(1)
            }
        },
        Forked::Parent(child) => match os::reap(child as u32).map_err(failed("wait4"))? {
            Ended { code: Some(0), .. } => Ok(()),
            ended => Err(failed("probe")(format!("a process that tried things ended: {ended:?}"))),
        },
    }
}

/// Starts a process that only waits, for as long as `work` takes.
fn with_target(work: impl FnOnce(&Target<'_>) -> Result<(), Error>) -> Result<(), Error> {
    let (mine, its) = pair()?;
    match os::fork().map_err(failed("fork"))? {
        Forked::Child => {
            drop(mine);
            // Ends when the other end is closed.
            let _ = rustix::io::read(&its, &mut [0; 16]);
            os::exit_now(0)
        }
        Forked::Parent(child) => {
            let sibling = Pid::from_raw(child).ok_or_else(|| failed("fork")("it gave no number"))?;
            let done = work(&Target { sibling, socket: its.as_fd() });
            drop(mine);
            os::reap(child as u32).map_err(failed("wait4"))?;
            done
        }
    }
}

fn pair() -> Result<(OwnedFd, OwnedFd), Error> {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
        .map_err(failed("socketpair"))
}
