//! The old objects that hold new ones.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Windows, holds, is_subject};
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::NodeKind;
use crate::paths::PathStep;
use crate::retainers::Retainers;

/// Nodes looked at on the way up from one new object.
const MAX_STEPS: usize = 96;
/// Retainers followed from one node on that way.
const MAX_RETAINERS: usize = 48;

/// Which old objects hold which new ones.
pub(super) struct Holders<'a> {
    graph: &'a HeapGraph,
    retainers: &'a Retainers,
    windows: &'a Windows,
    credits: FxHashMap<NodeIndex, Credit>,
    /// New objects that only V8's roots hold, by class: native handles, mostly.
    unheld: FxHashMap<u32, Credit>,
}

#[derive(Default)]
struct Credit {
    bytes: u64,
    tops: Vec<(NodeIndex, u64)>,
}

/// A holder and the new objects that it was given.
pub(super) struct Group {
    pub(super) holder: NodeIndex,
    pub(super) tops: Vec<NodeIndex>,
}

/// Whether a node is something that can be named as a holder: an object, a function, a variable's scope.
pub(super) fn is_holder(graph: &HeapGraph, node: NodeIndex) -> bool {
    is_subject(graph, node) || is_context(graph, node)
}

/// Whether the node is a scope with variables.
pub(crate) fn is_context(graph: &HeapGraph, node: NodeIndex) -> bool {
    matches!(graph.kind(node), NodeKind::Object | NodeKind::Hidden | NodeKind::Array)
        && (graph.name(node) == "system / Context" || graph.name(node).starts_with("system / Context / "))
}

impl<'a> Holders<'a> {
    pub(super) fn new(graph: &'a HeapGraph, retainers: &'a Retainers, windows: &'a Windows) -> Self {
        Holders { graph, retainers, windows, credits: FxHashMap::default(), unheld: FxHashMap::default() }
    }

    /// Credits every old holder above `top`, through backing stores and new objects, with its bytes. Where none
    /// is near (a long chain), its dominator is credited, if it is an object.
    pub(super) fn credit(&mut self, top: NodeIndex, dominator: NodeIndex, class: u32, bytes: u64) {
        let mut found = above(self.graph, self.retainers, self.windows, top);
        if found.is_empty() && is_holder(self.graph, dominator) {
            found.insert(dominator);
        }
        if found.is_empty() {
            let credit = self.unheld.entry(class).or_default();
            credit.bytes += bytes;
            credit.tops.push((top, bytes));
        }
        for holder in found {
            let credit = self.credits.entry(holder).or_default();
            credit.bytes += bytes;
            credit.tops.push((top, bytes));
        }
    }

    /// Gives each new object to one holder: the one with the most bytes first, then what is left.
    pub(super) fn groups(self, most: usize) -> Vec<Group> {
        let graph = self.graph;
        let mut queue: std::collections::BinaryHeap<(u64, usize, std::cmp::Reverse<NodeIndex>)> = self
            .credits
            .iter()
            .map(|(&holder, credit)| (credit.bytes, credit.tops.len(), std::cmp::Reverse(holder)))
            .collect();
        let mut given: FxHashSet<NodeIndex> = FxHashSet::default();
        let mut groups = Vec::new();
        while groups.len() < most
            && let Some((bytes, _, std::cmp::Reverse(holder))) = queue.pop()
        {
            let tops = &self.credits[&holder].tops;
            let left: u64 = tops.iter().filter(|(top, _)| !given.contains(top)).map(|(_, bytes)| bytes).sum();
            if left < bytes {
                // Part of it was given away since: back into the queue with what is left.
                if left > 0 {
                    queue.push((left, tops.len(), std::cmp::Reverse(holder)));
                }
                continue;
            }
            let tops: Vec<NodeIndex> =
                tops.iter().map(|(top, _)| *top).filter(|top| given.insert(*top)).collect();
            debug_assert!(tops.iter().all(|&top| is_subject(graph, top)));
            groups.push(Group { holder, tops });
        }
        for credit in self.unheld.into_values() {
            let tops = credit.tops.into_iter().map(|(top, _)| top).collect();
            groups.push(Group { holder: NodeIndex::ROOT, tops });
        }
        groups
    }
}

/// The old holders nearest above a new object.
fn above(
    graph: &HeapGraph,
    retainers: &Retainers,
    windows: &Windows,
    top: NodeIndex,
) -> FxHashSet<NodeIndex> {
    let mut found = FxHashSet::default();
    let mut seen = FxHashSet::default();
    let mut queue = vec![top];
    let mut next = 0;
    while let Some(&node) = queue.get(next) {
        next += 1;
        if next > MAX_STEPS {
            break;
        }
        // A holder that many edges lead to one by one (maps, prototypes) is no accumulation point of this one.
        for &from in retainers.of(node).iter().take(MAX_RETAINERS) {
            let from = NodeIndex(from);
            if !seen.insert(from) || graph.kind(from) == NodeKind::Synthetic {
                continue;
            }
            let is_named = is_holder(graph, from);
            if is_named && windows.of(graph, from) == 0 {
                if reaches(graph, from, node) {
                    found.insert(from);
                }
            } else if !matches!(graph.kind(from), NodeKind::ObjectShape | NodeKind::Code)
                && reaches(graph, from, node)
            {
                queue.push(from);
            }
        }
    }
    found
}

/// Whether one of the edges between the two keeps the target alive. Wide nodes are taken at their word: looking
/// through millions of elements for each of them would take for ever, and elements are never weak.
fn reaches(graph: &HeapGraph, from: NodeIndex, to: NodeIndex) -> bool {
    let edges = graph.edges(from);
    edges.len() > 4096 || edges.filter(|edge| edge.to == to).any(|edge| holds(&edge))
}

/// A shortest way from a holder down to something it holds, the holder's step first.
pub(super) fn inside(
    graph: &HeapGraph,
    retainers: &Retainers,
    windows: &Windows,
    holder: NodeIndex,
    sample: NodeIndex,
) -> Vec<PathStep> {
    // Upward from the sample, remembering through which edge each node was come to.
    let mut down: FxHashMap<NodeIndex, PathStep> = FxHashMap::default();
    let mut queue = vec![sample];
    let mut next = 0;
    while let Some(&node) = queue.get(next) {
        next += 1;
        if node == holder || next > 4 * MAX_STEPS {
            break;
        }
        for (from, edge) in retainers.edges(graph, node).take(4 * MAX_RETAINERS) {
            let passable = from == holder || !(is_holder(graph, from) && windows.of(graph, from) == 0);
            if passable
                && holds(&edge)
                && graph.kind(from) != NodeKind::Synthetic
                && !down.contains_key(&from)
            {
                down.insert(from, PathStep { node: from, edge });
                queue.push(from);
            }
        }
    }
    let mut path = Vec::new();
    let mut at = holder;
    while at != sample
        && path.len() < MAX_STEPS
        && let Some(step) = down.get(&at)
    {
        path.push(*step);
        at = step.edge.to;
    }
    path
}

/// Number of objects that a holder holds directly or through V8's backing stores.
pub(super) fn held(graph: &HeapGraph, holder: NodeIndex) -> u64 {
    let mut count = 0;
    let mut seen = FxHashSet::default();
    let mut queue = vec![(holder, 0)];
    while let Some((node, depth)) = queue.pop() {
        for edge in graph.edges(node).filter(holds) {
            if is_subject(graph, edge.to) {
                count += 1;
            } else if depth < 3 && graph.kind(edge.to) == NodeKind::Array && seen.insert(edge.to) {
                queue.push((edge.to, depth + 1));
            }
        }
    }
    count
}
