//! The ids of nodes. Where V8 gave ids, they are used, so that its own snapshots of the process can be compared with
//! ours. Where it gave none, ids are of this memory alone: two graphs that share none are known to tell nothing about
//! which object is which.

use std::hash::Hasher;

use heap_graph::HeapGraph;
use rustc_hash::FxHasher;

use super::groups;
use super::ordinals::Ordinals;
use crate::Heap;
use crate::heap::Liveness;
use crate::heap::profiler::ObjectIds;

/// The ids that live objects have in the graph of their heap, without making the graph.
pub struct NodeIds {
    pub(super) ordinals: Ordinals,
    pub(super) ids: Ids,
    first: u32,
}

impl NodeIds {
    /// Of the objects that are alive.
    pub fn new(heap: &Heap<'_>, live: &Liveness) -> Self {
        Self::behind(heap, live, 2 + groups::of(heap).len() as u32)
    }

    /// Behind so many nodes of roots.
    pub(super) fn behind(heap: &Heap<'_>, live: &Liveness, first: u32) -> Self {
        let ordinals = Ordinals::new(heap, live, first);
        let ids = Ids::new(heap, &ordinals, first);
        Self { ordinals, ids, first }
    }

    /// The number of a live object's node in the graph of its heap, by the address of its start.
    pub fn node_of(&self, heap: &Heap<'_>, object: u64) -> Option<u32> {
        self.ordinals.get(heap, object)
    }

    /// The id of a live object, by the address of its start.
    pub fn id_of(&self, heap: &Heap<'_>, object: u64) -> Option<u32> {
        let ordinal = self.ordinals.get(heap, object)?;
        Some(self.ids.of_object(heap, ordinal, object, heap.size_of(object)?))
    }

    /// The address of the live object with an id. Looks at all of them: nothing is kept for it.
    pub fn object_with(&self, heap: &Heap<'_>, live: &Liveness, id: u32) -> Option<u64> {
        let mut objects = (self.first..).zip(live.objects(heap));
        let is_it = |&(ordinal, object): &(u32, u64)| {
            let of_v8 = || self.ids.known.is_some().then(|| heap.size_of(object)).flatten();
            id == match of_v8() {
                Some(size) => self.ids.of_object(heap, ordinal, object, size),
                None => self.ids.of_ordinal(ordinal),
            }
        };
        objects.find(is_it).map(|(_, object)| object)
    }
}

/// Gives ids.
pub(super) struct Ids {
    known: Option<ObjectIds>,
    /// The root and what belongs to it: these nodes have the same ids in all of V8's snapshots.
    roots: u32,
    /// The id of the first node that V8 gave none.
    base: u32,
}

impl Ids {
    /// For objects behind so many nodes of roots.
    pub(super) fn new(heap: &Heap<'_>, ordinals: &Ordinals, roots: u32) -> Self {
        let known = ObjectIds::find(heap);
        // What V8 has not seen yet gets another id from it later: none that it could give.
        let beyond = |known: &ObjectIds| known.last().max(HeapGraph::OF_ONE_GRAPH);
        let lowest = known.as_ref().map_or(0, beyond).max(2 * roots) | 1;
        // Every node has room, those of memory beside the heap too.
        let span = ordinals.end().saturating_mul(4);
        // Later graphs of a series have higher ids for what is new: half of all are left to them.
        let room = u32::MAX.saturating_sub(lowest).saturating_sub(span) / 2;
        let base = if room == 0 { 1 } else { (lowest + fingerprint(heap, ordinals.end()) % room) | 1 };
        Self { known, roots, base }
    }

    /// Of a node that is no object: V8 gives them odd ids if they are roots, and even ones if they are memory.
    pub(super) fn of_root(&self, ordinal: u32) -> u32 {
        match &self.known {
            Some(_) if ordinal < self.roots => 2 * ordinal + 1,
            _ => self.of_ordinal(ordinal),
        }
    }

    /// Of memory beside the heap.
    pub(super) fn of_memory(&self, ordinal: u32) -> u32 {
        self.of_ordinal(ordinal).wrapping_sub(1)
    }

    /// Of an object.
    pub(super) fn of_object(&self, heap: &Heap<'_>, ordinal: u32, address: u64, size: u64) -> u32 {
        let known = self.known.as_ref().and_then(|known| known.of(heap, address, size));
        known.unwrap_or_else(|| self.of_ordinal(ordinal))
    }

    fn of_ordinal(&self, ordinal: u32) -> u32 {
        self.base.wrapping_add(ordinal.wrapping_mul(2))
    }
}

/// A number that is the same for the same memory, and most likely another one for a process that went on.
fn fingerprint(heap: &Heap<'_>, objects: u32) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write_u64(heap.isolate.address);
    hasher.write_u32(objects);
    for buffer in &heap.isolate.buffers {
        hasher.write_u64(buffer.start);
    }
    for thread in heap.memory.threads() {
        hasher.write_u64(thread.registers.stack_pointer());
        hasher.write_u64(u64::from(thread.id));
    }
    // The isolate counts collections and allocated bytes, and what of it is not known changes as well.
    heap.isolate.words(heap.memory).into_iter().for_each(|word| hasher.write_u64(word));
    (hasher.finish() >> 32) as u32
}
