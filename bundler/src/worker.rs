//! The owner's side of a worker: starts it, answers what it lacks, hands it the packages, and ends it when it takes too
//! long, when it breaks the protocol, or when nobody waits for it any more.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    future::Future,
    io,
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::{net::UnixStream, process::ExitStatusExt},
    },
    path::PathBuf,
    process::Stdio,
    time::Duration,
};

use registry_cache::Tree;
use sha2::{Digest, Sha256};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
};

use crate::{
    bundle::{Bundle, Transformed, hex},
    error::{Error, Stage},
    file_system::is_plain,
    inspect::Inspection,
    layer::{Layer, LayerImport, LayerInterface},
    limits::Limits,
    options::BundleOptions,
    scan::Scan,
    whereabouts::{self, Whereabouts},
    wire::{DESCRIPTORS, FileAnswer, MountMessage, OwnerEnd, Reply, Request},
};

/// How long a worker that hung up may take to die, and its standard error to be read.
const FAREWELL: Duration = Duration::from_secs(2);

/// The stack of each thread that the engine starts: it walks syntax trees, which may be deep, by recursion.
const STACK_BYTES: usize = 32 << 20;

/// What runs [`worker_main`](crate::worker_main).
#[derive(Debug, Clone)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// The program's own files. A folder, and whatever must not be read, is absent.
pub trait FileSource: Send {
    /// The bytes of a file by its path below the project's root: `/` between names, never `..`; `None` when there is
    /// none.
    fn read(&mut self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

/// One bundling process, for one program. Dropping it kills the process.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    end: OwnerEnd,
    limits: Limits,
    whereabouts: Whereabouts,
    /// How many packages it has been sent.
    images: usize,
    /// A hash of the entry and of every answer about a local file.
    program: Sha256,
}

/// What became of linking a program to a layer.
#[derive(Debug)]
pub enum Linked {
    /// A module that imports the layer as [`LAYER_SPECIFIER`](crate::LAYER_SPECIFIER).
    Module(Bundle),
    /// The program has to be bundled as a whole.
    Whole {
        /// Why, for people.
        reason: String,
    },
}

enum Answer {
    Bundled(Bundle, Vec<Option<BTreeSet<String>>>),
    Unlinkable(String),
}

/// Why a conversation with the worker ended.
enum Trouble {
    /// Something that the caller is told as it is.
    Known(Error),
    /// The connection: the worker died, or it sends nonsense.
    Connection(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Connection(error)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Known(error)
    }
}

impl Worker {
    /// Starts a worker, with nothing of the caller's but the socket; its environment is what sizes the engine's pool of
    /// threads, which cannot be told otherwise.
    pub async fn spawn(command: &WorkerCommand, limits: &Limits) -> Result<Self, Error> {
        let problem = |source| Error::Spawn { program: command.program.clone(), source };
        let (ours, theirs) = UnixStream::pair().map_err(problem)?;
        let child = Command::new(&command.program)
            .args(&command.arguments)
            .env_clear()
            .env("RAYON_NUM_THREADS", limits.threads.to_string())
            .env("RUST_MIN_STACK", STACK_BYTES.to_string())
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(problem)?;
        let whereabouts = Whereabouts::new().map_err(problem)?;
        let end = OwnerEnd::new(ours).map_err(problem)?;
        let mut worker = Self { child, end, limits: limits.clone(), whereabouts, images: 0, program: Sha256::new() };
        let memory = [worker.whereabouts.fd()];
        let sent = worker.end.send_descriptors(&Request::Setup(limits.clone()), &memory).await.map_err(Trouble::from);
        worker.settle(Stage::Start, Some(sent)).await?;
        Ok(worker)
    }

    /// Lets the worker do once, with a program of its own, what every request does first: it is faster then.
    pub async fn warm(&mut self) -> Result<(), Error> {
        let warm = async |worker: &mut Self| {
            worker.end.send(&Request::Warm, &[]).await?;
            match worker.end.receive(0).await?.0 {
                Reply::Warm => Ok(()),
                other => Err(unexpected(other)),
            }
        };
        self.bounded(Stage::Start, warm).await
    }

    /// Whether its process is there.
    pub fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Finds the program that starts at a local file, and says which packages it imports. The options are those of the
    /// bundle: they decide what imports mean.
    pub async fn scan(
        &mut self,
        entry: &str,
        options: &BundleOptions,
        files: &mut dyn FileSource,
    ) -> Result<Scan, Error> {
        self.bounded(Stage::Scan, async |worker| worker.find(entry, options, files).await).await
    }

    /// A hash of the program that was found, in hexadecimal: of its entry, and of all local files that it asked for.
    pub fn program_hash(&self) -> String {
        hex(&self.program.clone().finalize())
    }

