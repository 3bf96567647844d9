//! The processes below a service, as the kernel tells of them: whatever shape they have, and however deep they are.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Every process whose parents lead to `ancestor`, without it.
pub(super) fn descendants(ancestor: u32) -> Vec<u32> {
    let parents = parents();
    parents.keys().copied().filter(|process| descends(*process, ancestor, &parents)).collect()
}

fn descends(process: u32, ancestor: u32, parents: &HashMap<u32, u32>) -> bool {
    let mut next = process;
    // A number may have been taken again while the list was read: no loop may come of it.
    for _ in 0..parents.len() {
        match parents.get(&next) {
            Some(parent) if *parent == ancestor => return true,
            Some(parent) => next = *parent,
            None => return false,
        }
    }
    false
}

/// Each process's parent. The second field of `/proc/<pid>/stat` may hold spaces and parentheses; the parent is the second
/// after its last parenthesis (proc_pid_stat(5)).
fn parents() -> HashMap<u32, u32> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parent = |process: u32| {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse::<u32>().ok()
    };
    processes.filter_map(|process| Some((process, parent(process)?))).collect()
}

/// Kills a descendant of `ancestor`, if it is one still: nobody else's process that has taken its number.
pub(super) fn kill_descendant(process: u32, ancestor: u32) -> bool {
    let Some(handle) = handle(process) else { return false };
    // The handle keeps to the process that had the number when it was opened.
    descends(process, ancestor, &parents()) && pidfd_send_signal(&handle, Signal::KILL).is_ok()
}

fn handle(process: u32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(process.try_into().ok()?)?, PidfdFlags::empty()).ok()
}

/// What `/proc` counts in on the machines that the tests know.
const PAGE_BYTES: u64 = 4096;

/// What a process and all below it hold.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) processes: usize,
    /// Resident, in bytes; what several of them share counts for each.
    pub(super) resident_bytes: u64,
    /// Open descriptors of those that this user may look at.
    pub(super) descriptors: usize,
}

/// What `service` and its descendants hold now.
pub(super) fn held(service: u32) -> Held {
    let mut held = Held::default();
    for process in descendants(service).into_iter().chain([service]) {
        // Any of them may end meanwhile.
        let Ok(text) = fs::read_to_string(format!("/proc/{process}/statm")) else { continue };
        let pages: u64 = text.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
        held.processes += 1;
        held.resident_bytes += pages * PAGE_BYTES;
        held.descriptors += fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count);
    }
    held
}
