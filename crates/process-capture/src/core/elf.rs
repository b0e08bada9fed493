//! The headers of a core (System V ABI, "Object Files"; elf(5)).

use std::ops::Range;

use crate::{arch, core::segments::Segment, door::PAGE};

const HEADER: u64 = 64;
const PROGRAM_HEADER: u64 = 56;
const SECTION_HEADER: u64 = 64;
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
/// `PN_XNUM`: the number of program headers does not fit and is in the first section header.
const TOO_MANY: usize = 0xffff;
/// Names of sections: none, the bundled executable, the names.
const NAMES: &[u8] = b"\0.heapdowse.exe\0.shstrtab\0";

/// Where everything is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// All headers, the section names and the notes; padded to a page.
    pub(crate) head: Vec<u8>,
    /// Where the notes of our own lie, behind all memory: they are written last.
    pub(crate) own_notes: Range<u64>,
    /// Where the executable lies, if it is bundled.
    pub(crate) executable: Option<Range<u64>>,
    /// The length of the file.
    pub(crate) length: u64,
}

/// Lays out a core with these notes, segments, so many bytes of own notes, and so many of an executable.
pub(crate) fn layout(notes: &[u8], segments: &[Segment], own_notes: u64, executable: Option<u64>) -> Layout {
    let count = segments.len() + 2;
    let extended = count >= TOO_MANY;
    let sections: u64 = match (executable, extended) {
        (Some(_), _) => 3,
        (None, true) => 1,
        (None, false) => 0,
    };
    let sections_at = HEADER + PROGRAM_HEADER * count as u64;
    let names_at = sections_at + SECTION_HEADER * sections;
    let notes_at = (names_at + NAMES.len() as u64).next_multiple_of(8);
    let memory_at = (notes_at + notes.len() as u64).next_multiple_of(PAGE);
    let own_at = memory_at + segments.iter().map(|segment| segment.file_size).sum::<u64>();
    let own_notes = own_at..own_at + own_notes;
    let executable = executable.map(|length| {
        let at = own_notes.end.next_multiple_of(PAGE);
        at..at + length
    });
    let length = executable.as_ref().map_or(own_notes.end, |executable| executable.end);

    let mut head = Vec::with_capacity(memory_at as usize);
    let sections_offset = if sections > 0 { sections_at } else { 0 };
    file_header(&mut head, count, sections_offset, sections as u16);
    program_header(&mut head, PT_NOTE, 0, notes_at, 0, notes.len() as u64, 0, 4);
    let mut at = memory_at;
    for segment in segments {
        let p = segment.permissions;
        let flags = u32::from(p.read) << 2 | u32::from(p.write) << 1 | u32::from(p.execute);
        let length = segment.range.end - segment.range.start;
        program_header(&mut head, PT_LOAD, flags, at, segment.range.start, segment.file_size, length, PAGE);
        at += segment.file_size;
    }
    let own_length = own_notes.end - own_notes.start;
    program_header(&mut head, PT_NOTE, 0, own_notes.start, 0, own_length, 0, 4);
    if sections > 0 {
        let first = if extended { count as u32 } else { 0 };
        section_header(&mut head, 0, 0, 0..0, first);
    }
    if let Some(executable) = &executable {
        section_header(&mut head, 1, 1, executable.clone(), 0);
        section_header(&mut head, 16, 3, names_at..names_at + NAMES.len() as u64, 0);
    }
    head.extend_from_slice(NAMES);
    head.resize(notes_at as usize, 0);
    head.extend_from_slice(notes);
    head.resize(memory_at as usize, 0);
    Layout { head, own_notes, executable, length }
}

fn file_header(head: &mut Vec<u8>, count: usize, sections_at: u64, sections: u16) {
    head.extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    half(head, 4);
    half(head, arch::MACHINE);
    word(head, 1);
    long(head, 0);
    long(head, HEADER);
    long(head, sections_at);
    word(head, 0);
    half(head, HEADER as u16);
    half(head, PROGRAM_HEADER as u16);
    half(head, count.min(TOO_MANY) as u16);
    half(head, if sections > 0 { SECTION_HEADER as u16 } else { 0 });
    half(head, sections);
    // The names are the last section, where there are any.
    half(head, if sections == 3 { 2 } else { 0 });
}

#[expect(clippy::too_many_arguments, reason = "they are the fields, in their order")]
fn program_header(
    head: &mut Vec<u8>,
    kind: u32,
    flags: u32,
    offset: u64,
    address: u64,
    file_size: u64,
    memory_size: u64,
    alignment: u64,
) {
    word(head, kind);
    word(head, flags);
    for value in [offset, address, 0, file_size, memory_size, alignment] {
        long(head, value);
    }
}

fn section_header(head: &mut Vec<u8>, name: u32, kind: u32, range: Range<u64>, info: u32) {
    word(head, name);
    word(head, kind);
    for value in [0, 0, range.start, range.end - range.start] {
        long(head, value);
    }
    word(head, 0);
    word(head, info);
    long(head, 1);
    long(head, 0);
}

fn half(head: &mut Vec<u8>, value: u16) {
    head.extend_from_slice(&value.to_le_bytes());
}

fn word(head: &mut Vec<u8>, value: u32) {
    head.extend_from_slice(&value.to_le_bytes());
}

fn long(head: &mut Vec<u8>, value: u64) {
    head.extend_from_slice(&value.to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use process_memory::Permissions;

    fn segments(count: u64) -> Vec<Segment> {
        let segment = |i: u64| Segment {
            range: i * 0x3000..i * 0x3000 + 0x2000,
            permissions: Permissions { read: true, ..Permissions::default() },
            file_size: if i.is_multiple_of(2) { 0x1000 } else { 0 },
            runs: Vec::new(),
            skipped: None,
        };
        (1..=count).map(segment).collect()
    }

    /// What binutils read.
    fn readelf(layout: &Layout) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &layout.head).unwrap();
        file.as_file().set_len(layout.length).unwrap();
        let output = std::process::Command::new("readelf").arg("-hlSW").arg(file.path()).output().unwrap();
        let problems = String::from_utf8_lossy(&output.stderr).into_owned();
        // The number of segments is in a field that is unused otherwise; readelf knows, and remarks on it.
        let known = |line: &&str| !line.contains("Unexpected value (70002) in info field");
        assert_eq!(problems.lines().find(known), None);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn binutils_agree_with_the_headers() {
        let layout = layout(&[0; 100], &segments(3), 4096, Some(10_000));
        let said = readelf(&layout);
        assert!(said.contains("CORE (Core file)"), "{said}");
        assert_eq!(said.matches("  LOAD  ").count(), 3, "{said}");
        assert_eq!(said.matches("  NOTE  ").count(), 2, "{said}");
        assert!(said.contains(".heapdowse.exe"), "{said}");
        assert_eq!(layout.length, layout.executable.clone().unwrap().end);
    }

    #[test]
    fn more_segments_than_the_header_can_count() {
        let layout = layout(&[0; 100], &segments(70_000), 4096, None);
        let said = readelf(&layout);
        assert!(said.contains("65535 (70002)"), "{}", &said[..2000]);
        assert_eq!(said.matches("  LOAD  ").count(), 70_000);
    }
}
