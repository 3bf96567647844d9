//! What makes two zygotes the same: everything that was evaluated in them, the files that it could look at, and whose it is.

use crate::file_tree::{FileTree, Folder};
use crate::program::Program;

/// What is in a folder.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
enum Content {
    /// What has this hash.
    Hash([u8; 32]),
    /// What is in the memory with this device and number, which lasts as long as the zygote that has mapped it.
    Memory(u64, u64),
}

/// What a zygote is found by.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Key {
    layer: Option<[u8; 32]>,
    builtins: Vec<String>,
    program: Option<(String, [u8; 32])>,
    files: Vec<(String, Content)>,
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
        Self {
            layer: program.layer.as_ref().map(|layer| *layer.module.hash()),
            builtins: Self::builtins(program),
            program: None,
            files: program.files_of_layer().map(folders).unwrap_or_default(),
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

fn folders(files: &FileTree) -> Vec<(String, Content)> {
    let content = |folder: &Folder| match folder.hash {
        Some(hash) => Content::Hash(hash),
        None => {
            let stat = rustix::fs::fstat(folder.image.as_fd());
            stat.map_or(Content::Memory(0, 0), |stat| Content::Memory(stat.st_dev, stat.st_ino))
        }
    };
    files.folders.iter().map(|folder| (folder.path.clone(), content(folder))).collect()
}
