//! Every analysis against a slow one that follows the rule as it reads.

mod support;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use heap_graph::{
    Analysis, EdgeKind, EdgeName, HeapGraph, NO_DISTANCE, NodeIndex, NodeKind, Retainers, SYSTEM_DISTANCE,
};
use petgraph::graph::DiGraph;
use support::essential::{dominator_graph, is_user_root, reachable, weak_map_entry};
use support::{analysis, graph_of, random_heaps};

/// Calls `check` with random heaps; at least `least` must have no cycles that nothing holds.
fn with_dominator_graphs(
    count: usize,
    most_nodes: usize,
    least: usize,
    check: impl Fn(&HeapGraph, &Analysis, &[Vec<usize>], &str),
) {
    let mut compared = 0;
    for random in random_heaps(count, most_nodes) {
        let graph = graph_of(&random.heap());
        if let Some(next) = dominator_graph(&graph) {
            check(&graph, &analysis(&graph), &next, &format!("{random:?}"));
            compared += 1;
        }
    }
    assert!(compared >= least, "only {compared} heaps could be compared");
}

/// Immediate dominators by iteration over sets: the definition, without any cleverness.
fn naive_dominators(next: &[Vec<usize>]) -> Vec<usize> {
    let count = next.len();
    let mut before = vec![Vec::new(); count];
    for (from, targets) in next.iter().enumerate() {
        targets.iter().for_each(|&to| before[to].push(from));
    }
    let all: BTreeSet<usize> = (0..count).collect();
    let mut dominators = vec![all; count];
    dominators[0] = BTreeSet::from([0]);
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for node in 1..count {
            let mut sets = before[node].iter().map(|&from| dominators[from].clone());
            let mut set = sets.next().unwrap_or_default();
            sets.for_each(|other| set = &set & &other);
            set.insert(node);
            if set != dominators[node] {
                dominators[node] = set;
                changed = true;
            }
        }
    }
    let immediate = |node: usize| {
        let strict = dominators[node].iter().filter(|&&other| other != node);
        strict.max_by_key(|&&other| dominators[other].len()).copied().unwrap_or(0)
    };
    (0..count).map(immediate).collect()
}

#[test]
fn dominators_are_those_of_the_definition() {
    with_dominator_graphs(250, 120, 60, |graph, analysis, next, context| {
        for (node, &dominator) in naive_dominators(next).iter().enumerate() {
            let ours = analysis.dominator(NodeIndex(node as u32)).index();
            assert_eq!(ours, dominator, "node {node} of {}, {context}", graph.node_count());
        }
    });
}

#[test]
fn dominators_are_those_of_petgraph() {
    with_dominator_graphs(160, 1500, 8, |graph, analysis, next, context| {
        let mut theirs = DiGraph::<(), ()>::with_capacity(next.len(), 0);
        let nodes: Vec<_> = next.iter().map(|_| theirs.add_node(())).collect();
        for (from, targets) in next.iter().enumerate() {
            for &to in targets {
                theirs.add_edge(nodes[from], nodes[to], ());
            }
        }
        let dominators = petgraph::algo::dominators::simple_fast(&theirs, nodes[0]);
        for node in graph.nodes() {
            let dominator = dominators.immediate_dominator(nodes[node.index()]).unwrap_or(nodes[0]);
            assert_eq!(analysis.dominator(node).index(), dominator.index(), "{node:?}, {context}");
        }
    });
}

#[test]
fn retained_size_is_what_becomes_unreachable_without_the_node() {
    with_dominator_graphs(250, 100, 60, |graph, analysis, next, context| {
        for node in graph.nodes() {
            let left = reachable(next, Some(node.index()));
            let freed = graph.nodes().filter(|other| !left[other.index()]);
            let freed: u64 = freed.map(|other| analysis.shallow_size(other)).sum();
            assert_eq!(analysis.retained_size(node), freed, "{node:?}, {context}");
        }
    });
}

#[test]
fn the_root_retains_everything() {
    for random in random_heaps(120, 600) {
        let graph = graph_of(&random.heap());
        let analysis = analysis(&graph);
        let shallow: u64 = graph.nodes().map(|node| analysis.shallow_size(node)).sum();
        assert_eq!(analysis.retained_size(NodeIndex::ROOT), graph.total_self_size(), "{random:?}");
        assert_eq!(shallow, graph.total_self_size(), "sizes only move, {random:?}");
    }
}

/// All owners of each node that can be owned, as sets, until nothing changes.
fn slow_shallow_sizes(graph: &HeapGraph) -> Vec<u64> {
    let mut sizes: Vec<u64> = graph.nodes().map(|node| graph.raw_self_size(node)).collect();
    if !graph.edges(NodeIndex::ROOT).any(|edge| is_user_root(graph, edge.to)) {
        return sizes;
    }
    // In these heaps external string data is never a detached node of a document, or it would not be owned.
    let ownable = |node| {
        matches!(graph.kind(node), NodeKind::Hidden | NodeKind::Array)
            || (graph.kind(node) == NodeKind::Native && graph.name(node) == "system / ExternalStringData")
    };
    let mut owners: Vec<HashSet<NodeIndex>> = vec![HashSet::new(); graph.node_count()];
    let mut changed = true;
    while std::mem::take(&mut changed) {
        for node in graph.nodes() {
            let from = if ownable(node) { owners[node.index()].clone() } else { HashSet::from([node]) };
            for edge in graph.edges(node).filter(|edge| edge.kind != EdgeKind::Weak && ownable(edge.to)) {
                let set = &mut owners[edge.to.index()];
                let before = set.len();
                set.extend(&from);
                changed |= set.len() != before;
            }
        }
    }
    for node in graph.nodes() {
        let mut set = owners[node.index()].iter();
        if let (Some(&owner), None) = (set.next(), set.next())
            && graph.kind(owner) != NodeKind::Synthetic
            && owner != NodeIndex::ROOT
        {
            sizes[owner.index()] += std::mem::take(&mut sizes[node.index()]);
        }
    }
    sizes
}

