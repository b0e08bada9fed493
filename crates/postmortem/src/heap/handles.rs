//! The roots outside of the heap: V8's and Node's handles, the stacks, the queue of microtasks.

use process_memory::{ProcessMemory, ReadExt};
use rustc_hash::FxHashSet;

use super::Heap;
use super::words::{is_strong, untag};
use crate::elf::word;

/// No stack is longer.
const LONGEST_STACK: u64 = 1 << 30;
/// Nodes of a block of global handles, and bytes of a node.
const NODES: usize = 256;
const NODE: usize = 32;
/// Slots of a block of eternal handles.
const SLOTS: u64 = 256;
/// Bytes of a block of local handles (1022 words).
const LOCAL_BLOCK: u64 = 1022 * 8;
/// A list of handles longer than this is none.
const MOST: u64 = 1 << 24;

/// Where a root was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RootGroup {
    /// The roots table.
    Table,
    /// The isolate itself.
    Isolate,
    /// Handles that outlive calls: V8's and Node's references from C++.
    Global,
    /// Handles that live as long as the isolate.
    Eternal,
    /// Lists of the isolate.
    Lists,
    /// Handles of calls that are going on.
    Local,
    /// Stacks and registers.
    Stack,
}

/// Every word outside of the heap that may keep an object alive, by where it was found.
pub(super) fn roots(heap: &Heap<'_>) -> Vec<(RootGroup, Vec<u64>)> {
    let isolate = heap.isolate.words(heap.memory);
    let collect = |add: &dyn Fn(&mut Vec<u64>)| {
        let mut words = Vec::new();
        add(&mut words);
        words
    };
    vec![
        (RootGroup::Table, heap.roots.entries.clone()),
        (RootGroup::Isolate, isolate.iter().copied().filter(|word| is_strong(*word)).collect()),
        (RootGroup::Global, collect(&|words| global(heap, &isolate, words))),
        (RootGroup::Eternal, collect(&|words| eternal(heap, &isolate, words))),
        (RootGroup::Lists, collect(&|words| lists(heap, &isolate, words))),
        (RootGroup::Local, collect(&|words| local(heap, words))),
        (RootGroup::Stack, collect(&|words| stacks(heap, words))),
    ]
}

