//! The `hoist` command: runs agent code that imports npm packages.
//!
//! Parses, runs, maps the exit code. The hidden subcommands are the child processes: they enter their sandbox before
//! there is a thread, a runtime or a byte of anybody's code.

mod assets;
mod bench_adapter;
mod build;
mod bundle_arguments;
mod bundle_options;
mod bundlers;
mod cache_access;
mod cache_command;
mod cli;
mod command;
mod config;
mod console;
mod data_files;
mod doctor;
mod error;
mod exit_code;
mod files;
mod given_lock;
mod inspect;
mod layers;
mod metafile;
mod mirror_arguments;
mod mirror_command;
mod mirror_keys;
mod output;
mod pipeline;
mod policy_file;
mod prewarm;
mod progress;
mod project;
mod reply;
mod requirements;
mod resolve;
mod serve;
mod text_file;
mod trace;
mod transform;
mod units;
mod wanted;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command};
use crate::exit_code::Exit;
use crate::mirror_arguments::MirrorCommand;

/// Names the end of a worker that runs out of memory; everywhere else it is the system's allocator.
#[global_allocator]
static ALLOCATOR: executor::WorkerAllocator = executor::WorkerAllocator;

fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => match cli.command {
            Command::Run(arguments) => command::run(arguments).into(),
            Command::Bundle(arguments) => command::bundle(arguments).into(),
            Command::Resolve(arguments) => command::resolve(arguments).into(),
            Command::Inspect(arguments) => command::inspect(arguments).into(),
            Command::Transform(arguments) => command::transform(arguments).into(),
            Command::Prewarm(arguments) => command::prewarm(arguments).into(),
            Command::Mirror(MirrorCommand::Export(arguments)) => command::export_mirror(arguments).into(),
            Command::Mirror(MirrorCommand::Import(arguments)) => command::import_mirror(arguments).into(),
            Command::Mirror(MirrorCommand::Key) => command::mirror_key().into(),
            Command::Serve(arguments) => command::serve(arguments).into(),
            Command::Cache(what) => command::cache(what).into(),
            Command::BenchAdapter(arguments) => command::bench_adapter(arguments).into(),
            Command::Doctor(arguments) => doctor::doctor(arguments).into(),
            Command::BundlerWorker => bundler_worker(),
            Command::ExecutorWorker => executor::worker_main(files::open_image),
            Command::ExecutorZygote => executor::zygote_main(files::open_image),
            Command::SandboxProbe => executor::sandbox::probe_main(),
        },
        Err(error) => {
            // Nobody is left to tell when the reader of the help has gone away.
            let _ = error.print();
            if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
        }
    }
}

fn bundler_worker() -> ExitCode {
    match executor::sandbox::close_inherited().and_then(|()| executor::sandbox::enter_worker()) {
        Ok(()) => bundler::worker_main(),
        Err(error) => {
            console::print_error(&error.into());
            Exit::Internal.into()
        }
    }
}
