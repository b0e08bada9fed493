//! Which object of a later graph is which of an earlier one of the same process, where ids do not tell.
//!
//! V8 gives ids from its first snapshot on and follows objects when they move; graphs of frozen copies of a process that
//! never made one have none that last. Then objects are matched by what they hold and by where they are:
//!
//! 1. A text that only one string has, in both graphs, makes the object that holds it under one name the same one.
//! 2. From the roots down: what is reached from the same object by the same name, and is of the same kind and class
//!    (strings: the same text), is taken for the same one.
//! 3. What is left over in arrays and tables, whose places change when they grow, is matched in order by kind and class.
//!    So is what V8's lists of roots hold, with what is most like it, as a number there says nothing: a handle more, or a
//!    word left on the stack, and all others have the next one.
//!
//! So an object without a text of its own that took the place of another of its class is taken for that one: what counts
//! as new is how many there are more, which is what growth is about. docs/postmortem.md says how often this differs from
//! V8's own ids.

use std::cmp::Reverse;
use std::collections::VecDeque;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::analysis::weak_map_ids;
use crate::bits::BitSet;
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::strings::StringsBuilder;

/// No partner.
const NONE: u32 = u32::MAX;

/// How many near the same place in a list of roots are looked at, of one class, for the one that is most like another.
const CANDIDATES: usize = 64;

/// How many edges of each are compared for that.
const COMPARED: usize = 16;

/// What became of the ids.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Adopted {
    /// Nodes that were there before, and have their id of then.
    pub kept: u64,
    /// Nodes with a new id.
    pub fresh: u64,
}

impl HeapGraph {
    /// Gives the nodes of this graph the ids that they had in an earlier one of the same process; others get higher ones,
    /// so that they count as made since. `None`, and nothing changes, if there are no higher ones left.
    pub fn adopt_ids(&mut self, before: &HeapGraph) -> Option<Adopted> {
        let partners = align(before, self);
        let highest = before.nodes.id.iter().copied().max().unwrap_or(0);
        // V8's ids of objects are odd, those of other memory even.
        let mut next = highest.checked_add(2)? | 1;
        let mut adopted = Adopted::default();
        let mut ids = Vec::with_capacity(self.node_count());
        for (node, partner) in partners.into_iter().enumerate() {
            let old = self.nodes.id[node];
            let id = if partner == NONE {
                adopted.fresh += 1;
                let id = if old.is_multiple_of(2) { next - 1 } else { next };
                next = next.checked_add(2)?;
                id
            } else {
                adopted.kept += 1;
                before.nodes.id[partner as usize]
            };
            ids.push(id);
        }
        self.rename_pairs(&ids);
        self.nodes.id = ids.into();
        Some(adopted)
    }

    /// The names of a WeakMap's entries quote ids, which get new ones.
    fn rename_pairs(&mut self, ids: &[u32]) {
        let pairs = self.strings.containing(" pair in WeakMap (table @");
        let names = pairs.iter().filter_map(|index| self.strings.get(*index));
        let quoted: FxHashSet<u32> = names.flat_map(quoted_ids).collect();
        if quoted.is_empty() {
            return;
        }
        let all = self.nodes.id.iter().copied().zip(ids.iter().copied());
        let new_of: FxHashMap<u32, u32> = all.filter(|(old, _)| quoted.contains(old)).collect();
        let mut builder = StringsBuilder::default();
        let mut pairs = pairs.into_iter().peekable();
        for (index, text) in self.strings.iter().enumerate() {
            let renamed = pairs.next_if_eq(&(index as u32)).and_then(|_| renamed(text, &new_of));
            builder.push(renamed.as_deref().unwrap_or(text));
        }
        self.strings = builder.finish();
    }
}

/// The ids in the name of a WeakMap's entry.
fn quoted_ids(name: &str) -> impl Iterator<Item = u32> {
    weak_map_ids(name).into_iter().flatten().filter_map(|place| name[place].parse().ok())
}

