//! What is watched while a frozen copy lives: it must not cost the process its life.

use std::time::{Duration, Instant};

use crate::{door, headroom, hold::HoldOptions};

/// How often.
pub(crate) const TICK: Duration = Duration::from_millis(50);
/// Reading how far the copy has grown walks all of its page tables: once in so many looks.
const GROWTH_EVERY: u32 = 10;

pub(crate) struct Watch {
    pid: u32,
    child: u32,
    /// What was left when the watch began.
    left: Option<u64>,
    until: Instant,
    limit: Duration,
    most: Option<u64>,
    /// Memory that was the copy's own at the beginning.
    own: Option<u64>,
    looks: u32,
}

impl Watch {
    pub(crate) fn new(pid: u32, child: u32, options: &HoldOptions) -> Self {
        Self {
            pid,
            child,
            left: headroom::left(pid),
            until: door::now() + options.time_limit,
            limit: options.time_limit,
            most: options.max_memory,
            own: options.max_memory.and_then(|_| private(child)),
            looks: 0,
        }
    }

    /// The reason to give the copy up, if there is one.
    pub(crate) fn too_much(&mut self) -> Option<String> {
        if door::now() > self.until {
            return Some(format!("it lived for {} s (its time limit)", self.limit.as_secs()));
        }
        if let (Some(left), Some(now)) = (self.left, headroom::left(self.pid))
            && now < left / 2
        {
            return Some(format!(
                "memory became short: {} MB left of {} MB at its beginning",
                now >> 20,
                left >> 20
            ));
        }
        self.looks += 1;
        let (most, own) = (self.most?, self.own?);
        if self.looks % GROWTH_EVERY != 1 {
            return None;
        }
        let grown = private(self.child)?.saturating_sub(own);
        (grown > most).then(|| {
            format!("it cost {} MB of memory, and {} MB are allowed (--max-memory)", grown >> 20, most >> 20)
        })
    }
}

/// Bytes that a process shares with nobody.
fn private(pid: u32) -> Option<u64> {
    let text = door::read_text(&format!("/proc/{pid}/smaps_rollup")).ok()?;
    let lines = text.lines().filter_map(|line| line.strip_prefix("Private_")?.split_once(':'));
    let kilobytes = lines.filter_map(|(_, value)| value.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    Some(kilobytes.sum::<u64>() << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_gives_the_copy_up() {
        let me = std::process::id();
        let mut watch = Watch::new(me, me, &HoldOptions::default());
        assert_eq!(watch.too_much(), None);
        watch.left = Some(u64::MAX);
        assert!(watch.too_much().unwrap().contains("memory became short"));
        let mut watch =
            Watch::new(me, me, &HoldOptions { time_limit: Duration::ZERO, ..HoldOptions::default() });
        assert!(watch.too_much().unwrap().contains("time limit"));
        let mut watch =
            Watch::new(me, me, &HoldOptions { max_memory: Some(1 << 20), ..HoldOptions::default() });
        assert_eq!(watch.too_much(), None);
        // Other tests of this process free memory meanwhile, but none of them so much.
        let grown = vec![1u8; 256 << 20];
        watch.looks = GROWTH_EVERY;
        assert!(watch.too_much().unwrap().contains("--max-memory"));
        assert!(grown.iter().all(|byte| *byte == 1));
    }
}
