//! Which process of the program is the one to watch.
//!
//! The one that listens, found by the inodes of its sockets. In a cluster the primary holds the socket and
//! its workers do the work, so there a worker is watched. A program that does not listen is watched in its
//! innermost Node.js process: package managers and loaders are further out.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use node_process::{ListeningPort, listening_ports};

use super::{Ready, RunError, RunOptions, announcement::Announcement, program::Program, subject::Subject};

/// What waiting for the program came to.
pub(crate) enum Found {
    /// It listens; load can be made.
    Listening(Target),
    /// It does not, and nobody asked for load.
    Quiet(Target),
    /// It ended by itself, in order.
    Ended(String),
}

/// A process to watch.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) process: Announcement,
    /// Where the program is reached.
    pub(crate) address: Option<SocketAddr>,
    /// The other workers when it is one of a cluster.
    pub(crate) siblings: Vec<Announcement>,
}

const LOOK_EVERY: Duration = Duration::from_millis(40);
/// A cluster's workers come up one after the other.
const CLUSTER_PATIENCE: Duration = Duration::from_millis(700);
/// A port that is not the one in `PORT` is taken when that one does not come up in this time: a helper
/// process may listen before the program does.
const OTHER_PORT_AFTER: Duration = Duration::from_secs(2);
/// A process that lives this long without a port is watched from then on, when nobody asked for load.
const QUIET_AFTER: Duration = Duration::from_millis(300);

