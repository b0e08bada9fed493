//! What grew over a series of snapshots of one process, and who holds it.

use heap_graph::{AccumulationKind, HeapGraph, Moment, Suspect, describe_path};
use serde::Serialize;

use super::{AnswerError, NodeRef, View};
use crate::open::{Heap, Progress};

/// A class that grows together with another.
#[derive(Clone, Debug, Serialize)]
pub struct Companion {
    /// The class.
    pub class: String,
    /// New objects over all windows.
    pub count: u64,
}

/// Something that holds ever more.
#[derive(Clone, Debug, Serialize)]
pub struct Growing {
    /// Class of what grows.
    pub class: String,
    /// Objects that came and stayed.
    pub count: u64,
    /// Bytes that they retain.
    pub bytes: u64,
    /// The same for each window between a snapshot and the next.
    pub counts: Vec<u64>,
    /// Bytes in each window.
    pub bytes_per_window: Vec<u64>,
    /// Whether something came and stayed in every window.
    pub grew_every_time: bool,
    /// The object that holds it, in the last snapshot.
    pub holder: NodeRef,
    /// What kind of collection it is.
    pub kind: AccumulationKind,
    /// The same in words.
    pub kind_in_words: String,
    /// How the roots reach the holder, in words.
    pub path: String,
    /// How the holder reaches what grows, in words.
    pub inside: String,
    /// The path without ids and indices: equal in another run of the program.
    pub signature: String,
    /// One of the things that grow.
    pub sample: NodeRef,
    /// Classes that grow with it.
    pub with: Vec<Companion>,
}

/// Ranks what grew. `earlier` are the snapshots before, oldest first.
pub(crate) fn growing(
    earlier: &[&HeapGraph],
    last: &Heap,
    reveal: bool,
    progress: Progress<'_>,
) -> Result<Vec<Growing>, AnswerError> {
    let graph = last.graph();
    let analysis = last.analysis(progress)?;
    let moments: Vec<Moment<'_>> =
        earlier.iter().copied().chain([graph]).map(|graph| Moment { graph }).collect();
    let view = View::new(graph, analysis, reveal);
    let found = heap_graph::suspects(&moments, analysis, last.retainers()?);
    Ok(found.into_iter().map(|suspect| describe(&view, suspect)).collect())
}

fn describe(view: &View<'_>, suspect: Suspect) -> Growing {
    Growing {
        count: suspect.count(),
        bytes: suspect.total_bytes(),
        grew_every_time: suspect.grew_every_time(),
        holder: view.node(suspect.holder),
        kind: suspect.kind,
        kind_in_words: suspect.kind.to_string(),
        path: describe_path(view.graph, &suspect.path),
        inside: describe_path(view.graph, &suspect.inside),
        sample: view.node(suspect.sample),
        class: suspect.class,
        counts: suspect.counts,
        bytes_per_window: suspect.bytes,
        signature: suspect.signature,
        with: suspect.with.into_iter().map(|(class, count)| Companion { class, count }).collect(),
    }
}
