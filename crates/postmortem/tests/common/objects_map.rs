//! V8's own list of the objects that a snapshot saw, as it lies in the memory of a process that took one: address,
//! id and size of each. Nothing of the code under test is used to find it.

use process_memory::{ProcessMemory, ReadExt};

/// `{u32 id, pad, u64 address, u32 size, u8 accessed}` in memory.
const ENTRY: usize = 24;

/// One object.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub id: u32,
    pub address: u64,
    pub size: u32,
}

fn entry(bytes: &[u8]) -> Option<Entry> {
    let half = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let address = u64::from_le_bytes(bytes[8..16].try_into().unwrap());
    let sane = bytes[20] <= 1 && half(0) != 0 && half(0) < 1 << 28 && address != 0;
    sane.then(|| Entry { id: half(0), address, size: half(16) })
}

/// The longest such list in memory: it starts with an entry without id and address.
pub fn find(memory: &dyn ProcessMemory) -> Vec<Entry> {
    let mut best = Vec::new();
    for mapping in memory.mappings() {
        if !mapping.permissions.write || mapping.file.is_some() {
            continue;
        }
        let Ok(bytes) = memory.bytes_at(mapping.range.start, mapping.length()) else { continue };
        let mut at = 0;
        while at + 2 * ENTRY <= bytes.len() {
            let head = &bytes[at..at + ENTRY];
            let is_first = head[..4] == [0; 4] && head[8..20] == [0; 12] && head[20] == 1;
            if is_first {
                let entries = bytes[at + ENTRY..].chunks_exact(ENTRY).map_while(entry);
                let entries: Vec<_> = entries.collect();
                if entries.len() > best.len() {
                    best = entries;
                }
            }
            at += 8;
        }
    }
    best
}
