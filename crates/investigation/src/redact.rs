//! A heap without its data, for others to look at.

use std::ops::ControlFlow;

pub use heap_graph::RedactionCounts;
use heap_graph::{HeapGraph, ReadError, ReadOptions, Step};

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

/// Why a snapshot that was just taken cannot be redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// What V8 wrote is not understood.
    #[error("the snapshot: {0}")]
    Read(#[from] ReadError),
    /// Without a key nothing is safe.
    #[error(transparent)]
    NoKey(#[from] NoKey),
}

/// A snapshot as V8 wrote it, without its data.
///
/// # Errors
/// If it cannot be read, or there is no key.
pub fn redact_text(
    text: &[u8],
    progress: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<(HeapGraph, RedactionCounts), RedactError> {
    let options = ReadOptions { size: Some(text.len() as u64), ..ReadOptions::default() };
    let graph = heap_graph::read(text, &options, progress)?;
    Ok(redact(&graph)?)
}
