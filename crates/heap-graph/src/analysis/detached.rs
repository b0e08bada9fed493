//! Which nodes of a document are detached from it, as DevTools spreads what V8 knows (`propagateDOMState`).

use rustc_hash::{FxHashMap, FxHashSet};

use crate::graph::{HeapGraph, NodeIndex, detachedness};
use crate::kinds::{EdgeKind, NodeKind};

/// States after spreading, and the nodes that DevTools shows as "Detached ...".
#[derive(Default)]
pub(crate) struct Detachedness {
    states: FxHashMap<u32, u8>,
    renamed: FxHashSet<u32>,
}

impl Detachedness {
    /// Spreads states over native nodes: whatever an attached node reaches is attached, whatever a detached
    /// one reaches and is not attached is detached. It stops at everything that is not native.
    pub(crate) fn new(graph: &HeapGraph) -> Self {
        let mut found = Detachedness::default();
        if !graph.header.has_detachedness() {
            found.read_from_names(graph);
            return found;
        }
        let mut spread =
            Spread { graph, found: &mut found, visited: FxHashSet::default(), queues: [vec![], vec![]] };
        for &(node, state) in &graph.detachedness {
            spread.found.states.insert(node, state);
        }
        for &(node, state) in &graph.detachedness {
            spread.process(node, state);
        }
        while let Some(node) = spread.queues[0].pop() {
            spread.children(node, detachedness::ATTACHED);
        }
        while let Some(node) = spread.queues[1].pop() {
            if spread.found.states.get(&node) != Some(&detachedness::ATTACHED) {
                spread.children(node, detachedness::DETACHED);
            }
        }
        found
    }

    /// Old files have no such field: native nodes say it in their name.
    fn read_from_names(&mut self, graph: &HeapGraph) {
        let starts =
            |index: &u32| graph.strings().get(*index).is_some_and(|name| name.starts_with("Detached "));
        let names: FxHashSet<u32> =
            graph.strings().containing("Detached ").into_iter().filter(starts).collect();
        if names.is_empty() {
            return;
        }
        let nodes = graph.nodes().filter(|&node| names.contains(&graph.name_index(node)));
        let native = nodes.filter(|&node| graph.kind(node) == NodeKind::Native);
        self.states.extend(native.map(|node| (node.0, detachedness::DETACHED)));
    }

    /// The state of a node after spreading.
    pub(crate) fn state(&self, node: NodeIndex) -> u8 {
        self.states.get(&node.0).copied().unwrap_or(detachedness::UNKNOWN)
    }

    /// Whether DevTools puts "Detached " before the node's name.
    pub(crate) fn is_renamed(&self, node: NodeIndex) -> bool {
        self.renamed.contains(&node.0)
    }

    pub(crate) fn renamed(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        self.renamed.iter().map(|&node| NodeIndex(node))
    }
}

struct Spread<'a> {
    graph: &'a HeapGraph,
    found: &'a mut Detachedness,
    visited: FxHashSet<u32>,
    /// Attached and detached nodes whose children are still to do.
    queues: [Vec<u32>; 2],
}

impl Spread<'_> {
    fn process(&mut self, node: u32, state: u8) {
        if state == detachedness::UNKNOWN || !self.visited.insert(node) {
            return;
        }
        if self.graph.kind(NodeIndex(node)) != NodeKind::Native {
            return;
        }
        self.found.states.insert(node, state);
        match state {
            detachedness::ATTACHED => self.queues[0].push(node),
            detachedness::DETACHED => {
                self.found.renamed.insert(node);
                self.queues[1].push(node);
            }
            _ => {}
        }
    }

    fn children(&mut self, node: u32, state: u8) {
        let graph = self.graph;
        for edge in graph.edges(NodeIndex(node)) {
            if !matches!(edge.kind, EdgeKind::Hidden | EdgeKind::Invisible | EdgeKind::Weak) {
                self.process(edge.to.0, state);
            }
        }
    }
}