#[test]
fn shallow_sizes_move_to_sole_owners() {
    let mut compared = 0;
    for random in random_heaps(200, 150) {
        let graph = graph_of(&random.heap());
        let detached = |node| graph.raw_detachedness(node) != 0;
        let is_external = |node| graph.name(node) == "system / ExternalStringData";
        if graph.nodes().any(detached) && graph.nodes().any(is_external) {
            continue;
        }
        compared += 1;
        let analysis = analysis(&graph);
        let ours: Vec<u64> = graph.nodes().map(|node| analysis.shallow_size(node)).collect();
        assert_eq!(ours, slow_shallow_sizes(&graph), "{random:?}");
    }
    assert!(compared > 40, "{compared}");
}

/// The rules of distances, one by one.
fn slow_distances(graph: &HeapGraph) -> Vec<i32> {
    let mut distances = vec![NO_DISTANCE; graph.node_count()];
    let mut seen_once: HashSet<&str> = HashSet::new();
    let mut queue = VecDeque::new();
    for edge in graph.edges(NodeIndex::ROOT).filter(|edge| is_user_root(graph, edge.to)) {
        distances[edge.to.index()] = 1;
        queue.push_back(edge.to);
    }
    let root_distance = if queue.is_empty() { 0 } else { SYSTEM_DISTANCE };
    for from_system in [false, true] {
        if from_system {
            distances[0] = root_distance;
            queue = VecDeque::from([NodeIndex::ROOT]);
        }
        while let Some(node) = queue.pop_front() {
            for edge in graph.edges(node) {
                if edge.kind == EdgeKind::Weak || distances[edge.to.index()] != NO_DISTANCE {
                    continue;
                }
                let name = graph.edge_name(&edge);
                // JavaScript's parseInt: what follows the digits does not matter.
                let text = name.to_string();
                let digits = text.bytes().take_while(u8::is_ascii_digit).count();
                let number = text[..digits].parse::<u32>().ok();
                let skipped = match (graph.kind(node), graph.name(node)) {
                    (NodeKind::Hidden, "system / NativeContext") => {
                        name == EdgeName::Name("sloppy_function_map")
                    }
                    (NodeKind::Array, "(map descriptors)") => {
                        number.is_some_and(|index| index >= 2 && index % 3 == 1)
                    }
                    _ => false,
                };
                let is_descriptors =
                    graph.kind(node) == NodeKind::Array && graph.name(node) == "(map descriptors)";
                let ephemeron = weak_map_entry(graph, &edge).filter(|_| !is_descriptors);
                let too_early = !skipped
                    && ephemeron.is_some_and(|(pair, _)| !seen_once.remove(pair) && seen_once.insert(pair));
                if !skipped && !too_early {
                    distances[edge.to.index()] = distances[node.index()] + 1;
                    queue.push_back(edge.to);
                }
            }
        }
    }
    distances
}

#[test]
fn distances_are_those_of_the_rules() {
    for random in random_heaps(400, 300) {
        let graph = graph_of(&random.heap());
        let analysis = analysis(&graph);
        let ours: Vec<i32> = graph.nodes().map(|node| analysis.distance(node)).collect();
        assert_eq!(ours, slow_distances(&graph), "{random:?}");
    }
}

#[test]
fn retainers_are_the_edges_backward() {
    for random in random_heaps(150, 400) {
        let graph = graph_of(&random.heap());
        let retainers = Retainers::new(&graph).expect("a small graph");
        let mut reversed = vec![Vec::new(); graph.node_count()];
        for node in graph.nodes() {
            for edge in graph.edges(node) {
                assert_eq!(graph.source(edge.index), node);
                reversed[edge.to.index()].push((node, edge));
            }
        }
        for node in graph.nodes() {
            let ours: Vec<_> = retainers.edges(&graph, node).collect();
            assert_eq!(ours, reversed[node.index()], "{node:?}, {random:?}");
            let from: Vec<u32> = reversed[node.index()].iter().map(|(from, _)| from.0).collect();
            assert_eq!(retainers.of(node), from);
        }
    }
}

#[test]
fn class_rows_are_sums_over_nodes() {
    for random in random_heaps(200, 300) {
        let graph = graph_of(&random.heap());
        let analysis = analysis(&graph);
        let mut sums: HashMap<u32, (u64, u64, u64, i32)> = HashMap::new();
        for node in graph.nodes().filter(|&node| analysis.shallow_size(node) > 0) {
            let class = analysis.class_of(node);
            let mut above = node;
            let mut is_nested = false;
            while above != NodeIndex::ROOT {
                above = analysis.dominator(above);
                is_nested |= analysis.class_of(above) == class && analysis.shallow_size(above) > 0;
            }
            let sum = sums.entry(class).or_insert((0, 0, 0, i32::MAX));
            sum.0 += 1;
            sum.1 += analysis.shallow_size(node);
            sum.2 += if is_nested { 0 } else { analysis.retained_size(node) };
            sum.3 = sum.3.min(analysis.distance(node));
        }
        let ours = analysis
            .class_rows()
            .iter()
            .map(|row| (row.class, (row.count, row.shallow_size, row.retained_size, row.distance)));
        assert_eq!(ours.collect::<HashMap<_, _>>(), sums, "{random:?}");
    }
}
