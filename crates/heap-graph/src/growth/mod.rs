//! What grows from snapshot to snapshot of one process, and who holds it.
//!
//! An id stands for one object, so the first snapshot that knows an object's id tells between which snapshots it was made.
//! (Ids are given in order, too, but those of frozen copies are not, where V8 gave none.) What was made in an
//! early window and still lives after later ones has survived garbage collections; a leak leaves such
//! survivors in every window. They are gathered under the old object that holds them (the accumulation
//! point), through V8's backing stores and through other new objects.

mod code;
mod holders;
mod signature;

use roaring::RoaringBitmap;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::Analysis;
use crate::graph::{Edge, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::paths::{PathStep, shortest_path};
use crate::retainers::Retainers;
pub use code::{GrowthByOwner, growth_by_owner};
use holders::Holders;
pub use signature::{AccumulationKind, accumulation_kind, describe_path, path_signature};

/// One snapshot of a series, oldest first.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// Its graph.
    pub graph: &'a HeapGraph,
}

/// Something that holds ever more.
#[derive(Clone, Debug)]
pub struct Suspect {
    /// The object that holds what grows: it existed before the first snapshot. The root, when only V8's roots
    /// and native handles do.
    pub holder: NodeIndex,
    /// The newest of the things that are held directly.
    pub top: NodeIndex,
    /// What kind of collection it is.
    pub kind: AccumulationKind,
    /// From the holder to one of the newest things it holds, holder first.
    pub inside: Vec<PathStep>,
    /// From the root to the holder.
    pub path: Vec<PathStep>,
    /// One of the things that grow, the newest.
    pub sample: NodeIndex,
    /// Class of what grows, as DevTools shows it.
    pub class: String,
    /// Things of that class made in each window (between a snapshot and the next) that still live.
    pub counts: Vec<u64>,
    /// Things that are held directly, per window.
    pub direct_counts: Vec<u64>,
    /// Bytes retained by what was made in each window.
    pub bytes: Vec<u64>,
    /// Things that the holder holds directly now, less those it held at the first snapshot. A cache that is full
    /// takes in new things and lets old ones go: then this is near 0. `None` where the holder is V8's roots.
    pub net_growth: Option<i64>,
    /// Other classes that grow with it, most frequent first, with their counts over all windows.
    pub with: Vec<(String, u64)>,
    /// The path by names alone, without ids or indices: the same in another run.
    pub signature: String,
}

impl Suspect {
    /// Things of the growing class over all windows.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Bytes over all windows.
    pub fn total_bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// Whether something was added, and stayed, in every window.
    pub fn grew_every_time(&self) -> bool {
        self.counts.iter().all(|&count| count > 0)
    }

    /// Whether about as much was taken out as was put in: a full cache, not a leak.
    pub fn is_exchange(&self) -> bool {
        let put_in: u64 = self.direct_counts.iter().sum();
        put_in >= MIN_COUNT && self.net_growth.is_some_and(|net| net * 2 < put_in as i64)
    }
}

/// Fewest survivors in a window to speak of growth.
const MIN_COUNT: u64 = 5;
/// Most suspects that are told.
const MAX_SUSPECTS: usize = 12;

/// In which window each node of the last snapshot was made: 0 before the first snapshot, else the number of
/// the window. Nodes that are no objects of JavaScript (even ids) count as old.
pub(crate) struct Windows {
    /// The ids of each snapshot but the last.
    known: Vec<RoaringBitmap>,
}

impl Windows {
    fn new(moments: &[Moment<'_>]) -> Self {
        let earlier = &moments[..moments.len() - 1];
        let ids = |moment: &Moment<'_>| -> RoaringBitmap {
            moment.graph.nodes.id.iter().copied().filter(|id| id % 2 == 1).collect()
        };
        Windows { known: earlier.iter().map(ids).collect() }
    }

    #[inline]
    pub(crate) fn of(&self, graph: &HeapGraph, node: NodeIndex) -> usize {
        let id = graph.nodes.id[node.index()];
        if id.is_multiple_of(2) {
            return 0;
        }
        self.known.iter().position(|known| known.contains(id)).unwrap_or(self.known.len())
    }
}

/// Things a program makes, as opposed to V8's own: what suspects are counted in.
fn is_subject(graph: &HeapGraph, node: NodeIndex) -> bool {
    match graph.kind(node) {
        NodeKind::Object => !graph.name(node).starts_with("system / "),
        NodeKind::Closure
        | NodeKind::String
        | NodeKind::ConcatenatedString
        | NodeKind::SlicedString
        | NodeKind::RegExp
        | NodeKind::Symbol
        | NodeKind::BigInt => true,
        _ => false,
    }
}

