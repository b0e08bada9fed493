//! Rounds of load with a floor after each.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use inspector::InspectorError;
use leak_verdict::{Recording, Word, WorkUnit, decide};

use crate::recording::FloorRecord;

use super::{
    Outcome, RoundRow, Run, RunError, RunEvent, RunStep,
    driver::{Drive, LoadResult, drive_while},
    find::Target,
    isolates::Due,
    load::{Placeholders, run_command},
    snapshots::{Schedule, Taken},
    subject::Subject,
    traffic::PORTION,
    watch::{MeasuredFloor, Watched},
};

/// Rounds when nobody said how many: enough for a graded verdict, and as many again while it is open.
const ROUNDS: u32 = 12;
/// Fewer when each takes long: enough for the statistics, and for three snapshots.
const LEAST_ROUNDS: u32 = 9;
/// What the rounds may take then, with snapshots and search to come.
const ROUNDS_SECONDS: f64 = 60.0;
/// The same where most of it is rest, which nobody pays for but by waiting.
const RESTING_SECONDS: f64 = 80.0;
/// Rounds are added only as far as they end in this time since the first that counts: people wait two minutes.
const MORE_SECONDS: f64 = 80.0;
/// However late growth shows, there is an end.
const MOST_ROUNDS: u32 = 4 * ROUNDS;
/// Requests in a round when nobody said how many: prime, so that what grows once per request is told from
/// what grows once per round, per ten requests or per connection.
const REQUESTS: [u64; 3] = [499, 997, 1999];
/// The rest after the load when something the program holds lives for a second or two (batches, caches with
/// a time to live): a floor that catches it or not, as it happens, shows nothing.
const LONG_SETTLE: Duration = Duration::from_millis(2500);
/// Between two looks at a process that rests.
const LOOK: Duration = Duration::from_millis(40);
/// A round is made longer while it stays below this.
const SHORT_ROUND_SECONDS: f64 = 1.0;

/// Collections for a floor of an isolate that is not the driven one.
pub(super) const OTHERS_COLLECTIONS: u32 = 4;

/// How long a process that ended under load may take to come back, and how often it may.
const RESTART: Duration = Duration::from_secs(20);
const MOST_RESTARTS: u32 = 2;

/// Where the rounds have come to.
struct Progress {
    round: u32,
    requests: u64,
    /// Requests so far, while every round could be counted.
    counted: Option<u64>,
    after_snapshot: bool,
    /// What the process itself had counted after the last round.
    served: u64,
    cluster: bool,
    /// The rest between the load and the collections.
    settle: Duration,
}

impl Progress {
    fn unit(&self) -> WorkUnit {
        if self.counted.is_some() { WorkUnit::Request } else { WorkUnit::Round }
    }
}

