//! Native growth: is it in use, or does malloc keep what was freed?

use serde::{Deserialize, Serialize};

use crate::growth::MIB;
use crate::recording::{Floor, Recording};
use crate::statistics::median;

/// What resident memory that nobody in V8 holds consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NativeKind {
    /// Native code allocated it and did not free it.
    InUse,
    /// It was freed, and malloc keeps it: fragmentation, or a peak that went by.
    KeptByMalloc,
}

/// How malloc's main heap changed over the floors that count, bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct MallocGrowth {
    pub(crate) in_use: f64,
    pub(crate) free: f64,
}

/// Shares of the native growth that decide: what explains less says nothing.
const MOST: f64 = 0.5;

/// Growth of malloc's main heap from the first three floors to the last three.
pub(crate) fn malloc_growth(floors: &[Floor]) -> Option<MallocGrowth> {
    let gain = |value: fn(&Floor) -> Option<u64>| {
        let bytes = Recording::series(floors, |floor| value(floor).map(|bytes| bytes as f64))?.bytes;
        let n = bytes.len();
        (n >= 3).then(|| median(&bytes[n - 3..]) - median(&bytes[..3]))
    };
    Some(MallocGrowth { in_use: gain(|floor| floor.malloc_in_use)?, free: gain(|floor| floor.malloc_free)? })
}

/// Memory that malloc keeps free, bytes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Kept {
    /// Free in malloc's main heap.
    pub(crate) free: f64,
    /// Resident, neither V8's heap nor held from it.
    pub(crate) native: f64,
}

/// Free memory that malloc keeps and that is worth a word.
const KEPT_GATE: f64 = 64.0 * MIB;
/// At so many floors at least: less is a peak on its way back to the system.
const KEPT_FLOORS: usize = 3;

/// Whether most of the resident memory outside V8 is, or was for some floors, free memory that malloc keeps: it gives
/// back what happens to lie at the end of its heap, so that the last floor alone would decide by chance. Snapshots of
/// ours leave some too; that is not counted.
pub(crate) fn kept_by_malloc(floors: &[Floor]) -> Option<Kept> {
    let (free, native) = (Recording::malloc_free(floors)?.bytes, Recording::native(floors)?.bytes);
    let mut kept: Vec<Kept> =
        free.into_iter().zip(native).map(|(free, native)| Kept { free, native }).collect();
    kept.sort_by(|one, other| other.free.total_cmp(&one.free));
    let kept = kept.get(KEPT_FLOORS - 1)?;
    (kept.free > KEPT_GATE && kept.free > MOST * kept.native).then_some(*kept)
}

/// What a native growth of `gain` bytes is, if malloc's heap accounts for it.
pub(crate) fn kind(malloc: Option<MallocGrowth>, gain: f64) -> Option<NativeKind> {
    let malloc = malloc?;
    if malloc.in_use > MOST * gain && malloc.in_use > malloc.free {
        Some(NativeKind::InUse)
    } else if malloc.free > MOST * gain {
        Some(NativeKind::KeptByMalloc)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floors(in_use: u64, free: u64) -> Vec<Floor> {
        (0..10)
            .map(|i| Floor {
                malloc_in_use: Some(1000 + in_use * i),
                malloc_free: Some(500 + free * i),
                ..Floor::default()
            })
            .collect()
    }

    #[test]
    fn what_malloc_keeps_counts_when_it_is_most_of_the_memory_outside_and_not_ours() {
        let mib = |mib: u64| mib << 20;
        let series = |steps: &[(u64, u64, bool)]| -> Vec<Floor> {
            let floor = |&(resident, free, after_snapshot)| Floor {
                resident: Some(mib(resident)),
                heap_total: Some(mib(10)),
                external: Some(0),
                malloc_free: Some(mib(free)),
                after_snapshot,
                ..Floor::default()
            };
            steps.iter().map(floor).collect()
        };
        let stepped = [(60, 0, false), (150, 80, false), (160, 80, false), (160, 80, false)];
        let kept = kept_by_malloc(&series(&stepped)).expect("80 of 150 MiB are free");
        assert_eq!((kept.free, kept.native), (mib(80) as f64, mib(150) as f64));
        // It went down to less than half again, as malloc does by and by.
        let back = [(60, 0, false), (148, 87, false), (148, 87, false), (148, 87, false), (118, 59, false)];
        assert_eq!(kept_by_malloc(&series(&back)).map(|kept| kept.free), Some(mib(87) as f64));
        let peak = [(60, 0, false), (148, 87, false), (148, 87, false), (70, 5, false), (70, 5, false)];
        assert_eq!(kept_by_malloc(&series(&peak)), None);
        let ours = [(60, 0, false), (60, 0, false), (160, 80, true), (160, 80, false)];
        assert_eq!(kept_by_malloc(&series(&ours)), None);
        let mostly_used = [(60, 0, false), (300, 80, false), (300, 80, false), (300, 80, false)];
        assert_eq!(kept_by_malloc(&series(&mostly_used)), None);
        let little = [(60, 0, false), (60, 40, false), (60, 40, false), (60, 40, false)];
        assert_eq!(kept_by_malloc(&series(&little)), None);
    }

    #[test]
    fn what_is_used_and_what_is_kept_are_told_apart() {
        assert_eq!(kind(malloc_growth(&floors(100, 0)), 800.0), Some(NativeKind::InUse));
        assert_eq!(kind(malloc_growth(&floors(10, 90)), 800.0), Some(NativeKind::KeptByMalloc));
        assert_eq!(kind(malloc_growth(&floors(10, 10)), 8000.0), None);
        assert_eq!(kind(malloc_growth(&[Floor::default()]), 800.0), None);
    }
}
