//! A process under its own traffic: floors every few seconds, forced within bounds, or as they come by themselves.

use std::time::{Duration, Instant, SystemTime};

use inspector::InspectorError;
use leak_verdict::{Word, decide};

use super::{
    Outcome, Run, RunError, RunStep,
    attached::{Processes, unit},
    find::Target,
    isolates::Due,
    rounds::OTHERS_COLLECTIONS,
    snapshots::{self, Schedule, Taken},
    subject::Subject,
    watch::{MeasuredFloor, Watched},
};

/// Least time between two forced floors.
const LEAST_INTERVAL: Duration = Duration::from_secs(4);
/// The process may stand still for a twentieth of the time.
pub(super) const PORTION: u32 = 20;
/// Collections for a floor; the first may take more, as it finds what piled up before.
const COLLECTIONS: u32 = 2;
/// Watching goes on at most so long where the verdict is open.
const LONGEST: Duration = Duration::from_secs(110);
/// How long a process that ended may take to come back.
const RESTART: Duration = Duration::from_secs(20);
/// Between two looks at a process whose collections are not forced.
const LOOK: Duration = Duration::from_secs(1);

/// Where watching has come to.
struct Traffic {
    begun: Instant,
    number: u32,
    /// Requests at the first floor that counts.
    first_requests: Option<u64>,
    counts_requests: bool,
    last: Option<(Instant, u64)>,
    schedule: Schedule,
    after_snapshot: bool,
    interval: Duration,
    planned: u32,
}

impl Traffic {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            number: 0,
            first_requests: None,
            counts_requests: true,
            last: None,
            schedule: Schedule::default(),
            after_snapshot: false,
            interval: LEAST_INTERVAL,
            planned: 0,
        }
    }
}

