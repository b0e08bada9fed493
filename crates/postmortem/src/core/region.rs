//! From an address to the bytes behind it: in the core, in a mapped file, or nowhere.

use std::ops::Range;

use process_memory::GapKind;

use super::notes::MappedFile;
use crate::elf::{PT_LOAD, Segment};

/// Where the bytes of a range are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the core, from this offset on.
    Core(u64),
    /// In the mapped file of this number, from this offset on.
    File(usize, u64),
    /// Nowhere, and why.
    Gap(GapKind),
}

/// A range of memory with one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) range: Range<u64>,
    pub(super) place: Place,
}

/// The regions of a core, sorted, without overlap: what its segments hold, then what the mapped files hold of the
/// rest. `length` is the core's own length: what lies behind its end was cut off.
pub(super) fn regions(segments: &[Segment], files: &[MappedFile], length: u64) -> Vec<Region> {
    let mut loads: Vec<&Segment> =
        segments.iter().filter(|segment| segment.kind == PT_LOAD && segment.memory_size > 0).collect();
    loads.sort_by_key(|segment| segment.address);
    let mut regions = Vec::new();
    let mut at = 0;
    for segment in loads {
        let end = segment.address.saturating_add(segment.memory_size.max(segment.file_size));
        if segment.address < at || end <= segment.address {
            // Two segments that overlap: the first one holds.
            continue;
        }
        fill(&mut regions, at..segment.address, files, segment_free);
        at = end;
        let in_core = segment.file_size.min(length.saturating_sub(segment.offset));
        let dumped = segment.address.saturating_add(segment.file_size);
        let kept = segment.address.saturating_add(in_core);
        push(&mut regions, segment.address..kept, Place::Core(segment.offset));
        push(&mut regions, kept..dumped, Place::Gap(GapKind::Unreadable));
        // A private page that was written to is no longer the file's: only read-only memory is taken from files.
        let writable = segment.flags & 2 != 0;
        if writable {
            push(&mut regions, dumped..end, Place::Gap(GapKind::Absent));
        } else {
            fill(&mut regions, dumped..end, files, segment_rest);
        }
    }
    fill(&mut regions, at..u64::MAX, files, segment_free);
    regions
}

/// What a range without a file is: outside of all segments nothing is known to be mapped.
fn segment_free(_: Range<u64>) -> Option<Place> {
    None
}

/// Inside a segment the process had memory.
fn segment_rest(_: Range<u64>) -> Option<Place> {
    Some(Place::Gap(GapKind::Absent))
}

fn push(regions: &mut Vec<Region>, range: Range<u64>, place: Place) {
    if range.start < range.end {
        regions.push(Region { range, place });
    }
}

/// Fills a range that the core does not hold from the mapped files.
fn fill(
    regions: &mut Vec<Region>,
    range: Range<u64>,
    files: &[MappedFile],
    otherwise: fn(Range<u64>) -> Option<Place>,
) {
    let mut at = range.start;
    let first = files.partition_point(|file| file.range.end <= range.start);
    for (i, file) in files.iter().enumerate().skip(first) {
        if file.range.start >= range.end || at >= range.end {
            break;
        }
        let start = file.range.start.max(at);
        let end = file.range.end.min(range.end);
        if start >= end {
            continue;
        }
        if let Some(place) = otherwise(at..start) {
            push(regions, at..start, place);
        }
        push(regions, start..end, Place::File(i, file.offset.wrapping_add(start - file.range.start)));
        at = end;
    }
    if let Some(place) = otherwise(at..range.end) {
        push(regions, at..range.end, place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(address: u64, offset: u64, file_size: u64, memory_size: u64, flags: u32) -> Segment {
        Segment { kind: PT_LOAD, flags, offset, address, file_size, memory_size, alignment: 4096 }
    }

    #[test]
    fn what_was_not_dumped_comes_from_files_and_what_was_cut_off_does_not() {
        let files = [MappedFile { range: 0x1000..0x6000, offset: 0x10000, path: String::new() }];
        let segments = [load(0x1000, 0x100, 0x1000, 0x3000, 5), load(0x8000, 0x1100, 0x2000, 0x2000, 6)];
        let found = regions(&segments, &files, 0x2000);
        let expected = [
            (0x1000..0x2000, Place::Core(0x100)),
            (0x2000..0x4000, Place::File(0, 0x11000)),
            // No segment, but the note of mapped files knows it: gdb leaves such memory out altogether.
            (0x4000..0x6000, Place::File(0, 0x13000)),
            (0x8000..0x8f00, Place::Core(0x1100)),
            (0x8f00..0xa000, Place::Gap(GapKind::Unreadable)),
        ];
        let expected = expected.map(|(range, place)| Region { range, place });
        assert_eq!(found, expected);
    }

    #[test]
    fn writable_memory_that_was_not_dumped_is_absent_and_overlaps_are_dropped() {
        let files = [MappedFile { range: 0x1000..0x3000, offset: 0, path: String::new() }];
        let segments = [load(0x1000, 0, 0, 0x2000, 6), load(0x2000, 0, 0x10, u64::MAX, 6)];
        let found = regions(&segments, &files, 0x2000);
        assert_eq!(found, [Region { range: 0x1000..0x3000, place: Place::Gap(GapKind::Absent) }]);
    }
}