impl Run<'_> {
    /// Drives a program that listens, or whose load needs no port.
    pub(super) fn in_rounds(
        &mut self,
        program: &mut dyn Subject,
        mut target: Target,
        warnings: &mut Vec<String>,
    ) -> Result<Outcome, RunError> {
        let cancel = &self.options.interrupt;
        let mut watched = program.watch(&target, cancel)?;
        self.tell(RunStep::Watching(watched.process.clone()));
        if let Some(plan) = program.plan() {
            let used_heap = watched.read().map_err(RunError::from_inspector)?.heap_used;
            if !self.announce_pauses(plan, used_heap) {
                return Err(RunError::PauseTooLong { used_heap });
            }
        }
        let cluster = !target.siblings.is_empty() || target.process.cluster_worker;
        let mut progress = Progress {
            round: 0,
            requests: self.options.requests.unwrap_or(REQUESTS[0]),
            counted: Some(0),
            after_snapshot: false,
            served: 0,
            cluster,
            settle: self.options.settle,
        };
        if self.options.warm_up == 0 {
            self.watch_others(program, &watched, warnings);
        }
        let mut restarts = 0;
        let outcome = loop {
            let outcome = self.rounds(program, &mut target, &mut watched, &mut progress, warnings);
            let is_gone = matches!(&outcome, Err(RunError::Inspector(error)) if error.is_closed());
            if !is_gone || restarts >= MOST_RESTARTS {
                break outcome;
            }
            watched.close();
            let Some((fresh, its)) = self.successor(program, &watched, RESTART, warnings)? else {
                break outcome;
            };
            restarts += 1;
            let unit = progress.unit();
            self.settle_axis(unit);
            target = its;
            self.retire(std::mem::replace(&mut watched, fresh), unit);
            progress = Progress { round: 0, counted: Some(0), after_snapshot: false, served: 0, ..progress };
        };
        let unit = progress.unit();
        self.settle_axis(unit);
        match outcome {
            Ok(()) => Ok((Some(watched), unit, None)),
            // The process is gone: what was seen counts.
            Err(RunError::Inspector(error)) if error.is_closed() => {
                // It may have ended and only wait for our session to close.
                watched.close();
                let status = program.wait_for_end(Duration::from_secs(2));
                warnings.push(format!(
                    "the watched process ended in round {} ({})",
                    progress.round,
                    status.as_deref().unwrap_or("the program itself runs on")
                ));
                Ok((Some(watched), unit, status))
            }
            Err(error) => Err(error),
        }
    }

    fn rounds(
        &mut self,
        program: &mut dyn Subject,
        target: &mut Target,
        watched: &mut Watched,
        progress: &mut Progress,
        warnings: &mut Vec<String>,
    ) -> Result<(), RunError> {
        let warm_up = self.options.warm_up;
        self.take_floor(
            watched,
            progress,
            LoadResult { requests: Some(0), ..LoadResult::default() },
            0.0,
            warm_up > 0,
        )?;
        for number in 1..=warm_up {
            self.tell(RunStep::Round { number, planned: warm_up, warm_up: true });
            let (result, seconds) = self.load(program, target, watched, progress)?;
            if number == 1 {
                self.check_first(&result, warnings)?;
                self.watch_busiest_worker(program, target, watched, progress)?;
                self.watch_others(program, watched, warnings);
                progress.requests = self.fitting_requests(progress.requests, seconds);
            }
            // The floor after the last warm-up is where the trend starts.
            self.take_floor(watched, progress, result, seconds, number < warm_up)?;
        }
        let serves = program.plan().is_some();
        let mut planned = self.options.rounds.unwrap_or_else(|| fitting_rounds(self.rows.last(), serves));
        let first_plan = planned;
        let mut schedule = Schedule::default();
        let max_pause = program.plan().and_then(|plan| plan.max_pause);
        let started = Instant::now();
        let mut number = 0;
        while number < planned {
            number += 1;
            self.tell(RunStep::Round { number, planned, warm_up: false });
            let (result, seconds) = self.load(program, target, watched, progress)?;
            if let Some(complaint) = &result.complaint {
                warnings.push(format!("round {number}: {complaint}"));
            }
            self.take_floor(watched, progress, result, seconds, false)?;
            let unit = progress.unit();
            let grows = self.seems_to_grow(unit);
            if number == planned && self.options.rounds.is_none() {
                let elapsed = started.elapsed().as_secs_f64();
                let fit = ((MORE_SECONDS - elapsed) * f64::from(number) / elapsed.max(0.1)).max(0.0) as u32;
                if planned == first_plan && self.is_open(progress.unit()) {
                    planned += first_plan.min(fit);
                } else if self.options.snapshots && planned < MOST_ROUNDS {
                    let missing = schedule.rounds_missing(number, grows);
                    planned += missing.max(self.others.rounds_missing(number, unit)).min(fit);
                }
            }
            if self.options.snapshots && schedule.is_due(number, planned, grows) {
                let Some(row) = self.rows.last().cloned() else { continue };
                match self.snapshot_of_main(watched, &row, max_pause)? {
                    Taken::Snapshot(snapshot) => {
                        self.snapshots.push(*snapshot);
                        progress.after_snapshot = true;
                    }
                    Taken::Refused(reason) => warnings.push(reason),
                }
                schedule.taken(number);
            }
            if self.options.snapshots {
                let driven_has_some = !self.snapshots.is_empty();
                let due = Due {
                    done: progress.round,
                    planned: planned + progress.round - number,
                    is_last: false,
                    max_pause,
                };
                progress.after_snapshot |=
                    self.snapshot_others(watched, driven_has_some, unit, due, warnings)?;
            }
        }
        Ok(())
    }

    /// The floors so far.
    fn recording(&self, unit: WorkUnit) -> Recording {
        Recording { unit, floors: self.floors.clone(), heap_limit: None }
    }

    /// Whether anything may be growing, so that it is worth a snapshot to see what.
    pub(super) fn seems_to_grow(&self, unit: WorkUnit) -> bool {
        leak_verdict::seems_to_grow(&self.recording(unit))
    }

    /// Watches what else belongs to the program from now on.
    fn watch_others(&mut self, program: &mut dyn Subject, watched: &Watched, warnings: &mut Vec<String>) {
        let mut known = self.others.pids();
        known.push(watched.process.pid);
        let fresh = program.watch_others(&known, &self.options.interrupt, warnings);
        self.others.adopt(fresh);
    }

    /// Whether more rounds could tell what these could not.
    fn is_open(&self, unit: WorkUnit) -> bool {
        let recording = self.recording(unit);
        decide(&recording).word == Word::Inconclusive
    }

    fn load(
        &mut self,
        program: &mut dyn Subject,
        target: &Target,
        watched: &mut Watched,
        progress: &mut Progress,
    ) -> Result<(LoadResult, f64), RunError> {
        if self.options.interrupted() {
            return Err(RunError::Interrupted);
        }
        if program.plan().is_some() {
            self.rest(watched)?;
        }
        progress.round += 1;
        let started = Instant::now();
        let mut result = match (&self.options.load, target.address) {
            (Some(command), address) => {
                let placeholders = Placeholders {
                    address,
                    requests: progress.requests,
                    round: progress.round,
                    pid: watched.process.pid,
                };
                run_command(command, &placeholders, self.options, &mut || {
                    program.ended().is_none() && watched.lives()
                })?
            }
            (None, Some(address)) => self.drive(address, progress.requests, watched),
            (None, None) => {
                LoadResult { complaint: Some("there is no port to ask".into()), ..LoadResult::default() }
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        if self.options.interrupted() {
            return Err(RunError::Interrupted);
        }
        std::thread::sleep(progress.settle);
        let served = watched.read()?.requests;
        let own = served.saturating_sub(progress.served);
        progress.served = served;
        if own == 0 && result.complaint.is_some() {
            // A load that failed has made no requests, however many it was told to make.
            result.requests = Some(0);
        }
        // In a cluster only the process itself knows its share.
        if progress.cluster || (result.requests.is_none() && own > 0) {
            result.requests = Some(own);
        } else if result.requests.is_none() && self.load_is_told_requests() {
            result.requests = Some(progress.requests);
        }
        Ok((result, seconds))
    }

    fn drive(&self, address: SocketAddr, requests: u64, watched: &mut Watched) -> LoadResult {
        let options = self.options;
        let drive = Drive {
            address,
            pid: watched.process.pid,
            path: options.url.as_deref().unwrap_or("/"),
            total: requests,
            connections: options.connections,
            patience: options.round_timeout,
        };
        drive_while(drive, &mut || !options.interrupted() && watched.lives(), &|_| {})
    }

    /// Lets a process that serves somebody be, until it has stood still for no more than its share of the time.
    fn rest(&self, watched: &mut Watched) -> Result<(), RunError> {
        while self.started.elapsed() < self.stopped * PORTION {
            if self.options.interrupted() {
                return Err(RunError::Interrupted);
            }
            if !watched.lives() {
                return Err(InspectorError::Ended { during: "watching".to_owned() }.into());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    fn load_is_told_requests(&self) -> bool {
        self.options
            .load
            .as_deref()
            .is_some_and(|load| load.contains("{requests}") || load.contains("HEAPDOWSE_REQUESTS"))
    }

    fn check_first(&self, result: &LoadResult, warnings: &mut Vec<String>) -> Result<(), RunError> {
        let Some(complaint) = &result.complaint else { return Ok(()) };
        if result.requests.unwrap_or(0) == 0 {
            return Err(RunError::Load { reason: complaint.clone() });
        }
        warnings.push(format!("warm-up: {complaint}"));
        Ok(())
    }

    /// More requests for a program that answers the usual number in no time.
    fn fitting_requests(&self, requests: u64, seconds: f64) -> u64 {
        if self.options.requests.is_some() {
            return requests;
        }
        let fits = |&&more: &&u64| seconds * more as f64 / requests as f64 <= SHORT_ROUND_SECONDS;
        REQUESTS.iter().rev().find(fits).copied().unwrap_or(requests)
    }

    /// Keep-alive connections are spread unevenly over a cluster: watch the worker that got most of them.
    fn watch_busiest_worker(
        &mut self,
        program: &mut dyn Subject,
        target: &mut Target,
        watched: &mut Watched,
        progress: &mut Progress,
    ) -> Result<(), RunError> {
        let cancel = &self.options.interrupt;
        let busiest = target
            .siblings
            .iter()
            .filter_map(|process| Some((program.requests_served(process, cancel)?, process)))
            .max_by_key(|(served, _)| *served);
        let Some((served, process)) = busiest.filter(|(served, _)| *served > progress.served) else {
            return Ok(());
        };
        target.process = process.clone();
        progress.served = served;
        let fresh = program.watch(target, cancel)?;
        self.others.adopt([std::mem::replace(watched, fresh)]);
        // The floor of the worker watched so far says nothing about this one.
        self.floors.clear();
        self.rows.clear();
        self.tell(RunStep::Watching(watched.process.clone()));
        Ok(())
    }

    fn take_floor(
        &mut self,
        watched: &mut Watched,
        progress: &mut Progress,
        load: LoadResult,
        load_seconds: f64,
        warm_up: bool,
    ) -> Result<(), RunError> {
        self.measure_others(watched, OTHERS_COLLECTIONS);
        let mut measured = self.measure(watched, Watched::floor)?;
        let before = self.rows.last().map(|row| row.heap_used);
        let is_last_warm_up = progress.round > 0 && !warm_up && self.rows.iter().all(|row| row.warm_up);
        if progress.settle < LONG_SETTLE {
            if is_last_warm_up {
                // Does what is left go away by itself in a while?
                std::thread::sleep(LONG_SETTLE - progress.settle);
                let later = self.measure(watched, Watched::floor)?;
                if fell(measured.after.heap_used, later.after.heap_used) {
                    progress.settle = LONG_SETTLE;
                }
                measured.after = later.after;
            } else if before.is_some_and(|before| fell(before, measured.after.heap_used)) {
                progress.settle = LONG_SETTLE;
            }
        }
        progress.counted = progress.counted.zip(load.requests).map(|(sum, more)| sum + more);
        let after_snapshot = std::mem::take(&mut progress.after_snapshot);
        // In requests while they can be counted; `settle_axis` makes rounds of all of it otherwise.
        let work = progress.counted.map_or(f64::from(progress.round), |sum| sum as f64);
        let row = self.row(&measured, work, warm_up);
        let mut row = RoundRow {
            round: progress.round,
            requests: load.requests,
            failed_requests: load.failed,
            load_seconds,
            ..row
        };
        self.place_others(watched, &mut row);
        self.record(row, after_snapshot);
        Ok(())
    }

    /// Takes a floor, and tells which collections there were until then.
    pub(super) fn measure<T>(
        &mut self,
        watched: &mut Watched,
        floor: impl FnOnce(&mut Watched) -> Result<T, InspectorError>,
    ) -> Result<T, RunError> {
        let measured = floor(watched).map_err(RunError::from_inspector)?;
        // Of a process that has ended meanwhile the floor still counts; whoever asks next finds out.
        if let Ok(collected) = watched.collected() {
            let forced = collected.collections.iter().filter(|gc| gc.forced);
            let stopped: f64 = forced.filter_map(|gc| gc.pause_ms).sum();
            self.stopped += Duration::from_secs_f64(stopped.max(0.0) / 1e3);
            self.tell(RunStep::Collected(collected));
        }
        Ok(measured)
    }

    /// A floor as a row, with the work done until then.
    pub(super) fn row(&self, measured: &MeasuredFloor, work: f64, warm_up: bool) -> RoundRow {
        RoundRow {
            round: 0,
            warm_up,
            requests: None,
            failed_requests: None,
            work,
            seconds: self.started.elapsed().as_secs_f64(),
            heap_before_collection: measured.before.heap_used,
            heap_used: measured.after.heap_used,
            heap_total: measured.after.heap_total,
            code: measured.after.code,
            external: measured.after.external,
            array_buffers: measured.after.array_buffers,
            resident: measured.resident,
            in_workers: None,
            malloc_in_use: measured.malloc.map(|heap| heap.in_use),
            malloc_free: measured.malloc.map(|heap| heap.free + heap.top),
            open_files: measured.open_files,
            collection_ms: measured.time.as_secs_f64() * 1e3,
            collections: measured.collections,
            load_seconds: 0.0,
            request_rate: None,
        }
    }

    pub(super) fn record(&mut self, row: RoundRow, after_snapshot: bool) {
        let floor = FloorRecord { pid: 0, worker: None, row: row.clone(), after_snapshot }.floor();
        self.floors.push(floor);
        self.tell(RunStep::Floor(row.clone()));
        self.rows.push(row);
    }

    /// One round that nobody counted makes requests useless as an axis.
    fn settle_axis(&mut self, unit: WorkUnit) {
        if unit == WorkUnit::Round {
            for (floor, row) in self.floors.iter_mut().zip(&mut self.rows) {
                row.work = f64::from(row.round);
                floor.work = row.work;
            }
            for snapshot in &mut self.snapshots {
                snapshot.work = f64::from(snapshot.round);
            }
        }
    }

    pub(super) fn tell(&mut self, step: RunStep) {
        self.events.event(&RunEvent::step(step));
    }
}

/// As many rounds as fit the time that people wait, judged by the last of the warm-up. A process that serves somebody
/// rests after its collections.
fn fitting_rounds(last: Option<&RoundRow>, serves: bool) -> u32 {
    let fit = last.map_or(f64::INFINITY, |row| {
        let collecting = row.collection_ms / 1e3;
        let busy = ROUNDS_SECONDS / (row.load_seconds + collecting);
        if serves { busy.min(RESTING_SECONDS / (collecting * f64::from(PORTION))) } else { busy }
    });
    // The quotient of nothing is infinite, and as a number of rounds the largest one.
    (fit as u32).clamp(LEAST_ROUNDS, ROUNDS)
}

/// Whether a floor is lower than another by more than floors scatter.
fn fell(from: u64, to: u64) -> bool {
    from.saturating_sub(to) > (from / 20).max(512 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_fewer_where_each_takes_long_by_its_load_or_its_rest() {
        let row = |load: f64, collecting_ms: f64| -> RoundRow {
            serde_json::from_value(serde_json::json!({"round": 1, "warm_up": true, "requests": 1, "work": 1,
                "seconds": 1, "heap_before_collection": 1, "heap_used": 1, "heap_total": 1, "external": 0,
                "collection_ms": collecting_ms, "collections": 1, "load_seconds": load}))
            .unwrap()
        };
        assert_eq!(fitting_rounds(None, true), ROUNDS);
        assert_eq!(fitting_rounds(Some(&row(0.0, 0.0)), true), ROUNDS);
        assert_eq!(fitting_rounds(Some(&row(1.0, 300.0)), true), ROUNDS);
        // A rest of eight seconds leaves room for ten; a program of our own does not rest.
        assert_eq!(fitting_rounds(Some(&row(1.0, 400.0)), true), 10);
        assert_eq!(fitting_rounds(Some(&row(1.0, 400.0)), false), ROUNDS);
        assert_eq!(fitting_rounds(Some(&row(9.0, 400.0)), false), LEAST_ROUNDS);
        assert_eq!(fitting_rounds(Some(&row(1.0, 2000.0)), true), LEAST_ROUNDS);
    }
}
