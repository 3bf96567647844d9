//! The worker's own side: one program, found, then bundled, for one owner on a socket that is its standard input.
//! It opens nothing; what it knows it was sent.

use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
    io,
    os::{fd::AsFd, unix::net::UnixStream},
    process::ExitCode,
    sync::Arc,
};

use registry_cache::MappedImage;
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::{
    bundle::{Bundle, Transformed},
    diagnostics::Diagnostic,
    dialect::Dialect,
    direct, engine,
    file_system::{LocalFiles, PackageFiles, ROOT, VirtualFiles},
    inspect,
    layer::{self, LayerImport, LayerInterface},
    limits::Limits,
    link::Link,
    options::BundleOptions,
    program::{Program, Round},
    scan::{ImportKind, Scan},
    transform, whereabouts,
    wire::{FileAnswer, MountMessage, Reply, Request, WorkerEnd},
};

/// Room for sources that nest deeply.
const STACK_BYTES: usize = 64 << 20;

/// Serves one owner on the socket that is standard input, and returns when it hangs up. Call it in a process of its
/// own, after that has given up its rights.
pub fn worker_main() -> ExitCode {
    // A plugin that panics would leave the build waiting for ever.
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
    let served = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(|| {
        let socket = io::stdin().as_fd().try_clone_to_owned()?;
        serve(WorkerEnd::new(UnixStream::from(socket)))
    });
    let result =
        served.and_then(|thread| thread.join().map_err(|_| io::Error::other("the worker's thread panicked"))?);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bundler: {error}");
            ExitCode::from(70)
        }
    }
}

fn serve(mut end: WorkerEnd) -> io::Result<()> {
    let Some((Request::Setup(limits), _)) = end.receive(0)? else {
        return Err(io::Error::other("there was no set-up"));
    };
    if let Some(memory) = end.descriptors().pop() {
        whereabouts::tell(memory);
    }
    restrict(&limits)?;
    let mut session = Session { limits, program: None, task: Task::Scan, images: Vec::new(), runtime: OnceCell::new() };
    while let Some((request, bytes)) = end.receive(session.limits.local_bytes)? {
        session.answer(request, &bytes, &mut end)?;
    }
    Ok(())
}

fn restrict(limits: &Limits) -> io::Result<()> {
    let most = |bytes| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::Core, most(0))?;
    setrlimit(Resource::Data, most(limits.memory_bytes))?;
    Ok(())
}

/// What a session is doing while it asks for files.
enum Task {
    Scan,
    Transform,
}

struct Session {
    limits: Limits,
    program: Option<Program>,
    /// What the files that come are for.
    task: Task,
    images: Vec<Arc<MappedImage>>,
    /// The engine's threads, once they were needed.
    runtime: OnceCell<tokio::runtime::Runtime>,
}

impl Session {
    fn answer(&mut self, request: Request, bytes: &[u8], end: &mut WorkerEnd) -> io::Result<()> {
        let reply = match request {
            Request::Setup(_) => Reply::Confused("it was set up before".to_owned()),
            Request::Warm => {
                self.warm()?;
                Reply::Warm
            }
            Request::Scan { entry, options } => {
                self.program = Some(Program::new(&entry, options));
                self.task = Task::Scan;
                self.advance()
            }
            Request::Transform { path, options } => {
                self.program = Some(Program::new(&path, options));
                self.task = Task::Transform;
                return self.transform(end);
            }
            Request::Files(files) => match (self.take_files(files, bytes), &self.task) {
                (Ok(()), Task::Scan) => self.advance(),
                (Ok(()), Task::Transform) => return self.transform(end),
                (Err(detail), _) => Reply::Confused(detail),
            },
            Request::Images { count } => match self.take_images(count, end) {
                Ok(()) => Reply::Mapped,
                Err(detail) => Reply::Confused(detail),
            },
            Request::Bundle { mounts, rewrites, options } => {
                let input = self.program_input(mounts, rewrites, options, None);
                return self.build(input, end, async |input| engine::bundle(input).await.map(without_exports));
            }
            Request::Layer { mounts, imports, options } => {
                let input = self.layer_input(mounts, &imports, options);
                return self.build(input, end, async |input| {
                    let layer = engine::layer(input, &imports).await?;
                    Ok((layer.bundle, layer.exports))
                });
            }
            Request::Inspect { mounts, name } => match self.packages(mounts) {
                Ok(packages) => {
                    let files = VirtualFiles::with_packages(LocalFiles::new(), packages);
                    Reply::Inspected(inspect::inspect(&name, &files))
                }
                Err(detail) => Reply::Confused(detail),
            },
            Request::Link { interface, options } => return self.link(interface, options, end),
        };
        end.send(&reply, &[])
    }

    /// Scans and links a program of ours, as long as a request's may be, and forgets it. What code and memory that takes is
    /// in place then.
    fn warm(&mut self) -> io::Result<()> {
        for _ in 0..WARM_ROUNDS {
            self.warm_once()?;
        }
        Ok(())
    }

