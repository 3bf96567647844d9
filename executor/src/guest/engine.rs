//! V8 with the whole platform, started from the snapshot and not yet told what to run. What a process starts is what its
//! forks go on with, so everything that belongs to one run is set later: by `run.rs`.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use deno_core::error::{CoreError, CoreErrorKind};
use deno_core::{JsRuntime, ModuleSpecifier, PollEventLoopOptions, RuntimeOptions, merge_op_metrics, v8};

use super::buffers::Buffers;
use super::functions::Functions;
use super::host::RunHost;
use super::loader::Loader;
use super::notices::Notices;
use super::snapshot;
use super::under_way::UnderWay;
use crate::file_tree::OpenImage;
use crate::platform::{self, Files, Platform};

/// V8's heap may grow to this before a run has said what it may use, and no run may use more.
pub(crate) const MOST_HEAP_BYTES: usize = 4 << 30;

/// How often V8's own tasks are looked for while a program waits. They come at no other time: nobody is woken for them.
const TASK_INTERVAL: Duration = Duration::from_millis(10);

/// What is compiled when it is loaded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compile {
    /// A function when it is first called: for a process that runs one program.
    Lazily,
    /// All of it: for a process whose forks share what it has compiled.
    Eagerly,
}

/// Whether a module is the program's own, which `import.meta.main` says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Main {
    /// It is.
    Yes,
    /// It is the layer.
    No,
}

/// The engine of one process.
pub(crate) struct Engine {
    pub(crate) runtime: JsRuntime,
    pub(crate) loader: Rc<Loader>,
    pub(crate) files: Files,
    pub(crate) host: Rc<RunHost>,
    pub(crate) buffers: Arc<Buffers>,
    pub(crate) functions: Functions,
    pub(crate) notices: Rc<Notices>,
    pub(crate) under_way: Rc<UnderWay>,
    /// Maps an image of a program's files.
    pub(crate) open_image: OpenImage,
    /// A program that was evaluated before there was a run.
    pub(crate) evaluated: Option<v8::Global<v8::Object>>,
    /// How far `performance.now()` had come when somebody last looked at it before there was a run.
    pub(crate) elapsed: Duration,
    platform: v8::SharedRef<v8::Platform>,
}

impl Engine {
    /// Starts V8, which has one thread. Must be called inside a tokio runtime, and once in a process.
    pub(crate) fn start(compile: Compile, open_image: OpenImage) -> Result<Self, Box<dyn std::error::Error>> {
        let platform = start_v8(compile);
        let buffers = Buffers::new(usize::MAX);
        let files = Files::new();
        let Platform { extensions, modules } = Platform::new(files.clone());
        let notices = Rc::new(Notices::default());
        let under_way = UnderWay::new();
        let loader = Rc::new(Loader::new(modules, notices.clone()));
        let mut runtime = JsRuntime::new(RuntimeOptions {
            startup_snapshot: Some(snapshot::SNAPSHOT),
            residual_lazy_js_sources: snapshot::scripts(),
            residual_lazy_esm_sources: snapshot::modules(),
            extensions,
            module_loader: Some(loader.clone()),
            custom_module_evaluation_cb: Some(loader.evaluate_commonjs()),
            op_metrics_factory_fn: Some(merge_op_metrics(notices.clone().observer(), under_way.observer())),
            create_params: Some(
                v8::CreateParams::default().heap_limits(0, MOST_HEAP_BYTES).array_buffer_allocator(buffers.allocator()),
            ),
            ..Default::default()
        });
        let host = Rc::new(RunHost::default());
        platform::equip(&mut runtime, files.clone(), host.clone(), notices.clone());
        let (functions, require) = Functions::take(&mut runtime)?;
        loader.set_require(&mut runtime, require);
        Ok(Self {
            runtime,
            loader,
            files,
            host,
            buffers,
            functions,
            notices,
            under_way,
            open_image,
            evaluated: None,
            elapsed: Duration::ZERO,
            platform,
        })
    }

    /// Sets V8's limit, below the one that it was started with, and what is asked near it: the limit from then on.
    pub(crate) fn limit_heap(&mut self, bytes: usize, near: impl FnMut(usize, usize) -> usize + 'static) {
        // The limit of a heap that lives can be set by taking a callback away, and in no other way.
        self.runtime.add_near_heap_limit_callback(|current, _initial| current);
        self.runtime.remove_near_heap_limit_callback(bytes);
        self.runtime.add_near_heap_limit_callback(near);
    }

