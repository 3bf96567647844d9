//! From the environment and flags to settings. Nobody else in hoist reads an environment variable.
//!
//! What a run without packages does not need (the cache's folder, `.npmrc` files) is found out only when the cache is
//! opened, so that such a run works on a machine where it cannot be found out.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use registry_cache::{CacheOptions, Connection, NetworkOptions, OwnerOptions, Policy, Registries};
use rustix::process::getuid;

use crate::cli::{CacheArguments, LimitArguments, ServeArguments};
use crate::error::Error;
use crate::policy_file;

/// An `.npmrc` is a few lines; this many bytes are not one.
const NPMRC_BYTES: u64 = 1 << 20;

/// The environment variables of a process, those that npm reads in any case (`npm_config_*`) by their lower-case name.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<String, OsString>);

impl fmt::Debug for Environment {
    /// Values may be tokens, so only the names are shown.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    /// This process's variables.
    pub(crate) fn of_process() -> Self {
        Self::new(std::env::vars_os())
    }

    /// These variables. One whose name is no text is nothing that hoist reads.
    pub(crate) fn new(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let mut named = BTreeMap::new();
        for (name, value) in variables {
            let Ok(name) = name.into_string() else { continue };
            let lower = name.to_ascii_lowercase();
            if lower.starts_with("npm_config_") && lower != name {
                named.entry(lower).or_insert_with(|| value.clone());
            }
            named.insert(name, value);
        }
        Self(named)
    }

    /// The first of these variables that is text and not empty.
    fn text(&self, names: &[&str]) -> Option<String> {
        let texts = names.iter().filter_map(|name| self.0.get(*name)?.to_str());
        texts.into_iter().find(|text| !text.is_empty()).map(str::to_owned)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    fn texts(&self) -> BTreeMap<String, String> {
        self.0.iter().filter_map(|(name, value)| Some((name.clone(), value.to_str()?.to_owned()))).collect()
    }
}

/// Where packages come from and are kept: what it takes to open the cache.
#[derive(Clone, Debug)]
pub(crate) struct CacheConfig {
    environment: Environment,
    flags: CacheArguments,
    project: PathBuf,
}

impl CacheConfig {
    /// With the flags and the folder whose `.npmrc` is the project's.
    pub(crate) fn new(environment: Environment, flags: CacheArguments, project: PathBuf) -> Self {
        Self { environment, flags, project }
    }

    /// Reads the `.npmrc` files and decides everything. The user's file gives way to the project's, key by key.
    pub(crate) fn options(&self) -> Result<CacheOptions, Error> {
        let mut npmrc_texts = Vec::new();
        for path in std::iter::once(self.project.join(".npmrc")).chain(user_npmrc(&self.environment)) {
            if npmrc_texts.iter().all(|(origin, _)| *origin != path.display().to_string())
                && let Some(text) = read_npmrc(&path)?
            {
                npmrc_texts.push((path.display().to_string(), text));
            }
        }
        let variables = self.environment.texts();
        Ok(CacheOptions {
            folder: cache_folder(self.flags.folder.as_deref(), &self.environment)?,
            registries: Registries::parse(&npmrc_texts, &variables)?,
            network: network(&self.environment).with_npmrc(&npmrc_texts, &variables)?,
            limits: registry_cache::Limits::default(),
            policy: self.policy()?,
            owner: OwnerOptions { folder: Some(socket_folder(&self.environment)), ..OwnerOptions::default() },
            connection: if self.flags.offline { Connection::Offline } else { Connection::Online },
            now: SystemTime::now,
        })
    }

