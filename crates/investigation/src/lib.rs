//! Opens any input, runs the hunt for a leak, answers in plain data.

pub mod answers;
pub mod attach;
pub mod attribute;
pub mod capture;
pub mod demo;
pub mod explain;
mod fault;
pub mod gc;
pub mod open;
mod past_cache;
pub mod postmortem;
pub mod price;
pub mod recording;
pub mod redact;
pub mod run;
pub mod snapshot_file;
pub mod top;
pub mod tune;
pub mod watch;
pub mod whole_file;

pub use heap_graph::{HeapGraph, Step};
pub use leak_verdict as verdict;
pub use leak_verdict::Word;
