//! One run, in its process: reads the program, gives up every right, starts V8 from the snapshot, calls the entry, answers.
//!
//! Nothing of this survives the answer: the process ends with it, and whatever the program left going on ends too.

use std::convert::Infallible;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::error::CoreError;
use deno_core::{JsRuntime, ModuleSpecifier, PollEventLoopOptions, RuntimeOptions, v8};
use rustix::process::{Resource, Rlimit};

use super::answer::{self, Call};
use super::buffers::Buffers;
use super::channel::{self, Channel, Received};
use super::loader::{LayerModule, Loader};
use super::{allocator, snapshot};
use crate::file_tree::{LazyImage, OpenImage};
use crate::outcome::{Exceeded, LimitKind};
use crate::platform::{self, Files, Host, Platform, Tree};
use crate::wire::{Answer, FolderMessage, LINE_BYTES, Start};
use crate::{os, sandbox};

/// The run's side of [`crate::Executor`]. Its standard input is the socket to the service; it must be called before the
/// process has a second thread. Returns only when no program could be run.
///
/// `open` maps an image of the program's files.
pub fn worker_main(open: OpenImage) -> ExitCode {
    match run(open) {
        Ok(never) => match never {},
        Err(error) => {
            // The service keeps what is said here for its own error.
            eprintln!("{error}");
            ExitCode::from(NO_PROGRAM)
        }
    }
}

/// The exit code of a process that could not run a program: `EX_SOFTWARE` of sysexits.h.
const NO_PROGRAM: u8 = 70;

fn run(open: OpenImage) -> Result<Infallible, Box<dyn std::error::Error>> {
    sandbox::close_inherited()?;
    let socket = take_socket()?;
    let Received { start, images, parts } = channel::receive(&socket, open)?;
    let (mut program, tree) = GuestProgram::split(&start, &images, parts)?;
    let mut status = std::fs::File::open("/proc/self/status")?;
    sandbox::enter()?;
    let channel = channel::open(socket, start.secret);
    // A service that has gone cannot kill what it left behind.
    std::thread::Builder::new().name("parent".to_string()).stack_size(64 * 1024).spawn(move || {
        channel.wait_for_close();
        os::exit_now(1)
    })?;

    start_engine();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(4).build()?;
    let _context = tokio.enter();
    let buffers = Buffers::new(start.buffer_bytes);
    let files = Files::new(tree, start.temporary_bytes);
    let Platform { extensions, modules } = Platform::new(files.clone());
    let layer = program.layer.take().map(|(code, source_map)| LayerModule::new(code, source_map)).transpose()?;
    let loader = Rc::new(Loader::new(program.specifier.clone(), program.source_map.clone(), layer, modules));
    let mut runtime = JsRuntime::new(RuntimeOptions {
        startup_snapshot: Some(snapshot::SNAPSHOT),
        residual_lazy_js_sources: snapshot::scripts(),
        residual_lazy_esm_sources: snapshot::modules(),
        extensions,
        module_loader: Some(loader.clone()),
        custom_module_evaluation_cb: Some(loader.evaluate_commonjs()),
        create_params: Some(
            v8::CreateParams::default().heap_limits(0, start.heap_bytes).array_buffer_allocator(buffers.allocator()),
        ),
        ..Default::default()
    });
    platform::equip(
        &mut runtime,
        files,
        Rc::new(Process { channel, left: std::cell::Cell::new(Some(start.log_bytes)) }),
    );
    limit_heap(&mut runtime, channel, &start, buffers.clone());
    limit_process(&start, &mut status)?;
    drop(status);

    let (answer, body) = tokio
        .block_on(call_entry(&mut runtime, &loader, program, start.output_bytes))
        .unwrap_or_else(|error| (answer::of_error(&error, &start, buffers.refused()), Vec::new()));
    if body.len() > start.output_bytes {
        channel.exceeded(Exceeded {
            which: LimitKind::Output,
            limit: start.output_bytes as u64,
            measured: body.len() as u64,
        });
    }
    channel.answer(&answer, &body)
}

/// Takes the socket away from descriptor 0, where programs read their standard input, and leaves an empty one there.
fn take_socket() -> std::io::Result<OwnedFd> {
    let socket = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 100)?;
    // Not the host's /dev/null: guest code may ask for other modes, owners and times of what it holds, and is root's now and
    // then. A pipe that nobody writes to is as empty, and nobody else's.
    let (empty, _) = std::io::pipe()?;
    rustix::stdio::dup2_stdin(&empty)?;
    Ok(socket)
}

/// The program's parts, out of the bytes that followed the first message.
struct GuestProgram {
    specifier: ModuleSpecifier,
    code: String,
    source_map: Option<Rc<[u8]>>,
    layer: Option<(String, Option<Rc<[u8]>>)>,
    input: Option<String>,
}

