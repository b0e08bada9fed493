//! Node and edge types of a heap snapshot, by the names that `meta` gives them.

/// What kind of thing a node is (`meta.node_types[type]`).
///
/// The first sixteen are the names that V8 has used in any version from Node 12 to 26; a type with another
/// name is [`NodeKind::Other`], and its name is kept in [`crate::Header::unknown_node_kinds`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum NodeKind {
    /// V8's own bookkeeping: maps, descriptors, contexts before they had a type of their own.
    Hidden,
    /// A backing store: elements, properties, hash tables.
    Array,
    /// A flat string.
    String,
    /// A JavaScript object.
    Object,
    /// Bytecode, machine code, feedback, scope information.
    Code,
    /// A function.
    Closure,
    /// A regular expression.
    RegExp,
    /// A boxed number (or, with numeric values exposed, a small integer).
    Number,
    /// Memory or an object of the embedder (Node's C++ side, ArrayBuffer data).
    Native,
    /// Not an object: the root and the groups below it.
    Synthetic,
    /// A rope: two strings not yet joined.
    ConcatenatedString,
    /// A window into another string.
    SlicedString,
    /// A symbol.
    Symbol,
    /// A BigInt.
    BigInt,
    /// An object's hidden class (a "map").
    ObjectShape,
    /// A WebAssembly object.
    WasmObject,
    /// A type whose name this version does not know.
    Other,
}

impl NodeKind {
    /// All kinds with a name of their own, in the order of their numbers.
    pub const KNOWN: [NodeKind; 16] = [
        NodeKind::Hidden,
        NodeKind::Array,
        NodeKind::String,
        NodeKind::Object,
        NodeKind::Code,
        NodeKind::Closure,
        NodeKind::RegExp,
        NodeKind::Number,
        NodeKind::Native,
        NodeKind::Synthetic,
        NodeKind::ConcatenatedString,
        NodeKind::SlicedString,
        NodeKind::Symbol,
        NodeKind::BigInt,
        NodeKind::ObjectShape,
        NodeKind::WasmObject,
    ];

    /// The name in `meta.node_types`.
    pub const fn name(self) -> &'static str {
        match self {
            NodeKind::Hidden => "hidden",
            NodeKind::Array => "array",
            NodeKind::String => "string",
            NodeKind::Object => "object",
            NodeKind::Code => "code",
            NodeKind::Closure => "closure",
            NodeKind::RegExp => "regexp",
            NodeKind::Number => "number",
            NodeKind::Native => "native",
            NodeKind::Synthetic => "synthetic",
            NodeKind::ConcatenatedString => "concatenated string",
            NodeKind::SlicedString => "sliced string",
            NodeKind::Symbol => "symbol",
            NodeKind::BigInt => "bigint",
            NodeKind::ObjectShape => "object shape",
            NodeKind::WasmObject => "wasm object",
            NodeKind::Other => "other",
        }
    }

    /// The kind with this name in `meta.node_types`, if it is a known one.
    pub fn from_name(name: &str) -> Option<NodeKind> {
        Self::KNOWN.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind with this code, as the graph stores it; codes beyond the known ones are unknown kinds.
    pub(crate) fn from_code(code: u8) -> NodeKind {
        Self::KNOWN.get(usize::from(code)).copied().unwrap_or(NodeKind::Other)
    }
}

/// What kind of reference an edge is (`meta.edge_types[type]`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum EdgeKind {
    /// A variable of a closure's context.
    Context,
    /// An array element; its name is an index.
    Element,
    /// A property.
    Property,
    /// A link of V8's that JavaScript can't see but that has a name (`map`, `elements`, ...).
    Internal,
    /// A link that is hidden from users; its name is an index.
    Hidden,
    /// A second, shorter way to something (a bound function's target, the global object).
    Shortcut,
    /// A reference that does not keep its target alive.
    Weak,
    /// Only made by DevTools itself, never in a file.
    Invisible,
    /// A type whose name this version does not know.
    Other,
}

impl EdgeKind {
    /// All kinds with a name of their own, in the order of their numbers.
    pub const KNOWN: [EdgeKind; 8] = [
        EdgeKind::Context,
        EdgeKind::Element,
        EdgeKind::Property,
        EdgeKind::Internal,
        EdgeKind::Hidden,
        EdgeKind::Shortcut,
        EdgeKind::Weak,
        EdgeKind::Invisible,
    ];

    /// The name in `meta.edge_types`.
    pub const fn name(self) -> &'static str {
        match self {
            EdgeKind::Context => "context",
            EdgeKind::Element => "element",
            EdgeKind::Property => "property",
            EdgeKind::Internal => "internal",
            EdgeKind::Hidden => "hidden",
            EdgeKind::Shortcut => "shortcut",
            EdgeKind::Weak => "weak",
            EdgeKind::Invisible => "invisible",
            EdgeKind::Other => "other",
        }
    }

    /// The kind with this name in `meta.edge_types`, if it is a known one.
    pub fn from_name(name: &str) -> Option<EdgeKind> {
        Self::KNOWN.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn from_code(code: u8) -> EdgeKind {
        Self::KNOWN.get(usize::from(code)).copied().unwrap_or(EdgeKind::Other)
    }

    /// Whether `name_or_index` is a number rather than an index into the strings.
    ///
    /// Rule of Chrome DevTools (`JSHeapSnapshotEdge.hasStringName`): elements and hidden edges.
    pub const fn is_numbered(self) -> bool {
        matches!(self, EdgeKind::Element | EdgeKind::Hidden)
    }
}
