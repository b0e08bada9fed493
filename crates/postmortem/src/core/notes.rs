//! The notes of a core: threads, auxiliary vector, mapped files.

use std::ops::Range;

use process_memory::{AuxiliaryVector, Registers, Thread, X86_64Registers};

use crate::elf::{EM_X86_64, four, word};

const NT_PRSTATUS: u32 = 1;
const NT_AUXV: u32 = 6;
const NT_FILE: u32 = 0x4649_4c45;
/// Where `pr_cursig`, `pr_pid` and `pr_reg` lie in x86-64's `struct elf_prstatus`.
const SIGNAL: usize = 12;
const THREAD_ID: usize = 32;
const REGISTERS: usize = 112;

/// A range of memory that came from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedFile {
    /// Its addresses.
    pub range: Range<u64>,
    /// Where in the file it begins, bytes.
    pub offset: u64,
    /// The file as the process saw it.
    pub path: String,
}

/// What the notes say.
#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) threads: Vec<Thread>,
    pub(super) auxiliary: AuxiliaryVector,
    pub(super) files: Vec<MappedFile>,
}

impl Notes {
    /// Reads the notes of one segment; what is broken in them ends the reading.
    pub(super) fn add(&mut self, mut bytes: &[u8], machine: u16) {
        while let Some((head, rest)) = bytes.split_first_chunk::<12>() {
            let (name_length, length, kind) = (four(head, 0), four(head, 4), four(head, 8));
            let padded = |length: u32| (length as usize).next_multiple_of(4);
            // Others number their notes as they like.
            let is_core = rest.get(..name_length as usize).is_some_and(|name| name.starts_with(b"CORE\0"));
            let Some(rest) = rest.get(padded(name_length)..) else { return };
            let Some(body) = rest.get(..length as usize) else { return };
            match kind {
                _ if !is_core => {}
                NT_PRSTATUS if machine == EM_X86_64 => self.threads.extend(thread(body)),
                NT_AUXV => self.auxiliary = AuxiliaryVector::parse(body),
                NT_FILE => self.files = files(body),
                _ => {}
            }
            bytes = rest.get(padded(length)..).unwrap_or_default();
        }
    }
}

fn thread(body: &[u8]) -> Option<Thread> {
    let registers = body.get(REGISTERS..REGISTERS + X86_64Registers::SIZE)?;
    let (words, _) = registers.as_chunks::<8>();
    let mut values = [0; 27];
    for (value, word) in values.iter_mut().zip(words) {
        *value = u64::from_le_bytes(*word);
    }
    Some(Thread {
        id: four(body, THREAD_ID),
        signal: i32::from(i16::from_le_bytes([body[SIGNAL], body[SIGNAL + 1]])),
        registers: Registers::X86_64(X86_64Registers::from_words(&values)),
    })
}

/// Count, page size, then {start, end, offset in pages} each, then as many strings.
fn files(body: &[u8]) -> Vec<MappedFile> {
    if body.len() < 16 {
        return Vec::new();
    }
    let (count, page) = (word(body, 0), word(body, 8));
    let Some(table) = usize::try_from(count).ok().and_then(|count| count.checked_mul(24)) else {
        return Vec::new();
    };
    let Some((entries, names)) = body[16..].split_at_checked(table) else { return Vec::new() };
    let names = names.split(|byte| *byte == 0);
    let entries = entries.chunks_exact(24).zip(names).map(|(entry, name)| MappedFile {
        range: word(entry, 0)..word(entry, 8),
        offset: word(entry, 16).wrapping_mul(page),
        path: String::from_utf8_lossy(name).into_owned(),
    });
    entries.filter(|file| file.range.start < file.range.end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_note(count: u64, names: &[u8]) -> Vec<u8> {
        let mut body: Vec<u8> =
            [count, 4096, 0x1000, 0x3000, 2].iter().flat_map(|w| w.to_le_bytes()).collect();
        body.extend_from_slice(names);
        let mut note = [5, body.len() as u32, NT_FILE].map(u32::to_le_bytes).concat();
        note.extend_from_slice(b"CORE\0\0\0\0");
        note.extend_from_slice(&body);
        note
    }

    #[test]
    fn mapped_files_are_read_with_offsets_in_pages() {
        let mut notes = Notes::default();
        notes.add(&file_note(1, b"/bin/node\0"), EM_X86_64);
        let file = MappedFile { range: 0x1000..0x3000, offset: 8192, path: "/bin/node".to_owned() };
        assert_eq!(notes.files, [file]);
    }

    #[test]
    fn notes_of_others_are_left_alone() {
        let mut note = [10, 400, NT_PRSTATUS].map(u32::to_le_bytes).concat();
        note.extend_from_slice(b"heapdowse\0\0\0");
        note.extend_from_slice(&[b' '; 400]);
        let mut notes = Notes::default();
        notes.add(&note, EM_X86_64);
        assert_eq!(notes.threads, []);
        note.splice(..12, [5, 400, NT_PRSTATUS].map(u32::to_le_bytes).concat());
        note.splice(12..24, *b"CORE\0\0\0\0");
        notes.add(&note, EM_X86_64);
        assert_eq!(notes.threads.len(), 1);
    }

    #[test]
    fn a_count_that_lies_gives_no_files() {
        for count in [2, 1 << 40, u64::MAX] {
            let mut notes = Notes::default();
            notes.add(&file_note(count, b""), EM_X86_64);
            assert_eq!(notes.files, []);
        }
    }
}
