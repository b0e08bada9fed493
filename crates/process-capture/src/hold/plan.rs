//! Which way to take, decided before the process is touched.

use std::time::Duration;

use serde::Serialize;

use crate::{
    CaptureError,
    arch::Gadgets,
    fork,
    headroom::{Headroom, OwnMemory, headroom},
    target::Target,
};

/// How the memory is made to stand still.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The process forks a frozen copy of itself and runs on.
    Fork,
    /// The process stands still until its memory is read.
    Stop,
}

/// A place in the process's memory whose two bytes say that it is busy with something after which its memory is of more
/// use: a garbage collection that moves objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Busy {
    /// Where.
    pub address: u64,
    /// Busy while this is there.
    pub value: u16,
}

/// What to do, and what is allowed.
#[derive(Debug, Clone)]
pub struct HoldOptions {
    /// The way; `None` chooses.
    pub mode: Option<Mode>,
    /// Whether to take it that the system call filter allows what is injected, where it may not be read.
    pub trust_seccomp: bool,
    /// How long the threads may take to stop.
    pub patience: Duration,
    /// The longest that the process may stand still.
    pub max_pause: Option<Duration>,
    /// By how much the frozen copy may grow, bytes.
    pub max_memory: Option<u64>,
    /// How long the frozen copy may live.
    pub time_limit: Duration,
    /// What we keep in memory ourselves.
    pub own: OwnMemory,
    /// The process is made to stand still when it is busy with none of these, if that comes within `wait`.
    pub avoid: Vec<Busy>,
    /// How long such a moment is waited for.
    pub wait: Duration,
}

impl Default for HoldOptions {
    fn default() -> Self {
        Self {
            mode: None,
            trust_seccomp: false,
            patience: Duration::from_secs(1),
            max_pause: None,
            max_memory: None,
            time_limit: Duration::from_secs(600),
            own: OwnMemory::default(),
            avoid: Vec::new(),
            wait: Duration::from_secs(2),
        }
    }
}

/// The decision.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) mode: Mode,
    /// Whether the other way may be taken when this one turns out not to work.
    pub(crate) may_stop: bool,
    pub(crate) reason: String,
    pub(crate) headroom: Headroom,
    pub(crate) gadgets: Option<Gadgets>,
}

/// Measured: 16 to 30 microseconds of processor time for each megabyte of a fork, and what stopping takes.
const FORK_NS_PER_BYTE: f64 = 0.030;
const FORK_BASE_MS: f64 = 5.0;
/// Measured: 0.15 to 0.3 seconds for each gigabyte that is read, 0.6 to 1.8 where it must be written meanwhile.
const READ_NS_PER_BYTE: f64 = 0.3;
const STOP_NS_PER_BYTE: f64 = 1.2;

/// About how long the process will stand still. `ahead` bytes of `private` need not be written meanwhile.
pub(crate) fn expected_pause_ms(mode: Mode, private: u64, ahead: u64) -> u64 {
    let ns = match mode {
        Mode::Fork => private as f64 * FORK_NS_PER_BYTE,
        Mode::Stop => {
            let ahead = ahead.min(private);
            ahead as f64 * READ_NS_PER_BYTE + (private - ahead) as f64 * STOP_NS_PER_BYTE
        }
    };
    (ns / 1e6 + FORK_BASE_MS) as u64
}

/// Decides.
pub(crate) fn plan(target: &Target, options: &HoldOptions) -> Result<Plan, CaptureError> {
    let headroom = headroom(target, options.max_memory, options.own);
    let (obstacle, gadgets) = match options.mode {
        Some(Mode::Stop) => (None, None),
        _ => obstacle(target, &headroom),
    };
    let (mode, reason) = match (options.mode, obstacle) {
        (Some(Mode::Stop), _) => (Mode::Stop, "asked for".to_owned()),
        (Some(Mode::Fork), Some(reason)) => return Err(CaptureError::NoFork { pid: target.pid, reason }),
        (Some(Mode::Fork), None) => (Mode::Fork, "asked for".to_owned()),
        (None, Some(reason)) => (Mode::Stop, format!("no fork: {reason}")),
        (None, None) => (Mode::Fork, "nothing forbids it, and its copy fits into memory".to_owned()),
    };
    if let Some(allowed) = options.max_pause {
        let private = target.private_bytes();
        let expected_ms = expected_pause_ms(mode, private, headroom.ahead(private, options.max_memory));
        let allowed_ms = allowed.as_millis() as u64;
        if expected_ms > allowed_ms {
            return Err(CaptureError::PauseTooLong { pid: target.pid, expected_ms, allowed_ms });
        }
    }
    Ok(Plan { mode, may_stop: options.mode.is_none(), reason, headroom, gadgets })
}

fn obstacle(target: &Target, headroom: &Headroom) -> (Option<String>, Option<Gadgets>) {
    if let Some(reason) = fork::obstacle(target) {
        return (Some(reason), None);
    }
    if !headroom.allows() {
        let reason = format!(
            "its frozen copy may cost {} MB, and there are {} MB left",
            headroom.needed >> 20,
            headroom.there().unwrap_or(0) >> 20
        );
        return (Some(reason), None);
    }
    match fork::find(target.pid, &target.regions) {
        Some(gadgets) => (None, Some(gadgets)),
        None => (Some("its code has no system call that could be used".into()), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gigabyte_forks_in_tens_of_milliseconds_and_is_written_in_a_second() {
        let gigabyte = 1 << 30;
        assert!((20..80).contains(&expected_pause_ms(Mode::Fork, gigabyte, 0)));
        assert!((600..2000).contains(&expected_pause_ms(Mode::Stop, gigabyte, 0)));
        assert!((150..400).contains(&expected_pause_ms(Mode::Stop, gigabyte, 2 * gigabyte)));
    }
}
