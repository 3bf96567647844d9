//! What makes two zygotes the same: everything that was evaluated in them, the files that it could look at, and whose it is.

use crate::file_tree::FileTree;
use crate::program::{LayerFiles, Program};

/// What a zygote is found by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    layer: Option<[u8; 32]>,
    builtins: Vec<String>,
    program: Option<(String, [u8; 32])>,
    /// The folders: path, and the device and number of their memory, which lasts as long as the zygote.
    files: Vec<(String, u64, u64)>,
    tenant: Option<String>,
}

impl Key {
    /// Whether there is anything below the base for this program.
    pub(super) fn is_needed(program: &Program) -> bool {
        program.layer.is_some() || !program.builtins.is_empty()
    }

    /// Node's modules that a program and its layer import, in order.
    pub(super) fn builtins(program: &Program) -> Vec<String> {
        let layer = program.layer.iter().flat_map(|layer| &layer.builtins);
        let mut builtins: Vec<String> = layer.chain(&program.builtins).cloned().collect();
        builtins.sort();
        builtins.dedup();
        builtins
    }

    /// The zygote of a program's layer.
    pub(super) fn of_layer(program: &Program) -> Self {
        let sees_files = program.layer.as_ref().is_some_and(|layer| layer.files == LayerFiles::Program);
        Self {
            layer: program.layer.as_ref().map(|layer| *layer.module.hash()),
            builtins: Self::builtins(program),
            program: None,
            files: if sees_files { folders(&program.files) } else { Vec::new() },
            tenant: program.tenant.clone(),
        }
    }

    /// The zygote of the program itself.
    pub(super) fn of_program(program: &Program) -> Self {
        Self {
            program: Some((program.name.clone(), *program.module.hash())),
            files: folders(&program.files),
            ..Self::of_layer(program)
        }
    }
}

fn folders(files: &FileTree) -> Vec<(String, u64, u64)> {
    let identity = |image: &dyn std::os::fd::AsFd| {
        rustix::fs::fstat(image.as_fd()).map(|stat| (stat.st_dev, stat.st_ino)).unwrap_or_default()
    };
    let folder = |folder: &crate::file_tree::Folder| {
        let (device, number) = identity(&*folder.image);
        (folder.path.clone(), device, number)
    };
    files.folders.iter().map(folder).collect()
}
