//! Why tracing was refused, and what would allow it (ptrace(2), "Ptrace access mode checking").

use super::status::Status;
use crate::door;

/// CAP_SYS_PTRACE, as a bit of `CapEff`.
const SYS_PTRACE: u64 = 1 << 19;

/// What we are ourselves, as far as tracing depends on it.
struct Own {
    user: u32,
    capable: bool,
    filtered: bool,
    yama: u32,
}

/// Says what is missing.
pub(crate) fn why_not_allowed(pid: u32, target: &Status) -> String {
    let own = door::read_text("/proc/self/status").unwrap_or_default();
    let field = |name: &str| own.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let first =
        |name: &str| field(name).and_then(|value| value.split_ascii_whitespace().next()?.parse().ok());
    let capabilities = field("CapEff:").and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let yama = door::read_text("/proc/sys/kernel/yama/ptrace_scope").ok();
    reason(
        &Own {
            user: first("Uid:").unwrap_or(0),
            capable: capabilities & SYS_PTRACE != 0,
            filtered: first("Seccomp:").unwrap_or(0) != 0,
            yama: yama.and_then(|text| text.trim().parse().ok()).unwrap_or(0),
        },
        pid,
        target,
    )
}

fn reason(own: &Own, pid: u32, target: &Status) -> String {
    let container = "in a container, start this one with --cap-add SYS_PTRACE (Kubernetes: securityContext.capabilities.add)";
    if own.yama == 3 {
        return "the sysctl kernel.yama.ptrace_scope is 3, which forbids it to everybody until the next boot"
            .into();
    }
    if own.capable {
        return format!(
            "we have CAP_SYS_PTRACE, but process {pid} is in another user namespace, or a security module \
             (AppArmor, SELinux, Landlock) forbids it; look into the kernel's log"
        );
    }
    if target.users.iter().any(|user| *user != own.user) {
        return format!(
            "it belongs to user {}, and we are user {} without CAP_SYS_PTRACE; run heapdowse as that user or as \
             root; {container}",
            target.user, own.user
        );
    }
    match own.yama {
        1 => format!(
            "the sysctl kernel.yama.ptrace_scope is 1: only its parents may trace it; run heapdowse as root, give it \
             CAP_SYS_PTRACE, or set the sysctl to 0; {container}"
        ),
        2 => format!(
            "the sysctl kernel.yama.ptrace_scope is 2: it takes CAP_SYS_PTRACE; run heapdowse as root, or set the \
             sysctl to 0; {container}"
        ),
        _ if own.filtered => {
            format!(
                "it is not dumpable, or the system call filter of our own container forbids it; {container}"
            )
        }
        _ => format!(
            "it has changed its privileges (it is not dumpable, see prctl(2) PR_SET_DUMPABLE); run heapdowse as root; \
             {container}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_names_what_is_missing() {
        let own = |user, capable, yama| Own { user, capable, filtered: false, yama };
        let target = Status { user: 1000, users: vec![1000, 1000, 1000], ..Status::default() };
        let said = |own: &Own| reason(own, 42, &target);
        assert!(said(&own(7, false, 0)).contains("user 1000, and we are user 7"));
        assert!(said(&own(1000, false, 1)).contains("ptrace_scope is 1"));
        assert!(said(&own(1000, false, 2)).contains("CAP_SYS_PTRACE"));
        assert!(said(&own(0, true, 3)).contains("ptrace_scope is 3"));
        assert!(said(&own(0, true, 0)).contains("user namespace"));
        assert!(said(&own(1000, false, 0)).contains("not dumpable"));
    }
}
