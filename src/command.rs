//! The commands: from what was typed to a pipeline and a request, and from the answer to the screen.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::{Path, PathBuf};

use bundler::{Bundle, BundleOptions};
use executor::Executor;
use registry_cache::Manifest;
use tokio::signal::unix::{SignalKind, signal};

use crate::assets;
use crate::bench_adapter;
use crate::build::Way;
use crate::bundle_arguments::{BundleArguments, TransformArguments};
use crate::bundle_options;
use crate::bundlers::Bundlers;
use crate::cache_access::CacheAccess;
use crate::cache_command;
use crate::cli::{
    BUNDLER_WORKER, BenchAdapterArguments, CacheArguments, CacheCommand, Dependency, EXECUTOR_WORKER, EXECUTOR_ZYGOTE,
    InspectArguments, LimitArguments, ProgramArguments, RunArguments, ServeArguments, worker_arguments,
};
use crate::config::{CacheConfig, Environment, ServiceLimits, run_limits};
use crate::console;
use crate::data_files::{self, DataLimits};
use crate::error::Error;
use crate::exit_code::{Exit, exit_of_error, exit_of_outcome};
use crate::layers::Layers;
use crate::metafile::{LicenseFacts, Metafile};
use crate::mirror_arguments::{ExportArguments, ImportArguments, PrewarmArguments};
use crate::mirror_command;
use crate::output;
use crate::pipeline::{Answer, Call, ManifestSource, Pipeline, Request};
use crate::prewarm;
use crate::progress::{self, Spinner};
use crate::project::{DiskFiles, Project};
use crate::requirements::{Unlisted, parse_manifest};
use crate::resolve::{self, ResolveArguments};
use crate::serve::Service;
use crate::text_file;
use crate::trace::{Observer, Trace};
use crate::transform;

/// Bytes of a manifest. The largest package.json files are a few hundred kilobytes.
const MANIFEST_BYTES: u64 = 8 << 20;

/// Bundlers that a service has ready: each holds some ten megabytes.
const BUNDLERS_AHEAD: usize = 2;

/// `hoist run`.
pub(crate) fn run(arguments: RunArguments) -> Exit {
    let RunArguments { program, whole, files, input, codec, json, meaning, limits } = arguments;
    let call = Call { input: input.map(|text| text.0), codec: codec.into() };
    let work = async {
        let prepared = prepare(program, &files, &limits, |root| bundle_options::of_run(&meaning, root));
        match prepared {
            Ok((pipeline, request, options)) => {
                let way = if whole { Way::Compared(options) } else { Way::Layered(options) };
                watched(json, async |observer| pipeline.run(request, &way, call, observer).await).await
            }
            Err(error) => Answer::from(error),
        }
    };
    let answer = match until_interrupted(work) {
        Ok(answer) => answer,
        Err(exit) => return exit,
    };
    let printed = if json { console::print_json(&answer) } else { console::print_answer(&answer) };
    let exit = match &answer.ending {
        Ok(report) => exit_of_outcome(&report.outcome),
        Err(error) => exit_of_error(error),
    };
    ended(printed.map(|()| exit))
}

/// `hoist bundle`.
pub(crate) fn bundle(arguments: BundleArguments) -> Exit {
    let work = async {
        let options = |root: &Path| bundle_options::of_bundle(&arguments, root);
        let program = arguments.program.clone();
        let (pipeline, request, mut options) = prepare(program, &[], &LimitArguments::default(), options)?;
        if let Some(folder) = &arguments.assets {
            options.assets = assets::relative(folder, &arguments.output, &working_folder()?);
        }
        let mut trace = Trace::default();
        let way = Way::Whole(options);
        let built = watched(false, async |observer| pipeline.build(request, &way, &mut trace, observer).await).await?;
        Ok::<_, Error>((trace, built))
    };
    finished(work, |(mut trace, built)| {
        if let Some(folder) = &arguments.assets {
            // What they warn of is done.
            trace.warnings.retain(|warning| warning.code != "reads-files" || warning.package.is_none());
            assets::write(folder, &built.files, &built.main.read_at_run_time)?;
        }
        console::print_warnings(&trace);
        write_bundle(built.main, &arguments)
    })
}

