//! Dependency layers as requests use them, kept in memory between requests: a service runs many programs on few of them.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use executor::{Layer, LayerFiles, Module};

/// Layers that are kept. A layer is a few hundred kilobytes, with its map a few megabytes.
const KEPT: usize = 64;
/// Bytes of all layers that are kept together.
const KEPT_BYTES: usize = 256 << 20;

/// A layer.
#[derive(Debug)]
pub(crate) struct KnownLayer {
    /// What a run is given of it.
    pub(crate) run: Arc<Layer>,
    /// For each of its imports the names that it exports, when they are all known.
    pub(crate) exports: Vec<Option<BTreeSet<String>>>,
    /// SHA-256 of its code, in hexadecimal.
    pub(crate) hash: String,
    /// The code's size.
    pub(crate) bytes: usize,
}

impl KnownLayer {
    /// From what the bundler made.
    pub(crate) fn new(layer: bundler::Layer) -> Self {
        let bundler::Layer { bundle, exports } = layer;
        let (hash, bytes) = (bundle.hash(), bundle.code.len());
        let files = if bundle.needs_files { LayerFiles::Program } else { LayerFiles::None };
        let module = Module::new(bundle.code, Some(bundle.source_map));
        Self { run: Arc::new(Layer { module, builtins: bundle.builtins, files }), exports, hash, bytes }
    }

    /// Whether its code can look at files at run time.
    pub(crate) fn needs_files(&self) -> bool {
        self.run.files == LayerFiles::Program
    }

    fn size(&self) -> usize {
        self.bytes + self.run.module.source_map().map_or(0, str::len)
    }
}

/// The layers that were used last, by their keys.
#[derive(Debug, Default)]
pub(crate) struct Layers(Mutex<VecDeque<(String, Arc<KnownLayer>)>>);

impl Layers {
    /// The layer with this key.
    pub(crate) fn get(&self, key: &str) -> Option<Arc<KnownLayer>> {
        let mut layers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = layers.iter().position(|(known, _)| known == key)?;
        let entry = layers.remove(place)?;
        let layer = entry.1.clone();
        layers.push_front(entry);
        Some(layer)
    }

    /// Keeps a layer, and lets go of those that were used least lately.
    pub(crate) fn keep(&self, key: &str, layer: Arc<KnownLayer>) {
        let mut layers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        layers.push_front((key.to_owned(), layer));
        let mut bytes = 0;
        let fits = |(_, layer): &(String, Arc<KnownLayer>)| {
            bytes += layer.size();
            bytes <= KEPT_BYTES
        };
        let kept = layers.iter().take(KEPT).map(fits).take_while(|fits| *fits).count();
        layers.truncate(kept.max(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(code: &str) -> Arc<KnownLayer> {
        let module = Module::new(code.to_owned(), None);
        let run = Arc::new(Layer { module, builtins: Vec::new(), files: LayerFiles::None });
        Arc::new(KnownLayer { run, exports: Vec::new(), hash: String::new(), bytes: code.len() })
    }

    #[test]
    fn what_was_used_last_is_kept() {
        let layers = Layers::default();
        for number in 0..KEPT {
            layers.keep(&number.to_string(), layer("a"));
        }
        assert!(layers.get("0").is_some());
        layers.keep("new", layer("b"));
        assert!(layers.get("0").is_some());
        assert!(layers.get("1").is_none());
        assert!(layers.get("new").is_some());
    }
}
