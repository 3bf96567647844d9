//! Runs one bundled program in a process of its own and says how it ended.
//!
//! The service's side is [`Executor`]: it starts the process, sends the [`Program`], enforces what a process cannot be
//! trusted to enforce on itself, and reads a bounded answer. The other side is [`worker_main`], the same binary under
//! another command: it gives up every right first, then starts V8 from a snapshot that holds Node's and the web's
//! platform, and calls the program's default export.
//!
//! This crate knows nothing of npm or of bundling, and reads neither the environment nor flags.

mod engine_release;
mod error;
mod file_tree;
mod limits;
mod log_room;
mod outcome;
mod program;

mod incoming;
mod outgoing;
mod process;
mod wire;
mod worker;
mod zygotes;

mod guest;
mod os;
mod platform;
pub mod sandbox;

pub use engine_release::{EngineRelease, engine_release};
pub use error::Error;
pub use file_tree::{FileTree, Folder, FolderImage, OpenImage};
pub use guest::{EachRun, WorkerAllocator, worker_main, zygote_main};
pub use limits::Limits;
pub use outcome::{Cause, Evaluation, Exceeded, Failure, Level, LimitKind, LogLine, Outcome, Report, Response, Usage};
pub use program::{Codec, Layer, LayerFiles, Module, Program};
pub use worker::{Executor, Held, WorkerCommand};
pub use zygotes::ZygoteLimits;
