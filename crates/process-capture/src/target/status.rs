//! What `/proc/PID/status` and `/proc/PID/stat` say that a capture depends on, or a core repeats.

/// Both files together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Status {
    /// The process that a thread belongs to; its own id for a process.
    pub(crate) process: u32,
    /// `R`, `S`, `D`, `T`, `t`, `Z`, ...
    pub(crate) state: char,
    /// The parent.
    pub(crate) parent: u32,
    /// The process group.
    pub(crate) group: u32,
    /// The session.
    pub(crate) session: u32,
    /// Who traces it; 0 for nobody.
    pub(crate) tracer: u32,
    /// Real user and group.
    pub(crate) user: u32,
    /// Real group of users.
    pub(crate) user_group: u32,
    /// All user ids: real, effective, saved.
    pub(crate) users: Vec<u32>,
    /// Its ids from our namespace inwards.
    pub(crate) namespace_pids: Vec<u32>,
    /// 0 none, 1 strict, 2 filtered.
    pub(crate) seccomp: u32,
    /// The kernel's flags of the process (`PF_*`).
    pub(crate) flags: u64,
    /// Nice value.
    pub(crate) nice: i64,
    /// Short name.
    pub(crate) name: String,
    /// Times in ticks: user, system, user of children, system of children.
    pub(crate) times: [u64; 4],
    /// Whether it has guarded stacks (`x86_Thread_features`).
    pub(crate) shadow_stack: bool,
    /// Whether it has memory at all; threads of the kernel have none.
    pub(crate) has_memory: bool,
}

/// From the text of both.
pub(crate) fn parse(status: &str, stat: &str) -> Option<Status> {
    let field = |name: &str| {
        status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let number =
        |name: &str| field(name).and_then(|value| value.split_ascii_whitespace().next()?.parse().ok());
    let numbers = |name: &str| -> Vec<u32> {
        field(name)
            .unwrap_or_default()
            .split_ascii_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect()
    };
    // The name may hold anything, also brackets; the fields after it are counted from 0.
    let name = stat.get(stat.find('(')? + 1..stat.rfind(')')?)?.to_owned();
    let rest: Vec<&str> = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().collect();
    let at = |index: usize| rest.get(index).and_then(|word| word.parse::<i64>().ok());
    Some(Status {
        process: number("Tgid")?,
        state: field("State")?.chars().next()?,
        parent: at(1)? as u32,
        group: at(2)? as u32,
        session: at(3)? as u32,
        tracer: number("TracerPid").unwrap_or(0),
        user: number("Uid")?,
        user_group: number("Gid")?,
        users: numbers("Uid").into_iter().take(3).collect(),
        namespace_pids: numbers("NSpid"),
        seccomp: number("Seccomp").unwrap_or(0),
        flags: at(6)? as u64,
        nice: at(16)?,
        name,
        times: [at(11)? as u64, at(12)? as u64, at(13)? as u64, at(14)? as u64],
        shadow_stack: field("x86_Thread_features").is_some_and(|features| features.contains("shstk")),
        has_memory: field("VmSize").is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_are_read() {
        let status = "Name:\tx\nTgid:\t300\nState:\tT (stopped)\nTracerPid:\t44\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n\
                      NSpid:\t300\t8\nVmSize:\t  100 kB\nSeccomp:\t2\nx86_Thread_features:\tshstk\n";
        let stat = "300 (a) b) T 7 8 9 0 -1 4194304 1 2 3 4 11 12 13 14 20 -5 1 0 999 1 1";
        let parsed = parse(status, stat).unwrap();
        assert_eq!((parsed.state, parsed.parent, parsed.group, parsed.session), ('T', 7, 8, 9));
        assert_eq!((parsed.tracer, parsed.user, parsed.user_group, parsed.seccomp), (44, 1, 5, 2));
        assert_eq!((parsed.users, parsed.namespace_pids), (vec![1, 2, 3], vec![300, 8]));
        assert_eq!((parsed.name.as_str(), parsed.times, parsed.nice), ("a) b", [11, 12, 13, 14], -5));
        assert!(parsed.shadow_stack && parsed.has_memory);
        assert_eq!(parse("", stat), None);
    }

    #[test]
    fn this_process_is_read() {
        let text = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap();
        let parsed = parse(&text("status"), &text("stat")).unwrap();
        assert!(parsed.has_memory && parsed.tracer == 0 && !parsed.shadow_stack);
    }
}
