//! One start of the program: warm-up, load, and what it took.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{TuneError, percentile::percentile};
use crate::run::{
    Drive, Found, LoadResult, Placeholders, Program, RunError, RunOptions, Target, Watched, drive_while,
    run_command, wait_until_ready,
};

const OBSERVER: &str = include_str!("observer.js");
/// The observer is told of collections a little later.
const LATE: Duration = Duration::from_millis(60);
/// How long the program's speed is looked at, and how long its load shall then take.
const LOOK: Duration = Duration::from_millis(1500);
const LOAD_SECONDS: f64 = 2.0;
const FEWEST: u64 = 200;
const MOST: u64 = 50_000;
/// Requests of a load command that is told how many to make, when nobody said.
const OF_COMMAND: u64 = 1000;

/// What one start came to. What could not be measured is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Measured {
    pub(super) seconds: f64,
    pub(super) requests: Option<u64>,
    pub(super) cpu_seconds: f64,
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) scavenges: u64,
    pub(super) full_collections: u64,
    pub(super) pause_ms: f64,
    pub(super) pause_p99_ms: Option<f64>,
    pub(super) peak_resident: Option<u64>,
    pub(super) floor: Option<u64>,
}

/// What is learned of a program before it is measured.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scouted {
    pub(super) pid: u32,
    pub(super) version: String,
    /// The node that runs it.
    pub(super) executable: Option<String>,
    pub(super) heap_limit: Option<u64>,
    pub(super) container: Option<u64>,
    /// Requests of a measured load.
    pub(super) requests: u64,
    /// How long one start took, from start to end.
    pub(super) seconds: f64,
    /// Committed heap at the end.
    pub(super) heap_total: u64,
    pub(super) measured: Measured,
}

/// What an observer in the process has counted.
#[derive(Debug, Deserialize)]
struct Counted {
    scavenges: u64,
    full_collections: u64,
    pause_ms: f64,
    pauses: Vec<f64>,
}

/// A started program with its observers.
struct Start<'a> {
    options: &'a RunOptions,
    program: Program,
    target: Target,
    /// The process that listens, and in a cluster its siblings.
    watched: Vec<Watched>,
    rounds: u32,
}

/// Starts the program as it is, learns its speed and what it holds, and ends it.
pub(super) fn scout(options: &RunOptions) -> Result<Scouted, TuneError> {
    let begun = Instant::now();
    let mut start = Start::new(options)?;
    let requests = match (options.requests, &options.load) {
        (Some(requests), _) => requests,
        (None, Some(_)) => OF_COMMAND,
        (None, None) => start.fitting_requests()?,
    };
    let measured = start.measure(requests)?;
    let pid = start.target.process.pid;
    let heap_total = start.watched[0].read().map_or(0, |reading| reading.heap_total);
    Ok(Scouted {
        pid,
        version: start.target.process.version.clone(),
        executable: std::fs::read_link(format!("/proc/{pid}/exe"))
            .ok()
            .map(|path| path.to_string_lossy().into_owned()),
        heap_limit: start.watched[0].heap_limit,
        container: node_process::group_memory(pid).ok().flatten().map(|group| group.limit),
        requests,
        seconds: begun.elapsed().as_secs_f64(),
        heap_total,
        measured,
    })
}

/// Starts the program, measures it under load, and ends it with all that it started.
pub(super) fn measure(options: &RunOptions, requests: u64) -> Result<Measured, TuneError> {
    Start::new(options)?.measure(requests)
}

impl<'a> Start<'a> {
    fn new(options: &'a RunOptions) -> Result<Self, TuneError> {
        let mut program = Program::start(options)?;
        let target = match wait_until_ready(&mut program, options)? {
            Found::Listening(target) => target,
            Found::Quiet(_) => return Err(TuneError::NoLoad),
            Found::Ended(status) => return Err(RunError::EndedBeforeReady { status }.into()),
        };
        let mut watched = vec![Watched::open(&target, &options.interrupt)?];
        for sibling in &target.siblings {
            let sibling = Target { process: sibling.clone(), address: target.address, siblings: Vec::new() };
            watched.push(Watched::open(&sibling, &options.interrupt)?);
        }
        for watched in &mut watched {
            watched.session.evaluate_in_console::<bool>(OBSERVER).map_err(RunError::from)?;
        }
        Ok(Self { options, program, target, watched, rounds: 0 })
    }

    /// So many requests that the load takes about as long as it should.
    fn fitting_requests(&mut self) -> Result<u64, TuneError> {
        let begun = Instant::now();
        let (result, _) = self.drive(MOST, LOOK)?;
        let rate = result.requests.unwrap_or(0) as f64 / begun.elapsed().as_secs_f64();
        if rate <= 0.0 {
            return Err(TuneError::Unanswered { answered: 0, requests: MOST });
        }
        Ok(((rate * LOAD_SECONDS) as u64).clamp(FEWEST, MOST))
    }

