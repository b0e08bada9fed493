//! What a snapshot or a collection will cost the process, before it is taken.
//!
//! V8 builds the whole graph of a snapshot in the memory of the process, which stands still meanwhile. Measured on
//! Node 12 to 26, that is 430 to 490 bytes of memory and 4 to 8 microseconds for each node, and a heap has a node for
//! every 20 to 60 of its bytes: 8 to 16 times the used heap. Node 20 and older search their strings in a way that
//! made a million distinct ones take 391 seconds where Node 22 took 15.

use std::time::Duration;

use node_process::ProcError;
use serde::{Deserialize, Serialize};

/// Bytes of heap for each node of a snapshot, few and many.
const BYTES_PER_NODE: (f64, f64) = (28.0, 56.0);
const SECONDS_PER_NODE: (f64, f64) = (4e-6, 8e-6);
/// Since this version distinct strings cost no more than others.
const STRINGS_MENDED: u32 = 22;
const SLOW_STRINGS_SECONDS: f64 = 391.0;
const SLOW_STRINGS_NODES: f64 = 1.4e6;
/// One full collection, seconds for each byte of used heap: 40 ms at 11 MB, and the half where threads help.
const COLLECTION: (f64, f64) = (1.5e-9, 4e-9);

/// A range.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Range {
    /// The lower end.
    pub low: f64,
    /// The upper end; decisions go by this one.
    pub high: f64,
}

/// What a snapshot will cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// The used heap that it was predicted from, bytes.
    pub used_heap: u64,
    /// Memory of the process on top of what it has, bytes.
    pub bytes: Range,
    /// How long the process stands still, seconds.
    pub pause_seconds: Range,
}

/// Predicts a snapshot's cost. A version that cannot be read counts as an old one.
#[must_use]
pub fn predict(used_heap: u64, node_version: &str) -> Price {
    let used = used_heap as f64;
    let (few, many) = (used / BYTES_PER_NODE.1, used / BYTES_PER_NODE.0);
    let major: u32 = node_version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(0);
    let strings = if major >= STRINGS_MENDED {
        0.0
    } else {
        // Their number decides, squared.
        SLOW_STRINGS_SECONDS * (many / SLOW_STRINGS_NODES).powi(2)
    };
    Price {
        used_heap,
        bytes: Range { low: used * 8.0, high: used * 16.0 },
        pause_seconds: Range {
            low: few * SECONDS_PER_NODE.0,
            high: (many * SECONDS_PER_NODE.1).max(strings),
        },
    }
}

/// Predicts how long one full collection stops the process.
#[must_use]
pub fn predict_collection(used_heap: u64) -> (Duration, Duration) {
    let used = used_heap as f64;
    let seconds = |value: f64| Duration::from_secs_f64(value.max(0.001));
    (seconds(used * COLLECTION.0), seconds(used * COLLECTION.1))
}

/// The resident set of the process, bytes; absent when it is gone.
#[must_use]
pub fn resident_bytes(pid: u32) -> Option<u64> {
    node_process::resident_bytes(pid).ok()
}

/// How much more memory a process may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Headroom {
    /// Under the limits of its control groups, bytes; absent when there are none.
    pub group: Option<u64>,
    /// On the machine, bytes; absent when the machine does not say.
    pub machine: Option<u64>,
}

impl Headroom {
    /// The tighter of the two.
    #[must_use]
    pub fn tightest(&self) -> Option<u64> {
        self.group.into_iter().chain(self.machine).min()
    }

    /// Whether a snapshot fits, by the upper end of its price. What is unknown does not forbid.
    #[must_use]
    pub fn allows(&self, price: &Price) -> bool {
        self.tightest().is_none_or(|room| price.bytes.high <= room as f64)
    }
}

/// How much more memory the process may take.
///
/// # Errors
/// When the process is gone.
pub fn headroom(pid: u32) -> Result<Headroom, ProcError> {
    let group = node_process::group_memory(pid)?.map(|group| group.headroom());
    Ok(Headroom { group, machine: node_process::machine_available() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Measured: used heap in MB, extra memory in MB, seconds of processor time.
    #[test]
    fn what_was_measured_lies_within_the_prediction() {
        for (version, used, extra, seconds) in [
            ("v18.20.8", 14.5, 147.0, 2.4),
            ("v22.23.3", 14.5, 149.0, 2.5),
            ("v26.10.0", 15.0, 167.0, 1.3),
            ("v12.22.12", 122.0, 1427.0, 20.0),
        ] {
            let price = predict((used * 1e6) as u64, version);
            assert!(
                price.bytes.low <= extra * 1e6 && extra * 1e6 <= price.bytes.high,
                "{version}: {price:?}"
            );
            let pause = price.pause_seconds;
            assert!(pause.low <= seconds && seconds <= pause.high, "{version}: {price:?}");
        }
    }

    #[test]
    fn the_upper_end_and_the_tighter_limit_decide() {
        let price = predict(10_000_000, "v24.0.0");
        let room = |group, machine| Headroom { group, machine };
        assert!(room(None, None).allows(&price));
        assert!(room(Some(160_000_000), None).allows(&price));
        assert!(!room(Some(159_999_999), Some(u64::MAX)).allows(&price));
        assert!(!room(None, Some(100_000_000)).allows(&price));
    }

    #[test]
    fn distinct_strings_are_dear_before_22() {
        let (old, new) = (predict(60_000_000, "v20.19.5"), predict(60_000_000, "v22.23.3"));
        assert!(old.pause_seconds.high > 391.0 && new.pause_seconds.high < 30.0, "{old:?} {new:?}");
    }
}
