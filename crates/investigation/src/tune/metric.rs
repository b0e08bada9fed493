//! What is measured of each start, as rows of data.

use serde::Serialize;

use super::measure::Measured;

/// Something that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Processor time (user and system) of all processes of the program, milliseconds: for a request where requests
    /// are counted, else for the load.
    Cpu,
    /// Requests per second.
    Throughput,
    /// How long the load took, seconds.
    LoadTime,
    /// Half of the answers came within this, milliseconds.
    LatencyP50,
    /// 99 of 100 answers came within this, milliseconds.
    LatencyP99,
    /// Scavenges in the load.
    Scavenges,
    /// Mark-compacts in the load.
    FullCollections,
    /// How long the program stood still for collections in the load, milliseconds.
    PauseSum,
    /// 99 of 100 such pauses were at most this long, milliseconds.
    PauseP99,
    /// The most that was resident at any time, bytes, of all processes together.
    PeakResident,
    /// The heap after full collections at the end, bytes.
    Floor,
}

/// A difference matters from this part of the baseline on, and from this much in the metric's own unit.
pub(super) struct Threshold {
    pub(super) part: f64,
    pub(super) absolute: f64,
}

impl Metric {
    /// All of them, as they are shown.
    pub const ALL: [Self; 11] = [
        Self::Cpu,
        Self::Throughput,
        Self::LoadTime,
        Self::LatencyP50,
        Self::LatencyP99,
        Self::Scavenges,
        Self::FullCollections,
        Self::PauseSum,
        Self::PauseP99,
        Self::PeakResident,
        Self::Floor,
    ];

    /// Those by which a setting is advised, with what makes a difference matter.
    pub(super) const DECIDING: [(Self, Threshold); 3] = [
        (Self::Cpu, Threshold { part: 0.05, absolute: 0.0 }),
        (Self::Throughput, Threshold { part: 0.10, absolute: 0.0 }),
        // Less than this is what a page more or less of the allocator comes to in a small program.
        (Self::PeakResident, Threshold { part: 0.10, absolute: 8.0 * 1_048_576.0 }),
    ];

    /// Whether more of it is better.
    pub(super) fn more_is_better(self) -> bool {
        self == Self::Throughput
    }

    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "processor time",
            Self::Throughput => "throughput",
            Self::LoadTime => "time of the load",
            Self::LatencyP50 => "median latency",
            Self::LatencyP99 => "p99 latency",
            Self::Scavenges => "scavenges",
            Self::FullCollections => "full collections",
            Self::PauseSum => "pauses in all",
            Self::PauseP99 => "p99 pause",
            Self::PeakResident => "peak resident memory",
            Self::Floor => "heap after full collections",
        }
    }

    pub(super) fn of(self, start: &Measured) -> Option<f64> {
        let per_request = |value: f64| match start.requests {
            Some(requests) if requests > 0 => value / requests as f64,
            _ => value,
        };
        match self {
            Self::Cpu => Some(per_request(start.cpu_seconds * 1e3)),
            Self::Throughput => Some(start.requests? as f64 / start.seconds.max(1e-9)),
            Self::LoadTime => Some(start.seconds),
            Self::LatencyP50 => start.p50_ms,
            Self::LatencyP99 => start.p99_ms,
            Self::Scavenges => Some(start.scavenges as f64),
            Self::FullCollections => Some(start.full_collections as f64),
            Self::PauseSum => Some(start.pause_ms),
            Self::PauseP99 => start.pause_p99_ms,
            Self::PeakResident => start.peak_resident.map(|bytes| bytes as f64),
            Self::Floor => start.floor.map(|bytes| bytes as f64),
        }
    }
}
