//! Every node, for whoever wants to compare.

use std::ops::ControlFlow;

use serde::Serialize;

use super::AnswerError;
use crate::open::{Heap, Progress};

/// One node. What depends on edges that were cut off is absent.
#[derive(Clone, Debug, Serialize)]
pub struct NodeRow<'a> {
    /// V8's id.
    pub id: u64,
    /// The type that the file gives it.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Its class as shown.
    pub class: Option<&'a str>,
    /// Steps from the roots.
    pub distance: Option<i32>,
    /// DevTools' shallow size, after the transfer to owners.
    pub self_size: Option<u64>,
    /// What would be freed with it.
    pub retained_size: Option<u64>,
    /// The file's own size.
    pub raw_self_size: u64,
    /// Id of the node through which all ways to it lead; `None` for the root.
    pub dominator: Option<u64>,
}

/// Calls `each` for every node in the file's order, until it breaks.
///
/// # Errors
/// If the heap can't be analysed, unless edges were cut off.
pub fn nodes<B>(
    heap: &Heap,
    progress: Progress<'_>,
    each: &mut dyn FnMut(&NodeRow<'_>) -> ControlFlow<B>,
) -> Result<ControlFlow<B>, AnswerError> {
    let graph = heap.graph();
    let analysis = match graph.missing().has_all_edges() {
        true => Some(heap.analysis(progress)?),
        false => None,
    };
    for node in graph.nodes() {
        let dominator = analysis.map(|analysis| analysis.dominator(node)).filter(|&above| above != node);
        let row = NodeRow {
            id: graph.id(node),
            kind: graph.kind_name(node),
            class: analysis.map(|analysis| analysis.class_name(node)),
            distance: analysis.map(|analysis| analysis.distance(node)),
            self_size: analysis.map(|analysis| analysis.shallow_size(node)),
            retained_size: analysis.map(|analysis| analysis.retained_size(node)),
            raw_self_size: graph.raw_self_size(node),
            dominator: dominator.map(|above| graph.id(above)),
        };
        if let ControlFlow::Break(value) = each(&row) {
            return Ok(ControlFlow::Break(value));
        }
    }
    Ok(ControlFlow::Continue(()))
}
