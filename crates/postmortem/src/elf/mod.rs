//! ELF files, 64-bit and little-endian: headers, segments and sections. Executables and cores are read with the
//! same code ("System V Application Binary Interface", chapters 4 and 5).

mod symbols;

use thiserror::Error;

use crate::bytes::{FileBytes, bytes_at};

pub use symbols::{Symbol, symbols, symbols_at};

/// A loadable piece of memory.
pub const PT_LOAD: u32 = 1;
/// Notes.
pub const PT_NOTE: u32 = 4;
/// The image of thread-local variables.
pub const PT_TLS: u32 = 7;
/// The index of the unwind tables (`.eh_frame_hdr`).
pub const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
/// A program that lies where its headers say.
pub const ET_EXEC: u16 = 2;
/// A core file.
pub const ET_CORE: u16 = 4;
/// x86-64.
pub const EM_X86_64: u16 = 62;
/// arm64.
pub const EM_AARCH64: u16 = 183;
/// `e_phnum` of files with more segments than 16 bits count: the number is in the first section's `sh_info`.
const PN_XNUM: u64 = 0xffff;

/// Why a file is no ELF file that we read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ElfError {
    /// Another kind of file.
    #[error("not an ELF file")]
    NotElf,
    /// 32-bit or big-endian.
    #[error("a 32-bit or big-endian ELF file; only 64-bit little-endian ones are read")]
    OtherClass,
    /// The headers are cut off.
    #[error("the file ends inside its ELF headers, at byte {length}")]
    Cut {
        /// Length of the file.
        length: u64,
    },
}

/// A segment (program header).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// `PT_*`.
    pub kind: u32,
    /// Bit 0 execute, bit 1 write, bit 2 read.
    pub flags: u32,
    /// Where its bytes are in the file.
    pub offset: u64,
    /// Where they are in memory.
    pub address: u64,
    /// How many of them are in the file.
    pub file_size: u64,
    /// How many in memory.
    pub memory_size: u64,
    /// Alignment in memory.
    pub alignment: u64,
}

/// A section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Section {
    /// Where its name is in the section of names.
    pub name: u32,
    /// `SHT_*`.
    pub kind: u32,
    /// Where its bytes are in the file.
    pub offset: u64,
    /// How many.
    pub size: u64,
    /// The section that it refers to.
    pub link: u32,
}

/// The headers of an ELF file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elf {
    /// `ET_*`.
    pub kind: u16,
    /// `EM_*`.
    pub machine: u16,
    /// Program headers in file order.
    pub segments: Vec<Segment>,
    /// Sections in file order; empty if they are stripped or cut off.
    pub sections: Vec<Section>,
    /// Which section holds their names.
    pub names: u16,
}

impl Elf {
    /// Reads the headers.
    ///
    /// # Errors
    /// If this is no 64-bit little-endian ELF file, or ends inside its headers.
    pub fn read(file: &dyn FileBytes) -> Result<Self, ElfError> {
        let cut = ElfError::Cut { length: file.length() };
        let head = bytes_at(file, 0, 64).ok_or_else(|| match bytes_at(file, 0, 4) {
            Some(magic) if magic == b"\x7fELF" => cut.clone(),
            _ => ElfError::NotElf,
        })?;
        if head[..4] != *b"\x7fELF" {
            return Err(ElfError::NotElf);
        }
        if head[4..6] != [2, 1] {
            return Err(ElfError::OtherClass);
        }
        let (segment_table, section_table) = (word(&head, 32), word(&head, 40));
        let (segment_size, section_size) = (half(&head, 54), half(&head, 58));
        let mut segment_count = half(&head, 56);
        let first =
            (section_table != 0 && section_size >= 64).then(|| bytes_at(file, section_table, 64)).flatten();
        if segment_count == PN_XNUM {
            let first = first.as_ref().ok_or_else(|| cut.clone())?;
            segment_count = u64::from(four(first, 44));
        }
        // A file with very many sections says their number in the first one's size.
        let section_count = match (half(&head, 60), &first) {
            (0, Some(first)) => word(first, 32),
            (count, _) => count,
        };
        let segments = table(file, segment_table, segment_count, segment_size, 56).ok_or(cut)?;
        let sections = table(file, section_table, section_count, section_size, 64).unwrap_or_default();
        Ok(Self {
            kind: half(&head, 16) as u16,
            machine: half(&head, 18) as u16,
            segments: segments.iter().map(|bytes| segment(bytes)).collect(),
            sections: sections.iter().map(|bytes| section(bytes)).collect(),
            names: half(&head, 62) as u16,
        })
    }

    /// The section of this name.
    pub fn section(&self, file: &dyn FileBytes, name: &[u8]) -> Option<&Section> {
        let names = self.sections.get(usize::from(self.names))?;
        let is_named = |section: &&Section| {
            let at = names.offset.checked_add(u64::from(section.name));
            let found = at.and_then(|at| bytes_at(file, at, name.len() as u64 + 1));
            found.is_some_and(|found| found.strip_suffix(&[0]) == Some(name))
        };
        self.sections.iter().find(is_named)
    }

    /// The offset in the file of an address of the image (before any load bias), and how many bytes follow there.
    pub fn file_offset(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().filter(|segment| segment.kind == PT_LOAD).find_map(|segment| {
            let into = address.checked_sub(segment.address)?;
            (into < segment.file_size).then(|| (segment.offset.wrapping_add(into), segment.file_size - into))
        })
    }
}

fn table(file: &dyn FileBytes, at: u64, count: u64, size: u64, least: u64) -> Option<Vec<Vec<u8>>> {
    if count == 0 {
        return Some(Vec::new());
    }
    if size < least {
        return None;
    }
    let bytes = bytes_at(file, at, count.checked_mul(size)?)?;
    Some(bytes.chunks_exact(size as usize).map(<[u8]>::to_vec).collect())
}

fn segment(bytes: &[u8]) -> Segment {
    Segment {
        kind: four(bytes, 0),
        flags: four(bytes, 4),
        offset: word(bytes, 8),
        address: word(bytes, 16),
        file_size: word(bytes, 32),
        memory_size: word(bytes, 40),
        alignment: word(bytes, 48),
    }
}

fn section(bytes: &[u8]) -> Section {
    Section {
        name: four(bytes, 0),
        kind: four(bytes, 4),
        offset: word(bytes, 24),
        size: word(bytes, 32),
        link: four(bytes, 40),
    }
}

/// The 8 bytes at `offset` of a header that was read whole.
pub(crate) fn word(bytes: &[u8], offset: usize) -> u64 {
    bytes[offset..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// The 4 bytes at `offset`.
pub(crate) fn four(bytes: &[u8], offset: usize) -> u32 {
    bytes[offset..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn half(bytes: &[u8], offset: usize) -> u64 {
    u64::from(u16::from_le_bytes([bytes[offset], bytes[offset + 1]]))
}