    /// Compiles one local file on its own: types and JSX go, imports stay but for the extensions of TypeScript's files.
    pub async fn transform(
        &mut self,
        path: &str,
        options: &BundleOptions,
        files: &mut dyn FileSource,
    ) -> Result<Transformed, Error> {
        self.bounded(Stage::Transform, async |worker| worker.compile(path, options, files).await).await
    }

    /// Bundles the program that was found, with packages where the tree has them. `rewrites` leads from a specifier as
    /// the program writes it to one that is resolved from the root's node_modules.
    pub async fn bundle(
        &mut self,
        tree: &Tree,
        rewrites: &BTreeMap<String, String>,
        options: &BundleOptions,
    ) -> Result<Bundle, Error> {
        self.bounded(Stage::Bundle, async |worker| worker.build(tree, rewrites, options).await).await
    }

    /// Bundles the packages of a tree as a layer with these imports.
    pub async fn layer(
        &mut self,
        tree: &Tree,
        imports: &[LayerImport],
        options: &BundleOptions,
    ) -> Result<Layer, Error> {
        let build = async |worker: &mut Self| {
            let mounts = worker.mount(tree).await?;
            let request = Request::Layer { mounts, imports: imports.to_vec(), options: options.clone() };
            match worker.ask(&request).await? {
                Answer::Bundled(bundle, exports) => Ok(Layer { bundle, exports }),
                Answer::Unlinkable(reason) => Err(unexpected(Reply::Unlinkable(reason))),
            }
        };
        self.bounded(Stage::Bundle, build).await
    }

    /// Links the program that was found to a layer. Its packages are not needed for that.
    pub async fn link(&mut self, interface: &LayerInterface, options: &BundleOptions) -> Result<Linked, Error> {
        let link = async |worker: &mut Self| {
            let request = Request::Link { interface: interface.clone(), options: options.clone() };
            Ok(match worker.ask(&request).await? {
                Answer::Bundled(bundle, _) => Linked::Module(bundle),
                Answer::Unlinkable(reason) => Linked::Whole { reason },
            })
        };
        self.bounded(Stage::Bundle, link).await
    }

    /// Says what the package that the root of a tree imports by a name is made of, and those below it. Needs no program.
    pub async fn inspect(&mut self, tree: &Tree, name: &str) -> Result<Inspection, Error> {
        let inspect = async |worker: &mut Self| {
            let mounts = worker.mount(tree).await?;
            worker.end.send(&Request::Inspect { mounts, name: name.to_owned() }, &[]).await?;
            match worker.end.receive(0).await?.0 {
                Reply::Inspected(inspection) => Ok(inspection),
                other => Err(unexpected(other)),
            }
        };
        self.bounded(Stage::Inspect, inspect).await
    }

    async fn find(
        &mut self,
        entry: &str,
        options: &BundleOptions,
        files: &mut dyn FileSource,
    ) -> Result<Scan, Trouble> {
        self.program.update(entry);
        let request = Request::Scan { entry: entry.to_owned(), options: options.clone() };
        match self.ask_with_files(&request, 0, files).await? {
            (Reply::Scanned(scan), _) => Ok(scan),
            (other, _) => Err(unexpected(other)),
        }
    }

    async fn compile(
        &mut self,
        path: &str,
        options: &BundleOptions,
        files: &mut dyn FileSource,
    ) -> Result<Transformed, Trouble> {
        let request = Request::Transform { path: path.to_owned(), options: options.clone() };
        match self.ask_with_files(&request, 2 * self.limits.output_bytes, files).await? {
            (Reply::Transformed { code_bytes, warnings }, bytes) => {
                let (code, source_map) = code_and_map(bytes, code_bytes)?;
                Ok(Transformed { code, source_map, warnings })
            }
            (other, _) => Err(self.other(other)),
        }
    }

    /// Asks, and hands over the local files that are lacking until there is an answer.
    async fn ask_with_files(
        &mut self,
        request: &Request,
        most_bytes: u64,
        files: &mut dyn FileSource,
    ) -> Result<(Reply, Vec<u8>), Trouble> {
        let mut used = Used::default();
        self.end.send(request, &[]).await?;
        loop {
            let paths = match self.end.receive(most_bytes).await? {
                (Reply::Lacking(paths), _) => paths,
                (Reply::LackingTooMany { measured }, _) => {
                    self.check("local files", used.files + measured, u64::from(self.limits.files), "files")?;
                    return Err(unexpected(Reply::LackingTooMany { measured }));
                }
                (Reply::TooManyImports { measured }, _) => {
                    self.check("bare imports", measured, u64::from(self.limits.imports), "imports")?;
                    return Err(unexpected(Reply::TooManyImports { measured }));
                }
                answer => return Ok(answer),
            };
            used.rounds += 1;
            self.check("rounds of local files", used.rounds, u64::from(self.limits.file_rounds), "file_rounds")?;
            let (answers, bytes) = self.read(paths, files, &mut used)?;
            self.end.send(&Request::Files(answers), &bytes).await?;
        }
    }

