//! What ran.

use postmortem::stack::{Native, Stack, Walker, name_native_frames};
use process_memory::ProcessMemory;
use serde::Serialize;

use super::{Dead, originals::add_originals};

/// The stacks of all threads.
#[derive(Clone, Debug, Serialize)]
pub struct StacksAnswer {
    /// The program's own thread first, then workers, then those that run no JavaScript.
    pub threads: Vec<Stack>,
    /// Isolates whose thread is not known.
    pub isolates_without_thread: Vec<String>,
}

/// Walks the stacks.
pub fn stacks(dead: &Dead) -> StacksAnswer {
    let mut answer = StacksAnswer { threads: Vec::new(), isolates_without_thread: Vec::new() };
    for isolate in dead.isolates() {
        let heap = dead.heap(isolate);
        match Walker::new(&heap, &dead.executable).stack() {
            Some(mut stack) => {
                add_originals(&heap, &mut stack);
                answer.threads.push(stack);
            }
            None => answer.isolates_without_thread.push(postmortem::answers::hex(isolate.address)),
        }
    }
    let native = Native::new(&dead.memory);
    for thread in dead.memory.threads() {
        if answer.threads.iter().all(|stack| stack.thread != thread.id) {
            answer.threads.push(native.stack(thread));
        }
    }
    name_native_frames(&mut answer.threads, &dead.memory);
    answer
}
