//! The run's side: everything that happens in the process that guest code has for itself.

mod allocator;
mod answer;
mod buffers;
mod channel;
mod failure;
mod loader;
mod peak_heap;
mod run;
mod snapshot;
mod under_way;

pub use allocator::WorkerAllocator;
pub use run::worker_main;
