//! From a process id to an attached process.

use std::{
    net::TcpStream,
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use inspector::{InspectorError, Session};
use node_process::ProcessHandle;
use serde::{Deserialize, Serialize};

use super::{
    AttachError, AttachEvent, AttachOptions, Hold, ProcessFacts, Reading,
    knock::{self, Open},
    probe::{self, Identity},
};
use crate::run::{MeasuredFloor, Watched, WatchedProcess};

/// How often the session looks at its deadline and at the cancel flag.
const POLL: Duration = Duration::from_millis(50);
const CONNECT: Duration = Duration::from_secs(5);
/// How long the inspector may take to move to another port.
const MOVE: Duration = Duration::from_secs(10);

/// A process that we are attached to. Dropped, it is let go of as [`detach`](Attached::detach) does.
pub struct Attached {
    pub(crate) watched: Watched,
    facts: ProcessFacts,
    collections_read: u64,
}

/// What is left after full collections.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FloorReading {
    /// Used heap before, bytes.
    pub heap_before: u64,
    /// Used heap after, bytes: the floor.
    pub heap_used: u64,
    /// Committed heap after, bytes.
    pub heap_total: u64,
    /// Memory outside the heap after, bytes.
    pub external: u64,
    /// Resident set after, bytes.
    pub resident: Option<u64>,
    /// Collections that it took.
    pub collections: u32,
    /// How long that took, seconds.
    pub seconds: f64,
}

impl From<MeasuredFloor> for FloorReading {
    fn from(measured: MeasuredFloor) -> Self {
        Self {
            heap_before: measured.before.heap_used,
            heap_used: measured.after.heap_used,
            heap_total: measured.after.heap_total,
            external: measured.after.external,
            resident: measured.resident,
            collections: measured.collections,
            seconds: measured.time.as_secs_f64(),
        }
    }
}

/// Attaches to a process: opens its inspector if it is not open, and puts the probe in.
///
/// # Errors
/// When that is not possible, with the reason and the way out. The process is then as it was before.
pub fn connect(pid: u32, options: &AttachOptions) -> Result<Attached, AttachError> {
    let facts = ProcessFacts::of(pid)?;
    // A cluster's primary tells its workers to open their inspectors too, all on one port. Those that are open
    // already do nothing, and are closed again with us.
    let alone = AttachOptions { several: true, ..options.clone() };
    let workers = cluster_workers(pid)
        .into_iter()
        .map(|worker| attach(worker, &alone))
        .collect::<Result<Vec<Watched>, AttachError>>()?;
    let watched = attach(pid, options)?;
    drop(workers);
    Ok(Attached { watched, facts, collections_read: 0 })
}

impl Attached {
    /// What is known of the process from outside.
    #[must_use]
    pub fn facts(&self) -> &ProcessFacts {
        &self.facts
    }

    /// The process, as a report names it.
    #[must_use]
    pub fn process(&self) -> &WatchedProcess {
        &self.watched.process
    }

    /// The session with its inspector.
    pub fn session(&mut self) -> &mut Session<TcpStream> {
        &mut self.watched.session
    }

    /// Reads all that the process says of itself. Nothing is collected for it.
    ///
    /// # Errors
    /// When the process does not answer or is gone.
    pub fn read(&mut self) -> Result<Reading, InspectorError> {
        let reading = probe::read_all(&mut self.watched.session, self.collections_read)?;
        self.collections_read = reading.collections_seen;
        Ok(reading)
    }

    /// Collects until the heap does not shrink any more. The process stands still for each collection.
    ///
    /// # Errors
    /// When the process does not answer or is gone.
    pub fn floor(&mut self) -> Result<FloorReading, InspectorError> {
        self.watched.floor().map(FloorReading::from)
    }

    /// Lets time pass. False when the process has ended, or only waits for us to go.
    pub fn wait(&mut self, time: Duration) -> bool {
        let connected = self.watched.session.pump(time);
        !matches!(connected, Ok(false)) && !self.watched.session.is_waiting_for_disconnect()
    }

    /// Takes the probe out again and closes the inspector if we opened it; what was done is told.
    pub fn detach(mut self) {
        self.watched.close();
    }
}

