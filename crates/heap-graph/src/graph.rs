//! The heap graph: nodes, edges and strings of one heap at one moment.

use std::fmt;

use crate::column::Column;
use crate::kinds::{EdgeKind, NodeKind};
use crate::offsets::Offsets;
use crate::strings::Strings;
use crate::traces::AllocationTraces;

/// A node's position in the snapshot ("ordinal"), not its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub u32);

impl NodeIndex {
    /// The synthetic root, which retains everything.
    pub const ROOT: NodeIndex = NodeIndex(0);

    /// As an index into a column.
    #[inline]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One reference from a node to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Position among all edges of the graph.
    pub index: u64,
    /// What kind of reference it is.
    pub kind: EdgeKind,
    /// Index into the strings, or a number when [`EdgeKind::is_numbered`].
    pub name_or_index: u32,
    /// Where it points.
    pub to: NodeIndex,
}

/// An edge's name: a string, or a number for elements and hidden edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeName<'a> {
    /// A property, variable or internal name.
    Name(&'a str),
    /// An element's index, or a hidden edge's number.
    Index(u32),
}

impl fmt::Display for EdgeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EdgeName::Name(name) => f.write_str(name),
            EdgeName::Index(index) => write!(f, "{index}"),
        }
    }
}

/// Where in a script something was made or declared. Zero-based, as in the file.
///
/// V8 gives an object the place of its *constructor*, and a function its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
pub struct Location {
    /// V8's number of the script.
    pub script_id: u32,
    /// Line, from 0.
    pub line: u32,
    /// Column, from 0.
    pub column: u32,
}

/// The state of a DOM node, as the embedder told V8 (`detachedness` in the file).
pub mod detachedness {
    /// Nothing known (the only one in Node, but for a few of its own natives).
    pub const UNKNOWN: u8 = 0;
    /// Part of the document.
    pub const ATTACHED: u8 = 1;
    /// Removed from the document, and still held.
    pub const DETACHED: u8 = 2;
}

/// One value per node.
#[derive(Clone, Default)]
pub(crate) struct NodeColumns {
    pub(crate) kind: Column<u8>,
    pub(crate) name: Column<u32>,
    pub(crate) id: Column<u32>,
    /// Sizes of 2^32 - 1 bytes and more stand in `big_sizes`, and here as `u32::MAX`.
    pub(crate) self_size: Column<u32>,
    pub(crate) edges: Offsets,
}

/// One value per edge.
#[derive(Clone, Default)]
pub(crate) struct EdgeColumns {
    pub(crate) kind: Column<u8>,
    pub(crate) name: Column<u32>,
    pub(crate) to: Column<u32>,
}

/// Places of nodes, sorted by node.
#[derive(Clone, Default)]
pub(crate) struct LocationColumns {
    pub(crate) node: Column<u32>,
    pub(crate) script: Column<u32>,
    pub(crate) line: Column<u32>,
    pub(crate) column: Column<u32>,
}

/// Facts about the file that are no nodes or edges.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Header {
    /// Memory that V8 knows of and that no node stands for (`extra_native_bytes`, Node 24 and later).
    pub extra_native_bytes: u64,
    /// Names of `meta.node_fields`, in the file's order.
    pub node_fields: Vec<String>,
    /// Number of allocation sites (`trace_function_count`); 0 without allocation tracking.
    pub trace_function_count: u64,
    /// Node types that this version has no name for; the codes follow the known ones.
    pub unknown_node_kinds: Vec<String>,
    /// Edge types that this version has no name for.
    pub unknown_edge_kinds: Vec<String>,
    /// The newest of the known node types that the file's list has: older versions have shorter lists. `None`: all.
    pub last_node_kind: Option<u8>,
    /// The same for edge types.
    pub last_edge_kind: Option<u8>,
}

impl Header {
    /// Whether nodes say if they are detached from a document. Absent in Node 12.
    pub fn has_detachedness(&self) -> bool {
        self.node_fields.iter().any(|field| field == "detachedness")
    }
}

/// What a salvaged file lacks. A whole file lacks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Missing {
    /// Byte offset of the cut, if there was one.
    pub cut_at: Option<u64>,
    /// Nodes that the header promises and the file lacks.
    pub nodes: u64,
    /// Edges that the header promises and the graph lacks.
    pub edges: u64,
    /// Whether strings are missing: all of them, or those after the cut.
    pub strings: bool,
    /// Sections that are missing or cut, by name.
    pub sections: Vec<String>,
}

impl Missing {
    /// Whether nothing is missing.
    pub fn is_nothing(&self) -> bool {
        *self == Missing::default()
    }

    /// Whether all nodes and edges are there, so that sizes, distances and dominators can be computed.
    pub fn has_all_edges(&self) -> bool {
        self.nodes == 0 && self.edges == 0
    }
}

