//! What Chrome DevTools derives from a snapshot: distances, shallow and retained sizes, dominators, classes.
//!
//! All rules are those of DevTools' worker (`front_end/entrypoints/heap_snapshot_worker/HeapSnapshot.ts`,
//! chrome-devtools-frontend 1.0.1705227), read there and written anew; each module names the functions it
//! follows. Where DevTools is wrong, docs/devtools-differences.md says what differs and why.

pub(crate) mod classes;
mod contexts;
pub(crate) mod detached;
pub(crate) mod distances;
mod dominators;
mod ephemerons;
mod filters;
pub(crate) mod interfaces;
pub(crate) mod reach;
mod shallow;
pub(crate) use ephemerons::{weak_map_entry, weak_map_ids};
pub(crate) use shallow::shallow_sizes;
pub(crate) mod sizes;
mod statistics;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

pub use classes::{ClassKey, ClassRow};
pub use contexts::{ContextOwner, ContextSize, NativeContexts};
pub use distances::{NO_DISTANCE, SYSTEM_DISTANCE};
pub use filters::{Filter, NodeSet};
pub use interfaces::InterfaceDefinition;
pub use statistics::Statistics;

use classes::ClassColumn;
use detached::Detachedness;
use dominators::DominatorTree;
use ephemerons::Ephemerons;
use reach::EssentialEdges;
use sizes::{Sizes, SizesBuilder};

use crate::column::Column;
use crate::graph::{HeapGraph, NodeIndex};
use crate::offsets::TooDense;
use crate::progress::Step;