impl GuestProgram {
    fn split(
        start: &Start,
        images: &[Arc<LazyImage>],
        parts: Vec<u8>,
    ) -> Result<(Self, Tree), Box<dyn std::error::Error>> {
        let mut rest = parts.as_slice();
        let mut take = |bytes: usize| {
            let (part, after) = rest.split_at_checked(bytes).ok_or(std::io::ErrorKind::UnexpectedEof)?;
            rest = after;
            Ok::<_, std::io::Error>(part)
        };
        let folders: Vec<FolderMessage> = serde_json::from_slice(take(start.folders_bytes)?)?;
        let place = |(path, image): FolderMessage| Some((path, images.get(image)?.clone()));
        let code = String::from_utf8(take(start.code_bytes)?.to_vec())?;
        let source_map = start.source_map_bytes.map(&mut take).transpose()?.map(Rc::from);
        let layer_code = start.layer_bytes.map(&mut take).transpose()?.map(<[u8]>::to_vec);
        let layer_map = start.layer_map_bytes.map(&mut take).transpose()?.map(Rc::from);
        let layer = layer_code.map(String::from_utf8).transpose()?.map(|code| (code, layer_map));
        let input =
            start.input_bytes.map(&mut take).transpose()?.map(|bytes| String::from_utf8(bytes.to_vec())).transpose()?;
        let specifier = ModuleSpecifier::parse("file:///hoist/")?.join(&start.name)?;
        let tree = Tree::new(folders.into_iter().filter_map(place));
        Ok((Self { specifier, code, source_map, layer, input }, tree))
    }
}

fn start_engine() {
    v8::icu::set_default_locale("en-US");
    // Unrolling can take the check out of a loop by which V8 stops it.
    let flags = ["", "--no-turboshaft-loop-unrolling", "--no-wasm-loop-unrolling"];
    deno_core::v8_set_flags(flags.map(String::from).to_vec());
    JsRuntime::init_platform(None);
}

/// Near its limit V8 would first collect ever harder and then abort: the run ends there instead, by name. V8 counts
/// buffers and WebAssembly's memories into its heap; they have a limit of their own and are taken out again.
fn limit_heap(runtime: &mut JsRuntime, channel: &'static Channel, start: &Start, buffers: Arc<Buffers>) {
    let (heap, outside) = (start.heap_bytes, start.buffer_bytes);
    // SAFETY: the pointer is used in a callback of this isolate's, which cannot outlive it.
    let isolate = unsafe { runtime.v8_isolate().as_raw_isolate_ptr() };
    runtime.add_near_heap_limit_callback(move |current, _initial| {
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
        channel.exceeded(exceeded)
    });
    allocator::note_heap_limit(heap as u64);
    runtime.v8_isolate().set_oom_error_handler(allocator::engine_out_of_memory);
}

/// What the process may allocate from here on, whoever does it, and the kernel's own clock as a second line.
fn limit_process(start: &Start, status: &mut std::fs::File) -> Result<(), Box<dyn std::error::Error>> {
    let budget = start.heap_bytes as u64 + start.buffer_bytes as u64 + start.process_bytes as u64;
    let mut text = String::new();
    status.seek(SeekFrom::Start(0))?;
    status.read_to_string(&mut text)?;
    let kibibytes: u64 = text
        .lines()
        .find_map(|line| line.strip_prefix("VmData:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
        .ok_or("the kernel does not say what the process has allocated")?;
    let bound = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    rustix::process::setrlimit(Resource::Data, bound(kibibytes * 1024 + budget))?;
    rustix::process::setrlimit(Resource::Cpu, bound(start.cpu_seconds))?;
    allocator::note_limit(start.process_bytes as u64);
    Ok(())
}

/// Loads the module, calls its default export by the entry contract, and waits for what that promises.
async fn call_entry(
    runtime: &mut JsRuntime,
    loader: &Loader,
    program: GuestProgram,
    output_bytes: usize,
) -> Result<(Answer, Vec<u8>), CoreError> {
    let (call, require) = Call::prepare(runtime)?;
    loader.set_require(runtime, require);
    let id = runtime.load_main_es_module_from_code(&program.specifier, program.code).await?;
    let evaluated = Box::pin(runtime.mod_evaluate(id));
    runtime.with_event_loop_promise(evaluated, PollEventLoopOptions::default()).await?;
    let namespace = runtime.get_module_namespace(id)?;
    call.run(runtime, namespace, program.input, output_bytes).await
}

/// What the console and `process.exit` reach.
struct Process {
    channel: &'static Channel,
    /// Bytes of log that may still be sent; none once something was cut off. The service counts too.
    left: std::cell::Cell<Option<usize>>,
}

impl Host for Process {
    fn log(&self, level: i32, text: &str) {
        let Some(left) = self.left.get() else { return };
        let end = text.floor_char_boundary(left);
        if end > 0 || text.is_empty() {
            self.channel.log(level.clamp(0, 3) as u8, &text[..end]);
        }
        if end < text.len() || left == 0 {
            self.channel.log_truncated();
            self.left.set(None);
        } else {
            self.left.set(Some(left.saturating_sub(text.len() + LINE_BYTES)));
        }
    }

    fn exit(&self, code: i32) -> ! {
        self.channel.answer(&Answer::Exited { code }, &[])
    }
}