/// A heap as a graph. Numbers are the file's own; what Chrome DevTools derives is in [`crate::Analysis`].
#[derive(Clone, Default)]
pub struct HeapGraph {
    pub(crate) nodes: NodeColumns,
    pub(crate) edges: EdgeColumns,
    pub(crate) strings: Strings,
    pub(crate) locations: LocationColumns,
    /// Self sizes that need more than 32 bits, sorted by node.
    pub(crate) big_sizes: Vec<(u32, u64)>,
    /// Nodes whose detachedness is known, sorted by node.
    pub(crate) detachedness: Vec<(u32, u8)>,
    pub(crate) traces: AllocationTraces,
    pub(crate) header: Header,
    pub(crate) missing: Missing,
}

impl HeapGraph {
    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.nodes.kind.len()
    }

    /// Number of edges.
    pub fn edge_count(&self) -> u64 {
        self.edges.to.len() as u64
    }

    /// All nodes in the file's order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeIndex> + use<> {
        (0..self.node_count() as u32).map(NodeIndex)
    }

    /// A node's type.
    #[inline]
    pub fn kind(&self, node: NodeIndex) -> NodeKind {
        NodeKind::from_code(self.nodes.kind[node.index()])
    }

    /// The name of a node's type, also of one that this version has no [`NodeKind`] for.
    pub fn kind_name(&self, node: NodeIndex) -> &str {
        let code = usize::from(self.nodes.kind[node.index()]);
        match NodeKind::KNOWN.get(code) {
            Some(kind) => kind.name(),
            None => {
                self.header.unknown_node_kinds.get(code - NodeKind::KNOWN.len()).map_or("?", String::as_str)
            }
        }
    }

    /// A node's name as the file has it: a class, a string's content, V8's words for its own things. Empty if
    /// the file was cut before it ([`HeapGraph::has_name`] tells).
    pub fn name(&self, node: NodeIndex) -> &str {
        self.strings.get(self.nodes.name[node.index()]).unwrap_or("")
    }

    /// Index of a node's name in the strings.
    #[inline]
    pub fn name_index(&self, node: NodeIndex) -> u32 {
        self.nodes.name[node.index()]
    }

    /// Whether the name is known; always, unless the file was cut.
    pub fn has_name(&self, node: NodeIndex) -> bool {
        (self.nodes.name[node.index()] as usize) < self.strings.len()
    }

    /// V8's id of the object, DevTools' `@id`. Stable between snapshots of one process.
    #[inline]
    pub fn id(&self, node: NodeIndex) -> u64 {
        u64::from(self.nodes.id[node.index()])
    }

    /// The node with this id.
    pub fn find_id(&self, id: u64) -> Option<NodeIndex> {
        let id = u32::try_from(id).ok()?;
        self.nodes.id.iter().position(|&other| other == id).map(|index| NodeIndex(index as u32))
    }

    /// Bytes of the node itself as the file has them, before DevTools' transfer to owners.
    #[inline]
    pub fn raw_self_size(&self, node: NodeIndex) -> u64 {
        match self.nodes.self_size[node.index()] {
            u32::MAX => lookup(&self.big_sizes, node).unwrap_or(u64::from(u32::MAX)),
            size => u64::from(size),
        }
    }

    /// The references from a node, in the file's order.
    pub fn edges(&self, node: NodeIndex) -> impl ExactSizeIterator<Item = Edge> + '_ {
        let range = self.nodes.edges.range(node.index());
        (range.start as usize..range.end as usize).map(|index| self.edge(index as u64))
    }

    /// The edge at this position.
    #[inline]
    pub fn edge(&self, index: u64) -> Edge {
        let at = index as usize;
        Edge {
            index,
            kind: EdgeKind::from_code(self.edges.kind[at]),
            name_or_index: self.edges.name[at],
            to: NodeIndex(self.edges.to[at]),
        }
    }

    /// The node an edge belongs to.
    pub fn source(&self, edge: u64) -> NodeIndex {
        NodeIndex(self.nodes.edges.row_of(edge) as u32)
    }

    /// An edge's name.
    pub fn edge_name(&self, edge: &Edge) -> EdgeName<'_> {
        if edge.kind.is_numbered() {
            EdgeName::Index(edge.name_or_index)
        } else {
            EdgeName::Name(self.strings.get(edge.name_or_index).unwrap_or(""))
        }
    }

    /// The target of the first edge of this kind with this name.
    pub fn child(&self, node: NodeIndex, kind: EdgeKind, name: &str) -> Option<NodeIndex> {
        self.edges(node)
            .find(|edge| edge.kind == kind && self.edge_name(edge) == EdgeName::Name(name))
            .map(|edge| edge.to)
    }

    /// Where the node's constructor (of an object) or the function itself (of a closure) stands.
    pub fn location(&self, node: NodeIndex) -> Option<Location> {
        let at = self.locations.node.binary_search(&node.0).ok()?;
        Some(self.location_at(at))
    }

    pub(crate) fn location_at(&self, at: usize) -> Location {
        Location {
            script_id: self.locations.script[at],
            line: self.locations.line[at],
            column: self.locations.column[at],
        }
    }

    /// The node's state in a document, as the file has it.
    pub fn raw_detachedness(&self, node: NodeIndex) -> u8 {
        lookup(&self.detachedness, node).unwrap_or(detachedness::UNKNOWN)
    }

    /// The string table.
    pub fn strings(&self) -> &Strings {
        &self.strings
    }

    /// Allocation sites and samples, if the snapshot was taken with allocation tracking.
    pub fn traces(&self) -> &AllocationTraces {
        &self.traces
    }

    /// Facts about the file.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What a salvaged file lacks.
    pub fn missing(&self) -> &Missing {
        &self.missing
    }

    /// Sum of all self sizes, in bytes.
    pub fn total_self_size(&self) -> u64 {
        self.nodes().map(|node| self.raw_self_size(node)).sum()
    }

    /// The highest id of a JavaScript object (odd ids): objects made later have higher ones.
    pub fn max_js_id(&self) -> u64 {
        self.nodes.id.iter().copied().filter(|id| id % 2 == 1).max().map_or(0, u64::from)
    }

    /// The same without ids that are of one graph alone. Those of frozen copies of a process whose objects V8 has given ids
    /// are above [`HeapGraph::OF_ONE_GRAPH`] where V8 gave none, and few among the others.
    pub fn max_lasting_js_id(&self) -> u64 {
        // How many there are of each, and the highest.
        let (mut below, mut above) = ((0, 0), (0, 0));
        for &id in self.nodes.id.iter().filter(|id| *id % 2 == 1) {
            let (count, highest) = if id < Self::OF_ONE_GRAPH { &mut below } else { &mut above };
            (*count, *highest) = (*count + 1, id.max(*highest));
        }
        u64::from(if below.0 > above.0 { below.1 } else { above.1 })
    }

    /// V8 counts its ids up by two, and does not come so far.
    pub const OF_ONE_GRAPH: u32 = 1 << 31;

    /// Memory that the graph's columns hold, in bytes, without what is lent from an index file.
    pub fn owned_bytes(&self) -> usize {
        let nodes = &self.nodes;
        let edges = &self.edges;
        nodes.kind.owned_bytes()
            + nodes.name.owned_bytes()
            + nodes.id.owned_bytes()
            + nodes.self_size.owned_bytes()
            + nodes.edges.owned_bytes()
            + edges.kind.owned_bytes()
            + edges.name.owned_bytes()
            + edges.to.owned_bytes()
            + self.strings.blob.owned_bytes()
            + self.strings.ends.owned_bytes()
            + self.locations.node.owned_bytes() * 4
    }

    /// Gives nodes names from a whole snapshot of the same process, by id: for a file that was cut before its
    /// strings. Only nodes of the same type take a name. Answers how many got one.
    pub fn take_names_from(&mut self, whole: &HeapGraph) -> usize {
        let by_id: rustc_hash::FxHashMap<u32, u32> =
            whole.nodes.id.iter().enumerate().map(|(node, &id)| (id, node as u32)).collect();
        let mut builder = crate::strings::StringsBuilder::default();
        let mut index_of = rustc_hash::FxHashMap::default();
        for string in self.strings.iter() {
            builder.push(string);
        }
        let mut names = self.nodes.name.to_vec();
        let mut named = 0;
        for (node, name) in names.iter_mut().enumerate() {
            if (*name as usize) < self.strings.len() {
                continue;
            }
            let other = by_id.get(&self.nodes.id[node]).map(|&other| NodeIndex(other));
            let found =
                other.filter(|&other| whole.kind_name(other) == self.kind_name(NodeIndex(node as u32)));
            *name = match found {
                Some(other) => {
                    named += 1;
                    let text = whole.name(other);
                    *index_of.entry(text.to_owned()).or_insert_with(|| builder.push(text))
                }
                None => u32::MAX,
            };
        }
        // Edge names that were cut off must not point at the strings just added.
        let known = self.strings.len() as u32;
        let mut edge_names = self.edges.name.to_vec();
        for (edge, name) in edge_names.iter_mut().enumerate() {
            if *name >= known && !EdgeKind::from_code(self.edges.kind[edge]).is_numbered() {
                *name = u32::MAX;
            }
        }
        self.edges.name = edge_names.into();
        self.strings = builder.finish();
        self.nodes.name = names.into();
        named
    }
}

fn lookup<T: Copy>(sorted: &[(u32, T)], node: NodeIndex) -> Option<T> {
    let at = sorted.binary_search_by_key(&node.0, |entry| entry.0).ok()?;
    Some(sorted[at].1)
}