/// An analysis was not possible.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The file was cut before all edges were read, so nothing that depends on edges can be known.
    #[error("the file lacks {nodes} nodes and {edges} edges: sizes, distances and dominators would be wrong")]
    Incomplete {
        /// Nodes that are missing.
        nodes: u64,
        /// Edges that are missing.
        edges: u64,
    },
    /// There is no node at all.
    #[error("the snapshot has no nodes")]
    Empty,
    /// Too many edges in one place.
    #[error(transparent)]
    TooDense(#[from] TooDense),
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// Everything that DevTools computes when it opens a snapshot.
#[derive(Clone, Default)]
pub struct Analysis {
    pub(crate) shallow: Sizes,
    pub(crate) retained: Sizes,
    pub(crate) distances: Column<i32>,
    pub(crate) dominators: Column<u32>,
    pub(crate) classes: ClassColumn,
    pub(crate) rows: Vec<ClassRow>,
    pub(crate) interfaces: Vec<InterfaceDefinition>,
    pub(crate) statistics: Statistics,
    /// Nodes that DevTools shows as "Detached ...", sorted.
    pub(crate) renamed: Vec<u32>,
}

impl Analysis {
    /// Computes everything, on two threads. `progress` is called on the caller's thread at each step.
    ///
    /// # Errors
    /// If the graph is empty or lacks edges, or the caller asks to stop.
    pub fn new(
        graph: &HeapGraph,
        progress: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<Analysis, AnalysisError> {
        if graph.node_count() == 0 {
            return Err(AnalysisError::Empty);
        }
        if !graph.missing.has_all_edges() {
            let missing = &graph.missing;
            return Err(AnalysisError::Incomplete { nodes: missing.nodes, edges: missing.edges });
        }
        let stop = AtomicBool::new(false);
        let mut step = |name| {
            if progress(Step::named(name)).is_break() {
                stop.store(true, Ordering::Relaxed);
            }
            if stop.load(Ordering::Relaxed) { Err(AnalysisError::Interrupted) } else { Ok(()) }
        };
        step("weak maps")?;
        let ephemerons = Ephemerons::new(graph);
        let (dominated, named) = std::thread::scope(|scope| {
            let ephemerons = &ephemerons;
            let dominated = scope.spawn(move || {
                let page_owned = reach::page_owned(graph);
                let essential = EssentialEdges::new(graph, &page_owned, ephemerons);
                dominators::dominator_tree(graph, &essential)
            });
            let named = names_and_sizes(graph, ephemerons, &mut step);
            (dominated.join(), named)
        });
        let tree = match dominated {
            Ok(tree) => tree?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        let (shallow, distances, classes, interfaces, detached) = named?;
        step("retained sizes")?;
        let retained = retained_sizes(graph, &tree, &shallow);
        step("classes")?;
        let rows = classes::class_rows(&classes, &shallow, &retained, &distances, &tree);
        step("statistics")?;
        let statistics = statistics::statistics(graph, &shallow, &detached, retained.get(0));
        let dominators = dominators_of_nodes(&tree).into();
        let distances = distances.into();
        let mut renamed: Vec<u32> = detached.renamed().map(|node| node.0).collect();
        renamed.sort_unstable();
        Ok(Analysis {
            shallow,
            retained,
            distances,
            dominators,
            classes,
            rows,
            interfaces,
            statistics,
            renamed,
        })
    }

    /// Bytes of the node itself, with what only it uses: DevTools' Shallow Size.
    #[inline]
    pub fn shallow_size(&self, node: NodeIndex) -> u64 {
        self.shallow.get(node.index())
    }

    /// Bytes that would be freed with the node: DevTools' Retained Size.
    #[inline]
    pub fn retained_size(&self, node: NodeIndex) -> u64 {
        self.retained.get(node.index())
    }

    /// Steps from the user's roots; [`SYSTEM_DISTANCE`] and more for what only V8's roots reach,
    /// [`NO_DISTANCE`] for what nothing reaches.
    #[inline]
    pub fn distance(&self, node: NodeIndex) -> i32 {
        self.distances[node.index()]
    }

    /// The node through which all ways from the root to this one lead, nearest first. The root's is itself.
    #[inline]
    pub fn dominator(&self, node: NodeIndex) -> NodeIndex {
        NodeIndex(self.dominators[node.index()])
    }

    /// Number of the node's class.
    #[inline]
    pub fn class_of(&self, node: NodeIndex) -> u32 {
        self.classes.class_of[node.index()]
    }

    /// What tells the class with this number from others.
    pub fn class_key(&self, class: u32) -> &ClassKey {
        &self.classes.keys[class as usize]
    }

    /// The name of a node's class, as DevTools shows it.
    pub fn class_name(&self, node: NodeIndex) -> &str {
        &self.class_key(self.class_of(node)).name
    }

    /// What the node is called on screen: [`HeapGraph::display_name`], with "Detached " before the names of
    /// nodes that are detached from their document.
    pub fn display_name(&self, graph: &HeapGraph, node: NodeIndex) -> String {
        let name = graph.display_name(node);
        if self.renamed.binary_search(&node.0).is_ok() { format!("Detached {name}") } else { name }
    }

    /// Number of classes, those without a row too.
    pub fn class_count(&self) -> usize {
        self.classes.keys.len()
    }

    /// The rows of the Summary view, in the order in which classes first appear in the file.
    pub fn class_rows(&self) -> &[ClassRow] {
        &self.rows
    }

    /// Interfaces found among plain objects, most frequent first.
    pub fn interfaces(&self) -> &[InterfaceDefinition] {
        &self.interfaces
    }

    /// What the heap is made of.
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}

type Named = (Sizes, Vec<i32>, ClassColumn, Vec<InterfaceDefinition>, Detachedness);

/// What does not need dominators.
fn names_and_sizes(
    graph: &HeapGraph,
    ephemerons: &Ephemerons,
    step: &mut dyn FnMut(&'static str) -> Result<(), AnalysisError>,
) -> Result<Named, AnalysisError> {
    step("distances")?;
    let distances = distances::distances(graph, ephemerons);
    step("shallow sizes")?;
    let detached = Detachedness::new(graph);
    let shallow = shallow_sizes(graph, &detached);
    step("class names")?;
    let plain_names = interfaces::plain_object_names(graph);
    let interfaces = interfaces::infer(graph, &plain_names);
    let classes = ClassColumn::new(graph, &detached, &interfaces);
    step("dominators")?;
    Ok((shallow, distances, classes, interfaces, detached))
}

/// Sums of shallow sizes over the dominator tree.
fn retained_sizes(graph: &HeapGraph, tree: &DominatorTree, shallow: &Sizes) -> Sizes {
    let mut sums: Vec<u64> = tree.node_of.iter().map(|&node| shallow.get(node as usize)).collect();
    for number in (1..sums.len()).rev() {
        sums[tree.dominator[number] as usize] += sums[number];
    }
    let mut retained = SizesBuilder::zeros(graph.node_count());
    for (&node, &sum) in tree.node_of.iter().zip(&sums) {
        retained.set(NodeIndex(node), sum);
    }
    retained.finish()
}

fn dominators_of_nodes(tree: &DominatorTree) -> Vec<u32> {
    let mut dominators = vec![0; tree.node_of.len()];
    for (&node, &dominator) in tree.node_of.iter().zip(&tree.dominator) {
        dominators[node as usize] = tree.node_of[dominator as usize];
    }
    dominators
}
