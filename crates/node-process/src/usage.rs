//! What a process uses besides memory: processor time, sockets, children, and since when it runs.

use crate::error::{ProcError, read_text};

/// Processor time and age, from `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuUsage {
    /// Processor seconds used so far, in the process and in the kernel for it.
    pub cpu_seconds: f64,
    /// When it was started, seconds after the machine was.
    pub started: f64,
}

/// Reads the processor time of one process.
///
/// # Errors
/// When the process is gone or the file is not in the documented form.
pub fn cpu_usage(pid: u32) -> Result<CpuUsage, ProcError> {
    let text = read_text(pid, "stat")?;
    parse_usage(&text, ticks_per_second()).ok_or(ProcError::Malformed {
        path: format!("/proc/{pid}/stat"),
        expected: "times in the fields 14, 15 and 22",
    })
}

fn parse_usage(text: &str, ticks: f64) -> Option<CpuUsage> {
    // The fields are counted from the end of the name, which may hold spaces.
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
    let seconds = |at: usize| fields.get(at)?.parse::<u64>().ok().map(|value| value as f64 / ticks);
    Some(CpuUsage { cpu_seconds: seconds(11)? + seconds(12)?, started: seconds(19)? })
}

fn ticks_per_second() -> f64 {
    let found = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
    found.filter(|&ticks| ticks > 0).map_or(100.0, |ticks| ticks as f64)
}

/// Seconds since the machine was started.
#[must_use]
pub fn machine_uptime() -> Option<f64> {
    std::fs::read_to_string("/proc/uptime").ok()?.split_ascii_whitespace().next()?.parse().ok()
}

/// Open file descriptors, and how many of them are sockets.
///
/// # Errors
/// When the process is gone or belongs to another user.
pub fn descriptors(pid: u32) -> Result<(u64, u64), ProcError> {
    let path = format!("/proc/{pid}/fd");
    let entries = std::fs::read_dir(&path).map_err(|source| match source.kind() {
        std::io::ErrorKind::NotFound => ProcError::Gone { pid },
        _ => ProcError::Unreadable { path, source },
    })?;
    let (mut all, mut sockets) = (0, 0);
    for entry in entries.flatten() {
        all += 1;
        let target = std::fs::read_link(entry.path());
        sockets += u64::from(
            target.is_ok_and(|target| target.as_os_str().as_encoded_bytes().starts_with(b"socket:")),
        );
    }
    Ok((all, sockets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_counted_after_the_name() {
        let text = "7 (a ) b) S 1 7 7 0 -1 0 0 0 0 0 250 50 0 0 20 0 11 0 123400 0 0";
        assert_eq!(parse_usage(text, 100.0), Some(CpuUsage { cpu_seconds: 3.0, started: 1234.0 }));
        assert_eq!(parse_usage("7 (x) S 1", 100.0), None);
        assert_eq!(parse_usage("", 100.0), None);
    }

    #[test]
    fn this_process_is_younger_than_the_machine() {
        let usage = cpu_usage(std::process::id()).unwrap();
        assert!(usage.started <= machine_uptime().unwrap());
    }

    #[test]
    fn sockets_are_told_from_files() {
        let before = descriptors(std::process::id()).unwrap();
        let sockets: Vec<_> = (0..30).map(|_| std::net::UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let after = descriptors(std::process::id()).unwrap();
        assert!(after.1 + 10 >= before.1 + sockets.len() as u64, "{before:?} {after:?}");
        assert!(after.0 >= after.1);
    }
}
