//! A place for one test: a folder with a project, a home and a cache of its own, and the built binary run in it, bounded
//! in time.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getuid, kill_process_group};
use serde_json::Value;

/// How long any command may take unless a test says less. Generous: a debug build on two busy cores.
const PATIENCE: Duration = Duration::from_secs(120);

/// What stands in the environment of every command and must never be seen by guest code.
pub(crate) const CANARY: &str = "canary-4f1d-of-the-host";

/// A folder that is gone when the test has passed, and kept when it failed.
pub(crate) struct Place {
    folder: PathBuf,
    registry: Option<String>,
}

/// A finished command.
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) elapsed: Duration,
    /// It did not end by itself in the time that it had.
    pub(crate) killed: bool,
}

impl Place {
    /// A new place whose commands know no registry.
    pub(crate) fn new(name: &str) -> Place {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "{}-{number}-{}",
            std::process::id(),
            name.replace('/', "-")
        ));
        for inner in ["project", "home", "tmp"] {
            fs::create_dir_all(folder.join(inner)).unwrap();
        }
        Place { folder, registry: None }
    }

    /// A new place whose commands use the registry at `url`.
    pub(crate) fn with_registry(name: &str, url: &str) -> Place {
        Place { registry: Some(url.to_owned()), ..Place::new(name) }
    }

    /// A path below the place's folder.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Where its processes have their sockets.
    pub(crate) fn socket_folder(&self) -> PathBuf {
        self.path("tmp").join(format!("hoist-{}", getuid().as_raw()))
    }

    /// Writes a file of the project, and the folders that it needs.
    pub(crate) fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.folder.join("project").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// A command of the built binary in the project's folder, with nothing of the tests' own environment but `PATH`.
    pub(crate) fn hoist<S: AsRef<str>>(&self, arguments: &[S]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_hoist"));
        command.args(arguments.iter().map(AsRef::as_ref));
        command
    }

    /// Any other program in the same circumstances.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.folder.join("project"));
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.join("home"));
        command.env("TMPDIR", self.folder.join("tmp"));
        command.env("HOIST_CACHE", self.folder.join("cache"));
        command.env("HOIST_TEST_CANARY", CANARY).env("AWS_SECRET_ACCESS_KEY", CANARY);
        if let Some(registry) = &self.registry {
            command.env("npm_config_registry", registry);
        }
        command
    }

    /// Removes the folder: the test has passed.
    pub(crate) fn passed(self) {
        fs::remove_dir_all(&self.folder).unwrap();
    }
}

/// Runs a command to its end, or for so long as any command may take.
pub(crate) fn finish(command: Command) -> Finished {
    finish_within(command, PATIENCE)
}

/// Runs a command to its end, or kills its process group after `limit`.
pub(crate) fn finish_within(mut command: Command, limit: Duration) -> Finished {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let started = Instant::now();
    let child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let group = Pid::from_child(&child);
    let (sender, ended) = mpsc::channel();
    let waiter = thread::spawn(move || {
        let finished = collect(child);
        // Nobody listens any more after a kill.
        let _ = sender.send(());
        finished
    });
    let killed = ended.recv_timeout(limit).is_err();
    if killed {
        // The group is the command's own, and may have ended in this moment.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let elapsed = started.elapsed();
    let (status, stdout, stderr) = waiter.join().unwrap();
    Finished { status, stdout, stderr, elapsed, killed }
}

fn collect(mut child: Child) -> (ExitStatus, String, String) {
    let stderr = child.stderr.take().unwrap();
    let other = thread::spawn(move || read_all(stderr));
    let stdout = read_all(child.stdout.take().unwrap());
    let stderr = other.join().unwrap();
    (child.wait().unwrap(), stdout, stderr)
}

fn read_all(mut pipe: impl Read) -> String {
    let mut bytes = Vec::new();
    pipe.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Finished {
    /// The exit code; a death by a signal is 128 and more, as a shell has it.
    pub(crate) fn code(&self) -> i32 {
        self.status.code().unwrap_or_else(|| 128 + self.status.signal().unwrap_or_default())
    }

    /// What was printed, as JSON.
    pub(crate) fn json(&self) -> Result<Value, String> {
        serde_json::from_str(&self.stdout).map_err(|error| format!("stdout is not JSON ({error})"))
    }

    /// Everything a reader of a failure wants to see.
    pub(crate) fn describe(&self) -> String {
        let killed = if self.killed { ", killed by the test" } else { "" };
        format!(
            "exit code {}{killed}, {:.1} s\n--- stdout\n{}\n--- stderr\n{}",
            self.code(),
            self.elapsed.as_secs_f64(),
            clip(&self.stdout),
            clip(&self.stderr)
        )
    }
}

fn clip(text: &str) -> String {
    let mut clipped: String = text.chars().take(4000).collect();
    if clipped.len() < text.len() {
        clipped.push_str("\n... cut here");
    }
    clipped
}

/// Copies a folder's files into the place's project.
pub(crate) fn copy_project(place: &Place, folder: &Path, leave_out: &str) {
    for (path, file) in crate::universe::files_below(folder) {
        if path != leave_out {
            place.write(&path, fs::read(file).unwrap());
        }
    }
}

/// Replaces `{{name}}` by its value.
pub(crate) fn fill_in(text: &str, values: &BTreeMap<&str, String>) -> String {
    values.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}
