//! The most of V8's heap that was in use at once. It is most before a collection and at the end, so it is looked at there.
//!
//! One count a process: whoever says how the run ended has no isolate at hand.

use std::ffi::c_void;
use std::sync::atomic::{AtomicU64, Ordering};

use deno_core::v8;

static PEAK: AtomicU64 = AtomicU64::new(0);

/// Counts from here on.
pub(crate) fn watch(isolate: &mut v8::Isolate) {
    isolate.add_gc_prologue_callback(before_collection, std::ptr::null_mut(), v8::GCType::kGCTypeAll);
}

/// Looks at what is in use now.
pub(crate) fn note(isolate: &mut v8::Isolate) {
    PEAK.fetch_max(isolate.get_heap_statistics().used_heap_size() as u64, Ordering::Relaxed);
}

/// The most that was seen, in bytes, if anything was.
pub(crate) fn bytes() -> Option<u64> {
    Some(PEAK.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
}

unsafe extern "C" fn before_collection(
    isolate: v8::UnsafeRawIsolatePtr,
    _kind: v8::GCType,
    _flags: v8::GCCallbackFlags,
    _data: *mut c_void,
) {
    // SAFETY: V8 calls back on the isolate's own thread while the isolate lives.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    note(&mut isolate);
}
