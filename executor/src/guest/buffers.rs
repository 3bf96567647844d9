//! The memory of `ArrayBuffer`s, counted. V8 collects garbage and asks again when an allocation fails; what still fails
//! is a RangeError that guest code may handle, and a run that ends by it is told which limit it was.

use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use deno_core::v8;

/// The count of one isolate's buffers.
#[derive(Debug)]
pub(crate) struct Buffers {
    limit: AtomicUsize,
    used: AtomicUsize,
    /// What was used and asked for together when an allocation was last refused; 0 when none was.
    refused: AtomicU64,
}

/// What V8 aligns buffers to.
const ALIGNMENT: usize = 16;

impl Buffers {
    /// Buffers of at most `limit` bytes together.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit: AtomicUsize::new(limit), used: AtomicUsize::new(0), refused: AtomicU64::new(0) })
    }

    /// Sets what they may hold together.
    pub(crate) fn set_limit(&self, limit: usize) {
        self.limit.store(limit, Ordering::Relaxed);
    }

    /// What the buffers hold now, in bytes.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// What was wanted when an allocation was refused, if one was.
    pub(crate) fn refused(&self) -> Option<u64> {
        match self.refused.load(Ordering::Relaxed) {
            0 => None,
            bytes => Some(bytes),
        }
    }

    /// The allocator to give to an isolate.
    pub(crate) fn allocator(self: &Arc<Self>) -> v8::UniqueRef<v8::Allocator> {
        static VTABLE: v8::RustAllocatorVtable<Buffers> =
            v8::RustAllocatorVtable { allocate, allocate_uninitialized: allocate, free, drop };
        // SAFETY: the handle is a reference count that `drop` gives back, and the table's functions keep to V8's contract.
        unsafe { v8::new_rust_allocator(Arc::into_raw(self.clone()), &VTABLE) }
    }

    fn reserve(&self, bytes: usize) -> bool {
        let taken = self.used.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if taken <= self.limit.load(Ordering::Relaxed) {
            return true;
        }
        self.used.fetch_sub(bytes, Ordering::Relaxed);
        self.refused.store(taken as u64, Ordering::Relaxed);
        false
    }
}

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes.max(1), ALIGNMENT).ok()
}

unsafe extern "C" fn allocate(buffers: &Buffers, bytes: usize) -> *mut c_void {
    let Some(layout) = layout(bytes).filter(|_| buffers.reserve(bytes)) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the layout's size is not zero.
    let memory = unsafe { alloc_zeroed(layout) };
    memory.cast()
}

unsafe extern "C" fn free(buffers: &Buffers, data: *mut c_void, bytes: usize) {
    let Some(layout) = layout(bytes) else { return };
    // SAFETY: V8 gives back what `allocate` returned for the same number of bytes.
    unsafe { dealloc(data.cast(), layout) };
    buffers.used.fetch_sub(bytes, Ordering::Relaxed);
}

unsafe extern "C" fn drop(buffers: *const Buffers) {
    // SAFETY: the pointer is the one that `Arc::into_raw` gave in `allocator`, and V8 drops it once.
    std::mem::drop(unsafe { Arc::from_raw(buffers) });
}
