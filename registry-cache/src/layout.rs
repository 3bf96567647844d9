//! npm's hoisted layout: every package as high up as it can stand.
//!
//! Two invariants. Node's lookup ("loading from node_modules folders", from a package's folder upwards) reaches for each of
//! a package's dependencies exactly the package that the graph names: by construction, and tested. And a peer is not only the
//! right version but the same folder that whoever depends on the package finds, so that there is one instance of it: a
//! package stands no higher than the peers that it, or something below it, needs from outside. (Peers that need each other in
//! a circle are placed as well as may be.)
//!
//! There are no links, so a package that stands in two peer contexts, or whose place another version has taken, stands
//! several times. Breadth first, names in order, peers before who needs them: the same graph gives the same tree everywhere.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::error::Error;
use crate::lock::Graph;

/// Peers of peers of peers are followed this far; npm's real ones go three deep.
const PEER_DEPTH: usize = 32;

/// Where every package of a graph stands.
#[derive(Debug)]
pub(crate) struct Layout {
    folders: Vec<Folder>,
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

/// What a package, or something below it, needs from outside: ids by name.
type PeerSets<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>;

pub(crate) fn unknown(id: &str) -> Error {
    Error::Graph { detail: format!("{id} is named and not there") }
}

impl Layout {
    /// Places a graph, in at most so many folders inside folders, and at most so many in all.
    pub(crate) fn place(graph: &Graph, most_depth: usize, most_folders: usize) -> Result<Self, Error> {
        let peers = peer_sets(graph);
        let layout = Self { folders: vec![Folder::default()] };
        let mut placing = Placing { graph, peers, layout, queue: VecDeque::from([0]), most_depth, most_folders };
        while let Some(from) = placing.queue.pop_front() {
            for (alias, id) in placing.dependencies(from)? {
                placing.require(from, alias, id, &mut Vec::new())?;
            }
        }
        Ok(placing.layout)
    }

    /// The path and the package id of every folder.
    pub(crate) fn packages(&self) -> impl Iterator<Item = (String, &str)> {
        (1..self.folders.len()).map(|index| (self.path(index), self.folders[index].id.as_str()))
    }

    /// The folder that Node's lookup reaches.
    fn find(&self, from: usize, alias: &str) -> Option<usize> {
        let mut current = Some(from);
        while let Some(folder) = current {
            if let Some(child) = self.folders[folder].children.get(alias) {
                return Some(*child);
            }
            current = self.folders[folder].parent;
        }
        None
    }

    fn parent(&self, folder: usize) -> usize {
        self.folders[folder].parent.unwrap_or_default()
    }

    /// Notes that a lookup from `from` passes the folders below `found`.
    fn pass(&mut self, from: usize, found: usize, alias: &str) {
        let mut current = from;
        while current != found {
            self.folders[current].passed.insert(alias.to_owned());
            current = self.parent(current);
        }
    }

    /// The highest folder, down to a depth, where a dependency of `from` can be placed.
    fn spot(&self, from: usize, alias: &str, highest: usize) -> usize {
        let mut best = from;
        let mut current = Some(from);
        while let Some(folder) = current.filter(|folder| self.folders[*folder].depth >= highest) {
            if self.folders[folder].children.contains_key(alias) {
                // Another one is in the way: this folder and all above it are out of reach.
                break;
            }
            // `from` itself is always free: what was looked up there before were its own dependencies, and peers of
            // theirs that do not contradict them.
            if !self.folders[folder].passed.contains(alias) {
                best = folder;
            }
            current = self.folders[folder].parent;
        }
        best
    }

    fn add(&mut self, parent: usize, alias: &str, id: &str) -> usize {
        let index = self.folders.len();
        let depth = self.folders[parent].depth + 1;
        let folder =
            Folder { alias: alias.to_owned(), id: id.to_owned(), parent: Some(parent), depth, ..Folder::default() };
        self.folders.push(folder);
        let replaced = self.folders[parent].children.insert(alias.to_owned(), index);
        debug_assert!(replaced.is_none(), "a folder is placed where nothing stands");
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

/// A layout in the making.
struct Placing<'a> {
    graph: &'a Graph,
    peers: PeerSets<'a>,
    layout: Layout,
    /// Folders whose dependencies are still to be placed.
    queue: VecDeque<usize>,
    most_depth: usize,
    most_folders: usize,
}

impl<'a> Placing<'a> {
    fn dependencies(&self, from: usize) -> Result<&'a BTreeMap<String, String>, Error> {
        if from == 0 {
            return Ok(&self.graph.root);
        }
        let id = &self.layout.folders[from].id;
        Ok(&self.graph.packages.get(id).ok_or_else(|| unknown(id))?.dependencies)
    }

