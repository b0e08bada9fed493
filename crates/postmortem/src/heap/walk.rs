//! The linear walk: objects lie one behind the other on a page, each as long as its map says.

use serde::{Deserialize, Serialize};

use super::Heap;
use super::bitmap::Bitmap;
use super::kind::SizeRule;
use super::map_info::MapInfo;
use super::size::{Object, map_word, size_of};
use super::words::untag;

/// What a walk met.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WalkReport {
    /// Pages.
    pub page_count: u64,
    /// Objects, without fillers and free space.
    pub object_count: u64,
    /// Their bytes.
    pub object_size: u64,
    /// Bytes of fillers, free space and allocation buffers.
    pub free_size: u64,
    /// Objects whose end was found only by the start of the next one.
    pub resynced_count: u64,
    /// Times that the walk lost its way: bytes that are no object and not zero.
    pub lost_count: u64,
    /// Such bytes.
    pub lost_size: u64,
    /// Bytes of pages that the memory does not have.
    pub missing_size: u64,
}

/// Where a page's objects are, and what was met.
#[derive(Debug)]
pub(super) struct PageWalk {
    pub(super) starts: Bitmap,
    report: WalkReport,
}

impl Heap<'_> {
    /// What the walk met on all pages; those that were not needed yet are walked now.
    pub fn report(&self) -> WalkReport {
        let mut sum = WalkReport { page_count: self.pages.len() as u64, ..WalkReport::default() };
        for (index, page) in self.pages.iter().enumerate() {
            sum.missing_size += page.missing;
            let report = &self.walked(index).report;
            sum.object_count += report.object_count;
            sum.object_size += report.object_size;
            sum.free_size += report.free_size;
            sum.resynced_count += report.resynced_count;
            sum.lost_count += report.lost_count;
            sum.lost_size += report.lost_size;
        }
        sum
    }

    /// A page's objects: it is walked when it is first asked for.
    pub(super) fn walked(&self, index: usize) -> &PageWalk {
        self.walks[index].get_or_init(|| self.walk_page(index))
    }

    fn walk_page(&self, index: usize) -> PageWalk {
        let page = &self.pages[index];
        let bits = if page.large { 1 } else { page.bytes.len() / 8 };
        let mut walk = PageWalk { starts: Bitmap::new(bits), report: WalkReport::default() };
        let buffers: Vec<_> =
            self.isolate.buffers_in(page.start..page.start + page.bytes.len() as u64).collect();
        let mut offset = 0;
        let mut lost = false;
        while let Some(word) = page.word(offset) {
            let address = page.start + offset as u64;
            if let Some(buffer) = buffers.iter().find(|buffer| buffer.start == address) {
                walk.report.free_size += buffer.end - address;
                offset += (buffer.end - address) as usize;
                lost = false;
                continue;
            }
            let end = buffers.iter().map(|buffer| buffer.start).filter(|start| *start > address).min();
            let end = end.map_or(page.bytes.len(), |end| (end - page.start) as usize);
            let Some((map, size)) = self.map_at_word(word).and_then(|map| {
                let size = self.size_within(&map, offset, &page.bytes[..end], &mut walk.report)?;
                Some((map, size))
            }) else {
                if word == 0 {
                    walk.report.free_size += if page.has(offset) { 8 } else { 0 };
                } else {
                    walk.report.lost_size += 8;
                    walk.report.lost_count += u64::from(!lost);
                    lost = true;
                }
                offset += 8;
                continue;
            };
            lost = false;
            if self.is_free(&map) {
                walk.report.free_size += size;
            } else {
                walk.starts.set(offset / 8);
                walk.report.object_count += 1;
                walk.report.object_size += size;
            }
            if page.large {
                break;
            }
            offset += size as usize;
        }
        walk
    }

    /// The size of the object at an offset, which ends within `bytes`. `None` if that cannot be.
    fn size_within(
        &self,
        map: &MapInfo,
        offset: usize,
        bytes: &[u8],
        report: &mut WalkReport,
    ) -> Option<u64> {
        let rest = &bytes[offset..];
        let size = size_of(map, &Object { bytes: rest }, self.layout, |code| self.code_sizes(untag(code)));
        let fits = |size: u64| size >= 8 && size.is_multiple_of(8) && size <= rest.len() as u64;
        match size.filter(|size| fits(*size)) {
            Some(size) if map.rule != SizeRule::ScopeInfo => Some(size),
            least => {
                let least = least.unwrap_or(8) as usize;
                let next = self.next_map_word(rest, least);
                report.resynced_count += u64::from(next != least || map.rule != SizeRule::ScopeInfo);
                fits(next as u64).then_some(next as u64)
            }
        }
    }

    /// The offset of the next word that names a map, from `from` on. More than two zeros, and zeros before the end,
    /// belong to nobody (a scope may end with its position, twice zero).
    fn next_map_word(&self, rest: &[u8], from: usize) -> usize {
        let mut at = from;
        let mut behind_last = from;
        while let Some(bytes) = rest.get(at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*bytes);
            if self.map_at_word(word).is_some() {
                return if at - behind_last <= 16 { at } else { behind_last };
            }
            at += 8;
            if word != 0 {
                behind_last = at;
            }
        }
        behind_last
    }

    fn is_free(&self, map: &MapInfo) -> bool {
        map.kind == self.layout.types.filler || map.kind == self.layout.types.free_space
    }

    /// The sizes of instructions and of their metadata, of versions whose instruction streams do not say them.
    fn code_sizes(&self, code: u64) -> Option<(u64, u64)> {
        let fields = &self.layout.fields;
        let bytes = self.rest_of_page(code)?;
        let object = Object { bytes };
        Some((object.half(fields.code_instruction_size)?, object.half(fields.code_metadata_size?)?))
    }

    /// The size in bytes of an object that the walk found.
    pub fn size_of(&self, object: u64) -> Option<u64> {
        let map = self.map_of(object)?;
        self.size_with(object, &map)
    }

    /// The same, for an object of that map.
    pub(crate) fn size_with(&self, object: u64, map: &MapInfo) -> Option<u64> {
        if map.instance_size != 0 {
            return Some(map.instance_size);
        }
        let (page, offset) = self.locate(object)?;
        self.size_at(page, offset, map)
    }

    /// The same, for an object at an offset into a page's area.
    pub(crate) fn size_at(&self, page: usize, offset: usize, map: &MapInfo) -> Option<u64> {
        if map.instance_size != 0 {
            return Some(map.instance_size);
        }
        let (index, page) = (page, &self.pages[page]);
        debug_assert_eq!(page.word(offset), Some(map_word(map)));
        let end = match self.areas[index].has_buffers {
            true => {
                let object = page.start + offset as u64;
                let buffers = self.isolate.buffers_in(object..page.start + page.bytes.len() as u64);
                let next = buffers.map(|buffer| buffer.start).filter(|start| *start > object).min();
                next.map_or(page.bytes.len(), |next| (next - page.start) as usize)
            }
            false => page.bytes.len(),
        };
        self.size_within(map, offset, &page.bytes[..end], &mut WalkReport::default())
    }
}
