//! The isolates beside the one that is driven: worker threads, and other processes of the same program.
//!
//! Each has floors, snapshots and in the end a verdict of its own. Their floors are taken with those of the driven
//! one, so all of them share its axis of work; one that serves requests itself has its own.

use std::time::{Duration, Instant};

use inspector::Worker;
use leak_verdict::{Floor, Recording, WorkUnit};

use super::{
    RoundRow, Run, RunError, RunStep, WatchedProcess, WorkerThread,
    find::{self, Target},
    snapshots::{Schedule, Snapshot, Taken},
    subject::Subject,
    watch::{MeasuredFloor, Watched},
};
use crate::recording::FloorRecord;

/// More than this are not watched: each costs the program a collection for every floor.
const MOST: usize = 24;
/// An isolate that did not answer so often in a row is left alone.
const FAILURES: u32 = 2;
/// How long a process that ended may take to come back where others of its program could take its place.
const SOON: Duration = Duration::from_secs(5);
/// How long one may take to answer; the others wait meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// One isolate beside the driven one.
pub(super) struct Isolate {
    pub(super) process: WatchedProcess,
    /// The thread, when it is no process of its own.
    pub(super) worker: Option<Worker>,
    pub(super) rows: Vec<RoundRow>,
    pub(super) floors: Vec<Floor>,
    pub(super) snapshots: Vec<Snapshot>,
    pub(super) heap_limit: Option<u64>,
    /// Requests that it has served itself, at each floor.
    served: Vec<u64>,
    /// Measured, with its place on the axis of work still to come.
    pending: Option<MeasuredFloor>,
    schedule: Schedule,
    after_snapshot: bool,
    failures: u32,
    /// What its work counts, once that is settled: of one that was driven until it ended.
    unit: Option<WorkUnit>,
}

/// The isolates beside the driven one, with the sessions of the processes that they live in.
#[derive(Default)]
pub(super) struct Isolates {
    /// Processes other than the driven one.
    processes: Vec<Watched>,
    members: Vec<Isolate>,
    /// What ended while it was watched, or stopped answering.
    notes: Vec<String>,
    /// Work that was done under processes which were driven until they ended.
    work_before: f64,
}

impl Isolate {
    fn new(process: WatchedProcess, worker: Option<Worker>) -> Self {
        Self {
            process,
            worker,
            rows: Vec::new(),
            floors: Vec::new(),
            snapshots: Vec::new(),
            heap_limit: None,
            served: Vec::new(),
            pending: None,
            schedule: Schedule::default(),
            after_snapshot: false,
            failures: 0,
            unit: None,
        }
    }

    /// What tells its code from that of others: workers of a cluster all run the same, and grow alike.
    fn code(&self) -> Code<'_> {
        code_of(&self.process)
    }

    /// Whether it is still asked.
    fn is_asked(&self) -> bool {
        self.failures < FAILURES
    }

    fn recording(&self, unit: WorkUnit) -> Recording {
        Recording { unit, floors: self.floors.clone(), heap_limit: self.heap_limit }
    }

    /// Gives what was measured its place: at `driven`, the row of the driven isolate.
    fn place(
        &mut self,
        driven: &RoundRow,
        work_before: f64,
        row: impl FnOnce(&MeasuredFloor) -> RoundRow,
    ) -> Option<RoundRow> {
        let measured = self.pending.take()?;
        let served = measured.after.requests;
        let before = self.served.last().copied().unwrap_or(served);
        self.served.push(served);
        let row = RoundRow {
            round: driven.round,
            warm_up: driven.warm_up,
            requests: Some(served.saturating_sub(before)),
            work: work_before + driven.work,
            load_seconds: driven.load_seconds,
            request_rate: driven.request_rate,
            ..row(&measured)
        };
        let after_snapshot = std::mem::take(&mut self.after_snapshot);
        self.floors.push(FloorRecord { pid: 0, worker: None, row: row.clone(), after_snapshot }.floor());
        self.rows.push(row.clone());
        Some(row)
    }

    /// Its own requests are its work where it served some between any two floors that count; else the program's are.
    pub(super) fn settle_axis(&mut self, unit: WorkUnit) -> WorkUnit {
        if let Some(settled) = self.unit {
            return settled;
        }
        let counted = self.rows.iter().zip(&self.served).filter(|(row, _)| !row.warm_up);
        let served: Vec<u64> = counted.map(|(_, served)| *served).collect();
        let serves = served.len() > 1 && served.windows(2).all(|pair| pair[1] > pair[0]);
        let first = self.served.first().copied().unwrap_or(0);
        for ((row, floor), served) in self.rows.iter_mut().zip(&mut self.floors).zip(&self.served) {
            row.work = match unit {
                _ if serves => (served - first.min(*served)) as f64,
                WorkUnit::Request => row.work,
                WorkUnit::Round => f64::from(row.round),
                WorkUnit::Second => row.seconds,
            };
            if !serves {
                row.requests = None;
            }
            floor.work = row.work;
        }
        for snapshot in &mut self.snapshots {
            let row = self.rows.iter().find(|row| row.round == snapshot.round);
            snapshot.work = row.map_or(snapshot.work, |row| row.work);
        }
        if serves { WorkUnit::Request } else { unit }
    }
}

