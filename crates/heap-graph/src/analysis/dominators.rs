//! Immediate dominators by Lengauer and Tarjan's simple algorithm, with DevTools' treatment of orphans.
//!
//! T. Lengauer, R. E. Tarjan: A fast algorithm for finding dominators in a flowgraph. ACM TOPLAS 1(1), 1979.
//! DevTools' version (`calculateDominatorsAndRetainedSizes`) differs from the paper for nodes that the root
//! does not reach: nodes that only weak edges retain ("orphans") hang below the root, with all that they
//! reach; nodes left after that (cycles) are attached to the root one by one, without a walk.
//!
//! Everything happens in the space of depth-first numbers, where neighbours in the tree are neighbours in
//! memory. An edge to a node with a higher number can't have been linked when that node's turn comes, so it
//! is settled during the walk; only edges that lead back to lower numbers are kept as predecessor lists.

use super::reach::EssentialEdges;
use crate::bits::BitSet;
use crate::graph::HeapGraph;
use crate::offsets::{Offsets, OffsetsView, TooDense};

const NONE: u32 = u32::MAX;

/// The dominator tree.
pub(crate) struct DominatorTree {
    /// Node with each depth-first number; the root is number 0.
    pub(crate) node_of: Vec<u32>,
    /// Number of the immediate dominator of each number; the root's own is 0.
    pub(crate) dominator: Vec<u32>,
}

/// What the algorithm keeps of one node, together in one cache line.
#[derive(Clone, Copy)]
struct Vertex {
    /// The parent in the walk, until the node is linked; then an ancestor (path compression moves it up).
    ancestor: u32,
    /// The node with the lowest semidominator on the compressed path.
    label: u32,
    semi: u32,
    /// While in a bucket: the next one in it. Afterwards the dominator.
    dominator: u32,
}

/// Computes the tree.
///
/// # Errors
/// If 65,536 neighbouring nodes are retained by 2^32 edges or more.
pub(crate) fn dominator_tree(
    graph: &HeapGraph,
    essential: &EssentialEdges<'_>,
) -> Result<DominatorTree, TooDense> {
    let count = graph.node_count();
    if count == 0 {
        return Ok(DominatorTree { node_of: Vec::new(), dominator: Vec::new() });
    }
    let mut walk = Walk {
        offsets: graph.nodes.edges.view(),
        targets: &graph.edges.to,
        essential,
        number: vec![NONE; count],
        node_of: Vec::with_capacity(count),
        vertices: Vec::with_capacity(count),
        backward: BitSet::new(graph.edges.to.len()),
        backward_count: vec![0; count],
        reached: BitSet::new(count),
        stack: Vec::new(),
    };
    walk.run();
    let Walk { number, node_of, mut vertices, backward, backward_count, .. } = walk;
    let predecessors = Predecessors::new(graph, &number, &backward, backward_count)?;
    drop((number, backward));
    solve(&mut vertices, &predecessors);
    drop(predecessors);
    let dominator = finish(&mut vertices);
    Ok(DominatorTree { node_of, dominator })
}

struct Walk<'a> {
    offsets: OffsetsView<'a>,
    targets: &'a [u32],
    essential: &'a EssentialEdges<'a>,
    /// Number of each node.
    number: Vec<u32>,
    node_of: Vec<u32>,
    vertices: Vec<Vertex>,
    /// Essential edges that lead to a lower number.
    backward: BitSet,
    /// How many of them lead to each number.
    backward_count: Vec<u32>,
    reached: BitSet,
    /// Nodes on the way down, and the edges they have left.
    stack: Vec<(u32, u64, u64)>,
}

impl Walk<'_> {
    fn run(&mut self) {
        self.from(0, 0);
        let count = self.number.len();
        if self.node_of.len() == count {
            return;
        }
        let retained = self.retained_by_essential_edges();
        for node in 0..count as u32 {
            if !self.reached.get(node as usize) && !retained.get(node as usize) {
                // An orphan: the root is its only predecessor.
                self.from(node, 0);
            }
        }
        let first_unwalked = self.node_of.len() as u32;
        for node in 0..count as u32 {
            if !self.reached.get(node as usize) {
                // Part of a cycle that nothing reaches: no walk, and its semidominator comes from the cycle.
                let number = self.open(node, 0);
                self.vertices[number as usize].semi = number;
                self.stack.clear();
            }
        }
        // Edges of nodes that were attached without a walk have not been looked at yet.
        self.late_edges(first_unwalked);
    }

    fn retained_by_essential_edges(&self) -> BitSet {
        let mut retained = BitSet::new(self.number.len());
        for node in 0..self.number.len() {
            for edge in self.offsets.range(node) {
                let to = self.targets[edge];
                if self.essential.counts(node as u32, edge, to) {
                    retained.set(to as usize);
                }
            }
        }
        retained
    }

    /// Numbers a node, as a child of number `parent`.
    fn open(&mut self, node: u32, parent: u32) -> u32 {
        let number = self.node_of.len() as u32;
        self.reached.set(node as usize);
        self.number[node as usize] = number;
        self.node_of.push(node);
        // The tree edge from the parent makes the parent the first candidate for the semidominator.
        self.vertices.push(Vertex { ancestor: parent, label: number, semi: parent, dominator: NONE });
        let edges = self.offsets.range(node as usize);
        self.stack.push((number, edges.start as u64, edges.end as u64));
        number
    }

    /// Walks depth first from `root`, over edges in the file's order.
    fn from(&mut self, root: u32, parent: u32) {
        self.open(root, parent);
        let targets = self.targets;
        while let Some((number, mut edge, end)) = self.stack.pop() {
            let node = self.node_of[number as usize];
            while edge < end {
                let at = edge as usize;
                edge += 1;
                let to = targets[at];
                if !self.essential.counts(node, at, to) {
                    continue;
                }
                if !self.reached.get(to as usize) {
                    self.stack.push((number, edge, end));
                    self.open(to, number);
                    break;
                }
                self.known(number, at, self.number[to as usize]);
            }
        }
    }

    /// An edge to a node that has its number already.
    #[inline]
    fn known(&mut self, from: u32, edge: usize, to: u32) {
        if to > from {
            let semi = &mut self.vertices[to as usize].semi;
            *semi = from.min(*semi);
        } else {
            self.backward.set(edge);
            self.backward_count[to as usize] += 1;
        }
    }

    fn late_edges(&mut self, first: u32) {
        for number in first..self.node_of.len() as u32 {
            let node = self.node_of[number as usize];
            for edge in self.offsets.range(node as usize) {
                let to = self.targets[edge];
                if self.essential.counts(node, edge, to) {
                    self.known(number, edge, self.number[to as usize]);
                }
            }
        }
    }
}