fn renamed(name: &str, new_of: &FxHashMap<u32, u32>) -> Option<String> {
    let mut new = name.to_owned();
    // From the end, so that the places before stay where they are.
    for place in weak_map_ids(name)?.into_iter().rev() {
        let id = new_of.get(&name[place.clone()].parse().ok()?)?;
        new.replace_range(place, &id.to_string());
    }
    Some(new)
}

/// For each node of `after` its partner in `before`, or [`NONE`].
fn align(before: &HeapGraph, after: &HeapGraph) -> Vec<u32> {
    let mut aligner = Aligner {
        text: same_texts(before, after),
        partner: vec![NONE; after.node_count()],
        taken: BitSet::new(before.node_count()),
        queue: VecDeque::new(),
        tables: VecDeque::new(),
        before,
        after,
    };
    if before.node_count() > 0 && after.node_count() > 0 {
        aligner.pair(0, 0);
    }
    if crate::diff::kinship(before, after).is_same_process() {
        aligner.pair_by_id();
    }
    aligner.pair_by_text();
    aligner.run();
    aligner.partner
}

/// For each string of `after` the same one of `before`, or [`NONE`].
fn same_texts(before: &HeapGraph, after: &HeapGraph) -> Vec<u32> {
    let strings = &before.strings;
    let known: FxHashMap<&[u8], u32> =
        (0..strings.len() as u32).filter_map(|index| Some((strings.bytes(index)?, index))).collect();
    let strings = &after.strings;
    let same = |index| strings.bytes(index).and_then(|text| known.get(text)).copied().unwrap_or(NONE);
    (0..strings.len() as u32).map(same).collect()
}

struct Aligner<'g> {
    before: &'g HeapGraph,
    after: &'g HeapGraph,
    text: Vec<u32>,
    partner: Vec<u32>,
    taken: BitSet,
    /// Pairs whose children are to be looked at.
    queue: VecDeque<(u32, u32)>,
    /// Pairs of arrays and lists of roots in which something was left over.
    tables: VecDeque<(u32, u32)>,
}

/// A string whose text no other has.
#[derive(Clone, Copy)]
struct Single {
    string: u32,
    /// The one object that holds it, and under which name: no array, as all texts of a table would name it.
    holder: Option<Child>,
}

/// For each text, as the earlier graph numbers it, the one string that has it.
fn single_texts(graph: &HeapGraph, text: &[u32], texts: usize) -> Vec<Option<Single>> {
    let mut strings = vec![NONE; texts];
    let mut is_twice = BitSet::new(texts);
    for node in graph.nodes().filter(|node| graph.kind(*node) == NodeKind::String) {
        let Some(&index) = text.get(graph.name_index(node) as usize).filter(|index| **index != NONE) else {
            continue;
        };
        if strings[index as usize] != NONE {
            is_twice.set(index as usize);
        }
        strings[index as usize] = node.0;
    }
    let mut found: Vec<Option<Single>> = vec![None; texts];
    let mut by_node = FxHashMap::default();
    for (index, string) in strings.into_iter().enumerate() {
        if string != NONE && !is_twice.get(index) {
            found[index] = Some(Single { string, holder: None });
            by_node.insert(string, index);
        }
    }
    let mut is_held_twice = BitSet::new(texts);
    for source in graph.nodes() {
        // The tables of all strings hold nothing.
        if graph.kind(source) == NodeKind::Synthetic {
            continue;
        }
        for edge in graph.edges(source).filter(|edge| edge.kind != EdgeKind::Weak) {
            let Some(&index) = by_node.get(&edge.to.0) else { continue };
            let Some(single) = &mut found[index] else { continue };
            let known = graph.edges.name[edge.index as usize];
            let name = if edge.kind.is_numbered() {
                known
            } else {
                text.get(known as usize).copied().unwrap_or(NONE)
            };
            let label = (graph.edges.kind[edge.index as usize], name);
            if single.holder.replace(Child { label, to: source.0 }).is_some() {
                is_held_twice.set(index);
            }
        }
    }
    for (index, single) in found.iter_mut().enumerate() {
        let Some(Single { holder, .. }) = single else { continue };
        let is_array = holder.is_some_and(|holder| graph.kind(NodeIndex(holder.to)) == NodeKind::Array);
        if is_array || is_held_twice.get(index) {
            *holder = None;
        }
    }
    found
}

