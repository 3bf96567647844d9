//! The extension that stands in the place of Deno's own runtime: our ops, the ones that Deno's polyfills import but that
//! cannot exist in a run, and replacements for those that would tell of the host or end the process behind our back.

use std::rc::Rc;

use deno_core::{OpDecl, OpState, op2, v8};
use deno_error::JsErrorBox;
use serde::Serialize;

/// What guest code's console and exit reach: the process around the runtime.
pub(crate) trait Host {
    /// One message of the console, or of `process._rawDebug` and the like. Levels as deno_web has them: 0 debug, 1 log and
    /// info, 2 warn, 3 error.
    fn log(&self, level: i32, text: &str);

    /// Ends the run: `process.exit`, `process.abort` and what comes to the same.
    fn exit(&self, code: i32) -> !;
}

/// How the host is kept in a runtime's state.
pub(crate) type HostRc = Rc<dyn Host>;

/// Who is told what code draws while it is evaluated once for many runs.
pub(crate) trait Watch {
    /// Whether anybody wants to know.
    fn is_watching(&self) -> bool;

    /// `Math.random` was drawn at a place of a module; lines and columns are counted from 1.
    fn random_drawn(&self, file: String, line: u32, column: u32);
}

/// How the watch is kept in a runtime's state.
pub(crate) type WatchRc = Rc<dyn Watch>;

/// The exit code that Node's own abort ends with under a shell: 128 and SIGABRT.
const ABORT_CODE: i32 = 134;

#[op2(fast)]
fn op_hoist_log(state: &mut OpState, #[smi] level: i32, #[string] text: &str) {
    state.borrow::<HostRc>().clone().log(level, text);
}

/// Fills the state of `Math.random` from the kernel.
#[op2(fast)]
fn op_hoist_random_seed(#[buffer] state: &mut [u32]) -> Result<(), std::io::Error> {
    seed(state)
}

/// Fills the state of a generator from the kernel.
pub(super) fn seed(state: &mut [u32]) -> Result<(), std::io::Error> {
    let mut bytes = vec![[0; 4]; state.len()];
    rustix::rand::getrandom(bytes.as_flattened_mut(), rustix::rand::GetRandomFlags::empty())?;
    for (word, bytes) in state.iter_mut().zip(bytes) {
        // A state of zeros alone would stay so.
        *word = u32::from_ne_bytes(bytes) | 1;
    }
    Ok(())
}

/// Notes from where `Math.random` is called: the nearest frame that is not the platform's.
#[op2(fast, reentrant)]
fn op_hoist_random_drawn(state: &OpState, scope: &mut v8::PinScope) {
    let watch = state.borrow::<WatchRc>();
    if !watch.is_watching() {
        return;
    }
    let Some(stack) = v8::StackTrace::current_stack_trace(scope, FRAMES) else { return };
    for index in 0..stack.get_frame_count() {
        let Some(frame) = stack.get_frame(scope, index) else { continue };
        let file = frame.get_script_name(scope).map(|name| name.to_rust_string_lossy(scope)).unwrap_or_default();
        if !file.starts_with("ext:") && !file.starts_with("node:") {
            let (line, column) = (frame.get_line_number() as u32, frame.get_column() as u32);
            return watch.random_drawn(file, line, column);
        }
    }
}

/// How many frames of the stack are looked at.
const FRAMES: usize = 16;

#[op2(fast)]
fn op_replaced_print(state: &mut OpState, #[string] text: &str, is_error: bool) -> Result<(), std::io::Error> {
    state.borrow::<HostRc>().clone().log(if is_error { 3 } else { 1 }, text);
    Ok(())
}

/// The code that `process.exitCode` or `process.exit(code)` left.
#[derive(Clone, Copy, Default)]
struct ExitCode(i32);

#[op2(fast)]
fn op_replaced_set_exit_code(state: &mut OpState, #[smi] code: i32) {
    state.put(ExitCode(code));
}

#[op2(fast)]
#[smi]
fn op_replaced_get_exit_code(state: &mut OpState) -> i32 {
    state.try_borrow::<ExitCode>().copied().unwrap_or_default().0
}

#[op2(fast)]
fn op_replaced_exit(state: &mut OpState) {
    let ExitCode(code) = state.try_borrow::<ExitCode>().copied().unwrap_or_default();
    state.borrow::<HostRc>().clone().exit(code);
}

