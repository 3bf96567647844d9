//! The binary's allocator: the system's, except that in a run's process an allocation that the process's limit refuses
//! ends the run with that limit's name. Without it Rust aborts and the parent could only guess why.
//!
//! Code that is not ours and does not look at what it was given (ICU, containers of V8's) dies of the refusal in its own
//! way, by a signal; such a signal ends the run with the same name.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::OnceLock;
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
    for (signal, before) in FATAL.iter().zip(&BEFORE) {
        catch(*signal, before);
    }
}

/// What a process dies of by its own doing: a fault, `abort`, and the instructions by which V8 and compilers end one.
const FATAL: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGABRT, libc::SIGTRAP, libc::SIGILL];

/// What was done about each of these before.
static BEFORE: [OnceLock<libc::sigaction>; FATAL.len()] = [const { OnceLock::new() }; FATAL.len()];

/// A process that cannot have so much more is at its limit: the C library asks the kernel for a mebibyte at a time, and what
/// was freed on the way to the signal is not known.
const PROBE_BYTES: usize = 4 << 20;

fn catch(signal: libc::c_int, before: &OnceLock<libc::sigaction>) {
    // SAFETY: a sigaction is plain numbers, for which zeros are valid: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    let mut old = action;
    action.sa_sigaction = on_fatal_signal as *const () as usize;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: both pointers are valid for the length of the call, and the handler does only what a handler may.
    if unsafe { libc::sigaction(signal, &action, &mut old) } == 0 {
        // A second call finds the handler of the first.
        let _ = before.set(old);
    }
}

/// Names the limit if it is reached. If not, the signal does what it would have done without us.
extern "C" fn on_fatal_signal(signal: libc::c_int) {
    if is_at_limit() {
        let limit = LIMIT.load(Ordering::Relaxed);
        channel::out_of_memory(LimitKind::Memory, limit, limit);
    }
    let position = FATAL.iter().position(|fatal| *fatal == signal);
    if let Some(before) = position.and_then(|position| BEFORE[position].get()) {
        // SAFETY: the action was the process's own before, and the pointer to it is valid.
        unsafe { libc::sigaction(signal, before, std::ptr::null_mut()) };
    }
    // A fault comes again with the instruction that it came from; these would not.
    if signal == libc::SIGABRT || signal == libc::SIGTRAP {
        // SAFETY: raise takes no pointers; the signal waits for the handler's end.
        unsafe { libc::raise(signal) };
    }
}

fn is_at_limit() -> bool {
    let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
    // SAFETY: a new mapping, wherever the kernel has room, replaces nothing.
    let mapping = unsafe { libc::mmap(std::ptr::null_mut(), PROBE_BYTES, access, kind, -1, 0) };
    if mapping == libc::MAP_FAILED {
        return true;
    }
    // SAFETY: the mapping was made above, and nothing points into it.
    unsafe { libc::munmap(mapping, PROBE_BYTES) };
    false
}

static HEAP_LIMIT: AtomicU64 = AtomicU64::new(0);

/// Notes the limit that the engine's own running out of memory is to name.
pub(crate) fn note_heap_limit(bytes: u64) {
    HEAP_LIMIT.store(bytes, Ordering::Relaxed);
}

/// What V8 calls when it cannot go on for want of memory, before it would abort.
pub(crate) unsafe extern "C" fn engine_out_of_memory(_location: *const std::ffi::c_char, details: &v8::OomDetails) {
    let (which, limit) = if details.is_heap_oom { (LimitKind::Heap, &HEAP_LIMIT) } else { (LimitKind::Memory, &LIMIT) };
    let limit = limit.load(Ordering::Relaxed);
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
