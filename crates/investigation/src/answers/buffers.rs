//! The biggest blocks of bytes outside of V8's heap that objects hold.

use heap_graph::{NodeIndex, NodeKind};
use serde::Serialize;

use super::node::is_subject;
use super::{NodeRef, View};

/// One block of bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Buffer {
    /// The block itself.
    pub node: NodeRef,
    /// Its bytes.
    pub bytes: u64,
    /// The object that alone keeps it alive.
    pub holder: Option<NodeRef>,
}

/// Blocks of bytes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Buffers {
    /// How many.
    pub count: u64,
    /// Their bytes together.
    pub bytes: u64,
    /// The biggest.
    pub buffers: Vec<Buffer>,
}

/// Data of ArrayBuffers, the largest first.
pub(crate) fn buffers(view: &View<'_>, top: usize) -> Buffers {
    let graph = view.graph;
    let is_data = |&node: &NodeIndex| {
        graph.kind(node) == NodeKind::Native && graph.name(node) == "system / JSArrayBufferData"
    };
    let mut found: Vec<NodeIndex> = graph.nodes().filter(is_data).collect();
    let bytes = found.iter().map(|&node| graph.raw_self_size(node)).sum();
    let count = found.len() as u64;
    found.sort_by_key(|&node| (std::cmp::Reverse(graph.raw_self_size(node)), node));
    found.truncate(top);
    let buffer = |node: NodeIndex| Buffer {
        node: view.node(node),
        bytes: graph.raw_self_size(node),
        holder: holder(view, node).map(|holder| view.node(holder)),
    };
    Buffers { count, bytes, buffers: found.into_iter().map(buffer).collect() }
}

/// The object that a programmer sees: a Buffer or typed array if one alone holds the ArrayBuffer.
fn holder(view: &View<'_>, data: NodeIndex) -> Option<NodeIndex> {
    let array_buffer = Some(view.analysis.dominator(data)).filter(|&node| is_subject(view.graph, node))?;
    let above = view.analysis.dominator(array_buffer);
    let leads = view.graph.child(above, heap_graph::EdgeKind::Internal, "buffer") == Some(array_buffer);
    Some(if leads { above } else { array_buffer })
}
