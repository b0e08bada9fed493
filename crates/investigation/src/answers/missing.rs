//! What a file that was cut lacks, and what therefore nobody can know.

use serde::Serialize;

use crate::open::Heap;

/// What is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Byte offset of the cut, if there was one.
    pub cut_at: Option<u64>,
    /// Nodes that the header promises and the file lacks.
    pub nodes: u64,
    /// Edges that the header promises and the file lacks.
    pub edges: u64,
    /// Whether strings are missing.
    pub strings: bool,
    /// Sections that are missing or cut.
    pub sections: Vec<String>,
    /// Nodes whose name is not there.
    pub nodes_without_name: u64,
    /// Whether all edges are there, without which there are no sizes after ownership, distances, dominators or
    /// classes.
    pub analysis_possible: bool,
    /// Whether these then equal those of the whole file. Entries of WeakMaps, and where distances begin, are told
    /// by names: without them some numbers differ.
    pub numbers_exact: bool,
}

/// What a heap lacks; `None` if it is whole.
pub fn missing(heap: &Heap) -> Option<Missing> {
    let graph = heap.graph();
    let missing = graph.missing();
    if missing.is_nothing() {
        return None;
    }
    Some(Missing {
        cut_at: missing.cut_at,
        nodes: missing.nodes,
        edges: missing.edges,
        strings: missing.strings,
        sections: missing.sections.clone(),
        nodes_without_name: graph.nodes().filter(|&node| !graph.has_name(node)).count() as u64,
        analysis_possible: missing.has_all_edges(),
        numbers_exact: missing.has_all_edges() && !missing.strings,
    })
}
