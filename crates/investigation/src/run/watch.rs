//! The watched process: its session, its collections and its floors.

use std::{
    net::{SocketAddr, TcpStream},
    sync::{Arc, atomic::AtomicBool},
    time::{Duration, Instant},
};

use inspector::{InspectorError, Session, Worker};
use serde::Deserialize;

use super::{Collected, RunError, WatchedProcess, announcement::Announcement, find::Target};
use crate::attach::{self, Hold};

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
/// V8 counts as used what it has set aside for the next allocations, in each space up to a page of 256 KiB that
/// happens to be free. After half of all collections there is some, so that few of them may show no floor without:
/// there are at least this many, as long as each is as short as this.
const LEAST_COLLECTIONS: u32 = 5;
const SHORT: Duration = Duration::from_millis(50);
/// A process that serves somebody rests for each of them many times as long: from this length on, one that finds nothing
/// ends the series, not two.
const LONG: Duration = Duration::from_millis(120);

const READ: &str = "process[Symbol.for('heapdowse.probe')].text('read')";
const READ_BEFORE: &str = "process[Symbol.for('heapdowse.probe')].text('beforeFloor')";
const READ_AFTER: &str = "process[Symbol.for('heapdowse.probe')].text('afterFloor')";

/// What the preloaded probe reads in the process.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Reading {
    pub(crate) heap_used: u64,
    pub(crate) heap_total: u64,
    pub(crate) external: u64,
    pub(crate) array_buffers: Option<u64>,
    pub(crate) code: Option<u64>,
    pub(crate) heap_limit: Option<u64>,
    pub(crate) requests: u64,
}

/// A floor as it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredFloor {
    pub(crate) before: Reading,
    pub(crate) after: Reading,
    pub(crate) collections: u32,
    pub(crate) time: Duration,
    pub(crate) resident: Option<u64>,
    pub(crate) malloc: Option<node_process::MallocHeap>,
    pub(crate) open_files: Option<u64>,
}

/// The watched process with its session.
pub(crate) struct Watched {
    pub(crate) process: WatchedProcess,
    pub(crate) session: Session<TcpStream>,
    pub(crate) heap_limit: Option<u64>,
    /// What must be let go of in a process that runs on without us.
    hold: Option<Hold>,
    /// Collections of which the probe has told, to the search for natural floors and to the recording.
    collections_seen: u64,
    collections_told: u64,
    /// Whether its worker threads announce themselves.
    workers_told: bool,
}

impl Watched {
    /// Opens a session with the inspector of `target`.
    pub(crate) fn open(target: &Target, cancel: &Arc<AtomicBool>) -> Result<Self, RunError> {
        let announcement = &target.process;
        let mut session = open_session(announcement, cancel)?;
        let address = target.address;
        let process = WatchedProcess {
            pid: announcement.pid,
            command_line: node_process::command_line(announcement.pid)
                .unwrap_or_else(|_| announcement.arguments.clone()),
            node_version: announcement.version.clone(),
            port: address.map(|address| address.port()),
            url: address.map(base_url),
            cluster_worker: announcement.cluster_worker,
            worker: None,
        };
        attach::observe(&mut session).map_err(RunError::from_inspector)?;
        let mut watched = Self::of_session(process, session, None).map_err(RunError::from_inspector)?;
        // Also lists the scripts, for a program that may have ended by the time they are asked for.
        watched.prepare_for_snapshots().map_err(RunError::from_inspector)?;
        Ok(watched)
    }

