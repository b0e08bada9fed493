//! Waiting for a condition.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use node_process::ProcessHandle;

use super::Trigger;
use crate::attach::{AttachError, AttachOptions, Attached, connect};

/// How often `/proc` is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// How often a process is asked over its inspector.
const ASK: Duration = Duration::from_secs(5);
/// How often the floor is taken: it takes full collections.
const FLOOR_EVERY: Duration = Duration::from_secs(30);
/// The floor grows when so many in a row are each above the one before, ...
const GROWING_FLOORS: usize = 4;
/// ... and the last by this much above the first.
const GROWTH: f64 = 1.05;
/// How near is near.
const NEAR: f64 = 0.9;

/// How to wait.
#[derive(Debug, Clone)]
pub struct WaitOptions {
    /// Raised to give up.
    pub cancel: Arc<AtomicBool>,
    /// Raised by SIGUSR2.
    pub signalled: Arc<AtomicBool>,
    /// How to attach, where the condition needs it.
    pub attach: AttachOptions,
    /// How often the floor is taken; `None` for the usual.
    pub floor_every: Option<Duration>,
}

/// Why it fired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fired {
    /// In words, with the numbers.
    pub reason: String,
    /// Whether memory is so short that a frozen copy cannot be paid for.
    pub memory_is_short: bool,
}

/// Why it cannot be waited any longer.
#[derive(Debug, thiserror::Error)]
pub enum WaitError {
    /// The process ended.
    #[error("process {0} ended before the condition came")]
    Ended(u32),
    /// Its inspector is needed and cannot be had.
    #[error("the condition needs the inspector: {0}")]
    Attach(#[from] AttachError),
    /// The cancel flag was raised.
    #[error("interrupted")]
    Interrupted,
}

/// Waits until a condition holds. Where it needs the inspector, that is open while it is waited, and is closed again
/// before this returns.
///
/// # Errors
/// When the process ends, cannot be attached to, or the cancel flag is raised.
pub fn wait(pid: u32, trigger: Trigger, options: &WaitOptions) -> Result<Fired, WaitError> {
    let handle = ProcessHandle::open(pid).map_err(|_| WaitError::Ended(pid))?;
    let mut attached = match trigger.attaches() {
        false => None,
        true => match connect(pid, &options.attach) {
            Ok(attached) => Some(attached),
            // The control group can still be watched, from outside.
            Err(_) if trigger == Trigger::OomNear && group(pid).is_some() => None,
            Err(error) => return Err(error.into()),
        },
    };
    let outcome = look(pid, trigger, &handle, attached.as_mut(), options);
    if let Some(attached) = attached {
        attached.detach();
    }
    outcome
}

fn look(
    pid: u32,
    trigger: Trigger,
    handle: &ProcessHandle,
    mut attached: Option<&mut Attached>,
    options: &WaitOptions,
) -> Result<Fired, WaitError> {
    let mut asked: Option<Instant> = None;
    let mut floors = VecDeque::new();
    let ask_every =
        if trigger == Trigger::FloorGrows { options.floor_every.unwrap_or(FLOOR_EVERY) } else { ASK };
    loop {
        if options.cancel.load(Ordering::Relaxed) {
            return Err(WaitError::Interrupted);
        }
        if !handle.is_alive() {
            return Err(WaitError::Ended(pid));
        }
        if let Some(fired) = from_outside(pid, trigger, options) {
            return Ok(fired);
        }
        match attached.as_deref_mut() {
            Some(attached) => {
                if asked.is_none_or(|asked| asked.elapsed() >= ask_every) {
                    asked = Some(Instant::now());
                    if let Some(fired) = from_inside(pid, trigger, attached, &mut floors)? {
                        return Ok(fired);
                    }
                }
                if !attached.wait(LOOK) {
                    return Err(WaitError::Ended(pid));
                }
            }
            None => std::thread::sleep(LOOK),
        }
    }
}

fn group(pid: u32) -> Option<node_process::GroupMemory> {
    node_process::group_memory(pid).ok().flatten()
}

fn from_outside(pid: u32, trigger: Trigger, options: &WaitOptions) -> Option<Fired> {
    match trigger {
        Trigger::Rss(limit) => {
            let resident = node_process::resident_bytes(pid).ok()?;
            (resident > limit).then(|| Fired {
                reason: format!("resident set {} MB, above {} MB", resident >> 20, limit >> 20),
                memory_is_short: false,
            })
        }
        Trigger::OomNear => {
            let group = group(pid)?;
            (group.used as f64 >= group.limit as f64 * NEAR).then(|| Fired {
                reason: format!(
                    "{} MB of the {} MB of its control group are used",
                    group.used >> 20,
                    group.limit >> 20
                ),
                memory_is_short: true,
            })
        }
        Trigger::Signal => options
            .signalled
            .swap(false, Ordering::Relaxed)
            .then(|| Fired { reason: "SIGUSR2 came".into(), memory_is_short: false }),
        Trigger::Heap(_) | Trigger::FloorGrows => None,
    }
}

fn from_inside(
    pid: u32,
    trigger: Trigger,
    attached: &mut Attached,
    floors: &mut VecDeque<u64>,
) -> Result<Option<Fired>, WaitError> {
    let error = |source| AttachError::Inspector { pid, source };
    if trigger == Trigger::FloorGrows {
        floors.push_back(attached.floor().map_err(error)?.heap_used);
        return Ok(grows(floors));
    }
    let reading = attached.read().map_err(error)?;
    let Some(limit) = reading.heap_limit.filter(|limit| *limit > 0) else { return Ok(None) };
    let fired = |what: &str, used: u64, memory_is_short| Fired {
        reason: format!("{what} {} MB, of {} MB at most", used >> 20, limit >> 20),
        memory_is_short,
    };
    Ok(match trigger {
        Trigger::Heap(share) if reading.heap_used as f64 > limit as f64 * share => {
            Some(fired("used heap", reading.heap_used, false))
        }
        Trigger::OomNear => {
            let after = reading.collections.iter().rev().find_map(|collection| collection.used_after);
            let near = after.filter(|used| *used as f64 >= limit as f64 * NEAR);
            near.map(|used| fired("heap after a full collection", used, true))
        }
        _ => None,
    })
}

fn grows(floors: &mut VecDeque<u64>) -> Option<Fired> {
    while floors.len() > GROWING_FLOORS {
        floors.pop_front();
    }
    let rises = floors.iter().zip(floors.iter().skip(1)).all(|(before, after)| before < after);
    let (first, last) = (*floors.front()?, *floors.back()?);
    (floors.len() == GROWING_FLOORS && rises && last as f64 > first as f64 * GROWTH).then(|| Fired {
        reason: format!("the floor grew {} times in a row, from {first} to {last} bytes", GROWING_FLOORS - 1),
        memory_is_short: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_grows_only_if_each_is_above_the_one_before() {
        let fires = |floors: &[u64]| grows(&mut floors.iter().copied().collect()).is_some();
        assert!(fires(&[100, 104, 108, 112]));
        assert!(fires(&[500, 100, 104, 108, 112]));
        assert!(!fires(&[100, 104, 103, 112]));
        assert!(!fires(&[100, 101, 102, 103]), "too little");
        assert!(!fires(&[100, 104, 108]));
    }
}
