//! Opens any input, runs the hunt for a leak, answers in plain data.

pub mod answers;
pub mod open;

pub use heap_graph::Step;
