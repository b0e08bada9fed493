//! DevTools' named filters: what only certain things keep alive (`createNamedFilter`).

use super::classes::{ClassRow, filtered_rows};
use super::contexts::{ContextOwner, NativeContexts};
use super::detached::Detachedness;
use super::distances::NO_DISTANCE;
use super::{Analysis, dominators::DominatorTree};
use crate::bits::BitSet;
use crate::graph::{Edge, EdgeName, HeapGraph, NodeIndex, detachedness};
use crate::kinds::{EdgeKind, NodeKind};

/// Which nodes to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Those that would go with all closures' scopes.
    RetainedByContexts,
    /// Those that would go with all detached DOM nodes.
    RetainedByDetachedDom,
    /// Those that only the DevTools console holds.
    RetainedByConsole,
    /// Those that would go with all event handlers (browsers only).
    RetainedByEventHandlers,
    /// Strings that exist more than once.
    DuplicatedStrings,
    /// What several native contexts reach.
    SharedNativeContext,
    /// What no native context reaches.
    NoNativeContext,
}

/// A set of nodes.
pub struct NodeSet(BitSet);

impl NodeSet {
    /// Whether the node is in it.
    pub fn contains(&self, node: NodeIndex) -> bool {
        self.0.contains(node.index())
    }
}

impl Analysis {
    /// The nodes that a filter shows.
    pub fn filter(&self, graph: &HeapGraph, filter: Filter) -> NodeSet {
        match filter {
            Filter::RetainedByContexts => self.not_reached(graph, |_, edge| !graph.is_context(edge.to)),
            Filter::RetainedByDetachedDom => {
                let states = Detachedness::new(graph);
                self.not_reached(graph, |_, edge| states.state(edge.to) != detachedness::DETACHED)
            }
            Filter::RetainedByConsole => self.not_reached(graph, |from, edge| {
                let name = graph.edge_name(edge);
                let by_console =
                    matches!(name, EdgeName::Name(name) if name.ends_with(" / DevTools console"));
                graph.kind(from) != NodeKind::Synthetic || !by_console
            }),
            Filter::RetainedByEventHandlers => {
                let handlers = event_handlers(graph);
                self.not_reached(graph, |_, edge| !handlers.get(edge.to.index()))
            }
            Filter::DuplicatedStrings => {
                let mut set = BitSet::new(graph.node_count());
                for group in crate::duplicate_strings(graph, self, true) {
                    group.nodes.iter().for_each(|node| set.set(node.index()));
                }
                NodeSet(set)
            }
            Filter::SharedNativeContext => owned_by(graph, ContextOwner::Shared),
            Filter::NoNativeContext => owned_by(graph, ContextOwner::None),
        }
    }

    /// The Summary view's rows under a filter.
    pub fn class_rows_of(&self, graph: &HeapGraph, nodes: &NodeSet) -> Vec<ClassRow> {
        let tree = DominatorTree {
            node_of: graph.nodes().map(|node| node.0).collect(),
            dominator: self.dominators.to_vec(),
        };
        filtered_rows(&self.classes, &self.shallow, &self.retained, &self.distances, &tree, &|node| {
            nodes.contains(node)
        })
    }

    /// What a walk from the root that only follows some edges leaves out, of all that is reachable.
    fn not_reached(&self, graph: &HeapGraph, follows: impl Fn(NodeIndex, &Edge) -> bool) -> NodeSet {
        let mut reached = BitSet::new(graph.node_count());
        reached.set(0);
        let mut stack = vec![NodeIndex::ROOT];
        while let Some(node) = stack.pop() {
            for edge in graph.edges(node) {
                if edge.kind != EdgeKind::Weak
                    && !reached.get(edge.to.index())
                    && follows(node, &edge)
                    && reached.insert(edge.to.index())
                {
                    stack.push(edge.to);
                }
            }
        }
        let mut left = BitSet::new(graph.node_count());
        for node in graph.nodes() {
            if !reached.get(node.index()) && self.distance(node) != NO_DISTANCE {
                left.set(node.index());
            }
        }
        NodeSet(left)
    }
}

fn owned_by(graph: &HeapGraph, owner: ContextOwner) -> NodeSet {
    let contexts = NativeContexts::new(graph);
    let mut set = BitSet::new(graph.node_count());
    for node in graph.nodes().filter(|&node| contexts.owner(node) == owner) {
        set.set(node.index());
    }
    NodeSet(set)
}

/// Functions that listeners of the DOM call, or the nearest thing to them that the graph shows.
fn event_handlers(graph: &HeapGraph) -> BitSet {
    let named = |node, wanted: &str| {
        graph.edges(node).find(|edge| graph.edge_name(edge).to_string() == wanted).map(|edge| edge.to)
    };
    let has_code = |node| named(node, "code").is_some();
    let mut handlers = BitSet::new(graph.node_count());
    for node in graph.nodes().filter(|&node| graph.name(node) == "V8EventListener") {
        let Some(callback) = named(node, "1") else { continue };
        let wrapped = || graph.edges(callback).map(|edge| edge.to).find(|&child| has_code(child));
        let handler = if has_code(callback) { callback } else { wrapped().unwrap_or(callback) };
        handlers.set(handler.index());
    }
    handlers
}