    fn read(
        &mut self,
        paths: Vec<String>,
        files: &mut dyn FileSource,
        used: &mut Used,
    ) -> Result<(Vec<FileAnswer>, Vec<u8>), Trouble> {
        let paths = if used.files == 0 { with_manifests(paths) } else { paths };
        used.files += paths.len() as u64;
        self.check("local files", used.files, u64::from(self.limits.files), "files")?;
        let mut answers = Vec::with_capacity(paths.len());
        let mut bytes = Vec::new();
        for path in paths {
            // The worker may be in a hostile source's hands.
            if !is_plain(&path) {
                let detail = format!("it asked for the file {path:?}");
                return Err(Error::Protocol { detail }.into());
            }
            let content = files.read(&path).map_err(|source| Error::LocalFile { path: path.clone(), source })?;
            if let Some(content) = &content {
                let length = content.len() as u64;
                self.check(&format!("bytes of {path}"), length, self.limits.file_bytes, "file_bytes")?;
                used.bytes += length;
                self.check("bytes of local files", used.bytes, self.limits.local_bytes, "local_bytes")?;
                bytes.extend_from_slice(content);
            }
            self.program.update(path.len().to_le_bytes());
            self.program.update(&path);
            match &content {
                Some(content) => self.program.update(Sha256::digest(content)),
                None => self.program.update([0]),
            }
            answers.push((path, content.map(|content| content.len() as u64)));
        }
        Ok((answers, bytes))
    }

    async fn build(
        &mut self,
        tree: &Tree,
        rewrites: &BTreeMap<String, String>,
        options: &BundleOptions,
    ) -> Result<Bundle, Trouble> {
        let mounts = self.mount(tree).await?;
        let request = Request::Bundle { mounts, rewrites: rewrites.clone(), options: options.clone() };
        match self.ask(&request).await? {
            Answer::Bundled(bundle, _) => Ok(bundle),
            Answer::Unlinkable(reason) => Err(unexpected(Reply::Unlinkable(reason))),
        }
    }

    /// Sends a tree's packages.
    async fn mount(&mut self, tree: &Tree) -> Result<Vec<MountMessage>, Trouble> {
        self.check("packages", tree.mounts.len() as u64, u64::from(self.limits.packages), "packages")?;
        let (mounts, images) = number_images(tree, self.images);
        self.images += images.len();
        for batch in images.chunks(DESCRIPTORS) {
            self.end.send_descriptors(&Request::Images { count: batch.len() }, batch).await?;
            match self.end.receive(0).await?.0 {
                Reply::Mapped => {}
                other => return Err(unexpected(other)),
            }
        }
        Ok(mounts)
    }

    /// Asks for a module.
    async fn ask(&mut self, request: &Request) -> Result<Answer, Trouble> {
        self.end.send(request, &[]).await?;
        let (reply, bytes) = self.end.receive(2 * self.limits.output_bytes).await?;
        match reply {
            Reply::Bundled { bundle, code_bytes, exports } => {
                let (code, source_map) = code_and_map(bytes, code_bytes)?;
                Ok(Answer::Bundled(Bundle { code, source_map, ..bundle }, exports))
            }
            Reply::Unlinkable(reason) => Ok(Answer::Unlinkable(reason)),
            other => Err(self.other(other)),
        }
    }

    /// What an answer without code means.
    fn other(&self, reply: Reply) -> Trouble {
        match reply {
            Reply::OutputTooLarge { measured } => {
                match self.check("bytes of the bundle", measured, self.limits.output_bytes, "output_bytes") {
                    Err(trouble) => trouble,
                    Ok(()) => unexpected(Reply::OutputTooLarge { measured }),
                }
            }
            other => unexpected(other),
        }
    }

    fn check(&self, what: &str, measured: u64, limit: u64, knob: &'static str) -> Result<(), Trouble> {
        if measured <= limit {
            return Ok(());
        }
        Err(Error::TooLarge { what: what.to_owned(), measured, limit, knob }.into())
    }

    /// Holds one conversation, until the deadline.
    async fn bounded<T>(
        &mut self,
        stage: Stage,
        conversation: impl AsyncFnOnce(&mut Self) -> Result<T, Trouble>,
    ) -> Result<T, Error> {
        let limit = self.limits.deadline;
        let result = within(limit, conversation(self)).await;
        self.settle(stage, result).await
    }

