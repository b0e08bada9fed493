//! A packed graph to the bytes of a `.heapsnapshot`: the same ones that the graph has otherwise.

use std::io::{self, Write};

use super::bytes::Numbers;
use super::read::{Nodes, PackedNode};
use super::shapes::{Shape, fresh};
use super::{Edge, NEXT_LABEL, PackedGraph};
use crate::decimal::{Piece, Records};
use crate::graph::detachedness;
use crate::write::{Head, head, locations, strings};

impl PackedGraph {
    /// Writes the graph. Memory is given back as it is written.
    ///
    /// # Errors
    /// What the writer says.
    pub fn write(mut self, out: &mut impl Write) -> io::Result<()> {
        self.end_node();
        let facts = Head {
            header: &self.header,
            has_traces: self.header.node_fields.iter().any(|field| field == "trace_node_id"),
            node_count: u64::from(self.node_count),
            edge_count: self.edge_count,
            highest_kinds: self.highest,
        };
        let fields = facts.node_fields().len() as u64;
        head(out, &facts)?;
        let names = self.names.finish();
        let shapes = self.shapes.list;
        out.write_all(b"\"nodes\":[")?;
        let nodes = Nodes::new(self.nodes.iter(), &shapes);
        write_nodes(out, &facts, nodes, &self.places.detachedness)?;
        out.write_all(b"],\n\"edges\":[")?;
        let nodes = Nodes::new(self.nodes.drain(), &shapes);
        write_edges(out, self.node_count, fields, nodes, self.edges, &shapes)?;
        out.write_all(b"],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n")?;
        let [node, script, line, column] = &self.places.locations;
        let places = node.iter().zip(script).zip(line.iter().zip(column));
        locations(
            out,
            fields,
            places.map(|((node, script), (line, column))| [*node, *script, *line, *column]),
        )?;
        strings(out, &names)?;
        out.write_all(b"}\n")
    }
}

fn write_nodes<C: AsRef<[u8]>>(
    out: &mut impl Write,
    facts: &Head<'_>,
    mut nodes: Nodes<'_, C, impl Iterator<Item = C>>,
    states: &[(u32, u8)],
) -> io::Result<()> {
    let has_states = facts.header.has_detachedness();
    let mut states = states.iter().peekable();
    let mut line = Records::new(out);
    for at in 0..facts.node_count {
        let PackedNode { kind, name, id, self_size, edge_count, .. } = nodes.next();
        line.number(u64::from(kind));
        line.number(u64::from(name));
        line.number(u64::from(id));
        line.number(self_size);
        line.number(edge_count as u64);
        if facts.has_traces {
            line.number(0);
        }
        if has_states {
            let state = states.next_if(|(node, _)| u64::from(*node) == at);
            line.number(u64::from(state.map_or(detachedness::UNKNOWN, |(_, state)| *state)));
        }
        line.end()?;
    }
    line.finish()
}

fn write_edges<C: AsRef<[u8]>>(
    out: &mut impl Write,
    node_count: u32,
    fields: u64,
    mut nodes: Nodes<'_, C, impl Iterator<Item = C>>,
    edges: Numbers,
    shapes: &[Shape],
) -> io::Result<()> {
    let labels: Vec<Box<[Piece]>> = shapes.iter().map(pieces).collect();
    let mut expected = fresh(shapes);
    let mut numbers = edges.drain();
    let mut line = Records::new(out);
    for _ in 0..node_count {
        let node = nodes.next();
        let Some(place) = node.shape else {
            let mut edge = Edge::default();
            for _ in 0..node.edge_count {
                let ahead = numbers.next_signed() as u64;
                edge.label = edge.label.wrapping_add(NEXT_LABEL).wrapping_add(ahead);
                edge.to = edge.to.wrapping_add(numbers.next_signed() as u32);
                line.number(edge.label & 7);
                line.number(edge.label >> 3);
                line.number(u64::from(edge.to) * fields);
                line.end()?;
            }
            continue;
        };
        for (label, course) in labels[place].iter().zip(&mut expected[place].targets) {
            let to = match node.are_expected {
                true => course.next(),
                false => course.behind(numbers.next_signed()),
            };
            course.go_to(to);
            line.piece(label);
            line.number(u64::from(to) * fields);
            line.end()?;
        }
    }
    line.finish()
}

/// Kinds and names of a shape's edges as text.
fn pieces(shape: &Shape) -> Box<[Piece]> {
    shape.labels.iter().map(|label| Piece::of([label & 7, label >> 3])).collect()
}
