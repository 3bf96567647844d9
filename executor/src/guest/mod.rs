//! The run's side: everything that happens in a process that has guest code in it, or will have.

mod allocator;
mod answer;
mod buffers;
mod channel;
mod code_cache;
mod engine;
mod failure;
mod functions;
mod heap;
mod host;
mod interposed;
mod loader;
mod notices;
mod once;
mod parts;
mod peak_heap;
mod run;
mod snapshot;
mod start;
mod text;
mod under_way;
mod watchdog;
mod zygote;

pub use allocator::WorkerAllocator;
pub use notices::EachRun;
pub use start::worker_main;
pub use zygote::zygote_main;
