//! A graph made node by node: for slices, and for heaps that come from elsewhere than a snapshot file.

use crate::graph::{
    EdgeColumns, EdgeName, Header, HeapGraph, Location, LocationColumns, NodeColumns, NodeIndex,
};
use crate::kinds::{EdgeKind, NodeKind};
use crate::name_table::NameTable;
use crate::offsets::Offsets;
use crate::sink::{GraphSink, NameIndex, Places};

/// Makes a graph that can be asked.
pub struct GraphBuilder {
    header: Header,
    kind: Vec<u8>,
    name: Vec<u32>,
    id: Vec<u32>,
    self_size: Vec<u32>,
    edge_count: Vec<u32>,
    edge_kind: Vec<u8>,
    edge_name: Vec<u32>,
    edge_to: Vec<u32>,
    big_sizes: Vec<(u32, u64)>,
    places: Places,
    names: NameTable,
}

impl GraphSink for GraphBuilder {
    fn name(&mut self, text: &str) -> NameIndex {
        NameIndex(self.names.hold(text))
    }

    #[inline]
    fn node_named(&mut self, kind: NodeKind, name: NameIndex, id: u32, self_size: u64) {
        self.push_node(kind as u8, name.0, id, self_size);
    }

    #[inline]
    fn place(&mut self, location: Option<Location>, state: u8) {
        self.places.add((self.kind.len() - 1) as u32, location, state);
    }

    #[inline]
    fn edge_named(&mut self, kind: EdgeKind, name: NameIndex, to: NodeIndex) {
        self.push_edge(kind as u8, name.0, to.0);
    }

    #[inline]
    fn edge_numbered(&mut self, kind: EdgeKind, number: u32, to: NodeIndex) {
        self.push_edge(kind as u8, number, to.0);
    }

    #[inline]
    fn node_count(&self) -> u32 {
        self.kind.len() as u32
    }

    #[inline]
    fn edge_count_of_node(&self) -> u32 {
        self.edge_count.last().copied().unwrap_or(0)
    }

    fn reserve(&mut self, nodes: usize, edges: usize, text: usize) {
        self.names.reserve(text);
        let _ = self.kind.try_reserve_exact(nodes);
        for column in [&mut self.name, &mut self.id, &mut self.self_size, &mut self.edge_count] {
            let _ = column.try_reserve_exact(nodes);
        }
        let _ = self.edge_kind.try_reserve_exact(edges);
        for column in [&mut self.edge_name, &mut self.edge_to] {
            let _ = column.try_reserve_exact(edges);
        }
    }
}

impl GraphBuilder {
    /// A graph without nodes.
    pub fn new(header: Header) -> Self {
        GraphBuilder {
            header,
            kind: Vec::new(),
            name: Vec::new(),
            id: Vec::new(),
            self_size: Vec::new(),
            edge_count: Vec::new(),
            edge_kind: Vec::new(),
            edge_name: Vec::new(),
            edge_to: Vec::new(),
            big_sizes: Vec::new(),
            places: Places::default(),
            names: NameTable::default(),
        }
    }

    /// Begins the next node, by the code of a kind, which may be one without a name.
    pub(crate) fn node_of_code(&mut self, kind: u8, name: &str, id: u32, self_size: u64) {
        let name = self.names.hold(name);
        self.push_node(kind, name, id, self_size);
    }

    #[inline]
    fn push_node(&mut self, kind: u8, name: u32, id: u32, self_size: u64) {
        if self_size >= u64::from(u32::MAX) {
            self.big_sizes.push((self.kind.len() as u32, self_size));
        }
        self.kind.push(kind);
        self.name.push(name);
        self.id.push(id);
        self.self_size.push(u32::try_from(self_size).unwrap_or(u32::MAX));
        self.edge_count.push(0);
    }

    /// Adds an edge to the current node, by the code of a kind.
    pub(crate) fn edge_of_code(&mut self, kind: u8, name: EdgeName<'_>, to: u32) {
        let name = match name {
            EdgeName::Index(index) => index,
            EdgeName::Name(name) => self.names.hold(name),
        };
        self.push_edge(kind, name, to);
    }

    #[inline]
    fn push_edge(&mut self, kind: u8, name: u32, to: u32) {
        self.edge_kind.push(kind);
        self.edge_name.push(name);
        self.edge_to.push(to);
        if let Some(count) = self.edge_count.last_mut() {
            *count += 1;
        }
    }

    /// The graph.
    pub fn finish(mut self) -> HeapGraph {
        // What was reserved and not used goes back.
        self.edge_kind.shrink_to_fit();
        self.edge_name.shrink_to_fit();
        self.edge_to.shrink_to_fit();
        let [node, script, line, column] = self.places.locations.map(Into::into);
        // A part of a graph is no denser than the graph, which was let in.
        let edges = Offsets::from_counts(self.edge_count).unwrap_or_default();
        HeapGraph {
            nodes: NodeColumns {
                kind: self.kind.into(),
                name: self.name.into(),
                id: self.id.into(),
                self_size: self.self_size.into(),
                edges,
            },
            edges: EdgeColumns {
                kind: self.edge_kind.into(),
                name: self.edge_name.into(),
                to: self.edge_to.into(),
            },
            strings: self.names.finish(),
            locations: LocationColumns { node, script, line, column },
            big_sizes: self.big_sizes,
            detachedness: self.places.detachedness,
            header: self.header,
            ..HeapGraph::default()
        }
    }
}
