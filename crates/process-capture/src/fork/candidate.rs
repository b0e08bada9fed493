//! Which thread calls are injected into.

use crate::{
    arch::{self, Fitness, Gadgets},
    door,
    fork::inject::Injection,
    target::{Flags, regions::Region},
    threads::{Stopped, ThreadState, is_ring_worker},
};

/// What must be free between the frames and the end of the stack.
const SPARE: u64 = 4096;

/// The best thread: one that waits in a system call (no restartable sequence can be under way there), rather not the
/// main one. `None` when none of them can be touched.
pub(crate) fn choose<'a>(
    pid: u32,
    threads: &[Stopped],
    states: &'a [ThreadState],
    regions: &[Region],
    gadgets: &Gadgets,
) -> Option<&'a ThreadState> {
    let mut fit: Vec<(Fitness, bool, &ThreadState)> = threads
        .iter()
        .zip(states)
        .filter(|(thread, _)| thread.quiet)
        .filter_map(|(thread, state)| {
            let registers = arch::registers(&state.general)?;
            let fitness = arch::fitness(&registers);
            (fitness != Fitness::Unfit).then_some((fitness, thread.tid == pid, state))
        })
        .collect();
    // An idle worker before the main thread, a waiting call before one that is done.
    fit.sort_by_key(|(fitness, is_main, _)| (*is_main, *fitness));
    fit.into_iter().map(|(_, _, state)| state).find(|state| is_safe(pid, state, regions, gadgets))
}

/// Whether it stands behind a system call, is none of the kernel's own workers, and has room on its stack.
fn is_safe(pid: u32, state: &ThreadState, regions: &[Region], gadgets: &Gadgets) -> bool {
    let Some(registers) = arch::registers(&state.general) else { return false };
    let mut instruction = [0; 2];
    let read = door::read_memory(pid, arch::call_instruction(&registers), &mut instruction);
    if read != Ok(2) || !arch::is_call(instruction) || is_ring_worker(pid, state.tid) {
        return false;
    }
    let Some(frames) = Injection::frames(state, gadgets) else { return false };
    let stack = regions.iter().find(|region| region.range.contains(&arch::stack_pointer(&registers)));
    stack.is_some_and(|stack| {
        stack.is_anonymous()
            && stack.permissions.write
            && !stack.has(Flags::WIPED_BY_FORK)
            && stack.range.start + SPARE <= frames.address
    })
}
