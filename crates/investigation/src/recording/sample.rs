//! What a process was at one moment, and what happened between moments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A process at one moment. A number nobody could read, or that was not due, is absent, never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Seconds since the recording began.
    pub seconds: f64,
    /// The process.
    pub pid: u32,
    /// The worker thread, when the numbers of the heap are those of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<u32>,
    /// Resident set, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident: Option<u64>,
    /// Resident set shared out among those who share it, bytes; read now and then, as it costs the process time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proportional: Option<u64>,
    /// The part of the resident set without a file behind it: heaps and stacks, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<u64>,
    /// The part that is mapped files, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<u64>,
    /// The part that is shared memory, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared: Option<u64>,
    /// Memory in swap, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swap: Option<u64>,
    /// Used JavaScript heap, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_used: Option<u64>,
    /// Committed JavaScript heap, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_total: Option<u64>,
    /// Its limit, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap_limit: Option<u64>,
    /// The spaces of the heap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spaces: Vec<Space>,
    /// Memory outside the heap that objects in it hold, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<u64>,
    /// Array buffers, bytes (a part of `external`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array_buffers: Option<u64>,
    /// Memory that V8 has from malloc, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub malloced: Option<u64>,
    /// What keeps the event loop alive, by type: `TCPSocketWrap`, `Timeout`, ...
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub handles: BTreeMap<String, u64>,
    /// Open file descriptors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
    /// How many of them are sockets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sockets: Option<u64>,
    /// Threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<u64>,
    /// Child processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub children: Option<u64>,
    /// What the control group with the lowest limit uses, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_current: Option<u64>,
    /// That limit, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_limit: Option<u64>,
    /// Processor time used so far, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_seconds: Option<f64>,
    /// How late the event loop was, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_lag_ms: Option<f64>,
    /// Requests served so far.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
}

/// One space of the heap.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// `new_space`, `old_space`, ...
    pub name: String,
    /// Used, bytes.
    pub used: u64,
    /// Reserved, bytes.
    pub size: u64,
    /// Backed by memory, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub physical: Option<u64>,
}

/// What kind of collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CollectionKind {
    /// Young objects only.
    Scavenge,
    /// Young objects only, marked and swept in place.
    MinorMarkSweep,
    /// The whole heap.
    MarkCompact,
    /// Steps of marking between the program's own turns.
    Incremental,
    /// Callbacks of weak references.
    WeakCallbacks,
    /// A kind of a later version.
    #[serde(other)]
    Other,
}

impl CollectionKind {
    /// The kind as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scavenge => "scavenge",
            Self::MinorMarkSweep => "minor-mark-sweep",
            Self::MarkCompact => "mark-compact",
            Self::Incremental => "incremental",
            Self::WeakCallbacks => "weak-callbacks",
            Self::Other => "other",
        }
    }
}

/// A garbage collection.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Collection {
    /// When it began, seconds since the recording did.
    pub seconds: f64,
    /// The process.
    pub pid: u32,
    /// Which kind.
    pub kind: CollectionKind,
    /// Why, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// How long the program stood still, milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pause_ms: Option<f64>,
    /// Used heap before, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// Used heap after, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// What kind of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MarkKind {
    /// A round of load begins.
    Round,
    /// A heap snapshot was built, which stops the process and raises its resident set.
    Snapshot,
    /// Classes were counted in a frozen copy.
    Classes,
    /// Watching began.
    Attached,
    /// The process ended.
    Ended,
    /// Anything else.
    #[serde(other)]
    Note,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// When, seconds since the recording began.
    pub seconds: f64,
    /// When it was over, if it took time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<f64>,
    /// The process.
    pub pid: u32,
    /// Which kind of event. `record` is the tag of the line, so that `kind` is free here.
    pub kind: MarkKind,
    /// In words.
    pub text: String,
}

/// Reads what the machine says of a process, without asking the process. `thorough` reads what costs it time
/// (its page tables are walked) or us (all processes are looked at). `None` when the process is gone.
#[must_use]
pub fn sample_process(pid: u32, seconds: f64, thorough: bool) -> Option<Sample> {
    let split = node_process::resident_split(pid).ok()?;
    let descriptors = node_process::descriptors(pid).ok();
    let cgroup = node_process::group_memory(pid).ok().flatten();
    // A zombie has no memory any more.
    split.resident?;
    Some(Sample {
        seconds,
        pid,
        resident: split.resident,
        anonymous: split.anonymous,
        file: split.file,
        shared: split.shared,
        swap: split.swap,
        threads: split.threads,
        proportional: if thorough { node_process::rollup(pid).ok()?.proportional } else { None },
        children: thorough.then(|| node_process::children_of(pid).len() as u64),
        open_files: descriptors.map(|(all, _)| all),
        sockets: descriptors.map(|(_, sockets)| sockets),
        cgroup_current: cgroup.map(|group| group.used),
        cgroup_limit: cgroup.map(|group| group.limit),
        cpu_seconds: node_process::cpu_usage(pid).ok().map(|usage| usage.cpu_seconds),
        ..Sample::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_sample() {
        let sample = sample_process(std::process::id(), 1.5, true).unwrap();
        assert!(sample.resident.unwrap() > 100_000);
        assert!(sample.cpu_seconds.is_some() && sample.children.is_some() && sample.open_files.is_some());
        assert_eq!(sample.heap_used, None);
        assert_eq!(sample_process(u32::MAX, 0.0, false), None);
        let line = serde_json::to_string(&sample).unwrap();
        assert!(!line.contains("null") && !line.contains("heap_used"), "{line}");
        assert_eq!(serde_json::from_str::<Sample>(&line).unwrap(), sample);
    }

    #[test]
    fn kinds_of_later_versions_are_read() {
        let line = r#"{"seconds":1,"pid":2,"kind":"quantum"}"#;
        assert_eq!(serde_json::from_str::<Collection>(line).unwrap().kind, CollectionKind::Other);
        let line = r#"{"seconds":1,"pid":2,"kind":"quantum","text":"x"}"#;
        assert_eq!(serde_json::from_str::<Mark>(line).unwrap().kind, MarkKind::Note);
    }
}
