//! How a heap is written: as V8 does, in another order or dress, or wrong on purpose.

/// A section of the file: a key of the top-level object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// The header: `meta` and counts.
    Snapshot,
    /// The nodes.
    Nodes,
    /// The edges, in the order of their nodes.
    Edges,
    /// The functions of allocation stacks.
    TraceFunctionInfos,
    /// The tree of allocation stacks.
    TraceTree,
    /// The allocation timeline.
    Samples,
    /// Where constructors and closures stand.
    Locations,
    /// The scopes of functions.
    Scopes,
    /// Their context variables.
    ScopeContextVars,
    /// Their uses of variables.
    ScopeUses,
    /// The strings.
    Strings,
}

impl Section {
    /// Every section, in V8's order.
    pub const ALL: [Self; 11] = [
        Self::Snapshot,
        Self::Nodes,
        Self::Edges,
        Self::TraceFunctionInfos,
        Self::TraceTree,
        Self::Samples,
        Self::Locations,
        Self::Scopes,
        Self::ScopeContextVars,
        Self::ScopeUses,
        Self::Strings,
    ];

    /// Its key in the file.
    pub fn key(self) -> &'static str {
        match self {
            Self::Snapshot => "snapshot",
            Self::Nodes => "nodes",
            Self::Edges => "edges",
            Self::TraceFunctionInfos => "trace_function_infos",
            Self::TraceTree => "trace_tree",
            Self::Samples => "samples",
            Self::Locations => "locations",
            Self::Scopes => "scopes",
            Self::ScopeContextVars => "scope_context_vars",
            Self::ScopeUses => "scope_uses",
            Self::Strings => "strings",
        }
    }
}

/// How characters beyond ASCII are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Escapes {
    /// As `\uXXXX`, pairs beyond the first 65,536: what V8 means to write.
    #[default]
    Ascii,
    /// As they are, in UTF-8.
    Utf8,
}

/// How to write. The default is V8's way; every other setting is a file that a reader must also read, or must
/// refuse.
#[derive(Clone, Debug)]
pub struct Writing {
    /// The sections, in this order. One may be missing, or stand twice.
    pub order: Vec<Section>,
    /// Spaces, tabs and line breaks wherever JSON allows them.
    pub pretty: bool,
    /// Escapes in strings.
    pub escapes: Escapes,
    /// Adds sections and header keys that no V8 writes, with nested contents.
    pub unknown_sections: bool,
    /// Adds a field in the middle of node, edge and location records.
    pub unknown_fields: bool,
    /// What the header says instead of the true number of nodes.
    pub node_count: Option<String>,
    /// What the header says instead of the true number of edges.
    pub edge_count: Option<String>,
    /// Replaces single numbers of a section: the number's position in it, and what to write there.
    pub patches: Vec<(Section, usize, String)>,
}

impl Default for Writing {
    fn default() -> Self {
        Self {
            order: Section::ALL.to_vec(),
            pretty: false,
            escapes: Escapes::Ascii,
            unknown_sections: false,
            unknown_fields: false,
            node_count: None,
            edge_count: None,
            patches: Vec::new(),
        }
    }
}

impl Writing {
    /// V8's way without one section.
    pub fn without(section: Section) -> Self {
        let mut writing = Self::default();
        writing.order.retain(|each| *each != section);
        writing
    }

    /// V8's way with one number of a section replaced: `position` counts numbers from the section's start.
    pub fn patched(section: Section, position: usize, text: &str) -> Self {
        Self { patches: vec![(section, position, text.to_owned())], ..Self::default() }
    }
}
