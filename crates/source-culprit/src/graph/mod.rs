//! Evidence read from a heap graph.
//!
//! V8 keeps a program's variables in `system / Context` nodes, ECMAScript exports in cells, a `Map`'s entries in
//! a table, and much else in nodes that no source names. This module walks up from an accumulation point and
//! says in the words of [`Evidence`] what holds it.

mod holders;
mod hops;
mod point;

use heap_graph::{Edge, HeapGraph, Location, NodeIndex};

use crate::evidence::{CollectionKind, Evidence, FunctionPosition, Hop};

/// Longest chain that is built.
const MAX_HOPS: usize = 32;

/// A heap graph with what is needed to walk it upwards.
pub struct GraphView<'g> {
    /// The graph.
    pub graph: &'g HeapGraph,
    /// The nodes that have an edge to a node.
    pub retainers: &'g dyn Fn(NodeIndex) -> Vec<NodeIndex>,
    /// Whether the script of this number is library code.
    pub is_library: &'g dyn Fn(u32) -> bool,
}

/// Evidence for the accumulation point `point`.
///
/// `path` is a retaining path from a root to the point, each step the holder and its edge. It decides where
/// several holders are equally good; without one (or beyond it) the best named holder is taken.
#[must_use]
pub fn from_graph(view: &GraphView<'_>, point: NodeIndex, path: &[(NodeIndex, Edge)]) -> Evidence {
    let point = point::collection(view, point);
    let mut kind = point::kind(view, point);
    let mut chain = Vec::new();
    let mut at = point;
    let mut visited = vec![point];
    while chain.len() < MAX_HOPS {
        let Some(step) = holders::best(view, at, path, &visited) else { break };
        if matches!(kind, CollectionKind::Unknown) && point::is_promise(view, step.holder) {
            kind = CollectionKind::Promise;
            chain.clear();
        } else if let Some(hop) = step.hop {
            let ends = matches!(hop, Hop::GlobalProperty { .. });
            push(&mut chain, hop);
            if ends {
                break;
            }
        }
        at = step.holder;
        visited.push(at);
    }
    Evidence {
        kind,
        class_name: view.graph.name(point).to_owned(),
        constructor: position(view.graph.location(point)),
        chain,
        growing: point::growing(view, point),
    }
}

/// Functions of the application that one of the growing things keeps: callbacks of timers, listeners of watchers.
/// Only what was made after the object with the id `since` counts, nearest first.
#[must_use]
pub fn kept_functions(view: &GraphView<'_>, thing: NodeIndex, since: u64) -> Vec<FunctionPosition> {
    point::kept_functions(view, thing, since)
}

/// Classes of things that hold one of the growing ones and were made, as it was, after the object with the id `since`:
/// whoever made those brought it along. Nearest first.
#[must_use]
pub fn brought_by(view: &GraphView<'_>, thing: NodeIndex, since: u64) -> Vec<String> {
    point::brought_by(view, thing, since)
}

/// Consecutive steps of V8's own say no more than one.
fn push(chain: &mut Vec<Hop>, hop: Hop) {
    let both_internal = matches!((&hop, chain.last()), (Hop::Internal { .. }, Some(Hop::Internal { .. })));
    if !both_internal {
        chain.push(hop);
    }
}

fn position(location: Option<Location>) -> Option<FunctionPosition> {
    location.map(|at| FunctionPosition { script_id: at.script_id, line: at.line, column: at.column })
}
