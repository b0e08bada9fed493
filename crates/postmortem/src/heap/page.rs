//! V8's pages: 256 KiB of memory each (more for one large object), at addresses that are multiples of that.

use std::borrow::Cow;
use std::ops::Range;

use process_memory::{GapKind, ProcessMemory, ReadExt};

use crate::layout::Layout;

/// Every page starts at a multiple of this.
pub(crate) const PAGE: u64 = 1 << 18;
/// No heap of Node is larger, so that a page whose size lies costs nothing.
const LARGEST: u64 = 1 << 36;
/// Pages in the half of new space that is in use.
const TO_SPACE: u64 = 0x10;
/// Pages in the half that was left.
const FROM_SPACE: u64 = 0x8;

/// What a page's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageHeader {
    /// Where the page starts.
    pub base: u64,
    /// Where its header is, if apart; else the page's own start.
    pub header: u64,
    /// V8's flags.
    pub flags: u64,
    /// The heap that it belongs to; 0 for read-only pages, which all isolates share.
    pub heap: u64,
    /// The space that it belongs to, as V8 numbers them; `None` for read-only pages.
    pub space: Option<u8>,
    /// Where its objects are.
    pub area: Range<u64>,
    /// The header of the next page of its space.
    pub next: u64,
}

impl PageHeader {
    /// Reads the header of a page at `base`; `None` if there is no page.
    pub(crate) fn read(memory: &dyn ProcessMemory, layout: &Layout, base: u64) -> Option<Self> {
        let fields = &layout.fields;
        let at = |from: u64, offset: u64| memory.u64_at(from.wrapping_add(offset)).ok();
        let split = fields.page_is_split == 1;
        let header = match (split, fields.page_self) {
            (true, Some(own)) => at(base, own).filter(|header| *header != 0 && header % 8 == 0)?,
            (false, Some(own)) if at(base, own)? != base => return None,
            _ => base,
        };
        let (start, end) = (at(header, fields.page_area_start)?, at(header, fields.page_area_end)?);
        let heap = at(header, fields.page_heap)?;
        let length = end.checked_sub(start)?;
        let into = start.checked_sub(base)?;
        let sane = into > 0 && into < PAGE && length <= LARGEST && start % 8 == 0 && end % 8 == 0;
        // Without a pointer of its own a page of older versions is told by its size and its heap.
        let sized = fields.page_self.is_some() || end.checked_sub(base)? <= at(base, fields.page_size)?;
        // Headers apart name their page, but those of read-only pages do not.
        let named = !split || heap == 0 || at(header, 8)? == base;
        // A read-only page has nothing but its own bounds to tell it by.
        // Node 23's have their header in front of their objects.
        let inside = split && header == base + 16;
        let bounded = heap != 0 || (end.checked_sub(base)? <= PAGE && (!split || inside || into <= 64));
        if !sane || !sized || !named || !bounded || heap % 8 != 0 || length == 0 {
            return None;
        }
        let space = match heap {
            0 => None,
            _ => Some(space_of(memory, layout, at(header, fields.page_owner)?, heap)?),
        };
        let flags = at(if split { base } else { header }, fields.page_flags)?;
        let next = at(header, fields.page_next).unwrap_or(0);
        Some(Self { base, header, flags, heap, space, area: start..end, next })
    }

    /// Whether it holds one large object.
    pub fn is_large(&self, layout: &Layout) -> bool {
        let large = layout.fields.space_first_large..=layout.fields.space_last_large;
        self.space.is_some_and(|space| large.contains(&u64::from(space)))
    }

    /// Whether it belongs to new space (large new objects do not).
    pub(crate) fn is_new(&self, layout: &Layout) -> bool {
        self.space.is_some_and(|space| u64::from(space) == layout.fields.space_new)
    }

    /// Whether it is a page of new space that holds nothing of value: objects were moved away from it.
    pub(crate) fn is_left_over(&self, layout: &Layout) -> bool {
        self.is_new(layout) && self.flags & FROM_SPACE != 0 && self.flags & TO_SPACE == 0
    }
}

/// The number of a space whose object names the same heap.
fn space_of(memory: &dyn ProcessMemory, layout: &Layout, owner: u64, heap: u64) -> Option<u8> {
    if owner == 0 || !owner.is_multiple_of(8) || memory.u64_at(owner.wrapping_add(8)).ok()? != heap {
        return None;
    }
    Some(memory.u64_at(owner.wrapping_add(layout.fields.space_id)).ok()? as u8)
}

