//! A part of a heap as a snapshot file of its own.

use std::path::Path;

use super::AnswerError;
use super::object::find;
use crate::open::Heap;
use crate::snapshot_file::write_snapshot;

/// Writes the closure of an object: all that it reaches. The file appears under its name only when whole, and
/// only its owner may read it: a heap holds secrets. Answers how many nodes it has.
///
/// # Errors
/// If there is no such object or the file can't be written.
pub fn save_slice(heap: &Heap, id: u64, path: &Path) -> Result<usize, AnswerError> {
    let slice = heap_graph::slice(heap.graph(), &[find(heap, id)?]);
    write_snapshot(&slice, path)
        .map_err(|source| AnswerError::Write { path: path.display().to_string(), source })?;
    Ok(slice.node_count())
}