#[op2(fast)]
fn op_replaced_abort(state: &mut OpState) {
    state.borrow::<HostRc>().clone().exit(ABORT_CODE);
}

#[op2(fast)]
#[smi]
fn op_replaced_kill(state: &mut OpState, #[smi] pid: i32, #[smi] signal: i32) -> Result<i32, JsErrorBox> {
    // Signal 0 only asks whether the process is there.
    match (pid, signal) {
        (GUEST_PID, 0) => Ok(0),
        (GUEST_PID, _) => state.borrow::<HostRc>().clone().exit(128 + signal),
        _ => Err(JsErrorBox::new("NotCapable", "a run cannot send signals to other processes")),
    }
}

/// The process's number as guest code is told.
const GUEST_PID: i32 = 1;

/// The user and group that guest code is told it runs as.
const GUEST_USER: u32 = 1000;

#[op2(fast)]
fn op_replaced_heap_snapshot_limit(#[smi] _limit: u32) -> Result<(), JsErrorBox> {
    Err(JsErrorBox::generic("v8.setHeapSnapshotNearHeapLimit is not available in a run"))
}

#[op2]
#[buffer]
fn op_replaced_heap_snapshot() -> Result<Vec<u8>, JsErrorBox> {
    Err(JsErrorBox::generic("v8.writeHeapSnapshot and v8.getHeapSnapshot are not available in a run"))
}

/// What a file system without links says (symlink(2)).
fn no_links() -> std::io::Error {
    std::io::Error::from_raw_os_error(libc::EPERM)
}

#[op2(fast)]
fn op_replaced_symlink_sync() -> Result<(), std::io::Error> {
    Err(no_links())
}

#[op2]
async fn op_replaced_symlink_async() -> Result<(), std::io::Error> {
    Err(no_links())
}

#[op2]
#[string]
fn op_replaced_hostname() -> String {
    "localhost".to_string()
}

#[op2]
#[string]
fn op_replaced_os_release() -> String {
    "6.0.0".to_string()
}

#[op2]
#[serde]
fn op_replaced_loadavg() -> (f64, f64, f64) {
    (0.0, 0.0, 0.0)
}

#[op2]
#[serde]
fn op_replaced_network_interfaces() -> Vec<u32> {
    Vec::new()
}

#[op2]
#[string]
fn op_replaced_exec_path() -> String {
    "/usr/bin/node".to_string()
}

#[op2]
#[string]
fn op_replaced_homedir() -> String {
    "/hoist".to_string()
}

#[op2(fast)]
fn op_replaced_os_uptime() -> u32 {
    3600
}

#[op2(fast)]
fn op_replaced_user() -> u32 {
    GUEST_USER
}

