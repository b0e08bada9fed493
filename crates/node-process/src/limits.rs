//! How much more memory a process may take: its control groups (versions 1 and 2) and the machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::error::{ProcError, read_text};

/// The tightest memory limit on a process, and what is used under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupMemory {
    /// The limit, bytes.
    pub limit: u64,
    /// Used under it, bytes; without file pages that the kernel would drop first.
    pub used: u64,
}

impl GroupMemory {
    /// What may still be taken.
    #[must_use]
    pub fn headroom(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// The memory limit of the process's control groups; `None` when none of them has one.
///
/// # Errors
/// When the process is gone.
pub fn group_memory(pid: u32) -> Result<Option<GroupMemory>, ProcError> {
    Ok(tightest_of(&read_text(pid, "cgroup")?, Path::new("/")))
}

/// The tightest limit on a process whose `/proc/PID/cgroup` says `text`, with the file system at `root`.
fn tightest_of(text: &str, root: &Path) -> Option<GroupMemory> {
    groups(text)
        .iter()
        .filter_map(|group| {
            let mount = root.join(group.mount.trim_start_matches('/'));
            tightest(&mount, group.path, &group.names)
        })
        .min_by_key(GroupMemory::headroom)
}

/// Memory that the machine can give without swapping, bytes.
#[must_use]
pub fn machine_available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

struct Names {
    limit: &'static str,
    used: &'static str,
    inactive: &'static str,
}

struct Group<'a> {
    mount: &'static str,
    path: &'a str,
    names: Names,
}

/// The lines that can limit memory: `N:...,memory,...:/path` (version 1) and `0::/path` (version 2).
fn groups(text: &str) -> Vec<Group<'_>> {
    text.lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (number, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            if controllers.split(',').any(|name| name == "memory") {
                let names = Names {
                    limit: "memory.limit_in_bytes",
                    used: "memory.usage_in_bytes",
                    inactive: "total_inactive_file",
                };
                return Some(Group { mount: "/sys/fs/cgroup/memory", path, names });
            }
            let names = Names { limit: "memory.max", used: "memory.current", inactive: "inactive_file" };
            (number == "0" && controllers.is_empty()).then_some(Group {
                mount: "/sys/fs/cgroup",
                path,
                names,
            })
        })
        .collect()
}

/// Limits hold for all below, so the group and each one above it are looked at.
fn tightest(mount: &Path, path: &str, names: &Names) -> Option<GroupMemory> {
    let own: PathBuf = mount.join(path.trim_start_matches('/'));
    // Within a container its own group is mounted at the root, under a path that names the host's.
    let start = if own.is_dir() { own } else { mount.to_owned() };
    start
        .ancestors()
        .take_while(|folder| folder.starts_with(mount))
        .filter_map(|folder| {
            let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
            // Version 2 prints `max` for none, version 1 a number near 2^63.
            let limit = number(names.limit).filter(|&limit| limit < 1 << 60)?;
            let stat = fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            let inactive = stat.lines().find_map(|line| {
                let (name, value) = line.split_once(' ')?;
                (name == names.inactive).then(|| value.parse::<u64>().ok())?
            });
            let used = number(names.used)?.saturating_sub(inactive.unwrap_or(0));
            Some(GroupMemory { limit, used })
        })
        .min_by_key(GroupMemory::headroom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_are_recognised() {
        let text = "9:name=systemd:/\n4:cpu,memory:/docker/ab\n0::/user.slice\n";
        let found = groups(text);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].path, found[0].names.limit), ("/docker/ab", "memory.limit_in_bytes"));
        assert_eq!((found[1].path, found[1].names.limit), ("/user.slice", "memory.max"));
    }

    #[test]
    fn the_tightest_limit_of_all_above_counts() {
        let mount = tempfile::tempdir().unwrap();
        let inner = mount.path().join("outer/inner");
        fs::create_dir_all(&inner).unwrap();
        let write = |folder: &Path, max: &str, current: &str| {
            fs::write(folder.join("memory.max"), max).unwrap();
            fs::write(folder.join("memory.current"), current).unwrap();
        };
        write(&inner, "max\n", "100\n");
        write(&mount.path().join("outer"), "1000\n", "700\n");
        fs::write(mount.path().join("outer/memory.stat"), "anon 1\ninactive_file 200\n").unwrap();
        let names = || Names { limit: "memory.max", used: "memory.current", inactive: "inactive_file" };
        let found = tightest(mount.path(), "/outer/inner", &names()).unwrap();
        assert_eq!(found, GroupMemory { limit: 1000, used: 500 });
        assert_eq!(found.headroom(), 500);
        // The path of the host, seen from within a container: the mount's root is the own group.
        write(mount.path(), "900\n", "800\n");
        assert_eq!(tightest(mount.path(), "/host/only", &names()).unwrap().headroom(), 100);
    }

    /// A container of 256 MiB on a machine of version 2, and one on a machine that has both.
    #[test]
    fn a_container_is_found_by_what_proc_says() {
        const MIB: u64 = 1 << 20;
        let root = tempfile::tempdir().unwrap();
        let unit = root.path().join("sys/fs/cgroup/kubepods.slice/pod7/app");
        fs::create_dir_all(&unit).unwrap();
        fs::write(unit.join("memory.max"), format!("{}\n", 256 * MIB)).unwrap();
        fs::write(unit.join("memory.current"), format!("{}\n", 200 * MIB)).unwrap();
        fs::write(unit.join("memory.stat"), format!("anon 1\nfile 2\ninactive_file {}\n", 24 * MIB)).unwrap();
        let pod = unit.parent().unwrap();
        fs::write(pod.join("memory.max"), "max\n").unwrap();
        fs::write(pod.join("memory.current"), format!("{}\n", 201 * MIB)).unwrap();
        let found = tightest_of("0::/kubepods.slice/pod7/app\n", root.path());
        assert_eq!(found, Some(GroupMemory { limit: 256 * MIB, used: 176 * MIB }));

        let old = root.path().join("sys/fs/cgroup/memory/docker/ab");
        fs::create_dir_all(&old).unwrap();
        fs::write(old.join("memory.limit_in_bytes"), format!("{}\n", 100 * MIB)).unwrap();
        fs::write(old.join("memory.usage_in_bytes"), format!("{}\n", 60 * MIB)).unwrap();
        let both = "4:memory:/docker/ab\n0::/kubepods.slice/pod7/app\n";
        assert_eq!(tightest_of(both, root.path()).unwrap().limit, 100 * MIB, "the tighter one counts");
        assert_eq!(tightest_of("0::/elsewhere\n", root.path()), None);
    }

    #[test]
    fn the_machine_has_memory() {
        assert!(machine_available().unwrap() > 1 << 20);
        group_memory(std::process::id()).unwrap();
    }
}
