//! What changed between snapshots: DevTools' Comparison view, and over three and more, what grew every time.

use std::collections::{BTreeMap, HashMap};

use heap_graph::{
    Adopted, ClassSeries, ClassedHeap, DiffRow, HeapGraph, Kinship, NodeIndex, Step, classes_that_grew,
    diff_by_name, infer_interfaces, path_signature, shortest_path,
};
use serde::Serialize;

use super::growth::{Growing, growing};
use super::scripts::script_names;
use super::{AnswerError, Place};
use crate::open::{Heap, Progress};

/// How the snapshots were compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Comparison {
    /// Object by object: the same id is the same object.
    ById,
    /// Object by object, after it was found out by what they hold and where they are which is which.
    ByMatch,
    /// By class name and path signature: the snapshots are of different processes, ids mean nothing.
    ByClass,
}

/// One class's change.
#[derive(Clone, Debug, Serialize)]
pub struct ClassDiff {
    /// Its name; several may share one.
    pub name: String,
    /// Where the constructor stands, for objects that have one.
    pub location: Option<Place>,
    /// # New.
    pub added_count: u64,
    /// # Deleted.
    pub removed_count: u64,
    /// # Delta.
    pub count_delta: i64,
    /// Alloc. Size: shallow sizes of the new ones.
    pub added_size: u64,
    /// Freed Size: shallow sizes of those that are gone.
    pub removed_size: u64,
    /// Size Delta.
    pub size_delta: i64,
}

/// How many objects of a class are held in one way, before and after.
#[derive(Clone, Debug, Serialize)]
pub struct HolderDiff {
    /// The class.
    pub class: String,
    /// Path signature.
    pub signature: String,
    /// Objects in the first snapshot.
    pub before_count: u64,
    /// Objects in the last one.
    pub after_count: u64,
    /// Whether the counts were projected from a sample.
    pub estimated: bool,
}

/// The answer.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// How they were compared.
    pub comparison: Comparison,
    /// What shared ids stand for, for each snapshot and the next.
    pub kinship: Vec<Kinship>,
    /// Of each file that had to be matched with the one before it how many objects were found again, and how many not.
    pub matched: Vec<Adopted>,
    /// Whether the order looks wrong: an earlier file knows of objects that are newer than a later file's.
    pub order_looks_wrong: bool,
    /// Nodes of each file.
    pub node_counts: Vec<u64>,
    /// Classes that differ between the first and the last, the most bytes added first.
    pub classes: Vec<ClassDiff>,
    /// With three files and more: classes that grew every time.
    pub grew_every_time: Vec<ClassSeries>,
    /// What grew and who holds it; absent if not asked for, or if the ids mean nothing.
    pub suspects: Option<Vec<Growing>>,
    /// For different processes: how the classes that grew most are held.
    pub holders: Option<Vec<HolderDiff>>,
}

/// Compares snapshots, oldest first: two at least. With `match_objects` they are taken for snapshots of one process even
/// if their ids do not say so (those of cores, and of frozen copies that were taken one by one), and later ones get the
/// ids of earlier ones.
///
/// # Errors
/// If one can't be analysed.
pub fn diff(
    heaps: &mut [Heap],
    match_objects: bool,
    with_suspects: bool,
    reveal: bool,
    progress: Progress<'_>,
) -> Result<Diff, AnswerError> {
    let matched = if match_objects { match_all(heaps, progress) } else { Vec::new() };
    let heaps = &*heaps;
    let [first, .., last] = heaps else { unreachable!("a comparison is of two heaps at least") };
    for heap in heaps.iter().filter(|heap| !heap.graph().missing().has_all_edges()) {
        // Sizes would be wrong; the analysis says so.
        heap.analysis(progress)?;
    }
    let graphs = || heaps.iter().map(Heap::graph);
    let kinship: Vec<Kinship> =
        heaps.windows(2).map(|pair| heap_graph::kinship(pair[0].graph(), pair[1].graph())).collect();
    let is_one_process = kinship.iter().all(Kinship::is_same_process);
    let falls = |highest: &dyn Fn(&HeapGraph) -> u64| {
        let highest: Vec<u64> = graphs().map(highest).collect();
        highest.windows(2).any(|pair| pair[0] > pair[1])
    };
    let rows = class_rows(heaps, is_one_process, progress)?;
    let names = script_names(last.graph());
    let row = |row: DiffRow| class_diff(row, &names);
    let wants_suspects = is_one_process && (with_suspects || heaps.len() > 2);
    let suspects = if wants_suspects {
        let earlier: Vec<_> = heaps[..heaps.len() - 1].iter().map(Heap::graph).collect();
        Some(growing(&earlier, last, reveal, progress)?)
    } else {
        None
    };
    let holders = match is_one_process {
        true => None,
        false => Some(holders(first, last, &rows.0, progress)?),
    };
    Ok(Diff {
        comparison: match is_one_process {
            true if matched.is_empty() => Comparison::ById,
            true => Comparison::ByMatch,
            false => Comparison::ByClass,
        },
        kinship,
        matched,
        order_looks_wrong: is_one_process
            && falls(&HeapGraph::max_js_id)
            && falls(&HeapGraph::max_lasting_js_id),
        node_counts: graphs().map(|graph| graph.node_count() as u64).collect(),
        classes: rows.0.into_iter().map(row).collect(),
        grew_every_time: rows.1,
        suspects,
        holders,
    })
}

