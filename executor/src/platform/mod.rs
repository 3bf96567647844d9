//! Node's and the web's platform: Deno's extension crates on bare `deno_core`, and one extension of ours in the place of
//! Deno's own runtime. Deno's crates are named in this folder only.
//!
//! The build script compiles this module too: a start-up snapshot works only in a process that has the same extensions
//! in the same order as the one that made it.

mod file_system;
mod ops;
mod run_time_modules;
mod services;
mod time;
mod vm_contexts;

use std::rc::Rc;
use std::sync::Arc;

use deno_core::Extension;
use deno_core::JsRuntime;
use rand::{RngCore as _, SeedableRng as _};

pub(crate) use file_system::Files;
#[allow(unused_imports, reason = "the build script is sent no files")]
pub(crate) use file_system::{Tree, stamps};
#[allow(unused_imports, reason = "the build script loads no programs")]
pub(crate) use run_time_modules::{Format, Loaded, RunTimeModules};
#[allow(unused_imports, reason = "the build script runs no programs")]
pub(crate) use time::{elapsed, restart};

#[allow(unused_imports, reason = "the build script runs no programs")]
pub(crate) use ops::{Host, HostRc, Watch, WatchRc};

/// The platform over one file system.
pub(crate) struct Platform {
    /// The extensions, in the order in which Deno's runtime has them.
    pub(crate) extensions: Vec<Extension>,
    /// What can be loaded while a program runs.
    #[allow(dead_code, reason = "the build script loads no programs")]
    pub(crate) modules: RunTimeModules,
}

impl Platform {
    /// The platform over these files.
    pub(crate) fn new(files: Files) -> Self {
        let services = services::node(&files);
        let modules = RunTimeModules::new(files.clone(), &services);
        Self { extensions: extensions(files, services), modules }
    }
}

fn extensions(files: Files, services: services::NodeServices) -> Vec<Extension> {
    let file_system: deno_fs::FileSystemRc = Rc::new(files);
    let fetch = deno_fetch::Options { file_fetch_handler: Rc::new(deno_fetch::FsFetchHandler), ..Default::default() };
    vec![
        deno_telemetry::deno_telemetry::init(),
        deno_webidl::deno_webidl::init(),
        deno_web::deno_web::init(
            Arc::new(deno_web::BlobStore::default()),
            None,
            false,
            deno_web::InMemoryBroadcastChannel::default(),
        ),
        deno_fetch::deno_fetch::init(fetch),
        deno_crypto::deno_crypto::init(None),
        deno_net::deno_net::init(None, None),
        deno_tls::deno_tls::init(),
        deno_websocket::deno_websocket::init(),
        deno_http::deno_http::init(Default::default()),
        deno_io::deno_io::init(Some(Default::default())),
        deno_fs::deno_fs::init(file_system.clone()),
        deno_os::deno_os::init(None),
        deno_process::deno_process::init(None),
        deno_node_crypto::deno_node_crypto::init(),
        deno_node::deno_node::init::<services::InPackages, services::Folders, Files>(Some(services), file_system),
        ops::runtime::init(),
    ]
}

/// Puts what the extensions' ops expect in a runtime's state: permissions for nothing but the program's own virtual
/// files and environment, and the parts that answer for the process.
#[allow(dead_code, reason = "the build script does not run programs")]
pub(crate) fn equip(runtime: &mut JsRuntime, files: Files, host: HostRc, watch: WatchRc) {
    let state = runtime.op_state();
    let mut state = state.borrow_mut();
    state.put(services::permissions(files));
    state.put(Arc::new(deno_features::FeatureChecker::default()));
    state.put(host);
    state.put(watch);
}

/// Gives a runtime generators that a fork does not share. That of WebCrypto is one of its own so that it can be renewed.
#[allow(dead_code, reason = "the build script does not run programs")]
pub(crate) fn renew(runtime: &mut JsRuntime) {
    let state = runtime.op_state();
    let mut state = state.borrow_mut();
    state.put(rand::rngs::StdRng::from_entropy());
    // What is left of its last block is thrown away; it sees by itself that it has been forked when it makes the next one.
    let mut rest = [0_u8; 256];
    rand::thread_rng().fill_bytes(&mut rest);
}

/// The generator of WebCrypto as it stood: of two that differ one has been drawn from.
#[derive(Debug, Eq, PartialEq)]
#[allow(dead_code, reason = "the build script does not run programs")]
pub(crate) struct Generator(Option<rand::rngs::StdRng>);

/// The generator as it stands.
#[allow(dead_code, reason = "the build script does not run programs")]
pub(crate) fn generator(runtime: &mut JsRuntime) -> Generator {
    Generator(runtime.op_state().borrow().try_borrow::<rand::rngs::StdRng>().cloned())
}

/// Adds the second context that `node:vm` starts new ones from; for the runtime that a snapshot is taken of.
#[allow(dead_code, reason = "only the build script takes snapshots")]
pub(crate) fn add_vm_context(runtime: &mut deno_core::JsRuntimeForSnapshot) {
    use deno_core::v8;
    let isolate = runtime.v8_isolate();
    v8::scope!(scope, isolate);
    let template = deno_node::init_global_template(scope, deno_node::ContextInitMode::ForSnapshot);
    let context =
        deno_node::create_v8_context(scope, template, deno_node::ContextInitMode::ForSnapshot, std::ptr::null_mut());
    assert_eq!(scope.add_context(context), deno_node::VM_CONTEXT_INDEX, "the context has the index that node:vm reads");
}

/// The version of Node that the platform answers for, in `process.version`.
#[allow(dead_code, reason = "only the build script writes it into the sources")]
pub(crate) const NODE_VERSION: &str = deno_node::NODE_VERSION;

/// Whether `name` (with or without `node:`) is a module of Node's own.
#[allow(dead_code, reason = "the build script loads no programs")]
pub(crate) fn is_builtin(name: &str) -> bool {
    deno_node::is_builtin_node_module(name.strip_prefix("node:").unwrap_or(name))
}