    fn warm_once(&mut self) -> io::Result<()> {
        let mut program = Program::new("warm.ts", BundleOptions::run());
        while let Round::Lacking(paths) = program.advance() {
            for path in paths {
                let source = (path == "warm.ts").then(|| Arc::from(warm_source().into_bytes()));
                program.answer(path, source);
            }
        }
        self.program = Some(program);
        let import = LayerImport { specifier: "warm".to_owned(), kind: ImportKind::Static };
        let link = Arc::new(Link::new(LayerInterface { imports: vec![(import, 0)], exports: vec![None] }));
        let _ = self.program.as_ref().and_then(|program| direct::link(program, &link));
        let input = self.program_input(Vec::new(), BTreeMap::new(), BundleOptions::run(), Some(Arc::clone(&link)));
        if let Ok(input) = input {
            // Whatever comes of it: the way there is what counts.
            let _ = self.runtime()?.block_on(engine::link(&input, &link));
        }
        self.program = None;
        Ok(())
    }

    fn advance(&mut self) -> Reply {
        let Some(program) = &mut self.program else {
            return Reply::Confused("no scan was begun".to_owned());
        };
        match program.advance() {
            Round::Lacking(paths) if paths.len() as u64 > u64::from(self.limits.files) => {
                Reply::LackingTooMany { measured: paths.len() as u64 }
            }
            Round::Lacking(paths) => Reply::Lacking(paths.into_iter().collect()),
            Round::Complete(scan) => self.scanned(scan),
            Round::Wrong(diagnostics) => self.wrong(diagnostics),
        }
    }

    fn scanned(&self, scan: Scan) -> Reply {
        let (measured, limit) = (scan.imports.len() as u64, u64::from(self.limits.imports));
        if measured > limit { Reply::TooManyImports { measured } } else { Reply::Scanned(scan) }
    }

    fn transform(&mut self, end: &mut WorkerEnd) -> io::Result<()> {
        let Some(program) = &mut self.program else {
            return end.send(&Reply::Confused("there is nothing to compile".to_owned()), &[]);
        };
        let reply = match program.advance_dialect() {
            Some(Round::Lacking(paths)) => Reply::Lacking(paths.into_iter().collect()),
            Some(Round::Wrong(diagnostics)) => self.wrong(diagnostics),
            Some(Round::Complete(_)) => Reply::Confused("there is nothing to compile".to_owned()),
            None => match transform::transform(program) {
                Err(diagnostics) => self.wrong(diagnostics),
                Ok(Transformed { code, source_map, warnings }) => {
                    let measured = code.len().max(source_map.len()) as u64;
                    if measured > self.limits.output_bytes {
                        return end.send(&Reply::OutputTooLarge { measured }, &[]);
                    }
                    let reply = Reply::Transformed { code_bytes: code.len(), warnings };
                    return end.send(&reply, &[code.as_bytes(), source_map.as_bytes()]);
                }
            },
        };
        end.send(&reply, &[])
    }

    fn wrong(&self, mut diagnostics: Vec<Diagnostic>) -> Reply {
        diagnostics.truncate(usize::try_from(self.limits.diagnostics).unwrap_or(usize::MAX).max(1));
        Reply::Wrong(diagnostics)
    }

    fn take_files(&mut self, files: Vec<FileAnswer>, mut bytes: &[u8]) -> Result<(), String> {
        let program = self.program.as_mut().ok_or("no scan was begun")?;
        for (path, length) in files {
            let content = match length {
                None => None,
                Some(length) => {
                    let length = usize::try_from(length).map_err(|error| error.to_string())?;
                    let (content, rest) = bytes.split_at_checked(length).ok_or("bytes are missing")?;
                    bytes = rest;
                    Some(Arc::from(content))
                }
            };
            program.answer(path, content);
        }
        Ok(())
    }

    fn take_images(&mut self, count: usize, end: &mut WorkerEnd) -> Result<(), String> {
        let descriptors = end.descriptors();
        if descriptors.len() != count {
            return Err(format!("{} descriptors came instead of {count}", descriptors.len()));
        }
        for descriptor in descriptors {
            let image = MappedImage::map(descriptor).map_err(|error| error.to_string())?;
            self.images.push(Arc::new(image));
        }
        Ok(())
    }

    fn build(
        &self,
        input: Result<engine::Input, String>,
        end: &mut WorkerEnd,
        build: impl AsyncFnOnce(&engine::Input) -> Result<Built, Vec<Diagnostic>>,
    ) -> io::Result<()> {
        let input = match input {
            Ok(input) => input,
            Err(detail) => return end.send(&Reply::Confused(detail), &[]),
        };
        match self.runtime()?.block_on(build(&input)) {
            Err(diagnostics) => end.send(&self.wrong(diagnostics), &[]),
            Ok(built) => self.send(built, end),
        }
    }

