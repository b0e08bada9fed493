//! Which pages hold an isolate's objects.

use process_memory::{ProcessMemory, ReadExt};
use rustc_hash::FxHashMap;

use super::isolate::Isolate;
use super::page::PageHeader;
use super::words::{is_strong, untag};
use crate::layout::Layout;

/// The pages of an isolate and the read-only pages, without those of new space that are not in use.
pub(super) fn of_isolate(
    memory: &dyn ProcessMemory,
    layout: &Layout,
    isolate: &Isolate,
    headers: &[PageHeader],
) -> Vec<PageHeader> {
    let unused = behind_current(layout, isolate, headers);
    let ours = |page: &&PageHeader| match page.heap {
        0 => holds_objects(memory, page),
        heap => heap == isolate.heap && !page.is_left_over(layout) && !unused.contains(&page.base),
    };
    headers.iter().filter(ours).cloned().collect()
}

/// Read-only pages have no owner to tell them by: their first word must name a map.
fn holds_objects(memory: &dyn ProcessMemory, page: &PageHeader) -> bool {
    let map = memory.u64_at(page.area.start).ok().filter(|word| is_strong(*word));
    map.and_then(|map| memory.u64_at(untag(map)).ok()).is_some_and(is_strong)
}

/// The pages of new space behind the one that is being filled: what lies there is from before the last scavenge.
fn behind_current(layout: &Layout, isolate: &Isolate, headers: &[PageHeader]) -> Vec<u64> {
    let new =
        |page: &&PageHeader| page.heap == isolate.heap && page.is_new(layout) && !page.is_left_over(layout);
    let pages: FxHashMap<u64, &PageHeader> =
        headers.iter().filter(new).map(|page| (page.header, page)).collect();
    let holds_buffer = |page: &&&PageHeader| {
        let end = page.area.end;
        isolate.buffers.iter().any(|buffer| page.area.contains(&buffer.start) && buffer.end <= end)
    };
    let Some(current) = pages.values().find(holds_buffer) else { return Vec::new() };
    let mut unused = Vec::new();
    let mut next = current.next;
    while let Some(page) = pages.get(&next) {
        if page.base == current.base || unused.contains(&page.base) {
            break;
        }
        unused.push(page.base);
        next = page.next;
    }
    unused
}
