//! What the `meta` of a snapshot says, by the version that wrote it.
//!
//! Measured on files that these versions wrote; written down here a second time, on purpose, so that the reader's
//! idea of the format is checked by another.

/// One version's idea of the snapshot format.
#[derive(Clone, Debug)]
pub struct Layout {
    /// For messages: `Node 26`.
    pub name: &'static str,
    /// The fields of a node record, in the file's order.
    pub node_fields: Vec<&'static str>,
    /// The names of the node types; a record holds the index.
    pub node_types: Vec<&'static str>,
    /// The rest of `meta.node_types`: the kind of each later field. Node 12 and 24 have one too many.
    pub node_field_kinds: Vec<&'static str>,
    /// The fields of an edge record.
    pub edge_fields: Vec<&'static str>,
    /// The names of the edge types.
    pub edge_types: Vec<&'static str>,
    /// The fields of a location record.
    pub location_fields: Vec<&'static str>,
    /// Newer versions count memory outside the heap that no node stands for.
    pub has_extra_native_bytes: bool,
    /// One record a line, or (since Node 24) a whole section on one line.
    pub record_lines: bool,
    /// Newest V8 writes the scopes of functions: `scopes`, `scope_context_vars`, `scope_uses`.
    pub has_scopes: bool,
}

const TYPES_TO_18: [&str; 14] = [
    "hidden",
    "array",
    "string",
    "object",
    "code",
    "closure",
    "regexp",
    "number",
    "native",
    "synthetic",
    "concatenated string",
    "sliced string",
    "symbol",
    "bigint",
];

impl Layout {
    /// Node 12: traces, no detachedness, though `node_types` has a kind for it.
    pub fn node12() -> Self {
        Self {
            name: "Node 12",
            node_fields: vec!["type", "name", "id", "self_size", "edge_count", "trace_node_id"],
            node_types: TYPES_TO_18.to_vec(),
            node_field_kinds: vec!["string", "number", "number", "number", "number", "number"],
            edge_fields: vec!["type", "name_or_index", "to_node"],
            edge_types: vec!["context", "element", "property", "internal", "hidden", "shortcut", "weak"],
            location_fields: vec!["object_index", "script_id", "line", "column"],
            has_extra_native_bytes: false,
            record_lines: true,
            has_scopes: false,
        }
    }

    /// Node 16: `detachedness` comes.
    pub fn node16() -> Self {
        let mut layout = Self { name: "Node 16", ..Self::node12() };
        layout.node_fields.push("detachedness");
        layout
    }

    /// Node 18: as Node 16.
    pub fn node18() -> Self {
        Self { name: "Node 18", ..Self::node16() }
    }

    /// Node 20: maps become `object shape`; there is a type for WebAssembly.
    pub fn node20() -> Self {
        let mut layout = Self { name: "Node 20", ..Self::node18() };
        layout.node_types.extend(["object shape", "wasm object"]);
        layout
    }

    /// Node 22: without the type for WebAssembly.
    pub fn node22() -> Self {
        let mut layout = Self { name: "Node 22", ..Self::node20() };
        layout.node_types.retain(|name| *name != "wasm object");
        layout
    }

    /// Node 24: `trace_node_id` goes, but its kind stays in `node_types`; `extra_native_bytes` comes; records no
    /// longer stand on lines of their own.
    pub fn node24() -> Self {
        let mut layout =
            Self { name: "Node 24", has_extra_native_bytes: true, record_lines: false, ..Self::node22() };
        layout.node_fields.retain(|name| *name != "trace_node_id");
        layout
    }

    /// Node 26: `node_types` is as long as the fields again.
    pub fn node26() -> Self {
        let mut layout = Self { name: "Node 26", ..Self::node24() };
        layout.node_field_kinds.pop();
        layout
    }

    /// Chrome newer than any Node: the scopes of functions.
    pub fn chrome() -> Self {
        Self { name: "Chrome", has_scopes: true, ..Self::node26() }
    }

    /// Every layout above, oldest first.
    pub fn all() -> Vec<Self> {
        vec![
            Self::node12(),
            Self::node16(),
            Self::node18(),
            Self::node20(),
            Self::node22(),
            Self::node24(),
            Self::node26(),
            Self::chrome(),
        ]
    }

    /// The number that stands for a node type. Older versions call a map `hidden`.
    pub(crate) fn node_type(&self, name: &str) -> usize {
        let find = |wanted: &str| self.node_types.iter().position(|have| *have == wanted);
        let number = find(name).or_else(|| if name == "object shape" { find("hidden") } else { None });
        number.unwrap_or_else(|| panic!("{} has no node type {name:?}", self.name))
    }

    /// The number that stands for an edge type.
    pub(crate) fn edge_type(&self, name: &str) -> usize {
        let number = self.edge_types.iter().position(|have| *have == name);
        number.unwrap_or_else(|| panic!("{} has no edge type {name:?}", self.name))
    }
}
