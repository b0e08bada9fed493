//! The watched process: its session, its collections and its floors.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use inspector::{InspectorError, Session};
use serde::Deserialize;

use super::{RunError, WatchedProcess, announcement::Announcement, find::Target};

/// How often the session looks at its deadline and at the interrupt flag.
const POLL: Duration = Duration::from_millis(50);
/// How long a look at the session takes.
const GLANCE: Duration = Duration::from_millis(10);
/// A target that builds a snapshot of a large heap is silent for long.
const PATIENCE: Duration = Duration::from_secs(120);
/// At most this many collections for one floor.
const COLLECTIONS: u32 = 10;
/// Between two collections: finalizers, weak callbacks and closing sockets need turns of the event loop.
const PAUSE: Duration = Duration::from_millis(30);
/// A heap that shrinks by less than this has settled.
const SETTLED_BYTES: f64 = 4096.0;

const READ: &str = "process[Symbol.for('heapdowse.probe')].read()";

/// What the preloaded probe reads in the process.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Reading {
    pub(super) heap_used: u64,
    pub(super) heap_total: u64,
    pub(super) external: u64,
    pub(super) array_buffers: Option<u64>,
    pub(super) code: Option<u64>,
    pub(super) heap_limit: Option<u64>,
    pub(super) requests: u64,
}

/// A floor as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct MeasuredFloor {
    pub(super) before: Reading,
    pub(super) after: Reading,
    pub(super) collections: u32,
    pub(super) time: Duration,
    pub(super) resident: Option<u64>,
    pub(super) open_files: Option<u64>,
}

/// The watched process with its session.
pub(super) struct Watched {
    pub(super) process: WatchedProcess,
    pub(super) session: Session<TcpStream>,
    pub(super) heap_limit: Option<u64>,
}

impl Watched {
    /// Opens a session with the inspector of `target`.
    pub(super) fn open(target: &Target, cancel: &Arc<AtomicBool>) -> Result<Self, RunError> {
        let announcement = &target.process;
        let mut session = open_session(announcement, cancel)?;
        session.set_patience(PATIENCE);
        // Only tells us earlier when a program has ended; without it the closed socket does.
        match session.notify_when_ended() {
            Ok(()) | Err(InspectorError::Refused { .. }) => {}
            Err(error) => return Err(RunError::from_inspector(error)),
        }
        session.enable_debugger().map_err(RunError::from_inspector)?;
        let address = target.address;
        let mut watched = Self {
            process: WatchedProcess {
                pid: announcement.pid,
                command_line: node_process::command_line(announcement.pid)
                    .unwrap_or_else(|_| announcement.arguments.clone()),
                node_version: announcement.version.clone(),
                port: address.map(|address| address.port()),
                url: address.map(base_url),
                cluster_worker: announcement.cluster_worker,
            },
            session,
            heap_limit: None,
        };
        watched.heap_limit = watched.read().map_err(RunError::from_inspector)?.heap_limit;
        Ok(watched)
    }

    pub(super) fn read(&mut self) -> Result<Reading, InspectorError> {
        self.session.evaluate(READ)
    }

    /// Collects until the heap does not shrink any more, and reads what is left.
    pub(super) fn floor(&mut self) -> Result<MeasuredFloor, InspectorError> {
        let before = self.read()?;
        let started = Instant::now();
        let mut used = f64::INFINITY;
        let mut calm = 0;
        let mut collections = 0;
        while collections < COLLECTIONS && calm < 2 {
            if collections > 0 {
                std::thread::sleep(PAUSE);
            }
            self.session.collect_garbage()?;
            collections += 1;
            let now = self.session.heap_usage()?.used_size;
            calm = if now > used - SETTLED_BYTES { calm + 1 } else { 0 };
            used = used.min(now);
        }
        let after = self.read()?;
        Ok(MeasuredFloor {
            before,
            after,
            collections,
            time: started.elapsed(),
            resident: node_process::resident_bytes(self.process.pid).ok(),
            open_files: node_process::open_files(self.process.pid).ok(),
        })
    }

    /// Whether the program still runs, as far as its session tells; takes up what it has sent meanwhile.
    pub(super) fn lives(&mut self) -> bool {
        let connected = self.session.pump(GLANCE);
        // An interrupt is found by whoever asks for it; it says nothing about the program.
        !matches!(connected, Ok(false)) && !self.session.is_waiting_for_disconnect()
    }

    /// Closes the session; a program that has ended only waited for that.
    pub(super) fn close(&mut self) {
        self.session.close();
    }
}

/// How many requests a process has served, asked in a session of its own.
pub(super) fn requests_served(process: &Announcement, cancel: &Arc<AtomicBool>) -> Option<u64> {
    let mut session = open_session(process, cancel).ok()?;
    let reading: Reading = session.evaluate(READ).ok()?;
    session.close();
    Some(reading.requests)
}

fn open_session(process: &Announcement, cancel: &Arc<AtomicBool>) -> Result<Session<TcpStream>, RunError> {
    let not_watchable = |reason: String| RunError::NotWatchable { reason };
    let url = process.url.as_deref().ok_or_else(|| {
        not_watchable(process.error.clone().unwrap_or_else(|| "it opened no inspector".to_owned()))
    })?;
    let address = url.strip_prefix("ws://").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let io = |source: std::io::Error| not_watchable(format!("its inspector at {address}: {source}"));
    let stream = TcpStream::connect(address).map_err(io)?;
    stream.set_read_timeout(Some(POLL)).map_err(io)?;
    stream.set_write_timeout(Some(POLL)).map_err(io)?;
    // Requests are small and wait for their answers.
    stream.set_nodelay(true).map_err(io)?;
    Session::open(stream, url, cancel.clone()).map_err(RunError::from_inspector)
}

fn base_url(address: SocketAddr) -> String {
    format!("http://{address}")
}
