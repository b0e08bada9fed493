//! The roots, in the groups that hang below `(GC roots)`.

use crate::Heap;
use crate::heap::RootGroup;
use crate::heap::words::{is_strong, untag};

/// A group and what it holds, tagged.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) words: Vec<u64>,
}

/// V8's name for the place where a root was found; where its own grouping cannot be seen from memory, the group that
/// comes nearest.
fn name_of(group: RootGroup) -> &'static str {
    match group {
        RootGroup::Table => "(Strong root list)",
        RootGroup::Isolate => "(Builtins)",
        RootGroup::Global => "(Global handles)",
        RootGroup::Eternal => "(Eternal handles)",
        RootGroup::Lists => "(Startup object cache)",
        RootGroup::Local => "(Handle scope)",
        RootGroup::Stack => "(Stack roots)",
    }
}

/// All groups, each root once in each.
pub(super) fn of(heap: &Heap<'_>) -> Vec<Group> {
    heap.grouped_roots()
        .into_iter()
        .map(|(group, mut words)| {
            words.retain(|word| is_strong(*word) && heap.is_object(untag(*word)));
            words.sort_unstable();
            words.dedup();
            Group { name: name_of(group), words }
        })
        .collect()
}
