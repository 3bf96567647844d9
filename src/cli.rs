//! The command line: what may be typed and what it means as types.
//!
//! Nothing here reads a file or the environment; `config` and `command` do that with what was typed.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use serde_json::value::RawValue;

use crate::bundle_arguments::{BundleArguments, MeaningArguments, TransformArguments};
use crate::given_lock::LockArguments;
use crate::mirror_arguments::{MirrorCommand, PrewarmArguments};
use crate::resolve::ResolveArguments;
use crate::units::{parse_bytes, parse_duration};

/// Runs agent code that imports npm packages.
#[derive(Debug, Parser)]
#[command(name = "hoist", version, about, max_term_width = 100)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a program and print its result as JSON
    Run(RunArguments),
    /// Write a program and its packages as one ECMAScript module
    Bundle(BundleArguments),
    /// Say which packages a manifest stands for, without fetching them
    Resolve(ResolveArguments),
    /// Say what a package is made of and whether it works here, without running it
    Inspect(InspectArguments),
    /// Compile files one by one, without bundling them
    Transform(TransformArguments),
    /// Resolve, fetch and pin what manifests and programs need, so that the first run finds everything
    Prewarm(PrewarmArguments),
    /// Carry packages into another cache as a signed file
    #[command(subcommand)]
    Mirror(MirrorCommand),
    /// Answer POST /v1/run over HTTP, and be an npm registry below /npm/
    Serve(ServeArguments),
    /// Look after the cache: what it holds, whether that is whole, what may go
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Say what keeps programs apart from this machine, by trying it, and how old the engine is
    Doctor(DoctorArguments),
    /// The child process that bundles
    #[command(name = BUNDLER_WORKER, hide = true)]
    BundlerWorker,
    /// The child process that runs a program
    #[command(name = EXECUTOR_WORKER, hide = true)]
    ExecutorWorker,
    /// The child process whose forks run programs
    #[command(name = EXECUTOR_ZYGOTE, hide = true)]
    ExecutorZygote,
    /// The child process that tries the sandbox
    #[command(name = SANDBOX_PROBE, hide = true)]
    SandboxProbe,
    /// A peer of the side-by-side benchmark
    #[command(hide = true)]
    BenchAdapter(BenchAdapterArguments),
}

/// The name of the hidden subcommand that bundles.
pub(crate) const BUNDLER_WORKER: &str = "bundler-worker";
/// The name of the hidden subcommand that runs a program.
pub(crate) const EXECUTOR_WORKER: &str = "executor-worker";
/// The name of the hidden subcommand whose forks run programs.
pub(crate) const EXECUTOR_ZYGOTE: &str = "executor-zygote";
/// The name of the hidden subcommand that tries the sandbox.
pub(crate) const SANDBOX_PROBE: &str = "sandbox-probe";

/// `hoist run`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// Where the program and its packages come from.
    #[command(flatten)]
    pub(crate) program: ProgramArguments,
    /// Bundle the program with its packages instead of linking it to a kept layer of them
    #[arg(long)]
    pub(crate) whole: bool,
    /// Files below the project's root that the program reads, as data/**/*.csv; may stand several times
    #[arg(long = "files", value_name = "GLOB")]
    pub(crate) files: Vec<String>,
    /// The value that the default export is called with, or the request for one with `fetch`
    #[arg(long, value_name = "JSON", value_parser = parse_json, allow_hyphen_values = true)]
    pub(crate) input: Option<JsonText>,
    /// What input and result are written in: plain JSON, or with tags for bytes, dates, maps, sets, big integers and undefined
    #[arg(long, value_name = "CODEC", value_enum, default_value_t)]
    pub(crate) codec: CodecName,
    /// Print one object with the result or error, logs, graph, bundle, timings and usage
    #[arg(long)]
    pub(crate) json: bool,
    /// What files and imports mean.
    #[command(flatten)]
    pub(crate) meaning: MeaningArguments,
    /// What the program may use up.
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

/// What a program's input and result are written in.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum CodecName {
    /// Plain JSON
    #[default]
    Json,
    /// JSON with tags
    Tagged,
}

