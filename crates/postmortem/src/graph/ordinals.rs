//! The numbers of nodes: live objects in the order of their pages and addresses.

use crate::Heap;
use crate::heap::Liveness;

/// Numbers by address.
pub(super) struct Ordinals {
    /// For each page, its words in groups of 64.
    pages: Vec<Vec<Group>>,
    /// Behind the last one.
    end: u32,
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
        let mut next = first;
        let mut group = |live: u64| {
            let group = Group { live, first: next };
            next = next.saturating_add(live.count_ones());
            group
        };
        let pages = 0..heap.pages.len();
        let pages = pages.map(|page| live.words(page).iter().map(|live| group(*live)).collect()).collect();
        Self { pages, end: next }
    }

    /// The number behind the last object's.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// Of a live object.
    pub(super) fn get(&self, heap: &Heap<'_>, object: u64) -> Option<u32> {
        let (page, offset) = heap.locate(object)?;
        let word = offset / 8;
        let Group { live, first } = *self.pages[page].get(word / 64)?;
        let bit = 1 << (word % 64);
        (live & bit != 0).then(|| first + (live & (bit - 1)).count_ones())
    }
}
