//! What a graph is written into node by node, whatever becomes of it.

use crate::graph::{EdgeName, Location, NodeIndex, detachedness};
use crate::kinds::{EdgeKind, NodeKind};

/// A name that a sink holds: given to many nodes and edges, its text is looked up once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameIndex(pub(crate) u32);

/// Takes nodes, each followed by its edges. The first node is the root; edges may lead to nodes that come later, which
/// must be there in the end.
pub trait GraphSink {
    /// Holds a name.
    fn name(&mut self, text: &str) -> NameIndex;

    /// Begins the next node. Sizes are in bytes.
    fn node_named(&mut self, kind: NodeKind, name: NameIndex, id: u32, self_size: u64);

    /// Says where the current node comes from, and whether it is detached ([`crate::detachedness`]).
    fn place(&mut self, location: Option<Location>, state: u8);

    /// Adds an edge with a name to the current node.
    fn edge_named(&mut self, kind: EdgeKind, name: NameIndex, to: NodeIndex);

    /// Adds an edge with a number (`Element`, `Hidden`) to the current node.
    fn edge_numbered(&mut self, kind: EdgeKind, number: u32, to: NodeIndex);

    /// How many nodes there are.
    fn node_count(&self) -> u32;

    /// How many edges the current node has.
    fn edge_count_of_node(&self) -> u32;

    /// Makes room for so many nodes, edges, and bytes of names. More than will come is well: memory is taken where
    /// something is written, while what grows is copied, and its old place lies idle. Room that cannot be had is done
    /// without.
    fn reserve(&mut self, nodes: usize, edges: usize, text: usize);

    /// Begins the next node.
    fn node(&mut self, kind: NodeKind, name: &str, id: u32, self_size: u64) {
        let name = self.name(name);
        self.node_named(kind, name, id, self_size);
    }

    /// Adds an edge to the current node.
    fn edge(&mut self, kind: EdgeKind, name: EdgeName<'_>, to: NodeIndex) {
        match name {
            EdgeName::Index(number) => self.edge_numbered(kind, number, to),
            EdgeName::Name(name) => {
                let name = self.name(name);
                self.edge_named(kind, name, to);
            }
        }
    }
}

/// What few nodes have: where they come from, and whether they are detached.
#[derive(Default)]
pub(crate) struct Places {
    /// Nodes, and the script, line and column of each.
    pub(crate) locations: [Vec<u32>; 4],
    /// Nodes of which more is known than nothing.
    pub(crate) detachedness: Vec<(u32, u8)>,
}

impl Places {
    #[inline]
    pub(crate) fn add(&mut self, node: u32, location: Option<Location>, state: u8) {
        if let Some(place) = location {
            let values = [node, place.script_id, place.line, place.column];
            for (column, value) in self.locations.iter_mut().zip(values) {
                column.push(value);
            }
        }
        if state != detachedness::UNKNOWN {
            self.detachedness.push((node, state));
        }
    }
}
