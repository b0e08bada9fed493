//! Everything that one snapshot tells at first sight.

use heap_graph::{AnalysisError, NodeIndex, Statistics, Step, describe_path, shortest_path};
use serde::Serialize;

use super::buffers::{Buffers, buffers};
use super::census::{KindCount, census};
use super::classes::{self, Class, Order};
use super::closures::{SharedScope, shared_scopes};
use super::collections::{Fill, collections};
use super::contexts::{Realms, realms};
use super::heavy::{Heavy, heavy};
use super::node::is_subject;
use super::strings::{Duplicates, Strings, biggest, duplicates};
use super::{AnswerError, NodeRef, View};
use crate::open::{Heap, OpenError, Progress};

/// The first look at a snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Nodes in the file.
    pub node_count: u64,
    /// Edges in the file.
    pub edge_count: u64,
    /// Strings in the file.
    pub string_count: u64,
    /// Nodes by type.
    pub types: Vec<KindCount>,
    /// What needs all edges; absent if some were cut off.
    #[serde(flatten)]
    pub analysed: Option<Analysed>,
}

/// A big object, and why it is alive.
#[derive(Clone, Debug, Serialize)]
pub struct BigObject {
    /// The object.
    #[serde(flatten)]
    pub node: NodeRef,
    /// How the roots reach it, in words.
    pub path: String,
}

/// What is known of a whole heap.
#[derive(Clone, Debug, Serialize)]
pub struct Analysed {
    /// What the heap is made of.
    pub statistics: Statistics,
    /// Classes, as DevTools counts them.
    pub class_count: usize,
    /// Objects and classes that hold a tenth of the heap or more.
    pub suspects: Heavy,
    /// The biggest objects that no other object of the program holds alone.
    pub biggest_objects: Vec<BigObject>,
    /// The biggest classes by retained size.
    pub biggest_classes: Vec<Class>,
    /// Strings that exist more than once.
    pub duplicate_strings: Duplicates,
    /// The biggest strings.
    pub strings: Strings,
    /// Data of Buffers and typed arrays.
    pub buffers: Buffers,
    /// How full collections are.
    pub collections: Vec<Fill>,
    /// Scopes that several functions keep alive.
    pub shared_scopes: Vec<SharedScope>,
    /// Classes of detached objects.
    pub detached: Vec<Class>,
    /// Realms.
    pub realms: Realms,
}

/// Answers the first look. Lists have up to `top` rows.
///
/// # Errors
/// If the caller asks to stop.
pub fn summary(
    heap: &Heap,
    top: usize,
    reveal: bool,
    progress: Progress<'_>,
) -> Result<Summary, AnswerError> {
    let graph = heap.graph();
    let analysed = match graph.missing().has_all_edges() {
        true => Some(analysed(heap, top, reveal, progress)?),
        false => None,
    };
    Ok(Summary {
        node_count: graph.node_count() as u64,
        edge_count: graph.edge_count(),
        string_count: graph.strings().len() as u64,
        types: census(heap),
        analysed,
    })
}

fn analysed(heap: &Heap, top: usize, reveal: bool, progress: Progress<'_>) -> Result<Analysed, AnswerError> {
    let graph = heap.graph();
    let analysis = heap.analysis(progress)?;
    let view = View::new(graph, analysis, reveal);
    step(heap, "suspects", progress)?;
    let suspects = heavy(heap, &view)?;
    step(heap, "biggest objects", progress)?;
    let retainers = heap.retainers()?;
    let big = |node: NodeIndex| {
        let path = shortest_path(graph, analysis, retainers, node);
        BigObject { node: view.node(node), path: describe_path(graph, &path) }
    };
    let biggest_objects = biggest_objects(&view, top).into_iter().map(big).collect();
    let question = classes::Question { only: None, matching: None, order: Order::Retained, top: None };
    let mut all_classes = classes::classes(heap, &question, progress)?.classes;
    let detached: Vec<Class> =
        all_classes.iter().filter(|class| class.name.starts_with("Detached ")).take(top).cloned().collect();
    let class_count = all_classes.len();
    all_classes.truncate(top);
    step(heap, "strings", progress)?;
    let duplicate_strings = duplicates(heap, None, top, reveal, progress)?;
    let strings = biggest(heap, None, top, reveal, progress)?;
    step(heap, "collections", progress)?;
    let collections = collections(&view, top);
    step(heap, "closures", progress)?;
    let shared_scopes = shared_scopes(&view, top);
    step(heap, "realms", progress)?;
    Ok(Analysed {
        statistics: *analysis.statistics(),
        class_count,
        suspects,
        biggest_objects,
        biggest_classes: all_classes,
        duplicate_strings,
        strings,
        buffers: buffers(&view, top),
        collections,
        shared_scopes,
        detached,
        realms: realms(&view, top),
    })
}

/// Says what comes next, and asks whether to go on.
fn step(heap: &Heap, name: &'static str, progress: Progress<'_>) -> Result<(), AnswerError> {
    match progress(Step { name, done: 0, total: None }) {
        std::ops::ControlFlow::Continue(()) => Ok(()),
        std::ops::ControlFlow::Break(()) => Err(AnswerError::Open(OpenError::Analysis {
            path: heap.name().to_owned(),
            source: AnalysisError::Interrupted,
        })),
    }
}

/// Objects of the program that no other object of the program dominates, the largest first.
fn biggest_objects(view: &View<'_>, top: usize) -> Vec<NodeIndex> {
    let (graph, analysis) = (view.graph, view.analysis);
    let counts = |node: NodeIndex| {
        let is_global = graph.name(node) == "global" || graph.name(node).starts_with("global ");
        is_subject(graph, node) && !is_global
    };
    let mut by_size: Vec<NodeIndex> = graph.nodes().filter(|&node| counts(node)).collect();
    by_size.sort_by_key(|&node| (std::cmp::Reverse(analysis.retained_size(node)), node));
    let is_topmost = |&node: &NodeIndex| {
        let mut at = node;
        loop {
            let above = analysis.dominator(at);
            if above == at || above == NodeIndex::ROOT {
                return true;
            }
            if counts(above) {
                return false;
            }
            at = above;
        }
    };
    by_size.into_iter().filter(is_topmost).take(top).collect()
}
