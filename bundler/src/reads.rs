//! What a bundle may read at run time: which packages' files, and whether it can look at files at all.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    diagnostics::Diagnostic,
    file_system::{ROOT, VirtualFiles},
    importers::Importers,
    own_paths::Uses,
    resolution::is_local,
};

/// Builtins that read files.
const FILE_BUILTINS: [&str; 5] = ["node:fs", "node:fs/promises", "node:sqlite", "node:wasi", "node:worker_threads"];

/// Whether any of these builtins can read files.
pub(crate) fn can_read(builtins: &[String]) -> bool {
    builtins.iter().any(|name| FILE_BUILTINS.contains(&name.as_str()))
}

/// What is read at run time.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    /// Whether anything can be.
    pub(crate) needs_files: bool,
    /// The folders of packages whose files may be, below the root, sorted.
    pub(crate) folders: Vec<String>,
    /// One for each package whose code does so.
    pub(crate) warnings: Vec<Diagnostic>,
}

impl Reads {
    /// From what the bundle's modules use, by their paths, and the builtins that it imports.
    pub(crate) fn of(
        uses: &BTreeMap<&str, Uses>,
        builtins: &[String],
        files: &VirtualFiles,
        entry: &str,
        importers: &Importers,
    ) -> Self {
        let mut reads = Self {
            needs_files: uses.values().any(|uses| uses.paths || uses.loader || uses.builtins) || can_read(builtins),
            ..Self::default()
        };
        let mut folders = BTreeSet::new();
        let mut loading = Vec::new();
        let mut said = BTreeSet::new();
        for (&path, uses) in uses.iter().filter(|(_, uses)| uses.paths || uses.loader) {
            let mount = files.mount_of_path(path);
            match (mount, uses.loader) {
                (Some(mount), true) => loading.push(mount.to_owned()),
                (Some(mount), false) => drop(folders.insert(mount.to_owned())),
                // The program's own `require` reaches everything.
                (None, true) => loading.extend(files.mounts().into_iter().map(|(mount, _)| mount.to_owned())),
                (None, false) => {}
            }
            if said.insert(mount.unwrap_or_default()) {
                reads.warnings.push(warning(path, files, entry, importers));
            }
        }
        while let Some(mount) = loading.pop() {
            loading.extend(dependencies(&mount, files).into_iter().filter(|found| !folders.contains(found)));
            folders.insert(mount);
        }
        reads.folders = folders.into_iter().collect();
        reads
    }
}

fn warning(path: &str, files: &VirtualFiles, entry: &str, importers: &Importers) -> Diagnostic {
    if is_local(path) {
        let message = "the program looks for files beside its own at run time";
        return Diagnostic::new("reads-files", message)
            .file(files.display(path))
            .hint("put them where the bundle's --assets folder has the program's root");
    }
    let package = files.package_of(path).map(|(package, _)| package.display.clone());
    let message = format!("{} reads files of its own at run time", package.as_deref().unwrap_or(path));
    Diagnostic::new("reads-files", message)
        .file(files.display(path))
        .package(package)
        .chain(importers.chain(entry, path, files))
        .hint("write them beside the bundle with --assets DIR")
}

/// Where a package finds what its package.json names, as Node looks for it.
fn dependencies(mount: &str, files: &VirtualFiles) -> Vec<String> {
    let Some(text) = files.text(&format!("{ROOT}/{mount}/package.json")) else { return Vec::new() };
    let Ok(manifest) = serde_json::from_str::<Value>(&text) else { return Vec::new() };
    let names = ["dependencies", "optionalDependencies", "peerDependencies"]
        .iter()
        .filter_map(|field| manifest.get(field)?.as_object())
        .flat_map(|names| names.keys());
    names.filter_map(|name| find(mount, name, files)).collect()
}

fn find(mount: &str, name: &str, files: &VirtualFiles) -> Option<String> {
    let mut folder = mount;
    loop {
        let wanted = format!("{folder}/node_modules/{name}");
        if files.is_mount(&wanted) {
            return Some(wanted);
        }
        match folder.rfind("/node_modules/") {
            Some(end) => folder = &folder[..end],
            None => {
                let wanted = format!("node_modules/{name}");
                return files.is_mount(&wanted).then_some(wanted);
            }
        }
    }
}