#[op2]
#[serde]
fn op_replaced_groups() -> Vec<u32> {
    vec![GUEST_USER]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MemoryInfo {
    total: u32,
    free: u32,
    available: u32,
    buffers: u32,
    cached: u32,
    swap_total: u32,
    swap_free: u32,
}

#[op2]
#[serde]
fn op_replaced_memory_info() -> MemoryInfo {
    const GIBIBYTE: u32 = 1 << 30;
    MemoryInfo {
        total: GIBIBYTE,
        free: GIBIBYTE / 2,
        available: GIBIBYTE / 2,
        buffers: 0,
        cached: 0,
        swap_total: 0,
        swap_free: 0,
    }
}

#[derive(Serialize)]
struct CpuTimes {
    user: u32,
    nice: u32,
    sys: u32,
    idle: u32,
    irq: u32,
}

#[derive(Serialize)]
struct CpuInfo {
    model: &'static str,
    speed: u32,
    times: CpuTimes,
}

#[op2]
#[serde]
fn op_replaced_cpus() -> Vec<CpuInfo> {
    let cpu = || CpuInfo { model: "cpu", speed: 0, times: CpuTimes { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } };
    vec![cpu(), cpu()]
}

#[derive(Serialize)]
struct UserInfo {
    username: &'static str,
    homedir: &'static str,
    shell: Option<String>,
}

#[op2]
#[serde]
fn op_replaced_user_info(#[smi] _uid: u32) -> UserInfo {
    UserInfo { username: "hoist", homedir: "/hoist", shell: None }
}

#[op2(fast)]
fn op_napi_open(#[string] path: &str) -> Result<(), JsErrorBox> {
    Err(super::run_time_modules::native_add_on(path))
}

/// Every op that is here instead of one that Deno's crates bring.
fn replace(op: OpDecl) -> OpDecl {
    let replacement = match op.name {
        "op_now" => super::time::op_replaced_now(),
        "op_time_origin" => super::time::op_replaced_time_origin(),
        "op_print" => op_replaced_print(),
        "op_exit" => op_replaced_exit(),
        "op_set_exit_code" => op_replaced_set_exit_code(),
        "op_get_exit_code" => op_replaced_get_exit_code(),
        "op_process_abort" => op_replaced_abort(),
        "op_node_process_kill" => op_replaced_kill(),
        "op_v8_set_heap_snapshot_near_heap_limit" => op_replaced_heap_snapshot_limit(),
        "op_v8_take_heap_snapshot" => op_replaced_heap_snapshot(),
        "op_fs_symlink_sync" => op_replaced_symlink_sync(),
        "op_fs_symlink_async" => op_replaced_symlink_async(),
        "op_hostname" => op_replaced_hostname(),
        "op_os_release" => op_replaced_os_release(),
        "op_os_uptime" => op_replaced_os_uptime(),
        "op_loadavg" => op_replaced_loadavg(),
        "op_network_interfaces" => op_replaced_network_interfaces(),
        "op_exec_path" => op_replaced_exec_path(),
        "op_homedir" => op_replaced_homedir(),
        "op_uid" | "op_gid" | "op_geteuid" | "op_getegid" => op_replaced_user(),
        "op_getgroups" => op_replaced_groups(),
        "op_system_memory_info" => op_replaced_memory_info(),
        "op_cpus" => op_replaced_cpus(),
        "op_node_os_user_info" => op_replaced_user_info(),
        _ => return op,
    };
    op.with_implementation_from(&replacement)
}

/// What is said of an op that cannot exist in a run.
fn absence(op: &str) -> &'static str {
    match op {
        "op_node_database_backup" => "node:sqlite is not available in a run: it has no database engine",
        "op_set_raw" | "op_bootstrap_color_depth" => "a run has no terminal",
        name if name.contains("worker") || name.starts_with("op_host_") => {
            "worker threads are not available in a run: do the work in the program itself, or in another run"
        }
        _ => "this is not available in a run",
    }
}

/// Declares ops that belong to Deno's own runtime (workers, terminals, native add-ons): its polyfills import them by name.
/// Here they throw when they are used.
macro_rules! absent_ops {
    ($($name:ident),* $(,)?) => {
        $(
            #[op2(fast)]
            fn $name() -> Result<(), JsErrorBox> {
                Err(JsErrorBox::new("NotSupported", absence(stringify!($name))))
            }
        )*

        deno_core::extension!(
            runtime,
            deps = [deno_webidl, deno_web, deno_crypto, deno_fetch, deno_node],
            ops = [op_hoist_log, op_hoist_random_drawn, op_hoist_random_seed, op_napi_open,
                super::vm_contexts::op_hoist_vm_context, $($name),*],
            esm_entry_point = "ext:runtime/bootstrap.js",
            esm = [
                dir "src/platform",
                "ext:runtime/bootstrap.js" = "bootstrap.js",
                "ext:runtime/codec.js" = "codec.js",
            ],
            lazy_loaded_esm = [dir "src/platform", "ext:runtime/98_global_scope_shared.js" = "global_scope.js"],
            middleware = replace,
        );
    };
}

absent_ops!(
    op_bootstrap_color_depth,
    op_bootstrap_unstable_args,
    op_create_worker,
    op_current_thread_cpu_usage,
    op_host_get_worker_cpu_usage,
    op_host_post_message,
    op_host_post_message_raw,
    op_host_recv_ctrl,
    op_host_recv_message,
    op_host_recv_message_sync,
    op_host_terminate_worker,
    op_node_database_backup,
    op_node_worker_thread_post_message,
    op_node_worker_thread_recv_message,
    op_node_worker_thread_register,
    op_node_worker_thread_set_listener_count,
    op_set_raw,
);
