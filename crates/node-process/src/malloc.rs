//! What malloc does with its main heap: how much is in use, and how much is free and not given back.
//!
//! Read from outside, through `/proc/PID/mem`, without stopping the process. glibc lays its main heap out as one
//! row of chunks from the start of the `[heap]` mapping (malloc/malloc.c, "malloc_chunk details"): eight bytes that
//! belong to the chunk before when that is in use, then eight bytes with the chunk's size, whose three lowest bits
//! are flags; bit 0 says that the chunk *before* is in use. The last chunk ("top") is free space at the end.
//!
//! The process goes on meanwhile, so a chunk may change under the walk: a size that cannot be ends it, and what
//! was walked until then is what is reported. Chunks in malloc's caches for threads (tcache, fastbins) are marked as
//! in use, so `free` is a lower bound. Another malloc (musl, jemalloc, mimalloc) gives no walk at all.

use std::fs::File;
use std::os::unix::fs::FileExt;

use crate::error::{ProcError, failure, read_text};

/// The main heap of glibc's malloc.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MallocHeap {
    /// Bytes of the mapping.
    pub size: u64,
    /// Bytes of chunks in use.
    pub in_use: u64,
    /// Bytes of free chunks between chunks in use: malloc cannot give them back.
    pub free: u64,
    /// Bytes of the free end.
    pub top: u64,
}

const PREVIOUS_IN_USE: u64 = 1;
const IS_MMAPPED: u64 = 2;
const FLAGS: u64 = 7;
const LEAST_CHUNK: u64 = 32;
const WINDOW: usize = 1 << 20;

/// Walks the main heap of a process. `Ok(None)` when it has none, or when it is not laid out as glibc's is.
///
/// # Errors
/// When the process is gone or its memory may not be read.
pub fn malloc_heap(pid: u32) -> Result<Option<MallocHeap>, ProcError> {
    let maps = read_text(pid, "maps")?;
    let Some((start, end)) = heap_mapping(&maps) else { return Ok(None) };
    let path = format!("/proc/{pid}/mem");
    let memory = File::open(&path).map_err(|source| failure(pid, path, source))?;
    let mut window = Window { memory, start: 0, bytes: Vec::new() };
    Ok(walk(&mut |at| window.word(at, end), start, end))
}

fn heap_mapping(maps: &str) -> Option<(u64, u64)> {
    let line = maps.lines().find(|line| line.ends_with("[heap]"))?;
    let (start, end) = line.split_once(' ')?.0.split_once('-')?;
    Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
}

/// Walks from chunk to chunk. `word` reads eight bytes; `None` when they are not there.
fn walk(word: &mut dyn FnMut(u64) -> Option<u64>, start: u64, end: u64) -> Option<MallocHeap> {
    let mut heap = MallocHeap { size: end - start, ..MallocHeap::default() };
    let mut at = start;
    let mut chunks = 0_u64;
    loop {
        let size_word = word(at + 8)?;
        let size = size_word & !FLAGS;
        let fits = size >= LEAST_CHUNK && size.is_multiple_of(16) && size_word & IS_MMAPPED == 0;
        let Some(next) = at.checked_add(size).filter(|next| fits && *next <= end) else { break };
        chunks += 1;
        if next + LEAST_CHUNK > end {
            heap.top = end - at;
            break;
        }
        if word(next + 8)? & PREVIOUS_IN_USE == 0 {
            heap.free += size;
        } else {
            heap.in_use += size;
        }
        at = next;
    }
    // A heap of glibc begins with its thread cache and has many chunks; a few "chunks" are somebody else's bytes. A
    // walk that ended early says nothing of the rest.
    let walked = heap.in_use + heap.free + heap.top;
    (chunks > 16 && walked * 10 >= heap.size * 9).then_some(heap)
}

/// A window into the memory of a process.
struct Window {
    memory: File,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn word(&mut self, at: u64, end: u64) -> Option<u64> {
        let inside = at.checked_sub(self.start).and_then(|offset| usize::try_from(offset).ok());
        let offset = match inside.filter(|offset| offset + 8 <= self.bytes.len()) {
            Some(offset) => offset,
            None => {
                let length = usize::try_from(end.saturating_sub(at)).ok()?.min(WINDOW);
                self.bytes.resize(length, 0);
                self.start = at;
                self.memory.read_exact_at(&mut self.bytes, at).ok()?;
                0
            }
        };
        let bytes = self.bytes.get(offset..offset + 8)?;
        Some(u64::from_le_bytes(bytes.try_into().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A heap of chunks (size, in use), with a top of 0x1000.
    fn memory(chunks: &[(u64, bool)]) -> (Vec<u64>, u64) {
        let mut words = Vec::new();
        let mut previous = true;
        for &(size, in_use) in chunks.iter().chain(&[(0x1000, true)]) {
            words.push(0);
            words.push(size | u64::from(previous));
            words.resize(words.len() + (size as usize - 16) / 8, 0xdead_beef_dead_beef);
            previous = in_use;
        }
        let bytes = words.len() as u64 * 8;
        (words, bytes)
    }

    fn walked(words: &[u64], bytes: u64) -> Option<MallocHeap> {
        walk(&mut |at| words.get((at - 0x5000) as usize / 8).copied(), 0x5000, 0x5000 + bytes)
    }

    #[test]
    fn used_and_free_chunks_are_told_apart() {
        let chunks: Vec<(u64, bool)> = (0..40).map(|i| (0x40 + 16 * (i % 5), i % 4 != 1)).collect();
        let (words, bytes) = memory(&chunks);
        let heap = walked(&words, bytes).unwrap();
        let sum = |wanted: bool| {
            chunks.iter().filter(|(_, used)| *used == wanted).map(|(size, _)| size).sum::<u64>()
        };
        assert_eq!((heap.in_use, heap.free, heap.top), (sum(true), sum(false), 0x1000));
        assert_eq!(heap.in_use + heap.free + heap.top, heap.size);
    }

    #[test]
    fn what_is_not_glibcs_is_not_walked() {
        assert_eq!(walked(&[7; 4096], 4096 * 8), None);
        assert_eq!(walked(&[0; 4096], 4096 * 8), None);
        let (mut words, bytes) = memory(&[(0x40, true); 64]);
        words[33] = 3;
        assert_eq!(walked(&words, bytes), None, "a broken size early on");
        assert_eq!(heap_mapping("00-10 rw-p 0 00:00 0 /lib/x\n"), None);
        assert_eq!(heap_mapping("a000-b000 rw-p 0 00:00 0      [heap]\n"), Some((0xa000, 0xb000)));
    }

    #[test]
    fn a_real_process_has_a_heap_that_adds_up() {
        let heap = malloc_heap(std::process::id()).unwrap();
        if let Some(heap) = heap {
            assert!(heap.in_use > 1000 && heap.in_use + heap.free + heap.top <= heap.size);
        }
    }
}
