//! What a run is given.

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::file_tree::FileTree;

/// An ESM module.
#[derive(Debug)]
pub struct Module {
    code: String,
    source_map: Option<String>,
    hash: OnceLock<[u8; 32]>,
}

impl Module {
    /// A module with its source map, by which stacks are mapped back. Its sources are shown as they are named there.
    pub fn new(code: String, source_map: Option<String>) -> Self {
        Self { code, source_map, hash: OnceLock::new() }
    }

    /// Its text.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// Its source map.
    pub fn source_map(&self) -> Option<&str> {
        self.source_map.as_deref()
    }

    /// SHA-256 of the text, computed once.
    pub(crate) fn hash(&self) -> &[u8; 32] {
        self.hash.get_or_init(|| Sha256::digest(self.code.as_bytes()).into())
    }
}

/// The packages of a program, as one module.
#[derive(Debug)]
pub struct Layer {
    /// The module.
    pub module: Module,
    /// Node's own modules that it imports, as `node:` names.
    pub builtins: Vec<String>,
    /// What its code can look at while it is evaluated.
    pub files: LayerFiles,
}

/// Which files a layer's code can look at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LayerFiles {
    /// None.
    None,
    /// The program's.
    Program,
}

/// One bundled program and its input.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file name that the module has under `/hoist`; it appears in stacks without a source map only.
    pub name: String,
    /// The ESM module. What it imports is the layer, Node's own, or in `files`.
    pub module: Arc<Module>,
    /// Node's own modules that it imports, as `node:` names.
    pub builtins: Vec<String>,
    /// What the program imports as `hoist:layer`.
    pub layer: Option<Arc<Layer>>,
    /// The input as text in the codec; without one the entry is called with `undefined`.
    pub input: Option<String>,
    /// What input and value are written in.
    pub codec: Codec,
    /// The files that it finds while it runs.
    pub files: FileTree,
    /// Whose program it is: nothing that one tenant's code was evaluated in serves another.
    pub tenant: Option<String>,
}

impl Program {
    /// The files that its layer's code can look at while it is evaluated.
    pub(crate) fn files_of_layer(&self) -> Option<&FileTree> {
        let sees_them = self.layer.as_ref().is_some_and(|layer| layer.files == LayerFiles::Program);
        sees_them.then_some(&self.files)
    }

    /// The files that a process which has evaluated the layer has not been sent yet.
    pub(crate) fn files_beside_layer(&self) -> Option<&FileTree> {
        self.files_of_layer().is_none().then_some(&self.files)
    }

    /// Code, maps and input together, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let module = |module: &Module| module.code.len() + module.source_map.as_ref().map_or(0, String::len);
        module(&self.module)
            + self.layer.as_ref().map_or(0, |layer| module(&layer.module))
            + self.input.as_ref().map_or(0, String::len)
    }
}

/// What a run's input and value are written in. Both are JSON texts.
///
/// With [`Codec::Tagged`] an object whose first member is `$type` stands for what JSON has no words for:
///
/// | value | text |
/// |---|---|
/// | `undefined` | `{"$type":"undefined"}` |
/// | `NaN`, `Infinity`, `-Infinity`, `-0` | `{"$type":"number","value":"NaN"}` |
/// | `12n` | `{"$type":"bigint","value":"12"}` |
/// | a `Date` | `{"$type":"date","value":"2026-01-31T00:00:00.000Z"}`; `null` for an invalid one |
/// | a `Map` | `{"$type":"map","value":[[key,value],…]}` |
/// | a `Set` | `{"$type":"set","value":[…]}` |
/// | a `Uint8Array` or `Buffer` | `{"$type":"bytes","value":"base64"}` |
/// | an `ArrayBuffer`, `DataView` or other typed array | the same with `"as":"Float64Array"`; numbers are little-endian |
/// | an object that has a member `$type` itself | `{"$type":"object","value":{…}}`, whose value is no tag |
///
/// Everything else is written as `JSON.stringify` would: a `toJSON` is called, functions and symbols are left out (of arrays:
/// `null`), classes lose their names. A `Buffer` comes back as a `Uint8Array`. What holds itself cannot be written.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// Plain JSON.
    #[default]
    Json,
    /// JSON with tags.
    Tagged,
}
