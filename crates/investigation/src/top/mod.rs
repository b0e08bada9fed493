//! All Node.js processes of this machine, from `/proc`: nothing is signalled, and only inspectors that are open anyway
//! are connected to.

mod facts;
mod heaps;
mod trend;

use std::collections::HashMap;

use node_process::Executable;
use serde::Serialize;

use crate::attach::HeapNumbers;

pub use facts::{Inspector, script_name};
use heaps::Heaps;
use trend::History;

/// One Node.js process. What nobody could read is `None`, never zero.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeProcess {
    /// Its id.
    pub pid: u32,
    /// The script it runs, or its title.
    pub name: String,
    /// Its command line.
    pub command_line: Vec<String>,
    /// Its version of Node.js, as its executable says.
    pub node_version: Option<String>,
    /// The user it runs as.
    pub user: Option<u32>,
    /// Resident set, bytes.
    pub resident: Option<u64>,
    /// How the resident set grows, bytes per second, since watching began; `None` while that was too short.
    pub resident_per_second: Option<f64>,
    /// For how long it was watched, seconds.
    pub watched_seconds: f64,
    /// The limit of its control group, bytes.
    pub memory_limit: Option<u64>,
    /// What is used under that limit, bytes.
    pub memory_used: Option<u64>,
    /// `--max-old-space-size` from its command line or environment, bytes.
    pub old_space_limit: Option<u64>,
    /// When the first limit is reached at the present trend, seconds; `None` if it does not grow, or has no limit.
    pub seconds_to_limit: Option<f64>,
    /// Its heap, where its inspector is open anyway.
    pub heap: Option<HeapNumbers>,
    /// How the lowest heap of the looks grows, bytes per second; `None` while it was watched for less than 30 s.
    pub heap_floor_per_second: Option<f64>,
    /// Why `heap` is not known, if it is not.
    pub heap_unknown: Option<String>,
    /// Whether its inspector is open or could be opened.
    pub inspector: Inspector,
    /// The ports it listens on.
    pub ports: Vec<u16>,
    /// Processor use since the look before, or since its start at the first look: 1 is one processor.
    pub cpu: Option<f64>,
    /// For how long it has run, seconds.
    pub uptime: Option<f64>,
    /// Threads.
    pub threads: Option<u64>,
}

/// Looks at the machine again and again, and remembers what only time shows.
#[derive(Debug, Default)]
pub struct Top {
    versions: HashMap<Executable, Option<String>>,
    /// By id and start, as ids are used again.
    histories: HashMap<(u32, u64), History>,
    heaps: Heaps,
}

impl Top {
    /// All Node.js processes that run now, by their ids.
    pub fn look(&mut self) -> Vec<NodeProcess> {
        let now = node_process::machine_uptime().unwrap_or(0.0);
        let processes = node_process::all_processes();
        let running = |stat: &node_process::Stat| !matches!(stat.state, 'Z' | 'X');
        let nodes: Vec<_> =
            processes.into_iter().filter(|stat| running(stat) && node_process::is_node(stat.pid)).collect();
        let live: Vec<(u32, u64)> = nodes.iter().map(|stat| (stat.pid, stat.started)).collect();
        self.histories.retain(|key, _| live.contains(key));
        self.heaps.retain(&live);
        let mut rows: Vec<NodeProcess> =
            live.into_iter().filter_map(|(pid, started)| self.row(pid, started, now)).collect();
        rows.sort_by_key(|row| row.pid);
        rows
    }

    fn version(&mut self, pid: u32) -> Option<String> {
        let executable = node_process::executable(pid)?;
        self.versions.entry(executable).or_insert_with(|| node_process::node_version(pid)).clone()
    }

