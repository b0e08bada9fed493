//! A core, read with nothing of the code under test.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::{ops::Range, path::Path};

pub(crate) struct Core {
    pub(crate) bytes: Vec<u8>,
    /// Addresses, and where they lie in the file.
    pub(crate) segments: Vec<(Range<u64>, Range<usize>)>,
    /// Names, kinds and contents.
    pub(crate) notes: Vec<(String, u32, Vec<u8>)>,
}

impl Core {
    pub(crate) fn read(path: &Path) -> Self {
        Self::parse(std::fs::read(path).unwrap())
    }

    pub(crate) fn parse(bytes: Vec<u8>) -> Self {
        let half = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!(bytes[..6], *b"\x7fELF\x02\x01");
        assert_eq!((half(16), half(18)), (4, 62), "a core of x86-64");
        let (mut segments, mut notes) = (Vec::new(), Vec::new());
        for i in 0..half(56) {
            let at = long(32) as usize + i * half(54);
            let (offset, address) = (long(at + 8) as usize, long(at + 16));
            let (in_file, in_memory) = (long(at + 32) as usize, long(at + 40));
            assert!(offset + in_file <= bytes.len());
            match word(at) {
                1 => {
                    assert!(in_file as u64 <= in_memory);
                    segments.push((address..address + in_memory, offset..offset + in_file));
                }
                4 => {
                    let mut at = offset;
                    while at < offset + in_file {
                        let (name, length, kind) = (word(at) as usize, word(at + 4) as usize, word(at + 8));
                        let content = at + 12 + name.next_multiple_of(4);
                        let text = String::from_utf8(bytes[at + 12..at + 12 + name - 1].to_vec()).unwrap();
                        notes.push((text, kind, bytes[content..content + length].to_vec()));
                        at = content + length.next_multiple_of(4);
                    }
                }
                other => panic!("a segment of kind {other}"),
            }
        }
        Self { bytes, segments, notes }
    }

    /// The note of our own.
    pub(crate) fn about(&self) -> serde_json::Value {
        let note = self.notes.iter().find(|(name, kind, _)| name == "heapdowse" && *kind == 1).unwrap();
        serde_json::from_slice(&note.2).unwrap()
    }

    /// Bytes of memory in the file, but for those of this kind.
    pub(crate) fn memory(&self) -> Vec<u8> {
        self.segments.iter().flat_map(|(_, range)| self.bytes[range.clone()].to_vec()).collect()
    }
}