/// The workers that a process has forked as a cluster's primary.
pub(crate) fn cluster_workers(pid: u32) -> Vec<u32> {
    let is_worker = |&child: &u32| {
        // Taken out of the worker's own environment at once, but what it was started with stays to be seen.
        matches!(node_process::environment(child, ["NODE_UNIQUE_ID"]), Ok([Some(_)]))
            && node_process::is_node(child)
    };
    node_process::children_of(pid).into_iter().filter(is_worker).collect()
}

/// Attaches to one process, for whoever watches. A cluster's workers must be attached to before their primary.
pub(crate) fn attach(pid: u32, options: &AttachOptions) -> Result<Watched, AttachError> {
    let handle = ProcessHandle::open(pid)?;
    let mut guardian = None;
    let (open, opened) = knock::open_inspector(&handle, options, &mut guardian)?;
    let since = Instant::now();
    let error = AttachError::of(pid);
    crate::fault::here("signal");
    let mut session = open_session(pid, &open, &options.cancel)?;
    let who = identify(pid, &open, &mut session)?;
    probe::install(&mut session, opened).map_err(&error)?;
    if let Some(guardian) = guardian {
        guardian.dismiss();
    }
    let mut port = open.address.port();
    let mut hold = Hold { handle, port, opened, since, tell: options.tell.clone() };
    if opened && options.several {
        match moved(pid, session, &open, &options.cancel) {
            Ok((fresh, moved)) => {
                session = fresh;
                port = moved.address.port();
                hold.port = port;
            }
            Err(error) => return Err(error),
        }
    }
    let process = WatchedProcess {
        pid,
        command_line: node_process::command_line(pid)?,
        node_version: who.version,
        port: None,
        url: None,
        cluster_worker: who.cluster_worker,
        worker: None,
    };
    // From here on it is let go of whatever happens.
    let watched = Watched::of_session(process, session, Some(hold)).map_err(error)?;
    crate::fault::here("connect");
    (options.tell)(&AttachEvent::Connected { pid, port, opened });
    Ok(watched)
}

/// The port was found by the process's own sockets, so another one answering there is a fault, not a guess.
fn identify(pid: u32, open: &Open, session: &mut Session<TcpStream>) -> Result<Identity, AttachError> {
    let who = probe::identify(session).map_err(AttachError::of(pid))?;
    let inner = node_process::status(pid)?.namespace_pids;
    if inner.last() != Some(&who.pid) {
        return Err(AttachError::AnotherProcess { pid, port: open.address.port(), other: who.pid });
    }
    Ok(who)
}

/// Waits for the inspector to come up on another port, and connects there.
fn moved(
    pid: u32,
    mut session: Session<TcpStream>,
    open: &Open,
    cancel: &Arc<AtomicBool>,
) -> Result<(Session<TcpStream>, Open), AttachError> {
    let error = AttachError::of(pid);
    let known: Vec<u64> = node_process::listening_ports([pid]).iter().map(|port| port.inode).collect();
    probe::move_port(&mut session).map_err(&error)?;
    session.close();
    drop(session);
    let begun = Instant::now();
    while begun.elapsed() < MOVE {
        let ports = node_process::listening_ports([pid]);
        let fresh = ports.into_iter().filter(|port| !known.contains(&port.inode));
        if let Some(fresh) = fresh.into_iter().find_map(|port| knock::ask(pid, &port)) {
            return Ok((open_session(pid, &fresh, cancel)?, fresh));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok((open_session(pid, open, cancel)?, open.clone()))
}

/// A session with an inspector, through the network namespace of its process.
pub(super) fn open_session(
    pid: u32,
    open: &Open,
    cancel: &Arc<AtomicBool>,
) -> Result<Session<TcpStream>, AttachError> {
    let unreachable = |source| AttachError::Unreachable { pid, port: open.address.port(), source };
    let stream = node_process::connect(pid, open.address, CONNECT).map_err(unreachable)?;
    stream.set_read_timeout(Some(POLL)).map_err(unreachable)?;
    stream.set_write_timeout(Some(POLL)).map_err(unreachable)?;
    // Requests are small and wait for their answers.
    stream.set_nodelay(true).map_err(unreachable)?;
    Session::open(stream, &open.url, cancel.clone()).map_err(AttachError::of(pid))
}
