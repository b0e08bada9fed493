//! A heap snapshot at the moment when the program runs out of memory.
//!
//! Node itself takes it, near the limit of the heap, which is raised once for that; then the program goes on
//! into the end it would have had. It writes into a hidden folder of ours, and what is whole in there when the
//! program has ended moves to where it was asked for.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::{RunOptions, last_heap::LastHeap, program::Program};

/// A heap of gigabytes takes minutes to write.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// How a whole snapshot ends: with its last string. A line break within a string would be escaped.
const END: &[u8] = b"\"]}";

/// A snapshot of a process that ran out of memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSnapshot {
    /// The process; it does not live any more.
    pub pid: Option<u32>,
    /// Where the snapshot is.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// What is in it; `None` when it was not looked at.
    #[serde(default)]
    pub heap: Option<LastHeap>,
}

/// Waits for processes that run out of memory.
#[derive(Debug)]
pub(super) struct OnOom {
    hidden: TempDir,
    into: PathBuf,
}

impl OnOom {
    /// Makes the hidden folder beside the snapshots to come, so that they can be moved as they are.
    pub(super) fn prepare(into: &Path) -> io::Result<Self> {
        let into = std::path::absolute(into)?;
        std::fs::create_dir_all(&into)?;
        // tempfile makes it for its owner alone.
        let hidden = tempfile::Builder::new().prefix(".heapdowse-oom-").tempdir_in(&into)?;
        Ok(Self { hidden, into })
    }

    /// The same run with Node told to take snapshots.
    pub(super) fn applied_to(&self, options: &RunOptions) -> RunOptions {
        let mut options = options.clone();
        let given = options.environment.iter().rev().find(|(name, _)| name == "NODE_OPTIONS");
        let given = given.map(|(_, value)| value.clone()).or_else(|| std::env::var("NODE_OPTIONS").ok());
        let folder = self.hidden.path().to_string_lossy().replace('\\', "\\\\").replace('"', "\\\"");
        let ours = format!("--heapsnapshot-near-heap-limit=1 --diagnostic-dir=\"{folder}\"");
        let value = given.map_or(ours.clone(), |given| format!("{given} {ours}"));
        options.environment.push(("NODE_OPTIONS".to_owned(), value));
        options
    }

    /// Lets a snapshot that is just being written become whole, before the program is ended.
    pub(super) fn let_finish(&self, program: &mut Program, options: &RunOptions) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline
            && !options.interrupted()
            && self.files().iter().any(|path| {
                pid_of(path).is_some_and(node_process::is_alive) && !is_whole(path).unwrap_or(false)
            })
        {
            // A program whose parent does not wait for it would look alive for ever.
            let _ = program.ended();
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Moves what is whole to where it was asked for. What is not whole is said and goes.
    pub(super) fn collect(&self, warnings: &mut Vec<String>) -> Vec<LastSnapshot> {
        let mut snapshots = Vec::new();
        for path in self.files() {
            let pid = pid_of(&path);
            match self.keep(&path, pid) {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(reason) => warnings.push(format!(
                    "process {} ran out of memory, but its snapshot was not kept: {reason}",
                    pid.map_or("?".to_owned(), |pid| pid.to_string())
                )),
            }
        }
        snapshots
    }

    fn files(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.hidden.path()) else { return Vec::new() };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let mut files: Vec<PathBuf> = paths.filter(|path| is_snapshot(path)).collect();
        files.sort();
        files
    }

    fn keep(&self, path: &Path, pid: Option<u32>) -> io::Result<LastSnapshot> {
        if !is_whole(path)? {
            return Err(io::Error::other("it is cut"));
        }
        let file = File::open(path)?;
        file.sync_all()?;
        let bytes = file.metadata()?.len();
        let pid_part = pid.map_or("unknown".to_owned(), |pid| pid.to_string());
        let name = |number: u32| match number {
            0 => format!("oom-{pid_part}.heapsnapshot"),
            more => format!("oom-{pid_part}-{more}.heapsnapshot"),
        };
        for number in 0..1000 {
            let target = self.into.join(name(number));
            // Linking fails where renaming would replace another run's snapshot.
            match std::fs::hard_link(path, &target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    std::fs::remove_file(path)?;
                    return Ok(LastSnapshot { pid, path: target, bytes, heap: None });
                }
            }
        }
        Err(io::Error::other("there are a thousand of them already"))
    }
}

/// Should nobody come to collect, what is whole is left all the same.
impl Drop for OnOom {
    fn drop(&mut self) {
        self.collect(&mut Vec::new());
    }
}

fn is_whole(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut end = vec![0; END.len()];
    file.seek(SeekFrom::Start(bytes.saturating_sub(END.len() as u64)))?;
    Ok(file.read_exact(&mut end).is_ok() && end == END)
}

fn is_snapshot(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending == "heapsnapshot")
}

/// `Heap.<date>.<time>.<pid>.<thread>.<number>.heapsnapshot`
fn pid_of(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.split('.').nth(3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_whole_is_kept_and_nothing_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let oom = OnOom::prepare(folder.path()).unwrap();
        let write = |name: &str, text: &str| std::fs::write(oom.hidden.path().join(name), text).unwrap();
        write("Heap.20261122.193412.23572.0.001.heapsnapshot", "{\"strings\":[\"a\"]}");
        write("Heap.20261122.193412.23573.0.001.heapsnapshot", "{\"strings\":[\"a");
        write("report.json", "{}");
        std::fs::write(folder.path().join("oom-23572.heapsnapshot"), "older").unwrap();
        let mut warnings = Vec::new();
        let kept = oom.collect(&mut warnings);
        let path = folder.path().join("oom-23572-1.heapsnapshot");
        assert_eq!(kept, [LastSnapshot { pid: Some(23572), path, bytes: 17, heap: None }]);
        assert!(warnings.len() == 1 && warnings[0].contains("23573"), "{warnings:?}");
        drop(oom);
        assert_eq!(std::fs::read(folder.path().join("oom-23572.heapsnapshot")).unwrap(), b"older");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
