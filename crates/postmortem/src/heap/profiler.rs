//! The ids that V8's heap profiler gave to objects, if it was ever asked for a snapshot.
//!
//! V8 keeps them in `HeapObjectsMap` (src/profiler/heap-snapshot-generator.h), which the isolate's `HeapProfiler` owns: a
//! vector of entries, whose first one is empty. From the first snapshot on it is told when objects move, so that the
//! same object has the same id in each snapshot.

use process_memory::{ProcessMemory, ReadExt};
use rustc_hash::FxHashMap;

use super::Heap;

/// `{ u32 id; u64 address; u32 size; bool accessed; }`
const ENTRY: u64 = 24;
/// Words of the profiler in which the map's address is looked for: it is its first member, behind the virtual table.
const PROFILER_WORDS: u64 = 4;
/// Words of the map in which the vector is looked for: the last id and a hash table stand before it.
const MAP_WORDS: u64 = 16;
/// Entries that are looked at before a list is believed.
const SAMPLE: usize = 512;
/// No list is longer.
const MOST: u64 = 1 << 30;

/// V8's ids.
#[derive(Debug, Default)]
pub(crate) struct ObjectIds {
    by_address: FxHashMap<u64, (u32, u32)>,
    last: u32,
}

impl ObjectIds {
    /// Looks for them; `None` if no snapshot was ever taken of this heap.
    pub(crate) fn find(heap: &Heap<'_>) -> Option<Self> {
        let memory = heap.memory;
        let pointer = |word: u64| word > 0xffff && word.is_multiple_of(8);
        for profiler in heap.isolate.words(memory).into_iter().filter(|word| pointer(*word)) {
            for at in 0..PROFILER_WORDS {
                let Some(map) = profiler.checked_add(8 * at).and_then(|at| memory.u64_at(at).ok()) else {
                    break;
                };
                if let Some((start, length)) =
                    Some(map).filter(|map| pointer(*map)).and_then(|map| vector(memory, map))
                    && let Some(found) = Self::read(heap, start, length)
                {
                    return Some(found);
                }
            }
        }
        None
    }

    fn read(heap: &Heap<'_>, start: u64, length: u64) -> Option<Self> {
        let bytes = heap.memory.bytes_at(start, length).ok()?;
        let entries = bytes.chunks_exact(ENTRY as usize).skip(1).map(|entry| {
            let half =
                |at: usize| u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
            (half(0), u64::from(half(8)) | u64::from(half(12)) << 32, half(16))
        });
        let sample: Vec<_> = entries.clone().take(SAMPLE).collect();
        let objects = sample.iter().filter(|(_, address, _)| heap.is_object(*address)).count();
        if objects * 2 < sample.len() || sample.iter().any(|(id, ..)| *id == 0) {
            return None;
        }
        let mut ids = Self::default();
        for (id, address, size) in entries {
            ids.by_address.insert(address, (id, size));
            ids.last = ids.last.max(id);
        }
        Some(ids)
    }

    /// The id of an object. One of another size than V8 noted is another object, which came to lie where one died; but
    /// newer versions note no size of what all programs share, and the characters of external strings as the string's.
    pub(crate) fn of(&self, heap: &Heap<'_>, address: u64, size: u64) -> Option<u32> {
        let (id, noted) = self.by_address.get(&address)?;
        let same = match u64::from(*noted) {
            0 => true,
            noted if noted > size => heap.is_string(address),
            noted => noted == size,
        };
        same.then_some(*id)
    }

    /// The highest id that was given.
    pub(crate) fn last(&self) -> u32 {
        self.last
    }
}

/// The list of a map at an address, if there is one: its start and its length in bytes.
fn vector(memory: &dyn ProcessMemory, map: u64) -> Option<(u64, u64)> {
    let bytes = memory.bytes_at(map, 8 * MAP_WORDS).ok()?;
    let (words, _) = bytes.as_chunks::<8>();
    words.windows(3).find_map(|triple| {
        let [start, end, limit] = [triple[0], triple[1], triple[2]].map(u64::from_le_bytes);
        let length = end.checked_sub(start)?;
        let plausible = start > 0xffff
            && start.is_multiple_of(8)
            && length >= 2 * ENTRY
            && length.is_multiple_of(ENTRY)
            && length <= MOST
            && limit >= end;
        if !plausible {
            return None;
        }
        let first = memory.bytes_at(start, ENTRY).ok()?;
        let is_empty = first[..4] == [0; 4] && first[8..20] == [0; 12] && first[20] == 1;
        is_empty.then_some((start, length))
    })
}
