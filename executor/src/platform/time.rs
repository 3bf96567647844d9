//! What `performance.now()` counts from, which a fork must not share: in a run it goes on from what code that was evaluated
//! before may have seen, as if that had just been evaluated.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use deno_core::{JsRuntime, OpState, op2};

/// The moment that is counted from.
#[derive(Clone, Copy)]
struct Origin(Instant);

/// Lets the count be at `elapsed` now.
#[allow(dead_code, reason = "the build script does not run programs")]
pub(crate) fn restart(runtime: &mut JsRuntime, elapsed: Duration) {
    let now = Instant::now();
    runtime.op_state().borrow_mut().put(Origin(now.checked_sub(elapsed).unwrap_or(now)));
}

/// Where the count is.
#[allow(dead_code, reason = "the build script does not run programs")]
pub(crate) fn elapsed(runtime: &mut JsRuntime) -> Duration {
    since_origin(&runtime.op_state().borrow())
}

fn since_origin(state: &OpState) -> Duration {
    state.try_borrow::<Origin>().map(|origin| origin.0.elapsed()).unwrap_or_default()
}

/// Seconds and nanoseconds, as the platform's scripts read them.
fn expose(duration: Duration, out: &mut [u8]) {
    if let Some(out) = out.first_chunk_mut::<8>() {
        out[..4].copy_from_slice(&(duration.as_secs() as u32).to_ne_bytes());
        out[4..].copy_from_slice(&duration.subsec_nanos().to_ne_bytes());
    }
}

#[op2(fast)]
pub(super) fn op_replaced_now(state: &mut OpState, #[buffer] out: &mut [u8]) {
    expose(since_origin(state), out);
}

#[op2(fast)]
pub(super) fn op_replaced_time_origin(state: &mut OpState, #[buffer] out: &mut [u8]) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    expose(now.saturating_sub(since_origin(state)), out);
}