    fn link(&self, interface: LayerInterface, options: BundleOptions, end: &mut WorkerEnd) -> io::Result<()> {
        let link = Arc::new(Link::new(interface));
        let direct = self.program.as_ref().and_then(|program| direct::link(program, &link));
        if let Some(reason) = link.refusal() {
            return end.send(&Reply::Unlinkable(reason), &[]);
        }
        if let Some(bundle) = direct {
            return self.send(without_exports(bundle), end);
        }
        let input = match self.program_input(Vec::new(), BTreeMap::new(), options, Some(Arc::clone(&link))) {
            Ok(input) => input,
            Err(detail) => return end.send(&Reply::Confused(detail), &[]),
        };
        match self.runtime()?.block_on(engine::link(&input, &link)) {
            Err(reason) => end.send(&Reply::Unlinkable(reason), &[]),
            Ok(bundle) => self.send(without_exports(bundle), end),
        }
    }

    fn runtime(&self) -> io::Result<&tokio::runtime::Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(self.limits.threads)
            .max_blocking_threads(2 * self.limits.threads)
            .thread_stack_size(STACK_BYTES / 2)
            .build()?;
        Ok(self.runtime.get_or_init(|| runtime))
    }

    fn send(&self, (mut bundle, exports): Built, end: &mut WorkerEnd) -> io::Result<()> {
        let measured = bundle.code.len().max(bundle.source_map.len()) as u64;
        if measured > self.limits.output_bytes {
            return end.send(&Reply::OutputTooLarge { measured }, &[]);
        }
        bundle.warnings.splice(0..0, self.program.iter().flat_map(Program::warnings).cloned());
        bundle.warnings.truncate(usize::try_from(self.limits.diagnostics).unwrap_or(usize::MAX));
        let (code, source_map) = (std::mem::take(&mut bundle.code), std::mem::take(&mut bundle.source_map));
        let reply = Reply::Bundled { bundle, code_bytes: code.len(), exports };
        end.send(&reply, &[code.as_bytes(), source_map.as_bytes()])
    }

    fn program_input(
        &self,
        mounts: Vec<MountMessage>,
        rewrites: BTreeMap<String, String>,
        options: BundleOptions,
        link: Option<Arc<Link>>,
    ) -> Result<engine::Input, String> {
        let program = self.program.as_ref().ok_or("no scan was begun")?;
        Ok(engine::Input {
            entry: format!("{ROOT}/{}", program.entry()),
            files: VirtualFiles::with_packages(program.files().clone(), self.packages(mounts)?),
            modules: program.modules(),
            decorated: program.decorated(),
            dialect: program.dialect().clone(),
            rewrites,
            options,
            link,
        })
    }

    fn layer_input(
        &self,
        mounts: Vec<MountMessage>,
        imports: &[LayerImport],
        options: BundleOptions,
    ) -> Result<engine::Input, String> {
        let source = layer::entry_source(imports);
        let local = LocalFiles::from([(LAYER_FILE.to_owned(), Some(Arc::from(source.into_bytes())))]);
        Ok(engine::Input {
            entry: format!("{ROOT}/{LAYER_FILE}"),
            files: VirtualFiles::with_packages(local, self.packages(mounts)?),
            modules: BTreeSet::from([LAYER_FILE.to_owned()]),
            decorated: BTreeSet::new(),
            dialect: Dialect::default(),
            rewrites: BTreeMap::new(),
            options,
            link: None,
        })
    }

    fn packages(&self, mounts: Vec<MountMessage>) -> Result<Vec<(String, String, PackageFiles)>, String> {
        mounts
            .into_iter()
            .map(|mount| {
                let image = self.images.get(mount.image).ok_or("an image did not come")?;
                Ok((mount.path, mount.package_id, PackageFiles::Mapped(Arc::clone(image))))
            })
            .collect()
    }
}

/// A bundle and, when it is a layer, what its namespaces export.
type Built = (Bundle, Vec<Option<BTreeSet<String>>>);

fn without_exports(bundle: Bundle) -> Built {
    (bundle, Vec::new())
}

/// How often a worker is warmed up: after the second time it is as fast as it gets.
const WARM_ROUNDS: usize = 3;

/// A program with something of everything, some 300 lines long.
fn warm_source() -> String {
    let mut source = String::from("import { warm } from 'warm';\nimport type { Cold } from 'warm';\n");
    for number in 0..30 {
        source.push_str(&WARM.replace("NUMBER", &number.to_string()));
    }
    source.push_str("export default async (input: Shape0 & Cold) => ({ ...input, made: await made0(input) });\n");
    source
}

const WARM: &str = "interface ShapeNUMBER { name: string; sizes?: number[] }
enum KindNUMBER { Small = 'small', Large = 'large' }
class ThingNUMBER<T extends ShapeNUMBER> {
  #inner: T;
  constructor(inner: T) { this.#inner = inner; }
  get kind(): KindNUMBER { return this.#inner.sizes?.length ? KindNUMBER.Large : KindNUMBER.Small; }
}
async function madeNUMBER(shape: ShapeNUMBER): Promise<string> {
  const [first = 0, ...rest] = (shape.sizes ?? []).filter((size) => size > NUMBER).map((size) => size * 2);
  for (const size of rest) if (size > first) return warm(`${shape.name}: ${size}`) as string;
  try { return new ThingNUMBER(shape).kind; } catch (error) { return String(error); }
}
";

/// The layer's own module.
const LAYER_FILE: &str = "layer.js";
