//! What a run is given.

use crate::file_tree::FileTree;

/// An ESM module.
#[derive(Clone, Debug)]
pub struct Module {
    /// Its text.
    pub code: String,
    /// Its source map.
    pub source_map: Option<String>,
}

/// One bundled program and its input.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file name that the module has under `/hoist`; it appears in stacks without a source map only.
    pub name: String,
    /// The ESM module. What it imports is the layer, Node's own, or in `files`.
    pub code: String,
    /// Its source map, by which stacks are mapped back. Its sources are shown as they are named there.
    pub source_map: Option<String>,
    /// What the program imports as `hoist:layer`.
    pub layer: Option<Module>,
    /// The input as JSON text; without one the entry is called with `undefined`.
    pub input: Option<String>,
    /// The files that it finds while it runs.
    pub files: FileTree,
}
