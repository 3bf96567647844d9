//! Makes the start-up snapshot with the whole platform in it, and lays beside it the platform's sources that it did not
//! evaluate, for their first use.

#[path = "../src/file_tree.rs"]
#[allow(dead_code, unreachable_pub, reason = "the build script is sent no files")]
mod file_tree;
#[path = "../src/platform/mod.rs"]
mod platform;
mod transpile;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use deno_core::snapshot::{CreateSnapshotOptions, create_snapshot};
use deno_core::{Extension, ExtensionFileSource, ModuleName};

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    println!("cargo:rerun-if-changed=src/platform");
    println!("cargo:rerun-if-changed=src/file_tree.rs");
    println!("cargo:rerun-if-changed=build");
    let snapshot = create_snapshot(
        CreateSnapshotOptions {
            cargo_manifest_dir: env!("CARGO_MANIFEST_DIR"),
            startup_snapshot: None,
            skip_op_registration: false,
            extensions: extensions(),
            extension_transpiler: Some(Rc::new(transpile::transpile)),
            with_runtime_cb: Some(Box::new(platform::add_vm_context)),
        },
        None,
    )
    .expect("the platform's sources evaluate");
    write(&out.join("platform.snapshot"), &snapshot.output);
    let evaluated: HashSet<&str> = snapshot.consumed_lazy_specifiers.iter().map(String::as_str).collect();
    write_residual_sources(&out, &evaluated);
}

/// The platform over files of which there are none.
fn extensions() -> Vec<Extension> {
    platform::Platform::new(platform::Files::new()).extensions
}

/// Writes `residual.rs` with two tables, sorted by specifier as deno_core searches them, of the lazily loaded sources
/// that are not in the snapshot.
fn write_residual_sources(out: &Path, evaluated: &HashSet<&str>) {
    let folder = out.join("residual");
    std::fs::create_dir_all(&folder).expect("OUT_DIR can be written");
    let extensions = extensions();
    let is_left = |source: &&ExtensionFileSource| !evaluated.contains(source.specifier);
    let scripts = |extension: &Extension| extension.lazy_loaded_js_files.iter().filter(is_left).cloned().collect();
    let modules = |extension: &Extension| extension.lazy_loaded_esm_files.iter().filter(is_left).cloned().collect();
    let mut tables = String::new();
    table(&mut tables, "SCRIPTS", extensions.iter().flat_map::<Vec<_>, _>(scripts).collect(), &folder);
    table(&mut tables, "MODULES", extensions.iter().flat_map::<Vec<_>, _>(modules).collect(), &folder);
    write(&out.join("residual.rs"), tables.as_bytes());
}

fn table(tables: &mut String, name: &str, mut sources: Vec<ExtensionFileSource>, folder: &Path) {
    sources.sort_by_key(|source| source.specifier);
    writeln!(tables, "static {name}: &[(&str, &str)] = &[").expect("writing to a string");
    for (index, source) in sources.iter().enumerate() {
        let text = source.load().expect("the registry's folder holds the sources of the crates being built");
        let (code, _map) = transpile::transpile(ModuleName::from(source.specifier.to_string()), text)
            .expect("the platform's sources parse");
        // A script is compiled as the body of a function: wrapped here, it needs no copy at run time.
        let code = match name {
            "SCRIPTS" => deno_core::wrap_lazy_ext_script(code.as_str()),
            _ => code.as_str().to_string(),
        };
        let file = folder.join(format!("{}-{index}.js", name.to_lowercase()));
        write(&file, code.as_bytes());
        writeln!(tables, "    ({:?}, include_str!({:?})),", source.specifier, file).expect("writing to a string");
    }
    tables.push_str("];\n");
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
