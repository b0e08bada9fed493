//! The heaps of processes whose inspectors are open anyway.

use std::collections::{HashMap, VecDeque};
use std::fmt;

use super::Inspector;
use crate::attach::{HeapNumbers, Onlooker};

/// Looks that are remembered.
const LOOKS: usize = 600;
/// The lowest of a third of the looks is a floor only if V8 had the time to collect in it.
const SHORTEST_SECONDS: f64 = 30.0;

/// What is seen of one heap.
#[derive(Default)]
struct Seen {
    onlooker: Option<Onlooker>,
    /// Why it is not looked at any more.
    refused: Option<String>,
    used: VecDeque<(f64, u64)>,
}

/// All heaps that can be looked at, by the id and start of their processes.
#[derive(Default)]
pub(super) struct Heaps(HashMap<(u32, u64), Seen>);

impl fmt::Debug for Heaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}

/// The numbers and the growth of the floor in bytes per second; or why there are none.
pub(super) type Look = Result<(HeapNumbers, Option<f64>), String>;

impl Heaps {
    pub(super) fn retain(&mut self, live: &[(u32, u64)]) {
        self.0.retain(|key, _| live.contains(key));
    }

    pub(super) fn look(&mut self, key: (u32, u64), inspector: &Inspector, now: f64) -> Look {
        let port = match inspector {
            Inspector::Open { port } => *port,
            Inspector::Closed => {
                self.0.remove(&key);
                return Err("its inspector is closed; heapdowse watch opens it".to_owned());
            }
            Inspector::NotAttachable { reason } => {
                return Err(format!("its inspector cannot be opened: {reason}"));
            }
        };
        let seen = self.0.entry(key).or_default();
        if let Some(reason) = &seen.refused {
            return Err(reason.clone());
        }
        match seen.read(key.0, port) {
            Ok(numbers) => {
                if seen.used.len() == LOOKS {
                    seen.used.pop_front();
                }
                seen.used.push_back((now, numbers.used));
                Ok((numbers, floor_per_second(seen.used.make_contiguous())))
            }
            Err(reason) => {
                // Asked once: a process at a breakpoint would hold every look up.
                seen.onlooker = None;
                seen.refused = Some(reason.clone());
                Err(reason)
            }
        }
    }
}

impl Seen {
    fn read(&mut self, pid: u32, port: u16) -> Result<HeapNumbers, String> {
        let onlooker = match &mut self.onlooker {
            Some(known) => known,
            none => none.insert(Onlooker::connect(pid, port).map_err(|error| error.to_string())?),
        };
        onlooker.read().map_err(|error| format!("its inspector is open, but it does not answer: {error}"))
    }
}

/// How fast the floor rises, told without a collection of ours: by the lowest heap in the first and in the last third
/// of the looks.
fn floor_per_second(looks: &[(f64, u64)]) -> Option<f64> {
    let third = looks.len() / 3;
    let (first, last) = (looks.first()?.0, looks.last()?.0);
    if third < 5 || last - first < SHORTEST_SECONDS {
        return None;
    }
    let lowest = |part: &[(f64, u64)]| part.iter().copied().min_by_key(|look| look.1);
    let (early, late) = (lowest(&looks[..third])?, lowest(&looks[looks.len() - third..])?);
    let gain = late.1 as f64 - early.1 as f64;
    Some(gain / (late.0 - early.0).max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_is_told_from_the_saw_teeth() {
        let teeth = |slope: u64| {
            let look = |i: u64| (i as f64, 10_000_000 + i * slope + (i % 7) * 3_000_000);
            (0..60).map(look).collect::<Vec<_>>()
        };
        assert_eq!(floor_per_second(&teeth(0)), Some(0.0));
        let rising = floor_per_second(&teeth(5000)).unwrap();
        assert!((rising - 5000.0).abs() < 1.0, "{rising}");
        assert_eq!(floor_per_second(&teeth(5000)[..20]), None, "too short");
        assert_eq!(floor_per_second(&[]), None);
    }
}
