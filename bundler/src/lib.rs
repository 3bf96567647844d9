//! Bundles a program and its npm packages into one ESM module, in a child process that has neither disk nor network.
//!
//! The caller starts a [`Worker`], lets it [`scan`](Worker::scan) the program (the worker says which local files it
//! lacks and gets bytes or "absent"), resolves what was imported, and hands the packages' files over as sealed memfds
//! to [`bundle`](Worker::bundle). The child's side is [`worker_main`].
//!
//! Modules in reading order:
//! - `options`, `limits`: what a caller chooses; `error`, `diagnostics`: what it may hear.
//! - `worker`, `wire`, `child`: the process, its frames, and its own side; `whereabouts`: what it was at when it died;
//!   `nesting`: what it refuses to walk.
//! - `specifier`, `scan`: what a program imports; `file_system`, `resolution`: where that is found.
//! - `inspect`: what packages are made of.
//! - `own_paths`: each module's own `__dirname`, `import.meta.url` and `require`; `engine`, `engine_options`: the bundle.

mod builtins;
mod child;
mod diagnostics;
mod edits;
mod engine;
mod engine_link;
mod engine_options;
mod engine_plugin;
mod error;
mod file_system;
mod importers;
mod inspect;
mod kept;
mod layer;
mod layer_plan;
mod limits;
mod link;
mod nesting;
mod options;
mod own_paths;
mod production;
mod program;
mod reads;
mod requires;
mod resolution;
mod runtime;
mod scan;
mod source;
mod specifier;
mod wasm;
mod whereabouts;
mod wire;
mod worker;

pub use child::worker_main;
pub use diagnostics::Diagnostic;
pub use error::{Error, Stage};
pub use inspect::{Inspection, PackageFacts, Place};
pub use kept::{bundle_key, layer_key};
pub use layer::{LAYER_SPECIFIER, Layer, LayerImport, LayerInterface, LayerPlan};
pub use limits::Limits;
pub use options::{Bundle, BundleOptions, Minify, Purpose};
pub use scan::{Import, ImportKind, Scan};
pub use worker::{FileSource, Linked, Worker, WorkerCommand};
