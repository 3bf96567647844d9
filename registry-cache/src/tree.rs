//! The tree that a bundler sees: package folders where npm would put them, each with its files.
//!
//! Where they go is `layout.rs`'s business; this file joins places and images. Nothing is written to a disk.

use std::sync::Arc;

use crate::cache::Packages;
use crate::error::Error;
use crate::image::PackageImage;
use crate::layout::{Layout, unknown};
use crate::lock::Graph;

/// Package folders with their files.
#[derive(Clone, Debug)]
pub struct Tree {
    /// In order of their paths.
    pub mounts: Vec<Mount>,
}

/// One package folder.
#[derive(Clone, Debug)]
pub struct Mount {
    /// `node_modules/a/node_modules/b`, with the names that things are imported by.
    pub path: String,
    /// `name@version`, for people.
    pub package_id: String,
    /// The folder's files.
    pub image: Arc<PackageImage>,
}

impl Tree {
    /// Lays a graph out. `packages` are what [`crate::Cache::fetch`] made of the same graph.
    pub fn hoist(graph: &Graph, packages: &Packages) -> Result<Self, Error> {
        let layout = Layout::place(graph, packages.tree_depth, packages.tree_folders)?;
        let mut mounts = Vec::new();
        for (path, id) in layout.packages() {
            let package = graph.packages.get(id).ok_or_else(|| unknown(id))?;
            let image = packages.image(id).ok_or_else(|| Error::Graph { detail: format!("{id} was not fetched") })?;
            mounts.push(Mount { path, package_id: package.display(), image: image.clone() });
        }
        mounts.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { mounts })
    }
}
