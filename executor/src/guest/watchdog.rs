//! A thread that stops a run at its limits from inside, so that logs and the place where it stood come back. What does not
//! listen is killed by the service a moment later, which also decides by its own clocks which limit it was.

use std::ffi::c_void;
use std::sync::{Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use deno_core::{JsRuntime, v8};
use tokio::sync::Notify;

use crate::outcome::Exceeded;

/// Stack of the thread, in bytes: it calls little.
const STACK_BYTES: usize = 64 * 1024;

/// The shortest time between two looks at the processor's clock.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// Frames of the stack that are kept.
const FRAMES: usize = 16;

/// Where a program stood: function, file, line, column; lines and columns are counted from 1.
pub(crate) type Frame = (String, String, u32, u32);

/// What the thread is to watch for, once it is known.
struct Watch {
    limits: Mutex<Option<(Instant, Duration)>>,
    set: Condvar,
    stopped: Mutex<Option<Vec<Frame>>>,
    exceeded: Mutex<Option<Exceeded>>,
}

static WATCH: Watch =
    Watch { limits: Mutex::new(None), set: Condvar::new(), stopped: Mutex::new(None), exceeded: Mutex::new(None) };

static STOPPED: Notify = Notify::const_new();

/// What the engine's thread needs when it is interrupted.
struct Interruption {
    context: v8::Global<v8::Context>,
}

/// What interrupts the engine: its handle, and the address of an [`Interruption`] that lives as long as the process.
static HANDLE: OnceLock<(v8::IsolateHandle, usize)> = OnceLock::new();

/// Starts the thread. Once in a process, after its last fork.
pub(crate) fn start(runtime: &mut JsRuntime) -> std::io::Result<()> {
    let interruption = Box::into_raw(Box::new(Interruption { context: runtime.main_context() })) as usize;
    HANDLE.get_or_init(|| (runtime.v8_isolate().thread_safe_handle(), interruption));
    std::thread::Builder::new().name("watchdog".to_string()).stack_size(STACK_BYTES).spawn(move || {
        wait_for_limit();
        stop();
    })?;
    Ok(())
}

/// Stops the program at a limit that was seen by others than the thread, unless that has been done; whether it has not.
/// Who is not listened to has to end the process.
pub(crate) fn stop_at(exceeded: Exceeded) -> bool {
    let mut first = WATCH.exceeded.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = first.is_none();
    if is_first {
        *first = Some(exceeded);
        stop();
    }
    is_first
}

/// The limit that the program was stopped at, where it was not the thread's.
pub(crate) fn exceeded() -> Option<Exceeded> {
    *WATCH.exceeded.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Interrupts the program where it stands, as soon as it looks up. From any thread.
fn stop() {
    if let Some((handle, interruption)) = HANDLE.get() {
        handle.request_interrupt(interrupt, *interruption as *mut c_void);
    }
}

/// Tells the thread what it waits for: a moment, or so much processor time of the whole process.
pub(crate) fn arm(wall: Duration, cpu: Duration) {
    let now = Instant::now();
    let deadline = now.checked_add(wall).unwrap_or(now + Duration::from_secs(1 << 30));
    // What it has used while it waited is not the program's.
    *WATCH.limits.lock().unwrap_or_else(PoisonError::into_inner) = Some((deadline, cpu + used()));
    WATCH.set.notify_one();
}

/// Waits until the program has been stopped. What it waited for itself will not come, and its timers may be long.
pub(crate) async fn wait() {
    STOPPED.notified().await;
}

/// Where the program stood when it was stopped, if it was.
pub(crate) fn stopped() -> Option<Vec<Frame>> {
    WATCH.stopped.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn wait_for_limit() {
    let limits = WATCH.limits.lock().unwrap_or_else(PoisonError::into_inner);
    let limits = WATCH.set.wait_while(limits, |limits| limits.is_none()).unwrap_or_else(PoisonError::into_inner);
    let Some((deadline, cpu)) = *limits else { return };
    drop(limits);
    loop {
        let wall_left = deadline.saturating_duration_since(Instant::now());
        let cpu_left = cpu.saturating_sub(used());
        if wall_left.is_zero() || cpu_left.is_zero() {
            return;
        }
        // Several threads use up processor time faster than time goes by.
        std::thread::sleep(wall_left.min(cpu_left / 2).max(LEAST_WAIT));
    }
}

/// The processor time of the whole process.
fn used() -> Duration {
    let used = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), used.tv_nsec as u32)
}

/// Runs on the engine's thread, between two instructions of the program.
unsafe extern "C" fn interrupt(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: V8 calls back on the isolate's own thread while the isolate lives.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    // SAFETY: the pointer is the one that `start` made, which is never freed.
    let interruption = unsafe { &*(data as *const Interruption) };
    let frames = {
        v8::scope!(let scope, &mut isolate);
        let context = v8::Local::new(scope, &interruption.context);
        let scope = &mut v8::ContextScope::new(scope, context);
        frames(scope)
    };
    *WATCH.stopped.lock().unwrap_or_else(PoisonError::into_inner) = Some(frames);
    STOPPED.notify_one();
    isolate.terminate_execution();
}

fn frames(scope: &mut v8::PinScope) -> Vec<Frame> {
    let Some(stack) = v8::StackTrace::current_stack_trace(scope, FRAMES) else { return Vec::new() };
    let frame = |index| {
        let frame = stack.get_frame(scope, index)?;
        let text =
            |name: Option<v8::Local<v8::String>>| name.map(|name| name.to_rust_string_lossy(scope)).unwrap_or_default();
        let (function, file) = (text(frame.get_function_name(scope)), text(frame.get_script_name(scope)));
        Some((function, file, frame.get_line_number() as u32, frame.get_column() as u32))
    };
    (0..stack.get_frame_count()).filter_map(frame).collect()
}
