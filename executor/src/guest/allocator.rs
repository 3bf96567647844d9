//! The binary's allocator: the system's, except that in a run's process an allocation that the process's limit refuses
//! ends the run with that limit's name. Without it Rust aborts and the parent could only guess why.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use deno_core::v8;

use super::channel;
use crate::outcome::LimitKind;

/// To be set as the binary's `#[global_allocator]`.
#[derive(Debug)]
pub struct WorkerAllocator;

/// What the process may allocate beyond its start, in bytes; 0 outside of a run.
static LIMIT: AtomicU64 = AtomicU64::new(0);

/// Notes the limit that a refused allocation is to name.
pub(crate) fn note_limit(bytes: u64) {
    LIMIT.store(bytes, Ordering::Relaxed);
}

static HEAP_LIMIT: AtomicU64 = AtomicU64::new(0);

/// Notes the limit that the engine's own running out of memory is to name.
pub(crate) fn note_heap_limit(bytes: u64) {
    HEAP_LIMIT.store(bytes, Ordering::Relaxed);
}

/// What V8 calls when it cannot go on for want of memory, before it would abort.
pub(crate) unsafe extern "C" fn engine_out_of_memory(_location: *const std::ffi::c_char, details: &v8::OomDetails) {
    let limit = HEAP_LIMIT.load(Ordering::Relaxed);
    let which = if details.is_heap_oom { LimitKind::Heap } else { LimitKind::Memory };
    channel::out_of_memory(which, limit, limit);
}

fn check(pointer: *mut u8, bytes: usize) -> *mut u8 {
    if pointer.is_null() {
        let limit = LIMIT.load(Ordering::Relaxed);
        channel::out_of_memory(LimitKind::Memory, limit, limit + bytes as u64);
    }
    pointer
}

// SAFETY: every method is the system allocator's own; `check` hands its result on.
unsafe impl GlobalAlloc for WorkerAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller upholds GlobalAlloc's contract, which is the system allocator's.
        check(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        check(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: as above.
        check(unsafe { System.realloc(pointer, layout, bytes) }, bytes)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}