/// `hoist resolve`.
pub(crate) fn resolve(arguments: ResolveArguments) -> Exit {
    let ResolveArguments { manifest, dependencies, json, lock, cache } = arguments;
    let work = async {
        let named = dependency_flags(dependencies)?;
        let (mut given, mut trace) = (lock.read()?, Trace::default());
        let path = manifest.or_else(|| named.names().next().is_none().then(|| PathBuf::from("package.json")));
        let manifest = match path {
            Some(path) => {
                trace.warnings.extend(given.or_beside_file(&path));
                read_manifest(&path, &named)?
            }
            None => Manifest::default(),
        };
        let manifest = named.fallback(manifest);
        let cache = CacheAccess::Brief(cache_config(cache, working_folder()?));
        let pipeline = pipeline(&LimitArguments::default(), cache, 0)?;
        let lock =
            watched(json, async |observer| pipeline.resolve(&manifest, &given, &mut trace, observer).await).await?;
        Ok::<_, Error>((trace, lock))
    };
    finished(work, |(trace, lock)| {
        if json {
            return console::print_result((console::to_json(&lock) + "\n").as_bytes());
        }
        console::print_warnings(&trace);
        console::print_report_text(&resolve::lines(&lock))
    })
}

/// `hoist inspect`.
pub(crate) fn inspect(arguments: InspectArguments) -> Exit {
    let InspectArguments { package, json, cache } = arguments;
    let work = async {
        let cache = CacheAccess::Brief(cache_config(cache, working_folder()?));
        let pipeline = pipeline(&LimitArguments::default(), cache, 0)?;
        watched(json, async |observer| pipeline.inspect(&package, observer).await).await
    };
    finished(work, |report| {
        let text = if json { report.to_json() + "\n" } else { report.to_text() };
        console::print_report_text(&text)
    })
}

/// `hoist transform`.
pub(crate) fn transform(arguments: TransformArguments) -> Exit {
    let work = async {
        let cache = CacheAccess::Brief(cache_config(CacheArguments::default(), working_folder()?));
        transform::compile(&arguments, &pipeline(&LimitArguments::default(), cache, 0)?).await
    };
    finished(work, |files| {
        for file in files {
            console::print_diagnostics(file.warnings());
            file.write(arguments.sourcemap)?;
        }
        Ok(())
    })
}

/// `hoist prewarm`.
pub(crate) fn prewarm(arguments: PrewarmArguments) -> Exit {
    let json = arguments.json;
    let work = watched(json, async |observer| prewarm::prewarm(&arguments, observer).await);
    finished(work, |done| report(json, done.to_json(), done.to_text()))
}

/// `hoist mirror export`.
pub(crate) fn export_mirror(arguments: ExportArguments) -> Exit {
    let work = watched(arguments.json, async |observer| mirror_command::export(&arguments, observer).await);
    finished(work, |exported| {
        report(
            arguments.json,
            console::to_json(&exported),
            mirror_command::text_of_export(&exported, &arguments.output),
        )
    })
}

/// `hoist mirror import`.
pub(crate) fn import_mirror(arguments: ImportArguments) -> Exit {
    let work =
        watched(arguments.json, async |observer| mirror_command::import(&arguments, working_folder()?, observer).await);
    finished(work, |imported| {
        report(arguments.json, console::to_json(&imported), mirror_command::text_of_import(&imported))
    })
}

/// `hoist mirror key`.
pub(crate) fn mirror_key() -> Exit {
    let printed = mirror_command::key().and_then(|key| console::print_result(format!("{key}\n").as_bytes()));
    ended(printed.map(|()| Exit::Done))
}

