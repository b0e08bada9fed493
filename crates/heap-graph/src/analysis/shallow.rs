//! DevTools' shallow sizes: what only one object uses is counted as that object's (`calculateShallowSizes`).
//!
//! Backing stores (type `array`), V8's bookkeeping (`hidden`) and external string data are "ownable": if all
//! ways to one, without weak edges and through other ownables, begin at the same owner, its size moves there.
//! DevTools adds in 32 bits, so a sum over 4 GiB wraps; here it does not.

use super::detached::Detachedness;
use super::reach::has_user_roots;
use super::sizes::{Sizes, SizesBuilder};
use crate::bits::BitSet;
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};

const EXTERNAL_STRING: &str = "system / ExternalStringData";

const UNVISITED: u32 = u32::MAX;
const SHARED: u32 = u32::MAX - 1;

/// Self sizes after the transfer to owners.
pub(crate) fn shallow_sizes(graph: &HeapGraph, detached: &Detachedness) -> Sizes {
    let mut sizes = SizesBuilder::self_sizes(graph);
    // Without user roots the file was made to show V8's own view, and is left as it is.
    if !has_user_roots(graph) {
        return sizes.finish();
    }
    let ownable = ownable(graph, detached);
    let owners = owners(graph, &ownable);
    for (node, &owner) in ownable.iter().zip(&owners) {
        let node = NodeIndex(node as u32);
        if owner == UNVISITED || owner == SHARED {
            continue;
        }
        let owner = NodeIndex(owner);
        if owner == NodeIndex::ROOT || graph.kind(owner) == NodeKind::Synthetic {
            continue;
        }
        let sum = sizes.get(owner) + sizes.get(node);
        sizes.set(owner, sum);
        sizes.set(node, 0);
    }
    sizes.finish()
}

fn ownable(graph: &HeapGraph, detached: &Detachedness) -> BitSet {
    let mut ownable = BitSet::new(graph.node_count());
    let external: Vec<u32> = graph
        .strings()
        .containing(EXTERNAL_STRING)
        .into_iter()
        .filter(|&index| graph.strings().get(index) == Some(EXTERNAL_STRING))
        .collect();
    for (node, &kind) in graph.nodes.kind.iter().enumerate() {
        if kind == NodeKind::Hidden as u8
            || kind == NodeKind::Array as u8
            || (kind == NodeKind::Native as u8
                && external.contains(&graph.nodes.name[node])
                // DevTools has given detached nodes another name by then.
                && !detached.is_renamed(NodeIndex(node as u32)))
        {
            ownable.set(node);
        }
    }
    ownable
}

/// The owner of each ownable node, in order of nodes.
fn owners(graph: &HeapGraph, ownable: &BitSet) -> Vec<u32> {
    // Only ownable nodes have an entry: a rank in the bit set instead of a column over all nodes.
    let ranks = Ranks::new(ownable, graph.node_count());
    let mut owners = vec![UNVISITED; ranks.total];
    let mut worklist: Vec<u32> = Vec::new();
    let (kinds, targets) = (&*graph.edges.kind, &*graph.edges.to);
    let offsets = graph.nodes.edges.view();
    for node in 0..graph.node_count() {
        let range = offsets.range(node);
        if ownable.get(node) {
            continue;
        }
        // The order in which nodes are looked at does not change the outcome: an entry goes from "unvisited"
        // to an owner to "shared", never back, and every change is passed on.
        spread(
            &kinds[range.clone()],
            &targets[range],
            node as u32,
            ownable,
            &ranks,
            &mut owners,
            &mut worklist,
        );
        while let Some(owned) = worklist.pop() {
            let owner = owners[ranks.rank(owned as usize)];
            let range = offsets.range(owned as usize);
            spread(
                &kinds[range.clone()],
                &targets[range],
                owner,
                ownable,
                &ranks,
                &mut owners,
                &mut worklist,
            );
        }
    }
    owners
}

#[inline]
fn spread(
    kinds: &[u8],
    targets: &[u32],
    owner: u32,
    ownable: &BitSet,
    ranks: &Ranks<'_>,
    owners: &mut [u32],
    worklist: &mut Vec<u32>,
) {
    for (&kind, &to) in kinds.iter().zip(targets) {
        if !ownable.get(to as usize) || kind == EdgeKind::Weak as u8 {
            continue;
        }
        let entry = &mut owners[ranks.rank(to as usize)];
        if *entry == UNVISITED {
            *entry = owner;
            worklist.push(to);
        } else if *entry != owner && *entry != SHARED {
            *entry = SHARED;
            worklist.push(to);
        }
    }
}

/// How many set bits stand before each one.
struct Ranks<'a> {
    set: &'a BitSet,
    before: Vec<u32>,
    total: usize,
}

impl<'a> Ranks<'a> {
    fn new(set: &'a BitSet, len: usize) -> Self {
        let mut before = Vec::with_capacity(len / 64 + 1);
        let mut total = 0;
        for word in set.words() {
            before.push(total);
            total += word.count_ones();
        }
        Ranks { set, before, total: total as usize }
    }

    #[inline]
    fn rank(&self, index: usize) -> usize {
        let word = self.set.words()[index >> 6] & ((1 << (index & 63)) - 1);
        self.before[index >> 6] as usize + word.count_ones() as usize
    }
}