fn words_at(memory: &dyn ProcessMemory, address: u64, length: u64) -> Vec<u64> {
    let bytes = match memory.bytes_at(address, length) {
        Ok(bytes) => bytes,
        Err(gap) => {
            memory.bytes_at(address, gap.address.saturating_sub(address).min(length)).unwrap_or_default()
        }
    };
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

/// So many words, if all of them are what is expected. Read in small steps: most of what looks like a list is none.
fn objects_at(heap: &Heap<'_>, address: u64, count: u64, expected: impl Fn(u64) -> bool) -> Option<Vec<u64>> {
    const STEP: u64 = 64;
    let mut found = Vec::new();
    let mut at = 0;
    while at < count {
        let step = STEP.min(count - at);
        let words = words_at(heap.memory, address.checked_add(8 * at)?, 8 * step);
        if words.len() as u64 != step || !words.iter().all(|word| expected(*word)) {
            return None;
        }
        found.extend(words);
        at += step;
    }
    Some(found)
}

/// The stacks and registers of all threads.
fn stacks(heap: &Heap<'_>, words: &mut Vec<u64>) {
    for thread in heap.memory.threads() {
        words.extend(thread.registers.all());
        let pointer = thread.registers.stack_pointer() & !7;
        let mapping = process_memory::mapping_at(heap.memory.mappings(), pointer);
        if let Some(mapping) = mapping {
            let length = (mapping.range.end - pointer).min(LONGEST_STACK);
            let stack = words_at(heap.memory, pointer, length);
            words.extend(stack.into_iter().filter(|word| is_strong(*word)));
        }
    }
}

/// Global handles: a structure that names its isolate and a space of nodes, which names it back.
fn global(heap: &Heap<'_>, isolate: &[u64], words: &mut Vec<u64>) {
    let fields = &heap.layout.fields;
    let memory = heap.memory;
    let is_handles = |handles: u64| {
        let space = memory.u64_at(handles.wrapping_add(fields.global_handles_space)).ok()?;
        let named = memory.u64_at(handles).ok()? == heap.isolate.address;
        let back = space != 0 && space % 8 == 0 && memory.u64_at(space).ok()? == handles;
        (named && back).then_some(space)
    };
    let candidates = isolate.iter().filter(|word| **word != 0 && *word % 8 == 0);
    let Some(space) = candidates.copied().find_map(is_handles) else { return };
    let mut block = memory.u64_at(space.wrapping_add(8)).unwrap_or(0);
    let mut seen = FxHashSet::default();
    while block != 0 && seen.insert(block) {
        let Ok(bytes) = memory.bytes_at(block, (NODES * NODE + 8) as u64) else { return };
        for node in bytes.chunks_exact(NODE).take(NODES) {
            // 1 is strong; 0 free, and the others are weak.
            if u64::from(node[11]) & fields.global_handle_state == 1 {
                words.push(word(node, 0));
            }
        }
        block = word(&bytes, NODES * NODE);
    }
}

/// Eternal handles: a count, and a list of blocks.
fn eternal(heap: &Heap<'_>, isolate: &[u64], words: &mut Vec<u64>) {
    let memory = heap.memory;
    let is_eternal = |handles: u64| {
        let head = memory.bytes_at(handles, 32).ok()?;
        let (size, begin, end, capacity) = (word(&head, 0), word(&head, 8), word(&head, 16), word(&head, 24));
        let blocks = end.checked_sub(begin)? / 8;
        let sane = begin % 8 == 0 && begin != 0 && end <= capacity && (1..MOST).contains(&size);
        (sane && size.div_ceil(SLOTS) == blocks).then_some((begin, size))
    };
    let candidates = isolate.iter().filter(|word| **word != 0 && *word % 8 == 0);
    for handles in candidates {
        let Some((begin, size)) = is_eternal(*handles) else { continue };
        let mut found = Vec::new();
        for (i, block) in words_at(memory, begin, size.div_ceil(SLOTS) * 8).into_iter().enumerate() {
            let rest = size - i as u64 * SLOTS;
            let slots = objects_at(heap, block, rest.min(SLOTS), |word| heap.target(word).is_some());
            match slots {
                Some(slots) => found.extend(slots),
                None => break,
            }
        }
        if found.len() as u64 == size {
            words.extend(found);
            return;
        }
    }
}

/// Lists of objects that the isolate holds: begin, end, capacity. Those of external strings are weak.
fn lists(heap: &Heap<'_>, isolate: &[u64], words: &mut Vec<u64>) {
    for list in isolate.windows(3) {
        let [begin, end, capacity] = list else { continue };
        let sane = *begin != 0 && begin % 8 == 0 && begin < end && end <= capacity && end % 8 == 0;
        if !sane || end - begin > MOST || heap.locate(*begin).is_some() {
            continue;
        }
        let object = |word: u64| word as u32 == 0 || heap.target(word).is_some();
        let external =
            |word: &u64| heap.kind_of(untag(*word)).is_some_and(|kind| kind < 128 && kind & 7 == 2);
        if let Some(found) = objects_at(heap, *begin, (end - begin) / 8, object)
            && !found.iter().all(external)
        {
            words.extend(found);
        }
    }
}

/// Local handles of the innermost scopes; those further out are found on the way from the isolate.
fn local(heap: &Heap<'_>, words: &mut Vec<u64>) {
    let Some(offset) = heap.layout.fields.isolate_handles else { return };
    let at = heap.isolate.address.wrapping_add(offset);
    let (Ok(next), Ok(limit)) = (heap.memory.u64_at(at), heap.memory.u64_at(at.wrapping_add(8))) else {
        return;
    };
    let start = limit.wrapping_sub(LOCAL_BLOCK);
    if next >= start && next <= limit {
        words.extend(words_at(heap.memory, start, next - start));
    }
}

/// Where the table of functions' code starts, in versions that have one.
pub(super) fn dispatch_table(heap: &Heap<'_>) -> Option<u64> {
    let fields = &heap.layout.fields;
    let at = match (fields.isolate_dispatch_table, fields.group_dispatch_table) {
        (Some(offset), _) => heap.isolate.address.wrapping_add(offset),
        (None, Some(offset)) => heap.isolate.group?.wrapping_add(offset),
        (None, None) => return None,
    };
    heap.memory.u64_at(at).ok()
}

/// The code of a function, tagged: 16 bytes for each in the table, with the code's address shifted.
pub(crate) fn dispatched_code(heap: &Heap<'_>, table: Option<u64>, function: u64) -> Option<u64> {
    let offset = heap.layout.fields.function_dispatch_handle?;
    let handle = heap.half(function.checked_add(offset)?).ok()?;
    let entry = table?.checked_add(16 * u64::from(handle >> 8))?;
    let code = heap.memory.u64_at(entry.checked_add(8)?).ok()? >> 16;
    Some(super::words::tag(code & !7))
}

/// What waits in a context's queue of microtasks: {vtable, size, capacity, start, ring}.
pub(super) fn microtasks(heap: &Heap<'_>, context: u64, size: u64) -> Vec<u64> {
    let queue =
        heap.field(context, size.saturating_sub(8)).ok().filter(|queue| *queue != 0 && queue % 8 == 0);
    let Some(head) = queue.and_then(|queue| heap.memory.bytes_at(queue, 40).ok()) else { return Vec::new() };
    let (length, capacity, start, ring) = (word(&head, 8), word(&head, 16), word(&head, 24), word(&head, 32));
    if length == 0 || length > capacity || capacity > MOST || start >= capacity {
        return Vec::new();
    }
    let ring = words_at(heap.memory, ring, capacity * 8);
    let at = |i: u64| ring.get(((start + i) % capacity) as usize).copied();
    (0..length).filter_map(at).collect()
}