/// `hoist serve`.
pub(crate) fn serve(arguments: ServeArguments) -> Exit {
    let work = async {
        let limits = ServiceLimits::new(&arguments);
        let cache = cache_config(arguments.cache, working_folder()?);
        let cache = registry_cache::Cache::publish(cache.options()?).await?;
        Service::start(arguments.listen, limits, cache, |cache| {
            let pipeline = pipeline(&arguments.limits, CacheAccess::Held(cache), BUNDLERS_AHEAD)?;
            Ok(Pipeline { executor: zygotes()?, ..pipeline })
        })
        .await
    };
    let service = async {
        let service = work.await?;
        let stop = interruption();
        console::print_result(format!("listening on http://{}\n", service.address()).as_bytes())?;
        service.run(stop).await
    };
    ended(in_runtime(service).and_then(|result| result).map(|()| Exit::Done))
}

/// `hoist bench-adapter`.
pub(crate) fn bench_adapter(arguments: BenchAdapterArguments) -> Exit {
    let work = async {
        if let Some(folder) = arguments.echo {
            return bench_adapter::echo(folder).await;
        }
        let cache = CacheAccess::Brief(cache_config(CacheArguments::default(), working_folder()?));
        let pipeline = pipeline(&LimitArguments::default(), cache, BUNDLERS_AHEAD)?;
        bench_adapter::serve(Pipeline { executor: zygotes()?, ..pipeline }).await
    };
    ended(in_runtime(work).and_then(|result| result).map(|()| Exit::Done))
}

/// `hoist cache`.
pub(crate) fn cache(what: CacheCommand) -> Exit {
    let care = cache_command::care_of(&what).clone();
    let work = async {
        let flags = CacheArguments { folder: care.folder, ..CacheArguments::default() };
        let cache = cache_config(flags, working_folder()?);
        cache_command::look_after(&what, cache.options()?).await
    };
    finished(work, |done| report(care.json, done.to_json(), done.to_text()))
}

fn report(json: bool, as_json: String, as_text: String) -> Result<(), Error> {
    console::print_report_text(&if json { as_json + "\n" } else { as_text })
}

/// Does the work of a command, then what is to be done with its result.
fn finished<T>(work: impl Future<Output = Result<T, Error>>, done: impl FnOnce(T) -> Result<(), Error>) -> Exit {
    match until_interrupted(work) {
        Ok(result) => ended(result.and_then(done).map(|()| Exit::Done)),
        Err(exit) => exit,
    }
}

/// The end of a command: an error is said, if nobody has said it yet.
fn ended(result: Result<Exit, Error>) -> Exit {
    result.unwrap_or_else(|error| {
        console::print_error(&error);
        exit_of_error(&error)
    })
}

pub(crate) fn prepare(
    program: ProgramArguments,
    data: &[String],
    limits: &LimitArguments,
    options: impl FnOnce(&Path) -> Result<BundleOptions, Error>,
) -> Result<(Pipeline, Request, BundleOptions), Error> {
    let ProgramArguments { file, dependencies, manifest, auto, lock, cache } = program;
    let project = Project::of(&file)?;
    let options = options(&project.root)?;
    let dependencies = dependency_flags(dependencies)?;
    let manifest = match manifest {
        Some(path) => ManifestSource::Given(read_manifest(&path, &dependencies)?),
        None => ManifestSource::Nearest,
    };
    let pipeline = pipeline(limits, CacheAccess::Brief(cache_config(cache, project.root.clone())), 0)?;
    let bundler::Limits { file_bytes, local_bytes, files, .. } = pipeline.bundlers.limits;
    let disk = DiskFiles::new(project.root.clone(), file_bytes);
    let data = data_files::find(&project.root, &disk, data, DataLimits { files, bytes: local_bytes })?;
    let request = Request {
        entry: project.entry,
        files: Box::new(disk),
        data,
        dependencies,
        manifest,
        lock: lock.read()?,
        unlisted: if auto { Unlisted::Latest } else { Unlisted::Refuse },
    };
    Ok((pipeline, request, options))
}

/// Everything behind the stages, with so many bundlers started ahead.
fn pipeline(limits: &LimitArguments, cache: CacheAccess, ahead: usize) -> Result<Pipeline, Error> {
    let program = own_binary()?;
    let executor = executor::WorkerCommand { program: program.clone(), arguments: worker_arguments(EXECUTOR_WORKER) };
    let bundler = bundler::WorkerCommand { program, arguments: worker_arguments(BUNDLER_WORKER) };
    Ok(Pipeline {
        bundlers: Bundlers::new(bundler, bundler::Limits::default(), ahead),
        executor: Executor::new(executor),
        run_limits: run_limits(limits),
        layers: Layers::default(),
        cache,
    })
}

