//! Why something that tests need could not be made.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Why a Node version, a package or a fixture could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file or folder of the cache could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A program is not installed, or could not be started.
    #[error("cannot start {program}: {source}")]
    Start {
        /// The program's name.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{command} ended with {status}:\n{stderr}")]
    Failed {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote to standard error.
        stderr: String,
    },
    /// A program ended well but did not do what it was started for.
    #[error("{0}")]
    Unexpected(String),
}

impl SetupError {
    /// Names the file in an I/O error.
    pub fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}

/// Runs a command to its end; its output if it succeeded, else an error that shows what it said.
pub(crate) fn run(command: &mut Command) -> Result<Output, SetupError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| SetupError::Start { program, source })?;
    if output.status.success() {
        return Ok(output);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let skipped = stderr.len().saturating_sub(4000);
    let start = stderr.ceil_char_boundary(skipped);
    Err(SetupError::Failed {
        command: format!("{command:?}"),
        status: output.status.to_string(),
        stderr: stderr[start..].to_owned(),
    })
}
