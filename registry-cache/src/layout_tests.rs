use proptest::prelude::*;

use super::*;
use crate::lock::LockedPackage;

impl Layout {
    /// Dependencies that Node's lookup does not take where the graph says, as sentences.
    fn violations(&self, graph: &Graph) -> Vec<String> {
        let by_path: BTreeMap<String, &str> =
            (1..self.folders.len()).map(|index| (self.path(index), self.folders[index].id.as_str())).collect();
        let mut found = Vec::new();
        let mut check = |from: &str, dependencies: &BTreeMap<String, String>| {
            for (alias, id) in dependencies {
                let reached = lookup(&by_path, from, alias);
                if reached != Some(id.as_str()) {
                    found.push(format!("{alias} from {from:?} reaches {reached:?} and not {id}"));
                }
            }
        };
        check("", &graph.root);
        for (path, id) in &by_path {
            check(path, &graph.packages[*id].dependencies);
        }
        found
    }

    fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> =
            (1..self.folders.len()).map(|index| format!("{} {}", self.path(index), self.folders[index].id)).collect();
        lines.sort();
        lines
    }
}

/// Node's algorithm ("NODE_MODULES_PATHS"), on paths alone, to be independent of how the layout was made.
fn lookup<'a>(by_path: &BTreeMap<String, &'a str>, from: &str, alias: &str) -> Option<&'a str> {
    let mut folder = from.to_owned();
    loop {
        let inner = if folder.is_empty() { "node_modules".to_owned() } else { format!("{folder}/node_modules") };
        // Node does not look for node_modules in node_modules.
        if folder.rsplit('/').next() != Some("node_modules")
            && let Some(id) = by_path.get(&format!("{inner}/{alias}"))
        {
            return Some(id);
        }
        if folder.is_empty() {
            return None;
        }
        folder = folder.rsplit_once('/').map(|(above, _)| above.to_owned()).unwrap_or_default();
    }
}

fn graph(root: &[(&str, &str)], packages: &[(&str, &[(&str, &str)])]) -> Graph {
    let map =
        |entries: &[(&str, &str)]| entries.iter().map(|(alias, id)| ((*alias).to_owned(), (*id).to_owned())).collect();
    let package = |id: &str, dependencies: &[(&str, &str)]| LockedPackage {
        name: id.split('@').next().unwrap().to_owned(),
        version: "1.0.0".to_owned(),
        integrity: String::new(),
        tarball: String::new(),
        dependencies: map(dependencies),
        peers: BTreeSet::new(),
    };
    Graph {
        root: map(root),
        packages: packages.iter().map(|(id, dependencies)| ((*id).to_owned(), package(id, dependencies))).collect(),
        ..Graph::default()
    }
}

fn place(graph: &Graph) -> Layout {
    let layout = Layout::place(graph, 32, 20_000).unwrap();
    assert_eq!(layout.violations(graph), Vec::<String>::new());
    layout
}

#[test]
fn what_nobody_disputes_stands_at_the_top() {
    let graph = graph(&[("a", "a@1")], &[("a@1", &[("b", "b@1")]), ("b@1", &[("c", "c@1")]), ("c@1", &[])]);
    assert_eq!(place(&graph).lines(), ["node_modules/a a@1", "node_modules/b b@1", "node_modules/c c@1"]);
}

#[test]
fn a_second_version_stands_below_who_wants_it() {
    let graph = graph(
        &[("a", "a@1"), ("c", "c@1")],
        &[("a@1", &[("c", "c@2"), ("d", "d@1")]), ("c@1", &[]), ("c@2", &[("d", "d@2")]), ("d@1", &[]), ("d@2", &[])],
    );
    let expected = [
        "node_modules/a a@1",
        "node_modules/a/node_modules/c c@2",
        "node_modules/a/node_modules/c/node_modules/d d@2",
        "node_modules/c c@1",
        "node_modules/d d@1",
    ];
    assert_eq!(place(&graph).lines(), expected);
}

