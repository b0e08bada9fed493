//! The build id: which build of a program or library a mapping holds.

use std::fmt;

use thiserror::Error;

use crate::{Gap, ProcessMemory, ReadExt};

/// The bytes of an `NT_GNU_BUILD_ID` note, usually 20.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BuildId(pub Vec<u8>);

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BuildId({self})")
    }
}

/// Why no build id was found.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BuildIdError {
    /// The image's first bytes or its notes are not there.
    #[error(transparent)]
    Gap(#[from] Gap),
    /// What lies there is no 64-bit little-endian ELF image.
    #[error("no ELF image at {0:#x}")]
    NotElf(u64),
    /// The image has no build id.
    #[error("the ELF image at {0:#x} has no build id")]
    None(u64),
}

const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
const NT_GNU_BUILD_ID: u32 = 3;
/// A note segment longer than this is not one (node's own is under a kilobyte).
const LONGEST_NOTES: u64 = 1 << 20;

/// The build id of the ELF image whose header is mapped at `base`. Read through the program headers, as the loader
/// does (System V ABI, "Program Header"; notes: "Note Section").
pub fn build_id_at(memory: &dyn ProcessMemory, base: u64) -> Result<BuildId, BuildIdError> {
    let mut header = [0; 64];
    memory.read_at(base, &mut header)?;
    // 64-bit, little-endian.
    if header[..6] != *b"\x7fELF\x02\x01" {
        return Err(BuildIdError::NotElf(base));
    }
    let at =
        |offset: usize| u64::from_le_bytes(header[offset..offset + 8].try_into().expect("8 bytes of 64"));
    let half = |offset: usize| u64::from(u16::from_le_bytes([header[offset], header[offset + 1]]));
    let (table, size, count) = (at(32), half(54), half(56));
    if size < 56 {
        return Err(BuildIdError::NotElf(base));
    }
    let mut notes = Vec::new();
    // What must be added to the addresses of the headers; the first segment's is the header's own place.
    let mut bias = None;
    for i in 0..count {
        let entry = base.wrapping_add(table).wrapping_add(i * size);
        let kind = memory.u32_at(entry)?;
        let (address, length) =
            (memory.u64_at(entry.wrapping_add(16))?, memory.u64_at(entry.wrapping_add(32))?);
        match kind {
            PT_LOAD if bias.is_none() && memory.u64_at(entry.wrapping_add(8))? == 0 => {
                bias = Some(base.wrapping_sub(address));
            }
            PT_NOTE => notes.push((address, length.min(LONGEST_NOTES))),
            _ => {}
        }
    }
    let bias = bias.ok_or(BuildIdError::NotElf(base))?;
    for (address, length) in notes {
        let bytes = memory.bytes_at(bias.wrapping_add(address), length)?;
        if let Some(id) = build_id_in_notes(&bytes) {
            return Ok(id);
        }
    }
    Err(BuildIdError::None(base))
}

/// The build id among the notes of a `PT_NOTE` segment or a `.note` section.
pub fn build_id_in_notes(mut bytes: &[u8]) -> Option<BuildId> {
    // Name and description are each padded to 4 bytes.
    let padded = |length: u32| (length as usize).checked_next_multiple_of(4);
    while let Some((head, rest)) = bytes.split_first_chunk::<12>() {
        let (words, _) = head.as_chunks::<4>();
        let [name_length, length, kind] = [words[0], words[1], words[2]].map(u32::from_le_bytes);
        let name = rest.get(..name_length as usize)?;
        let rest = rest.get(padded(name_length)?..)?;
        let description = rest.get(..length as usize)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return Some(BuildId(description.to_vec()));
        }
        bytes = rest.get(padded(length)?..).unwrap_or_default();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AuxiliaryVector, GapKind, Mapping, Thread};

    fn note(name: &[u8], kind: u32, description: &[u8]) -> Vec<u8> {
        let mut bytes = [name.len() as u32, description.len() as u32, kind].map(u32::to_le_bytes).concat();
        for part in [name, description] {
            bytes.extend_from_slice(part);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    }

    /// An image that starts at 0x5000 and whose headers say 0x1000: loaded with a bias of 0x4000.
    struct Image(Vec<u8>, AuxiliaryVector);

    impl ProcessMemory for Image {
        fn mappings(&self) -> &[Mapping] {
            &[]
        }

        fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Gap> {
            for (i, byte) in buffer.iter_mut().enumerate() {
                let at = address.wrapping_add(i as u64);
                let offset = at.wrapping_sub(0x5000);
                *byte = *self.0.get(offset as usize).ok_or(Gap { address: at, kind: GapKind::Unmapped })?;
            }
            Ok(())
        }

        fn threads(&self) -> &[Thread] {
            &[]
        }

        fn auxiliary(&self) -> &AuxiliaryVector {
            &self.1
        }
    }

    fn image(notes: &[u8]) -> Image {
        let mut bytes = vec![0; 0x200];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&2u16.to_le_bytes());
        let mut segment = |index: usize, kind: u32, offset: u64, address: u64, length: u64| {
            let at = 64 + index * 56;
            bytes[at..at + 4].copy_from_slice(&kind.to_le_bytes());
            for (place, value) in [(8, offset), (16, address), (32, length)] {
                bytes[at + place..at + place + 8].copy_from_slice(&value.to_le_bytes());
            }
        };
        segment(0, PT_LOAD, 0, 0x1000, 0x200);
        segment(1, PT_NOTE, 0x100, 0x1100, notes.len() as u64);
        bytes[0x100..0x100 + notes.len()].copy_from_slice(notes);
        Image(bytes, AuxiliaryVector::default())
    }

    #[test]
    fn the_id_is_found_behind_other_notes_in_an_image_that_was_moved() {
        let notes =
            [note(b"GNU\0", 1, &[0; 16]), note(b"stapsdt\0", 3, &[1; 5]), note(b"GNU\0", 3, &[0xab; 20])]
                .concat();
        let id = build_id_at(&image(&notes), 0x5000).expect("an id");
        assert_eq!(id.to_string(), "ab".repeat(20));
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(
            build_id_at(&image(&note(b"GNU\0", 1, &[0; 16])), 0x5000),
            Err(BuildIdError::None(0x5000))
        );
        assert_eq!(build_id_at(&image(&[]), 0x5010), Err(BuildIdError::NotElf(0x5010)));
        let gap = Gap { address: 0x100, kind: GapKind::Unmapped };
        assert_eq!(build_id_at(&image(&[]), 0x100), Err(BuildIdError::Gap(gap)));
    }

    #[test]
    fn a_note_whose_length_lies_ends_the_search() {
        let mut bytes = note(b"GNU\0", 1, &[0; 16]);
        bytes[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(build_id_in_notes(&bytes), None);
    }
}
