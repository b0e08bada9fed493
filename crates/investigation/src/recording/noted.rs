//! Collections as the probe notes them, turned into records.

use super::{Collection, CollectionKind};
use crate::attach;

/// V8's numbers for the reasons, as `perf_hooks` hands them on, and what they mean.
const CAUSES: [(u32, &str); 4] = [
    (4, "asked for by the program"),
    (32, "external memory"),
    (ALL_GARBAGE, "all garbage"),
    (64, "idle time"),
];
const ALL_GARBAGE: u32 = 16;
/// The cause of those that we ask for ourselves.
pub(super) const FOR_A_FLOOR: &str = "asked for, to take the floor";

impl Collection {
    /// One that the probe of process `pid` noted; the process was started at `started`, in seconds of the recording.
    pub(crate) fn noted(gc: &attach::Collection, pid: u32, started: f64) -> Self {
        let forced = gc.forced.then(|| FOR_A_FLOOR.to_owned());
        let cause = |flags: u32| CAUSES.into_iter().find(|(flag, _)| flags & flag != 0);
        Self {
            seconds: (started + gc.at_ms / 1e3).max(0.0),
            pid,
            kind: CollectionKind::numbered(gc.kind),
            cause: forced.or_else(|| gc.flags.and_then(cause).map(|(_, cause)| cause.to_owned())),
            pause_ms: gc.pause_ms,
            before: None,
            after: gc.used_after,
        }
    }
}

impl CollectionKind {
    fn numbered(number: u32) -> Self {
        match number {
            1 => Self::Scavenge,
            2 => Self::MinorMarkSweep,
            4 => Self::MarkCompact,
            8 => Self::Incremental,
            16 => Self::WeakCallbacks,
            _ => Self::Other,
        }
    }
}
