//! Whether the memory of a process may be read, and what forbids it.

use std::{fs, io};

use crate::{process::stat, status::status};

/// What decides whether one process may read the memory of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Facts {
    /// Whether we have `CAP_SYS_PTRACE`.
    capable: bool,
    same_user: bool,
    /// Yama's `kernel.yama.ptrace_scope`, where the kernel has Yama.
    scope: Option<u8>,
    /// Whether we have started it.
    is_below_us: bool,
    /// Somebody else's debugger on it.
    tracer: u32,
}

/// Why the memory of a process cannot be read, if it cannot: of its heap in malloc nothing is known then.
#[must_use]
pub fn why_memory_is_closed(pid: u32) -> Option<String> {
    match fs::File::open(format!("/proc/{pid}/mem")) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Some(reason(facts(pid)?)),
        _ => None,
    }
}

fn facts(pid: u32) -> Option<Facts> {
    const SYS_PTRACE: u64 = 1 << 19;
    let own = fs::read_to_string("/proc/self/status").ok()?;
    let effective = own.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let capabilities = u64::from_str_radix(effective.trim(), 16).ok()?;
    let (ours, theirs) = (status(std::process::id()).ok()?, status(pid).ok()?);
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").ok();
    Some(Facts {
        capable: capabilities & SYS_PTRACE != 0,
        same_user: ours.user == theirs.user,
        scope: scope.and_then(|text| text.trim().parse().ok()),
        is_below_us: is_below(pid, std::process::id()),
        tracer: theirs.tracer,
    })
}

fn is_below(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    // No tree is deeper than this; ids that are used again could make a circle.
    for _ in 0..64 {
        match stat(at) {
            Ok(stat) if stat.parent == ancestor => return true,
            Ok(stat) if stat.parent > 1 => at = stat.parent,
            _ => return false,
        }
    }
    false
}

/// What forbids it, in words, with the way out.
fn reason(facts: Facts) -> String {
    const ROOT: &str = "run heapdowse as root";
    match facts {
        Facts { scope: Some(3), .. } => {
            "Yama forbids it to everybody (kernel.yama.ptrace_scope is 3, which only a restart of the machine changes)"
                .to_owned()
        }
        Facts { capable: true, tracer: 0, .. } => {
            "the kernel forbids it although we are privileged (a container's security profile?)".to_owned()
        }
        Facts { same_user: false, .. } => format!("it belongs to another user; {ROOT}"),
        Facts { scope: Some(2), .. } => {
            format!("Yama allows it to administrators alone (kernel.yama.ptrace_scope is 2); {ROOT}")
        }
        Facts { scope: Some(1), is_below_us: false, .. } => format!(
            "Yama allows it only for processes that we have started (kernel.yama.ptrace_scope is 1); {ROOT}, or \
             start the program with `heapdowse run`"
        ),
        Facts { tracer, .. } if tracer != 0 => format!("process {tracer} debugs it"),
        _ => format!("it has made itself unreadable (prctl PR_SET_DUMPABLE, or a set-user-id program); {ROOT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Facts = Facts { capable: false, same_user: true, scope: None, is_below_us: false, tracer: 0 };

    #[test]
    fn each_scope_of_yama_has_its_reason_and_way_out() {
        let with = |scope| reason(Facts { scope: Some(scope), ..OPEN });
        assert!(with(0).contains("PR_SET_DUMPABLE"), "Yama has no say");
        assert!(with(1).contains("ptrace_scope is 1") && with(1).contains("heapdowse run"));
        assert!(with(2).contains("ptrace_scope is 2") && with(2).contains("as root"));
        assert!(with(3).contains("ptrace_scope is 3") && !with(3).contains("as root"));
        let below = reason(Facts { scope: Some(1), is_below_us: true, ..OPEN });
        assert!(!below.contains("Yama"), "what we have started is ours: {below}");
    }

    #[test]
    fn other_users_and_debuggers_are_named() {
        assert!(reason(Facts { same_user: false, ..OPEN }).contains("another user"));
        assert!(reason(Facts { tracer: 77, ..OPEN }).contains("process 77"));
        assert!(reason(Facts { capable: true, same_user: false, ..OPEN }).contains("security profile"));
        assert!(reason(Facts { capable: true, scope: Some(3), ..OPEN }).contains("everybody"));
    }

    #[test]
    fn our_own_memory_is_open() {
        assert_eq!(why_memory_is_closed(std::process::id()), None);
        assert_eq!(why_memory_is_closed(u32::MAX), None);
        assert!(!is_below(1, std::process::id()));
    }
}
