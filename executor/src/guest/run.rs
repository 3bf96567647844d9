//! One run, in its process: takes the program, calls its entry, answers. Nothing of this survives the answer: the process
//! ends with it, and whatever the program left going on ends too.

use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use deno_core::error::CoreError;
use deno_core::v8;
use rustix::process::{Resource, Rlimit};

use super::answer;
use super::buffers::Buffers;
use super::channel::{self, Channel, Received};
use super::engine::{Engine, Main};
use super::parts::{Mapping, Parts};
use super::{allocator, failure, peak_heap, watchdog};
use crate::log_room::LogRoom;
use crate::outcome::{Exceeded, LimitKind};
use crate::wire::{Answer, Start};

/// Runs what has come, and answers.
pub(crate) fn run(
    mut engine: Engine,
    socket: OwnedFd,
    tokio: &tokio::runtime::Runtime,
    received: Received<Start>,
    data_bytes: u64,
) -> Result<std::convert::Infallible, Box<dyn std::error::Error>> {
    let Received { first: start, images, parts } = received;
    let channel = channel::open(socket, start.secret);
    let parts = Parts::split(&start.parcel, &images, Mapping::Lazy, parts)?;
    watchdog::arm(Duration::from_millis(start.wall_ms), Duration::from_millis(start.cpu_ms));
    engine.buffers.set_limit(start.buffer_bytes);
    engine.files.make_room(start.temporary_bytes);
    engine.host.begin(LogRoom::of(start.log_bytes, start.log_lines, start.log_line_bytes));
    engine.under_way.limit(&engine.runtime, &start);
    peak_heap::watch(engine.runtime.v8_isolate());
    limit_heap(&mut engine, channel, &start);
    limit_process(&start, data_bytes)?;
    // Here and not when the process was made: one that has waited ready is older than its run.
    engine.renew_functions()?;
    let work = async {
        tokio::select! {
            biased;
            answered = call_entry(&mut engine, parts, &start) => Some(answered),
            () = watchdog::wait() => None,
            // Nobody interrupts a program that waits.
            () = tokio::time::sleep(Duration::from_millis(start.wall_ms)) => None,
        }
    };
    let answered = tokio.block_on(work);
    peak_heap::note(engine.runtime.v8_isolate());
    let stopped = watchdog::stopped();
    let stack = stopped.as_ref().and_then(|frames| failure::stack_of(frames, &engine.loader));
    if let Some(exceeded) = watchdog::exceeded() {
        channel.answer(&Answer::Limit { exceeded, stack }, &[]);
    }
    if stopped.is_some() {
        channel.answer(&Answer::Stopped { stack }, &[]);
    }
    let (answer, body) = match answered {
        Some(Ok(answered)) => answered,
        Some(Err(error)) => (answer::of_error(&error, &start, engine.buffers.refused()), Vec::new()),
        None => (Answer::Stopped { stack: None }, Vec::new()),
    };
    if body.len() > start.output_bytes {
        channel.exceeded(Exceeded {
            which: LimitKind::Output,
            limit: start.output_bytes as u64,
            measured: body.len() as u64,
        });
    }
    channel.answer(&answer, &body)
}

/// Loads what has not been evaluated before, calls the default export by the entry contract, and waits for what that
/// promises.
async fn call_entry(engine: &mut Engine, parts: Parts, start: &Start) -> Result<(Answer, Vec<u8>), CoreError> {
    if let Some(tree) = parts.tree {
        engine.files.mount(tree);
    }
    if let Some(layer) = parts.layer {
        engine.loader.give_layer(layer, parts.code_cache);
    }
    let namespace = match (parts.program, engine.evaluated.take()) {
        (Some(program), _) => {
            engine.loader.set_program(parts.specifier.clone(), program.source_map);
            engine.evaluate(&parts.specifier, program.code, Main::Yes).await?
        }
        (None, Some(namespace)) => namespace,
        (None, None) => return Err(deno_error::JsErrorBox::generic("there is no program").into()),
    };
    engine.call(namespace, parts.input, start).await
}

/// What V8's heap may still grow by while a program that fills it is stopped.
const HEAP_TO_STOP_BYTES: usize = 8 << 20;

/// Near its limit V8 would first collect ever harder and then abort: the run ends there instead, by name. V8 counts
/// buffers and WebAssembly's memories into its heap; they have a limit of their own and are taken out again.
fn limit_heap(engine: &mut Engine, channel: &'static Channel, start: &Start) {
    let (heap, outside) = (start.heap_bytes, start.buffer_bytes);
    let buffers: Arc<Buffers> = engine.buffers.clone();
    // SAFETY: the pointer is used in a callback of this isolate's, which cannot outlive it.
    let isolate = unsafe { engine.runtime.v8_isolate().as_raw_isolate_ptr() };
    engine.limit_heap(heap, move |current, _initial| {
        let allowed = heap.saturating_add(buffers.used());
        if current < allowed {
            return allowed;
        }
        // SAFETY: V8 calls back on the isolate's own thread while the isolate lives.
        let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
        let statistics = isolate.get_heap_statistics();
        // What is not in the heap itself is memory that objects of it hold: V8 has no figure of its own for all of it.
        let external = current.saturating_sub(statistics.used_heap_size());
        let exceeded = if external > statistics.used_heap_size() {
            Exceeded { which: LimitKind::Buffers, limit: outside as u64, measured: external as u64 }
        } else {
            Exceeded { which: LimitKind::Heap, limit: heap as u64, measured: (current - buffers.used()) as u64 }
        };
        // Once, so that it can be said where the program stood.
        if watchdog::stop_at(exceeded) {
            return allowed + HEAP_TO_STOP_BYTES;
        }
        channel.exceeded(exceeded)
    });
    allocator::note_heap_limit(heap as u64);
    engine.runtime.v8_isolate().set_oom_error_handler(allocator::engine_out_of_memory);
}

/// What the process may allocate from here on, whoever does it, and the kernel's own clock as a second line.
fn limit_process(start: &Start, data_bytes: u64) -> Result<(), Box<dyn std::error::Error>> {
    let budget = start.heap_bytes as u64 + start.buffer_bytes as u64 + start.process_bytes as u64;
    let bound = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    rustix::process::setrlimit(Resource::Data, bound(data_bytes + budget))?;
    // The kernel's own limit counts whole seconds; the service's clock is exact and comes first.
    rustix::process::setrlimit(Resource::Cpu, bound(start.cpu_ms / 1000 + 2))?;
    allocator::note_limit(start.process_bytes as u64);
    Ok(())
}
