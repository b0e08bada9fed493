//! A program without load from outside: floors over time.
//!
//! Nobody knows how long such a program will run, so slices start short and are doubled each time their
//! floors become too many: a program of two seconds and one of a minute both get enough of them.

use std::time::{Duration, Instant};

use leak_verdict::WorkUnit;

use crate::recording::every_second;

use super::{
    Outcome, Run, RunError, RunStep, find,
    find::Target,
    isolates::{Due, Isolates},
    rounds::OTHERS_COLLECTIONS,
    snapshots::{SNAPSHOTS, Taken},
    subject::Subject,
    watch::Watched,
};

const FIRST_SLICE: Duration = Duration::from_millis(150);
/// A snapshot stops the program for a while, so the first waits for a few floors.
const FIRST_SNAPSHOT: Duration = Duration::from_millis(1500);
const MOST_FLOORS: usize = 32;

/// Where the slices have come to.
struct Slices {
    length: Duration,
    number: u32,
    begun: Instant,
    next_snapshot: Duration,
}

impl Run<'_> {
    /// Watches a program that does not listen; goes over to rounds as soon as it does.
    pub(super) fn in_slices(
        &mut self,
        program: &mut dyn Subject,
        target: Target,
        warnings: &mut Vec<String>,
    ) -> Result<Outcome, RunError> {
        let mut watched = match program.watch(&target, &self.options.interrupt) {
            Ok(watched) => watched,
            Err(RunError::Interrupted) => return Err(RunError::Interrupted),
            Err(error) => {
                warnings.push(format!("it could not be watched: {error}"));
                let status = program.wait_for_end(self.options.watch_time);
                return Ok((None, WorkUnit::Second, status));
            }
        };
        self.tell(RunStep::Watching(watched.process.clone()));
        let others = program.watch_others(&[watched.process.pid], &self.options.interrupt, warnings);
        self.others.adopt(others);
        let begun = Instant::now();
        let mut slices = Slices { length: FIRST_SLICE, number: 0, begun, next_snapshot: FIRST_SNAPSHOT };
        while begun.elapsed() < self.options.watch_time {
            match self.slice(&mut watched, &mut slices, warnings) {
                Ok(true) => {}
                Ok(false) => return Ok(self.ended(program, watched, warnings)),
                Err(RunError::Inspector(error)) if error.is_closed() => {
                    return Ok(self.ended(program, watched, warnings));
                }
                Err(error) => return Err(error),
            }
            if let Some(listening) = find::listening(program) {
                watched.close();
                self.floors.clear();
                self.rows.clear();
                self.snapshots.clear();
                self.others = Isolates::default();
                return self.in_rounds(program, listening, warnings);
            }
        }
        if !self.snapshots.is_empty() {
            self.snapshot_of_slice(&mut watched, warnings)?;
        }
        Ok((Some(watched), WorkUnit::Second, None))
    }

    /// One slice and its floor. False when the program has ended.
    fn slice(
        &mut self,
        watched: &mut Watched,
        slices: &mut Slices,
        warnings: &mut Vec<String>,
    ) -> Result<bool, RunError> {
        let connected = watched.session.pump(slices.length).map_err(RunError::from_inspector)?;
        if !connected || watched.session.is_waiting_for_disconnect() {
            return Ok(false);
        }
        self.measure_others(watched, OTHERS_COLLECTIONS);
        let measured = self.measure(watched, Watched::floor)?;
        slices.number += 1;
        let work = slices.begun.elapsed().as_secs_f64();
        let mut row = self.row(&measured, work, false);
        row.round = slices.number;
        self.place_others(watched, &mut row);
        self.record(row, false);
        if self.floors.len() > MOST_FLOORS {
            every_second(&mut self.floors);
            every_second(&mut self.rows);
            slices.length *= 2;
        }
        // Each time the program has run twice as long, for whenever it may end.
        let wanted = self.options.snapshots && slices.begun.elapsed() >= slices.next_snapshot;
        if wanted && (!self.snapshots.is_empty() || self.seems_to_grow(WorkUnit::Second)) {
            slices.next_snapshot = slices.begun.elapsed() * 2;
            match self.snapshot_of_slice(watched, warnings) {
                Err(RunError::Inspector(error)) if error.is_closed() => return Ok(false),
                other => other?,
            }
        }
        if self.options.snapshots && slices.begun.elapsed() >= FIRST_SNAPSHOT {
            let left = self.options.watch_time.saturating_sub(slices.begun.elapsed());
            let more = (left.as_secs_f64() / slices.length.as_secs_f64().max(1e-3)) as u32;
            let due = Due {
                done: slices.number,
                planned: slices.number + more,
                is_last: more == 0,
                max_pause: None,
            };
            let driven_has_some = !self.snapshots.is_empty();
            self.snapshot_others(watched, driven_has_some, WorkUnit::Second, due, warnings)?;
        }
        Ok(true)
    }

    /// Takes one if the program can afford it; the first and the last two are kept.
    fn snapshot_of_slice(
        &mut self,
        watched: &mut Watched,
        warnings: &mut Vec<String>,
    ) -> Result<(), RunError> {
        let Some(row) = self.rows.last().cloned() else { return Ok(()) };
        match self.snapshot_of_main(watched, &row, None)? {
            Taken::Refused(reason) => warnings.push(reason),
            Taken::Snapshot(snapshot) => {
                self.snapshots.push(*snapshot);
                if self.snapshots.len() > SNAPSHOTS {
                    drop(self.snapshots.remove(1));
                }
            }
        }
        Ok(())
    }

    /// A program that has ended waits for our session to close; the verdict comes from what was seen.
    fn ended(
        &mut self,
        program: &mut dyn Subject,
        mut watched: Watched,
        warnings: &mut Vec<String>,
    ) -> Outcome {
        watched.close();
        let status = program.wait_for_end(Duration::from_secs(3));
        warnings.push(format!(
            "the program ended by itself ({}) after {:.1} s",
            status.as_deref().unwrap_or("its status is not known"),
            self.started.elapsed().as_secs_f64()
        ));
        (Some(watched), WorkUnit::Second, status)
    }
}
