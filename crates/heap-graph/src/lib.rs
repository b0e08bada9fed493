//! Heap snapshot bytes to a heap graph with Chrome DevTools' exact numbers, and back.
//!
//! [`read()`] turns the bytes of a `.heapsnapshot` into a [`HeapGraph`]: nodes, edges (compressed sparse rows)
//! and strings, as they stand in the file. This crate knows bytes and graphs only: no paths, no operating
//! system, no terminal, no compression; those live with its callers.

mod analysis;
mod bits;
pub mod column;
mod graph;
mod kinds;
mod offsets;
mod progress;
mod read;
mod strings;
mod traces;

pub use analysis::{
    Analysis, AnalysisError, ClassKey, ClassRow, InterfaceDefinition, NO_DISTANCE, SYSTEM_DISTANCE, Statistics,
};
pub use graph::{Edge, EdgeName, Header, HeapGraph, Location, Missing, NodeIndex, detachedness};
pub use kinds::{EdgeKind, NodeKind};
pub use offsets::{Offsets, TooDense};
pub use progress::Step;
pub use read::{ReadError, ReadOptions, read};
pub use strings::{Strings, StringsBuilder};
pub use traces::{AllocationTraces, Sample, TraceFunction, TraceNode};
