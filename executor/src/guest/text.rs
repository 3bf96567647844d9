//! Lets forks share the page tables of the binary's code. The kernel copies those of a file's mapping only where a page of the
//! mapping has been written (`vma_needs_copy` in mm/memory.c); elsewhere each child faults the code in again, which is a third
//! of all its faults. So one page of each such mapping is written, with what it holds.

mod huge;

use std::ops::Range;

/// Mappings of code and constants, and of nothing that was written.
#[derive(Debug, Default)]
pub(super) struct SharedText(Vec<(Range<usize>, Access)>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Access {
    Read,
    Execute,
}

impl SharedText {
    /// Finds the mappings. Before the sandbox is entered: they are read from /proc.
    pub(super) fn find() -> Self {
        let Mappings { mut shared, relocated } = mappings(&smaps());
        shared.retain(|(range, access)| *access != Access::Execute || !huge::replace(range, huge::Kind::Code));
        for range in relocated {
            // Constants with addresses in them, which the loader has written: pages of the process's own already.
            huge::replace(&range, huge::Kind::Constants);
        }
        Self(shared)
    }

    /// Makes forks share what is mapped from now on. What was mapped to start with, and is not needed any more, is let go.
    pub(super) fn share(&self) {
        for (range, access) in &self.0 {
            let _ = share(range, *access);
        }
    }
}

fn smaps() -> String {
    std::fs::read_to_string("/proc/self/smaps").unwrap_or_default()
}

/// Read-only mappings of files.
#[derive(Debug, Default)]
struct Mappings {
    /// Those that have no page of their own.
    shared: Vec<(Range<usize>, Access)>,
    /// Constants that were written before they became read-only.
    relocated: Vec<Range<usize>>,
}

/// The mappings in the text of smaps (proc(5)).
fn mappings(smaps: &str) -> Mappings {
    let mut found = Mappings::default();
    let mut current = None;
    for line in smaps.lines() {
        if let Some(mapping) = header(line) {
            current = mapping;
        } else if let Some(own) = line.strip_prefix("Anonymous:") {
            match (current.take(), own.trim() == "0 kB") {
                (Some(mapping), true) => found.shared.push(mapping),
                (Some((range, Access::Read)), false) => found.relocated.push(range),
                _ => {}
            }
        }
    }
    found
}

/// The first line of a mapping; the inner option is empty where the mapping is of no use here.
fn header(line: &str) -> Option<Option<(Range<usize>, Access)>> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let start = usize::from_str_radix(start, 16).ok()?;
    let end = usize::from_str_radix(end, 16).ok()?;
    let access = match rest.split_whitespace().next()? {
        "r-xp" => Access::Execute,
        "r--p" => Access::Read,
        _ => return Some(None),
    };
    let is_file = rest.split_whitespace().nth(4).is_some_and(|name| name.starts_with('/'));
    Some(is_file.then_some((start..end, access)))
}

fn share(range: &Range<usize>, access: Access) -> std::io::Result<()> {
    // The whole mapping at once: a page of another kind would be a mapping of its own from then on.
    let (start, length) = (range.start as *mut libc::c_void, range.len());
    let last = (range.end - 1) as *mut u8;
    let usual = match access {
        Access::Read => libc::PROT_READ,
        Access::Execute => libc::PROT_READ | libc::PROT_EXEC,
    };
    let check = |result: libc::c_int| if result == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) };
    // SAFETY: the range is a mapping of a file, none of whose pages was written: what is dropped comes back from the file.
    check(unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) })?;
    // SAFETY: whoever runs or reads what is mapped there may go on.
    check(unsafe { libc::mprotect(start, length, usual | libc::PROT_WRITE) })?;
    // SAFETY: the last byte is mapped and may be read.
    let byte = unsafe { last.read_volatile() };
    // SAFETY: it may be written just now, by the only thread, and holds afterwards what it held before.
    unsafe { last.write_volatile(byte) };
    // SAFETY: as above.
    check(unsafe { libc::mprotect(start, length, usual) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_not_written_is_found() {
        let smaps = "1000-3000 r-xp 00000000 08:01 7 /bin/a\nRss: 8 kB\nAnonymous:             0 kB\n\
                     3000-4000 r--p 00000000 08:01 7 /bin/a\nAnonymous:             4 kB\n\
                     4000-5000 rw-p 00000000 08:01 7 /bin/a\nAnonymous:             0 kB\n\
                     5000-6000 r--p 00000000 00:00 0\nAnonymous:             0 kB\n\
                     6000-7000 r--p 00000000 08:01 7 /bin/a\nAnonymous:             0 kB\n";
        let Mappings { shared, relocated } = mappings(smaps);
        assert_eq!(shared, [(0x1000..0x3000, Access::Execute), (0x6000..0x7000, Access::Read)]);
        assert_eq!((relocated.len(), &relocated[0]), (1, &(0x3000..0x4000)));
    }
}
