//! Why a run came to no verdict.

use std::{io, time::Duration};

use inspector::InspectorError;

/// Why a run came to no verdict.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// There is nothing to run.
    #[error("no program was given")]
    NoCommand,
    /// The program could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// Its name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The program failed before it was ready.
    #[error("the program ended ({status}) before it was ready")]
    EndedBeforeReady {
        /// How it ended.
        status: String,
    },
    /// The program did not become ready in time.
    #[error("the program was not ready within {patience:?}: {missing}")]
    NotReady {
        /// How long was waited.
        patience: Duration,
        /// What did not happen.
        missing: String,
    },
    /// A process of the program listens, but it is not one that can be watched.
    #[error("no Node.js process of the program could be watched: {reason}")]
    NotWatchable {
        /// Why.
        reason: String,
    },
    /// A process could not be attached to.
    #[error(transparent)]
    Attach(crate::attach::AttachError),
    /// Floors after load need collections, and one would stop the process for longer than allowed.
    #[error(
        "nothing was done: a full collection of {:.0} MB may stop the process for {:.0} ms, which --max-pause forbids; \
         allow more, or watch its own traffic with --no-gc",
        *used_heap as f64 / 1_048_576.0,
        crate::price::predict_collection(*used_heap).1.as_secs_f64() * 1e3
    )]
    PauseTooLong {
        /// The used heap, bytes.
        used_heap: u64,
    },
    /// The load could not be run, or failed in its first round.
    #[error("the load failed in its first round: {reason}")]
    Load {
        /// Why.
        reason: String,
    },
    /// The inspector gave an error other than that the program is gone.
    #[error(transparent)]
    Inspector(#[from] InspectorError),
    /// A file of ours could not be written.
    #[error("cannot write {what}: {source}")]
    File {
        /// Which.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A snapshot could not be read.
    #[error("the snapshot of round {round} cannot be read: {source}")]
    Snapshot {
        /// After which round it was taken.
        round: u32,
        /// Where and why.
        source: heap_graph::ReadError,
    },
    /// The interrupt flag was raised.
    #[error("interrupted")]
    Interrupted,
}

impl RunError {
    /// Takes an attach's error, telling an interrupt from the rest.
    pub(super) fn from_attach(error: crate::attach::AttachError) -> Self {
        match error {
            crate::attach::AttachError::Interrupted => Self::Interrupted,
            other => Self::Attach(other),
        }
    }

    /// Takes an inspector's error, telling an interrupt from the rest.
    pub(super) fn from_inspector(error: InspectorError) -> Self {
        match error {
            InspectorError::Cancelled { .. } => Self::Interrupted,
            other => Self::Inspector(other),
        }
    }
}