/// Ranks what grew between the first and the last snapshot (two at least, of one process, oldest first), the
/// most bytes first. `analysis` and `retainers` are those of the last one.
pub fn suspects(moments: &[Moment<'_>], analysis: &Analysis, retainers: &Retainers) -> Vec<Suspect> {
    let Some(last) = moments.last().filter(|_| moments.len() > 1) else { return Vec::new() };
    let graph = last.graph;
    let windows = Windows::new(moments);
    let tops = tops(graph, analysis, &windows);
    let mut holders = Holders::new(graph, retainers, &windows);
    for (&top, &dominator) in &tops.above {
        holders.credit(top, dominator, analysis.class_of(top), analysis.retained_size(top));
    }
    let mut found = Vec::new();
    for group in holders.groups(MAX_SUSPECTS * 3) {
        found.extend(suspect(graph, analysis, retainers, &windows, &tops, group));
    }
    for suspect in found.iter_mut().filter(|suspect| suspect.holder != NodeIndex::ROOT) {
        let first = moments[0].graph;
        let before = first.find_id(graph.id(suspect.holder)).map_or(0, |holder| holders::held(first, holder));
        suspect.net_growth = Some(holders::held(graph, suspect.holder) as i64 - before as i64);
    }
    let rank = |suspect: &Suspect| {
        (
            suspect.grew_every_time() && !suspect.is_exchange(),
            suspect.grew_every_time(),
            suspect.total_bytes(),
        )
    };
    found.sort_by_key(|suspect| std::cmp::Reverse(rank(suspect)));
    found.truncate(MAX_SUSPECTS);
    found
}

/// New subjects under the topmost new subject that dominates them.
struct Tops {
    members: FxHashMap<NodeIndex, Vec<NodeIndex>>,
    /// For each topmost subject, the old node that dominates it.
    above: FxHashMap<NodeIndex, NodeIndex>,
}

/// What the dominator tree says above a node: the topmost new subject (itself included), and where the new part
/// of the tree ends.
#[derive(Clone, Copy)]
struct Above {
    top: Option<NodeIndex>,
    end: NodeIndex,
}

fn tops(graph: &HeapGraph, analysis: &Analysis, windows: &Windows) -> Tops {
    let mut tops = Tops { members: FxHashMap::default(), above: FxHashMap::default() };
    let mut known: FxHashMap<NodeIndex, Above> = FxHashMap::default();
    let mut path = Vec::new();
    for node in graph.nodes() {
        if windows.of(graph, node) == 0 || !is_subject(graph, node) || analysis.shallow_size(node) == 0 {
            continue;
        }
        let mut at = node;
        let mut above = loop {
            if let Some(&above) = known.get(&at) {
                break above;
            }
            let is_old = windows.of(graph, at) == 0 && holders::is_holder(graph, at);
            let next = analysis.dominator(at);
            if is_old || at == next || matches!(graph.kind(at), NodeKind::Synthetic | NodeKind::Code) {
                break Above { top: None, end: at };
            }
            path.push(at);
            at = next;
        };
        // Every node on the way learns it too, so that long chains are walked once.
        while let Some(below) = path.pop() {
            if above.top.is_none() && windows.of(graph, below) != 0 && is_subject(graph, below) {
                above.top = Some(below);
            }
            known.insert(below, above);
        }
        // What code holds (its constants) comes with the code, not with the work done.
        if let Some(top) = above.top.filter(|_| graph.kind(above.end) != NodeKind::Code) {
            tops.members.entry(top).or_default().push(node);
            tops.above.insert(top, above.end);
        }
    }
    tops
}

/// Turns a holder and what it was credited with into a suspect, unless it is too little to speak of.
fn suspect(
    graph: &HeapGraph,
    analysis: &Analysis,
    retainers: &Retainers,
    windows: &Windows,
    tops: &Tops,
    group: holders::Group,
) -> Option<Suspect> {
    let window_count = windows.known.len();
    let mut bytes = vec![0; window_count];
    let mut direct_counts = vec![0; window_count];
    let mut by_class: FxHashMap<u32, (Vec<u64>, NodeIndex)> = FxHashMap::default();
    let mut direct_classes: FxHashSet<u32> = FxHashSet::default();
    for &top in &group.tops {
        let window = windows.of(graph, top) - 1;
        direct_counts[window] += 1;
        direct_classes.insert(analysis.class_of(top));
        let mut nested_bytes = 0;
        for &member in &tops.members[&top] {
            let class = analysis.class_of(member);
            let entry = by_class.entry(class).or_insert_with(|| (vec![0; window_count], member));
            let made = windows.of(graph, member) - 1;
            entry.0[made] += 1;
            if graph.id(member) > graph.id(entry.1) {
                entry.1 = member;
            }
            if member != top {
                // What hangs in a chain counts for the window in which it was made.
                bytes[made] += analysis.shallow_size(member);
                nested_bytes += analysis.shallow_size(member);
            }
        }
        bytes[window] += analysis.retained_size(top).saturating_sub(nested_bytes);
    }
    let (class, counts, sample) = main_class(graph, analysis, &by_class, &direct_classes, &group)?;
    if counts.iter().sum::<u64>() < MIN_COUNT {
        return None;
    }
    let top = sample_top(graph, &group);
    let (path, inside, kind) = if group.holder == NodeIndex::ROOT {
        let path = shortest_path(graph, analysis, retainers, top);
        (path, Vec::new(), AccumulationKind::Handles)
    } else {
        let inside = holders::inside(graph, retainers, windows, group.holder, top);
        let path = shortest_path(graph, analysis, retainers, group.holder);
        let kind = accumulation_kind(graph, group.holder, &path, &inside);
        (path, inside, kind)
    };
    let signature = path_signature(graph, &path, &inside);
    let mut with: Vec<(String, u64)> = by_class
        .iter()
        .filter(|(other, _)| **other != class)
        .map(|(other, (counts, _))| (analysis.class_key(*other).name.clone(), counts.iter().sum()))
        .collect();
    with.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    with.truncate(6);
    let class = analysis.class_key(class).name.clone();
    Some(Suspect {
        holder: group.holder,
        top,
        kind,
        inside,
        path,
        sample,
        class,
        counts,
        direct_counts,
        bytes,
        net_growth: None,
        with,
        signature,
    })
}

fn sample_top(graph: &HeapGraph, group: &holders::Group) -> NodeIndex {
    group.tops.iter().copied().max_by_key(|&top| graph.id(top)).unwrap_or(group.holder)
}

/// The class to name: of what is held directly if there is enough of it (objects before functions before
/// strings); else, of the classes there are many of inside, the one nearest to the holder: a list's nodes hang
/// in a chain below one, listeners in an array that is made anew.
fn main_class(
    graph: &HeapGraph,
    analysis: &Analysis,
    by_class: &FxHashMap<u32, (Vec<u64>, NodeIndex)>,
    direct: &FxHashSet<u32>,
    group: &holders::Group,
) -> Option<(u32, Vec<u64>, NodeIndex)> {
    let total = |class: &u32| by_class[class].0.iter().sum::<u64>();
    let weight = |class: &u32| {
        let sample = by_class[class].1;
        let is_object = graph.kind(sample) == NodeKind::Object;
        (total(class), is_object, analysis.shallow_size(sample), std::cmp::Reverse(*class))
    };
    let many = |class: &&u32| total(class) * 2 >= group.tops.len() as u64 && total(class) >= MIN_COUNT;
    let best_direct = direct.iter().filter(many).max_by_key(|class| weight(class));
    let most = by_class.keys().map(total).max()?;
    let depth = |class: &u32| depth_below(graph, analysis, by_class[class].1, &group.tops);
    let nearest = || {
        let many = by_class.keys().filter(|class| total(class) * 2 >= most);
        many.min_by_key(|class| (depth(class), std::cmp::Reverse(weight(class))))
    };
    let class = best_direct.or_else(nearest)?;
    let (counts, sample) = &by_class[class];
    Some((*class, counts.clone(), *sample))
}

/// How many objects dominate a node below the new object that is held directly; 64 stands for more.
fn depth_below(graph: &HeapGraph, analysis: &Analysis, node: NodeIndex, tops: &[NodeIndex]) -> u32 {
    let mut depth = 0;
    let mut at = node;
    for _ in 0..256 {
        if depth >= 64 || at == NodeIndex::ROOT || (tops.len() <= 64 && tops.contains(&at)) {
            break;
        }
        at = analysis.dominator(at);
        depth += u32::from(is_subject(graph, at));
    }
    depth
}

/// Growth of one class over a series: live objects at each snapshot.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ClassSeries {
    /// The class's name.
    pub name: String,
    /// Objects at each snapshot.
    pub counts: Vec<u64>,
    /// Their shallow sizes at each snapshot, in bytes.
    pub sizes: Vec<u64>,
}

