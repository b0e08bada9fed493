//! How much of what grew is V8's own: code, bytecode, feedback and hidden classes.
//!
//! Functions that get hot are compiled, and compiled again with what was learned; a program that warms up grows
//! by that, and no object of its own does.

use crate::graph::HeapGraph;
use crate::kinds::NodeKind;

/// Growth of the self sizes between two snapshots, bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrowthByOwner {
    /// In all.
    pub total: i64,
    /// In nodes of the kinds code, hidden and object shape: what V8 makes for itself.
    pub engine: i64,
}

/// Compares the self sizes of two snapshots of one process.
#[must_use]
pub fn growth_by_owner(before: &HeapGraph, after: &HeapGraph) -> GrowthByOwner {
    let ((total_before, engine_before), (total_after, engine_after)) = (sizes(before), sizes(after));
    GrowthByOwner {
        total: total_after.cast_signed() - total_before.cast_signed(),
        engine: engine_after.cast_signed() - engine_before.cast_signed(),
    }
}

fn sizes(graph: &HeapGraph) -> (u64, u64) {
    let mut engine = 0;
    for node in graph.nodes() {
        if matches!(graph.kind(node), NodeKind::Code | NodeKind::Hidden | NodeKind::ObjectShape) {
            engine += graph.raw_self_size(node);
        }
    }
    (graph.total_self_size(), engine)
}
