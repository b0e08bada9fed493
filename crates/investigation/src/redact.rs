//! A heap without its data, for others to look at.

use heap_graph::HeapGraph;
pub use heap_graph::RedactionCounts;

/// No random key could be had.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no random numbers, so nothing can be redacted safely: {0}")]
pub struct NoKey(getrandom::Error);

/// The graph with all data replaced ([`heap_graph::redact`]), under a key that nobody keeps.
///
/// # Errors
/// When the system gives no random numbers.
pub fn redact(graph: &HeapGraph) -> Result<(HeapGraph, RedactionCounts), NoKey> {
    let mut key = [0; 16];
    getrandom::fill(&mut key).map_err(NoKey)?;
    Ok(heap_graph::redact(graph, &key))
}
