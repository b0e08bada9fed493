//! How much memory a frozen copy may cost, and how much there is.
//!
//! The copy shares its pages with the process until one of them is written. A major collection of V8 writes to every
//! page of the heap, so the price of a copy that lives for some seconds is all of the private memory, once.

use serde::Serialize;

use crate::{door, target::Target};

/// The kernel's page tables for the copy: 8 bytes for each page of 4 KiB.
const PAGE_TABLE_SHARE: u64 = 500;
/// The share of what is left that may be taken to let a stopped process go earlier.
const AHEAD_SHARE: u64 = 4;
/// What we take ourselves.
pub(crate) const OWN_PEAK: u64 = 64 << 20;

/// The price of a frozen copy, and what there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Headroom {
    /// What the copy may cost, bytes.
    pub needed: u64,
    /// Of it, what we need ourselves where our memory comes out of the same limit, bytes.
    pub ours: u64,
    /// Left under the tightest limit of the process's control groups, bytes; `None` for no limit.
    pub group: Option<u64>,
    /// What the machine can give, bytes.
    pub machine: Option<u64>,
    /// What may be promised where the kernel promises no more than it has (`vm.overcommit_memory = 2`), bytes.
    pub promise: Option<u64>,
}

impl Headroom {
    /// What there is.
    #[must_use]
    pub fn there(&self) -> Option<u64> {
        [self.group, self.machine, self.promise].into_iter().flatten().min()
    }

    /// How much of a stopped process is read into memory ahead of its writing, bytes: all of it (`private`) if that
    /// fits into a quarter of what is left and into `most`. Where nothing is known, nothing.
    #[must_use]
    pub fn ahead(&self, private: u64, most: Option<u64>) -> u64 {
        private.min(self.there().unwrap_or(0) / AHEAD_SHARE).min(most.unwrap_or(u64::MAX))
    }

    /// Whether the copy fits. What is unknown does not forbid.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.there().is_none_or(|there| self.needed <= there)
    }
}

/// What we ourselves keep in memory for a copy.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OwnMemory {
    /// Whether the core lies in memory, and not on a disk.
    pub core: bool,
    /// What is made of it afterwards, in multiples of the process's private memory.
    pub analysis: u64,
}

/// What is left of the memory that the watcher guards: the tighter of control groups and machine.
pub(crate) fn left(pid: u32) -> Option<u64> {
    let group = door::group_memory(pid).ok().flatten().map(|group| group.headroom());
    group.into_iter().chain(door::machine_available()).min()
}

/// Prices a frozen copy. `most` bounds its growth.
pub(crate) fn headroom(target: &Target, most: Option<u64>, own: OwnMemory) -> Headroom {
    let private = target.private_bytes();
    let ours = ours(target, private, own);
    let needed = private / PAGE_TABLE_SHARE + most.map_or(private, |most| most.min(private)) + ours;
    Headroom {
        needed,
        ours,
        group: door::group_memory(target.pid).ok().flatten().map(|group| group.headroom()),
        machine: door::machine_available(),
        promise: promise(),
    }
}

/// A core that is written into memory, and our own memory, count where the limit is the same.
fn ours(target: &Target, private: u64, own: OwnMemory) -> u64 {
    let file = if own.core { private } else { 0 };
    let groups = |pid: &str| door::read_text(&format!("/proc/{pid}/cgroup")).unwrap_or_default();
    let same = groups("self") == groups(&target.pid.to_string());
    if same { OWN_PEAK + file + private * own.analysis } else { file }
}

fn promise() -> Option<u64> {
    let strict = door::read_text("/proc/sys/vm/overcommit_memory").ok()?.trim() == "2";
    if !strict {
        return None;
    }
    let text = door::read_text("/proc/meminfo").ok()?;
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Some(field("CommitLimit")?.saturating_sub(field("Committed_AS")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_counts() {
        let room = |needed, group, machine, promise| Headroom { needed, ours: 0, group, machine, promise };
        assert!(room(u64::MAX, None, None, None).allows());
        assert!(room(100, Some(100), Some(500), None).allows());
        assert!(!room(101, Some(100), Some(500), None).allows());
        assert!(!room(101, Some(500), Some(500), Some(100)).allows());
    }
}