    fn row(&mut self, pid: u32, started: u64, now: f64) -> Option<NodeProcess> {
        let split = node_process::resident_split(pid).ok()?;
        let command_line = node_process::command_line(pid).unwrap_or_default();
        let options = facts::options(pid, &command_line);
        let usage = node_process::cpu_usage(pid).ok();
        let group = node_process::group_memory(pid).ok().flatten();
        let node_version = self.version(pid);
        let history = self.histories.entry((pid, started)).or_default();
        let uptime = usage.map(|usage| (now - usage.started).max(0.0));
        let cpu = usage.and_then(|usage| history.cpu(now, usage.cpu_seconds, uptime?));
        if let Some(resident) = split.resident {
            history.push(now, resident as f64);
        }
        let per_second = history.per_second();
        let old_space_limit = facts::old_space_limit(&options);
        // The heap is a part of the anonymous memory: its limit comes no sooner than that.
        let heap_room = old_space_limit.zip(split.anonymous).map(|(limit, used)| limit.saturating_sub(used));
        let room = [group.map(|group| group.headroom()), heap_room].into_iter().flatten().min();
        let ports: Vec<_> = node_process::listening_ports([pid]);
        let mut numbers: Vec<u16> = ports.iter().map(|port| port.port).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let inspector = facts::inspector(pid, &options, &numbers);
        let (heap, heap_floor_per_second, heap_unknown) =
            match self.heaps.look((pid, started), &inspector, now) {
                Ok((numbers, rate)) => (Some(numbers), rate, None),
                Err(reason) => (None, None, Some(reason)),
            };
        Some(NodeProcess {
            pid,
            name: script_name(&command_line),
            inspector,
            heap,
            heap_floor_per_second,
            heap_unknown,
            command_line,
            node_version,
            user: node_process::status(pid).ok().map(|status| status.user),
            resident: split.resident,
            resident_per_second: per_second,
            watched_seconds: history.seconds(),
            memory_limit: group.map(|group| group.limit),
            memory_used: group.map(|group| group.used),
            old_space_limit,
            seconds_to_limit: room.zip(per_second).and_then(|(room, rate)| trend::time_to(room, rate)),
            ports: numbers,
            cpu,
            uptime,
            threads: split.threads,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn the_heap_is_told_where_the_inspector_is_open_and_nobody_is_kept_from_ending() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("node")
            .args([&format!("--inspect=127.0.0.1:{port}"), "-e", "setTimeout(() => {}, 4000)"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut top = Top::default();
        let begun = std::time::Instant::now();
        let heap = loop {
            let row = top.look().into_iter().find(|row| row.pid == child.id());
            if let Some(heap) = row.and_then(|row| row.heap) {
                break heap;
            }
            assert!(begun.elapsed().as_secs() < 4, "no heap is told");
            std::thread::sleep(std::time::Duration::from_millis(50));
        };
        assert!(heap.used > 1 << 20 && heap.used < heap.total && heap.total < heap.limit, "{heap:?}");
        // It ends by itself, as long as somebody looks.
        while child.try_wait().unwrap().is_none() {
            top.look();
            assert!(begun.elapsed().as_secs() < 20, "it waits for us");
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }

    #[test]
    fn a_running_node_is_listed_with_what_it_was_told() {
        let mut child = Command::new("node")
            .args(["--max-old-space-size=123", "-e", "setInterval(() => {}, 1000)"])
            .env("NODE_OPTIONS", "--max-semi-space-size=2")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut top = Top::default();
        let mut found = None;
        for _ in 0..100 {
            std::thread::sleep(std::time::Duration::from_millis(50));
            found = top.look().into_iter().find(|row| row.pid == child.id());
            if matches!(found.as_ref().map(|row| &row.inspector), Some(Inspector::Closed)) {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let row = found.unwrap();
        assert_eq!(row.inspector, Inspector::Closed);
        assert!(row.heap.is_none() && row.heap_unknown.unwrap().contains("closed"));
        assert_eq!(row.old_space_limit, Some(123 << 20));
        assert!(row.node_version.unwrap().contains('.'));
        assert!(row.resident.unwrap() > 10 << 20 && row.uptime.unwrap() < 60.0);
        assert!(!top.look().iter().any(|row| row.pid == child.id()), "it has ended");
    }
}
