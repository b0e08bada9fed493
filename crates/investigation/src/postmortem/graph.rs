//! A core as a heap graph, so that everything that asks snapshots can ask it.

use std::ops::ControlFlow;

use heap_graph::{HeapGraph, PackedGraph, Step};
use postmortem::Heap;
use postmortem::graph::{GraphOptions, graph, packed_graph};
use postmortem::heap::{Isolate, Liveness};

use super::{Dead, PostmortemError};

impl Dead {
    /// The isolate of a thread by Node's number for it (`worker_threads.threadId`): 0 is the program's own.
    ///
    /// # Errors
    /// If there is none with that number.
    pub fn isolate(&self, thread: u32) -> Result<&Isolate, PostmortemError> {
        let (main, workers) = self
            .isolates()
            .split_first()
            .ok_or_else(|| PostmortemError::NoHeap { path: self.name().to_owned(), hint: String::new() })?;
        if thread == 0 {
            return Ok(main);
        }
        let mut numbers = Vec::new();
        for worker in workers {
            let number = self.heap(worker).thread_number();
            if number == Some(thread) {
                return Ok(worker);
            }
            numbers.push(
                number.map_or_else(|| "one that has just begun".to_owned(), |number| number.to_string()),
            );
        }
        Err(PostmortemError::NoObject {
            address: format!("worker {thread}"),
            why: match numbers.is_empty() {
                true => "the process has no worker threads".to_owned(),
                false => format!("there are {} (the program's worker.threadId)", numbers.join(", ")),
            },
        })
    }

    /// The graph of all live objects of an isolate.
    ///
    /// # Errors
    /// If `progress` asks to stop.
    pub fn graph(
        &self,
        isolate: &Isolate,
        options: GraphOptions,
        progress: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<HeapGraph, PostmortemError> {
        self.emit(isolate, progress, |heap, live, step| graph(heap, live, options, step))
    }

    /// The same graph, in less memory, only to be written.
    ///
    /// # Errors
    /// If `progress` asks to stop.
    pub fn packed_graph(
        &self,
        isolate: &Isolate,
        options: GraphOptions,
        progress: &mut dyn FnMut(Step) -> ControlFlow<()>,
    ) -> Result<PackedGraph, PostmortemError> {
        self.emit(isolate, progress, |heap, live, step| packed_graph(heap, live, options, step))
    }

    fn emit<G>(
        &self,
        isolate: &Isolate,
        progress: &mut dyn FnMut(Step) -> ControlFlow<()>,
        graph: impl FnOnce(&Heap<'_>, &Liveness, &mut dyn FnMut(u64, u64) -> ControlFlow<()>) -> Option<G>,
    ) -> Result<G, PostmortemError> {
        let named = |name| Step { name, done: 0, total: None };
        if progress(named("marking live objects")).is_break() {
            return Err(PostmortemError::Interrupted);
        }
        let heap = self.heap(isolate);
        let live = Liveness::mark(&heap);
        let mut step = |_, _| progress(named("making the graph"));
        graph(&heap, &live, &mut step).ok_or(PostmortemError::Interrupted)
    }
}