impl From<CodecName> for executor::Codec {
    fn from(name: CodecName) -> Self {
        match name {
            CodecName::Json => Self::Json,
            CodecName::Tagged => Self::Tagged,
        }
    }
}

/// `hoist inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// The package
    #[arg(value_name = "NAME@RANGE", value_parser = Dependency::from_str)]
    pub(crate) package: Dependency,
    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

/// `hoist serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8787")]
    pub(crate) listen: SocketAddr,
    /// Programs that run at once [default: twice the number of cores]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) runs: Option<u32>,
    /// Requests that wait for their turn; one more is answered 429 [default: 64]
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(0..=65536))]
    pub(crate) queue: Option<u32>,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
    /// What each program may use up.
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
}

/// `hoist doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArguments {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// `hoist cache`.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Say what the cache holds
    Stats(CareArguments),
    /// Read everything that the cache holds, remove what is broken, and say what that was
    Verify(CareArguments),
    /// Remove what was used least lately, but for what is pinned, until the rest fits
    Gc(CollectArguments),
    /// Let a pinned set of packages go when it is not used
    Unpin(UnpinArguments),
}

/// `hoist cache stats` and `hoist cache verify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct CareArguments {
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
    /// The cache's folder [default: HOIST_CACHE, $XDG_CACHE_HOME/hoist or ~/.cache/hoist]
    #[arg(long = "cache", value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
}

/// `hoist cache gc`.
#[derive(Debug, Args)]
pub(crate) struct CollectArguments {
    /// What may be left, as 500MiB or 20GiB [default: 20GiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) quota: Option<u64>,
    /// The cache, and how to answer.
    #[command(flatten)]
    pub(crate) care: CareArguments,
}

/// `hoist cache unpin`.
#[derive(Debug, Args)]
pub(crate) struct UnpinArguments {
    /// The set, as hoist cache stats names it
    #[arg(value_name = "SET")]
    pub(crate) set: String,
    /// The cache, and how to answer.
    #[command(flatten)]
    pub(crate) care: CareArguments,
}

/// `hoist bench-adapter`.
#[derive(Debug, Args)]
pub(crate) struct BenchAdapterArguments {
    /// Run nothing and answer as is right: FOLDER/WORKLOAD/expect.json
    #[arg(long, value_name = "FOLDER")]
    pub(crate) echo: Option<PathBuf>,
}

/// A program in a file, and the packages that it may import.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProgramArguments {
    /// The program: TypeScript, JSX or JavaScript
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// A package that the program imports; goes before the manifest and versions in specifiers
    #[arg(long = "dep", value_name = "NAME@RANGE", value_parser = Dependency::from_str)]
    pub(crate) dependencies: Vec<Dependency>,
    /// Take dependencies from this file instead of the nearest package.json
    #[arg(long, value_name = "FILE")]
    pub(crate) manifest: Option<PathBuf>,
    /// Take the latest version of packages that nothing names a version of
    #[arg(long)]
    pub(crate) auto: bool,
    /// The lock.
    #[command(flatten)]
    pub(crate) lock: LockArguments,
    /// The cache.
    #[command(flatten)]
    pub(crate) cache: CacheArguments,
}

/// Where packages come from and are kept.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CacheArguments {
    /// The cache's folder [default: HOIST_CACHE, $XDG_CACHE_HOME/hoist or ~/.cache/hoist]
    #[arg(long = "cache", value_name = "FOLDER")]
    pub(crate) folder: Option<PathBuf>,
    /// Ask no registry: use what the cache holds, or say everything that it lacks
    #[arg(long)]
    pub(crate) offline: bool,
    /// The supply-chain policy [default: HOIST_POLICY, or policy.json in $XDG_CONFIG_HOME/hoist or ~/.config/hoist]
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Take no version that was published less long ago than this, as 24h, 7d or 0, whatever the policy says
    #[arg(long, value_name = "TIME", value_parser = registry_cache::parse_age)]
    pub(crate) min_release_age: Option<Duration>,
}

