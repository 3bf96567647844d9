//! A manifest's packages on systems other than the one that programs run on.

use std::collections::HashMap;

use deno_npm::NpmSystemInfo;
use deno_npm::registry::NpmPackageInfo;
use deno_npm::resolution::{NpmResolutionSnapshot, SerializedNpmResolutionSnapshot};

use super::{FIRST, Loaded, ROOT, age, graph_of, too_many};
use crate::error::Error;
use crate::lock::Graph;
use crate::manifest::Manifest;
use crate::policy::age::Ages;

/// Which optional dependencies of the root count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Roots {
    /// Those that can be had where programs run.
    OfPrograms,
    /// Those that can be had anywhere.
    OfAllSystems,
}

/// What a manifest stands for on every system.
pub(crate) struct Resolution {
    pub(super) snapshot: NpmResolutionSnapshot,
    pub(super) loaded: Loaded,
    pub(super) ages: Ages,
    pub(super) warnings: Vec<String>,
    pub(super) most: usize,
}

impl Resolution {
    /// The packages that one system needs.
    pub(crate) fn graph_for(&self, os: &str, cpu: &str) -> Result<Graph, Error> {
        let system = NpmSystemInfo { os: os.into(), cpu: cpu.into() };
        self.graph(&self.snapshot.as_valid_serialized_for_system(&system).into_serialized())
    }

    /// The packages that any system needs.
    pub(crate) fn graph_for_all(&self) -> Result<Graph, Error> {
        self.graph(&self.snapshot.as_valid_serialized().into_serialized())
    }

    fn graph(&self, serialized: &SerializedNpmResolutionSnapshot) -> Result<Graph, Error> {
        let mut graph = graph_of(serialized, &self.loaded)?;
        if graph.packages.len() > self.most {
            return Err(too_many(graph.packages.len(), self.most));
        }
        graph.warnings = self.warnings.clone();
        graph.held_back = age::held_back(serialized, &self.loaded, &self.ages);
        Ok(graph)
    }

    /// The packages that were asked about.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.loaded.keys().map(String::as_str).filter(|name| *name != ROOT)
    }
}

/// Lets systems be told apart by the root's own optional dependencies too.
pub(super) fn mark_optional(root: &mut NpmPackageInfo, manifest: &Manifest) {
    let optional: Vec<&str> =
        manifest.dependencies.iter().filter(|(_, asked)| asked.optional).map(|(alias, _)| alias.as_str()).collect();
    let mut versions: HashMap<_, _> = root.versions.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    for info in versions.values_mut() {
        for (key, range) in info.dependencies.clone() {
            if optional.contains(&key.strip_prefix(FIRST).unwrap_or(&key)) {
                info.optional_dependencies.insert(key, range);
            }
        }
    }
    root.versions = versions.into();
}
