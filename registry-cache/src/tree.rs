//! npm's hoisted layout: every package as high up as it can stand.
//!
//! The layout keeps one invariant, by construction and checked by [`Layout::violations`]: Node's lookup ("loading from
//! node_modules folders", from a package's folder upwards) reaches for each of a package's dependencies exactly the package
//! that the graph names. There are no links, so a package that stands in two peer contexts, or is in the way of another
//! version, stands several times. Breadth first, names in order: the same graph gives the same tree everywhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::cache::Packages;
use crate::error::Error;
use crate::image::PackageImage;
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
        let mut mounts = Vec::with_capacity(layout.folders.len());
        for index in 1..layout.folders.len() {
            let id = &layout.folders[index].id;
            let package = graph.packages.get(id).ok_or_else(|| unknown(id))?;
            let image = packages.image(id).ok_or_else(|| Error::Graph { detail: format!("{id} was not fetched") })?;
            mounts.push(Mount { path: layout.path(index), package_id: package.display(), image: image.clone() });
        }
        mounts.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Self { mounts })
    }
}

fn unknown(id: &str) -> Error {
    Error::Graph { detail: format!("{id} is named and not there") }
}

/// A package folder, or the root (the first one), with the `node_modules` in it.
#[derive(Debug, Default)]
struct Folder {
    alias: String,
    id: String,
    parent: Option<usize>,
    depth: usize,
    children: BTreeMap<String, usize>,
    /// Names that a lookup has passed here on its way up without finding them. Whatever is placed here under one of
    /// them would catch that lookup.
    passed: BTreeSet<String>,
}

#[derive(Debug)]
struct Layout {
    folders: Vec<Folder>,
}

impl Layout {
    fn place(graph: &Graph, most_depth: usize, most_folders: usize) -> Result<Self, Error> {
        let mut layout = Self { folders: vec![Folder::default()] };
        let mut queue = VecDeque::from([0]);
        while let Some(from) = queue.pop_front() {
            let dependencies = match from {
                0 => &graph.root,
                _ => {
                    let id = &layout.folders[from].id;
                    &graph.packages.get(id).ok_or_else(|| unknown(id))?.dependencies
                }
            };
            for (alias, id) in dependencies {
                let Some(at) = layout.spot(from, alias, id) else { continue };
                let new = layout.add(at, alias, id);
                layout.pass(from, at, alias);
                let package = || format!("the tree at {}", layout.path(new));
                let depth = layout.folders[new].depth;
                if depth > most_depth {
                    // Two versions of two packages that need each other crosswise have no finite layout without links.
                    return Err(limit(package(), "its depth", depth, most_depth, "limits.tree_depth"));
                }
                if layout.folders.len() > most_folders {
                    return Err(limit(
                        package(),
                        "the number of package folders",
                        layout.folders.len(),
                        most_folders,
                        "limits.tree_folders",
                    ));
                }
                queue.push_back(new);
            }
        }
        Ok(layout)
    }

    /// The highest folder where a dependency of `from` can be placed; none when a lookup finds it already.
    fn spot(&mut self, from: usize, alias: &str, id: &str) -> Option<usize> {
        let mut best = from;
        let mut current = Some(from);
        while let Some(folder) = current {
            if let Some(child) = self.folders[folder].children.get(alias) {
                if self.folders[*child].id == id {
                    self.pass(from, folder, alias);
                    return None;
                }
                // Another version is in the way: this folder and all above it are out of reach.
                break;
            }
            // `from` itself is always free: nothing below it has been looked up before its own dependencies.
            if !self.folders[folder].passed.contains(alias) {
                best = folder;
            }
            current = self.folders[folder].parent;
        }
        Some(best)
    }

    /// Notes that a lookup from `from` passes the folders below `found`.
    fn pass(&mut self, from: usize, found: usize, alias: &str) {
        let mut current = from;
        while current != found {
            self.folders[current].passed.insert(alias.to_owned());
            current = self.folders[current].parent.expect("a lookup ends at or below the root");
        }
    }

    fn add(&mut self, parent: usize, alias: &str, id: &str) -> usize {
        let index = self.folders.len();
        let depth = self.folders[parent].depth + 1;
        self.folders.push(Folder {
            alias: alias.to_owned(),
            id: id.to_owned(),
            parent: Some(parent),
            depth,
            ..Folder::default()
        });
        self.folders[parent].children.insert(alias.to_owned(), index);
        index
    }

    fn path(&self, index: usize) -> String {
        let mut parts = Vec::new();
        let mut current = index;
        while let Some(parent) = self.folders[current].parent {
            parts.push(format!("node_modules/{}", self.folders[current].alias));
            current = parent;
        }
        parts.reverse();
        parts.join("/")
    }
}

fn limit(subject: String, what: &'static str, measured: usize, limit: usize, knob: &'static str) -> Error {
    Error::Limit { subject, what, measured: measured as u64, limit: limit as u64, knob }
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
