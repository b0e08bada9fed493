//! What a process holds of the machine: resident memory and open files.

use crate::error::{ProcError, read_text};

mod split;

pub use split::{ResidentSplit, resident_split};

/// Resident memory in bytes, from `/proc/PID/statm`.
///
/// # Errors
/// When the process is gone, or the file is not in the documented form.
pub fn resident_bytes(pid: u32) -> Result<u64, ProcError> {
    let text = read_text(pid, "statm")?;
    parse_statm(&text, page_size())
        .ok_or(ProcError::Malformed { path: format!("/proc/{pid}/statm"), expected: "two numbers of pages" })
}

fn parse_statm(text: &str, page_size: u64) -> Option<u64> {
    let pages: u64 = text.split_ascii_whitespace().nth(1)?.parse().ok()?;
    pages.checked_mul(page_size)
}

fn page_size() -> u64 {
    nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE)
        .ok()
        .flatten()
        .and_then(|size| u64::try_from(size).ok())
        .unwrap_or(4096)
}

/// The sums of `/proc/PID/smaps_rollup`, in bytes. A field the kernel does not print is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rollup {
    /// Resident memory.
    pub resident: Option<u64>,
    /// Resident memory shared with others, in proportion.
    pub proportional: Option<u64>,
    /// Resident anonymous memory: heaps and stacks, no files.
    pub anonymous: Option<u64>,
    /// Memory in swap.
    pub swap: Option<u64>,
}

/// Reads `/proc/PID/smaps_rollup` (slower than [`resident_bytes`]: the kernel walks the page tables).
///
/// # Errors
/// When the process is gone or belongs to another user.
pub fn rollup(pid: u32) -> Result<Rollup, ProcError> {
    Ok(parse_rollup(&read_text(pid, "smaps_rollup")?))
}

fn parse_rollup(text: &str) -> Rollup {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    Rollup {
        resident: field("Rss"),
        proportional: field("Pss"),
        anonymous: field("Anonymous"),
        swap: field("Swap"),
    }
}

/// How many file descriptors the process has open.
///
/// # Errors
/// When the process is gone or belongs to another user.
pub fn open_files(pid: u32) -> Result<u64, ProcError> {
    let path = format!("/proc/{pid}/fd");
    match std::fs::read_dir(&path) {
        Ok(entries) => Ok(entries.count() as u64),
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => Err(ProcError::Gone { pid }),
        Err(source) => Err(ProcError::Unreadable { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statm_counts_pages() {
        assert_eq!(parse_statm("268435 12345 4321 1 0 900 0\n", 4096), Some(12345 * 4096));
        assert_eq!(parse_statm("268435", 4096), None);
        assert_eq!(parse_statm("1 18446744073709551615", 4096), None);
    }

    #[test]
    fn a_field_that_is_not_printed_is_absent_not_zero() {
        let text = "55d0-7ffe ---p 00000000 00:00 0    [rollup]\nRss:      51200 kB\nPss:      40000 kB\nPss_Anon: 1 kB\nAnonymous:  30000 kB\n";
        let rollup = parse_rollup(text);
        assert_eq!(rollup.resident, Some(51200 * 1024));
        assert_eq!(rollup.proportional, Some(40000 * 1024));
        assert_eq!(rollup.anonymous, Some(30000 * 1024));
        assert_eq!(rollup.swap, None);
    }

    #[test]
    fn this_process_has_memory_and_files() {
        let me = std::process::id();
        assert!(resident_bytes(me).unwrap() > 100_000);
        assert!(rollup(me).unwrap().resident.unwrap() > 100_000);
        let before = open_files(me).unwrap();
        let files: Vec<_> = (0..40).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        assert!(open_files(me).unwrap() + 20 >= before + files.len() as u64);
    }
}