    fn policy(&self) -> Result<Policy, Error> {
        let CacheArguments { policy, min_release_age, .. } = &self.flags;
        let named = policy.clone().or_else(|| self.environment.path("HOIST_POLICY"));
        policy_file::read(named.as_deref(), config_folder(&self.environment), *min_release_age)
    }
}

/// `$XDG_CONFIG_HOME/hoist`, `~/.config/hoist`, in this order.
pub(crate) fn config_folder(environment: &Environment) -> Option<PathBuf> {
    let base = environment.path("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| environment.path("HOME").map(|home| home.join(".config")));
    base.map(|base| base.join("hoist"))
}

/// `--cache`, HOIST_CACHE, `$XDG_CACHE_HOME/hoist`, `~/.cache/hoist`, in this order.
fn cache_folder(flag: Option<&Path>, environment: &Environment) -> Result<PathBuf, Error> {
    if let Some(folder) = flag {
        return Ok(folder.to_owned());
    }
    if let Some(folder) = environment.path("HOIST_CACHE") {
        return Ok(folder);
    }
    // XDG Base Directory Specification: a relative path is invalid and ignored.
    let base = environment.path("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let base = base.or_else(|| environment.path("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("hoist")).ok_or(Error::NoCacheFolder)
}

/// `$XDG_RUNTIME_DIR/hoist`, else a folder named by the user in the temporary folder.
fn socket_folder(environment: &Environment) -> PathBuf {
    // XDG Base Directory Specification. Some sessions name a folder that nobody has made.
    let runtime = environment.path("XDG_RUNTIME_DIR").filter(|path| path.is_absolute() && path.is_dir());
    match runtime {
        Some(folder) => folder.join("hoist"),
        None => {
            let temporary = environment.path("TMPDIR").filter(|path| path.is_absolute());
            temporary.unwrap_or_else(|| PathBuf::from("/tmp")).join(format!("hoist-{}", getuid().as_raw()))
        }
    }
}

fn user_npmrc(environment: &Environment) -> Option<PathBuf> {
    environment.path("npm_config_userconfig").or_else(|| environment.path("HOME").map(|home| home.join(".npmrc")))
}

fn read_npmrc(path: &Path) -> Result<Option<String>, Error> {
    let unreadable = |problem: String| Error::Configuration { path: path.to_owned(), problem };
    match std::fs::metadata(path) {
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(error.to_string())),
        // npm is pointed at /dev/null by some, to say that there is none.
        Ok(metadata) if !metadata.is_file() => return Ok(None),
        Ok(metadata) if metadata.len() > NPMRC_BYTES => {
            return Err(unreadable(format!("it has {} bytes, more than the limit of {NPMRC_BYTES}", metadata.len())));
        }
        Ok(_) => {}
    }
    std::fs::read_to_string(path).map(Some).map_err(|error| unreadable(error.to_string()))
}

/// Proxies and certificates as curl and Node read them; the lower-case names go first. npm's own settings go before these.
fn network(environment: &Environment) -> NetworkOptions {
    let all = environment.text(&["all_proxy", "ALL_PROXY"]);
    let authorities = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"];
    NetworkOptions {
        http_proxy: environment.text(&["http_proxy", "HTTP_PROXY"]).or_else(|| all.clone()),
        https_proxy: environment.text(&["https_proxy", "HTTPS_PROXY"]).or(all),
        no_proxy: environment.text(&["no_proxy", "NO_PROXY"]),
        extra_authorities: authorities.iter().filter_map(|name| environment.path(name)).collect(),
        ..NetworkOptions::default()
    }
}

/// A run's limits: the flags, and the executor's defaults for the rest.
pub(crate) fn run_limits(flags: &LimitArguments) -> executor::Limits {
    // A size is at most a tebibyte (see `units`), which every 64-bit address space has.
    let size =
        |flag: Option<u64>, default: usize| flag.map_or(default, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
    let count = |flag: Option<u32>, default: usize| flag.map_or(default, |count| count as usize);
    let default = executor::Limits::default();
    executor::Limits {
        wall: flags.wall.unwrap_or(default.wall),
        cpu: flags.cpu.unwrap_or(default.cpu),
        heap_bytes: size(flags.heap, default.heap_bytes),
        buffer_bytes: size(flags.buffers, default.buffer_bytes),
        process_bytes: size(flags.memory, default.process_bytes),
        output_bytes: size(flags.output, default.output_bytes),
        log_bytes: size(flags.logs, default.log_bytes),
        log_lines: count(flags.log_lines, default.log_lines),
        log_line_bytes: size(flags.log_line, default.log_line_bytes),
        operations: count(flags.operations, default.operations),
        timers: count(flags.timers, default.timers),
        input_bytes: size(flags.input_size, default.input_bytes),
        ..default
    }
}

/// What the service allows its clients together.
#[derive(Clone, Debug)]
pub(crate) struct ServiceLimits {
    /// Requests that are worked on at once. Twice the cores: a request waits for its processes about half of its time.
    pub(crate) runs: usize,
    /// Requests that wait for their turn. 64: at 10 ms each that is a third of a second on two cores.
    pub(crate) queue: usize,
    /// How long a request may wait for its turn. 30 s: longer, and the client has given up.
    pub(crate) queue_wait: Duration,
    /// Bytes of a request's body. 4 MiB: the largest input of a tool call with room for its files.
    pub(crate) body_bytes: usize,
    /// How long a client may take to send its body. 10 s, since it holds a place in the queue meanwhile.
    pub(crate) body_wait: Duration,
    /// Connections that are open at once; more wait. 512: half of the descriptors that a process may have by default.
    pub(crate) connections: usize,
    /// How long a client may take over the head of a request, and be silent between two. 30 s, as hyper has it: a client that keeps connections makes a new one then.
    pub(crate) header_wait: Duration,
    /// How long running requests may take after a stop was asked for. 10 s: what supervisors give before they kill.
    pub(crate) drain: Duration,
}

impl ServiceLimits {
    /// The flags, and defaults for the rest.
    pub(crate) fn new(flags: &ServeArguments) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
        Self {
            runs: flags.runs.map_or(cores * 2, |runs| runs as usize),
            queue: flags.queue.map_or(64, |queue| queue as usize),
            queue_wait: Duration::from_secs(30),
            body_bytes: 4 << 20,
            body_wait: Duration::from_secs(10),
            connections: 512,
            header_wait: Duration::from_secs(30),
            drain: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::new(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
    }

    #[test]
    fn the_cache_folder_has_an_order() {
        let all = [("HOIST_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        let folder =
            |flag: Option<&str>, from: usize| cache_folder(flag.map(Path::new), &environment(&all[from..])).unwrap();
        assert_eq!(folder(Some("x"), 0), Path::new("x"));
        assert_eq!(folder(None, 0), Path::new("/a"));
        assert_eq!(folder(None, 1), Path::new("/b/hoist"));
        assert_eq!(folder(None, 2), Path::new("/c/.cache/hoist"));
        assert!(matches!(cache_folder(None, &environment(&[])), Err(Error::NoCacheFolder)));
    }

    #[test]
    fn empty_and_relative_folders_do_not_count() {
        let odd = environment(&[("HOIST_CACHE", ""), ("XDG_CACHE_HOME", "relative"), ("HOME", "/home")]);
        assert_eq!(cache_folder(None, &odd).unwrap(), Path::new("/home/.cache/hoist"));
    }

    #[test]
    fn the_folder_for_sockets_is_the_users() {
        let own = format!("hoist-{}", getuid().as_raw());
        let here = std::env::current_dir().unwrap();
        let found = |variables: &[(&str, &str)]| socket_folder(&environment(variables));
        assert_eq!(found(&[("XDG_RUNTIME_DIR", here.to_str().unwrap()), ("TMPDIR", "/b")]), here.join("hoist"));
        assert_eq!(found(&[("XDG_RUNTIME_DIR", "/nobody/made/this"), ("TMPDIR", "/b")]), Path::new("/b").join(&own));
        assert_eq!(found(&[("XDG_RUNTIME_DIR", "relative"), ("TMPDIR", "b")]), Path::new("/tmp").join(&own));
    }

    #[test]
    fn proxies_have_an_order() {
        let found = network(&environment(&[
            ("HTTPS_PROXY", "upper"),
            ("https_proxy", "lower"),
            ("ALL_PROXY", "all"),
            ("NO_PROXY", "x"),
        ]));
        assert_eq!(found.https_proxy.as_deref(), Some("lower"));
        assert_eq!(found.http_proxy.as_deref(), Some("all"));
        assert_eq!(found.no_proxy.as_deref(), Some("x"));
        let both = environment(&[("NPM_CONFIG_HTTPS_PROXY", "npm"), ("https_proxy", "lower")]);
        let of_npm = network(&both).with_npmrc(&[], &both.texts()).unwrap();
        assert_eq!(of_npm.https_proxy.as_deref(), Some("npm"));
        let files = network(&environment(&[("NODE_EXTRA_CA_CERTS", "/a.pem"), ("SSL_CERT_FILE", "/b.pem")]));
        assert_eq!(files.extra_authorities, [Path::new("/b.pem"), Path::new("/a.pem")]);
    }

    #[test]
    fn the_user_file_can_be_elsewhere() {
        assert_eq!(user_npmrc(&environment(&[("HOME", "/h")])), Some(PathBuf::from("/h/.npmrc")));
        assert_eq!(
            user_npmrc(&environment(&[("HOME", "/h"), ("npm_config_userconfig", "/x")])),
            Some(PathBuf::from("/x"))
        );
    }

    #[test]
    fn flags_change_only_their_limit() {
        let flags = LimitArguments { heap: Some(7), ..LimitArguments::default() };
        let limits = run_limits(&flags);
        assert_eq!((limits.heap_bytes, limits.wall), (7, executor::Limits::default().wall));
    }
}
