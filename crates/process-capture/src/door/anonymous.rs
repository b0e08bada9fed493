//! A core that is kept in memory: no file, so that each page is written once and mapped once.

use std::io;

use memmap2::{Mmap, MmapMut, MmapOptions};

use super::fault::io_point as point;

/// A captured process: the bytes of its core. What the process did not use takes no memory.
#[derive(Debug)]
pub struct CoreBytes(Mmap);

impl AsRef<[u8]> for CoreBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Memory that is written from its beginning to its end, with holes.
#[derive(Debug)]
pub(crate) struct Anonymous {
    map: MmapMut,
    at: usize,
}

impl Anonymous {
    /// Takes room for so many bytes, zeros as yet. It is nothing but addresses until it is written.
    pub(crate) fn new(length: u64) -> io::Result<Self> {
        point("mmap")?;
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        Ok(Self { map: MmapOptions::new().len(length).no_reserve_swap().map_anon()?, at: 0 })
    }

    /// The next bytes, to be filled.
    pub(crate) fn next(&mut self, length: usize) -> io::Result<&mut [u8]> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.map.len());
        let end = end.ok_or_else(|| io::Error::other("the core is longer than was planned"))?;
        Ok(&mut self.map[std::mem::replace(&mut self.at, end)..end])
    }

    /// Leaves out so many, which stay zero.
    pub(crate) fn skip(&mut self, length: u64) -> io::Result<()> {
        self.next(usize::try_from(length).map_err(io::Error::other)?).map(drop)
    }

    /// How many there are.
    pub(crate) fn length(&self) -> u64 {
        self.at as u64
    }

    /// All of them.
    pub(crate) fn whole(self) -> io::Result<CoreBytes> {
        point("mprotect")?;
        self.map.make_read_only().map(CoreBytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_written_is_zero_and_nothing_goes_behind_the_end() {
        let mut memory = Anonymous::new(10_000).unwrap();
        memory.next(3).unwrap().copy_from_slice(&[1, 2, 3]);
        memory.skip(9_996).unwrap();
        memory.next(1).unwrap().fill(7);
        assert!(memory.next(1).is_err() && memory.skip(u64::MAX).is_err());
        assert_eq!(memory.length(), 10_000);
        let bytes = memory.whole().unwrap();
        let bytes = bytes.as_ref();
        assert_eq!((&bytes[..3], bytes[9_999], bytes.len()), (&[1, 2, 3][..], 7, 10_000));
        assert!(bytes[3..9_999].iter().all(|byte| *byte == 0));
    }
}
