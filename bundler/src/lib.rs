//! Bundles a program and its npm packages into one ESM module, in a child process that has neither disk nor network.
//!
//! The caller starts a [`Worker`], lets it [`scan`](Worker::scan) the program (the worker says which local files it
//! lacks and gets bytes or "absent"), resolves what was imported, and hands the packages' files over as sealed memfds
//! to [`bundle`](Worker::bundle). The child's side is [`worker_main`].
//!
//! Modules in reading order:
//! - `options`, `conditions`, `external`, `import_map`, `loaders`, `limits`: what a caller chooses; `bundle`, `error`,
//!   `diagnostics`: what it gets.
//! - `worker`, `wire`, `child`: the process, its frames, and its own side; `whereabouts`: what it was at when it died;
//!   `nesting`: what it refuses to walk.
//! - `program`, `scan`, `dialect`, `availability`: the program's own files, and what they import; `names`, `specifier`:
//!   what that means; `file_system`, `resolution`: where it is found.
//! - `own_paths`: each module's own `__dirname`, `import.meta.url` and `require`; `attributes`, `decorators`, `wasm`: what the
//!   engine does not know; the files `engine*`: the bundle; `composition`: what is in it; `transform`: one file on its own.
//! - `layer_plan`, `layer`, `link`, `direct`: packages on their own, and programs that are linked to them; `kept`: bundles in a store.
//! - `inspect`: what packages are made of.

mod attributes;
mod availability;
mod builtins;
mod bundle;
mod child;
mod composition;
mod conditions;
mod decorators;
mod diagnostics;
mod dialect;
mod direct;
mod edits;
mod engine;
mod engine_formats;
mod engine_link;
mod engine_options;
mod engine_plugin;
mod error;
mod external;
mod file_system;
mod import_map;
mod importers;
mod inspect;
mod kept;
mod layer;
mod layer_plan;
mod limits;
mod link;
mod loaders;
mod names;
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
mod transform;
mod wasm;
mod whereabouts;
mod wire;
mod worker;

pub use bundle::{Bundle, BundledModule, License, ModuleImport, ModuleImportKind, Transformed};
pub use child::worker_main;
pub use conditions::Conditions;
pub use diagnostics::Diagnostic;
pub use error::{Error, Stage};
pub use external::{ExternalName, Externals};
pub use import_map::ImportMap;
pub use inspect::{Inspection, PackageFacts, Place};
pub use kept::{bundle_key, layer_key};
pub use layer::{LAYER_SPECIFIER, Layer, LayerImport, LayerInterface, LayerPlan};
pub use limits::Limits;
pub use loaders::{ExtensionLoader, Loader, Loaders};
pub use options::{BundleOptions, Details, Jsx, JsxRuntime, Minify, Purpose, Target};
pub use scan::{Import, ImportKind, Scan};
pub use worker::{FileSource, Linked, Worker, WorkerCommand};
