//! The answer of a run, as plain data.

use std::path::PathBuf;

use leak_verdict::{Recording, Verdict};
use serde::{Deserialize, Serialize};

use super::{LastSnapshot, Snapshot};
use crate::recording::Timeline;

/// The answer of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunReport {
    /// The version of this form; it only grows.
    pub schema_version: u32,
    /// The program and its arguments; `program` in JSON, where `command` is the name of ours.
    #[serde(rename = "program")]
    pub command: Vec<String>,
    /// The process that was watched; absent when none lived long enough.
    pub watched: Option<WatchedProcess>,
    /// One row for each floor, in the order of time.
    pub rounds: Vec<RoundRow>,
    /// The snapshots that were taken.
    pub snapshots: Vec<SnapshotTaken>,
    /// The verdict with its evidence; in JSON its fields stand beside the others, `verdict` being the word.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Who is to blame, best first.
    pub suspects: Vec<Suspect>,
    /// How the program ended, if it did so by itself.
    pub ended_by_itself: Option<String>,
    /// Snapshots of processes that ran out of memory, if they were asked for.
    #[serde(default)]
    pub last_snapshots: Vec<LastSnapshot>,
    /// How long the run took.
    pub seconds: f64,
    /// What was not as it should be, and did not stop the run.
    pub warnings: Vec<String>,
    /// The floors as the verdict got them.
    pub recording: Recording,
    /// All isolates, where there was more than one; all of the above is about the worst of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub isolates: Vec<IsolateReport>,
    /// What the process was from moment to moment.
    #[serde(default)]
    pub timeline: Timeline,
}

/// The process that was watched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WatchedProcess {
    /// Its id.
    pub pid: u32,
    /// Its command line.
    pub command_line: Vec<String>,
    /// Its version of Node.js.
    pub node_version: String,
    /// The port it listens on, if it does.
    pub port: Option<u16>,
    /// Where it is reached.
    pub url: Option<String>,
    /// Whether it is a worker of a cluster whose primary holds the port.
    pub cluster_worker: bool,
    /// The worker thread that is meant, where it is not the main one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<WorkerThread>,
}

impl WatchedProcess {
    /// What to call it in a sentence.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.worker {
            Some(WorkerThread { id, .. }) if id.is_empty() => {
                format!("a worker thread of process {}", self.pid)
            }
            Some(WorkerThread { id, .. }) => format!("worker thread {id} of process {}", self.pid),
            None => format!("process {}", self.pid),
        }
    }
}

/// A worker thread: an isolate with a heap of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerThread {
    /// Node's number for it (`worker.threadId`); empty of one that never answered.
    pub id: String,
    /// Its name, or "Worker".
    pub title: String,
    /// Its script.
    pub url: String,
}

/// One of several isolates, each of which has a verdict of its own.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct IsolateReport {
    /// The process, and the worker thread if it is one.
    pub watched: WatchedProcess,
    /// One row for each floor, in the order of time.
    pub rounds: Vec<RoundRow>,
    /// The snapshots that were taken.
    pub snapshots: Vec<SnapshotTaken>,
    /// The verdict; in JSON its fields stand beside the others, `verdict` being the word.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Who is to blame, best first.
    pub suspects: Vec<Suspect>,
    /// The floors as the verdict got them.
    pub recording: Recording,
}

/// What was measured after one round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RoundRow {
    /// The round; 0 is before any load. Warm-up counts on.
    pub round: u32,
    /// Whether it is left out of the trend.
    pub warm_up: bool,
    /// Requests of this round, if anybody counted them.
    pub requests: Option<u64>,
    /// Requests that failed, if the load said so.
    pub failed_requests: Option<u64>,
    /// Requests or other work since the beginning.
    pub work: f64,
    /// Seconds since the beginning.
    pub seconds: f64,
    /// Used heap before the collections, bytes.
    pub heap_before_collection: u64,
    /// Used heap after them, bytes: the floor.
    pub heap_used: u64,
    /// Committed heap, bytes.
    pub heap_total: u64,
    /// Code in the heap, bytes.
    pub code: Option<u64>,
    /// Memory outside the heap held by objects in it, bytes.
    pub external: u64,
    /// Array buffers, bytes (a part of `external`).
    pub array_buffers: Option<u64>,
    /// Resident set, bytes.
    pub resident: Option<u64>,
    /// Bytes in use in malloc's main heap, where it is glibc's and could be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malloc_in_use: Option<u64>,
    /// Bytes that are free in it and not given back to the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malloc_free: Option<u64>,
    /// Committed heap and external memory of the worker threads, a part of `resident`, where there are some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_workers: Option<u64>,
    /// Open file descriptors.
    pub open_files: Option<u64>,
    /// How long the collections took, milliseconds of wall time.
    pub collection_ms: f64,
    /// How many collections it took until the heap did not shrink any more.
    pub collections: u32,
    /// How long the load took, seconds.
    pub load_seconds: f64,
    /// Requests per second since the floor before, where the load is not ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_rate: Option<f64>,
}

