//! Collections that are empty, or far larger than what they hold.

use std::collections::HashSet;

use heap_graph::{Analysis, Edge, EdgeKind, EdgeName, HeapGraph, NodeIndex, NodeKind};
use serde::Serialize;

use super::{NodeRef, View};

/// A collection with room that it does not use.
#[derive(Clone, Debug, Serialize)]
pub struct Sparse {
    /// The collection.
    pub node: NodeRef,
    /// Slots of its backing store.
    pub capacity: u64,
    /// Slots that refer to an object. Holes and small numbers are none, and a snapshot can't tell the two apart.
    pub used: u64,
    /// Bytes of slots that refer to nothing.
    pub unused_size: u64,
}

/// All collections of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Fill {
    /// `Array`, `Map` or `Set`.
    pub class: &'static str,
    /// How many.
    pub count: u64,
    /// Of these, how many hold no object at all.
    pub empty_count: u64,
    /// What the empty ones take, with their backing stores.
    pub empty_size: u64,
    /// Slots of all that hold something.
    pub capacity: u64,
    /// Slots of these that refer to an object.
    pub used: u64,
    /// Bytes of the other slots.
    pub unused_size: u64,
    /// Those with most unused bytes.
    pub sparse: Vec<Sparse>,
}

/// Looks at every Array, Map and Set.
pub(crate) fn collections(view: &View<'_>, top: usize) -> Vec<Fill> {
    let kinds = [("Array", Shape::Array), ("Map", Shape::Map), ("Set", Shape::Set)];
    kinds.into_iter().map(|(class, shape)| fill(view, class, shape, top)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    Array,
    Map,
    Set,
}

/// Slots and uses of a backing store.
struct Store {
    node: NodeIndex,
    capacity: u64,
    used: u64,
}

/// Bytes of the header of a backing store, and of one slot: V8 in Node does not compress pointers.
const HEADER: u64 = 16;
const SLOT: u64 = 8;

fn fill(view: &View<'_>, class: &'static str, shape: Shape, top: usize) -> Fill {
    let (graph, analysis) = (view.graph, view.analysis);
    let mut fill = Fill {
        class,
        count: 0,
        empty_count: 0,
        empty_size: 0,
        capacity: 0,
        used: 0,
        unused_size: 0,
        sparse: Vec::new(),
    };
    let mut found: Vec<(u64, NodeIndex, u64, u64)> = Vec::new();
    let Some(name) = graph.strings().find(class) else { return fill };
    let is_one = |&node: &NodeIndex| graph.kind(node) == NodeKind::Object && graph.name_index(node) == name;
    for node in graph.nodes().filter(is_one).filter(|&node| analysis.shallow_size(node) != 0) {
        // Prototypes are called like their instances, but have no table.
        let Some(store) = store(graph, analysis, node, shape) else {
            if shape == Shape::Array && graph.child(node, EdgeKind::Property, "constructor").is_none() {
                fill.count += 1;
                fill.empty_count += 1;
                fill.empty_size += graph.raw_self_size(node);
            }
            continue;
        };
        fill.count += 1;
        let size = graph.raw_self_size(store.node);
        if store.used == 0 {
            // An array without references may be full of numbers: only collections are known to be empty.
            if shape != Shape::Array {
                fill.empty_count += 1;
                fill.empty_size += graph.raw_self_size(node) + size;
            }
            continue;
        }
        fill.capacity += store.capacity;
        fill.used += store.used;
        let unused = (store.capacity - store.used) * size.saturating_sub(HEADER) / store.capacity.max(1);
        fill.unused_size += unused;
        found.push((unused, node, store.capacity, store.used));
    }
    found.sort_by_key(|&(unused, node, ..)| (std::cmp::Reverse(unused), node));
    found.retain(|&(_, _, capacity, used)| used * 2 <= capacity);
    let sparse = |&(unused_size, node, capacity, used): &(u64, NodeIndex, u64, u64)| Sparse {
        node: view.node(node),
        capacity,
        used,
        unused_size,
    };
    fill.sparse = found.iter().take(top).map(sparse).collect();
    fill
}

fn store(graph: &HeapGraph, analysis: &Analysis, node: NodeIndex, shape: Shape) -> Option<Store> {
    let name = if shape == Shape::Array { "elements" } else { "table" };
    let store = graph.child(node, EdgeKind::Internal, name)?;
    // A store that several share (that of all empty arrays) belongs to none.
    let size = Some(graph.raw_self_size(store)).filter(|_| analysis.dominator(store) == node)?;
    let slots = size.saturating_sub(HEADER) / SLOT;
    let used = match shape {
        Shape::Array => graph.edges(node).filter(|edge| edge.kind == EdgeKind::Element).count() as u64,
        Shape::Map => entries(graph, store, slots, 3),
        Shape::Set => entries(graph, store, slots, 2),
    };
    // Three counters come first, then a bucket for every two entries.
    let entry_slots = |width: u64| slots.saturating_sub(3) * 2 / (2 * width + 1);
    let capacity = match shape {
        Shape::Array => slots,
        Shape::Map => entry_slots(3),
        Shape::Set => entry_slots(2),
    };
    Some(Store { node: store, capacity: capacity.max(used), used })
}

/// Entries of a hash table that refer to something: a key, a value or both.
fn entries(graph: &HeapGraph, table: NodeIndex, slots: u64, width: u64) -> u64 {
    let capacity = slots.saturating_sub(3) * 2 / (2 * width + 1);
    let first = 3 + capacity / 2;
    let slot = |edge: &Edge| match graph.edge_name(edge) {
        EdgeName::Index(index) => Some(u64::from(index)),
        EdgeName::Name(name) => name.parse().ok(),
    };
    let refers = |edge: &Edge| graph.kind(edge.to) != NodeKind::Hidden;
    let used: HashSet<u64> = graph
        .edges(table)
        .filter(refers)
        .filter_map(|edge| slot(&edge))
        .filter(|&slot| slot >= first)
        .map(|slot| (slot - first) / width)
        .collect();
    used.len() as u64
}
