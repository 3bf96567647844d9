//! Facts about this machine that decide how much it can run. None of them is a part of the sandbox.

use rustix::process::{Resource, getrlimit};
use serde::Serialize;

use crate::units::show_bytes;

/// What there is. What the system does not say is absent.
#[derive(Debug, Serialize)]
pub(super) struct Machine {
    kernel: Option<String>,
    cores: Option<usize>,
    memory_bytes: Option<u64>,
    /// As /proc/sys/vm/overcommit_memory counts: 0 by heuristics, 1 always, 2 never.
    overcommit: Option<u32>,
    /// Most open files of a process: of this one, of one that asks for more.
    open_files: [Option<u64>; 2],
    /// Most processes and threads of this user.
    processes: Option<u64>,
}

impl Machine {
    /// Looks around.
    pub(super) fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).ok();
        let files = getrlimit(Resource::Nofile);
        Self {
            kernel: read("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            cores: std::thread::available_parallelism().ok().map(usize::from),
            memory_bytes: read("/proc/meminfo").as_deref().and_then(total_memory),
            overcommit: read("/proc/sys/vm/overcommit_memory").and_then(|text| text.trim().parse().ok()),
            open_files: [files.current, files.maximum],
            processes: getrlimit(Resource::Nproc).current,
        }
    }

    /// For people.
    pub(super) fn to_text(&self) -> String {
        let number = |number: Option<u64>| number.map_or("any number of".to_owned(), |number| number.to_string());
        let memory = self.memory_bytes.map_or("?".to_owned(), show_bytes);
        let [open, most] = self.open_files;
        format!(
            "Linux {}, {} cores, {memory} of memory (overcommit {})\n{} open files (if asked for {}), {} processes\n",
            self.kernel.as_deref().unwrap_or("?"),
            self.cores.unwrap_or(0),
            self.overcommit.map_or("?".to_owned(), |mode| mode.to_string()),
            number(open),
            number(most),
            number(self.processes),
        )
    }
}

fn total_memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? * 1024)
}

/// Days from 1970-01-01 to a day, written as 2026-07-26, of this century or the next.
pub(super) fn day_number(date: &str) -> Option<u64> {
    let mut numbers = date.splitn(3, '-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (numbers.next()??, numbers.next()??, numbers.next()??);
    if !(2000..2200).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // A year that begins in March has its leap day at its end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    // 719,468 days lie between 0000-03-01 and 1970-01-01.
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        for (date, number) in
            [("2000-03-01", 11_017), ("2024-02-29", 19_782), ("2024-03-01", 19_783), ("2026-07-26", 20_660)]
        {
            assert_eq!(day_number(date), Some(number), "{date}");
        }
        for date in ["", "2026", "2026-13-01", "1969-01-01", "today"] {
            assert_eq!(day_number(date), None, "{date}");
        }
    }

    #[test]
    fn memory_is_read() {
        assert_eq!(total_memory("MemTotal:        8000 kB\nMemFree: 1 kB\n"), Some(8_192_000));
        assert_eq!(total_memory("MemFree: 1 kB\n"), None);
    }
}
