//! Copies code, and constants, to huge pages, in their place.

use std::ops::Range;

/// A huge page, in bytes.
const HUGE: usize = 2 << 20;

/// What a mapping holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Code,
    Constants,
}

/// Puts a copy of a read-only mapping in its place, on huge pages; false where that is not worth it or the system gives none,
/// and then everything is as it was. The process must have one thread.
pub(super) fn replace(range: &Range<usize>, kind: Kind) -> bool {
    let start = range.start.next_multiple_of(HUGE);
    let length = (range.end - range.end % HUGE).saturating_sub(start);
    if length == 0 {
        return false;
    }
    let Some(copy) = Copy::new(length) else { return false };
    // SAFETY: the original is mapped and may be read, the copy is as long and may be written, and they do not overlap.
    unsafe { std::ptr::copy_nonoverlapping(start as *const u8, copy.start as *mut u8, length) };
    copy.is_huge() && copy.move_to(start, kind)
}

/// Memory for a copy. Dropped, it is given back.
struct Copy {
    start: usize,
    length: usize,
}

impl Copy {
    fn new(length: usize) -> Option<Self> {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, wherever the kernel likes.
        let mapped = unsafe { libc::mmap(std::ptr::null_mut(), length + HUGE, access, kind, -1, 0) };
        if mapped == libc::MAP_FAILED {
            return None;
        }
        let (first, start) = (mapped as usize, (mapped as usize).next_multiple_of(HUGE));
        let copy = Self { start, length };
        for (unused, length) in [(first, start - first), (start + length, first + HUGE - start)] {
            if length > 0 {
                // SAFETY: part of the mapping that has just been made, which nobody uses.
                unsafe { libc::munmap(unused as *mut libc::c_void, length) };
            }
        }
        // SAFETY: advice for a mapping of our own.
        let advised = unsafe { libc::madvise(start as *mut libc::c_void, length, libc::MADV_HUGEPAGE) };
        (advised == 0).then_some(copy)
    }

    /// Whether nearly all of it is on huge pages. On small ones it would cost more than it saves.
    fn is_huge(&self) -> bool {
        let smaps = super::smaps();
        let mut lines = smaps.lines().skip_while(|line| !line.starts_with(&format!("{:x}-", self.start)));
        let huge =
            lines.find_map(|line| line.strip_prefix("AnonHugePages:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
        huge.is_some_and(|kibibytes: usize| kibibytes * 1024 >= self.length / 10 * 9)
    }

    /// Moves it to where the original is.
    fn move_to(self, place: usize, kind: Kind) -> bool {
        let access = match kind {
            Kind::Code => libc::PROT_READ | libc::PROT_EXEC,
            Kind::Constants => libc::PROT_READ,
        };
        let memory = self.start as *mut libc::c_void;
        // SAFETY: a mapping of our own.
        if unsafe { libc::mprotect(memory, self.length, access) } != 0 {
            return false;
        }
        let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
        // SAFETY: what is mapped there is replaced in one step by the same bytes with the same access, so whoever runs there,
        // this function too, goes on.
        let moved = unsafe { libc::mremap(memory, self.length, self.length, flags, place as *mut libc::c_void) };
        if moved == libc::MAP_FAILED {
            return false;
        }
        std::mem::forget(self);
        true
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        // SAFETY: a mapping of our own, of which nothing is used any more.
        unsafe { libc::munmap(self.start as *mut libc::c_void, self.length) };
    }
}
