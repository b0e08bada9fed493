//! Distances from the user's roots, as DevTools' breadth-first walk gives them (`calculateDistances`).

use super::ephemerons::Ephemerons;
use super::reach::is_user_root;
use crate::bits::BitSet;
use crate::graph::{Edge, EdgeName, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};

/// Distance of a node that nothing reaches.
pub const NO_DISTANCE: i32 = -5;

/// What is only reached from V8's own roots has this much added (`baseSystemDistance`).
pub const SYSTEM_DISTANCE: i32 = 100_000_000;

/// Distance of each node.
pub(crate) fn distances(graph: &HeapGraph, ephemerons: &Ephemerons) -> Vec<i32> {
    let mut walk = Walk {
        graph,
        ephemerons,
        distances: vec![NO_DISTANCE; graph.node_count()],
        reached: BitSet::new(graph.node_count()),
        pending: BitSet::new(ephemerons.pairs()),
        native_context: names(graph, "system / NativeContext"),
        descriptors: names(graph, "(map descriptors)"),
        queue: Vec::with_capacity(graph.node_count()),
    };
    for edge in graph.edges(NodeIndex::ROOT) {
        if is_user_root(graph, edge.to) {
            // As in DevTools, a root that two edges lead to is walked from twice.
            walk.reach(edge.to, 1);
            walk.queue.push(edge.to.0);
        }
    }
    let has_user_roots = !walk.queue.is_empty();
    walk.run();
    walk.reach(NodeIndex::ROOT, if has_user_roots { SYSTEM_DISTANCE } else { 0 });
    walk.queue.clear();
    walk.queue.push(NodeIndex::ROOT.0);
    walk.run();
    walk.distances
}

/// All string indices with this text; V8 has one, other writers may repeat.
fn names(graph: &HeapGraph, text: &str) -> Vec<u32> {
    let strings = graph.strings();
    strings.containing(text).into_iter().filter(|&index| strings.get(index) == Some(text)).collect()
}

struct Walk<'a> {
    graph: &'a HeapGraph,
    ephemerons: &'a Ephemerons,
    distances: Vec<i32>,
    reached: BitSet,
    /// WeakMap entries of which one edge was seen.
    pending: BitSet,
    native_context: Vec<u32>,
    descriptors: Vec<u32>,
    queue: Vec<u32>,
}

impl Walk<'_> {
    fn reach(&mut self, node: NodeIndex, distance: i32) {
        self.distances[node.index()] = distance;
        self.reached.set(node.index());
    }

    fn run(&mut self) {
        let graph = self.graph;
        let (kinds, targets) = (&*graph.edges.kind, &*graph.edges.to);
        let offsets = graph.nodes.edges.view();
        let mut next = 0;
        while let Some(&node) = self.queue.get(next) {
            next += 1;
            let distance = self.distances[node as usize] + 1;
            let special = self.is_special(NodeIndex(node));
            for edge in offsets.range(node as usize) {
                let to = targets[edge] as usize;
                if self.reached.get(to) || kinds[edge] == EdgeKind::Weak as u8 {
                    continue;
                }
                let is_plain = kinds[edge] != EdgeKind::Internal as u8 && !special;
                if is_plain || self.passes(NodeIndex(node), &graph.edge(edge as u64), special) {
                    self.reached.set(to);
                    self.distances[to] = distance;
                    self.queue.push(to as u32);
                }
            }
        }
    }

    /// Whether some of the node's edges may not be followed, whatever their type.
    fn is_special(&self, node: NodeIndex) -> bool {
        match self.graph.kind(node) {
            NodeKind::Hidden => self.native_context.contains(&self.graph.name_index(node)),
            NodeKind::Array => self.descriptors.contains(&self.graph.name_index(node)),
            _ => false,
        }
    }

    /// Whether the walk follows this edge to a node it has not reached (the filter of `calculateDistances`).
    fn passes(&mut self, node: NodeIndex, edge: &Edge, special: bool) -> bool {
        if special {
            let name = self.graph.edge_name(edge);
            if self.graph.kind(node) == NodeKind::Array {
                // Descriptor arrays may be shared by maps of which not all have all descriptors.
                return leading_integer(&name).is_none_or(|index| index < 2 || index % 3 != 1);
            }
            if name == EdgeName::Name("sloppy_function_map") {
                return false;
            }
        }
        if edge.kind == EdgeKind::Internal
            && let Some(ephemeron) = self.ephemerons.get(edge.name_or_index)
        {
            // An entry is as far as the farther of its key and its table: the first edge does not count.
            return !self.pending.insert(ephemeron.pair as usize) && {
                self.pending.clear(ephemeron.pair as usize);
                true
            };
        }
        true
    }
}

/// JavaScript's `parseInt(name, 10)`.
fn leading_integer(name: &EdgeName<'_>) -> Option<i64> {
    match name {
        EdgeName::Index(index) => Some(i64::from(*index)),
        EdgeName::Name(name) => {
            let name = name.trim_start();
            let (sign, digits) = match name.strip_prefix('-') {
                Some(digits) => (-1, digits),
                None => (1, name.strip_prefix('+').unwrap_or(name)),
            };
            let end = digits.bytes().take(18).take_while(u8::is_ascii_digit).count();
            digits[..end].parse::<i64>().ok().map(|value| value * sign)
        }
    }
}
