//! The roots, in the groups that hang below `(GC roots)`: those that the version's own snapshots have, in their order,
//! empty ones too, so that V8's ids of them fit.

use rustc_hash::FxHashSet;

use crate::Heap;
use crate::heap::RootGroup;
use crate::heap::words::{is_strong, untag};

/// A group and what it holds.
pub(super) struct Group {
    pub(super) name: &'static str,
    /// Addresses.
    pub(super) objects: Vec<u64>,
}

/// V8 10; in 11 `(Traced handles)` follows the global handles.
const OLD: [&str; 28] = [
    "(Internalized strings)",
    "(External strings)",
    READ_ONLY,
    "(Strong roots)",
    "(Smi roots)",
    "(Bootstrapper)",
    STACK,
    "(Relocatable)",
    "(Debugger)",
    "(Compilation cache)",
    LOCAL,
    BUILTINS,
    GLOBAL,
    TRACED,
    ETERNAL,
    "(Thread manager)",
    "(Strong roots)",
    "(Extensions)",
    "(Code flusher)",
    LISTS,
    "(Read-only object cache)",
    "(Shareable object cache)",
    "(Weak collections)",
    "(Wrapper tracing)",
    "(Write barrier)",
    "(Retain maps)",
    "(Client heap)",
    "(Unknown)",
];

/// V8 14; 12 and 13 have no `(Identity map)`.
const NEW: [&str; 28] = [
    "(Bootstrapper)",
    BUILTINS,
    "(Client heap)",
    "(Code flusher)",
    "(Compilation cache)",
    "(Debugger)",
    "(Extensions)",
    ETERNAL,
    "(External strings)",
    GLOBAL,
    LOCAL,
    IDENTITY_MAP,
    "(Micro tasks)",
    READ_ONLY,
    "(Relocatable)",
    "(Retain maps)",
    "(Shareable object cache)",
    "(SharedStruct type registry)",
    "(Smi roots)",
    STACK,
    LISTS,
    "(Internalized strings)",
    "(Strong root list)",
    "(Strong roots)",
    "(Thread manager)",
    TRACED,
    "(Weak roots)",
    "(Write barrier)",
];
const READ_ONLY: &str = "(Read-only roots)";
const STACK: &str = "(Stack roots)";
const LOCAL: &str = "(Handle scope)";
const BUILTINS: &str = "(Builtins)";
const GLOBAL: &str = "(Global handles)";
const TRACED: &str = "(Traced handles)";
const ETERNAL: &str = "(Eternal handles)";
const LISTS: &str = "(Startup object cache)";
const IDENTITY_MAP: &str = "(Identity map)";

/// All groups, each root once in each.
pub(super) fn of(heap: &Heap<'_>) -> Vec<Group> {
    let major = heap.layout.version.major;
    let (names, missing, strong) = match major {
        ..=10 => (OLD, Some(TRACED), "(Strong roots)"),
        11 => (OLD, None, "(Strong roots)"),
        12 | 13 => (NEW, Some(IDENTITY_MAP), "(Strong root list)"),
        _ => (NEW, None, "(Strong root list)"),
    };
    let names = names.into_iter().filter(|name| Some(*name) != missing);
    let mut groups: Vec<Group> = names.map(|name| Group { name, objects: Vec::new() }).collect();
    let mut again = Vec::new();
    let mut seen: FxHashSet<(&str, u64)> = FxHashSet::default();
    for (from, words) in heap.grouped_roots() {
        for object in words.into_iter().filter(|word| is_strong(*word)).map(untag) {
            if !heap.is_object(object) {
                continue;
            }
            let name = match from {
                RootGroup::Table if heap.is_shared(object) => READ_ONLY,
                RootGroup::Table => strong,
                // The isolate has the table of builtins, and what V8 visits with the stacks.
                RootGroup::Isolate if heap.kind_of(object) == Some(heap.layout.types.code) => BUILTINS,
                RootGroup::Isolate | RootGroup::Stack => STACK,
                RootGroup::Global => GLOBAL,
                RootGroup::Eternal => ETERNAL,
                RootGroup::Lists => LISTS,
                RootGroup::Local => LOCAL,
            };
            if !seen.insert((name, object)) {
                // A few builtins are in a second table, which V8 visits behind the first.
                again.extend((name == BUILTINS).then_some(object));
            } else if let Some(group) = groups.iter_mut().find(|group| group.name == name) {
                group.objects.push(object);
            }
        }
    }
    if let Some(group) = groups.iter_mut().find(|group| group.name == BUILTINS) {
        group.objects.append(&mut again);
    }
    groups
}

/// The edge from a group to one of its objects, by its place in the group.
pub(super) fn edge_name(heap: &Heap<'_>, group: &Group, place: usize) -> String {
    let number = place + 1;
    match group.objects.get(place).and_then(|object| heap.builtin_of(*object)) {
        Some(name) if group.name == BUILTINS => format!("{number} / {name}"),
        _ => number.to_string(),
    }
}
