//! Why a look at a process gave no answer.

use std::io;

/// Why a look at a process gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProcError {
    /// There is no such process (any more).
    #[error("process {pid} does not exist (any more)")]
    Gone {
        /// The process asked for.
        pid: u32,
    },
    /// `/proc` refused or failed to give the file.
    #[error("cannot read {path}: {source}")]
    Unreadable {
        /// The file under `/proc`.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file is there but not in the shape the kernel documents.
    #[error("{path} is not in the expected form: {expected}")]
    Malformed {
        /// The file under `/proc`.
        path: String,
        /// What was looked for and not found.
        expected: &'static str,
    },
}

/// Reads a file of `/proc/PID`, telling a process that is gone from a file that cannot be read.
pub(crate) fn read_bytes(pid: u32, file: &str) -> Result<Vec<u8>, ProcError> {
    let path = format!("/proc/{pid}/{file}");
    std::fs::read(&path).map_err(|source| failure(pid, path, source))
}

/// What an error of the system says about a process.
pub(crate) fn failure(pid: u32, path: String, source: io::Error) -> ProcError {
    match source.raw_os_error() {
        // ESRCH (3) is what an open file of an ended process answers.
        Some(3) => ProcError::Gone { pid },
        _ if source.kind() == io::ErrorKind::NotFound => ProcError::Gone { pid },
        _ => ProcError::Unreadable { path, source },
    }
}

pub(crate) fn read_text(pid: u32, file: &str) -> Result<String, ProcError> {
    Ok(String::from_utf8_lossy(&read_bytes(pid, file)?).into_owned())
}
