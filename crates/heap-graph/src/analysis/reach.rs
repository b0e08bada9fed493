//! Where the program's own objects begin, what they reach, and which edges count for dominators.

use super::ephemerons::Ephemerons;
use crate::bits::BitSet;
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};

/// The one synthetic child of the root that counts as the user's (browsers only).
const DOM_TREES: &str = "(Document DOM trees)";

fn is_dom_trees(graph: &HeapGraph, node: NodeIndex) -> bool {
    graph.kind(node) == NodeKind::Synthetic && graph.name(node) == DOM_TREES
}

/// Whether a child of the root is where the user's objects begin (`isUserRoot`).
pub(crate) fn is_user_root(graph: &HeapGraph, node: NodeIndex) -> bool {
    graph.kind(node) != NodeKind::Synthetic || is_dom_trees(graph, node)
}

/// Whether there is such a child. There is none when V8 was asked to expose internals.
pub(crate) fn has_user_roots(graph: &HeapGraph) -> bool {
    graph.edges(NodeIndex::ROOT).any(|edge| is_user_root(graph, edge.to))
}

/// Everything that the root's shortcuts (the global object) and DOM trees reach without weak edges
/// (`markPageOwnedNodes`): "page owned" in DevTools' words.
pub(crate) fn page_owned(graph: &HeapGraph) -> BitSet {
    let mut owned = BitSet::new(graph.node_count());
    let mut stack = Vec::new();
    for edge in graph.edges(NodeIndex::ROOT) {
        let is_entry = match edge.kind {
            EdgeKind::Element => is_dom_trees(graph, edge.to),
            kind => kind == EdgeKind::Shortcut,
        };
        if is_entry {
            owned.set(edge.to.index());
            stack.push(edge.to.0);
        }
    }
    let (kinds, targets) = (&*graph.edges.kind, &*graph.edges.to);
    let offsets = graph.nodes.edges.view();
    while let Some(node) = stack.pop() {
        let range = offsets.range(node as usize);
        for (&kind, &to) in kinds[range.clone()].iter().zip(&targets[range]) {
            if kind != EdgeKind::Weak as u8 && owned.insert(to as usize) {
                stack.push(to);
            }
        }
    }
    owned
}

/// Decides which edges count when dominators are computed (`computeIsEssentialEdge`).
pub(crate) struct EssentialEdges<'a> {
    kinds: &'a [u8],
    names: &'a [u32],
    ids: &'a [u32],
    page_owned: &'a BitSet,
    ephemerons: &'a Ephemerons,
}

impl<'a> EssentialEdges<'a> {
    pub(crate) fn new(graph: &'a HeapGraph, page_owned: &'a BitSet, ephemerons: &'a Ephemerons) -> Self {
        let (kinds, names, ids) = (&*graph.edges.kind, &*graph.edges.name, &*graph.nodes.id);
        EssentialEdges { kinds, names, ids, page_owned, ephemerons }
    }

    /// Whether edge `edge` (its position) from `from` to `to` counts.
    ///
    /// Not: weak ones, self edges, shortcuts below the root, edges from outside the page's objects into them,
    /// and of a WeakMap entry's two edges the one from the table.
    #[inline(always)]
    pub(crate) fn counts(&self, from: u32, edge: usize, to: u32) -> bool {
        let kind = self.kinds[edge];
        if kind == EdgeKind::Weak as u8 || from == to {
            return false;
        }
        if kind == EdgeKind::Internal as u8
            && let Some(ephemeron) = self.ephemerons.get(self.names[edge])
            && ephemeron.table_id == u64::from(self.ids[from as usize])
        {
            return false;
        }
        if from == NodeIndex::ROOT.0 {
            return true;
        }
        kind != EdgeKind::Shortcut as u8
            && (!self.page_owned.get(to as usize) || self.page_owned.get(from as usize))
    }
}
