//! The rules of DevTools for edges and roots, once more and as slowly as they read, for reference
//! implementations to stand on.

use heap_graph::{Edge, EdgeKind, EdgeName, HeapGraph, NodeIndex, NodeKind};

/// The entry of a WeakMap that an internal edge's name stands for: the part that both edges share, and the
/// table's id.
pub(crate) fn weak_map_entry<'a>(graph: &'a HeapGraph, edge: &Edge) -> Option<(&'a str, u64)> {
    let EdgeName::Name(name) = graph.edge_name(edge) else { return None };
    if edge.kind != EdgeKind::Internal {
        return None;
    }
    let (number, rest) = name.split_once(" / part of key (")?;
    let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (_, table) = rest.rsplit_once(" pair in WeakMap (table @")?;
    let table = table.strip_suffix(')')?;
    (all_digits(number) && all_digits(table)).then(|| (&name[number.len()..], table.parse().unwrap()))
}

pub(crate) fn is_user_root(graph: &HeapGraph, node: NodeIndex) -> bool {
    graph.kind(node) != NodeKind::Synthetic || graph.name(node) == "(Document DOM trees)"
}

/// What the global object and the DOM trees reach.
pub(crate) fn page_owned(graph: &HeapGraph) -> Vec<bool> {
    let mut owned = vec![false; graph.node_count()];
    for edge in graph.edges(NodeIndex::ROOT) {
        let dom_trees =
            graph.kind(edge.to) == NodeKind::Synthetic && graph.name(edge.to) == "(Document DOM trees)";
        owned[edge.to.index()] |=
            edge.kind == EdgeKind::Shortcut || (edge.kind == EdgeKind::Element && dom_trees);
    }
    loop {
        let before = owned.iter().filter(|owned| **owned).count();
        for node in graph.nodes().filter(|node| owned[node.index()]).collect::<Vec<_>>() {
            for edge in graph.edges(node).filter(|edge| edge.kind != EdgeKind::Weak) {
                owned[edge.to.index()] = true;
            }
        }
        if owned.iter().filter(|owned| **owned).count() == before {
            return owned;
        }
    }
}

/// The graph that dominators are computed on: essential edges, and edges from the root to nodes that no
/// essential edge retains. `None` if some nodes are still not reached then (cycles that nothing holds): for
/// those DevTools has no rule but what its algorithm happens to do.
pub(crate) fn dominator_graph(graph: &HeapGraph) -> Option<Vec<Vec<usize>>> {
    let owned = page_owned(graph);
    let mut next = vec![Vec::new(); graph.node_count()];
    let mut retained = vec![false; graph.node_count()];
    for node in graph.nodes() {
        for edge in graph.edges(node) {
            let from_root = node == NodeIndex::ROOT;
            let table_half = weak_map_entry(graph, &edge).is_some_and(|(_, table)| table == graph.id(node));
            let counts = edge.kind != EdgeKind::Weak
                && edge.to != node
                && !table_half
                && (from_root || edge.kind != EdgeKind::Shortcut)
                && (from_root || owned[node.index()] || !owned[edge.to.index()]);
            if counts {
                next[node.index()].push(edge.to.index());
                retained[edge.to.index()] = true;
            }
        }
    }
    let reached = reachable(&next, None);
    for node in 1..graph.node_count() {
        if !retained[node] && !reached[node] {
            next[0].push(node);
        }
    }
    reachable(&next, None).iter().all(|reached| *reached).then_some(next)
}

/// What the root reaches, with one node taken out.
pub(crate) fn reachable(next: &[Vec<usize>], without: Option<usize>) -> Vec<bool> {
    let mut reached = vec![false; next.len()];
    let mut stack = vec![0];
    while let Some(node) = stack.pop() {
        if Some(node) != without && !std::mem::replace(&mut reached[node], true) {
            stack.extend(&next[node]);
        }
    }
    reached
}