/// For each number, the higher numbers with an edge to it.
struct Predecessors {
    offsets: Offsets,
    numbers: Vec<u32>,
}

impl Predecessors {
    fn new(graph: &HeapGraph, number: &[u32], backward: &BitSet, counts: Vec<u32>) -> Result<Self, TooDense> {
        let offsets = Offsets::from_counts(counts)?;
        let mut numbers = vec![0; offsets.total() as usize];
        let mut filled = vec![0u32; number.len()];
        let (sources, rows, targets) = (graph.nodes.edges.view(), offsets.view(), &*graph.edges.to);
        let mut node = 0;
        let mut end = sources.get(1);
        for edge in backward.iter() {
            while edge as u64 >= end {
                node += 1;
                end = sources.get(node + 1);
            }
            let to = number[targets[edge] as usize] as usize;
            numbers[rows.get(to) as usize + filled[to] as usize] = number[node];
            filled[to] += 1;
        }
        Ok(Predecessors { offsets, numbers })
    }
}

/// The main loop: semidominators in decreasing order of numbers, and dominators relative to them.
fn solve(vertices: &mut [Vertex], predecessors: &Predecessors) {
    let mut bucket = vec![NONE; vertices.len()];
    let mut path = Vec::new();
    let rows = predecessors.offsets.view();
    for number in (1..vertices.len() as u32).rev() {
        let mut semi = vertices[number as usize].semi;
        for &from in &predecessors.numbers[rows.range(number as usize)] {
            if semi == 0 {
                break;
            }
            let best = evaluate(vertices, from, number + 1, &mut path);
            semi = semi.min(vertices[best as usize].semi);
        }
        let parent = vertices[number as usize].ancestor;
        let vertex = &mut vertices[number as usize];
        vertex.semi = semi;
        vertex.dominator = bucket[semi as usize];
        bucket[semi as usize] = number;
        // From here on `number` is linked. Everything in the parent's bucket can be settled.
        let mut next = std::mem::replace(&mut bucket[parent as usize], NONE);
        while next != NONE {
            let waiting = next;
            next = vertices[waiting as usize].dominator;
            let best = evaluate(vertices, waiting, number, &mut path);
            let is_lower = vertices[best as usize].semi < vertices[waiting as usize].semi;
            vertices[waiting as usize].dominator = if is_lower { best } else { parent };
        }
    }
    // What is still in a bucket was never settled (cycles that nothing reaches): the root dominates it.
    for head in bucket {
        let mut next = head;
        while next != NONE {
            let waiting = next;
            next = vertices[waiting as usize].dominator;
            vertices[waiting as usize].dominator = NONE;
        }
    }
}

/// The node with the lowest semidominator on the way from `from` up to its tree's root, among linked nodes:
/// those with numbers from `linked` on.
#[inline]
fn evaluate(vertices: &mut [Vertex], from: u32, linked: u32, path: &mut Vec<u32>) -> u32 {
    if from < linked {
        return from;
    }
    let mut at = from;
    loop {
        let ancestor = vertices[at as usize].ancestor;
        if ancestor < linked {
            break;
        }
        path.push(at);
        at = ancestor;
    }
    while let Some(below) = path.pop() {
        let above = vertices[vertices[below as usize].ancestor as usize];
        let above_semi = vertices[above.label as usize].semi;
        let vertex = &mut vertices[below as usize];
        let label = vertex.label;
        vertex.ancestor = above.ancestor;
        if above_semi < vertices[label as usize].semi {
            vertices[below as usize].label = above.label;
        }
    }
    vertices[from as usize].label
}

/// Fills in the dominators that the main loop left relative.
fn finish(vertices: &mut [Vertex]) -> Vec<u32> {
    let mut dominator = Vec::with_capacity(vertices.len());
    dominator.push(0u32);
    for vertex in vertices.iter().skip(1) {
        let direct = vertex.dominator;
        dominator.push(match direct {
            NONE => 0,
            same if same == vertex.semi => same,
            // Dominators have lower numbers, but those of unreached cycles may not.
            other => dominator.get(other as usize).copied().unwrap_or(0),
        });
    }
    dominator
}
