//! Moments at which a heap is no sight: while V8 collects garbage, objects are in two places or in none.

use process_capture::{Busy, Running};
use process_memory::{ProcessMemory, auxiliary_type, mapping_at};

use postmortem::heap::{COLLECTING, find_isolates, find_pages};
use postmortem::{Executable, Files, Layout};

use super::files::Here;

/// Where the isolates of a running process say that they collect garbage, for [`process_capture::HoldOptions::avoid`].
/// Nothing is done to it. Empty if it has no V8 that is known: then nothing is known of its moments either.
pub fn collections_of(pid: u32) -> Vec<Busy> {
    look(pid).map(|(busy, _)| busy).unwrap_or_default()
}

/// The same, and the program.
pub(super) fn look(pid: u32) -> Option<(Vec<Busy>, Executable)> {
    let memory = Running::look(pid).ok()?;
    // In a container the path of its program means another file here, or none.
    let path = format!("/proc/{pid}/exe");
    let bytes = Here { search: Vec::new() }.open(&path)?;
    let headers = memory.auxiliary().get(auxiliary_type::PHDR)?;
    let program = mapping_at(memory.mappings(), headers)?.file.as_ref()?;
    let first = memory.mappings().iter().find(|mapping| {
        mapping.file.as_ref().is_some_and(|file| file.path == program.path && file.offset == 0)
    })?;
    let executable = Executable::of_file(&path, bytes, first.range.start).ok()?;
    let layout = Layout::new(&executable).ok()?;
    let offset = layout.fields.isolate_state?;
    let pages = find_pages(&memory, &layout);
    let isolates = find_isolates(&memory, &layout, &executable, &pages);
    let state = |address: u64| Busy { address: address.wrapping_add(offset), value: COLLECTING };
    Some((isolates.into_iter().map(|isolate| state(isolate.address)).collect(), executable))
}
