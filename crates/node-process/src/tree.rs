//! A process with all that it started, by the parent field of `/proc/*/stat`.

use crate::process::{Stat, stat};

/// A process and its descendants, as they were at one look.
#[derive(Debug, Clone, Default)]
pub struct ProcessTree {
    /// Parents come before their children; the first is the root (when it is still there).
    pub members: Vec<Stat>,
}

impl ProcessTree {
    /// Looks at the tree under `root`.
    ///
    /// A descendant whose parent has ended belongs to init and is found only through the process group of
    /// the root, so members of that group are counted in too.
    #[must_use]
    pub fn of(root: u32) -> Self {
        Self::from_stats(root, all_processes())
    }

    fn from_stats(root: u32, all: Vec<Stat>) -> Self {
        let mut members: Vec<Stat> =
            all.iter().filter(|p| p.pid == root || p.group == root).cloned().collect();
        members.sort_by_key(|p| (p.pid != root, p.pid));
        let mut next = 0;
        while next < members.len() {
            let parent = members[next].pid;
            for child in all.iter().filter(|p| p.parent == parent) {
                if !members.iter().any(|known| known.pid == child.pid) {
                    members.push(child.clone());
                }
            }
            next += 1;
        }
        Self { members }
    }

    /// The process ids, zombies left out.
    pub fn live_pids(&self) -> impl Iterator<Item = u32> {
        self.members.iter().filter(|p| !matches!(p.state, 'Z' | 'X')).map(|p| p.pid)
    }
}

/// The direct children of a process.
#[must_use]
pub fn children_of(pid: u32) -> Vec<u32> {
    all_processes().into_iter().filter(|p| p.parent == pid).map(|p| p.pid).collect()
}

/// All processes that can be seen.
#[must_use]
pub fn all_processes() -> Vec<Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        // A process that ends during the look is simply not in it.
        .filter_map(|pid| stat(pid).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, group: u32) -> Stat {
        Stat { pid, name: "x".into(), state: 'S', parent, group, started: 1 }
    }

    #[test]
    fn the_tree_holds_descendants_and_orphans_of_the_group() {
        let all = vec![
            process(1, 0, 1),
            process(10, 1, 10),
            process(11, 10, 10),
            process(12, 11, 12), // left the group, is still a descendant
            process(13, 1, 10),  // its parent ended, is still in the group
            process(14, 13, 14), // and its child
            process(20, 1, 20),  // a stranger
        ];
        let mut pids: Vec<u32> = ProcessTree::from_stats(10, all).live_pids().collect();
        assert_eq!(pids.remove(0), 10);
        pids.sort_unstable();
        assert_eq!(pids, [11, 12, 13, 14]);
    }

    #[test]
    fn a_real_child_is_found() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let me = std::process::id();
        assert!(children_of(me).contains(&child.id()));
        assert!(ProcessTree::of(me).live_pids().any(|pid| pid == child.id()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
