//! Control groups, as containers have them.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// A control group with a limit on memory; removed when dropped. Needs root, as containers do.
pub(crate) struct Group(PathBuf);

impl Group {
    /// Of version 1 where the machine has it, else of version 2.
    pub(crate) fn with_limit(name: &str, bytes: u64) -> Self {
        let version_1 = Path::new("/sys/fs/cgroup/memory");
        let version_2 = Path::new("/sys/fs/cgroup");
        let (mount, limit) =
            if version_1.is_dir() { (version_1, "memory.limit_in_bytes") } else { (version_2, "memory.max") };
        let group = Self(mount.join(format!("heapdowse-{name}-{}", std::process::id())));
        std::fs::create_dir(&group.0).unwrap();
        std::fs::write(group.0.join(limit), bytes.to_string()).unwrap();
        group
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.0
    }

    /// Leaves it so much.
    pub(crate) fn tighten(&self, room: u64) {
        let version_1 = self.0.join("memory.usage_in_bytes");
        let (used, limit) = match version_1.is_file() {
            true => (version_1, "memory.limit_in_bytes"),
            false => (self.0.join("memory.current"), "memory.max"),
        };
        let used: u64 = std::fs::read_to_string(used).unwrap().trim().parse().unwrap();
        std::fs::write(self.0.join(limit), (used + room).to_string()).unwrap();
    }

    /// Moves a process into it.
    pub(crate) fn take(&self, pid: u32) {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its last process is gone a moment after it was waited for.
        for _ in 0..50 {
            if std::fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
