//! What is new and what is gone between two snapshots of one process (DevTools' Comparison view).

use rustc_hash::FxHashMap;

use crate::analysis::classes::{ClassColumn, ClassKey};
use crate::analysis::detached::Detachedness;
use crate::analysis::interfaces::{self, InterfaceDefinition};
use crate::analysis::sizes::Sizes;
use crate::analysis::{Analysis, shallow_sizes};
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::NodeKind;

/// Shallow sizes and classes of a snapshot: all that a comparison needs.
pub struct ClassedHeap<'a> {
    pub(crate) graph: &'a HeapGraph,
    pub(crate) shallow: std::borrow::Cow<'a, Sizes>,
    pub(crate) classes: ClassColumn,
}

impl<'a> ClassedHeap<'a> {
    /// Sorts a snapshot's nodes into classes, with the interfaces of the snapshot it is compared to.
    pub fn new(graph: &'a HeapGraph, interfaces: &[InterfaceDefinition]) -> Self {
        let detached = Detachedness::new(graph);
        let shallow = std::borrow::Cow::Owned(shallow_sizes(graph, &detached));
        let classes = ClassColumn::new(graph, &detached, interfaces);
        ClassedHeap { graph, shallow, classes }
    }

    /// The same from an analysis that has the sizes already.
    pub fn with(graph: &'a HeapGraph, analysis: &'a Analysis, interfaces: &[InterfaceDefinition]) -> Self {
        let classes = if analysis.interfaces() == interfaces {
            analysis.classes.clone()
        } else {
            ClassColumn::new(graph, &Detachedness::new(graph), interfaces)
        };
        ClassedHeap { graph, shallow: std::borrow::Cow::Borrowed(&analysis.shallow), classes }
    }
}

/// The interfaces of a snapshot, without any other analysis.
pub fn infer_interfaces(graph: &HeapGraph) -> Vec<InterfaceDefinition> {
    interfaces::infer(graph, &interfaces::plain_object_names(graph))
}

/// One class's change.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DiffRow {
    /// The class.
    pub class: ClassKey,
    /// Objects only in the second snapshot (# New).
    pub added_count: u64,
    /// Objects only in the first (# Deleted).
    pub removed_count: u64,
    /// Shallow sizes of the new ones, in bytes.
    pub added_size: u64,
    /// Shallow sizes of those that are gone, in bytes.
    pub removed_size: u64,
}

impl DiffRow {
    /// New less deleted (# Delta).
    pub fn count_delta(&self) -> i64 {
        self.added_count as i64 - self.removed_count as i64
    }

    /// Bytes new less bytes gone.
    pub fn size_delta(&self) -> i64 {
        self.added_size as i64 - self.removed_size as i64
    }
}

/// Whether two snapshots can be compared object by object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Kinship {
    /// Objects and functions whose ids are in both.
    pub shared_ids: u64,
    /// Of those, how many have the same type and name in both.
    pub same_name: u64,
}

impl Kinship {
    /// Whether the two come from one process: an id then stands for one object, which keeps its class. The
    /// ids of two processes meet by chance only, or where both began alike.
    pub fn is_same_process(&self) -> bool {
        self.shared_ids > 0 && self.same_name * 100 >= self.shared_ids * 97
    }
}

/// The classes that differ, sorted by bytes added.
///
/// Rule of `calculateSnapshotDiff`: an id in both under the same class is unchanged; under another class it is
/// gone from one and new in the other. Objects of shallow size 0 do not count. Ids mean nothing between
/// processes; see [`kinship`].
pub fn diff(base: &ClassedHeap<'_>, current: &ClassedHeap<'_>) -> Vec<DiffRow> {
    let mut table = Table::default();
    let base_classes = table.numbers(&base.classes.keys);
    let current_classes = table.numbers(&current.classes.keys);
    let (before, after) = (by_id(base), by_id(current));
    let (mut i, mut j) = (0, 0);
    loop {
        let (a, b) = (before.get(i), after.get(j));
        let (a_id, b_id) = (a.map_or(u64::MAX, |a| a >> 32), b.map_or(u64::MAX, |b| b >> 32));
        if a_id == u64::MAX && b_id == u64::MAX {
            break;
        }
        let class_of = |heap: &ClassedHeap<'_>, map: &[u32], node: u32| {
            map[heap.classes.class_of[node as usize] as usize]
        };
        let old = a.filter(|_| a_id <= b_id).map(|a| (*a as u32, class_of(base, &base_classes, *a as u32)));
        let new =
            b.filter(|_| b_id <= a_id).map(|b| (*b as u32, class_of(current, &current_classes, *b as u32)));
        if old.map(|old| old.1) != new.map(|new| new.1) {
            if let Some((node, class)) = old {
                let row = &mut table.rows[class as usize];
                row.removed_count += 1;
                row.removed_size += base.shallow.get(node as usize);
            }
            if let Some((node, class)) = new {
                let row = &mut table.rows[class as usize];
                row.added_count += 1;
                row.added_size += current.shallow.get(node as usize);
            }
        }
        i += usize::from(old.is_some());
        j += usize::from(new.is_some());
    }
    let mut rows = table.rows;
    rows.retain(|row| row.added_count != 0 || row.removed_count != 0);
    rows.sort_by(|a, b| b.added_size.cmp(&a.added_size).then_with(|| a.class.cmp(&b.class)));
    rows
}

