//! Why an object is alive: the ways from the roots to it.

use heap_graph::{PathLimits, RetainingEdge, retaining_paths, shortest_path};
use serde::Serialize;

use super::object::find;
use super::{AnswerError, NodeRef, Reference, View};
use crate::open::{Heap, Progress};

/// One step of a path.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The holder.
    pub node: NodeRef,
    /// How it refers to the next one.
    pub edge: Reference,
}

/// The ways to an object.
#[derive(Clone, Debug, Serialize)]
pub struct Paths {
    /// The object.
    pub node: NodeRef,
    /// A shortest way, the root first; empty if nothing holds it.
    pub shortest: Vec<Step>,
    /// The shortest way in one line.
    pub shortest_in_words: String,
    /// Other ways, shortest first.
    pub others: Vec<Vec<Step>>,
    /// Whether there are more ways than were looked at.
    pub more: bool,
}

/// Answers how the roots reach an object: the shortest way, and up to `top` others.
///
/// # Errors
/// If the heap can't be analysed or has no such object.
pub fn paths(
    heap: &Heap,
    id: u64,
    top: usize,
    reveal: bool,
    progress: Progress<'_>,
) -> Result<Paths, AnswerError> {
    let graph = heap.graph();
    let node = find(heap, id)?;
    let analysis = heap.analysis(progress)?;
    let retainers = heap.retainers()?;
    let view = View::new(graph, analysis, reveal);
    let shortest = shortest_path(graph, analysis, retainers, node);
    let found = retaining_paths(graph, analysis, retainers, node, PathLimits::default());
    let mut others = flatten(&found.paths, top.saturating_add(1));
    others.retain(|path| !is_same_way(path, &shortest));
    others.sort_by_key(Vec::len);
    let more = others.len() > top || found.cut_by_depth || found.cut_by_nodes || found.cut_by_siblings;
    others.truncate(top);
    let retaining_step =
        |edge: &&RetainingEdge| Step { node: view.node(edge.from), edge: view.reference(&edge.edge) };
    Ok(Paths {
        node: view.node(node),
        shortest_in_words: heap_graph::describe_path(graph, &shortest),
        shortest: shortest
            .iter()
            .map(|step| Step { node: view.node(step.node), edge: view.reference(&step.edge) })
            .collect(),
        others: others.iter().map(|path| path.iter().map(retaining_step).collect()).collect(),
        more,
    })
}

/// Trees of holders as separate ways, at most `most`, the far end first. The recursion is as deep as the trees,
/// whose depth is limited.
fn flatten(trees: &[RetainingEdge], most: usize) -> Vec<Vec<&RetainingEdge>> {
    let mut ways = Vec::new();
    for tree in trees {
        if ways.len() >= most {
            break;
        }
        if tree.retainers.is_empty() {
            ways.push(vec![tree]);
        }
        for mut way in flatten(&tree.retainers, most - ways.len()) {
            way.push(tree);
            ways.push(way);
        }
    }
    ways
}

fn is_same_way(path: &[&RetainingEdge], shortest: &[heap_graph::PathStep]) -> bool {
    // The shortest way begins at the root, the others two steps below it.
    path.iter().rev().zip(shortest.iter().rev()).all(|(a, b)| a.edge.index == b.edge.index)
}
