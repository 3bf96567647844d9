//! The run's side: everything that happens in the process that guest code has for itself.

mod allocator;
mod answer;
mod buffers;
mod channel;
mod loader;
mod run;
mod snapshot;

pub use allocator::WorkerAllocator;
pub use run::worker_main;
