//! The auxiliary vector that the kernel gave the program at its start.

/// Kinds of entries, as `elf.h` numbers them (`AT_*`).
pub mod auxiliary_type {
    /// Address of the program headers of the executable.
    pub const PHDR: u64 = 3;
    /// Number of program headers.
    pub const PHNUM: u64 = 5;
    /// Size of a page, bytes.
    pub const PAGE_SIZE: u64 = 6;
    /// Load address of the dynamic loader.
    pub const BASE: u64 = 7;
    /// Address of the first instruction of the executable.
    pub const ENTRY: u64 = 9;
    /// Address of the vDSO's ELF header.
    pub const SYSINFO_EHDR: u64 = 33;
}

/// The entries in the kernel's order, without the closing `AT_NULL`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuxiliaryVector {
    /// Pairs of kind and value.
    pub entries: Vec<(u64, u64)>,
}

impl AuxiliaryVector {
    /// Reads the bytes of `/proc/PID/auxv` or of an `NT_AUXV` note: pairs of little-endian words, up to `AT_NULL`
    /// or the last whole pair.
    pub fn parse(bytes: &[u8]) -> Self {
        let (pairs, _) = bytes.as_chunks::<16>();
        let entries = pairs
            .iter()
            .map(|pair| {
                let (words, _) = pair.as_chunks::<8>();
                (u64::from_le_bytes(words[0]), u64::from_le_bytes(words[1]))
            })
            .take_while(|(kind, _)| *kind != 0)
            .collect();
        Self { entries }
    }

    /// The value of an entry of this kind.
    pub fn get(&self, kind: u64) -> Option<u64> {
        self.entries.iter().find(|entry| entry.0 == kind).map(|entry| entry.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_at_the_null_entry_or_with_the_bytes() {
        let words = |words: &[u64]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>();
        let whole = AuxiliaryVector::parse(&words(&[3, 0x400040, 6, 4096, 0, 0, 9, 1]));
        assert_eq!(whole.entries, [(3, 0x400040), (6, 4096)]);
        assert_eq!(whole.get(auxiliary_type::PAGE_SIZE), Some(4096));
        assert_eq!(whole.get(auxiliary_type::ENTRY), None);
        assert_eq!(AuxiliaryVector::parse(&words(&[3, 1, 9])[..20]).entries, [(3, 1)]);
    }
}
