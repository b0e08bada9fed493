//! A small heap described node by node.

use crate::layout::Layout;
use crate::write::write;
use crate::writing::Writing;

/// A node of a [`TestHeap`]: its ordinal in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(pub usize);

/// A name in the string table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Text {
    /// Written as a JSON string with the escapes that [`Writing`] asks for.
    Plain(String),
    /// The bytes between the quotes as they are to stand in the file: lone surrogates, bad UTF-8, bad escapes.
    Literal(Vec<u8>),
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Plain(text)
    }
}

/// The name of an edge, or its index where the edge type has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EdgeLabel {
    /// `property`, `context`, `internal`, `shortcut`, `weak`.
    Name(Text),
    /// `element`, `hidden`.
    Index(u32),
}

impl<T: Into<Text>> From<T> for EdgeLabel {
    fn from(text: T) -> Self {
        Self::Name(text.into())
    }
}

impl From<u32> for EdgeLabel {
    fn from(index: u32) -> Self {
        Self::Index(index)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct NodeRecord {
    pub(crate) kind: String,
    pub(crate) name: Text,
    pub(crate) id: u64,
    pub(crate) self_size: u64,
    pub(crate) trace_node_id: u64,
    pub(crate) detachedness: u64,
    pub(crate) edges: Vec<EdgeRecord>,
}

#[derive(Clone, Debug)]
pub(crate) struct EdgeRecord {
    pub(crate) kind: String,
    pub(crate) label: EdgeLabel,
    pub(crate) to: Node,
}

/// Where an object's constructor, or a closure, stands in its script; counted from 0, as in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The script's number in its process.
    pub script_id: u32,
    /// The line, from 0.
    pub line: u32,
    /// The column, from 0.
    pub column: u32,
}

/// A function on an allocation stack: function id, names and place.
#[derive(Clone, Debug)]
pub(crate) struct TraceFunction {
    pub(crate) id: u64,
    pub(crate) name: Text,
    pub(crate) script: Text,
    pub(crate) location: Location,
}

/// A node of the tree of allocation stacks.
#[derive(Clone, Debug, Default)]
pub struct TraceNode {
    /// What `trace_node_id` of a heap node refers to.
    pub id: u64,
    /// Index of the function, in the order of [`TestHeap::trace_function`].
    pub function: u64,
    /// How many objects were allocated here.
    pub count: u64,
    /// How many bytes.
    pub size: u64,
    /// The functions called from here.
    pub children: Vec<TraceNode>,
}

/// A heap described node by node, to be written as a snapshot. The first node is the root.
#[derive(Clone, Debug)]
pub struct TestHeap {
    pub(crate) layout: Layout,
    pub(crate) nodes: Vec<NodeRecord>,
    pub(crate) locations: Vec<(Node, Location)>,
    pub(crate) trace_functions: Vec<TraceFunction>,
    pub(crate) trace_tree: Option<TraceNode>,
    pub(crate) samples: Vec<(u64, u64)>,
    pub(crate) extra_native_bytes: u64,
    pub(crate) scopes: Vec<Scope>,
}

/// A scope of a script and its context variables, as newest V8 writes them.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) script: Node,
    pub(crate) id: u64,
    pub(crate) depth: u64,
    pub(crate) variables: Vec<Text>,
    pub(crate) uses: Vec<(u64, u64)>,
}

impl TestHeap {
    /// An empty heap.
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            nodes: Vec::new(),
            locations: Vec::new(),
            trace_functions: Vec::new(),
            trace_tree: None,
            samples: Vec::new(),
            extra_native_bytes: 0,
            scopes: Vec::new(),
        }
    }

    /// The layout it will be written in.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// How many nodes it has.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many edges it has.
    pub fn edge_count(&self) -> usize {
        self.nodes.iter().map(|node| node.edges.len()).sum()
    }

    /// The id that a node was given.
    pub fn id(&self, node: Node) -> u64 {
        self.nodes[node.0].id
    }

    /// The type that a node was given.
    pub fn kind(&self, node: Node) -> &str {
        &self.nodes[node.0].kind
    }

    /// Adds a node. `kind` is a name of the layout's `node_types`.
    pub fn node(&mut self, kind: &str, name: impl Into<Text>, id: u64, self_size: u64) -> Node {
        self.layout.node_type(kind);
        self.nodes.push(NodeRecord {
            kind: kind.to_owned(),
            name: name.into(),
            id,
            self_size,
            trace_node_id: 0,
            detachedness: 0,
            edges: Vec::new(),
        });
        Node(self.nodes.len() - 1)
    }

    /// Adds an edge. `kind` is a name of the layout's `edge_types`; the label is a name, or a `u32` index for
    /// `element` and `hidden`.
    pub fn edge(&mut self, from: Node, kind: &str, label: impl Into<EdgeLabel>, to: Node) -> &mut Self {
        let label = label.into();
        self.layout.edge_type(kind);
        let indexed = matches!(kind, "element" | "hidden");
        assert_eq!(
            indexed,
            matches!(label, EdgeLabel::Index(_)),
            "{kind} edges have an index, others a name"
        );
        self.nodes[from.0].edges.push(EdgeRecord { kind: kind.to_owned(), label, to });
        self
    }

    /// Says where the node's constructor stands.
    pub fn location(&mut self, node: Node, script_id: u32, line: u32, column: u32) -> &mut Self {
        self.locations.push((node, Location { script_id, line, column }));
        self
    }

    /// Marks a node attached (1) or detached (2). Written only in layouts that have the field.
    pub fn detachedness(&mut self, node: Node, state: u64) -> &mut Self {
        self.nodes[node.0].detachedness = state;
        self
    }

    /// Says which allocation stack a node comes from. Written only in layouts that have the field.
    pub fn trace_node(&mut self, node: Node, trace_node_id: u64) -> &mut Self {
        self.nodes[node.0].trace_node_id = trace_node_id;
        self
    }

    /// Adds a function of allocation stacks.
    pub fn trace_function(
        &mut self,
        id: u64,
        name: impl Into<Text>,
        script: impl Into<Text>,
        location: Location,
    ) -> &mut Self {
        self.trace_functions.push(TraceFunction { id, name: name.into(), script: script.into(), location });
        self
    }

    /// Sets the tree of allocation stacks.
    pub fn trace_tree(&mut self, root: TraceNode) -> &mut Self {
        self.trace_tree = Some(root);
        self
    }

    /// Adds a point of an allocation timeline: by this time, ids up to this one were given out.
    pub fn sample(&mut self, timestamp_us: u64, last_assigned_id: u64) -> &mut Self {
        self.samples.push((timestamp_us, last_assigned_id));
        self
    }

    /// Sets the memory outside the heap. Written only in layouts that have it.
    pub fn extra_native_bytes(&mut self, bytes: u64) -> &mut Self {
        self.extra_native_bytes = bytes;
        self
    }

    /// Adds a scope of a script: its number, how deep it lies, its context variables, and which (scope, slot) it
    /// uses. Written only in layouts that have scopes.
    pub fn scope(
        &mut self,
        script: Node,
        id: u64,
        depth: u64,
        variables: &[&str],
        uses: &[(u64, u64)],
    ) -> &mut Self {
        let variables = variables.iter().map(|name| Text::from(*name)).collect();
        self.scopes.push(Scope { script, id, depth, variables, uses: uses.to_vec() });
        self
    }

    /// The snapshot as V8 would write it.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_with(&Writing::default())
    }

    /// The snapshot, written in another way, or wrong on purpose.
    pub fn to_bytes_with(&self, writing: &Writing) -> Vec<u8> {
        write(self, writing)
    }
}