    /// Watches through a session with a process that has the probe in it.
    pub(crate) fn of_session(
        process: WatchedProcess,
        mut session: Session<TcpStream>,
        hold: Option<Hold>,
    ) -> Result<Self, InspectorError> {
        session.set_patience(PATIENCE);
        // Made first: whatever fails from here on, what is held is let go of.
        let mut watched = Self {
            process,
            session,
            heap_limit: None,
            hold,
            collections_seen: 0,
            collections_told: 0,
            workers_told: false,
        };
        // Only tells us earlier when a program has ended; without it the closed socket does.
        match watched.session.notify_when_ended() {
            Ok(()) | Err(InspectorError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        watched.heap_limit = watched.read()?.heap_limit;
        Ok(watched)
    }

    /// Lets V8 make now what it makes for the first snapshot, so that no floor rises by it: tables of where the
    /// lines of every script end, most of a megabyte. Listing the scripts needs them too.
    pub(crate) fn prepare_for_snapshots(&mut self) -> Result<(), InspectorError> {
        self.session.enable_debugger()?;
        self.session.disable_debugger()
    }

    pub(crate) fn read(&mut self) -> Result<Reading, InspectorError> {
        self.session.evaluate_text(READ)
    }

    /// Collects until the heap does not shrink any more, and reads what is left.
    pub(crate) fn floor(&mut self) -> Result<MeasuredFloor, InspectorError> {
        self.floor_within(COLLECTIONS)
    }

    /// The same with at most so many collections.
    pub(crate) fn floor_within(&mut self, most: u32) -> Result<MeasuredFloor, InspectorError> {
        settle(&mut self.session, self.process.pid, most, self.hold.is_some())
    }

    /// The worker threads that there are. Asked for the first time, this takes as long as they need to announce
    /// themselves.
    pub(crate) fn workers(&mut self) -> Result<Vec<Worker>, InspectorError> {
        if self.workers_told {
            self.lives();
            return Ok(self.session.known_workers().to_vec());
        }
        let workers = self.session.workers()?;
        self.workers_told = true;
        Ok(workers)
    }

    /// The floor of the main thread or of a worker that may be silent, with its heap's limit. The first time a worker
    /// gets the probe, and its line tables as for [`prepare_for_snapshots`](Self::prepare_for_snapshots).
    pub(crate) fn isolate_floor(
        &mut self,
        worker: Option<&Worker>,
        first: bool,
        most: u32,
        patience: Duration,
    ) -> Result<(MeasuredFloor, Option<u64>), InspectorError> {
        self.session.set_patience(patience);
        let (pid, serves) = (self.process.pid, self.hold.is_some());
        let measured = match worker {
            None => settle(&mut self.session, pid, most, serves),
            Some(worker) => self.session.in_worker(worker, |session| {
                if first {
                    attach::install(session, false)?;
                    session.enable_debugger()?;
                    session.disable_debugger()?;
                }
                settle(session, pid, most, serves)
            }),
        };
        self.session.set_patience(PATIENCE);
        measured.map(|measured| (measured, measured.after.heap_limit))
    }

    /// Node's number for a worker (`worker.threadId`).
    pub(crate) fn thread_number(&mut self, worker: &Worker) -> Result<u32, InspectorError> {
        self.session.in_worker(worker, attach::thread_number)
    }

    /// The used heap of one worker after two full collections of it.
    pub(crate) fn worker_floor(&mut self, worker: &Worker) -> Result<u64, InspectorError> {
        self.session.in_worker(worker, |session| {
            session.collect_garbage()?;
            session.collect_garbage()?;
            Ok(session.heap_usage()?.used_size as u64)
        })
    }

    /// The floor that a mark-compact of the program's own left since the last look, if there was one. Read a little
    /// after it, so it holds a little more than a forced one would leave.
    pub(crate) fn natural_floor(&mut self) -> Result<Option<MeasuredFloor>, InspectorError> {
        let reading = attach::read_all(&mut self.session, self.collections_seen)?;
        self.collections_seen = reading.collections_seen;
        let Some((used, pause_ms)) = reading
            .collections
            .iter()
            .rev()
            .find_map(|collection| Some((collection.used_after?, collection.pause_ms.unwrap_or(0.0))))
        else {
            return Ok(None);
        };
        let before = self.read()?;
        Ok(Some(MeasuredFloor {
            before,
            after: Reading { heap_used: used, ..before },
            collections: 1,
            time: Duration::from_secs_f64(pause_ms / 1e3),
            resident: node_process::resident_bytes(self.process.pid).ok(),
            malloc: node_process::malloc_heap(self.process.pid).ok().flatten(),
            open_files: node_process::open_files(self.process.pid).ok(),
        }))
    }

    /// The collections since the last look, which are not told again.
    pub(crate) fn collected(&mut self) -> Result<Collected, InspectorError> {
        let told = self.collections_told;
        let noted = attach::collected(&mut self.session, told)?;
        self.collections_told = noted.collections_seen;
        let forgotten = (noted.collections_seen - told).saturating_sub(noted.collections.len() as u64);
        let attach::Noted { collections, rested_ms, uptime, .. } = noted;
        Ok(Collected { collections, rested_ms, forgotten, uptime })
    }

    /// The port of the inspector, where we attached.
    pub(crate) fn inspector_port(&self) -> Option<u16> {
        self.hold.as_ref().map(Hold::port)
    }

    /// Whether the program still runs, as far as its session tells; takes up what it has sent meanwhile.
    pub(crate) fn lives(&mut self) -> bool {
        let connected = self.session.pump(GLANCE);
        // An interrupt is found by whoever asks for it; it says nothing about the program.
        !matches!(connected, Ok(false)) && !self.session.is_waiting_for_disconnect()
    }

    /// Closes the session; a program that has ended only waited for that, one that we attached to is left as it
    /// was.
    pub(crate) fn close(&mut self) {
        match self.hold.take() {
            Some(hold) => hold.release(&mut self.session),
            None => self.session.close(),
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            hold.release(&mut self.session);
        }
    }
}

/// Collects in the isolate that the session speaks with until its heap does not shrink any more, and reads what is left.
fn settle(
    session: &mut Session<TcpStream>,
    pid: u32,
    most: u32,
    serves: bool,
) -> Result<MeasuredFloor, InspectorError> {
    let before: Reading = session.evaluate_text(READ_BEFORE)?;
    let started = Instant::now();
    let mut used = f64::INFINITY;
    let mut calm = 0;
    let mut collections = 0;
    let mut longest = Duration::ZERO;
    while collections < most {
        let enough = if serves && longest >= LONG { 1 } else { 2 };
        if calm >= enough && (longest >= SHORT || collections >= LEAST_COLLECTIONS) {
            break;
        }
        if collections > 0 {
            std::thread::sleep(PAUSE);
        }
        let begun = Instant::now();
        session.collect_garbage()?;
        longest = longest.max(begun.elapsed());
        collections += 1;
        let now = session.heap_usage()?.used_size;
        calm = if now > used - SETTLED_BYTES { calm + 1 } else { 0 };
        used = used.min(now);
    }
    crate::fault::here("floor");
    let mut after: Reading = session.evaluate_text(READ_AFTER)?;
    // Reading it has taken room again.
    after.heap_used = after.heap_used.min(used as u64);
    Ok(MeasuredFloor {
        before,
        after,
        collections,
        time: started.elapsed(),
        resident: node_process::resident_bytes(pid).ok(),
        malloc: node_process::malloc_heap(pid).ok().flatten(),
        open_files: node_process::open_files(pid).ok(),
    })
}

/// How many requests a process has served, asked in a session of its own.
pub(super) fn requests_served(process: &Announcement, cancel: &Arc<AtomicBool>) -> Option<u64> {
    let mut session = open_session(process, cancel).ok()?;
    let reading: Reading = session.evaluate_text(READ).ok()?;
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

pub(crate) fn base_url(address: SocketAddr) -> String {
    format!("http://{address}")
}