/// A snapshot that was taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SnapshotTaken {
    /// After which round.
    pub round: u32,
    /// Requests or other work until then.
    pub work: f64,
    /// Size of the snapshot as text, bytes; in memory, where it never was text.
    pub bytes: u64,
    /// How it was made.
    #[serde(default)]
    pub via: super::Way,
    /// Nodes in it.
    pub nodes: u64,
    /// Where it was kept.
    pub file: Option<PathBuf>,
    /// What it was expected to cost.
    #[serde(default)]
    pub price: Option<crate::price::Price>,
    /// What it did cost.
    #[serde(default)]
    pub paid: Option<super::Paid>,
}

impl From<&Snapshot> for SnapshotTaken {
    fn from(snapshot: &Snapshot) -> Self {
        Self {
            round: snapshot.round,
            work: snapshot.work,
            bytes: snapshot.bytes,
            via: snapshot.way,
            nodes: snapshot.graph.node_count() as u64,
            file: snapshot.file.clone(),
            price: snapshot.price,
            paid: snapshot.paid,
        }
    }
}

/// A place in a source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodePlace {
    /// The file, as a path where it is one.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The variable, field or function, where known.
    pub symbol: Option<String>,
    /// The statement's text, where known.
    pub text: Option<String>,
    /// The lines around it, where the source could be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excerpt: Vec<ExcerptLine>,
}

/// A line of a source file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExcerptLine {
    /// Its number, from 1.
    pub line: u32,
    /// Its text; of a very long one the beginning.
    pub text: String,
    /// Whether it is the line that is meant.
    pub mark: bool,
}

/// Something that grows, and who is to blame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Suspect {
    /// The class of what accumulates.
    pub class: String,
    /// The class of the object that holds it.
    pub holder: String,
    /// What kind of collection that is.
    pub kind: heap_graph::AccumulationKind,
    /// Where the variable that holds it is declared.
    pub owner: Option<CodePlace>,
    /// The statement that adds to it.
    pub added_at: Option<CodePlace>,
    /// Whether the owner is code of a package or of Node itself.
    pub in_library: bool,
    /// When it is: the application's declaration or call that brought the owner to life.
    pub app_owner: Option<CodePlace>,
    /// When it is: the application's statement that makes the library add.
    pub app_statement: Option<CodePlace>,
    /// Further statements that add, best first.
    pub also: Vec<CodePlace>,
    /// Whether owner and statement were found by resolved names, with no choice left.
    pub certain: bool,
    /// The retaining path in words, from the root to what accumulates.
    pub path: Vec<String>,
    /// The path by names alone: the same leak has the same one in another run.
    pub signature: String,
    /// Objects of the class that were added and stayed.
    pub count: u64,
    /// Bytes that they retain.
    pub bytes: u64,
    /// Whether some were added between any two snapshots.
    pub grew_every_time: bool,
    /// Objects per unit of work.
    pub count_per_request: Option<f64>,
    /// Bytes per unit of work.
    pub bytes_per_request: Option<f64>,
    /// What else the graph says, as sentences.
    pub evidence: Vec<String>,
    /// What could not be found, and why.
    pub missing: Vec<MissingPart>,
    /// The stack that allocated one of them, innermost call first, where `--allocations` asked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allocated_at: Vec<CodePlace>,
    /// What is known of such a leak, and what to do about it.
    #[serde(default)]
    pub known: Option<leak_verdict::KnownCase>,
}

/// A part of the culprit that could not be found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingPart {
    /// `owner`, `added_at`, ...
    pub part: String,
    /// Why it could not be found.
    pub reason: String,
}
