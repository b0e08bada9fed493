//! The edges backward: who holds a node.

use crate::column::Column;
use crate::graph::{Edge, HeapGraph, NodeIndex};
use crate::offsets::{Offsets, TooDense};

/// For every node, the nodes with an edge to it, in their order; a node with two edges to it stands twice.
#[derive(Clone, Default)]
pub struct Retainers {
    pub(crate) offsets: Offsets,
    pub(crate) from: Column<u32>,
}

impl Retainers {
    /// Turns all edges around: four bytes an edge.
    ///
    /// # Errors
    /// If 65,536 neighbouring nodes are retained by 2^32 edges or more.
    pub fn new(graph: &HeapGraph) -> Result<Retainers, TooDense> {
        let mut counts = vec![0u32; graph.node_count()];
        for &to in graph.edges.to.iter() {
            counts[to as usize] += 1;
        }
        let offsets = Offsets::from_counts(counts)?;
        let mut from = vec![0u32; graph.edges.to.len()];
        let mut filled = vec![0u32; graph.node_count()];
        let (sources, rows, targets) = (graph.nodes.edges.view(), offsets.view(), &*graph.edges.to);
        for node in 0..graph.node_count() {
            for &to in &targets[sources.range(node)] {
                let slot = &mut filled[to as usize];
                from[rows.get(to as usize) as usize + *slot as usize] = node as u32;
                *slot += 1;
            }
        }
        Ok(Retainers { offsets, from: from.into() })
    }

    /// The nodes that have an edge to `node`, in their order, as often as they have one.
    pub fn of(&self, node: NodeIndex) -> &[u32] {
        let range = self.offsets.range(node.index());
        &self.from[range.start as usize..range.end as usize]
    }

    /// The edges that lead to `node`, with the nodes they come from.
    pub fn edges<'a>(
        &'a self,
        graph: &'a HeapGraph,
        node: NodeIndex,
    ) -> impl Iterator<Item = (NodeIndex, Edge)> + 'a {
        let mut last = None;
        let sources = self.of(node).iter().copied().filter(move |&from| last.replace(from) != Some(from));
        sources.flat_map(move |from| {
            let from = NodeIndex(from);
            graph.edges(from).filter(move |edge| edge.to == node).map(move |edge| (from, edge))
        })
    }
}
