//! Native growth: is it in use, or does malloc keep what was freed?

use serde::{Deserialize, Serialize};

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
    fn what_is_used_and_what_is_kept_are_told_apart() {
        assert_eq!(kind(malloc_growth(&floors(100, 0)), 800.0), Some(NativeKind::InUse));
        assert_eq!(kind(malloc_growth(&floors(10, 90)), 800.0), Some(NativeKind::KeptByMalloc));
        assert_eq!(kind(malloc_growth(&floors(10, 10)), 8000.0), None);
        assert_eq!(kind(malloc_growth(&[Floor::default()]), 800.0), None);
    }
}
