//! The memory of the control group a process runs in, and its limit: cgroup v2 and v1.
//!
//! The limit that counts is the lowest one on the way from the process's group up to the root.

use std::path::{Path, PathBuf};

use crate::error::{ProcError, read_text};

/// Memory of a control group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CgroupMemory {
    /// What the group with the lowest limit uses now (page cache included), bytes.
    pub current: Option<u64>,
    /// The lowest limit above the process, bytes; `None` when there is none.
    pub limit: Option<u64>,
}

/// v1 prints a number near 2^63 where there is no limit.
const NO_LIMIT: u64 = 1 << 60;

/// Reads the memory of the group a process runs in; `Ok(None)` when no memory controller covers it.
///
/// # Errors
/// When the process is gone or its groups cannot be read.
pub fn cgroup_memory(pid: u32) -> Result<Option<CgroupMemory>, ProcError> {
    let groups = read_text(pid, "cgroup")?;
    let mounts = read_text(std::process::id(), "mountinfo")?;
    Ok(Hierarchy::find(&groups, &mounts).map(|hierarchy| hierarchy.read()))
}

/// Where the files of a process's memory group lie.
#[derive(Debug, PartialEq, Eq)]
struct Hierarchy {
    /// Where the controller is mounted.
    mount: PathBuf,
    /// The process's group below it.
    group: PathBuf,
    /// `memory.max` and the like, or v1's names.
    limit_file: &'static str,
    current_file: &'static str,
}

impl Hierarchy {
    fn find(groups: &str, mounts: &str) -> Option<Self> {
        let mut unified = None;
        for line in groups.lines() {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            if controllers.split(',').any(|controller| controller == "memory") {
                // A v1 memory controller, if present, is the one that limits.
                let (mount, group) = below(mounts, "cgroup", path, "memory")?;
                let (limit_file, current_file) = ("memory.limit_in_bytes", "memory.usage_in_bytes");
                return Some(Self { mount, group, limit_file, current_file });
            }
            if controllers.is_empty() {
                unified = below(mounts, "cgroup2", path, "");
            }
        }
        let (mount, group) = unified?;
        Some(Self { mount, group, limit_file: "memory.max", current_file: "memory.current" })
    }

    fn read(&self) -> CgroupMemory {
        let number = |folder: &Path, file: &str| {
            std::fs::read_to_string(folder.join(file)).ok()?.trim().parse::<u64>().ok()
        };
        let mut found = CgroupMemory::default();
        for group in self.group.ancestors() {
            let folder = self.mount.join(group.strip_prefix("/").unwrap_or(group));
            let current = number(&folder, self.current_file);
            let limit = number(&folder, self.limit_file).filter(|&limit| limit < NO_LIMIT);
            if found.current.is_none() {
                found.current = current;
            }
            if let Some(limit) = limit
                && found.limit.is_none_or(|known| limit < known)
            {
                found = CgroupMemory { current: current.or(found.current), limit: Some(limit) };
            }
        }
        found
    }
}

/// The mount of a controller and a group's path below it. A container often mounts only its own group: the
/// mount's root is then a prefix of the path.
fn below(mounts: &str, kind: &str, path: &str, option: &str) -> Option<(PathBuf, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split_ascii_whitespace();
        let is_kind = right.next()? == kind;
        let options = right.nth(1).unwrap_or_default();
        if !is_kind || !(option.is_empty() || options.split(',').any(|found| found == option)) {
            return None;
        }
        let mut left = left.split_ascii_whitespace().skip(3);
        let (root, mount) = (left.next()?, left.next()?);
        let inside = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
        Some((PathBuf::from(mount), Path::new("/").join(inside)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
        35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn a_v1_controller_goes_before_the_unified_tree() {
        let found = Hierarchy::find("4:memory:/a/b\n0::/\n", MOUNTS).unwrap();
        assert_eq!(found.mount, Path::new("/sys/fs/cgroup/memory"));
        assert_eq!(found.group, Path::new("/a/b"));
        assert_eq!(found.limit_file, "memory.limit_in_bytes");
        let unified = Hierarchy::find("0::/x\n", MOUNTS).unwrap();
        assert_eq!((unified.group, unified.limit_file), (PathBuf::from("/x"), "memory.max"));
        assert_eq!(Hierarchy::find("nonsense\n", MOUNTS), None);
    }

    #[test]
    fn a_container_mounts_its_own_group_alone() {
        let mounts = "1 1 0:1 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup rw\n";
        let found = Hierarchy::find("0::/docker/abc/inner\n", mounts).unwrap();
        assert_eq!(found.group, Path::new("/inner"));
    }

    #[test]
    fn the_lowest_limit_above_counts() {
        let folder = std::env::temp_dir().join(format!("heapdowse-cgroup-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("pod/app")).unwrap();
        let write = |file: &str, text: &str| std::fs::write(folder.join(file), text).unwrap();
        write("pod/memory.max", "268435456\n");
        write("pod/memory.current", "200\n");
        write("pod/app/memory.max", "max\n");
        write("pod/app/memory.current", "100\n");
        let hierarchy = |group: &str| Hierarchy {
            mount: folder.clone(),
            group: group.into(),
            limit_file: "memory.max",
            current_file: "memory.current",
        };
        let limited = hierarchy("/pod/app").read();
        assert_eq!(limited, CgroupMemory { current: Some(200), limit: Some(268_435_456) });
        assert_eq!(hierarchy("/gone").read(), CgroupMemory::default());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
