//! What holds a large part of the heap, from one snapshot alone: who is big, not who grows.
//!
//! An object is named if it retains a tenth of the heap that no smaller named object below it explains (the
//! accumulation point: the retained sizes drop sharply below it). A class is named if its objects together do
//! so without a common holder.

use std::collections::{HashMap, HashSet};

use heap_graph::{
    AccumulationKind, Analysis, EdgeKind, HeapGraph, NodeIndex, NodeKind, PathStep, accumulation_kind,
    describe_path, path_signature, shortest_path,
};
use serde::Serialize;

use super::node::is_subject;
use super::{AnswerError, NodeRef, View};
use crate::open::Heap;

/// Part of the heap from which on something is named: one in so many.
const SHARE: u64 = 10;

/// Classes of which every program has a tenth of a small heap, and how much more of them is worth a word.
const BASIC: [&str; 4] = ["Function", "Object", "Array", "(string)"];
const BASIC_FACTOR: u64 = 3;

/// Objects of one class that are held in the same place.
#[derive(Clone, Debug, Serialize)]
pub struct HeldClass {
    /// The class.
    pub class: String,
    /// How many.
    pub count: u64,
    /// What they retain together.
    pub retained_size: u64,
}

/// One object that holds a large part.
#[derive(Clone, Debug, Serialize)]
pub struct HeavyObject {
    /// The object.
    pub node: NodeRef,
    /// What kind of collection it is.
    pub kind: AccumulationKind,
    /// The same in words.
    pub kind_in_words: String,
    /// Bytes that it retains, less those of other heavy objects below it.
    pub own_share: u64,
    /// What it holds, the largest first.
    pub holds: Vec<HeldClass>,
    /// How the roots reach it, in words.
    pub path: String,
    /// The same without ids and indices: equal in another run of the program.
    pub signature: String,
}

/// A class whose objects together hold a large part.
#[derive(Clone, Debug, Serialize)]
pub struct HeavyClass {
    /// The class.
    pub class: String,
    /// Objects that no other object holds alone.
    pub count: u64,
    /// What they retain together.
    pub retained_size: u64,
    /// The largest of them.
    pub largest: NodeRef,
}

/// What holds large parts of the heap.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Heavy {
    /// Objects, the largest share first.
    pub objects: Vec<HeavyObject>,
    /// Classes, the largest first.
    pub classes: Vec<HeavyClass>,
}

/// Finds objects and classes that hold a tenth of the heap or more.
pub(crate) fn heavy(heap: &Heap, view: &View<'_>) -> Result<Heavy, AnswerError> {
    let (graph, analysis) = (view.graph, view.analysis);
    let threshold = (analysis.retained_size(NodeIndex::ROOT) / SHARE).max(1);
    let points = accumulation_points(graph, analysis, threshold);
    let retainers = heap.retainers()?;
    let named: HashSet<NodeIndex> = points.iter().map(|&(node, _)| node).collect();
    let mut below = Below::new(graph, analysis, &named, &told_below(analysis, &points));
    let mut objects = Vec::new();
    for (node, own_share) in points {
        let path = shortest_path(graph, analysis, retainers, node);
        let held = below.held.remove(&node).unwrap_or_default();
        let sample = held.iter().max_by_key(|(_, class)| class.retained).map(|(_, class)| class.sample);
        let inside = sample.map_or_else(Vec::new, |sample| way_inside(graph, node, sample));
        let kind = accumulation_kind(graph, node, &path, &inside);
        objects.push(HeavyObject {
            node: view.node(node),
            kind,
            kind_in_words: kind.to_string(),
            own_share,
            holds: held_classes(analysis, held),
            path: describe_path(graph, &path),
            signature: path_signature(graph, &path, &inside),
        });
    }
    Ok(Heavy { objects, classes: heavy_classes(view, below.loose, threshold) })
}

/// Objects with a share of their own of `threshold` or more, the largest share first.
fn accumulation_points(graph: &HeapGraph, analysis: &Analysis, threshold: u64) -> Vec<(NodeIndex, u64)> {
    let mut big: Vec<NodeIndex> =
        graph.nodes().filter(|&node| analysis.retained_size(node) >= threshold).collect();
    // Farther down the tree means smaller, or as large and farther from the root.
    let mut share: HashMap<NodeIndex, u64> =
        big.iter().map(|&node| (node, analysis.retained_size(node))).collect();
    for &node in &big {
        let above = analysis.dominator(node);
        if above != node
            && let Some(rest) = share.get_mut(&above)
        {
            *rest = rest.saturating_sub(analysis.retained_size(node));
        }
    }
    big.retain(|node| share[node] >= threshold);
    let mut points: HashMap<NodeIndex, u64> = HashMap::new();
    for node in big {
        let Some(holder) = head_of_chain(graph, analysis, subject_above(graph, analysis, node)) else {
            continue;
        };
        // A chain's links have no share each; its head has what hangs on it.
        let whole =
            if holder == node { share[&node] } else { share[&node].max(analysis.retained_size(holder)) };
        let own = points.entry(holder).or_default();
        *own = (*own).max(whole);
    }
    let mut points: Vec<(NodeIndex, u64)> = points.into_iter().collect();
    points.sort_by_key(|&(node, own)| (std::cmp::Reverse(own), node));
    points
}

/// The node itself, or the object that a backing store belongs to; `None` for V8's own and the roots.
fn subject_above(graph: &HeapGraph, analysis: &Analysis, node: NodeIndex) -> Option<NodeIndex> {
    let mut at = node;
    loop {
        if is_holder(graph, at) {
            return Some(at);
        }
        let is_store = matches!(graph.kind(at), NodeKind::Array | NodeKind::Hidden | NodeKind::Code);
        let above = analysis.dominator(at);
        if !is_store || above == at {
            return None;
        }
        at = above;
    }
}