/// A cluster's primary and its workers have one command line, and do not run the same.
type Code<'a> = (&'a [String], bool, Option<&'a str>);

fn code_of(process: &WatchedProcess) -> Code<'_> {
    let thread = process.worker.as_ref().map(|worker| worker.url.as_str());
    (&process.command_line, process.cluster_worker, thread)
}

impl Isolates {
    /// Watches further processes from now on, with all their threads.
    pub(super) fn adopt(&mut self, processes: impl IntoIterator<Item = Watched>) {
        for watched in processes {
            if self.members.len() >= MOST {
                self.notes
                    .push(format!("process {} is not watched: there are too many", watched.process.pid));
                continue;
            }
            self.members.push(Isolate::new(watched.process.clone(), None));
            self.processes.push(watched);
        }
    }

    /// The processes beside the driven one.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.processes.iter().map(|watched| watched.process.pid).collect()
    }

    /// Gives up a process that still runs, to be driven from now on in the place of one that has ended.
    fn promote(&mut self) -> Option<Watched> {
        let runs = |watched: &Watched| node_process::is_alive(watched.process.pid);
        let at = self.processes.iter().position(runs)?;
        let watched = self.processes.remove(at);
        // Its floors so far lie on the axis of the one that has ended.
        let pid = watched.process.pid;
        self.members.retain(|member| member.process.pid != pid || member.worker.is_some());
        Some(watched)
    }

    /// What is to be said about them.
    pub(super) fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes)
    }

    /// The isolates and the sessions of their processes, to be judged.
    pub(super) fn into_parts(self) -> (Vec<Isolate>, Vec<Watched>) {
        (self.members, self.processes)
    }

    /// The session of a member's process; `driven` where that is the driven one's.
    fn session<'a>(
        processes: &'a mut [Watched],
        driven: &'a mut Watched,
        pid: u32,
    ) -> Option<&'a mut Watched> {
        if driven.process.pid == pid {
            return Some(driven);
        }
        processes.iter_mut().find(|watched| watched.process.pid == pid)
    }

    /// Looks for threads that were started since the last look.
    fn look_for_workers(&mut self, driven: &mut Watched) {
        for watched in self.processes.iter_mut().chain([driven]) {
            // A process that is gone has none; whoever measures it finds out.
            let Ok(workers) = watched.workers() else { continue };
            for worker in workers {
                let is_known = self.members.iter().any(|known| {
                    known.process.pid == watched.process.pid && known.worker.as_ref() == Some(&worker)
                });
                if is_known || self.members.len() >= MOST {
                    continue;
                }
                // It says its number when it is first asked.
                let thread =
                    WorkerThread { id: String::new(), title: worker.title.clone(), url: worker.url.clone() };
                let process =
                    WatchedProcess { worker: Some(thread), port: None, url: None, ..watched.process.clone() };
                self.members.push(Isolate::new(process, Some(worker)));
            }
        }
    }

    /// Takes a floor of each. It has no place on the axis of work before [`Run::place_others`] gives it one.
    fn measure(&mut self, driven: &mut Watched, most: u32) {
        self.look_for_workers(driven);
        let (members, processes, notes) = (&mut self.members, &mut self.processes, &mut self.notes);
        for member in members.iter_mut().filter(|member| member.is_asked()) {
            let Some(watched) = Self::session(processes, driven, member.process.pid) else { continue };
            let first = member.floors.is_empty();
            match watched.isolate_floor(member.worker.as_ref(), first, most, PATIENCE) {
                Ok((measured, heap_limit)) => {
                    if let (Some(worker), Some(thread)) = (&member.worker, &mut member.process.worker)
                        && thread.id.is_empty()
                    {
                        let number = watched.thread_number(worker);
                        thread.id = number.map(|number| number.to_string()).unwrap_or_default();
                    }
                    member.pending = Some(measured);
                    member.heap_limit = heap_limit;
                    member.failures = 0;
                }
                Err(error) => {
                    member.failures = if error.is_closed() { FAILURES } else { member.failures + 1 };
                    if !member.is_asked() {
                        notes.push(format!("{} is not watched any more: {error}", member.process.name()));
                    }
                }
            }
        }
    }

    /// Committed by worker threads of a process, of its resident set.
    fn in_workers(&self, pid: u32) -> Option<u64> {
        let of_process =
            self.members.iter().filter(|member| member.process.pid == pid && member.worker.is_some());
        let committed =
            of_process.filter_map(|member| member.pending).map(|m| m.after.heap_total + m.after.external);
        Some(committed.sum()).filter(|&bytes| bytes > 0)
    }

    /// Whether any of them has begun a series of snapshots and lacks some.
    pub(super) fn lack_snapshots(&self) -> bool {
        let lacks = |count: usize| count > 0 && count < super::snapshots::SNAPSHOTS;
        self.members.iter().any(|member| member.is_asked() && lacks(member.snapshots.len()))
    }

    /// Rounds still needed, after `done`, until what grows has its snapshots.
    pub(super) fn rounds_missing(&mut self, done: u32, unit: WorkUnit) -> u32 {
        let missing = self.members.iter_mut().map(|member| {
            let grows = leak_verdict::seems_to_grow(&member.recording(unit));
            let wanted = grows && (member.schedule.has_begun() || member.is_asked());
            member.schedule.rounds_missing(done, wanted)
        });
        missing.max().unwrap_or(0)
    }
}