impl Run<'_> {
    /// Watches a process under its own traffic.
    pub(super) fn in_traffic(
        &mut self,
        processes: &mut Processes,
        target: &Target,
        warnings: &mut Vec<String>,
    ) -> Result<Outcome, RunError> {
        let mut watched = processes.watch(target, &self.options.interrupt)?;
        self.tell(RunStep::Watching(watched.process.clone()));
        let mut collect = processes.plan.collect;
        let first = watched.read().map_err(RunError::from_inspector)?;
        if collect && !self.announce_pauses(&processes.plan, first.heap_used) {
            collect = false;
            warnings.push(
                "a full collection may stop the process for longer than --max-pause allows, so none is forced".into(),
            );
        }
        let mut traffic = Traffic::new();
        let ended = loop {
            match self.observe(processes, &mut watched, &mut traffic, collect, warnings) {
                Ok(()) => break None,
                Err(RunError::Inspector(error)) if error.is_closed() => {}
                Err(error) => return Err(error),
            }
            watched.close();
            let seconds = traffic.begun.elapsed().as_secs_f64();
            let pid = watched.process.pid;
            warnings.push(format!("process {pid} ended after {seconds:.0} s, or closed its inspector"));
            let left = LONGEST.saturating_sub(traffic.begun.elapsed()).min(RESTART);
            let Some((fresh, _)) = self.successor(processes, &watched, left, warnings)? else {
                break processes.wait_for_end(Duration::from_secs(2));
            };
            let unit = self.settle_work(&traffic);
            self.retire(std::mem::replace(&mut watched, fresh), unit);
            traffic = Traffic { begun: traffic.begun, number: traffic.number, ..Traffic::new() };
        };
        let unit = self.settle_work(&traffic);
        Ok((Some(watched), unit, ended))
    }

    fn observe(
        &mut self,
        processes: &mut Processes,
        watched: &mut Watched,
        traffic: &mut Traffic,
        collect: bool,
        warnings: &mut Vec<String>,
    ) -> Result<(), RunError> {
        let mut until = self.options.watch_time;
        if collect {
            // What piled up before goes with this one; it is no part of the series.
            self.measure_others(watched, OTHERS_COLLECTIONS);
            let measured = self.measure(watched, Watched::floor)?;
            self.take(watched, traffic, &measured, true);
        }
        loop {
            if collect {
                let others = processes.watch_others(&[], &self.options.interrupt, warnings);
                self.others.adopt(others);
            }
            let more = if collect {
                self.forced(watched, traffic, until)?
            } else {
                self.natural(watched, traffic, until)?
            };
            let is_over = !more;
            if is_over {
                if !processes.plan.extend || until >= LONGEST || !self.is_undecided(traffic) {
                    return Ok(());
                }
                until = LONGEST;
            }
            if collect && self.options.snapshots {
                self.snapshot_when_due(processes, watched, traffic, until, warnings)?;
            }
        }
    }

    /// Waits, and forces a floor. False when the time is over.
    fn forced(
        &mut self,
        watched: &mut Watched,
        traffic: &mut Traffic,
        until: Duration,
    ) -> Result<bool, RunError> {
        // Jittered, or it could fall in step with what the program does at fixed times.
        let interval = traffic.interval.mul_f64(1.0 + 0.25 * chance());
        if traffic.begun.elapsed() + interval > until {
            return Ok(false);
        }
        wait(watched, interval)?;
        let longest = self.measure_others(watched, COLLECTIONS);
        let measured = self.measure(watched, |watched| watched.floor_within(COLLECTIONS))?;
        // Each isolate stands still for its own collections alone.
        traffic.interval = LEAST_INTERVAL.max(measured.time.max(longest) * PORTION);
        traffic.planned = traffic.number
            + ((until.saturating_sub(traffic.begun.elapsed())).as_secs_f64() / traffic.interval.as_secs_f64())
                as u32
            + 1;
        self.take(watched, traffic, &measured, false);
        Ok(true)
    }

    /// Looks whether the program has collected by itself, once a second. False when the time is over.
    fn natural(
        &mut self,
        watched: &mut Watched,
        traffic: &mut Traffic,
        until: Duration,
    ) -> Result<bool, RunError> {
        if traffic.begun.elapsed() + LOOK > until {
            return Ok(false);
        }
        wait(watched, LOOK)?;
        if let Some(measured) = self.measure(watched, Watched::natural_floor)? {
            self.take(watched, traffic, &measured, false);
        }
        Ok(true)
    }

    fn take(&mut self, watched: &Watched, traffic: &mut Traffic, measured: &MeasuredFloor, warm_up: bool) {
        let now = Instant::now();
        let requests = measured.after.requests;
        let first = *traffic.first_requests.get_or_insert(requests);
        let rate = traffic.last.map(|(then, before)| {
            requests.saturating_sub(before) as f64 / now.duration_since(then).as_secs_f64().max(1e-3)
        });
        let served = traffic.last.map_or(0, |(_, before)| requests.saturating_sub(before));
        // A floor without a request since the last one has no place on an axis of requests.
        traffic.counts_requests &= traffic.last.is_none() || served > 0;
        traffic.last = Some((now, requests));
        let mut row = self.row(measured, requests.saturating_sub(first) as f64, warm_up);
        row.round = traffic.number;
        row.requests = Some(served);
        row.request_rate = rate;
        traffic.number += 1;
        self.place_others(watched, &mut row);
        let after_snapshot = std::mem::take(&mut traffic.after_snapshot);
        self.record(row, after_snapshot);
    }

    /// Requests are the work where every floor saw some; seconds otherwise.
    fn settle_work(&mut self, traffic: &Traffic) -> leak_verdict::WorkUnit {
        if !traffic.counts_requests {
            for (floor, row) in self.floors.iter_mut().zip(&mut self.rows) {
                row.work = row.seconds;
                floor.work = row.seconds;
                row.requests = None;
            }
            for snapshot in &mut self.snapshots {
                let row = self.rows.iter().find(|row| row.round == snapshot.round);
                snapshot.work = row.map_or(snapshot.work, |row| row.seconds);
            }
        }
        unit(traffic.counts_requests)
    }

    fn so_far(&self, traffic: &Traffic) -> leak_verdict::Recording {
        let mut floors = self.floors.clone();
        if !traffic.counts_requests {
            floors.iter_mut().for_each(|floor| floor.work = floor.seconds);
        }
        leak_verdict::Recording { unit: unit(traffic.counts_requests), floors, heap_limit: None }
    }

    fn is_undecided(&self, traffic: &Traffic) -> bool {
        let recording = self.so_far(traffic);
        let snapshots_lack = self.options.snapshots
            && !self.snapshots.is_empty()
            && self.snapshots.len() < snapshots::SNAPSHOTS;
        let word = decide(&recording).word;
        // One leak that is looked into is worth no longer wait for the next.
        let others_lack = self.options.snapshots && !word.is_leak() && self.others.lack_snapshots();
        word == Word::Inconclusive || snapshots_lack || others_lack
    }

    /// A snapshot of what grows, if it fits.
    fn snapshot_when_due(
        &mut self,
        processes: &Processes,
        watched: &mut Watched,
        traffic: &mut Traffic,
        until: Duration,
        warnings: &mut Vec<String>,
    ) -> Result<(), RunError> {
        let Some(last) = self.rows.last().cloned() else { return Ok(()) };
        let grows = leak_verdict::seems_to_grow(&self.so_far(traffic));
        let is_last = traffic.begun.elapsed() + traffic.interval >= until;
        let max_pause = processes.plan.max_pause;
        let due = Due { done: last.round, planned: traffic.planned, is_last, max_pause };
        let driven_has_some = !self.snapshots.is_empty();
        let unit = unit(traffic.counts_requests);
        traffic.after_snapshot |= self.snapshot_others(watched, driven_has_some, unit, due, warnings)?;
        if traffic.after_snapshot
            || !(traffic.schedule.is_due(last.round, traffic.planned, grows) || (is_last && grows))
        {
            return Ok(());
        }
        match self.snapshot_of_main(watched, &last, max_pause)? {
            Taken::Snapshot(snapshot) => self.snapshots.push(*snapshot),
            Taken::Refused(reason) => {
                if !warnings.iter().any(|known| known.starts_with("no snapshot was taken")) {
                    warnings.push(reason);
                }
                return Ok(());
            }
        }
        traffic.schedule.taken(last.round);
        traffic.after_snapshot = true;
        Ok(())
    }
}

/// Lets time pass. An error when the process has ended or only waits for us to go.
fn wait(watched: &mut Watched, time: Duration) -> Result<(), RunError> {
    let connected = watched.session.pump(time).map_err(RunError::from_inspector)?;
    if connected && !watched.session.is_waiting_for_disconnect() {
        return Ok(());
    }
    Err(InspectorError::Ended { during: "watching".to_owned() }.into())
}

/// Between 0 and 1, from the clock: it only has to fall in step with nothing.
fn chance() -> f64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    f64::from(now.subsec_nanos() % 1009) / 1008.0
}
