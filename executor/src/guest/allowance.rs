//! What may be used while something is evaluated once for many runs: enough for honest packages, too little to hurt the
//! machine. A run's own limits come after these and take their place.

use std::sync::Arc;

use deno_core::v8;
use rustix::process::{Resource, Rlimit};

use super::buffers::Buffers;
use super::engine::Engine;
use super::host::EXITED;
use crate::os;
use crate::wire::Load;

/// Bounds the heap and the buffers at `heap_bytes` each, and what the process allocates at both together on top of what it
/// has. What goes beyond ends the process, which says enough to whoever made it.
pub(super) fn set(engine: &mut Engine, load: &Load) -> std::io::Result<()> {
    let Load { heap_bytes, data_bytes, temporary_bytes, .. } = *load;
    engine.files.make_room(temporary_bytes);
    let buffers: Arc<Buffers> = engine.buffers.clone();
    buffers.set_limit(heap_bytes);
    engine.limit_heap(heap_bytes, move |current, _initial| {
        // V8 counts buffers into its heap.
        let allowed = heap_bytes.saturating_add(buffers.used());
        if current < allowed { allowed } else { os::exit_now(EXITED) }
    });
    engine.runtime.v8_isolate().set_oom_error_handler(out_of_memory);
    // Not the hard limit: a run may be allowed more.
    let bound = Rlimit { current: Some(data_bytes + 2 * heap_bytes as u64), maximum: None };
    Ok(rustix::process::setrlimit(Resource::Data, bound)?)
}

/// V8 would print a stack and raise a signal.
unsafe extern "C" fn out_of_memory(_location: *const std::ffi::c_char, _details: &v8::OomDetails) {
    os::exit_now(EXITED)
}