/// When snapshots may be taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    pub(super) done: u32,
    pub(super) planned: u32,
    pub(super) is_last: bool,
    pub(super) max_pause: Option<Duration>,
}

impl Run<'_> {
    /// Whoever comes in the place of the driven process, which has ended: one that is started within `patience`, or
    /// another one of the program. `None` if it only has closed its inspector, or nobody comes.
    pub(super) fn successor(
        &mut self,
        program: &mut dyn Subject,
        ended: &Watched,
        patience: Duration,
        warnings: &mut Vec<String>,
    ) -> Result<Option<(Watched, Target)>, RunError> {
        if node_process::is_alive(ended.process.pid) {
            return Ok(None);
        }
        let others = self.others.processes.iter().any(|other| node_process::is_alive(other.process.pid));
        let patience = if others { patience.min(SOON) } else { patience };
        let found = match program.restarted(patience, warnings) {
            Some(target) => Some((program.watch(&target, &self.options.interrupt)?, target)),
            None if program.follows() => self
                .others
                .promote()
                .and_then(|watched| Some((find::target_of(program, watched.process.pid)?, watched)))
                .map(|(target, watched)| (watched, target)),
            None => None,
        };
        if let Some((watched, _)) = &found {
            warnings.push(format!(
                "process {} has ended, and process {} is watched in its place",
                ended.process.pid, watched.process.pid
            ));
            self.tell(RunStep::Watching(watched.process.clone()));
        }
        Ok(found)
    }

    /// Puts the driven isolate, which has ended, aside with all that is known of it; another one comes in its place.
    pub(super) fn retire(&mut self, watched: Watched, unit: WorkUnit) {
        let mut isolate = Isolate::new(watched.process.clone(), None);
        self.others.work_before += self.rows.last().map_or(0.0, |row| row.work);
        isolate.rows = std::mem::take(&mut self.rows);
        isolate.floors = std::mem::take(&mut self.floors);
        isolate.snapshots = std::mem::take(&mut self.snapshots);
        isolate.heap_limit = watched.heap_limit;
        isolate.failures = FAILURES;
        isolate.unit = Some(unit);
        self.others.members.push(isolate);
        // Its scripts are still known.
        self.others.processes.push(watched);
    }

    /// Takes a floor of every isolate beside the driven one, before that one's own. Answers how long the longest took.
    pub(super) fn measure_others(&mut self, driven: &mut Watched, most: u32) -> Duration {
        let begun = Instant::now();
        self.others.measure(driven, most);
        let took = self.others.members.iter().filter_map(|member| member.pending.map(|m| m.time)).max();
        took.unwrap_or(Duration::ZERO).min(begun.elapsed())
    }

    /// Puts the floors that were measured beside that of the driven isolate, and says in its row what is theirs.
    pub(super) fn place_others(&mut self, driven: &Watched, driven_row: &mut RoundRow) {
        let mut others = std::mem::take(&mut self.others);
        driven_row.in_workers = others.in_workers(driven.process.pid);
        let shared: Vec<Option<u64>> =
            others.members.iter().map(|member| others.in_workers(member.process.pid)).collect();
        let work_before = others.work_before;
        for (member, shared) in others.members.iter_mut().zip(shared) {
            let is_thread = member.worker.is_some();
            let row = member.place(driven_row, work_before, |measured| {
                let mut row = self.row(measured, 0.0, false);
                if is_thread {
                    // These are the whole process's.
                    (row.resident, row.malloc_in_use, row.malloc_free) = (None, None, None);
                } else {
                    row.in_workers = shared;
                }
                row
            });
            if let Some(row) = row {
                self.tell(RunStep::OtherFloor(member.process.clone(), row));
            }
        }
        self.others = others;
    }

    /// Takes the snapshots that are due of what grows. Answers whether the driven process paid for one.
    pub(super) fn snapshot_others(
        &mut self,
        driven: &mut Watched,
        driven_has_some: bool,
        unit: WorkUnit,
        due: Due,
        warnings: &mut Vec<String>,
    ) -> Result<bool, RunError> {
        let mut others = std::mem::take(&mut self.others);
        let mut paid = false;
        for at in 0..others.members.len() {
            let member = &others.members[at];
            let grows = leak_verdict::seems_to_grow(&member.recording(unit));
            // Who runs the same code grows alike: one of them is looked into.
            let same = |begun: bool, code| begun && code == member.code();
            let is_seen = same(driven_has_some, code_of(&driven.process))
                || others
                    .members
                    .iter()
                    .enumerate()
                    .any(|(other, known)| other != at && same(!known.snapshots.is_empty(), known.code()));
            let member = &mut others.members[at];
            let Some(row) = member.rows.last().cloned() else { continue };
            let is_due = member.schedule.is_due(due.done, due.planned, grows) || (due.is_last && grows);
            let is_ready = !member.after_snapshot && row.round == due.done && member.is_asked();
            if is_seen || !is_due || !is_ready || member.snapshots.len() >= super::snapshots::SNAPSHOTS {
                continue;
            }
            let pid = member.process.pid;
            let Some(watched) = Isolates::session(&mut others.processes, driven, pid) else { continue };
            let number = member.snapshots.len() + 1;
            let before = member.snapshots.last();
            match self.snapshot(watched, member.worker.as_ref(), &row, number, before, due.max_pause) {
                Ok(Taken::Snapshot(snapshot)) => {
                    member.snapshots.push(*snapshot);
                    member.after_snapshot = true;
                    paid |= pid == driven.process.pid;
                    member.schedule.taken(due.done);
                }
                Ok(Taken::Refused(reason)) => {
                    let reason = format!("{}: {reason}", member.process.name());
                    if !warnings.contains(&reason) {
                        warnings.push(reason);
                    }
                }
                // It has ended meanwhile, and the driven one goes on.
                Err(RunError::Inspector(error)) if error.is_closed() => member.failures = FAILURES,
                Err(error) => {
                    self.others = others;
                    return Err(error);
                }
            }
        }
        self.others = others;
        Ok(paid)
    }
}
