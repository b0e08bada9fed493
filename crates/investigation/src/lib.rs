//! Opens any input, runs the hunt for a leak, answers in plain data.

pub mod answers;
pub mod attach;
pub mod attribute;
pub mod demo;
pub mod explain;
pub mod gc;
pub mod open;
pub mod recording;
pub mod run;

pub use heap_graph::Step;
pub use leak_verdict as verdict;
pub use leak_verdict::Word;