#[test]
fn a_package_in_two_peer_contexts_stands_twice() {
    let graph = graph(
        &[("plugin", "plugin@1_peer@1"), ("peer", "peer@1"), ("b", "b@1")],
        &[
            ("plugin@1_peer@1", &[("peer", "peer@1")]),
            ("plugin@1_peer@2", &[("peer", "peer@2")]),
            ("peer@1", &[]),
            ("peer@2", &[]),
            ("b@1", &[("plugin", "plugin@1_peer@2"), ("peer", "peer@2")]),
        ],
    );
    let lines = place(&graph).lines();
    assert!(lines.contains(&"node_modules/b/node_modules/plugin plugin@1_peer@2".to_owned()), "{lines:?}");
    assert!(lines.contains(&"node_modules/b/node_modules/peer peer@2".to_owned()), "{lines:?}");
}

fn with_peers(mut graph: Graph, peers: &[(&str, &str)]) -> Graph {
    for (id, peer) in peers {
        graph.packages.get_mut(*id).unwrap().peers.insert((*peer).to_owned());
    }
    graph
}

#[test]
fn a_peer_is_the_folder_that_the_dependent_finds() {
    // `old` brings its own peer for `plugin`; the root has another version of the peer, but no plugin.
    let graph = graph(
        &[("old", "old@1"), ("peer", "peer@2")],
        &[
            ("old@1", &[("plugin", "plugin@1_peer@1"), ("zeal", "zeal@1_peer@1"), ("peer", "peer@1")]),
            ("plugin@1_peer@1", &[("peer", "peer@1")]),
            ("zeal@1_peer@1", &[("middle", "middle@1_peer@1")]),
            ("middle@1_peer@1", &[("plugin", "plugin@1_peer@1"), ("free", "free@1")]),
            ("free@1", &[]),
            ("peer@1", &[]),
            ("peer@2", &[]),
        ],
    );
    let graph = with_peers(graph, &[("plugin@1_peer@1", "peer")]);
    let expected = [
        "node_modules/free free@1",
        "node_modules/old old@1",
        "node_modules/old/node_modules/middle middle@1_peer@1",
        "node_modules/old/node_modules/peer peer@1",
        "node_modules/old/node_modules/plugin plugin@1_peer@1",
        "node_modules/old/node_modules/zeal zeal@1_peer@1",
        "node_modules/peer peer@2",
    ];
    assert_eq!(place(&graph).lines(), expected);
}

#[test]
fn a_peer_that_nobody_asked_for_stands_beside_who_needs_it() {
    let graph = graph(
        &[("a", "a@1"), ("b", "b@1")],
        &[
            ("a@1", &[("plugin", "plugin@1")]),
            ("b@1", &[("plugin", "plugin@1")]),
            ("plugin@1", &[("peer", "peer@1")]),
            ("peer@1", &[]),
        ],
    );
    let graph = with_peers(graph, &[("plugin@1", "peer")]);
    let expected =
        ["node_modules/a a@1", "node_modules/b b@1", "node_modules/peer peer@1", "node_modules/plugin plugin@1"];
    assert_eq!(place(&graph).lines(), expected);
}

#[test]
fn the_peer_of_a_peer_does_not_take_the_place_of_what_it_is_for() {
    let graph = graph(
        &[("a", "a@1")],
        &[
            ("a@1", &[("b", "b@2")]),
            ("b@2", &[("c", "c@1")]),
            ("c@1", &[("d", "d@1")]),
            ("d@1", &[("b", "b@1"), ("c", "c@2")]),
            ("b@1", &[]),
            ("c@2", &[]),
        ],
    );
    place(&with_peers(graph, &[("b@2", "c"), ("d@1", "b")]));
}

#[test]
fn peers_in_a_circle_end() {
    let graph = graph(
        &[("a", "a@1")],
        &[("a@1", &[("b", "b@1"), ("c", "c@1")]), ("b@1", &[("c", "c@1"), ("a", "a@1")]), ("c@1", &[("b", "b@1")])],
    );
    let graph = with_peers(graph, &[("b@1", "c"), ("b@1", "a"), ("c@1", "b")]);
    assert_eq!(place(&graph).lines(), ["node_modules/a a@1", "node_modules/b b@1", "node_modules/c c@1"]);
}