/// What can be blamed: things of the program, also a scope; no realm, global object or root.
fn is_holder(graph: &HeapGraph, node: NodeIndex) -> bool {
    if graph.is_native_context(node) || node == NodeIndex::ROOT {
        return false;
    }
    let is_global = graph.name(node) == "global" || graph.name(node).starts_with("global ");
    (is_subject(graph, node) && !is_global && graph.kind(node) != NodeKind::Native) || graph.is_context(node)
}

/// Dominators looked at to find the next link of a chain.
const LINK: usize = 4;

/// The first object of a chain of like objects, each of which dominates the next (a linked list).
fn head_of_chain(graph: &HeapGraph, analysis: &Analysis, node: Option<NodeIndex>) -> Option<NodeIndex> {
    let mut head = node?;
    if graph.is_context(head) {
        return Some(head);
    }
    loop {
        let mut at = head;
        let above = (0..LINK).find_map(|_| {
            at = analysis.dominator(at);
            let is_like = analysis.class_of(at) == analysis.class_of(head) && at != head;
            (is_like && graph.kind(at) == graph.kind(head)).then_some(at)
        });
        match above {
            Some(above) => head = above,
            None => return Some(head),
        }
    }
}

/// For everything above a named object, the bytes that are told with objects below it.
fn told_below(analysis: &Analysis, points: &[(NodeIndex, u64)]) -> HashMap<NodeIndex, u64> {
    let mut told: HashMap<NodeIndex, u64> = HashMap::new();
    for &(node, own) in points {
        let mut at = node;
        // A long chain above needs no exact sum: nobody in it is told.
        for _ in 0..10_000 {
            let above = analysis.dominator(at);
            if above == at {
                break;
            }
            *told.entry(above).or_default() += own;
            at = above;
        }
    }
    told
}

/// Objects of one class in one place.
struct Held {
    count: u64,
    retained: u64,
    sample: NodeIndex,
}

type ByClass = HashMap<u32, Held>;

/// What is held directly: by named objects, and by nobody in particular.
struct Below {
    held: HashMap<NodeIndex, ByClass>,
    loose: ByClass,
}

impl Below {
    fn new(
        graph: &HeapGraph,
        analysis: &Analysis,
        named: &HashSet<NodeIndex>,
        told: &HashMap<NodeIndex, u64>,
    ) -> Below {
        let mut below = Below { held: HashMap::new(), loose: ByClass::new() };
        for node in graph.nodes().filter(|&node| is_subject(graph, node)) {
            if analysis.shallow_size(node) == 0 {
                continue;
            }
            let mut above = analysis.dominator(node);
            while !named.contains(&above) && graph.kind(above) == NodeKind::Array {
                above = analysis.dominator(above);
            }
            let into = if named.contains(&above) {
                below.held.entry(above).or_default()
            } else if !is_holder(graph, above) && !named.contains(&node) {
                &mut below.loose
            } else {
                continue;
            };
            let held =
                into.entry(analysis.class_of(node)).or_insert(Held { count: 0, retained: 0, sample: node });
            held.count += 1;
            let told = told.get(&node).copied().unwrap_or(0);
            held.retained += analysis.retained_size(node).saturating_sub(told);
            if analysis.retained_size(node) > analysis.retained_size(held.sample) {
                held.sample = node;
            }
        }
        below
    }
}

/// Classes told of one holder.
const FEW: usize = 3;

fn held_classes(analysis: &Analysis, held: ByClass) -> Vec<HeldClass> {
    let mut classes: Vec<HeldClass> = held
        .into_iter()
        .map(|(class, held)| HeldClass {
            class: analysis.class_key(class).name.clone(),
            count: held.count,
            retained_size: held.retained,
        })
        .collect();
    classes.sort_by(|a, b| b.retained_size.cmp(&a.retained_size).then_with(|| a.class.cmp(&b.class)));
    classes.truncate(FEW);
    classes
}

fn heavy_classes(view: &View<'_>, loose: ByClass, threshold: u64) -> Vec<HeavyClass> {
    let mut classes: Vec<HeavyClass> = loose
        .into_iter()
        .filter(|(class, held)| {
            let is_basic = BASIC.contains(&view.analysis.class_key(*class).name.as_str());
            held.count > 1 && held.retained >= if is_basic { threshold * BASIC_FACTOR } else { threshold }
        })
        .map(|(class, held)| HeavyClass {
            class: view.analysis.class_key(class).name.clone(),
            count: held.count,
            retained_size: held.retained,
            largest: view.node(held.sample),
        })
        .collect();
    classes.sort_by(|a, b| b.retained_size.cmp(&a.retained_size).then_with(|| a.class.cmp(&b.class)));
    classes
}

/// From a holder to something that it holds directly or through backing stores.
fn way_inside(graph: &HeapGraph, holder: NodeIndex, wanted: NodeIndex) -> Vec<PathStep> {
    const DEPTH: usize = 4;
    let mut level: Vec<Vec<PathStep>> = vec![Vec::new()];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for way in &level {
            let node = way.last().map_or(holder, |step: &PathStep| step.edge.to);
            for edge in graph.edges(node).filter(|edge| edge.kind != EdgeKind::Weak) {
                let step = PathStep { node, edge };
                let longer = || way.iter().copied().chain([step]).collect();
                if edge.to == wanted {
                    return longer();
                }
                if graph.kind(edge.to) == NodeKind::Array && next.len() < 64 {
                    next.push(longer());
                }
            }
        }
        level = next;
    }
    Vec::new()
}
