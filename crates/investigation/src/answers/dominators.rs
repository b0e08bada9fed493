//! The dominator tree: who keeps how much alive.

use std::collections::HashMap;

use heap_graph::NodeIndex;
use serde::Serialize;

use super::object::find;
use super::{AnswerError, NodeRef, View};
use crate::open::{Heap, Progress};

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    /// Below this object; the root if absent.
    pub id: Option<u64>,
    /// How many levels below it.
    pub depth: usize,
    /// How many objects on each level of each branch.
    pub top: usize,
    /// Whether strings are shown.
    pub reveal: bool,
}

/// An object and what it dominates.
#[derive(Clone, Debug, Serialize)]
pub struct Dominated {
    /// The object.
    pub node: NodeRef,
    /// How many objects it dominates directly.
    pub child_count: u64,
    /// The largest of them.
    pub children: Vec<Dominated>,
}

/// A part of the dominator tree.
#[derive(Clone, Debug, Serialize)]
pub struct Dominators {
    /// Bytes of the whole heap.
    pub total_size: u64,
    /// Those above the object that was asked for, the root first.
    pub above: Vec<NodeRef>,
    /// The tree.
    pub tree: Dominated,
}

/// Answers what an object, or the root, dominates.
///
/// # Errors
/// If the heap can't be analysed or has no such object.
pub fn dominators(
    heap: &Heap,
    question: &Question,
    progress: Progress<'_>,
) -> Result<Dominators, AnswerError> {
    let graph = heap.graph();
    let analysis = heap.analysis(progress)?;
    let view = View::new(graph, analysis, question.reveal);
    let top = match question.id {
        Some(id) => find(heap, id)?,
        None => NodeIndex::ROOT,
    };
    // Breadth first: one pass over all nodes finds the children of a whole level.
    let mut children: HashMap<NodeIndex, (u64, Vec<NodeIndex>)> = HashMap::new();
    let mut level = vec![top];
    for _ in 0..question.depth {
        let mut next: HashMap<NodeIndex, (u64, Vec<NodeIndex>)> =
            level.iter().map(|&node| (node, Default::default())).collect();
        for node in graph.nodes().filter(|&node| node != NodeIndex::ROOT) {
            if let Some((count, found)) = next.get_mut(&analysis.dominator(node)) {
                *count += 1;
                found.push(node);
                if found.len() > question.top.saturating_mul(8).max(1024) {
                    keep_largest(&view, found, question.top);
                }
            }
        }
        level.clear();
        for (node, (count, mut found)) in next {
            keep_largest(&view, &mut found, question.top);
            level.extend(&found);
            children.insert(node, (count, found));
        }
    }
    Ok(Dominators {
        total_size: analysis.statistics().total,
        above: chain_above(&view, top),
        tree: tree(&view, &children, top),
    })
}

fn keep_largest(view: &View<'_>, nodes: &mut Vec<NodeIndex>, top: usize) {
    nodes.sort_by_key(|&node| (std::cmp::Reverse(view.analysis.retained_size(node)), node));
    nodes.truncate(top);
}

/// The recursion is as deep as was asked for.
fn tree(view: &View<'_>, children: &HashMap<NodeIndex, (u64, Vec<NodeIndex>)>, node: NodeIndex) -> Dominated {
    let below = children.get(&node);
    Dominated {
        node: view.node(node),
        child_count: below.map_or(0, |(count, _)| *count),
        children: below.map_or_else(Vec::new, |(_, nodes)| {
            nodes.iter().map(|&child| tree(view, children, child)).collect()
        }),
    }
}

/// Longest chain that is told.
const MAX_CHAIN: usize = 64;

/// The dominators above a node, the farthest first; only the nearest ones of a long chain.
pub(crate) fn chain_above(view: &View<'_>, node: NodeIndex) -> Vec<NodeRef> {
    let mut chain = Vec::new();
    let mut at = node;
    while at != NodeIndex::ROOT && chain.len() < MAX_CHAIN {
        let above = view.analysis.dominator(at);
        if above == at {
            break;
        }
        chain.push(view.node(above));
        at = above;
    }
    chain.reverse();
    chain
}
