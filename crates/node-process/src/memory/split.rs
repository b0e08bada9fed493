//! Resident memory by kind, from `/proc/PID/status`: the kernel keeps these sums, so that reading them costs
//! the process nothing (`smaps_rollup` walks its page tables under its lock).

use crate::error::{ProcError, read_text};

/// Resident memory by kind, in bytes. A field the kernel does not print is `None`, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResidentSplit {
    /// All of it.
    pub resident: Option<u64>,
    /// Heaps and stacks: memory without a file behind it.
    pub anonymous: Option<u64>,
    /// Mapped files: the executable, libraries.
    pub file: Option<u64>,
    /// Memory shared with other processes.
    pub shared: Option<u64>,
    /// Memory in swap, which is not resident.
    pub swap: Option<u64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Reads the split of one process; where the kernel does not print it, the sum from `statm`.
///
/// # Errors
/// When the process is gone or its files cannot be read.
pub fn resident_split(pid: u32) -> Result<ResidentSplit, ProcError> {
    let mut split = parse_status(&read_text(pid, "status")?);
    if split.resident.is_none() {
        split.resident = super::resident_bytes(pid).ok();
    }
    Ok(split)
}

fn parse_status(text: &str) -> ResidentSplit {
    let word = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()
    };
    let kilobytes = |name: &str| word(name)?.checked_mul(1024);
    ResidentSplit {
        resident: kilobytes("VmRSS"),
        anonymous: kilobytes("RssAnon"),
        file: kilobytes("RssFile"),
        shared: kilobytes("RssShmem"),
        swap: kilobytes("VmSwap"),
        threads: word("Threads"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_printed_is_absent() {
        let split = parse_status("Name:\tnode\nVmRSS:\t    2048 kB\nRssAnon:\t 148 kB\nThreads:\t11\n");
        assert_eq!(split.resident, Some(2048 * 1024));
        assert_eq!(split.anonymous, Some(148 * 1024));
        assert_eq!((split.file, split.swap, split.threads), (None, None, Some(11)));
        assert_eq!(parse_status("VmRSS:\t18446744073709551615 kB\n").resident, None);
    }

    #[test]
    fn the_kinds_of_this_process_add_up() {
        let split = resident_split(std::process::id()).unwrap();
        let sum = split.anonymous.unwrap() + split.file.unwrap() + split.shared.unwrap();
        assert_eq!(split.resident, Some(sum));
        assert!(split.threads.unwrap() >= 1);
    }
}