#[test]
fn aliases_and_cycles_and_a_dependency_of_ones_own_name() {
    let graph = graph(
        &[("x", "a@1"), ("@s/y", "a@1")],
        &[("a@1", &[("b", "b@1"), ("a", "a@0")]), ("b@1", &[("a", "a@1")]), ("a@0", &[])],
    );
    let lines = place(&graph).lines();
    assert!(lines.contains(&"node_modules/@s/y a@1".to_owned()), "{lines:?}");
}

#[test]
fn a_crosswise_cycle_has_no_end_and_is_an_error() {
    let graph = graph(
        &[("a", "a@1")],
        &[("a@1", &[("b", "b@1")]), ("b@1", &[("a", "a@2")]), ("a@2", &[("b", "b@2")]), ("b@2", &[("a", "a@1")])],
    );
    let error = Layout::place(&graph, 32, 20_000).unwrap_err();
    assert_eq!((error.code(), error.hint().unwrap().as_str()), ("package-limit", "raise limits.tree_depth"));
}

#[test]
fn a_graph_that_names_what_is_not_there_is_an_error() {
    let graph = graph(&[("a", "a@1")], &[]);
    assert_eq!(Layout::place(&graph, 32, 100).unwrap_err().code(), "graph-inconsistent");
}

/// Graphs of up to 7 names in 3 versions with any edges between them, cycles included.
fn graphs() -> impl Strategy<Value = Graph> {
    let edges =
        proptest::collection::vec((0..7usize, 0..3usize, 0..7usize, 0..3usize, proptest::bool::weighted(0.2)), 0..30);
    let root = proptest::collection::btree_map(0..7usize, 0..3usize, 1..5);
    (root, edges).prop_map(|(root, edges)| {
        let name = |index: usize| format!("p{index}");
        let id = |index: usize, version: usize| format!("p{index}@{version}");
        let mut graph = graph(&[], &[]);
        for index in 0..7 {
            for version in 0..3 {
                let package = LockedPackage {
                    name: name(index),
                    version: version.to_string(),
                    integrity: String::new(),
                    tarball: String::new(),
                    dependencies: BTreeMap::new(),
                    peers: BTreeSet::new(),
                };
                graph.packages.insert(id(index, version), package);
            }
        }
        graph.root = root.into_iter().map(|(index, version)| (name(index), id(index, version))).collect();
        for (from, version, to, wanted, peer) in edges {
            let package = graph.packages.get_mut(&id(from, version)).unwrap();
            if peer {
                package.peers.insert(name(to));
            }
            package.dependencies.insert(name(to), id(to, wanted));
        }
        graph
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn lookups_reach_what_the_graph_says(graph in graphs()) {
        match Layout::place(&graph, 12, 3000) {
            Ok(layout) => {
                prop_assert_eq!(layout.violations(&graph), Vec::<String>::new());
                prop_assert_eq!(layout.lines(), Layout::place(&graph, 12, 3000).unwrap().lines());
                // Dependencies of the root stand at the top, under their own names.
                for (alias, id) in &graph.root {
                    let line = format!("node_modules/{alias} {id}");
                    prop_assert!(layout.lines().contains(&line));
                }
            }
            // Only a crosswise cycle may be without a layout.
            Err(error) => prop_assert_eq!(error.code(), "package-limit"),
        }
    }

    #[test]
    fn graphs_without_conflicts_are_flat(graph in graphs()) {
        let mut graph = graph;
        let flatten = |dependencies: &mut BTreeMap<String, String>| {
            for (alias, id) in dependencies.iter_mut() {
                *id = format!("{alias}@0");
            }
        };
        flatten(&mut graph.root);
        graph.packages.values_mut().for_each(|package| flatten(&mut package.dependencies));
        let layout = Layout::place(&graph, 12, 3000).unwrap();
        prop_assert_eq!(layout.violations(&graph), Vec::<String>::new());
        prop_assert!(layout.folders.iter().all(|folder| folder.depth <= 1));
    }
}