/// An executor for many runs.
fn zygotes() -> Result<Executor, Error> {
    let program = own_binary()?;
    let command = executor::WorkerCommand { program, arguments: worker_arguments(EXECUTOR_ZYGOTE) };
    Ok(Executor::with_zygotes(command, executor::ZygoteLimits::default())?)
}

fn own_binary() -> Result<PathBuf, Error> {
    std::env::current_exe()
        .map_err(|error| Error::Internal { problem: format!("hoist does not find its own binary: {error}") })
}

fn cache_config(flags: CacheArguments, project: PathBuf) -> CacheConfig {
    CacheConfig::new(Environment::of_process(), flags, project)
}

pub(crate) fn working_folder() -> Result<PathBuf, Error> {
    std::env::current_dir()
        .map_err(|error| Error::Configuration { path: PathBuf::from("."), problem: error.to_string() })
}

fn dependency_flags(flags: Vec<Dependency>) -> Result<Manifest, Error> {
    let mut named = BTreeMap::new();
    for Dependency { name, range } in flags {
        if let Some(other) = named.insert(name.clone(), range.clone())
            && other != range
        {
            return Err(Error::Usage { problem: format!("--dep asks for {name}@{other} and for {name}@{range}") });
        }
    }
    Ok(Manifest::from_dependencies(&named, "--dep")?)
}

pub(crate) fn read_manifest(path: &Path, nearer: &Manifest) -> Result<Manifest, Error> {
    let text = text_file::read(path, MANIFEST_BYTES)
        .map_err(|problem| Error::ManifestFile { path: path.to_owned(), problem })?;
    parse_manifest(&text, &path.display().to_string(), nearer)
}

/// Does work with a line of progress where somebody looks at a terminal. The line is gone when this returns.
async fn watched<T>(quiet: bool, work: impl AsyncFnOnce(&dyn Observer) -> T) -> T {
    if quiet || !progress::is_welcome() {
        return work(&()).await;
    }
    let spinner = Spinner::start();
    work(&spinner).await
}

fn write_bundle(bundle: Bundle, arguments: &BundleArguments) -> Result<(), Error> {
    if let Some(path) = &arguments.metafile {
        output::write_json(path, &Metafile::new(&bundle))?;
    }
    if let Some(path) = &arguments.licenses {
        output::write_json(path, &LicenseFacts::of(&bundle.licenses))?;
    }
    output::write_module(&arguments.output, bundle.code, &bundle.source_map, arguments.sourcemap)
}

/// Does work until it is done or a signal comes. The work is dropped then, and its child processes with it.
fn until_interrupted<T>(work: impl Future<Output = T>) -> Result<T, Exit> {
    let either = async {
        tokio::select! {
            done = work => Ok(done),
            () = interruption() => Err(Exit::Interrupted),
        }
    };
    in_runtime(either).unwrap_or_else(|error| Err(ended(Err(error))))
}

fn in_runtime<T>(work: impl Future<Output = T>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Internal { problem: format!("cannot start the runtime: {error}") })?;
    let done = runtime.block_on(work);
    // What still runs on a thread of the pool after an interruption must not hold up the end of the process.
    runtime.shutdown_background();
    Ok(done)
}

/// SIGINT or SIGTERM, from now on. Never, where they cannot be listened for: they kill the process then.
fn interruption() -> impl Future<Output = ()> + Send {
    let signals = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    async {
        let (Ok(mut interrupt), Ok(mut terminate)) = signals else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_has_one_range() {
        let flag = |range: &str| Dependency { name: "zod".to_owned(), range: range.to_owned() };
        assert!(dependency_flags(vec![flag("^3"), flag("^3")]).is_ok());
        assert!(matches!(dependency_flags(vec![flag("^3"), flag("^4")]), Err(Error::Usage { .. })));
    }
}
