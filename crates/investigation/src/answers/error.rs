//! Why a question has no answer.

use crate::open::OpenError;

/// A question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum AnswerError {
    /// The input.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such object.
    #[error(
        "{file}: no object has the id @{id}; ids are those of this file, an object that was freed has none"
    )]
    NoSuchObject {
        /// The input.
        file: String,
        /// What was asked for.
        id: u64,
    },
    /// There is no such class.
    #[error("{file}: no class is named {name:?}; `heapdowse classes` lists them")]
    NoSuchClass {
        /// The input.
        file: String,
        /// What was asked for.
        name: String,
    },
    /// A result file could not be written.
    #[error("{path}: {source}")]
    Write {
        /// Where to.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl AnswerError {
    /// Whether the user asked to stop.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, AnswerError::Open(error) if error.is_interrupted())
    }
}