/// The headers of all pages in a process's memory.
pub fn find_pages(memory: &dyn ProcessMemory, layout: &Layout) -> Vec<PageHeader> {
    let mut pages = Vec::new();
    let mut next = 0;
    for mapping in memory.mappings() {
        if mapping.file.is_some() || !mapping.permissions.read {
            continue;
        }
        let first = mapping.range.start.max(next).checked_next_multiple_of(PAGE);
        let Some(mut base) = first else { break };
        while base < mapping.range.end {
            match PageHeader::read(memory, layout, base) {
                Some(page) => {
                    next = page.area.end.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX);
                    pages.push(page);
                    // Nothing inside a page is taken for another one.
                    base = next.max(base.saturating_add(PAGE));
                }
                // All of this mapping was left out or cut off, however long it says that it is.
                None if is_gap(memory, base) => break,
                None => match base.checked_add(PAGE) {
                    Some(following) => base = following,
                    None => break,
                },
            }
        }
    }
    pages
}

fn is_gap(memory: &dyn ProcessMemory, address: u64) -> bool {
    memory.u64_at(address).is_err_and(|gap| matches!(gap.kind, GapKind::Absent | GapKind::Unreadable))
}

/// A page with its objects' bytes.
#[derive(Debug)]
pub struct Page<'m> {
    /// Its header.
    pub header: PageHeader,
    /// Address of the first byte.
    pub start: u64,
    /// The bytes of its area, as far as the memory has them; zeros in the gaps.
    pub bytes: Cow<'m, [u8]>,
    /// Whether it holds one large object.
    pub large: bool,
    /// Bytes of its area that the memory has not.
    pub missing: u64,
    /// Where in its bytes they are; what is behind its bytes is missing too.
    gaps: Vec<Range<usize>>,
}

/// Gaps are found in steps of this: smaller than any page of a processor.
const STEP: u64 = 4096;

impl<'m> Page<'m> {
    pub(crate) fn new(memory: &'m dyn ProcessMemory, layout: &Layout, header: PageHeader) -> Self {
        let (start, length) = (header.area.start, header.area.end - header.area.start);
        let large = header.is_large(layout);
        let mut gaps = Vec::new();
        let bytes = match memory.borrow_at(start, length as usize) {
            Some(bytes) => Cow::Borrowed(bytes),
            None => Cow::Owned(match memory.bytes_at(start, length) {
                Ok(bytes) => bytes,
                Err(_) if length <= PAGE => with_gaps(memory, start, length, &mut gaps),
                // A large object whose end is missing is read up to there.
                Err(gap) => {
                    let there = gap.address.saturating_sub(start) & !7;
                    memory.bytes_at(start, there.min(length)).unwrap_or_default()
                }
            }),
        };
        let missing = length - bytes.len() as u64 + gaps.iter().map(|gap| gap.len() as u64).sum::<u64>();
        Self { header, start, bytes, large, missing, gaps }
    }

    /// Whether it is of the read-only space, which all isolates share.
    pub(crate) fn is_shared(&self) -> bool {
        self.header.heap == 0
    }

    /// The word at an offset into the area; zero in a gap.
    pub(crate) fn word(&self, offset: usize) -> Option<u64> {
        let bytes = self.bytes.get(offset..)?;
        bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    /// Whether the memory has the byte at an offset.
    pub(crate) fn has(&self, offset: usize) -> bool {
        self.gaps.is_empty() || !self.gaps.iter().any(|gap| gap.contains(&offset))
    }
}

/// The bytes of a page of which parts are missing.
fn with_gaps(memory: &dyn ProcessMemory, start: u64, length: u64, gaps: &mut Vec<Range<usize>>) -> Vec<u8> {
    let mut bytes = vec![0; length as usize];
    let mut offset = 0;
    while offset < length {
        let end = ((start + offset) / STEP * STEP + STEP - start).min(length);
        let part = offset as usize..end as usize;
        if memory.read_at(start + offset, &mut bytes[part.clone()]).is_err() {
            bytes[part.clone()].fill(0);
            match gaps.last_mut() {
                Some(last) if last.end == part.start => last.end = part.end,
                _ => gaps.push(part),
            }
        }
        offset = end;
    }
    bytes
}