/// Classes that grew every time, by bytes gained. Works for snapshots of different processes too.
pub fn classes_that_grew(heaps: &[crate::ClassedHeap<'_>]) -> Vec<ClassSeries> {
    let mut series: FxHashMap<String, (Vec<u64>, Vec<u64>)> = FxHashMap::default();
    for (moment, heap) in heaps.iter().enumerate() {
        let mut sums = vec![(0u64, 0u64); heap.classes.keys.len()];
        for (node, &class) in heap.classes.class_of.iter().enumerate() {
            let size = heap.shallow.get(node);
            if size != 0 {
                sums[class as usize].0 += 1;
                sums[class as usize].1 += size;
            }
        }
        for (key, (count, size)) in heap.classes.keys.iter().zip(sums) {
            let zeros = || (vec![0; heaps.len()], vec![0; heaps.len()]);
            let entry = series.entry(key.name.clone()).or_insert_with(zeros);
            entry.0[moment] += count;
            entry.1[moment] += size;
        }
    }
    let mut grown: Vec<ClassSeries> = series
        .into_iter()
        .filter(|(_, (counts, _))| counts.windows(2).all(|pair| pair[0] < pair[1]))
        .map(|(name, (counts, sizes))| ClassSeries { name, counts, sizes })
        .collect();
    let gain = |series: &ClassSeries| series.sizes[series.sizes.len() - 1].saturating_sub(series.sizes[0]);
    grown.sort_by(|a, b| gain(b).cmp(&gain(a)).then_with(|| a.name.cmp(&b.name)));
    grown
}

/// Whether an edge can keep its target alive at all.
pub(crate) fn holds(edge: &Edge) -> bool {
    edge.kind != EdgeKind::Weak
}
