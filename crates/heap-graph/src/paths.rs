//! Retaining paths: why a node is alive.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::Analysis;
use crate::graph::{Edge, HeapGraph, NodeIndex};
use crate::kinds::EdgeKind;
use crate::retainers::Retainers;

/// One step of a path: a node and the edge from it to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathStep {
    /// The holding node.
    pub node: NodeIndex,
    /// Its edge to the next node on the path.
    pub edge: Edge,
}

/// Limits of [`retaining_paths`], DevTools' own by default.
#[derive(Clone, Copy, Debug)]
pub struct PathLimits {
    /// Longest path.
    pub depth: u32,
    /// Most nodes looked at.
    pub nodes: u32,
    /// Most retainers of one node.
    pub siblings: usize,
}

impl Default for PathLimits {
    fn default() -> Self {
        PathLimits { depth: 30, nodes: 5000, siblings: 100 }
    }
}

/// A retainer in a tree of retaining paths, the retained node being its parent in the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetainingEdge {
    /// The holding node.
    pub from: NodeIndex,
    /// The edge by which it holds.
    pub edge: Edge,
    /// Distance of the holding node.
    pub distance: i32,
    /// Who holds it in turn; empty at the end of the path.
    pub retainers: Vec<RetainingEdge>,
}

/// Trees of retaining paths, and which limits cut them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RetainingPaths {
    /// Retainers of the asked node.
    pub paths: Vec<RetainingEdge>,
    /// Some path was longer than allowed.
    pub cut_by_depth: bool,
    /// More nodes than allowed.
    pub cut_by_nodes: bool,
    /// Some node had more retainers than allowed.
    pub cut_by_siblings: bool,
}

/// Where paths end: the root has distance 0, its groups 1, what they hold 2 (`getRetainingPaths`).
const END_DISTANCE: i32 = 2;

/// All retaining paths of a node within limits, nearest retainers first (`getRetainingPaths`). Weak edges hold
/// nothing and are left out.
pub fn retaining_paths(
    graph: &HeapGraph,
    analysis: &Analysis,
    retainers: &Retainers,
    node: NodeIndex,
    limits: PathLimits,
) -> RetainingPaths {
    let mut search = Search {
        graph,
        analysis,
        retainers,
        limits,
        traversed: 0,
        visiting: FxHashSet::default(),
        visited: FxHashMap::default(),
        found: RetainingPaths::default(),
    };
    let paths = search.forest(node, 0);
    RetainingPaths { paths, ..search.found }
}

struct Search<'a> {
    graph: &'a HeapGraph,
    analysis: &'a Analysis,
    retainers: &'a Retainers,
    limits: PathLimits,
    traversed: u32,
    visiting: FxHashSet<NodeIndex>,
    visited: FxHashMap<NodeIndex, u32>,
    found: RetainingPaths,
}

impl Search<'_> {
    /// Recursion is bounded by the depth limit.
    fn forest(&mut self, node: NodeIndex, depth: u32) -> Vec<RetainingEdge> {
        self.traversed += 1;
        if self.traversed > self.limits.nodes {
            self.found.cut_by_nodes = true;
            return Vec::new();
        }
        if depth >= self.limits.depth {
            self.found.cut_by_depth = true;
            return Vec::new();
        }
        if self.analysis.distance(node) <= END_DISTANCE
            || self.visiting.contains(&node)
            || self.visited.get(&node).is_some_and(|&earlier| depth >= earlier)
        {
            return Vec::new();
        }
        self.visiting.insert(node);
        let mut forest = Vec::new();
        for (from, edge, distance) in self.nearest(node, depth) {
            let mut retainers = Vec::new();
            if distance == END_DISTANCE {
                self.traversed += 1;
                if self.traversed > self.limits.nodes {
                    self.found.cut_by_nodes = true;
                    break;
                }
            } else {
                retainers = self.forest(from, depth + 1);
                if retainers.is_empty() {
                    continue;
                }
            }
            forest.push(RetainingEdge { from, edge, distance, retainers });
        }
        self.visiting.remove(&node);
        self.visited.insert(node, depth);
        forest
    }

    /// The retainers from which an end can still be reached, nearest first.
    fn nearest(&mut self, node: NodeIndex, depth: u32) -> Vec<(NodeIndex, Edge, i32)> {
        let remaining = (self.limits.depth - depth) as i32;
        let mut nearest = Vec::new();
        for (from, edge) in self.retainers.edges(self.graph, node) {
            let distance = self.analysis.distance(from);
            if edge.kind == EdgeKind::Weak || distance < 0 {
                continue;
            }
            if distance - END_DISTANCE < remaining {
                nearest.push((from, edge, distance));
            } else {
                self.found.cut_by_depth = true;
            }
        }
        // DevTools keeps the order of its retainer lists among equals, which is the reverse of the file's.
        nearest.reverse();
        nearest.sort_by_key(|(_, _, distance)| *distance);
        if nearest.len() > self.limits.siblings {
            self.found.cut_by_siblings = true;
            nearest.truncate(self.limits.siblings);
        }
        nearest
    }
}

/// A shortest path from the root to a node, the root's step first; empty for the root, or for a node that
/// nothing holds.
///
/// At each node the retainer with the smallest distance is taken, preferring edges with a name that people
/// know (properties, variables, elements) over V8's own. Weak edges do not count.
pub fn shortest_path(
    graph: &HeapGraph,
    analysis: &Analysis,
    retainers: &Retainers,
    node: NodeIndex,
) -> Vec<PathStep> {
    let mut path = Vec::new();
    let mut at = node;
    let mut seen = FxHashSet::default();
    while at != NodeIndex::ROOT && seen.insert(at) {
        let own = analysis.distance(at);
        let rank = |edge: &Edge| match edge.kind {
            EdgeKind::Property | EdgeKind::Context | EdgeKind::Element => 0,
            EdgeKind::Internal => 1,
            _ => 2,
        };
        let held = |(from, edge): &(NodeIndex, Edge)| {
            let distance = analysis.distance(*from);
            edge.kind != EdgeKind::Weak && *from != at && (distance >= 0 || *from == NodeIndex::ROOT)
        };
        let closeness = |from: NodeIndex| {
            // The root itself has a system distance, but is where every path ends.
            if from == NodeIndex::ROOT { -1 } else { analysis.distance(from) }
        };
        let best = retainers
            .edges(graph, at)
            .filter(held)
            .filter(|(from, _)| closeness(*from) < own || own < 0)
            .min_by_key(|(from, edge)| (closeness(*from), rank(edge), edge.index));
        let Some((from, edge)) = best else { break };
        path.push(PathStep { node: from, edge });
        at = from;
    }
    path.reverse();
    path
}
