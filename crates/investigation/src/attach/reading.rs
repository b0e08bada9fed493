//! What the probe reads in the process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// All that a process says of its memory, its collections and its work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Used JavaScript heap, bytes.
    pub heap_used: u64,
    /// Committed JavaScript heap, bytes.
    pub heap_total: u64,
    /// Memory outside the heap held by objects in it, bytes.
    pub external: u64,
    /// Array buffers, bytes (a part of `external`).
    pub array_buffers: Option<u64>,
    /// Code in the heap, bytes.
    pub code: Option<u64>,
    /// The limit of the heap, bytes.
    pub heap_limit: Option<u64>,
    /// Resident set, bytes.
    pub resident: u64,
    /// HTTP requests served since the probe came.
    pub requests: u64,
    /// Whether they can be counted.
    pub requests_counted: bool,
    /// `v8.getHeapStatistics()`, as this version has it.
    pub heap_statistics: BTreeMap<String, f64>,
    /// The spaces of the heap.
    pub spaces: Vec<Space>,
    /// What keeps the event loop alive, counted by type (empty before Node 17.3).
    pub resources: BTreeMap<String, u64>,
    /// How late the event loop was since the last reading.
    pub event_loop: Option<EventLoop>,
    /// The collections since the last reading, of which the last thousand are kept. Where telling them would cost
    /// the process too much, only the full ones are all there.
    pub collections: Vec<Collection>,
    /// All collections since the probe came.
    pub collections_seen: u64,
    /// For how long, since the probe came, only full collections were noted, milliseconds.
    pub rested_ms: f64,
    /// Seconds since the process was started.
    pub uptime: f64,
}

/// A space of the heap, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// `new_space`, `old_space`, ...
    #[serde(alias = "space_name")]
    pub name: String,
    /// Committed.
    #[serde(alias = "space_size")]
    pub size: u64,
    /// Used.
    #[serde(alias = "space_used_size")]
    pub used: u64,
    /// Free within it.
    #[serde(alias = "space_available_size")]
    pub available: u64,
}

/// How late the event loop was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EventLoop {
    /// On average, milliseconds.
    pub mean_ms: f64,
    /// At worst, milliseconds.
    pub max_ms: f64,
}

/// One garbage collection.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// Counts from 0 when the probe came.
    pub number: u64,
    /// 1 scavenge, 2 minor mark-sweep, 4 mark-compact, 8 incremental marking, 16 weak callbacks.
    pub kind: u32,
    /// Why, as Node's `perf_hooks` constants say (`NODE_PERFORMANCE_GC_FLAGS_*`).
    pub flags: Option<u32>,
    /// When it began, milliseconds since the process was started.
    pub at_ms: f64,
    /// How long the program stood still for it, milliseconds; absent where nobody listened at the time.
    pub pause_ms: Option<f64>,
    /// After a mark-compact: the used heap a little later, bytes.
    pub used_after: Option<u64>,
    /// Whether it was made for a floor of ours.
    pub forced: bool,
}

/// The collections since a look, without anything else.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(crate) struct Noted {
    /// The latest of them.
    pub(crate) collections: Vec<Collection>,
    /// All that were noted since the probe came.
    pub(crate) collections_seen: u64,
    /// For how long, since the probe came, only full collections were noted, milliseconds.
    pub(crate) rested_ms: f64,
    /// Seconds since the process was started.
    pub(crate) uptime: f64,
}

impl Collection {
    /// Whether all of the heap was collected.
    #[must_use]
    pub fn is_major(&self) -> bool {
        self.kind == 4
    }
}
