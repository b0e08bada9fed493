//! The texts of ropes ("concatenated strings"): V8 joins strings only when it must, and DevTools puts the parts
//! together for display (`consStringName`).

use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::graph::{EdgeName, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::names::units;

/// Longest text, in UTF-16 units: the part with which it is reached is the last one.
const MAX_UNITS: usize = 1024;

/// Parts looked at for one text. `s += 'x'` makes a rope as deep as there were additions; a rope in a damaged file
/// may contain itself.
const MAX_PARTS: usize = 1 << 20;

fn is_rope(graph: &HeapGraph, node: NodeIndex) -> bool {
    graph.kind(node) == NodeKind::ConcatenatedString
}

/// The two halves; a missing one is the root, whose name is empty. Of several the last before both are known.
fn halves(graph: &HeapGraph, rope: NodeIndex) -> (NodeIndex, NodeIndex) {
    let (mut first, mut second) = (NodeIndex::ROOT, NodeIndex::ROOT);
    for edge in graph.edges(rope).filter(|edge| edge.kind == EdgeKind::Internal) {
        match graph.edge_name(&edge) {
            EdgeName::Name("first") => first = edge.to,
            EdgeName::Name("second") => second = edge.to,
            _ => continue,
        }
        if first != NodeIndex::ROOT && second != NodeIndex::ROOT {
            break;
        }
    }
    (first, second)
}

/// Appends the text of a string until there is enough.
pub(crate) fn append(graph: &HeapGraph, node: NodeIndex, text: &mut String) {
    append_within(graph, node, text, MAX_PARTS);
}

fn append_within(graph: &HeapGraph, node: NodeIndex, text: &mut String, parts: usize) {
    let mut length = units(text);
    let mut stack = vec![node];
    for _ in 0..parts {
        let Some(part) = stack.pop().filter(|_| length < MAX_UNITS) else { return };
        if is_rope(graph, part) {
            let (first, second) = halves(graph, part);
            stack.extend([second, first]);
        } else {
            text.push_str(graph.name(part));
            length += units(graph.name(part));
        }
    }
}

/// Texts of many ropes: what ropes have in common is looked at once.
pub(crate) struct Ropes<'a> {
    graph: &'a HeapGraph,
    /// `None` while a rope's parts are being looked at.
    known: FxHashMap<NodeIndex, Option<Rc<str>>>,
}

impl<'a> Ropes<'a> {
    pub(crate) fn new(graph: &'a HeapGraph) -> Self {
        Ropes { graph, known: FxHashMap::default() }
    }

    /// The text of a string, rope or not.
    pub(crate) fn text(&mut self, node: NodeIndex) -> Rc<str> {
        // A rope is met twice: when its parts are opened, and when their texts are known.
        let mut open = vec![node];
        while let Some(&rope) = open.last() {
            if is_rope(self.graph, rope) && !self.known.contains_key(&rope) {
                self.known.insert(rope, None);
                let (first, second) = halves(self.graph, rope);
                for part in [second, first] {
                    if is_rope(self.graph, part) && !self.known.contains_key(&part) {
                        open.push(part);
                    }
                }
                continue;
            }
            open.pop();
            if self.known.get(&rope) == Some(&None) {
                let text = self.joined(rope);
                self.known.insert(rope, Some(text));
            }
        }
        self.known_text(node).unwrap_or_else(|| Rc::from(self.graph.name(node)))
    }

    fn known_text(&self, part: NodeIndex) -> Option<Rc<str>> {
        if is_rope(self.graph, part) {
            return self.known.get(&part)?.clone();
        }
        Some(Rc::from(self.graph.name(part)))
    }

    fn joined(&self, rope: NodeIndex) -> Rc<str> {
        let (first, second) = halves(self.graph, rope);
        let (Some(start), Some(end)) = (self.known_text(first), self.known_text(second)) else {
            // It contains itself.
            let mut text = String::new();
            append_within(self.graph, rope, &mut text, 8 * MAX_UNITS);
            return text.into();
        };
        let length = units(&start);
        if length >= MAX_UNITS || end.is_empty() {
            return start;
        }
        let mut text = start.to_string();
        if length + units(&end) <= MAX_UNITS {
            text.push_str(&end);
        } else {
            // Enough is reached somewhere inside the second half.
            append(self.graph, second, &mut text);
        }
        text.into()
    }

    /// Whether the node is a rope that V8 has already flattened: one half is empty.
    pub(crate) fn is_flat(&mut self, node: NodeIndex) -> bool {
        let graph = self.graph;
        is_rope(graph, node)
            && graph.edges(node).any(|edge| {
                edge.kind == EdgeKind::Internal
                    && matches!(graph.edge_name(&edge), EdgeName::Name("first" | "second"))
                    && self.shows_nothing(edge.to)
            })
    }

    fn shows_nothing(&mut self, node: NodeIndex) -> bool {
        if is_rope(self.graph, node) { self.text(node).is_empty() } else { self.graph.name(node).is_empty() }
    }
}
