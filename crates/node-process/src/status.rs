//! `/proc/PID/status`: what the process does with a signal, who owns it, and who holds it.

use crate::error::{ProcError, read_text};

/// SIGUSR1 as a bit of the masks in `/proc/PID/status`.
const USR1: u64 = 1 << (10 - 1);

/// What a process does when SIGUSR1 is sent to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalAction {
    /// Its handler runs.
    Caught,
    /// It waits until the process lets it in.
    Blocked,
    /// Nothing.
    Ignored,
    /// The process ends: it never said what to do.
    Ends,
}

/// The fields of `/proc/PID/status` that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `R`, `S`, `T` (stopped), `t` (stopped by a debugger), `Z`, ...
    pub state: char,
    /// The effective user.
    pub user: u32,
    /// The process that traces it, 0 if none does.
    pub tracer: u32,
    /// Its ids from our namespace inwards; the last is the one that it knows itself by.
    pub namespace_pids: Vec<u32>,
    /// What SIGUSR1 does.
    pub usr1: SignalAction,
    /// The mode of its system call filter: 0 for none.
    pub seccomp: u32,
    /// Threads.
    pub threads: u32,
    /// The most that was ever resident, bytes.
    pub peak_resident: Option<u64>,
}

/// Reads `/proc/PID/status`.
///
/// # Errors
/// When the process is gone or the file is not in the documented form.
pub fn status(pid: u32) -> Result<Status, ProcError> {
    parse(&read_text(pid, "status")?).ok_or(ProcError::Malformed {
        path: format!("/proc/{pid}/status"),
        expected: "`State`, `Uid` and `SigCgt`",
    })
}

fn parse(text: &str) -> Option<Status> {
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    let number = |name: &str| field(name).and_then(|value| value.parse().ok());
    let has_usr1 = |name: &str| {
        let mask = u64::from_str_radix(field(name)?, 16).ok()?;
        Some(mask & USR1 != 0)
    };
    let usr1 = if has_usr1("SigIgn")? {
        SignalAction::Ignored
    } else if has_usr1("SigBlk")? {
        SignalAction::Blocked
    } else if has_usr1("SigCgt")? {
        SignalAction::Caught
    } else {
        SignalAction::Ends
    };
    let pid = number("Pid")?;
    Some(Status {
        state: field("State")?.chars().next()?,
        user: field("Uid")?.split_ascii_whitespace().nth(1)?.parse().ok()?,
        tracer: number("TracerPid").unwrap_or(0),
        // Kernels before 4.1 do not print it.
        namespace_pids: field("NSpid").map_or_else(
            || vec![pid],
            |pids| pids.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect(),
        ),
        usr1,
        seccomp: number("Seccomp").unwrap_or(0),
        threads: number("Threads").unwrap_or(1),
        peak_resident: field("VmHWM")
            .and_then(|value| value.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(ignored: &str, blocked: &str, caught: &str) -> String {
        format!(
            "Name:\tnode\nState:\tS (sleeping)\nPid:\t812\nTracerPid:\t0\nUid:\t1000\t1001\t1000\t1000\nThreads:\t11\n\
             NSpid:\t812\t7\nSigBlk:\t{blocked}\nSigIgn:\t{ignored}\nSigCgt:\t{caught}\nSeccomp:\t2\n"
        )
    }

    #[test]
    fn the_action_of_usr1_is_read_from_the_masks() {
        let none = "0000000000000000";
        let usr1 = "0000000000000200";
        let action = |ignored, blocked, caught| parse(&sample(ignored, blocked, caught)).unwrap().usr1;
        assert_eq!(action(none, none, usr1), SignalAction::Caught);
        assert_eq!(action(none, usr1, usr1), SignalAction::Blocked);
        assert_eq!(action(usr1, none, none), SignalAction::Ignored);
        // USR2 alone says nothing of USR1.
        assert_eq!(action(none, none, "0000000000000800"), SignalAction::Ends);
    }

    #[test]
    fn ids_and_owner_are_read() {
        let status = parse(&sample("0", "0", "0")).unwrap();
        assert_eq!((status.state, status.user, status.seccomp, status.threads), ('S', 1001, 2, 11));
        assert_eq!(status.namespace_pids, [812, 7]);
        assert_eq!(status.peak_resident, None);
        let with_peak = sample("0", "0", "0") + "VmHWM:\t   51200 kB\n";
        assert_eq!(parse(&with_peak).unwrap().peak_resident, Some(51200 * 1024));
        assert_eq!(parse("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_is_read() {
        let status = status(std::process::id()).unwrap();
        assert_eq!(status.namespace_pids.first(), Some(&std::process::id()));
    }
}