/// Ids and nodes of everything that counts, sorted by id: the id in the high half.
fn by_id(heap: &ClassedHeap<'_>) -> Vec<u64> {
    let mut pairs: Vec<u64> = heap
        .graph
        .nodes
        .id
        .iter()
        .enumerate()
        .filter(|(node, _)| heap.shallow.get(*node) != 0)
        .map(|(node, &id)| u64::from(id) << 32 | node as u64)
        .collect();
    pairs.sort_unstable();
    pairs
}

/// Classes of both snapshots under one number.
#[derive(Default)]
struct Table {
    number_of: FxHashMap<ClassKey, u32>,
    rows: Vec<DiffRow>,
}

impl Table {
    fn numbers(&mut self, keys: &[ClassKey]) -> Vec<u32> {
        keys.iter()
            .map(|key| {
                *self.number_of.entry(key.clone()).or_insert_with(|| {
                    self.rows.push(DiffRow {
                        class: key.clone(),
                        added_count: 0,
                        removed_count: 0,
                        added_size: 0,
                        removed_size: 0,
                    });
                    (self.rows.len() - 1) as u32
                })
            })
            .collect()
    }
}

/// Compares what shared ids stand for.
pub fn kinship(base: &HeapGraph, current: &HeapGraph) -> Kinship {
    compare_ids(base, current, |old, new| {
        base.kind(old) == current.kind(new) && base.name(old) == current.name(new)
    })
}

/// The same by types and sizes, for files whose names were cut off.
pub fn kinship_without_names(base: &HeapGraph, current: &HeapGraph) -> Kinship {
    let size = |graph: &HeapGraph, node| graph.raw_self_size(node);
    compare_ids(base, current, |old, new| {
        base.kind(old) == current.kind(new) && size(base, old) == size(current, new)
    })
}

fn compare_ids(
    base: &HeapGraph,
    current: &HeapGraph,
    is_same: impl Fn(NodeIndex, NodeIndex) -> bool,
) -> Kinship {
    let counts = |graph: &HeapGraph| {
        let mut ids: Vec<u64> = graph
            .nodes()
            .filter(|&node| matches!(graph.kind(node), NodeKind::Object | NodeKind::Closure))
            .map(|node| graph.id(node) << 32 | u64::from(node.0))
            .collect();
        ids.sort_unstable();
        ids
    };
    let (before, after) = (counts(base), counts(current));
    let mut kinship = Kinship { shared_ids: 0, same_name: 0 };
    let mut j = 0;
    for a in before {
        while after.get(j).is_some_and(|b| b >> 32 < a >> 32) {
            j += 1;
        }
        if let Some(b) = after.get(j).filter(|b| **b >> 32 == a >> 32) {
            let (old, new) = (NodeIndex(a as u32), NodeIndex(*b as u32));
            kinship.shared_ids += 1;
            kinship.same_name += u64::from(is_same(old, new));
        }
    }
    kinship
}

/// Changes by class name alone, for snapshots of different processes: counts and sizes less each other.
/// Constructor locations do not count, as scripts are numbered anew in each process.
pub fn diff_by_name(base: &ClassedHeap<'_>, current: &ClassedHeap<'_>) -> Vec<DiffRow> {
    let mut sums: FxHashMap<String, [u64; 4]> = FxHashMap::default();
    for (side, heap) in [base, current].into_iter().enumerate() {
        for (node, &class) in heap.classes.class_of.iter().enumerate() {
            let size = heap.shallow.get(node);
            if size != 0 {
                let name = &heap.classes.keys[class as usize].name;
                if !sums.contains_key(name) {
                    sums.insert(name.clone(), [0; 4]);
                }
                if let Some(entry) = sums.get_mut(name) {
                    entry[side * 2] += 1;
                    entry[side * 2 + 1] += size;
                }
            }
        }
    }
    let mut rows: Vec<DiffRow> = sums
        .into_iter()
        .filter(|(_, [count, size, new_count, new_size])| count != new_count || size != new_size)
        .map(|(name, [count, size, new_count, new_size])| DiffRow {
            class: ClassKey { name, location: None, is_own_name: true },
            added_count: new_count.saturating_sub(count),
            removed_count: count.saturating_sub(new_count),
            added_size: new_size.saturating_sub(size),
            removed_size: size.saturating_sub(new_size),
        })
        .collect();
    rows.sort_by(|a, b| b.added_size.cmp(&a.added_size).then_with(|| a.class.cmp(&b.class)));
    rows
}