/// An edge, with its name as the earlier graph numbers it.
#[derive(Clone, Copy)]
struct Child {
    label: (u8, u32),
    to: u32,
}

impl Aligner<'_> {
    fn run(&mut self) {
        loop {
            while let Some((old, new)) = self.queue.pop_front() {
                self.children(old, new);
            }
            let Some((old, new)) = self.tables.pop_front() else { return };
            if self.is_list_of_roots(new) {
                self.likest(old, new);
            }
            self.left_over(old, new);
        }
    }

    fn pair(&mut self, old: u32, new: u32) {
        if self.partner[new as usize] == NONE && self.taken.insert(old as usize) {
            self.partner[new as usize] = old;
            self.queue.push_back((old, new));
        }
    }

    /// V8's own ids, where both graphs have some of them.
    fn pair_by_id(&mut self) {
        let ids = self.before.nodes.id.iter().zip(0..);
        let known: FxHashMap<u32, u32> = ids.map(|(id, node)| (*id, node)).collect();
        for new in 0..self.after.node_count() as u32 {
            if let Some(&old) = known.get(&self.after.nodes.id[new as usize])
                && self.is_alike(old, new)
            {
                self.pair(old, new);
            }
        }
    }

    /// What holds a text that is there once.
    fn pair_by_text(&mut self) {
        let same: Vec<u32> = (0..self.before.strings.len() as u32).collect();
        let olds = single_texts(self.before, &same, same.len());
        let news = single_texts(self.after, &self.text, same.len());
        for (old, new) in olds.into_iter().zip(news) {
            let (Some(old), Some(new)) = (old, new) else { continue };
            if !self.is_alike(old.string, new.string) {
                continue;
            }
            if let (Some(holder), Some(new_holder)) = (old.holder, new.holder)
                && holder.label == new_holder.label
                && self.is_alike(holder.to, new_holder.to)
            {
                self.pair(holder.to, new_holder.to);
            }
            self.pair(old.string, new.string);
        }
    }

    /// Whether two nodes may be the same object.
    fn is_alike(&self, old: u32, new: u32) -> bool {
        let (a, b) = (NodeIndex(old), NodeIndex(new));
        let name = self.text.get(self.after.name_index(b) as usize);
        self.before.kind(a) == self.after.kind(b)
            && name == Some(&self.before.name_index(a))
            && (self.before.kind(a) != NodeKind::String
                || self.before.raw_self_size(a) == self.after.raw_self_size(b))
    }

    fn edges_of<'s>(
        &'s self,
        graph: &'s HeapGraph,
        node: u32,
        is_new: bool,
    ) -> impl Iterator<Item = Child> + 's {
        let range = graph.nodes.edges.range(node as usize);
        (range.start as usize..range.end as usize).filter_map(move |edge| {
            let (code, name) = (graph.edges.kind[edge], graph.edges.name[edge]);
            let kind = EdgeKind::from_code(code);
            let label = match is_new && !kind.is_numbered() {
                true => self.text.get(name as usize).copied().unwrap_or(NONE),
                false => name,
            };
            let holds = kind != EdgeKind::Weak;
            holds.then_some(Child { label: (code, label), to: graph.edges.to[edge] })
        })
    }

    fn children_of(&self, graph: &HeapGraph, node: u32, is_new: bool) -> Vec<Child> {
        let mut children: Vec<Child> = self.edges_of(graph, node, is_new).collect();
        if node == 0 {
            // From the program's own roots first: the lists of V8's have no lasting order.
            children.sort_by_key(|child| child.label.0 != EdgeKind::Shortcut as u8);
        }
        children
    }

    /// Pairs what has the same name in both.
    fn children(&mut self, old: u32, new: u32) {
        let olds = self.children_of(self.before, old, false);
        let news = self.children_of(self.after, new, true);
        // Mostly nothing changed, and the names stand in one order.
        let mut at = 0;
        let mut by_label: Option<FxHashMap<(u8, u32), usize>> = None;
        let mut is_whole = true;
        let is_list = self.is_list_of_roots(new);
        for child in &news {
            if is_list && self.after.kind(NodeIndex(child.to)) != NodeKind::Synthetic {
                is_whole = false;
                continue;
            }
            let place = match olds.get(at) {
                Some(same) if same.label == child.label => Some(at),
                _ => {
                    let labels =
                        || olds.iter().enumerate().rev().map(|(at, child)| (child.label, at)).collect();
                    by_label.get_or_insert_with(labels).get(&child.label).copied()
                }
            };
            if let Some(place) = place {
                at = place + 1;
                if self.is_alike(olds[place].to, child.to) {
                    self.pair(olds[place].to, child.to);
                }
            }
            is_whole &= self.partner[child.to as usize] != NONE;
        }
        if !is_whole && (is_list || self.after.kind(NodeIndex(new)) == NodeKind::Array) {
            self.tables.push_back((old, new));
        }
    }

    /// Whether a node is one of V8's lists of roots; the root of all names the program's own.
    fn is_list_of_roots(&self, new: u32) -> bool {
        new != 0 && self.after.kind(NodeIndex(new)) == NodeKind::Synthetic
    }

    /// How much two objects that may be the same hold in common.
    fn likeness(&self, old: u32, new: u32) -> usize {
        let olds = self.edges_of(self.before, old, false);
        let news = self.edges_of(self.after, new, true);
        let both = olds.zip(news).take(COMPARED).filter(|(a, b)| a.label == b.label);
        let alike = both.map(|(a, b)| match self.partner[b.to as usize] {
            NONE => usize::from(self.is_alike(a.to, b.to)),
            known => 2 * usize::from(known == a.to),
        });
        alike.sum()
    }

    /// Pairs what two lists of roots hold, the most alike of a class first, and of equals the nearest.
    fn likest(&mut self, old: u32, new: u32) {
        let mut olds: FxHashMap<(u8, u32), Vec<u32>> = FxHashMap::default();
        for child in self.children_of(self.before, old, false) {
            if !self.taken.get(child.to as usize) {
                olds.entry(self.class(self.before, child.to, false)).or_default().push(child.to);
            }
        }
        let mut seen: FxHashMap<(u8, u32), usize> = FxHashMap::default();
        let mut pairs = Vec::new();
        for child in self.children_of(self.after, new, true) {
            if self.partner[child.to as usize] != NONE {
                continue;
            }
            let class = self.class(self.after, child.to, true);
            let Some(olds) = olds.get(&class) else { continue };
            let place = seen.entry(class).or_default();
            let near = place.saturating_sub(CANDIDATES / 2)..(*place + CANDIDATES / 2).min(olds.len());
            for at in near {
                let likeness = self.likeness(olds[at], child.to);
                if likeness > 0 && self.is_alike(olds[at], child.to) {
                    pairs.push((Reverse(likeness), at.abs_diff(*place), olds[at], child.to));
                }
            }
            *place += 1;
        }
        pairs.sort_unstable();
        for (.., candidate, to) in pairs {
            self.pair(candidate, to);
        }
    }

    fn class(&self, graph: &HeapGraph, node: u32, is_new: bool) -> (u8, u32) {
        let name = graph.nodes.name[node as usize];
        let name = if is_new { self.text.get(name as usize).copied().unwrap_or(NONE) } else { name };
        (graph.nodes.kind[node as usize], name)
    }

    /// Pairs what is left over in two arrays or lists in order, by kind and class.
    fn left_over(&mut self, old: u32, new: u32) {
        let mut free: FxHashMap<(u8, u32), VecDeque<u32>> = FxHashMap::default();
        for child in self.children_of(self.before, old, false) {
            if !self.taken.get(child.to as usize) {
                free.entry(self.class(self.before, child.to, false)).or_default().push_back(child.to);
            }
        }
        for child in self.children_of(self.after, new, true) {
            if self.partner[child.to as usize] != NONE {
                continue;
            }
            let Some(waiting) = free.get_mut(&self.class(self.after, child.to, true)) else { continue };
            while let Some(candidate) = waiting.pop_front() {
                if self.is_alike(candidate, child.to) {
                    self.pair(candidate, child.to);
                    break;
                }
            }
        }
    }
}
