//! A graph made node by node: for slices, and for heaps that come from elsewhere than a snapshot file.

use std::hash::Hasher;

use hashbrown::HashTable;
use rustc_hash::FxHasher;

use crate::graph::{
    EdgeColumns, EdgeName, Header, HeapGraph, Location, LocationColumns, NodeColumns, NodeIndex, detachedness,
};
use crate::kinds::{EdgeKind, NodeKind};
use crate::offsets::Offsets;
use crate::strings::StringsBuilder;

/// Collects nodes, each followed by its edges. The first node is the root; edges may lead to nodes that come later.
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
    detachedness: Vec<(u32, u8)>,
    locations: [Vec<u32>; 4],
    strings: StringsBuilder,
    /// The strings, found by their content: no text is held twice.
    string_of: HashTable<Held>,
}

/// A name that a builder holds: given to many nodes and edges, its text is looked up once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameIndex(u32);

/// A string's index, and its hash: a table of millions grows without a look at their texts.
#[derive(Clone, Copy)]
struct Held {
    index: u32,
    hash: u32,
}

impl Held {
    /// A hash table takes places from the low bits, and tells what is there apart by the high ones.
    fn spread(hash: u32) -> u64 {
        u64::from(hash) << 32 | u64::from(hash)
    }
}

fn hash_of(text: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(text);
    let hash = hasher.finish();
    (hash ^ hash >> 32) as u32
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
            detachedness: Vec::new(),
            locations: Default::default(),
            strings: StringsBuilder::default(),
            string_of: HashTable::new(),
        }
    }

    /// Makes room for so many nodes and edges. More than will come is well: memory is taken where something is written,
    /// while a column that grows is copied, and its old place lies idle. Room that cannot be had is done without.
    pub fn reserve(&mut self, nodes: usize, edges: usize) {
        let _ = self.kind.try_reserve_exact(nodes);
        for column in [&mut self.name, &mut self.id, &mut self.self_size, &mut self.edge_count] {
            let _ = column.try_reserve_exact(nodes);
        }
        let _ = self.edge_kind.try_reserve_exact(edges);
        for column in [&mut self.edge_name, &mut self.edge_to] {
            let _ = column.try_reserve_exact(edges);
        }
    }

    /// Holds a name.
    pub fn name(&mut self, text: &str) -> NameIndex {
        NameIndex(self.string(text))
    }

    fn string(&mut self, text: &str) -> u32 {
        let hash = hash_of(text.as_bytes());
        let is_it = |held: &Held| held.hash == hash && self.strings.bytes(held.index) == text.as_bytes();
        if let Some(held) = self.string_of.find(Held::spread(hash), is_it) {
            return held.index;
        }
        let index = self.strings.push(text);
        self.string_of
            .insert_unique(Held::spread(hash), Held { index, hash }, |held| Held::spread(held.hash));
        index
    }

    /// Begins the next node.
    pub fn node(&mut self, kind: NodeKind, name: &str, id: u32, self_size: u64) {
        self.node_of_code(kind as u8, name, id, self_size);
    }

    /// The same, by the code of a kind, which may be one without a name.
    pub(crate) fn node_of_code(&mut self, kind: u8, name: &str, id: u32, self_size: u64) {
        let name = self.string(name);
        self.push_node(kind, name, id, self_size);
    }

    /// The same, with a name that is held.
    #[inline]
    pub fn node_named(&mut self, kind: NodeKind, name: NameIndex, id: u32, self_size: u64) {
        self.push_node(kind as u8, name.0, id, self_size);
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

    /// Says where the current node comes from.
    #[inline]
    pub fn place(&mut self, location: Option<Location>, state: u8) {
        let node = (self.kind.len() - 1) as u32;
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

    /// Adds an edge from the current node to the node with a number, which must be there in the end.
    #[inline]
    pub fn edge(&mut self, kind: EdgeKind, name: EdgeName<'_>, to: NodeIndex) {
        self.edge_of_code(kind as u8, name, to.0);
    }

    /// How many nodes there are.
    #[inline]
    pub fn node_count(&self) -> u32 {
        self.kind.len() as u32
    }

    /// How many edges the current node has.
    #[inline]
    pub fn edge_count_of_node(&self) -> u32 {
        self.edge_count.last().copied().unwrap_or(0)
    }

    /// The same, by the code of a kind.
    #[inline]
    pub(crate) fn edge_of_code(&mut self, kind: u8, name: EdgeName<'_>, to: u32) {
        let name = match name {
            EdgeName::Index(index) => index,
            EdgeName::Name(name) => self.string(name),
        };
        self.push_edge(kind, name, to);
    }

    /// The same, with a name that is held.
    #[inline]
    pub fn edge_named(&mut self, kind: EdgeKind, name: NameIndex, to: NodeIndex) {
        self.push_edge(kind as u8, name.0, to.0);
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
        let [node, script, line, column] = self.locations.map(Into::into);
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
            strings: self.strings.finish(),
            locations: LocationColumns { node, script, line, column },
            big_sizes: self.big_sizes,
            detachedness: self.detachedness,
            header: self.header,
            ..HeapGraph::default()
        }
    }
}