/// Gives later heaps the ids of earlier ones, where they have none of their own in common.
fn match_all(heaps: &mut [Heap], progress: Progress<'_>) -> Vec<Adopted> {
    let mut matched = Vec::new();
    for at in 1..heaps.len() {
        let (before, after) = heaps.split_at_mut(at);
        let [.., before] = before else { continue };
        let after = &mut after[0];
        if matched.is_empty() && heap_graph::kinship(before.graph(), after.graph()).is_same_process() {
            continue;
        }
        // There is nothing to undo when that is stopped: the analysis that follows asks again.
        let _ = progress(Step { name: "matching objects", done: at as u64, total: None });
        matched.extend(after.adopt_ids(before));
    }
    matched
}

/// Rows between the first and the last; with three heaps and more, the classes that grew every time.
fn class_rows(
    heaps: &[Heap],
    is_one_process: bool,
    progress: Progress<'_>,
) -> Result<(Vec<DiffRow>, Vec<ClassSeries>), AnswerError> {
    let last = &heaps[heaps.len() - 1];
    let interfaces = match last.from_index() {
        true => last.analysis(progress)?.interfaces().to_vec(),
        false => infer_interfaces(last.graph()),
    };
    let mut classed = Vec::with_capacity(heaps.len());
    for heap in heaps {
        classed.push(match heap.from_index() {
            true => ClassedHeap::with(heap.graph(), heap.analysis(progress)?, &interfaces),
            false => ClassedHeap::new(heap.graph(), &interfaces),
        });
    }
    let (first, last) = (&classed[0], &classed[classed.len() - 1]);
    let rows = if is_one_process { heap_graph::diff(first, last) } else { diff_by_name(first, last) };
    let series = if heaps.len() > 2 { classes_that_grew(&classed) } else { Vec::new() };
    Ok((rows, series))
}

fn class_diff(row: DiffRow, scripts: &HashMap<u32, String>) -> ClassDiff {
    let (count_delta, size_delta) = (row.count_delta(), row.size_delta());
    let place = |location: heap_graph::Location| Place {
        script_id: location.script_id,
        file: scripts.get(&location.script_id).cloned(),
        line: location.line,
        column: location.column,
    };
    ClassDiff {
        location: row.class.location.map(place),
        name: row.class.name,
        added_count: row.added_count,
        removed_count: row.removed_count,
        count_delta,
        added_size: row.added_size,
        removed_size: row.removed_size,
        size_delta,
    }
}

/// Classes whose holders are looked up, and objects of each that are looked at.
const CLASSES: usize = 5;
const SAMPLE: usize = 200;
/// Ways that hold less than one in so many of what was added are not told.
const SMALL: u64 = 20;

/// How the classes that grew most are held in two processes, told by path signatures.
fn holders(
    before: &Heap,
    after: &Heap,
    rows: &[DiffRow],
    progress: Progress<'_>,
) -> Result<Vec<HolderDiff>, AnswerError> {
    let mut grown: Vec<&DiffRow> = rows.iter().filter(|row| row.added_count > row.removed_count).collect();
    grown.sort_by_key(|row| std::cmp::Reverse(row.size_delta()));
    let mut found = Vec::new();
    for row in grown.into_iter().filter(|row| !row.class.name.starts_with('(')).take(CLASSES) {
        let name = &row.class.name;
        let (old, old_estimated) = signatures(before, name, progress)?;
        let (new, new_estimated) = signatures(after, name, progress)?;
        let mut all: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (signature, count) in old {
            all.entry(signature).or_default().0 = count;
        }
        for (signature, count) in new {
            all.entry(signature).or_default().1 = count;
        }
        let mut of_class: Vec<HolderDiff> = all
            .into_iter()
            .map(|(signature, (before_count, after_count))| HolderDiff {
                class: name.clone(),
                signature,
                before_count,
                after_count,
                estimated: old_estimated || new_estimated,
            })
            .collect();
        let grown = |holder: &HolderDiff| holder.after_count.saturating_sub(holder.before_count);
        of_class.retain(|holder| grown(holder) * SMALL >= row.added_count.max(1));
        of_class.sort_by_key(|holder| std::cmp::Reverse(grown(holder)));
        of_class.truncate(CLASSES);
        found.extend(of_class);
    }
    Ok(found)
}

/// The signature without slots of hash tables: `{37}` is where an entry happens to lie.
fn without_slots(signature: &str) -> String {
    let is_slot = |word: &str| {
        let inner = word.strip_prefix('{').and_then(|word| word.strip_suffix('}'));
        inner.is_some_and(|inner| !inner.is_empty() && inner.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let words = signature.split(' ').map(|word| if is_slot(word) { "{*}" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

/// Objects of a class by the signature of their shortest path; projected from a sample if there are many.
fn signatures(
    heap: &Heap,
    class: &str,
    progress: Progress<'_>,
) -> Result<(BTreeMap<String, u64>, bool), AnswerError> {
    let graph = heap.graph();
    let analysis = heap.analysis(progress)?;
    let retainers = heap.retainers()?;
    let members: Vec<NodeIndex> = graph.nodes().filter(|&node| analysis.class_name(node) == class).collect();
    let sample = members.len().min(SAMPLE);
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..sample {
        let member = members[number * members.len() / sample];
        let path = shortest_path(graph, analysis, retainers, member);
        *counts.entry(without_slots(&path_signature(graph, &path, &[]))).or_default() += 1;
    }
    for count in counts.values_mut() {
        *count = (*count * members.len() as u64).div_ceil(sample.max(1) as u64);
    }
    Ok((counts, sample < members.len()))
}
