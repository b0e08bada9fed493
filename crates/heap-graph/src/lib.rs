//! Heap snapshot bytes to a heap graph with Chrome DevTools' exact numbers, and back.
//!
//! [`read()`] turns the bytes of a `.heapsnapshot` into a [`HeapGraph`]: nodes, edges (compressed sparse rows)
//! and strings, as they stand in the file. This crate knows bytes and graphs only: no paths, no operating
//! system, no terminal, no compression; those live with its callers.

mod analysis;
mod bits;
mod blocks;
mod builder;
pub mod column;
mod decimal;
mod diff;
mod duplicates;
mod graph;
mod growth;
mod identity;
mod index;
mod kinds;
mod name_table;
mod names;
mod offsets;
mod packed;
mod paths;
mod progress;
mod read;
mod redact;
mod retainers;
mod ropes;
mod sink;
mod strings;
mod traces;
mod write;

pub use analysis::{
    Analysis, AnalysisError, ClassKey, ClassRow, ContextOwner, ContextSize, Filter, InterfaceDefinition,
    NO_DISTANCE, NativeContexts, NodeSet, SYSTEM_DISTANCE, Statistics,
};
pub use builder::GraphBuilder;
pub use diff::{
    ClassedHeap, DiffRow, Kinship, diff, diff_by_name, infer_interfaces, kinship, kinship_without_names,
};
pub use duplicates::{DuplicateStrings, duplicate_strings};
pub use graph::{Edge, EdgeName, Header, HeapGraph, Location, Missing, NodeIndex, detachedness};
pub use growth::{
    AccumulationKind, ClassSeries, GrowthByOwner, Moment, Suspect, accumulation_kind, classes_that_grew,
    describe_path, growth_by_owner, path_signature, suspects,
};
pub use identity::Adopted;
pub use index::{Index, IndexError, write_index, write_retainer_index};
pub use kinds::{EdgeKind, NodeKind};
pub use offsets::{Offsets, TooDense};
pub use packed::PackedGraph;
pub use paths::{PathLimits, PathStep, RetainingEdge, RetainingPaths, retaining_paths, shortest_path};
pub use progress::Step;
pub use read::{ReadError, ReadOptions, read};
pub use redact::{RedactionCounts, redact};
pub use retainers::Retainers;
pub use sink::{GraphSink, NameIndex};
pub use strings::{Strings, StringsBuilder};
pub use traces::{AllocationTraces, Sample, TraceFunction, TraceNode};
pub use write::{slice, write};