    /// A warm-up, then the load that counts.
    fn measure(&mut self, requests: u64) -> Result<Measured, TuneError> {
        self.load(requests / 2 + 1)?;
        for watched in &mut self.watched {
            watched
                .session
                .evaluate::<bool>("process[Symbol.for('heapdowse.tune')].begin()")
                .map_err(RunError::from)?;
        }
        let before = self.cpu_seconds();
        let begun = Instant::now();
        let (result, mut latencies) = self.load(requests)?;
        let seconds = begun.elapsed().as_secs_f64();
        let cpu_seconds = (self.cpu_seconds() - before).max(0.0);
        std::thread::sleep(LATE);
        let mut measured =
            Measured { seconds, cpu_seconds, requests: result.requests, ..Measured::default() };
        let mut pauses = Vec::new();
        for watched in &mut self.watched {
            let counted: Counted = watched
                .session
                .evaluate("process[Symbol.for('heapdowse.tune')].read()")
                .map_err(RunError::from)?;
            measured.scavenges += counted.scavenges;
            measured.full_collections += counted.full_collections;
            measured.pause_ms += counted.pause_ms;
            pauses.extend(counted.pauses);
        }
        measured.p50_ms = percentile(&mut latencies, 0.5);
        measured.p99_ms = percentile(&mut latencies, 0.99);
        measured.pause_p99_ms = percentile(&mut pauses, 0.99);
        // Before the floor, whose collections would be part of it.
        measured.peak_resident = self.peak_resident();
        measured.floor = Some(self.watched[0].floor().map_err(RunError::from)?.after.heap_used);
        Ok(measured)
    }

    /// One load, and how long its answers took in milliseconds, where that is known.
    fn load(&mut self, requests: u64) -> Result<(LoadResult, Vec<f64>), TuneError> {
        let Some(command) = &self.options.load else {
            let (result, latencies) = self.drive(requests, self.options.round_timeout)?;
            let answered = result.requests.unwrap_or(0);
            // What half of the load did not reach is no measurement of it.
            return match answered * 2 < requests {
                true => Err(self.ended().unwrap_or(TuneError::Unanswered { answered, requests })),
                false => Ok((result, latencies)),
            };
        };
        let placeholders = Placeholders {
            address: self.target.address,
            requests,
            round: self.rounds,
            pid: self.target.process.pid,
        };
        self.rounds += 1;
        let mut result = {
            let (program, watched) = (&mut self.program, &mut self.watched[0]);
            run_command(command, &placeholders, self.options, &mut || {
                program.ended().is_none() && watched.lives()
            })?
        };
        if let Some(complaint) = result.complaint.take() {
            return Err(self.ended().unwrap_or(TuneError::Run(RunError::Load { reason: complaint })));
        }
        if result.requests.is_none()
            && (command.contains("{requests}") || command.contains("HEAPDOWSE_REQUESTS"))
        {
            result.requests = Some(requests);
        }
        Ok((result, Vec::new()))
    }

    /// The built-in load.
    fn drive(&mut self, requests: u64, patience: Duration) -> Result<(LoadResult, Vec<f64>), TuneError> {
        let address = self.target.address.ok_or(TuneError::NoLoad)?;
        let latencies = Mutex::new(Vec::new());
        let took = |time: Duration| {
            latencies.lock().unwrap_or_else(PoisonError::into_inner).push(time.as_secs_f64() * 1e3);
        };
        let options = self.options;
        let drive = Drive {
            address,
            pid: self.target.process.pid,
            path: options.url.as_deref().unwrap_or("/"),
            total: requests,
            connections: options.connections,
            patience,
        };
        let watched = &mut self.watched[0];
        let result = drive_while(drive, &mut || !options.interrupted() && watched.lives(), &took);
        if options.interrupted() {
            return Err(RunError::Interrupted.into());
        }
        Ok((result, latencies.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    /// That the program has ended, if it has.
    fn ended(&mut self) -> Option<TuneError> {
        for watched in &mut self.watched {
            // A program that has ended waits for us to disconnect.
            watched.close();
        }
        let status = self.program.wait_for_end(Duration::from_secs(2))?;
        Some(TuneError::Ended { status })
    }

    fn cpu_seconds(&self) -> f64 {
        let used = self.program.live_pids().into_iter().filter_map(|pid| node_process::cpu_usage(pid).ok());
        used.map(|usage| usage.cpu_seconds).sum()
    }

    /// Of all processes together: what they would need at the same time.
    fn peak_resident(&self) -> Option<u64> {
        let statuses = self.program.live_pids().into_iter().filter_map(|pid| node_process::status(pid).ok());
        let peaks: Vec<u64> = statuses.filter_map(|status| status.peak_resident).collect();
        (!peaks.is_empty()).then(|| peaks.iter().sum())
    }
}
