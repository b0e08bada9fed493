//! A graph that is only to be written: a quarter of the memory of one that can be asked, or less.
//!
//! Nodes stand in the order in which they came. A node of a known shape is a number for it, and for each edge how far its
//! target is from that of the last node of that shape, as a rule one byte; nothing where all are as far as the last time.

mod bytes;
mod read;
mod shapes;
mod write;

use crate::graph::{Header, Location, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::name_table::NameTable;
use crate::sink::{GraphSink, NameIndex, Places};
use bytes::Numbers;
use shapes::{Label, Shapes, StateIndex};

/// A [`GraphSink`] whose graph can be written once.
#[derive(Default)]
pub struct PackedGraph {
    header: Header,
    names: NameTable,
    shapes: Shapes,
    nodes: Numbers,
    edges: Numbers,
    node: Node,
    /// Where edges of a node without a shape are counted from.
    before: Edge,
    last_id: u32,
    places: Places,
    node_count: u32,
    edge_count: u64,
    total_self_size: u64,
    /// The highest codes of kinds of nodes and edges.
    highest: (u8, u8),
}

/// The node at hand.
#[derive(Default)]
struct Node {
    kind: u8,
    name: u32,
    id: u32,
    self_size: u64,
    edge_count: u32,
    /// What it has of a shape; `None` if it has none.
    state: Option<StateIndex>,
    /// The targets of its edges, as long as it may have a shape.
    targets: Vec<u32>,
}

/// An edge.
#[derive(Clone, Copy, Default)]
struct Edge {
    label: Label,
    to: u32,
}

/// What the label of an edge is expected to be: the next number.
const NEXT_LABEL: Label = 8;
/// What an id is expected to be.
const NEXT_ID: u32 = 2;

fn label(kind: EdgeKind, name: u32) -> Label {
    Label::from(name) << 3 | kind as Label
}

impl PackedGraph {
    /// A graph without nodes.
    pub fn new(header: Header) -> Self {
        Self { header, ..Self::default() }
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.node_count as usize
    }

    /// Number of edges.
    pub fn edge_count(&self) -> u64 {
        self.edge_count
    }

    /// Self sizes together, bytes.
    pub fn total_self_size(&self) -> u64 {
        self.total_self_size
    }

    #[inline]
    fn push_edge(&mut self, kind: EdgeKind, name: u32, to: NodeIndex) {
        self.highest.1 = self.highest.1.max(kind as u8);
        self.edge_count += 1;
        self.node.edge_count += 1;
        let edge = Edge { label: label(kind, name), to: to.0 };
        let Some(state) = self.node.state else {
            self.push_apart(edge);
            return;
        };
        self.node.state = self.shapes.step(state, edge.label);
        if self.node.state.is_some() {
            self.node.targets.push(edge.to);
        } else {
            self.push_all_apart(state);
            self.push_apart(edge);
        }
    }

    /// Writes the edges of a node that turns out to have no shape.
    fn push_all_apart(&mut self, state: StateIndex) {
        self.node.state = None;
        self.before = Edge::default();
        let targets = std::mem::take(&mut self.node.targets);
        for (label, to) in self.shapes.labels(state).iter().zip(&targets) {
            self.push_apart(Edge { label: *label, to: *to });
        }
        self.node.targets = targets;
    }

    fn push_apart(&mut self, edge: Edge) {
        self.edges.push_signed(edge.label.wrapping_sub(self.before.label + NEXT_LABEL) as i64);
        self.edges.push_signed(i64::from(edge.to) - i64::from(self.before.to));
        self.before = edge;
    }

    /// Ends the node at hand.
    fn end_node(&mut self) {
        if self.node_count == 0 {
            return;
        }
        let place = self.node.state.and_then(|state| self.shapes.place(state));
        if let (None, Some(state)) = (place, self.node.state) {
            self.push_all_apart(state);
        }
        let Node { kind, name, id, self_size, edge_count, .. } = self.node;
        let id_ahead = i64::from(id) - i64::from(self.last_id.wrapping_add(NEXT_ID));
        self.last_id = id;
        let Some(place) = place else {
            self.nodes.push(0);
            for value in [u64::from(kind), u64::from(name), self_size, u64::from(edge_count)] {
                self.nodes.push(value);
            }
            self.nodes.push_signed(id_ahead);
            return;
        };
        let expected = &mut self.shapes.expected[place];
        // The lowest bits say whether all is as expected: of the node, and of its targets.
        let is_expected = expected.name.next() == name && expected.self_size == self_size && id_ahead == 0;
        let targets = &self.node.targets;
        let are_expected = targets.iter().zip(&expected.targets).all(|(to, course)| course.next() == *to);
        let flags = u64::from(is_expected) | u64::from(are_expected) << 1;
        self.nodes.push((place as u64 + 1) << 2 | flags);
        if !is_expected {
            self.nodes.push_signed(expected.name.ahead(name));
            self.nodes.push_signed(self_size.wrapping_sub(expected.self_size) as i64);
            self.nodes.push_signed(id_ahead);
        }
        expected.name.go_to(name);
        expected.self_size = self_size;
        for (to, course) in targets.iter().zip(&mut expected.targets) {
            if !are_expected {
                self.edges.push_signed(course.ahead(*to));
            }
            course.go_to(*to);
        }
    }
}

impl GraphSink for PackedGraph {
    fn name(&mut self, text: &str) -> NameIndex {
        NameIndex(self.names.hold(text))
    }

    #[inline]
    fn node_named(&mut self, kind: NodeKind, name: NameIndex, id: u32, self_size: u64) {
        self.end_node();
        self.highest.0 = self.highest.0.max(kind as u8);
        self.node_count += 1;
        self.total_self_size = self.total_self_size.saturating_add(self_size);
        let node = &mut self.node;
        (node.kind, node.name, node.id, node.self_size) = (kind as u8, name.0, id, self_size);
        (node.edge_count, node.state) = (0, Some(self.shapes.start(kind as u8)));
        node.targets.clear();
    }

    #[inline]
    fn place(&mut self, location: Option<Location>, state: u8) {
        self.places.add(self.node_count - 1, location, state);
    }

    #[inline]
    fn edge_named(&mut self, kind: EdgeKind, name: NameIndex, to: NodeIndex) {
        self.push_edge(kind, name.0, to);
    }

    #[inline]
    fn edge_numbered(&mut self, kind: EdgeKind, number: u32, to: NodeIndex) {
        self.push_edge(kind, number, to);
    }

    #[inline]
    fn node_count(&self) -> u32 {
        self.node_count
    }

    #[inline]
    fn edge_count_of_node(&self) -> u32 {
        self.node.edge_count
    }

    /// Nodes and edges come in pieces, which are never copied.
    fn reserve(&mut self, _nodes: usize, _edges: usize, text: usize) {
        self.names.reserve(text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{EdgeName, GraphBuilder};

    /// A node: kind, name, id, self size, edges (kind, name or number, target), place, state.
    type Made = (usize, u8, u32, u64, Vec<(usize, u32, u32)>, Option<Location>, u8);

    fn node() -> impl Strategy<Value = Made> {
        let edge = (0..EdgeKind::KNOWN.len(), prop_oneof![0..4_u32, any::<u32>()], 0..100_u32);
        // Most nodes are like others; some have more edges than a shape.
        let edges = prop_oneof![
            4 => Just(vec![(2, 1, 5), (3, 2, 7)]),
            4 => prop::collection::vec(edge.clone(), 0..4),
            1 => prop::collection::vec(edge, 20..40),
        ];
        let size = prop_oneof![3 => Just(16), 1 => 0..64_u64, 1 => any::<u64>()];
        let id = prop_oneof![2 => Just(0), 1 => any::<u32>()];
        let place = prop::option::of((any::<u32>(), any::<u32>(), 0..9_u32));
        let place = place
            .prop_map(|place| place.map(|(script_id, line, column)| Location { script_id, line, column }));
        (0..NodeKind::KNOWN.len(), 0..6_u8, id, size, edges, place, 0..3_u8)
    }

    fn write_into(sink: &mut impl GraphSink, nodes: &[Made]) {
        for (at, (kind, name, id, self_size, edges, place, state)) in nodes.iter().enumerate() {
            let id = if *id == 0 { 2 * at as u32 + 1 } else { *id };
            sink.node(NodeKind::KNOWN[*kind], &format!("name {name}\n\u{1F600}"), id, *self_size);
            sink.place(*place, *state);
            for (kind, name, to) in edges {
                let (kind, to) = (EdgeKind::KNOWN[*kind], NodeIndex(to % nodes.len() as u32));
                match kind {
                    EdgeKind::Element | EdgeKind::Hidden => sink.edge(kind, EdgeName::Index(*name), to),
                    _ => sink.edge(kind, EdgeName::Name(&format!("edge {}", name % 50)), to),
                }
            }
            assert_eq!((sink.node_count(), sink.edge_count_of_node()), (at as u32 + 1, edges.len() as u32));
        }
    }

    fn header(fields: u8) -> Header {
        let also = ["trace_node_id", "detachedness"];
        let also = also.into_iter().enumerate().filter(|(bit, _)| fields >> bit & 1 == 1);
        let named = ["type", "name", "id", "self_size", "edge_count"].into_iter();
        Header {
            node_fields: named.chain(also.map(|(_, field)| field)).map(str::to_owned).collect(),
            last_node_kind: Some(NodeKind::BigInt as u8),
            last_edge_kind: Some(EdgeKind::Weak as u8),
            ..Header::default()
        }
    }

    proptest! {
        #[test]
        fn writes_what_a_graph_that_can_be_asked_writes(
            nodes in prop::collection::vec(node(), 1..80),
            fields in 0..4_u8,
        ) {
            let (mut graph, mut packed) = (GraphBuilder::new(header(fields)), PackedGraph::new(header(fields)));
            write_into(&mut graph, &nodes);
            write_into(&mut packed, &nodes);
            let graph = graph.finish();
            prop_assert_eq!(packed.node_count(), graph.node_count());
            prop_assert_eq!(packed.edge_count(), graph.edge_count());
            let (mut expected, mut written) = (Vec::new(), Vec::new());
            crate::write(&graph, &mut expected).unwrap();
            packed.write(&mut written).unwrap();
            prop_assert_eq!(String::from_utf8(written).unwrap(), String::from_utf8(expected).unwrap());
        }
    }

    /// More shapes than are told apart, more nodes than a chunk holds.
    #[test]
    fn any_number_of_shapes_is_written() {
        // Those of the first shape go on as they did, until they begin anew.
        let regular = |at: u32| (3, at as u8 % 6, 0, 16, vec![(2, 0, 3 * at), (2, 1, at)], None, 0);
        let nodes: Vec<Made> = (0..90_000_u32)
            .map(|at| (3, 0, 0, 16, vec![(1, at % 40_000, at / 3), (4, at / 7, 1)], None, 0))
            .chain((0..90_000).map(regular))
            .collect();
        let (mut graph, mut packed) = (GraphBuilder::new(header(2)), PackedGraph::new(header(2)));
        write_into(&mut graph, &nodes);
        write_into(&mut packed, &nodes);
        let (mut expected, mut written) = (Vec::new(), Vec::new());
        crate::write(&graph.finish(), &mut expected).unwrap();
        packed.write(&mut written).unwrap();
        assert!(written == expected);
    }
}
