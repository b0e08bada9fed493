//! A core as a heap graph, so that everything that asks snapshots can ask it.

use std::ops::ControlFlow;

use heap_graph::{HeapGraph, Step};
use postmortem::graph::{GraphOptions, graph};
use postmortem::heap::{Isolate, Liveness};

use super::{Dead, PostmortemError};

impl Dead {
    /// An isolate by its number: 0 is the program's own, workers follow.
    ///
    /// # Errors
    /// If there is none with that number.
    pub fn isolate(&self, number: usize) -> Result<&Isolate, PostmortemError> {
        self.isolates().get(number).ok_or_else(|| PostmortemError::NoObject {
            address: format!("worker {number}"),
            why: match self.isolates().len() - 1 {
                0 => "the process has no worker threads".to_owned(),
                count => format!("there are {count}, from 1 on"),
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
        let named = |name| Step { name, done: 0, total: None };
        if progress(named("marking live objects")).is_break() {
            return Err(PostmortemError::Interrupted);
        }
        let heap = self.heap(isolate);
        let live = Liveness::mark(&heap);
        let mut step = |_, _| progress(named("making the graph"));
        graph(&heap, &live, options, &mut step).ok_or(PostmortemError::Interrupted)
    }
}