/// What a program may use up. Times take ms, s or m (a bare number is seconds); sizes take KiB, MiB or GiB (a bare
/// number is bytes).
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArguments {
    /// Time from start to end, as 500ms, 30s or 2m [default: 30s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) wall: Option<Duration>,
    /// Processor time, as 500ms, 10s or 2m [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) cpu: Option<Duration>,
    /// JavaScript heap, as 64MiB [default: 128MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) heap: Option<u64>,
    /// ArrayBuffers and WebAssembly memories, as 64MiB [default: 128MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) buffers: Option<u64>,
    /// The process's own memory beside heap and buffers, as 512MiB
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) memory: Option<u64>,
    /// The result, as 1MiB [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) output: Option<u64>,
    /// Console output, as 256KiB; what is more is cut off [default: 256KiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) logs: Option<u64>,
    /// Lines of console output; what is more is cut off [default: 4096]
    #[arg(long, value_name = "COUNT")]
    pub(crate) log_lines: Option<u32>,
    /// One line of console output, as 64KiB; what is more is cut off [default: 64KiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) log_line: Option<u64>,
    /// Asynchronous operations under way at once: digests, compressions, messages [default: 16384]
    #[arg(long, value_name = "COUNT")]
    pub(crate) operations: Option<u32>,
    /// Timers alive at once [default: 65536]
    #[arg(long, value_name = "COUNT")]
    pub(crate) timers: Option<u32>,
    /// The input's text, as 16MiB [default: 16MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    pub(crate) input_size: Option<u64>,
}

/// One `--dep`: the name to import it by, and what npm would find right of the name in a package.json.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Dependency {
    /// The name that the program imports.
    pub(crate) name: String,
    /// A range, a dist-tag, or `npm:name@range`.
    pub(crate) range: String,
}

impl FromStr for Dependency {
    type Err = String;

    /// `name`, `name@range`, `@scope/name@range`, `alias@npm:name@range`: the name ends at the first `@` after its first character.
    fn from_str(text: &str) -> Result<Self, String> {
        let after_first = text.char_indices().nth(1).map_or(text.len(), |(index, _)| index);
        let (name, range) = match text[after_first..].find('@') {
            Some(at) => (&text[..after_first + at], &text[after_first + at + 1..]),
            None => (text, "latest"),
        };
        if name.is_empty() {
            return Err("the name is missing".to_owned());
        }
        if range.trim().is_empty() {
            return Err(format!("the range of {name} is missing"));
        }
        Ok(Self { name: name.to_owned(), range: range.to_owned() })
    }
}

/// Text that is JSON. It stays text: a number's spelling belongs to the program.
#[derive(Clone, Debug)]
pub(crate) struct JsonText(pub(crate) String);

fn parse_json(text: &str) -> Result<JsonText, String> {
    match RawValue::from_string(text.trim().to_owned()) {
        Ok(value) => Ok(JsonText(value.get().to_owned())),
        Err(error) => Err(format!("not JSON: {error}")),
    }
}

/// The arguments that start a hidden subcommand.
pub(crate) fn worker_arguments(name: &str) -> Vec<OsString> {
    vec![OsString::from(name)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn dependencies_split_after_the_name() {
        for (text, name, range) in [
            ("zod", "zod", "latest"),
            ("zod@^3", "zod", "^3"),
            ("@hono/zod-validator@0.4", "@hono/zod-validator", "0.4"),
            ("@a/b", "@a/b", "latest"),
            ("old@npm:zod@3", "old", "npm:zod@3"),
        ] {
            assert_eq!(text.parse(), Ok(Dependency { name: name.to_owned(), range: range.to_owned() }));
        }
        for text in ["", "zod@", "@a/b@ "] {
            assert!(text.parse::<Dependency>().is_err(), "{text}");
        }
    }

    #[test]
    fn input_keeps_its_spelling() {
        assert_eq!(parse_json(" {\"a\": 1.50} ").map(|text| text.0), Ok("{\"a\": 1.50}".to_owned()));
        assert!(parse_json("{a: 1}").is_err());
    }
}
