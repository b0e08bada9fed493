//! Zstandard in frames that can be read each by itself, and a table of them behind the last: the "seekable format"
//! (`contrib/seekable_format` of zstd). Any zstd reads the whole; a reader that knows the table needs to decompress
//! only what it looks at.

use std::io::{self, Write};

use zstd::bulk::Compressor;

/// Bytes of one frame before compression.
const FRAME: usize = 2 << 20;
/// Measured on a core: twice the time of level 1 gained nothing.
const LEVEL: i32 = 1;
/// The table is a frame that decompressors skip.
const SKIPPABLE: u32 = 0x184d_2a5e;
const TABLE_END: u32 = 0x8f92_eab1;

/// Compresses what is put into it.
pub(super) struct Seekable<W> {
    to: W,
    compressor: Compressor<'static>,
    buffer: Vec<u8>,
    /// Lengths of each frame, compressed and not.
    frames: Vec<(u32, u32)>,
    /// The frame of nothing but zeros.
    zeros: Option<Vec<u8>>,
    written: u64,
}

impl<W: Write> Seekable<W> {
    pub(super) fn new(to: W) -> io::Result<Self> {
        let mut compressor = Compressor::new(LEVEL)?;
        compressor.include_checksum(true)?;
        let buffer = Vec::with_capacity(FRAME);
        Ok(Self { to, compressor, buffer, frames: Vec::new(), zeros: None, written: 0 })
    }

    pub(super) fn put(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(FRAME - self.buffer.len()));
            self.buffer.extend_from_slice(now);
            bytes = later;
            if self.buffer.len() == FRAME {
                self.end_frame()?;
            }
        }
        Ok(())
    }

    pub(super) fn zeros(&mut self, mut length: u64) -> io::Result<()> {
        while length > 0 {
            if self.buffer.is_empty() && length >= FRAME as u64 {
                let frame = match self.zeros.take() {
                    Some(frame) => frame,
                    None => self.compressor.compress(&vec![0; FRAME])?,
                };
                self.write_frame(&frame, FRAME)?;
                self.zeros = Some(frame);
                length -= FRAME as u64;
                continue;
            }
            let now = length.min((FRAME - self.buffer.len()) as u64);
            self.buffer.resize(self.buffer.len() + now as usize, 0);
            length -= now;
            if self.buffer.len() == FRAME {
                self.end_frame()?;
            }
        }
        Ok(())
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let frame = self.compressor.compress(&self.buffer)?;
        let length = self.buffer.len();
        self.buffer.clear();
        self.write_frame(&frame, length)
    }

    fn write_frame(&mut self, frame: &[u8], length: usize) -> io::Result<()> {
        self.to.write_all(frame)?;
        self.frames.push((frame.len() as u32, length as u32));
        self.written += frame.len() as u64;
        Ok(())
    }

    /// Writes the table; answers the length of all, and the writer.
    pub(super) fn finish(mut self) -> io::Result<(u64, W)> {
        if !self.buffer.is_empty() {
            self.end_frame()?;
        }
        let mut table = Vec::with_capacity(self.frames.len() * 8 + 17);
        table.extend_from_slice(&SKIPPABLE.to_le_bytes());
        table.extend_from_slice(&(self.frames.len() as u32 * 8 + 9).to_le_bytes());
        for (compressed, length) in &self.frames {
            table.extend_from_slice(&compressed.to_le_bytes());
            table.extend_from_slice(&length.to_le_bytes());
        }
        table.extend_from_slice(&(self.frames.len() as u32).to_le_bytes());
        // No checksums in the table: each frame has its own.
        table.push(0);
        table.extend_from_slice(&TABLE_END.to_le_bytes());
        self.to.write_all(&table)?;
        Ok((self.written + table.len() as u64, self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_and_each_frame_can_be_read() {
        let mut seekable = Seekable::new(Vec::new()).unwrap();
        let mut plain = Vec::new();
        let noise: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for (bytes, zeros) in [(&noise[..], 5u64), (&noise[..77], 9_000_000), (&noise[5..900_000], 0)] {
            seekable.put(bytes).unwrap();
            plain.extend_from_slice(bytes);
            seekable.zeros(zeros).unwrap();
            plain.resize(plain.len() + zeros as usize, 0);
        }
        let (length, bytes) = seekable.finish().unwrap();
        assert_eq!(length, bytes.len() as u64);
        assert_eq!(zstd::decode_all(&bytes[..]).unwrap(), plain);
        // By the table, from its end.
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let end = bytes.len();
        assert_eq!((word(end - 4), bytes[end - 5]), (0x8f92_eab1, 0));
        let frames = word(end - 9) as usize;
        let table = end - 9 - frames * 8;
        assert_eq!((word(table - 8), word(table - 4) as usize), (0x184d_2a5e, frames * 8 + 9));
        let (mut at, mut plain_at) = (0, 0);
        for i in 0..frames {
            let (compressed, length) = (word(table + i * 8) as usize, word(table + i * 8 + 4) as usize);
            let frame = zstd::decode_all(&bytes[at..at + compressed]).unwrap();
            assert!(frame == plain[plain_at..plain_at + length], "frame {i}");
            at += compressed;
            plain_at += length;
        }
        assert_eq!((at, plain_at), (table - 8, plain.len()));
    }
}