/// Waits until the program is ready in the way that was asked for.
pub(crate) fn wait_until_ready(program: &mut Program, options: &RunOptions) -> Result<Found, RunError> {
    let started = Instant::now();
    let mut other_port_since = None;
    loop {
        if options.interrupted() {
            return Err(RunError::Interrupted);
        }
        if let Some(status) = program.ended() {
            // Without load a program may end at any time; with load it had no time to be loaded.
            if program.failed() || options.has_load() {
                return Err(RunError::EndedBeforeReady { status });
            }
            return Ok(Found::Ended(status));
        }
        let listening = listening(program).filter(|target| {
            let given = target.address.is_some_and(|address| Some(address.port()) == program.port);
            given || other_port_since.get_or_insert_with(Instant::now).elapsed() >= OTHER_PORT_AFTER
        });
        let ready = match &options.ready {
            Ready::Port => listening.is_some(),
            Ready::Log(_) => program.has_said_it(),
            Ready::Delay(delay) => started.elapsed() >= *delay,
        };
        if ready && let Some(target) = listening {
            return Ok(Found::Listening(with_workers(program, target)));
        }
        let quiet = match &options.ready {
            Ready::Port => {
                !options.has_load() && other_port_since.is_none() && started.elapsed() >= QUIET_AFTER
            }
            _ => ready,
        };
        if quiet && let Some(process) = innermost(&program.node_processes()) {
            let target = Target { process, address: None, siblings: Vec::new() };
            // A load command may work without a port of ours: through a queue, a file or a signal.
            let loaded = options.load.is_some();
            return Ok(if loaded { Found::Listening(target) } else { Found::Quiet(target) });
        }
        if started.elapsed() >= options.ready_timeout {
            return Err(not_ready(program, options));
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

fn not_ready(program: &Program, options: &RunOptions) -> RunError {
    let known = program.node_processes();
    if let Some(failed) = known.iter().find_map(|process| process.error.clone()) {
        return RunError::NotWatchable { reason: failed };
    }
    let node_without_us: Vec<u32> = program
        .live_pids()
        .into_iter()
        .filter(|&pid| node_process::is_node(pid) && !known.iter().any(|process| process.pid == pid))
        .collect();
    if !node_without_us.is_empty() {
        let reason = format!(
            "{node_without_us:?} did not take our NODE_OPTIONS over (does the program set its own, or a \
             permission model forbid them?)"
        );
        return RunError::NotWatchable { reason };
    }
    let missing = match &options.ready {
        _ if known.is_empty() => "no Node.js process was started".to_owned(),
        Ready::Port => "no Node.js process of it listens on a TCP port".to_owned(),
        Ready::Log(text) => format!("it did not print {text:?}"),
        Ready::Delay(_) => "no Node.js process could be watched".to_owned(),
    };
    RunError::NotReady { patience: options.ready_timeout, missing }
}

/// The process that listens, if one does by now.
pub(super) fn listening(program: &dyn Subject) -> Option<Target> {
    // Ports first: a process is known only after its inspector's port is, so none of those slips through.
    let ports = listening_ports(program.live_pids());
    let known = program.node_processes();
    let (port, process) = choose(&ports, &known, program.port())?;
    let address = SocketAddr::new(port.loopback(), port.port);
    Some(Target { process: process.clone(), address: Some(address), siblings: Vec::new() })
}

/// A process of the program that is known, with its address if it listens.
pub(super) fn target_of(program: &dyn Subject, pid: u32) -> Option<Target> {
    let process = program.node_processes().into_iter().find(|process| process.pid == pid)?;
    let listening = listening(program).filter(|target| target.process.pid == pid);
    Some(listening.unwrap_or(Target { process, address: None, siblings: Vec::new() }))
}

fn choose<'a>(
    ports: &'a [ListeningPort],
    known: &'a [Announcement],
    wanted: Option<u16>,
) -> Option<(&'a ListeningPort, &'a Announcement)> {
    let inspectors: Vec<u16> = known.iter().filter_map(Announcement::inspector_port).collect();
    ports
        .iter()
        .filter(|port| !inspectors.contains(&port.port))
        .filter_map(|port| Some((port, known.iter().find(|process| process.pid == port.pid)?)))
        // The port we gave; then the outermost process; then IPv4, because that is what clients try.
        .min_by_key(|(port, process)| {
            let outer = known.iter().filter(|other| is_below(process, other.pid, known)).count();
            (Some(port.port) != wanted, outer, !matches!(port.address, IpAddr::V4(_)), port.port, process.pid)
        })
}

/// Whether a process was started by `ancestor`, as far as known processes tell.
fn is_below(process: &Announcement, ancestor: u32, known: &[Announcement]) -> bool {
    let mut parent = process.parent;
    // A chain is no longer than the number of processes, also when ids were used again.
    for _ in 0..known.len() {
        if parent == ancestor {
            return true;
        }
        match known.iter().find(|other| other.pid == parent) {
            Some(other) => parent = other.parent,
            None => return false,
        }
    }
    false
}

/// In a cluster, one of the workers with its siblings instead of the primary.
pub(super) fn with_workers(program: &dyn Subject, target: Target) -> Target {
    let workers = |known: Vec<Announcement>| {
        let primary = if target.process.cluster_worker { target.process.parent } else { target.process.pid };
        known.into_iter().filter(|p| p.cluster_worker && p.parent == primary).collect::<Vec<_>>()
    };
    if workers(program.node_processes()).is_empty() {
        return target;
    }
    std::thread::sleep(CLUSTER_PATIENCE);
    let mut siblings = workers(program.node_processes());
    if siblings.is_empty() {
        return target;
    }
    let process = siblings.remove(0);
    Target { process, address: target.address, siblings }
}

/// The first process that has no other known one below it and is no package manager.
fn innermost(known: &[Announcement]) -> Option<Announcement> {
    let has_child = |pid: u32| known.iter().any(|other| other.parent == pid);
    known.iter().find(|p| !p.is_package_manager() && !has_child(p.pid) && p.url.is_some()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, script: &str, inspector: u16) -> Announcement {
        serde_json::from_value(serde_json::json!({
            "pid": pid, "parent": parent, "version": "v20.0.0", "arguments": ["node", script],
            "url": format!("ws://127.0.0.1:{inspector}/u"),
        }))
        .unwrap()
    }

    fn port(pid: u32, port: u16, address: &str) -> ListeningPort {
        ListeningPort { pid, port, address: address.parse().unwrap(), inode: u64::from(port) }
    }

    #[test]
    fn an_inspectors_port_is_not_the_programs() {
        let known = [process(5, 1, "/bin/npm", 4001), process(6, 5, "app.js", 4002)];
        let ports = [port(5, 4001, "127.0.0.1"), port(6, 4002, "127.0.0.1")];
        assert!(choose(&ports, &known, Some(3000)).is_none());
        let ports = [port(6, 4002, "127.0.0.1"), port(6, 9100, "0.0.0.0"), port(6, 3000, "::")];
        assert_eq!(choose(&ports, &known, Some(3000)).unwrap().0.port, 3000);
        assert_eq!(choose(&ports, &known, Some(1)).unwrap().0.port, 9100);
    }

    #[test]
    fn the_program_goes_before_its_helpers() {
        let known = [process(6, 1, "app.js", 1), process(7, 6, "helper.js", 2), process(8, 7, "deep.js", 3)];
        let ports = [port(8, 2500, "127.0.0.1"), port(7, 2600, "127.0.0.1"), port(6, 2700, "::")];
        assert_eq!(choose(&ports, &known, Some(1)).unwrap().1.pid, 6);
        assert_eq!(choose(&ports[..2], &known, Some(1)).unwrap().1.pid, 7);
    }

    #[test]
    fn a_process_that_is_not_known_is_not_chosen() {
        let known = [process(6, 5, "app.js", 4002)];
        assert!(choose(&[port(9, 3000, "127.0.0.1")], &known, Some(3000)).is_none());
    }

    #[test]
    fn the_innermost_process_is_the_program() {
        let known = [
            process(5, 1, "/usr/bin/npm", 1),
            process(6, 5, "/x/node_modules/.bin/ts-node", 2),
            process(7, 6, "app.ts", 3),
        ];
        assert_eq!(innermost(&known).unwrap().pid, 7);
        assert!(innermost(&known[..1]).is_none());
    }
}
