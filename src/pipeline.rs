//! The one way from a request to its outcome, the same for the command line and for HTTP: build (`build.rs`), run.
//!
//! A cache that was opened for one request is closed before guest code runs. Dropping the future ends everything, child
//! processes included.

use std::sync::Arc;

use bundler::FileSource;
use executor::{Codec, Executor, FileTree, Module, Program, Report};
use registry_cache::Manifest;

use crate::build::{Modules, Way};
use crate::bundlers::Bundlers;
use crate::cache_access::CacheAccess;
use crate::error::Error;
use crate::files::OwnFiles;
use crate::given_lock::GivenLock;
use crate::layers::Layers;
use crate::project::nearest_manifest;
use crate::requirements::{Unlisted, parse_manifest};
use crate::trace::{Observer, Stage, Trace};

/// A program and what it may import.
pub(crate) struct Request {
    /// The program's file, as `files` names it.
    pub(crate) entry: String,
    /// The program's files.
    pub(crate) files: Box<dyn FileSource>,
    /// Files that the program reads while it runs, beside those that it imports.
    pub(crate) data: Vec<(String, Vec<u8>)>,
    /// Requirements that go before all others.
    pub(crate) dependencies: Manifest,
    /// The manifest.
    pub(crate) manifest: ManifestSource,
    /// The versions that were decided on before.
    pub(crate) lock: GivenLock,
    /// What to do about imports that nothing names a version of.
    pub(crate) unlisted: Unlisted,
}

/// What a program's entry is called with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Call {
    /// Text in the codec.
    pub(crate) input: Option<String>,
    /// What input and value are written in.
    pub(crate) codec: Codec,
}

/// Where a request's manifest is.
pub(crate) enum ManifestSource {
    /// In the nearest package.json at or above the entry, read only when a package is imported.
    Nearest,
    /// Here.
    Given(Manifest),
}

/// How a request ended, with its trace.
pub(crate) struct Answer {
    /// What happened on the way.
    pub(crate) trace: Trace,
    /// The report of the run, or why there was none.
    pub(crate) ending: Result<Report, Error>,
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        Self { trace: Trace::default(), ending: Err(error) }
    }
}

/// The engines behind the stages, with their settings.
pub(crate) struct Pipeline {
    /// The layers that programs were linked to.
    pub(crate) layers: Layers,
    /// Who bundles programs.
    pub(crate) bundlers: Bundlers,
    /// Who runs programs.
    pub(crate) executor: Executor,
    /// What a program may use up.
    pub(crate) run_limits: executor::Limits,
    /// The cache.
    pub(crate) cache: CacheAccess,
}

/// The name of the bundle's module, below the virtual root.
const BUNDLE_NAME: &str = "main.js";

impl Pipeline {
    /// Runs a program.
    pub(crate) async fn run(&self, request: Request, way: &Way, call: Call, observer: &dyn Observer) -> Answer {
        let mut trace = Trace::default();
        let ending = self.build_and_run(request, way, call, &mut trace, observer).await;
        self.bundlers.replenish();
        Answer { trace, ending }
    }

    async fn build_and_run(
        &self,
        request: Request,
        way: &Way,
        call: Call,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Report, Error> {
        let prepared = self.prepare(request, way, call, trace, observer).await?;
        trace.time(Stage::Run, observer, prepared.run()).await
    }

    /// Builds a program, to be run once or more often.
    pub(crate) async fn prepare(
        &self,
        request: Request,
        way: &Way,
        call: Call,
        trace: &mut Trace,
        observer: &dyn Observer,
    ) -> Result<Prepared, Error> {
        let modules = self.build(request, way, trace, observer).await?;
        let Call { input, codec } = call;
        let program = Program { input, codec, ..program_of(modules) };
        Ok(Prepared { program, executor: self.executor.clone(), limits: self.run_limits.clone() })
    }
}

/// A program that is built, with its input.
#[derive(Clone)]
pub(crate) struct Prepared {
    program: Program,
    executor: Executor,
    limits: executor::Limits,
}

impl Prepared {
    /// Runs it in a process of its own, each time in another one.
    pub(crate) async fn run(&self) -> Result<Report, executor::Error> {
        self.executor.run(&self.program, &self.limits).await
    }

    /// Runs it, and leaves its process alive until what is returned with the report is dropped.
    pub(crate) async fn hold(&self) -> Result<(Report, executor::Held), executor::Error> {
        self.executor.hold(&self.program, &self.limits).await
    }

    /// Its input, in its codec.
    pub(crate) fn input(&self) -> Option<&str> {
        self.program.input.as_deref()
    }

    /// The same program with another input.
    pub(crate) fn with_input(&self, input: Option<String>) -> Self {
        Self { program: Program { input, ..self.program.clone() }, ..self.clone() }
    }
}

/// What is run of what was built, without an input.
pub(crate) fn program_of(modules: Modules) -> Program {
    let need_files = modules.need_files();
    let Modules { main, layer, files } = modules;
    Program {
        name: BUNDLE_NAME.to_owned(),
        module: Arc::new(Module::new(main.code, Some(main.source_map))),
        builtins: main.builtins,
        layer: layer.map(|layer| layer.run.clone()),
        input: None,
        codec: Codec::default(),
        files: if need_files { files } else { FileTree::default() },
        tenant: None,
    }
}

impl ManifestSource {
    /// The manifest, and the path of the file that it is in where it was looked for.
    pub(crate) fn read(
        self,
        entry: &str,
        files: &mut OwnFiles,
        nearer: &Manifest,
    ) -> Result<(Manifest, Option<String>), Error> {
        match self {
            Self::Given(manifest) => Ok((manifest, None)),
            Self::Nearest => match nearest_manifest(entry, files)? {
                Some((path, text)) => Ok((parse_manifest(&text, &path, nearer)?, Some(path))),
                None => Ok((Manifest::default(), None)),
            },
        }
    }
}