    /// Loads a module that is given and evaluates it, its top-level awaits included.
    pub(crate) async fn evaluate(
        &mut self,
        specifier: &ModuleSpecifier,
        code: String,
        main: Main,
    ) -> Result<v8::Global<v8::Object>, CoreError> {
        let id = match main {
            Main::Yes => self.runtime.load_main_es_module_from_code(specifier, code).await?,
            Main::No => self.runtime.load_side_es_module_from_code(specifier, code).await?,
        };
        let evaluated = Box::pin(self.runtime.mod_evaluate(id));
        self.settle(evaluated).await?;
        self.runtime.get_module_namespace(id)
    }

    /// Runs the event loop until `future` is ready; an error when nothing is left that could make it so.
    pub(crate) async fn settle<T>(
        &mut self,
        mut future: impl Future<Output = Result<T, impl Into<CoreError>>> + Unpin,
    ) -> Result<T, CoreError> {
        let mut future = std::pin::Pin::new(&mut future);
        let mut again = Box::pin(tokio::time::sleep(TASK_INTERVAL));
        std::future::poll_fn(move |context| {
            if let Poll::Ready(result) = future.as_mut().poll(context) {
                return Poll::Ready(result.map_err(Into::into));
            }
            self.run_engine_tasks();
            if let Poll::Ready(ended) = self.runtime.poll_event_loop(context, PollEventLoopOptions::default()) {
                ended?;
                // What the loop did last may have been what the future waited for.
                return match future.as_mut().poll(context) {
                    Poll::Ready(result) => Poll::Ready(result.map_err(Into::into)),
                    Poll::Pending => Poll::Ready(Err(CoreErrorKind::PendingPromiseResolution.into_box())),
                };
            }
            while again.as_mut().poll(context).is_ready() {
                self.run_engine_tasks();
                again.set(tokio::time::sleep(TASK_INTERVAL));
            }
            Poll::Pending
        })
        .await
    }

    /// Runs the event loop once, without waiting; whether it has come to its end.
    pub(crate) async fn turn(&mut self) -> Result<bool, CoreError> {
        std::future::poll_fn(|context| {
            self.run_engine_tasks();
            match self.runtime.poll_event_loop(context, PollEventLoopOptions::default()) {
                Poll::Ready(ended) => Poll::Ready(ended.map(|()| true)),
                Poll::Pending => Poll::Ready(Ok(false)),
            }
        })
        .await
    }

    /// Finalizers, `Atomics.waitAsync` and collections that V8 has put off.
    fn run_engine_tasks(&mut self) {
        while v8::Platform::pump_message_loop(&self.platform, self.runtime.v8_isolate(), false) {}
    }
}

/// A runtime for what an engine waits for, without the descriptors that a fork would share: it knows time and nothing else.
pub(crate) fn time_only() -> std::io::Result<tokio::runtime::Runtime> {
    runtime().enable_time().build()
}

/// A runtime for one run.
pub(crate) fn complete() -> std::io::Result<tokio::runtime::Runtime> {
    runtime().enable_all().build()
}

/// Threads of a run for cryptography and compression.
const BLOCKING_THREADS: usize = 4;

fn fill_with_entropy(bytes: &mut [u8]) -> bool {
    matches!(rustix::rand::getrandom(&mut *bytes, rustix::rand::GetRandomFlags::empty()), Ok(filled) if filled == bytes.len())
}

static THREADS_STARTED: AtomicUsize = AtomicUsize::new(0);

/// How many threads this process's runtimes have started so far.
pub(super) fn threads_started() -> usize {
    THREADS_STARTED.load(Ordering::Relaxed)
}

fn runtime() -> tokio::runtime::Builder {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    // It is asked for a name before the thread starts, by whoever wants one.
    builder.max_blocking_threads(BLOCKING_THREADS).thread_name_fn(|| {
        THREADS_STARTED.fetch_add(1, Ordering::Relaxed);
        "blocking".to_owned()
    });
    builder
}

fn start_v8(compile: Compile) -> v8::SharedRef<v8::Platform> {
    v8::icu::set_default_locale("en-US");
    // The sandbox does not let V8 open the kernel's own source.
    v8::V8::set_entropy_source(fill_with_entropy);
    // Only a process with one thread can be forked. Unrolling can take the check out of a loop by which V8 stops it.
    let mut flags = vec!["", "--single-threaded", "--no-turboshaft-loop-unrolling", "--no-wasm-loop-unrolling"];
    if compile == Compile::Eagerly {
        // What was compiled is not to be forgotten when garbage is collected, and V8's own builtins stay where they are in
        // the binary: a copy of them would have to be mapped again in every fork.
        flags.extend(["--no-lazy", "--no-flush-bytecode", "--no-short-builtin-calls"]);
    }
    deno_core::v8_set_flags(flags.into_iter().map(String::from).collect());
    let platform = v8::new_single_threaded_default_platform(false).make_shared();
    JsRuntime::init_platform(Some(platform.clone()));
    platform
}
