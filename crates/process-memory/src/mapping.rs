//! The mappings of an address space.

use std::ops::Range;

/// What a mapping allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions {
    /// `r`
    pub read: bool,
    /// `w`
    pub write: bool,
    /// `x`
    pub execute: bool,
    /// `s` in `/proc/PID/maps`: writes are seen by others.
    pub shared: bool,
}

/// The file that a mapping was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBacking {
    /// The path as the process itself saw it (in its own mount namespace; a container's path in a container).
    pub path: String,
    /// Where in the file the mapping's first byte lies, bytes.
    pub offset: u64,
}

/// One mapping: a range of addresses with the same rights and the same backing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// Its addresses.
    pub range: Range<u64>,
    /// What it allows.
    pub permissions: Permissions,
    /// The file behind it; `None` for anonymous memory.
    pub file: Option<FileBacking>,
    /// The kernel's name for memory without a file (`[heap]`, `[stack]`, `[vdso]`); empty if it has none, or if the
    /// source does not keep such names (a core file does not).
    pub name: String,
}

impl Mapping {
    /// Length in bytes.
    pub fn length(&self) -> u64 {
        self.range.end - self.range.start
    }
}

/// The mapping that holds `address`. `mappings` are sorted by address and do not overlap.
pub fn mapping_at(mappings: &[Mapping], address: u64) -> Option<&Mapping> {
    let next = mappings.partition_point(|mapping| mapping.range.start <= address);
    mappings[..next].last().filter(|mapping| mapping.range.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_finds_its_mapping_and_only_that() {
        let mapping = |range: Range<u64>| Mapping {
            range,
            permissions: Permissions::default(),
            file: None,
            name: String::new(),
        };
        let all = [mapping(0x1000..0x2000), mapping(0x2000..0x3000), mapping(0x8000..0x9000)];
        let found = |address| mapping_at(&all, address).map(|mapping| mapping.range.start);
        assert_eq!(found(0xfff), None);
        assert_eq!(found(0x1000), Some(0x1000));
        assert_eq!(found(0x1fff), Some(0x1000));
        assert_eq!(found(0x2000), Some(0x2000));
        assert_eq!(found(0x3000), None);
        assert_eq!(found(0x9000), None);
    }
}
