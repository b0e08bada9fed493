//! The lines of a recording: one JSON object each, told apart by its field `record`.

use leak_verdict::Floor;
use serde::{Deserialize, Serialize};

use super::{Collection, Mark, Sample};
use crate::run::{RoundRow, RunReport, WatchedProcess};

/// The first line.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the form; it only grows.
    pub schema_version: u32,
    /// The version of heapdowse that wrote it.
    pub heapdowse: String,
    /// When it began, milliseconds since 1970.
    pub started_unix_ms: u64,
    /// What was started or asked for.
    #[serde(default)]
    pub program: Vec<String>,
}

/// A floor with what the verdict must know of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FloorRecord {
    /// The process; 0 where there was only one.
    #[serde(default)]
    pub pid: u32,
    /// Node's number for the worker thread, where it is the floor of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// What was measured.
    pub row: RoundRow,
    /// Whether a snapshot was taken since the floor before.
    #[serde(default)]
    pub after_snapshot: bool,
}

impl FloorRecord {
    /// As the verdict takes it.
    #[must_use]
    pub fn floor(&self) -> Floor {
        let row = &self.row;
        Floor {
            work: row.work,
            seconds: row.seconds,
            heap_used: row.heap_used,
            heap_total: Some(row.heap_total),
            heap_before_collection: Some(row.heap_before_collection),
            code: row.code,
            external: Some(row.external),
            // What other isolates of the process hold is theirs.
            resident: row.resident.map(|all| all.saturating_sub(row.in_workers.unwrap_or(0))),
            malloc_in_use: row.malloc_in_use,
            malloc_free: row.malloc_free,
            open_files: row.open_files,
            rate: row.request_rate,
            warm_up: row.warm_up,
            after_snapshot: self.after_snapshot,
        }
    }
}

/// One line.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "record", rename_all = "kebab-case")]
pub enum Record {
    /// The first line.
    Header(Header),
    /// This process is watched from here on.
    Process(WatchedProcess),
    /// A process at one moment.
    Sample(Box<Sample>),
    /// A collection.
    Gc(Collection),
    /// What was left after full collections.
    Floor(Box<FloorRecord>),
    /// Something that happened.
    Event(Mark),
    /// The verdict with all it rests on, without the timeline: the last line of a recording that is whole.
    Report(Box<RunReport>),
}
