//! Numbers in as few bytes as they need, one behind the other: seven bits of each byte, lowest first, the eighth says that
//! more follow (LEB128).

use std::slice;
use std::vec;

/// Bytes that are taken from the system at once, and given back at once.
const CHUNK: usize = 1 << 18;
/// A number of 64 bits has at most so many.
const LONGEST: usize = 10;

/// Numbers that are written.
#[derive(Default)]
pub(super) struct Numbers {
    full: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Numbers {
    #[inline]
    pub(super) fn push(&mut self, value: u64) {
        // No number lies in two chunks.
        if self.last.capacity() - self.last.len() < LONGEST {
            self.begin_chunk();
        }
        if value < 0x80 {
            self.last.push(value as u8);
        } else {
            self.push_long(value);
        }
    }

    fn push_long(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.last.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.last.push(value as u8);
    }

    #[cold]
    fn begin_chunk(&mut self) {
        let full = std::mem::replace(&mut self.last, Vec::with_capacity(CHUNK));
        self.full.push(full);
    }

    /// A number that may be negative, near to zero as a rule.
    #[inline]
    pub(super) fn push_signed(&mut self, value: i64) {
        self.push((value << 1 ^ value >> 63) as u64);
    }

    /// Reads them from the start.
    pub(super) fn iter(&self) -> Reader<&Vec<u8>, impl Iterator<Item = &Vec<u8>>> {
        Reader::new(self.full.iter().chain(slice::from_ref(&self.last)))
    }

    /// The same; memory is given back as it is read.
    pub(super) fn drain(mut self) -> Reader<Vec<u8>, vec::IntoIter<Vec<u8>>> {
        self.full.push(self.last);
        Reader::new(self.full.into_iter())
    }
}

/// Numbers that are read, as many as were written.
pub(super) struct Reader<C, I> {
    chunks: I,
    chunk: Option<C>,
    at: usize,
}

impl<C: AsRef<[u8]>, I: Iterator<Item = C>> Reader<C, I> {
    fn new(chunks: I) -> Self {
        Self { chunks, chunk: None, at: 0 }
    }

    /// The next one; 0 behind the last.
    #[inline]
    pub(super) fn next(&mut self) -> u64 {
        match self.rest().first().copied() {
            Some(byte) if byte < 0x80 => {
                self.at += 1;
                u64::from(byte)
            }
            _ => self.next_long(),
        }
    }

    fn rest(&self) -> &[u8] {
        self.chunk.as_ref().and_then(|chunk| chunk.as_ref().get(self.at..)).unwrap_or_default()
    }

    fn next_long(&mut self) -> u64 {
        while self.rest().is_empty() {
            self.chunk = self.chunks.next();
            self.at = 0;
            if self.chunk.is_none() {
                return 0;
            }
        }
        let mut value = 0;
        for (byte, shift) in self.rest().iter().zip((0..64).step_by(7)) {
            value |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                self.at += shift / 7 + 1;
                break;
            }
        }
        value
    }

    #[inline]
    pub(super) fn next_signed(&mut self) -> i64 {
        let value = self.next();
        (value >> 1) as i64 ^ -((value & 1) as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_read<C: AsRef<[u8]>>(mut read: Reader<C, impl Iterator<Item = C>>, values: &[u64]) {
        assert!(values.iter().all(|value| read.next() == *value && read.next_signed() == *value as i64));
        assert_eq!(read.next(), 0);
    }

    #[test]
    fn what_is_written_is_read() {
        let powers = (0..64).map(|bits| 1u64 << bits);
        let values: Vec<u64> = powers
            .flat_map(|power| [power - 1, power, power + 1])
            .chain([u64::MAX])
            .cycle()
            .take(CHUNK)
            .collect();
        let mut numbers = Numbers::default();
        for value in &values {
            numbers.push(*value);
            numbers.push_signed(*value as i64);
        }
        are_read(numbers.iter(), &values);
        are_read(numbers.drain(), &values);
    }
}
