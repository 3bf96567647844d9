//! The owner's side of a worker: starts it, answers what it lacks, hands it the packages, and ends it when it takes too
//! long, when it breaks the protocol, or when nobody waits for it any more.

use std::{
    collections::BTreeMap,
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
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
};

use crate::{
    bundle::{Bundle, Transformed},
    error::{Error, Stage},
    file_system::is_plain,
    limits::Limits,
    options::BundleOptions,
    scan::Scan,
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
        let mut worker = Self { child, end: OwnerEnd::new(ours).map_err(problem)?, limits: limits.clone() };
        let sent = worker.end.send(&Request::Setup(limits.clone()), &[]).await.map_err(Trouble::from);
        worker.settle(Stage::Start, Some(sent)).await?;
        Ok(worker)
    }

    /// Finds the program that starts at a local file, and says which packages it imports. The options are those of the
    /// bundle: they decide what imports mean.
    pub async fn scan(
        &mut self,
        entry: &str,
        options: &BundleOptions,
        files: &mut dyn FileSource,
    ) -> Result<Scan, Error> {
        let limit = self.limits.deadline;
        let result = within(limit, self.find(entry, options, files)).await;
        self.settle(Stage::Scan, result).await
    }

    /// Compiles one local file on its own: types and JSX go, imports stay but for the extensions of TypeScript's files.
    pub async fn transform(
        &mut self,
        path: &str,
        options: &BundleOptions,
        files: &mut dyn FileSource,
    ) -> Result<Transformed, Error> {
        let limit = self.limits.deadline;
        let result = within(limit, self.compile(path, options, files)).await;
        self.settle(Stage::Transform, result).await
    }

    /// Bundles the program that was found, with packages where the tree has them. `rewrites` leads from a specifier as
    /// the program writes it to one that is resolved from the root's node_modules.
    pub async fn bundle(
        &mut self,
        tree: &Tree,
        rewrites: &BTreeMap<String, String>,
        options: &BundleOptions,
    ) -> Result<Bundle, Error> {
        let limit = self.limits.deadline;
        let result = within(limit, self.build(tree, rewrites, options)).await;
        self.settle(Stage::Bundle, result).await
    }

    async fn find(
        &mut self,
        entry: &str,
        options: &BundleOptions,
        files: &mut dyn FileSource,
    ) -> Result<Scan, Trouble> {
        let request = Request::Scan { entry: entry.to_owned(), options: options.clone() };
        match self.ask(&request, 0, files).await? {
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
        match self.ask(&request, 2 * self.limits.output_bytes, files).await? {
            (Reply::Transformed { code_bytes, warnings }, bytes) => {
                let (code, source_map) = code_and_map(bytes, code_bytes)?;
                Ok(Transformed { code, source_map, warnings })
            }
            (other, _) => Err(self.other(other)),
        }
    }

    /// Asks, and hands over the local files that are lacking until there is an answer.
    async fn ask(
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
                answer => return Ok(answer),
            };
            used.rounds += 1;
            self.check("rounds of local files", used.rounds, u64::from(self.limits.file_rounds), "file_rounds")?;
            let (answers, bytes) = self.read(paths, files, &mut used)?;
            self.end.send(&Request::Files(answers), &bytes).await?;
        }
    }

    fn read(
        &self,
        paths: Vec<String>,
        files: &mut dyn FileSource,
        used: &mut Used,
    ) -> Result<(Vec<FileAnswer>, Vec<u8>), Trouble> {
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
        self.check("packages", tree.mounts.len() as u64, u64::from(self.limits.packages), "packages")?;
        let (mounts, images) = number_images(tree);
        for batch in images.chunks(DESCRIPTORS) {
            self.end.send_descriptors(&Request::Images { count: batch.len() }, batch).await?;
            match self.end.receive(0).await?.0 {
                Reply::Mapped => {}
                other => return Err(unexpected(other)),
            }
        }
        let request = Request::Bundle { mounts, rewrites: rewrites.clone(), options: options.clone() };
        self.end.send(&request, &[]).await?;
        let (reply, bytes) = self.end.receive(2 * self.limits.output_bytes).await?;
        match reply {
            Reply::Bundled { code_bytes, builtins, warnings, modules, licenses } => {
                let (code, source_map) = code_and_map(bytes, code_bytes)?;
                Ok(Bundle { code, source_map, builtins, warnings, modules, licenses })
            }
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

    /// Turns the end of a conversation into what the caller is told. After an error the worker is of no more use.
    async fn settle<T>(&mut self, stage: Stage, result: Option<Result<T, Trouble>>) -> Result<T, Error> {
        let error = match result {
            Some(Ok(value)) => return Ok(value),
            Some(Err(Trouble::Known(error))) => error,
            None => Error::Deadline { stage, limit: self.limits.deadline },
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
        Error::WorkerDied { stage, status, stderr }
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
fn number_images(tree: &Tree) -> (Vec<MountMessage>, Vec<BorrowedFd<'_>>) {
    let mut numbers = BTreeMap::new();
    let mut images = Vec::new();
    let mut mounts = Vec::with_capacity(tree.mounts.len());
    for mount in &tree.mounts {
        let image = *numbers.entry(std::sync::Arc::as_ptr(&mount.image).addr()).or_insert_with(|| {
            images.push(mount.image.fd());
            images.len() - 1
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
        | Reply::Mapped
        | Reply::Bundled { .. }
        | Reply::Transformed { .. }
        | Reply::OutputTooLarge { .. } => "it answered something else than it was asked".to_owned(),
    };
    Error::Protocol { detail }.into()
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;
