//! Who holds an object.

use serde::Serialize;

use super::node::is_bookkeeping;
use super::object::find;
use super::{AnswerError, NodeRef, Reference, View};
use crate::open::{Heap, Progress};

/// One holder.
#[derive(Clone, Debug, Serialize)]
pub struct Retainer {
    /// How it refers to the object.
    pub edge: Reference,
    /// Whether this reference keeps the object alive; weak ones don't.
    pub holds: bool,
    /// The holder.
    pub node: NodeRef,
}

/// The holders of an object.
#[derive(Clone, Debug, Serialize)]
pub struct Retainers {
    /// The object.
    pub node: NodeRef,
    /// References to it in all.
    pub retainer_count: usize,
    /// The holders, those nearest to the roots first.
    pub retainers: Vec<Retainer>,
}

/// Answers who holds an object.
///
/// # Errors
/// If the heap can't be analysed or has no such object.
pub fn retainers(
    heap: &Heap,
    id: u64,
    top: Option<usize>,
    reveal: bool,
    progress: Progress<'_>,
) -> Result<Retainers, AnswerError> {
    let node = find(heap, id)?;
    let view = View::new(heap.graph(), heap.analysis(progress)?, reveal);
    let all = heap.retainers()?;
    let (retainer_count, retainers) = nearest(&view, all, node, top.unwrap_or(usize::MAX));
    Ok(Retainers { node: view.node(node), retainer_count, retainers })
}

/// How many there are, and the nearest of them: real holders before weak references and V8's own.
pub(crate) fn nearest(
    view: &View<'_>,
    all: &heap_graph::Retainers,
    node: heap_graph::NodeIndex,
    top: usize,
) -> (usize, Vec<Retainer>) {
    let mut edges: Vec<_> = all.edges(view.graph, node).collect();
    let count = edges.len();
    let distance = |from| match view.analysis.distance(from) {
        unreached if unreached < 0 => i32::MAX,
        distance => distance,
    };
    edges.sort_by_key(|(from, edge)| {
        let is_weak = edge.kind == heap_graph::EdgeKind::Weak;
        (is_weak, is_bookkeeping(view.graph, edge), distance(*from), edge.index)
    });
    edges.truncate(top);
    let retainer = |(from, edge): &(heap_graph::NodeIndex, heap_graph::Edge)| Retainer {
        edge: view.reference(edge),
        holds: edge.kind != heap_graph::EdgeKind::Weak,
        node: view.node(*from),
    };
    (count, edges.iter().map(retainer).collect())
}
