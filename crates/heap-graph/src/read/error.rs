//! What can be wrong with a snapshot file, and where.

use std::fmt;

/// A snapshot could not be read. Says what, where, and what was expected.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The source failed.
    #[error("reading failed at byte {offset}: {source}")]
    Io {
        /// Bytes read before.
        offset: u64,
        /// What the source said.
        source: std::io::Error,
    },
    /// The bytes are not what the format has here.
    #[error("{}", at(section, *record, *offset, expected, found))]
    Malformed {
        /// Section of the file, or "file" between sections.
        section: String,
        /// Record within the section, from 0.
        record: Option<u64>,
        /// Byte offset in the (decompressed) file.
        offset: u64,
        /// What should stand there.
        expected: String,
        /// What stands there.
        found: String,
    },
    /// The file ends too early.
    #[error(
        "the file ends at byte {offset}, inside {section}: {expected} expected. It was cut; --salvage reads what is there"
    )]
    Cut {
        /// Section that is cut.
        section: String,
        /// Length of the file in bytes.
        offset: u64,
        /// What should have come.
        expected: String,
    },
    /// Two parts of the file contradict each other.
    #[error("{section}: {problem}")]
    Inconsistent {
        /// Section of the file.
        section: String,
        /// The contradiction, with its numbers.
        problem: String,
    },
    /// A section that must be there is not.
    #[error("section \"{section}\" is missing; a heap snapshot has snapshot, nodes, edges and strings")]
    MissingSection {
        /// Its name.
        section: &'static str,
    },
    /// The same section twice.
    #[error("section \"{section}\" comes a second time at byte {offset}")]
    DuplicateSection {
        /// Its name.
        section: String,
        /// Where the second one begins.
        offset: u64,
    },
    /// More than this program can number or hold.
    #[error("{problem}")]
    TooLarge {
        /// What is too large, and the limit.
        problem: String,
    },
    /// The caller asked to stop.
    #[error("interrupted")]
    Interrupted,
}

fn at(section: &str, record: Option<u64>, offset: u64, expected: &str, found: &str) -> String {
    let record = record.map(|record| format!(", record {record}")).unwrap_or_default();
    format!("{section}{record}, byte {offset}: expected {expected}, found {found}")
}

/// A byte as an error message shows it.
pub(crate) struct Shown(pub(crate) u8);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            byte @ 0x21..=0x7e => write!(f, "'{}'", byte as char),
            byte => write!(f, "byte 0x{byte:02x}"),
        }
    }
}
