//! What outlives what: a run never outlives its command, and a command that is told to end does.

use std::fs;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::place::Place;

/// How long anything here may take.
const PATIENCE: Duration = Duration::from_secs(60);
const WAITS: &str = "export default () => new Promise((resolve) => setTimeout(resolve, 25_000));\n";

#[test]
fn a_run_dies_with_its_command() {
    let place = Place::new("killed-command");
    let (mut command, worker) = start_waiting_run(&place);
    kill_process(Pid::from_child(&command), Signal::KILL).unwrap();
    command.wait().unwrap();
    assert!(ends(&worker), "the run lives on after its command was killed");
    place.passed();
}

#[test]
fn a_command_that_is_told_to_end_ends() {
    let place = Place::new("ended-command");
    let (mut command, worker) = start_waiting_run(&place);
    kill_process(Pid::from_child(&command), Signal::TERM).unwrap();
    assert_eq!(command.wait().unwrap().code(), Some(14));
    assert!(ends(&worker), "the run lives on after its command has ended");
    place.passed();
}

#[test]
fn a_killed_command_leaves_the_cache_usable() {
    let registry = crate::registry::Registry::start();
    let place = Place::with_registry("killed-in-the-middle", &registry.url());
    place.write("package.json", r#"{"dependencies": {"dual": "1", "majors": "2"}}"#);
    place.write(
        "agent.ts",
        "import { kind } from 'dual';\nimport { version } from 'majors';\nexport default [kind, version];\n",
    );
    for _ in 0..5 {
        let mut command = start(place.hoist(&["run", "agent.ts"]));
        // At whatever stage it is: as soon as it has asked the registry for anything.
        let deadline = Instant::now() + PATIENCE;
        while registry.take_requests().is_empty() && command.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the command asks for nothing");
            std::thread::yield_now();
        }
        command.kill().unwrap();
        command.wait().unwrap();
    }
    let finished = crate::place::finish(place.hoist(&["run", "agent.ts"]));
    assert_eq!(finished.stdout, "[\"esm\",\"2.0.0\"]\n", "{}", finished.describe());
    place.passed();
}

/// A command whose run waits, and a descriptor of the run's process.
fn start_waiting_run(place: &Place) -> (Child, OwnedFd) {
    place.write("agent.ts", WAITS);
    let mut command = start(place.hoist(&["run", "agent.ts"]));
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(worker) = worker_of(&command) {
            return (command, worker);
        }
        assert!(command.try_wait().unwrap().is_none(), "the command has ended");
        assert!(Instant::now() < deadline, "the run does not start");
        std::thread::yield_now();
    }
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}

/// The child process of the command that runs guest code, once there is one.
fn worker_of(command: &Child) -> Option<OwnedFd> {
    let tasks = fs::read_dir(format!("/proc/{}/task", command.id())).ok()?;
    let children = tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    let children: Vec<String> =
        children.flat_map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
    children.iter().find_map(|child| {
        let arguments = fs::read(format!("/proc/{child}/cmdline")).ok()?;
        let is_worker = arguments.split(|byte| *byte == 0).any(|argument| argument == b"executor-worker");
        is_worker.then(|| pidfd_open(Pid::from_raw(child.parse().ok()?)?, PidfdFlags::empty()).ok())?
    })
}

/// Waits for the end of a process, for a bounded time.
fn ends(process: &OwnedFd) -> bool {
    let mut descriptors = [PollFd::new(process, PollFlags::IN)];
    let limit = Duration::from_secs(10).try_into().expect("ten seconds");
    poll(&mut descriptors, Some(&limit)).unwrap() == 1
}
