//! One garbage collection, as a trace tells of it.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use super::reasons;

/// What V8 calls the collector that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GcKind {
    /// Of new space: what lives is copied, and promoted to old space when it lives through a second one.
    Scavenge,
    /// Of new space too, by marking instead of copying (`--minor-ms`, before that `--minor-mc`).
    MinorMarkSweep,
    /// Of the whole heap. Called mark-sweep before Node 20.
    MarkCompact,
}

impl GcKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scavenge => "scavenge",
            Self::MinorMarkSweep => "minor mark-sweep",
            Self::MarkCompact => "mark-compact",
        }
    }

    /// Where it works.
    #[must_use]
    pub fn place(self) -> &'static str {
        match self {
            Self::Scavenge | Self::MinorMarkSweep => "new space",
            Self::MarkCompact => "old space (and all others)",
        }
    }

    /// Whether it collects the whole heap.
    #[must_use]
    pub fn is_full(self) -> bool {
        self == Self::MarkCompact
    }
}

/// Which isolate (the main thread's, or a worker's) of which process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IsolateId {
    /// The process.
    pub pid: u64,
    /// The isolate's address; in a trace-event file, where addresses are absent, the thread's id.
    pub isolate: u64,
    /// Whether `isolate` is a thread's id.
    pub is_thread: bool,
}

impl Serialize for IsolateId {
    /// `pid`, and either `isolate` in hexadecimal or `thread`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let address = (!self.is_thread).then(|| format!("{:#x}", self.isolate));
        let mut fields = serializer.serialize_struct("IsolateId", 3)?;
        fields.serialize_field("pid", &self.pid)?;
        fields.serialize_field("isolate", &address)?;
        fields.serialize_field("thread", &self.is_thread.then_some(self.isolate))?;
        fields.end()
    }
}

impl fmt::Display for IsolateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_thread {
            write!(f, "process {}, thread {}", self.pid, self.isolate)
        } else {
            write!(f, "process {}, isolate {:#x}", self.pid, self.isolate)
        }
    }
}

/// The marking that went on beside the program before a collection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Marking {
    /// Time it took from the program, in steps.
    pub milliseconds: f64,
    /// How many steps.
    pub steps: u64,
    /// From its start to its end.
    pub wall_milliseconds: Option<f64>,
}

/// One garbage collection. What a line does not say, or was cut off, is `None`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GcEvent {
    /// Whose heap.
    pub isolate: IsolateId,
    /// When it ended, in milliseconds since the isolate (or the trace-event file) began.
    pub at_milliseconds: f64,
    /// Which collector.
    pub kind: GcKind,
    /// What stands with the name: `reduce`, `interleaved`, `during sweeping`.
    pub variant: Option<String>,
    /// Whether it finished marking that had been done in steps beside the program.
    pub incremental: bool,
    /// Bytes in use before, and after.
    pub before: Option<u64>,
    /// Bytes in use after.
    pub after: Option<u64>,
    /// Bytes that V8 held from the system after.
    pub committed_after: Option<u64>,
    /// How long the program stood still.
    pub pause_milliseconds: Option<f64>,
    /// Marking in steps before.
    pub marking: Option<Marking>,
    /// The share of recent time that the program, and not the collector, had.
    pub mutator_share: Option<f64>,
    /// Why, as V8 says it.
    pub reason: Option<String>,
    /// Why this collector, as V8 says it.
    pub collector_reason: Option<String>,
    /// Bytes that moved from new space to old space; only in `--trace-gc-nvp`.
    pub promoted: Option<u64>,
    /// Bytes allocated since the collection before; only in `--trace-gc-nvp`.
    pub allocated: Option<u64>,
    /// Sizes are given in tenths of a megabyte only.
    pub rounded: bool,
    /// The line was cut.
    pub cut: bool,
}

impl GcEvent {
    /// An event of which nothing but its time and kind is known yet.
    pub(super) fn new(isolate: IsolateId, at_milliseconds: f64, kind: GcKind) -> Self {
        Self {
            isolate,
            at_milliseconds,
            kind,
            variant: None,
            incremental: false,
            before: None,
            after: None,
            committed_after: None,
            pause_milliseconds: None,
            marking: None,
            mutator_share: None,
            reason: None,
            collector_reason: None,
            promoted: None,
            allocated: None,
            rounded: false,
            cut: false,
        }
    }

    /// Bytes that the collection freed.
    #[must_use]
    pub fn freed(&self) -> Option<u64> {
        Some(self.before?.saturating_sub(self.after?))
    }

    /// Why it ran, in words a newcomer follows.
    #[must_use]
    pub fn why(&self) -> String {
        reasons::why(self)
    }
}
