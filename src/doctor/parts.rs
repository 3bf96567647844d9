//! The judgement: which parts of the sandbox are active, by what the kernel answered.

use std::collections::BTreeMap;

use executor::sandbox::{Observed, Stage};
use serde::Serialize;

/// One part of the sandbox.
#[derive(Debug, Serialize)]
pub(super) struct Part {
    pub(super) name: &'static str,
    /// It protects runs on this machine.
    pub(super) active: bool,
    /// Every supported kernel has it, and no run starts without.
    pub(super) required: bool,
    pub(super) detail: String,
}

/// What the child said.
pub(super) struct Seen(BTreeMap<(Stage, String), i64>);

impl Seen {
    /// From what it said.
    pub(super) fn new(observed: Vec<Observed>) -> Self {
        Self(observed.into_iter().map(|Observed { stage, name, answer }| ((stage, name), answer)).collect())
    }

    fn at(&self, stage: Stage, name: &str) -> Option<i64> {
        self.0.get(&(stage, name.to_owned())).copied()
    }

    fn is(&self, stage: Stage, name: &str, wanted: i64) -> bool {
        self.at(stage, name) == Some(wanted)
    }

    /// How long something took, in words.
    fn took(&self, stage: Stage, name: &str) -> String {
        self.at(stage, name).map_or(String::new(), |nanoseconds| format!("{:.2} ms", nanoseconds as f64 / 1e6))
    }
}

// Error numbers of Linux, the same on every architecture that this runs on.
const EPERM: i64 = 1;
const EACCES: i64 = 13;
const ENOSYS: i64 = 38;
const ENETUNREACH: i64 = 101;

/// Every part, the required ones first.
pub(super) fn judge(seen: &Seen) -> Vec<Part> {
    let mut parts = vec![filter_of_runs(seen), filter_of_zygotes(seen)];
    parts.extend(required(seen));
    parts.extend(namespaces(seen));
    parts.extend(others(seen));
    parts
}

fn part(name: &'static str, required: bool, active: bool, detail: impl Into<String>) -> Part {
    Part { name, active, required, detail: detail.into() }
}

/// What is said at the stage of runs that is not an error's number.
const FACTS: [&str; 3] = ["nanoseconds of entering", "a thread's answer", "new code's answer"];

fn filter_of_runs(seen: &Seen) -> Part {
    let tried = seen.0.iter().filter(|((stage, name), _)| *stage == Stage::Run && !FACTS.contains(&name.as_str()));
    let (refused, allowed): (Vec<_>, Vec<_>) = tried.partition(|((_, name), answer)| {
        let wanted = if name == "clone3" { ENOSYS } else { EPERM };
        **answer == wanted
    });
    let works = seen.is(Stage::Run, "a thread's answer", 42) && seen.is(Stage::Run, "new code's answer", 42);
    let detail = match (allowed.is_empty(), works) {
        (true, true) => {
            let took = seen.took(Stage::Run, FACTS[0]);
            format!("{} calls tried, all refused; threads and new code work; entered in {took}", refused.len())
        }
        (true, false) => "a run cannot start threads or compile".to_owned(),
        (false, _) => {
            let names: Vec<&str> = allowed.iter().map(|((_, name), _)| name.as_str()).collect();
            format!("allowed: {}", names.join(", "))
        }
    };
    part("filter of runs", true, allowed.is_empty() && !refused.is_empty() && works, detail)
}

/// What no zygote may do: the ways to a file, the network, another process, more rights.
const NEVER_IN_A_ZYGOTE: [&str; 12] = [
    "openat",
    "socket",
    "connect",
    "kill",
    "ptrace",
    "process_vm_readv",
    "clone with a namespace",
    "unshare of a namespace",
    "execve",
    "mount",
    "bpf",
    "io_uring_setup",
];

fn filter_of_zygotes(seen: &Seen) -> Part {
    let allowed: Vec<&str> =
        NEVER_IN_A_ZYGOTE.into_iter().filter(|name| !seen.is(Stage::Zygote, name, EPERM)).collect();
    let works = seen.is(Stage::Zygote, "fork", 0);
    let detail = match allowed.is_empty() && works {
        true => format!("sandbox entered in {}", seen.took(Stage::Zygote, "nanoseconds of entering")),
        false if works => format!("not refused: {}", allowed.join(", ")),
        false => "a zygote cannot fork".to_owned(),
    };
    part("filter of zygotes", true, allowed.is_empty() && works, detail)
}

fn required(seen: &Seen) -> Vec<Part> {
    let sandbox = |name: &str, wanted: i64| seen.is(Stage::Sandbox, name, wanted);
    let left = seen.at(Stage::Sandbox, "bounding capabilities").unwrap_or(0);
    let bounding = if left == 0 { String::new() } else { format!("{left} are left in the bounding set, out of reach") };
    vec![
        part("no new privileges", true, sandbox("no_new_privs", 1), ""),
        part("no capabilities", true, sandbox("capabilities", 0), bounding),
        part("not dumpable", true, sandbox("dumpable", 0) && sandbox("core limit", 0), "neither debugged nor dumped"),
        part("handles on processes", true, seen.is(Stage::Before, "pidfd_open", 0), "pidfd_open"),
        part("closing what is open", true, seen.is(Stage::Before, "close_range", 0), "close_range"),
    ]
}

fn namespaces(seen: &Seen) -> Vec<Part> {
    let is_first = seen.is(Stage::Zygote, "process number", 1);
    let of_numbers =
        if is_first { seen.took(Stage::Zygote, "nanoseconds of the pid namespace") } else { String::new() };
    let unreachable = seen.is(Stage::Sandbox, "reaching an address", ENETUNREACH);
    vec![
        part("user namespace", false, seen.is(Stage::Before, "user namespace", 0), ""),
        part("network namespace", false, unreachable, "no interface is up"),
        part("process namespace", false, is_first, of_numbers),
    ]
}

fn others(seen: &Seen) -> Vec<Part> {
    let version = seen.at(Stage::Before, "landlock version").unwrap_or(0);
    let files = seen.is(Stage::Sandbox, "opening a file", EACCES);
    let signals = seen.is(Stage::Sandbox, "signalling its parent", EPERM);
    let landlock = match (files, signals) {
        (true, true) => format!("version {version}: no file opens, no process outside is signalled"),
        (true, false) => format!("version {version}: no file opens"),
        (false, _) => String::new(),
    };
    let merging = match seen.at(Stage::Sandbox, "pages merged") {
        Some(0) => "switched off",
        Some(_) => "only on request, which is refused",
        None => "",
    };
    let is_merged = seen.at(Stage::Sandbox, "pages merged").is_none_or(|merged| merged == 1);
    vec![
        part("landlock", false, files, landlock),
        part("first to be killed", false, seen.is(Stage::Sandbox, "oom_score_adj", 1000), "when memory runs out"),
        part("no huge pages", false, seen.is(Stage::Sandbox, "huge pages off", 1), ""),
        part("no merged pages", false, !is_merged, merging),
    ]
}