    /// Makes a lookup of `alias` from `from` reach `id`, and says which folder it reaches. `trail` is what this is for.
    fn require(
        &mut self,
        from: usize,
        alias: &'a str,
        id: &'a str,
        trail: &mut Vec<(&'a str, &'a str)>,
    ) -> Result<usize, Error> {
        let peers = self.peers_seen(from, alias, id, trail)?;
        if let Some(found) = self.layout.find(from, alias)
            && self.layout.folders[found].id == id
            && (self.layout.parent(found) == from || self.sees(found, &peers))
        {
            self.layout.pass(from, self.layout.parent(found), alias);
            return Ok(found);
        }
        let highest = peers.iter().map(|(_, peer)| self.layout.folders[self.layout.parent(*peer)].depth).max();
        let at = self.layout.spot(from, alias, highest.unwrap_or_default());
        let new = self.layout.add(at, alias, id);
        self.layout.pass(from, at, alias);
        self.check_bounds(new)?;
        self.queue.push_back(new);
        Ok(new)
    }

    /// The folders of the peers of `id` as `from` finds them. Those that are not there yet are placed first.
    fn peers_seen(
        &mut self,
        from: usize,
        alias: &'a str,
        id: &'a str,
        trail: &mut Vec<(&'a str, &'a str)>,
    ) -> Result<Vec<(&'a str, usize)>, Error> {
        let wanted: Vec<(&'a str, &'a str)> =
            self.peers.get(id).into_iter().flatten().map(|(peer, id)| (*peer, *id)).collect();
        let own = self.dependencies(from)?;
        let mut seen = Vec::new();
        trail.push((alias, id));
        for (peer, peer_id) in wanted {
            // What `from` depends on itself, finds for another package, or is about to get is not replaced: the peer gets
            // a folder below the package that needs it.
            let elsewhere = own.get(peer).is_some_and(|own| own != peer_id)
                || trail.iter().any(|(alias, _)| *alias == peer)
                || self.holds_another(from, peer, peer_id);
            if elsewhere || trail.len() > PEER_DEPTH {
                continue;
            }
            seen.push((peer, self.require(from, peer, peer_id, trail)?));
        }
        trail.pop();
        Ok(seen)
    }

    /// Whether lookups of this name from a folder, or through it, have reached another package.
    fn holds_another(&self, from: usize, alias: &str, id: &str) -> bool {
        let folder = &self.layout.folders[from];
        let is_fixed = folder.children.contains_key(alias) || folder.passed.contains(alias);
        is_fixed && self.layout.find(from, alias).is_some_and(|found| self.layout.folders[found].id != id)
    }

    /// Whether a package that stands already finds the same peers. Those that it does not find at all are to come.
    fn sees(&self, folder: usize, peers: &[(&str, usize)]) -> bool {
        peers.iter().all(|(peer, expected)| self.layout.find(folder, peer).is_none_or(|found| found == *expected))
    }

    fn check_bounds(&self, new: usize) -> Result<(), Error> {
        let limit = |what, measured: usize, limit: usize, knob| Error::Limit {
            subject: format!("the tree at {}", self.layout.path(new)),
            what,
            measured: measured as u64,
            limit: limit as u64,
            knob,
        };
        let depth = self.layout.folders[new].depth;
        if depth > self.most_depth {
            // Two versions of two packages that need each other crosswise have no finite layout without links.
            return Err(limit("its depth", depth, self.most_depth, "limits.tree_depth"));
        }
        let folders = self.layout.folders.len() - 1;
        if folders > self.most_folders {
            return Err(limit("the number of package folders", folders, self.most_folders, "limits.tree_folders"));
        }
        Ok(())
    }
}

/// Every package's own peers, and those of what it depends on that it does not bring itself.
fn peer_sets(graph: &Graph) -> PeerSets<'_> {
    let mut sets: PeerSets<'_> = graph
        .packages
        .iter()
        .map(|(id, package)| {
            let own = package.peers.iter().filter_map(|peer| package.dependencies.get_key_value(peer));
            (id.as_str(), own.map(|(peer, id)| (peer.as_str(), id.as_str())).collect())
        })
        .collect();
    loop {
        let mut grown = false;
        for (id, package) in &graph.packages {
            let below: Vec<(&str, &str)> = package
                .dependencies
                .iter()
                .filter(|(alias, _)| !package.peers.contains(*alias))
                .filter_map(|(_, next)| sets.get(next.as_str()))
                .flatten()
                .filter(|(peer, peer_id)| !package.dependencies.contains_key(**peer) && **peer_id != id.as_str())
                .map(|(peer, peer_id)| (*peer, *peer_id))
                .collect();
            let set = sets.entry(id.as_str()).or_default();
            for (peer, peer_id) in below {
                grown |= set.insert(peer, peer_id).is_none();
            }
        }
        if !grown {
            return sets;
        }
    }
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
