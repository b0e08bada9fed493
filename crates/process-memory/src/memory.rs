//! The trait that every source of memory implements.

use crate::{AuxiliaryVector, Gap, GapKind, Mapping, Thread};

/// The memory of a process at one moment.
///
/// Reads take `&self` and may come from several threads at once.
pub trait ProcessMemory: Send + Sync {
    /// All mappings, sorted by address, without overlap. A source that knows no mappings of its own (a core without
    /// `NT_FILE`) gives its segments.
    fn mappings(&self) -> &[Mapping];

    /// Fills `buffer` with the bytes from `address` on. A gap names the first byte that is not there; the bytes
    /// before it are in `buffer`, the rest of `buffer` is unspecified.
    fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Gap>;

    /// The same bytes without a copy, if the source holds them in one piece in its own memory. `None` says nothing
    /// about whether they can be read.
    fn borrow_at(&self, address: u64, length: usize) -> Option<&[u8]> {
        let _ = (address, length);
        None
    }

    /// Its threads with their registers; the first is the one that a signal ended, else the main thread. Empty if
    /// the source has none.
    fn threads(&self) -> &[Thread];

    /// The auxiliary vector; empty if the source has none.
    fn auxiliary(&self) -> &AuxiliaryVector;
}

/// Reads of single values, on any source. Words are little-endian, as on the machines that we read.
pub trait ReadExt: ProcessMemory {
    /// The 8 bytes at `address`.
    fn u64_at(&self, address: u64) -> Result<u64, Gap> {
        let mut bytes = [0; 8];
        self.read_at(address, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// The 4 bytes at `address`.
    fn u32_at(&self, address: u64) -> Result<u32, Gap> {
        let mut bytes = [0; 4];
        self.read_at(address, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    /// `length` bytes from `address`. Memory is taken only as bytes are read, so that a length that lies costs
    /// nothing.
    fn bytes_at(&self, address: u64, length: u64) -> Result<Vec<u8>, Gap> {
        const STEP: u64 = 1 << 20;
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let done = bytes.len() as u64;
            let step = (length - done).min(STEP);
            let from = address.checked_add(done).ok_or(Gap { address: u64::MAX, kind: GapKind::Unmapped })?;
            bytes.resize((done + step) as usize, 0);
            self.read_at(from, &mut bytes[done as usize..])?;
        }
        Ok(bytes)
    }

    /// The bytes from `address` up to a zero byte, at most `most` of them.
    fn c_string_at(&self, address: u64, most: usize) -> Result<Vec<u8>, Gap> {
        let mut bytes = Vec::new();
        let mut block = [0; 64];
        while bytes.len() < most {
            let at = address.wrapping_add(bytes.len() as u64);
            let length = block.len().min(most - bytes.len());
            let read = self.read_at(at, &mut block[..length]);
            // What lies behind the string may be missing: only a gap before its end counts.
            let there =
                read.map_or_else(|gap| gap.address.wrapping_sub(at) as usize, |()| length).min(length);
            if let Some(end) = block[..there].iter().position(|byte| *byte == 0) {
                bytes.extend_from_slice(&block[..end]);
                return Ok(bytes);
            }
            read?;
            bytes.extend_from_slice(&block[..length]);
        }
        Ok(bytes)
    }
}

impl<T: ProcessMemory + ?Sized> ReadExt for T {}

#[cfg(test)]
mod tests {
    use super::*;

    /// 100 bytes from 0x1000 on, and nothing else.
    struct Hundred(AuxiliaryVector);

    impl ProcessMemory for Hundred {
        fn mappings(&self) -> &[Mapping] {
            &[]
        }

        fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Gap> {
            for (i, byte) in buffer.iter_mut().enumerate() {
                let at = address + i as u64;
                match at {
                    0x1000..0x1064 => *byte = (at - 0x1000 + 1) as u8 % 90,
                    _ => return Err(Gap { address: at, kind: GapKind::Unmapped }),
                }
            }
            Ok(())
        }

        fn threads(&self) -> &[Thread] {
            &[]
        }

        fn auxiliary(&self) -> &AuxiliaryVector {
            &self.0
        }
    }

    #[test]
    fn values_are_little_endian_and_gaps_name_the_first_missing_byte() {
        let memory = Hundred(AuxiliaryVector::default());
        assert_eq!(memory.u64_at(0x1000), Ok(0x0807_0605_0403_0201));
        assert_eq!(memory.u32_at(0x1001), Ok(0x0504_0302));
        assert_eq!(memory.u64_at(0x1060), Err(Gap { address: 0x1064, kind: GapKind::Unmapped }));
        assert_eq!(memory.bytes_at(0x1000, 100).map(|bytes| bytes.len()), Ok(100));
        assert_eq!(memory.bytes_at(0x1000, 1 << 60), Err(Gap { address: 0x1064, kind: GapKind::Unmapped }));
    }

    #[test]
    fn a_string_ends_at_its_zero_or_at_the_bound() {
        let memory = Hundred(AuxiliaryVector::default());
        assert_eq!(memory.c_string_at(0x1000, 1000).map(|bytes| bytes.len()), Ok(89));
        assert_eq!(memory.c_string_at(0x1000, 10).map(|bytes| bytes.len()), Ok(10));
        assert_eq!(memory.c_string_at(0x105a, 1000), Err(Gap { address: 0x1064, kind: GapKind::Unmapped }));
    }
}
