//! One object: its fields, its sizes, who holds it.

use heap_graph::NodeIndex;
use serde::Serialize;

use super::dominators::chain_above;
use super::node::is_bookkeeping;
use super::retainers::{Retainer, nearest};
use super::{AnswerError, NodeRef, Reference, View};
use crate::open::{Heap, Progress};

/// One reference that an object has.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// How it refers.
    pub edge: Reference,
    /// To what.
    pub node: NodeRef,
}

/// An object.
#[derive(Clone, Debug, Serialize)]
pub struct Object {
    /// The object.
    pub node: NodeRef,
    /// Its own size as the file has it, before DevTools' transfer to owners.
    pub raw_self_size: u64,
    /// "attached" or "detached" for nodes of a document.
    pub detachedness: Option<&'static str>,
    /// References that it has, in all.
    pub field_count: usize,
    /// Its references: the program's own before V8's.
    pub fields: Vec<Field>,
    /// Its dominators, the farthest first.
    pub dominators: Vec<NodeRef>,
    /// References to it in all.
    pub retainer_count: usize,
    /// Its nearest holders.
    pub retainers: Vec<Retainer>,
}

/// How many of each to tell.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Fields.
    pub fields: usize,
    /// Holders.
    pub retainers: usize,
}

/// The node with an id.
///
/// # Errors
/// If there is none.
pub(crate) fn find(heap: &Heap, id: u64) -> Result<NodeIndex, AnswerError> {
    heap.graph().find_id(id).ok_or_else(|| AnswerError::NoSuchObject { file: heap.name().to_owned(), id })
}

/// Answers all about an object, its content too.
///
/// # Errors
/// If the heap can't be analysed or has no such object.
pub fn object(heap: &Heap, id: u64, limits: Limits, progress: Progress<'_>) -> Result<Object, AnswerError> {
    let graph = heap.graph();
    let node = find(heap, id)?;
    let view = View::new(graph, heap.analysis(progress)?, true);
    let mut edges: Vec<_> = graph.edges(node).collect();
    let field_count = edges.len();
    edges.sort_by_key(|edge| (is_bookkeeping(graph, edge), edge.index));
    edges.truncate(limits.fields);
    let (retainer_count, retainers) = nearest(&view, heap.retainers()?, node, limits.retainers);
    Ok(Object {
        node: view.node(node),
        raw_self_size: graph.raw_self_size(node),
        detachedness: match graph.raw_detachedness(node) {
            heap_graph::detachedness::ATTACHED => Some("attached"),
            heap_graph::detachedness::DETACHED => Some("detached"),
            _ => None,
        },
        field_count,
        fields: edges
            .iter()
            .map(|edge| Field { edge: view.reference(edge), node: view.node(edge.to) })
            .collect(),
        dominators: chain_above(&view, node),
        retainer_count,
        retainers,
    })
}
