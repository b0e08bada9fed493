//! zstd files that can be read from the middle: frames of their own, and a table of them at the end ("Zstandard
//! Seekable Format", in zstd's `contrib`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use postmortem::{FileBytes, SharedBytes};

/// The last bytes of the file: number of frames, descriptor, magic.
const FOOTER: u64 = 9;
const SEEK_TABLE: u32 = 0x8f92_eab1;
/// A frame that decoders skip: the table is one.
const SKIPPABLE: u32 = 0x184d_2a5e;
/// Unpacked frames that are kept.
const KEPT_BYTES: usize = 64 << 20;
/// No frame unpacks to more.
const LARGEST_FRAME: u64 = 1 << 30;

/// A frame: where it starts, packed and unpacked.
#[derive(Debug, Clone, Copy)]
struct Frame {
    packed: u64,
    packed_length: u64,
    start: u64,
    length: u64,
}

/// Frames that were unpacked, the last ones used behind.
type Kept = VecDeque<(usize, Arc<Vec<u8>>)>;

/// A packed file, read as if it were not.
pub(super) struct Seekable {
    packed: SharedBytes,
    frames: Vec<Frame>,
    length: u64,
    kept: Mutex<Kept>,
}

impl Seekable {
    /// Reads the table; `None` if the file has none.
    pub(super) fn new(packed: SharedBytes) -> Option<Self> {
        let end = packed.length();
        let footer = bytes(&packed, end.checked_sub(FOOTER)?, FOOTER)?;
        if word(&footer, 5)? != SEEK_TABLE {
            return None;
        }
        let entry = if footer[4] & 0x80 != 0 { 12 } else { 8 };
        let count = u64::from(word(&footer, 0)?);
        let table = count.checked_mul(entry)?;
        let start = end.checked_sub(FOOTER)?.checked_sub(table)?;
        let head = bytes(&packed, start.checked_sub(8)?, 8)?;
        if word(&head, 0)? != SKIPPABLE {
            return None;
        }
        let (mut at, mut length) = (0_u64, 0_u64);
        let mut frames = Vec::new();
        for row in bytes(&packed, start, table)?.chunks_exact(entry as usize) {
            let frame = Frame {
                packed: at,
                packed_length: u64::from(word(row, 0)?),
                start: length,
                length: u64::from(word(row, 4)?),
            };
            if frame.length > LARGEST_FRAME {
                return None;
            }
            at = at.checked_add(frame.packed_length).filter(|at| *at <= start)?;
            length = length.checked_add(frame.length)?;
            frames.push(frame);
        }
        Some(Self { packed, frames, length, kept: Mutex::default() })
    }

    /// An unpacked frame.
    fn frame(&self, index: usize) -> Option<Arc<Vec<u8>>> {
        let mut kept = self.kept.lock().ok()?;
        if let Some(at) = kept.iter().position(|(known, _)| *known == index) {
            let frame = kept.remove(at)?;
            let content = Arc::clone(&frame.1);
            kept.push_back(frame);
            return Some(content);
        }
        let frame = self.frames.get(index)?;
        let packed = bytes(&self.packed, frame.packed, frame.packed_length)?;
        let content = Arc::new(zstd::bulk::decompress(&packed, frame.length as usize).ok()?);
        if content.len() as u64 != frame.length {
            return None;
        }
        kept.push_back((index, Arc::clone(&content)));
        while kept.iter().map(|(_, content)| content.len()).sum::<usize>() > KEPT_BYTES && kept.len() > 1 {
            kept.pop_front();
        }
        Some(content)
    }
}

impl FileBytes for Seekable {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let mut done = 0;
        while done < buffer.len() {
            let Some(at) = offset.checked_add(done as u64) else { return false };
            let index = self.frames.partition_point(|frame| frame.start + frame.length <= at);
            let (Some(frame), Some(content)) = (self.frames.get(index), self.frame(index)) else {
                return false;
            };
            let from = (at - frame.start) as usize;
            let length = (content.len() - from).min(buffer.len() - done);
            buffer[done..done + length].copy_from_slice(&content[from..from + length]);
            done += length;
        }
        true
    }

    fn borrow(&self, _offset: u64, _length: usize) -> Option<&[u8]> {
        None
    }
}

fn bytes(file: &SharedBytes, offset: u64, length: u64) -> Option<Vec<u8>> {
    if offset.checked_add(length)? > file.length() {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.read(offset, &mut bytes).then_some(bytes)
}

fn word(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of frames of these lengths, with its table.
    fn packed(content: &[u8], frame: usize) -> Vec<u8> {
        let (mut file, mut table) = (Vec::new(), Vec::new());
        for part in content.chunks(frame) {
            let bytes = zstd::bulk::compress(part, 1).unwrap();
            table.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            table.extend_from_slice(&(part.len() as u32).to_le_bytes());
            file.extend_from_slice(&bytes);
        }
        file.extend_from_slice(&SKIPPABLE.to_le_bytes());
        file.extend_from_slice(&(table.len() as u32 + FOOTER as u32).to_le_bytes());
        let count = content.chunks(frame).count() as u32;
        file.extend_from_slice(&table);
        file.extend_from_slice(&count.to_le_bytes());
        file.push(0);
        file.extend_from_slice(&SEEK_TABLE.to_le_bytes());
        file
    }

    #[test]
    fn any_part_is_read_across_frames() {
        let content: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
        let file = Seekable::new(Arc::new(packed(&content, 7000))).expect("a table");
        assert_eq!(file.length(), 100_000);
        for (offset, length) in [(0, 100_000), (6999, 2), (13_999, 14_002), (99_999, 1), (50_000, 0)] {
            let mut buffer = vec![0; length];
            assert!(file.read(offset as u64, &mut buffer));
            assert_eq!(buffer, content[offset..offset + length]);
        }
        assert!(!file.read(99_999, &mut [0; 2]));
    }

    #[test]
    fn a_table_that_lies_is_none() {
        let whole = packed(&[1; 5000], 1000);
        assert!(Seekable::new(Arc::new(whole[..whole.len() - 1].to_vec())).is_none());
        let mut long = whole.clone();
        let at = long.len() - 9;
        long[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(Seekable::new(Arc::new(long)).is_none());
        let mut broken = whole;
        broken[3] ^= 0xff;
        let file = Seekable::new(Arc::new(broken)).expect("a table");
        assert!(!file.read(0, &mut [0; 10]));
    }
}
