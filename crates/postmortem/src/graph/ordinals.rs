//! The numbers of nodes: live objects in the order of their pages and addresses.

use crate::Heap;
use crate::heap::Liveness;

/// Numbers by address.
pub(super) struct Ordinals<'l> {
    live: &'l Liveness,
    /// Number of the first object of each page.
    first: Vec<u32>,
    /// For each page, how many objects lie before each group of 64 words, counted in the page.
    before: Vec<Vec<u32>>,
    /// Behind the last one.
    end: u32,
}

impl<'l> Ordinals<'l> {
    /// The first object gets the number `first`.
    pub(super) fn new(heap: &Heap<'_>, live: &'l Liveness, first: u32) -> Self {
        let mut ordinals = Self { live, first: Vec::new(), before: Vec::new(), end: first };
        let mut next = first;
        for page in 0..heap.pages.len() {
            ordinals.first.push(next);
            let mut count = 0;
            let before = live.counts(page).map(|ones| {
                let here = count;
                count += ones;
                here
            });
            ordinals.before.push(before.collect());
            next = next.saturating_add(count);
        }
        ordinals.end = next;
        ordinals
    }

    /// The number behind the last object's.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// Of a live object.
    pub(super) fn get(&self, heap: &Heap<'_>, object: u64) -> Option<u32> {
        let (page, offset) = heap.locate(object)?;
        let rank = self.live.rank(page, offset / 8)?;
        Some(self.first[page] + self.before[page].get(offset / 8 / 64)? + rank)
    }
}
