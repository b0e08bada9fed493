//! Isolates: one for the program and one for each worker thread.

use std::ops::Range;

use process_memory::{ProcessMemory, ReadExt, Registers};
use serde::Serialize;

use super::page::PageHeader;
use crate::core::Executable;
use crate::core::executable::{CURRENT_ISOLATE, ISOLATE_GROUP, ISOLATE_KEY};
use crate::elf::PT_TLS;
use crate::layout::Layout;

/// An isolate's own structure lies so close before its heap's, in all versions.
const REACH: u64 = 0x20000;
/// Bytes of an isolate's structure, heap included: roots, handles, stack guard, contexts.
const EXTENT: u64 = 0x16000;
/// `v8::StateTag::GC` (include/v8-unwinder.h): V8 is in it while it collects, and returns to what it was.
pub const COLLECTING: u16 = 1;
/// Where glibc keeps the values of the first 32 such keys, from the thread pointer on.
const KEYS: u64 = 0x310;

/// An isolate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Isolate {
    /// Its address.
    pub address: u64,
    /// The address of its heap.
    pub heap: u64,
    /// The thread that runs it, by its place in the memory's list of threads.
    pub thread: Option<usize>,
    /// The free ends of its allocation buffers: no objects are there.
    #[serde(skip)]
    pub buffers: Vec<Range<u64>>,
    /// The isolate group, in versions that have groups.
    pub group: Option<u64>,
    /// Whether V8 was collecting garbage: objects may be missing then, or be there twice. `None` of a version of which it is
    /// not known where V8 says so.
    pub collecting: Option<bool>,
    /// The frame of the innermost call from JavaScript into C++; 0 if there is none.
    pub entry_frame: u64,
}

impl Isolate {
    /// The allocation buffers within a range.
    pub(super) fn buffers_in(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let within = move |buffer: &&Range<u64>| buffer.start >= range.start && buffer.end <= range.end;
        self.buffers.iter().filter(within).cloned()
    }

    /// If the allocation buffer of new space is not where the layout says: three addresses in one of its pages, start,
    /// top and limit, one behind the other in the isolate.
    fn find_buffers(&mut self, memory: &dyn ProcessMemory, layout: &Layout, pages: &[PageHeader]) {
        let new = |page: &&PageHeader| page.heap == self.heap && page.is_new(layout);
        let areas: Vec<Range<u64>> = pages.iter().filter(new).map(|page| page.area.clone()).collect();
        let fits = |buffer: &Range<u64>| {
            areas.iter().any(|area| buffer.start >= area.start && buffer.end <= area.end)
        };
        if self.buffers.iter().any(fits) {
            return;
        }
        let words = self.words(memory);
        let found = words.windows(3).filter_map(|triple| {
            let [start, top, limit] = *triple else { return None };
            let ordered =
                start <= top && top < limit && [start, top, limit].iter().all(|at| at.is_multiple_of(8));
            (ordered && fits(&(start..limit))).then_some(top..limit)
        });
        self.buffers.extend(found.take(1).collect::<Vec<_>>());
    }

    /// The words of its structure: what V8 holds outside of the heap.
    pub(crate) fn words(&self, memory: &dyn ProcessMemory) -> Vec<u64> {
        let bytes = match memory.bytes_at(self.address, EXTENT) {
            Ok(bytes) => bytes,
            Err(gap) => {
                let there = gap.address.saturating_sub(self.address).min(EXTENT);
                memory.bytes_at(self.address, there).unwrap_or_default()
            }
        };
        let (words, _) = bytes.as_chunks::<8>();
        words.iter().map(|word| u64::from_le_bytes(*word)).collect()
    }
}

/// The isolates that own the pages, the program's first: each is the structure before its heap whose stack guard
/// points back to it.
pub fn find_isolates(
    memory: &dyn ProcessMemory,
    layout: &Layout,
    executable: &Executable,
    pages: &[PageHeader],
) -> Vec<Isolate> {
    let mut heaps: Vec<u64> = pages.iter().map(|page| page.heap).filter(|heap| *heap != 0).collect();
    heaps.sort_unstable();
    heaps.dedup();
    let threads = isolates_of_threads(memory, executable);
    let group = executable.symbol(ISOLATE_GROUP).map(|symbol| symbol.value);
    let group = group.and_then(|at| memory.u64_at(at.wrapping_add(executable.bias)).ok());
    let mut isolates: Vec<Isolate> =
        heaps.into_iter().filter_map(|heap| isolate_of(memory, layout, heap, &threads, group)).collect();
    for isolate in &mut isolates {
        isolate.find_buffers(memory, layout, pages);
    }
    let order = |isolate: &Isolate| {
        let main = isolate.thread.map(|thread| memory.threads()[thread].id);
        (main.is_none(), main, isolate.address)
    };
    isolates.sort_by_key(order);
    isolates
}

fn isolate_of(
    memory: &dyn ProcessMemory,
    layout: &Layout,
    heap: u64,
    threads: &[Option<u64>],
    group: Option<u64>,
) -> Option<Isolate> {
    let fields = &layout.fields;
    let start = heap.checked_sub(REACH)?;
    let candidates = (1..=(heap - start) / 8).map(|words| heap - words * 8);
    let is_isolate = |address: &u64| {
        memory.u64_at(address.wrapping_add(8)).ok() == Some(*address)
            && memory.u64_at(*address).ok() == Some(0)
    };
    let address = candidates.into_iter().find(is_isolate)?;
    let buffer = |offset: u64| {
        let top = memory.u64_at(address.wrapping_add(offset + 8)).ok()?;
        let limit = memory.u64_at(address.wrapping_add(offset + 16)).ok()?;
        (top < limit && top % 8 == 0 && limit % 8 == 0).then_some(top..limit)
    };
    let buffers = [fields.isolate_new_buffer, fields.isolate_old_buffer].into_iter().filter_map(buffer);
    Some(Isolate {
        address,
        heap,
        thread: threads.iter().position(|isolate| *isolate == Some(address)),
        buffers: buffers.collect(),
        group,
        collecting: fields.isolate_state.and_then(|offset| {
            let mut state = [0; 2];
            memory.read_at(address.wrapping_add(offset), &mut state).ok()?;
            Some(u16::from_le_bytes(state) == COLLECTING)
        }),
        entry_frame: memory.u64_at(address.wrapping_add(fields.isolate_entry_frame)).unwrap_or(0),
    })
}

/// For each thread the isolate that its thread-local variable names.
fn isolates_of_threads(memory: &dyn ProcessMemory, executable: &Executable) -> Vec<Option<u64>> {
    let local = executable.elf.segments.iter().find(|segment| segment.kind == PT_TLS);
    let offset = match (executable.symbol(CURRENT_ISOLATE), local, executable.symbol(ISOLATE_KEY)) {
        // The executable's block ends at the thread pointer.
        (Some(symbol), Some(segment), _) => segment
            .memory_size
            .checked_next_multiple_of(segment.alignment.max(1))
            .map(|size| symbol.value.wrapping_sub(size)),
        (None, _, Some(symbol)) => memory
            .u32_at(symbol.value.wrapping_add(executable.bias))
            .ok()
            .filter(|key| *key < 32)
            .map(|key| KEYS + 16 * u64::from(key) + 8),
        _ => None,
    };
    let of = |registers: &Registers| match registers {
        Registers::X86_64(registers) => memory.u64_at(registers.fs_base.wrapping_add(offset?)).ok(),
        Registers::Aarch64(_) => None,
    };
    memory.threads().iter().map(|thread| of(&thread.registers).filter(|isolate| *isolate != 0)).collect()
}
