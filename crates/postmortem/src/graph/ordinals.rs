//! The numbers of nodes: live objects in the order of their pages and addresses.

use crate::Heap;
use crate::heap::Liveness;

/// Numbers by address.
pub(super) struct Ordinals {
    pages: Vec<PageGroups>,
    /// The words of all pages in groups of 64.
    groups: Vec<Group>,
    /// Behind the last one.
    end: u32,
}

/// Where the groups of a page are: little, as every reference is looked up here.
#[derive(Clone, Copy)]
struct PageGroups {
    /// Address of the first word.
    start: u64,
    first: u32,
    count: u32,
}

/// 64 words of a page.
#[derive(Clone, Copy)]
struct Group {
    /// A bit for each word at which a live object begins.
    live: u64,
    /// The number of the first of them.
    first: u32,
}

impl Ordinals {
    /// The first object gets the number `first`.
    pub(super) fn new(heap: &Heap<'_>, live: &Liveness, first: u32) -> Self {
        let mut ordinals = Self { pages: Vec::new(), groups: Vec::new(), end: first };
        for (page, content) in heap.pages.iter().enumerate() {
            let before = ordinals.groups.len();
            for live in live.words(page) {
                ordinals.groups.push(Group { live: *live, first: ordinals.end });
                ordinals.end = ordinals.end.saturating_add(live.count_ones());
            }
            let count = (ordinals.groups.len() - before) as u32;
            ordinals.pages.push(PageGroups { start: content.start, first: before as u32, count });
        }
        ordinals
    }

    /// The number behind the last object's.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// Of a live object.
    pub(super) fn get(&self, heap: &Heap<'_>, object: u64) -> Option<u32> {
        let PageGroups { start, first, count } = *self.pages.get(heap.page_at(object)?)?;
        let word = object.checked_sub(start)? / 8;
        let Group { live, first } =
            *self.groups.get(first as usize..)?.get(..count as usize)?.get((word / 64) as usize)?;
        let bit = 1 << (word % 64);
        (live & bit != 0).then(|| first + (live & (bit - 1)).count_ones())
    }
}
