//! Bundles and layers as they are kept: the names they are kept under, and their bytes.
//!
//! A name is made of everything that decides about the bytes (the graph, the program's files, what was asked for, this
//! build of the bundler) and of nothing else: no tenant, no secret, no time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    bundle::{Bundle, hex},
    layer::{Layer, LayerImport},
    options::BundleOptions,
};

/// This build of the bundler.
const ENGINE: &str = env!("HOIST_BUNDLER");

/// The name of a layer: of the packages with this hash, with these imports.
pub fn layer_key(graph: &str, imports: &[LayerImport], options: &BundleOptions) -> String {
    key(&("layer", ENGINE, graph, imports, options))
}

/// The name of a program's whole bundle. `program` is [`Worker::program_hash`](crate::Worker::program_hash)'s.
pub fn bundle_key(graph: &str, program: &str, rewrites: &BTreeMap<String, String>, options: &BundleOptions) -> String {
    key(&("bundle", ENGINE, graph, program, rewrites, options))
}

fn key(parts: &impl Serialize) -> String {
    let json = serde_json::to_vec(parts).expect("names and options are plain data");
    hex(&Sha256::digest(json))
}

/// What stands before the code and the map.
#[derive(Serialize, Deserialize)]
struct Header {
    /// Without its texts.
    bundle: Bundle,
    code_bytes: usize,
    exports: Vec<Option<BTreeSet<String>>>,
}

/// The length of a header's length.
const LENGTH: usize = size_of::<u32>();

fn to_bytes(bundle: &Bundle, exports: &[Option<BTreeSet<String>>]) -> Vec<u8> {
    let header = Header {
        bundle: Bundle { code: String::new(), source_map: String::new(), ..bundle.clone() },
        code_bytes: bundle.code.len(),
        exports: exports.to_vec(),
    };
    let header = serde_json::to_vec(&header).expect("a bundle's facts are plain data");
    let length = u32::try_from(header.len()).expect("a bundle's facts are small");
    [&length.to_le_bytes()[..], &header, bundle.code.as_bytes(), bundle.source_map.as_bytes()].concat()
}

fn from_bytes(bytes: &[u8]) -> Option<(Bundle, Vec<Option<BTreeSet<String>>>)> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
    let (header, texts) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    let (code, source_map) = std::str::from_utf8(texts).ok()?.split_at_checked(header.code_bytes)?;
    let bundle = Bundle { code: code.to_owned(), source_map: source_map.to_owned(), ..header.bundle };
    Some((bundle, header.exports))
}

impl Bundle {
    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(self, &[])
    }

    /// From kept bytes, when they are a bundle's.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        from_bytes(bytes).map(|(bundle, _)| bundle)
    }
}

impl Layer {
    /// The bytes to keep.
    pub fn to_bytes(&self) -> Vec<u8> {
        to_bytes(&self.bundle, &self.exports)
    }

    /// From kept bytes, when they are a layer's.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        from_bytes(bytes).map(|(bundle, exports)| Self { bundle, exports })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_back() {
        let bundle = Bundle {
            code: "export {}; // ä".to_owned(),
            source_map: "{}".to_owned(),
            builtins: vec!["node:fs".to_owned()],
            needs_files: true,
            read_at_run_time: Vec::new(),
            warnings: Vec::new(),
            modules: Vec::new(),
            licenses: Vec::new(),
        };
        let layer = Layer { bundle, exports: vec![None, Some(BTreeSet::from(["a".to_owned()]))] };
        let kept = layer.to_bytes();
        let again = Layer::from_bytes(&kept).unwrap();
        assert_eq!(again.bundle.code, layer.bundle.code);
        assert_eq!(again.bundle.source_map, "{}");
        assert_eq!(again.bundle.builtins, layer.bundle.builtins);
        assert_eq!(again.exports, layer.exports);
        for end in [0, 3, 10, kept.len() - 18] {
            assert!(Layer::from_bytes(&kept[..end]).is_none(), "{end}");
        }
    }

    #[test]
    fn names_differ() {
        let run = BundleOptions::run();
        let nothing = BTreeMap::new();
        let names = [
            layer_key("a", &[], &run),
            layer_key("b", &[], &run),
            layer_key("a", &[], &BundleOptions::bundle()),
            bundle_key("a", "", &nothing, &run),
            bundle_key("a", "x", &nothing, &run),
        ];
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }
}
