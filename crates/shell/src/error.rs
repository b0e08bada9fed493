//! Why a command has no answer.

use thiserror::Error;

/// Why a command has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CommandError {
    /// There is no such command, or it is not used so.
    #[error("{0}")]
    Usage(String),
    /// What it was asked of is not there, or is something else.
    #[error("{0}")]
    Failed(String),
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
}

impl CommandError {
    /// Not used so.
    pub(crate) fn usage(text: &str) -> Self {
        Self::Usage(text.to_owned())
    }

    /// Not there.
    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }
}
