//! What a run is given.

use serde::{Deserialize, Serialize};

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
    /// The input as text in the codec; without one the entry is called with `undefined`.
    pub input: Option<String>,
    /// What input and value are written in.
    pub codec: Codec,
    /// The files that it finds while it runs.
    pub files: FileTree,
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