    /// Turns the end of a conversation into what the caller is told. After any other error than a
    /// wrong program the worker is of no more use.
    async fn settle<T>(&mut self, stage: Stage, result: Option<Result<T, Trouble>>) -> Result<T, Error> {
        let error = match result {
            Some(Ok(value)) => return Ok(value),
            // A wrong program is an answer like any other; it may be asked about in another way.
            Some(Err(Trouble::Known(error @ Error::Bundle(_)))) => return Err(error),
            Some(Err(Trouble::Known(error))) => error,
            None => Error::Deadline { stage, limit: self.limits.deadline, sources: self.whereabouts.busy() },
            Some(Err(Trouble::Connection(error))) if error.kind() == io::ErrorKind::InvalidData => {
                Error::Protocol { detail: error.to_string() }
            }
            Some(Err(Trouble::Connection(_))) => return Err(self.autopsy(stage).await),
        };
        // It may have ended by itself.
        self.child.start_kill().ok();
        Err(error)
    }

    async fn autopsy(&mut self, stage: Stage) -> Error {
        let status = match tokio::time::timeout(FAREWELL, self.child.wait()).await {
            Ok(Ok(status)) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "unknown".to_owned(),
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => "still running".to_owned(),
        };
        self.child.start_kill().ok();
        let stderr = self.last_words().await;
        if stderr.contains("memory allocation of") {
            let limit = self.limits.memory_bytes;
            let what = "bytes of the bundler's memory".to_owned();
            return Error::TooLarge { what, measured: limit, limit, knob: "memory_bytes" };
        }
        if stderr.contains("has overflowed its stack") {
            let thread = whereabouts::overflowed_thread(&stderr);
            return Error::TooDeep { stage, source_name: thread.and_then(|thread| self.whereabouts.of_thread(thread)) };
        }
        Error::WorkerDied { stage, status, stderr, sources: self.whereabouts.busy() }
    }

    async fn last_words(&mut self) -> String {
        let Some(stderr) = self.child.stderr.take() else { return String::new() };
        let mut bytes = Vec::new();
        let mut bounded = stderr.take(self.limits.stderr_bytes as u64);
        // What was read before the time was up is as good as all of it.
        let _ = tokio::time::timeout(FAREWELL, bounded.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The first files that are asked for, and the package.json files that will be.
fn with_manifests(mut paths: Vec<String>) -> Vec<String> {
    let mut folders: Vec<&str> = Vec::new();
    for path in &paths {
        let mut folder = path.as_str();
        while let Some(end) = folder.rfind('/') {
            folder = &folder[..end];
            folders.push(folder);
        }
    }
    let mut manifests: Vec<String> = folders.into_iter().map(|folder| format!("{folder}/package.json")).collect();
    manifests.push("package.json".to_owned());
    manifests.retain(|manifest| !paths.contains(manifest));
    manifests.sort();
    manifests.dedup();
    paths.append(&mut manifests);
    paths
}

#[derive(Default)]
struct Used {
    rounds: u64,
    files: u64,
    bytes: u64,
}

async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, work).await.ok()
}

/// Each image once, however often it is mounted.
fn number_images(tree: &Tree, first: usize) -> (Vec<MountMessage>, Vec<BorrowedFd<'_>>) {
    let mut numbers = BTreeMap::new();
    let mut images = Vec::new();
    let mut mounts = Vec::with_capacity(tree.mounts.len());
    for mount in &tree.mounts {
        let image = *numbers.entry(std::sync::Arc::as_ptr(&mount.image).addr()).or_insert_with(|| {
            images.push(mount.image.fd());
            first + images.len() - 1
        });
        mounts.push(MountMessage { path: mount.path.clone(), package_id: mount.package_id.clone(), image });
    }
    (mounts, images)
}

fn code_and_map(bytes: Vec<u8>, code_bytes: usize) -> Result<(String, String), Error> {
    let not_text = || Error::Protocol { detail: "the code is not text".to_owned() };
    let mut code = String::from_utf8(bytes).map_err(|_| not_text())?;
    if !code.is_char_boundary(code_bytes) {
        return Err(not_text());
    }
    let source_map = code.split_off(code_bytes);
    Ok((code, source_map))
}

fn unexpected(reply: Reply) -> Trouble {
    let detail = match reply {
        Reply::Wrong(diagnostics) if !diagnostics.is_empty() => return Error::Bundle(diagnostics).into(),
        Reply::Wrong(_) => "it found nothing wrong with a wrong program".to_owned(),
        Reply::Confused(detail) => detail,
        Reply::Lacking(_)
        | Reply::Scanned(_)
        | Reply::LackingTooMany { .. }
        | Reply::TooManyImports { .. }
        | Reply::Inspected(_)
        | Reply::Mapped
        | Reply::Warm
        | Reply::Bundled { .. }
        | Reply::Unlinkable(_)
        | Reply::Transformed { .. }
        | Reply::OutputTooLarge { .. } => "it answered something else than it was asked".to_owned(),
    };
    Error::Protocol { detail }.into()
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
