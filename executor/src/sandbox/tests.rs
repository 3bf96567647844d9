use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::os::fd::AsFd as _;
use std::sync::mpsc;

use super::attempts::{Target, attempts};
use super::probe::{Listener, Observed, Stage, in_child, probe};
use super::{PidNamespace, enter, enter_run, filter};
use crate::error::Error;
use crate::os::{self, Forked};

const EPERM: i64 = libc::EPERM as i64;
const ENOSYS: i64 = libc::ENOSYS as i64;

type Answers = BTreeMap<(Stage, String), i64>;

/// What a child process, which alone may enter the sandbox, has to say.
fn observed(work: impl FnOnce(&Listener<'_>) -> Result<(), Error>) -> Answers {
    // Made here: another test's thread could hold its lock in the moment of the fork.
    filter::prepare().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let child = match os::fork().unwrap() {
        Forked::Child => {
            let listener = Listener(writer.as_fd());
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&listener)));
            let failed = done.map_or(Some("panicked".to_string()), |done| done.err().map(|error| error.to_string()));
            if let Some(failed) = &failed {
                listener.say(Stage::Before, failed, 0);
            }
            os::exit_now(failed.is_some().into())
        }
        Forked::Parent(child) => child,
    };
    drop(writer);
    let lines = BufReader::new(reader).lines();
    let answers = lines.map(|line| serde_json::from_str::<Observed>(&line.unwrap()).unwrap());
    let answers = answers.map(|Observed { stage, name, answer }| ((stage, name), answer)).collect();
    assert_eq!(os::reap(child as u32).unwrap().code, Some(0), "{answers:#?}");
    answers
}

/// The answers of one stage.
fn at(answers: &Answers, wanted: Stage) -> BTreeMap<&str, i64> {
    answers
        .iter()
        .filter(|((stage, _), _)| *stage == wanted)
        .map(|((_, name), answer)| (name.as_str(), *answer))
        .collect()
}

/// What is answered at a stage to those attempts that everybody may make who has not entered anything.
const FREE: [&str; 12] = [
    "openat",
    "openat of its memory",
    "socket",
    "connect",
    "kill",
    "pidfd_open",
    "fork",
    "execve",
    "memfd_create",
    "prctl to be dumpable",
    "unshare",
    "statx",
];

/// What a zygote may do beyond its runs.
const ZYGOTES: [&str; 9] = [
    "pidfd_open",
    "fork",
    "wait4",
    "prctl to outlive the parent",
    "seccomp to set",
    "dup3",
    "close_range",
    "setsid",
    "signalfd4",
];

const FACTS_OF_ZYGOTES: [&str; 3] = ["nanoseconds of the pid namespace", "nanoseconds of entering", "process number"];
const FACTS_OF_RUNS: [&str; 3] = ["nanoseconds of entering", "a thread's answer", "new code's answer"];

#[test]
fn whatever_a_run_tries_is_refused() {
    let answers = observed(probe);
    let before = at(&answers, Stage::Before);
    for name in FREE {
        assert!(before[name] != EPERM && before[name] != ENOSYS, "{name} is refused to everybody: {}", before[name]);
    }
    for name in ["openat", "socket", "kill", "fork", "prctl to be dumpable", "unshare"] {
        assert_eq!(before[name], 0, "{name}");
    }
    let run = at(&answers, Stage::Run);
    let tried: Vec<_> = run.iter().filter(|(name, _)| !FACTS_OF_RUNS.contains(name)).collect();
    assert!(tried.len() > 60, "only {} were tried", tried.len());
    for (name, answer) in tried {
        assert_eq!(*answer, if *name == "clone3" { ENOSYS } else { EPERM }, "{name}");
    }
    assert_eq!((run["a thread's answer"], run["new code's answer"]), (42, 42));
}

#[test]
fn a_zygote_makes_processes_and_does_nothing_else() {
    let answers = observed(probe);
    let zygote = at(&answers, Stage::Zygote);
    for (name, answer) in zygote.iter().filter(|(name, _)| !FACTS_OF_ZYGOTES.contains(name)) {
        match *name {
            "clone3" => assert_eq!(*answer, ENOSYS),
            // What it may do is answered by whatever the kernel says to these arguments.
            name if ZYGOTES.contains(&name) => assert_ne!((name, *answer), (name, ENOSYS)),
            name => assert_eq!((name, *answer), (name, EPERM)),
        }
    }
    for name in ["pidfd_open", "fork", "prctl to outlive the parent", "close_range"] {
        assert_eq!((name, zygote[name]), (name, 0));
    }
}

#[test]
fn the_sandbox_alone_leaves_nothing_of_the_host() {
    let answers = observed(probe);
    let sandbox = at(&answers, Stage::Sandbox);
    let before = at(&answers, Stage::Before);
    for (name, wanted) in [
        ("no_new_privs", 1),
        ("capabilities", 0),
        ("dumpable", 0),
        ("huge pages off", 1),
        ("core limit", 0),
        ("oom_score_adj", 1000),
    ] {
        assert_eq!(sandbox[name], wanted, "{name}");
    }
    assert_ne!(sandbox["pages merged"], 1);
    if before["landlock version"] > 0 {
        assert_eq!(sandbox["opening a file"], i64::from(libc::EACCES));
    }
    if before["network namespace"] == 0 {
        assert_eq!(sandbox["reaching an address"], i64::from(libc::ENETUNREACH));
        assert_eq!(sandbox["bounding capabilities"], 0);
    }
    let number = at(&answers, Stage::Zygote)["process number"];
    assert_eq!(number == 1, before["pid namespace"] == 0, "{number}");
}

/// Where one process is one run, its watchdog is there before the filter is; and there is no zygote's filter below.
#[test]
fn a_thread_that_was_there_before_is_refused_too() {
    let answers = observed(|listener| {
        in_child(|| {
            enter()?;
            let (send, receive) = mpsc::channel();
            let (answer, answered) = mpsc::channel();
            std::thread::spawn(move || {
                receive.recv().unwrap();
                let (mine, _its) = std::os::unix::net::UnixStream::pair().unwrap();
                let target = Target { sibling: rustix::process::getpid(), socket: mine.as_fd() };
                for attempt in attempts(&target) {
                    answer.send((attempt.name, attempt.make())).unwrap();
                }
            });
            enter_run()?;
            send.send(()).unwrap();
            for (name, error) in answered {
                listener.say(Stage::Run, name, error.into());
            }
            Ok(())
        })
    });
    assert!(answers.len() > 60, "only {} were tried", answers.len());
    for ((_, name), answer) in answers {
        assert_eq!((name.as_str(), answer), (name.as_str(), if name == "clone3" { ENOSYS } else { EPERM }));
    }
}

/// Who waits outside of the namespace passes on how the process inside ended, and dies with its own parent.
#[test]
fn the_namespace_ends_with_its_first_process() {
    let status = |code: fn() -> i32| {
        let child = match os::fork().unwrap() {
            Forked::Child => {
                let entered = super::pid_namespace();
                os::exit_now(if entered.is_ok() { code() } else { 99 })
            }
            Forked::Parent(child) => child,
        };
        os::reap(child as u32).unwrap().code
    };
    assert_eq!(status(|| 7), Some(7));
    let own = status(|| i32::from(rustix::process::getpid().is_init()));
    let answers = observed(|listener| {
        let entered = super::pid_namespace()?;
        listener.say(Stage::Zygote, "own", i64::from(entered == PidNamespace::Own));
        Ok(())
    });
    assert_eq!(own.map(i64::from), Some(answers[&(Stage::Zygote, "own".to_string())]));
}
