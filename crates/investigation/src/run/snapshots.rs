//! Snapshots along the way: when, and straight from the socket into the graph.

use std::{
    io::{self, Write},
    net::TcpStream,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use heap_graph::{HeapGraph, ReadOptions};
use inspector::{InspectorError, PipeWriter, Session, Worker, pipe};
use serde::{Deserialize, Serialize};

use crate::price::{self, Headroom, Price};

use super::{RoundRow, Run, RunError, RunEvent, RunStep, events::Events, frozen::NoCopy, watch::Watched};
use crate::whole_file::WholeFile;

/// How much of a snapshot may wait for the parser.
const PIPE_BYTES: usize = 8 << 20;

/// A snapshot as a graph.
pub struct Snapshot {
    /// After which round it was taken.
    pub round: u32,
    /// Requests or other work until then.
    pub work: f64,
    /// Its size as text, bytes; in memory, where it never was text.
    pub bytes: u64,
    /// The graph.
    pub graph: HeapGraph,
    /// How it was made.
    pub way: Way,
    /// Where its text was kept.
    pub file: Option<PathBuf>,
    /// What it was expected to cost.
    pub price: Option<Price>,
    /// What it did cost.
    pub paid: Option<Paid>,
}

/// How a snapshot was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// By V8, through the inspector.
    #[default]
    Inspector,
    /// Of a frozen copy.
    Fork,
}

/// From how long a pause on, as far as it is sure, a frozen copy is taken instead of V8's own snapshot, seconds.
const LONG_PAUSE: f64 = 2.0;

/// What a snapshot did cost the process.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Paid {
    /// How much the resident set had grown when it was done, bytes; some of it is given back later.
    pub bytes: u64,
    /// How long it took, seconds; the process stood still for most of it, or for the time of a fork.
    pub seconds: f64,
}

/// What became of a wish for a snapshot.
pub(super) enum Taken {
    /// It was taken.
    Snapshot(Box<Snapshot>),
    /// It does not fit, and nothing was done; why.
    Refused(String),
}

impl Run<'_> {
    /// The next snapshot of the driven process's main thread.
    pub(super) fn snapshot_of_main(
        &mut self,
        watched: &mut Watched,
        row: &RoundRow,
        most_pause: Option<Duration>,
    ) -> Result<Taken, RunError> {
        let earlier = std::mem::take(&mut self.snapshots);
        let taken = self.snapshot(watched, None, row, earlier.len() + 1, earlier.last(), most_pause);
        self.snapshots = earlier;
        taken
    }

    /// Takes a snapshot of the main thread or of a worker, right after the floor `row`, if the process can afford it
    /// with at most so long a pause. `number` says the how manieth of its series it is, from 1, and `before` the one
    /// before it. It is read from a frozen copy of the process where V8's own snapshot costs too much.
    pub(super) fn snapshot(
        &mut self,
        watched: &mut Watched,
        worker: Option<&Worker>,
        row: &RoundRow,
        number: usize,
        before: Option<&Snapshot>,
        most_pause: Option<Duration>,
    ) -> Result<Taken, RunError> {
        let pid = watched.process.pid;
        let price = price::predict(row.heap_used, &watched.process.node_version);
        let room = price::headroom(pid).ok();
        let mut refusal = refusal(&price, room, most_pause);
        let resident = price::resident_bytes(pid);
        let started = Instant::now();
        let keep = self.options.keep_snapshots.clone();
        let thread = match worker {
            Some(worker) => watched.thread_number(worker)?,
            None => 0,
        };
        let whose = worker.map_or_else(String::new, |_| format!("-{pid}-worker-{thread}"));
        let is_dear = refusal.is_some() || price.pause_seconds.low > LONG_PAUSE;
        let mut taken = None;
        if is_dear && !self.options.allocations {
            match self.frozen(pid, thread, row) {
                Ok(snapshot) => taken = Some(snapshot),
                Err(NoCopy::Failed(error)) => return Err(error),
                Err(NoCopy::Impossible(why)) => {
                    refusal = refusal.map(|reason| format!("{reason}; a frozen copy cannot be read: {why}"));
                }
            }
        }
        let mut snapshot = match (taken, refusal) {
            (Some(snapshot), _) => snapshot,
            (None, Some(reason)) => return Ok(Taken::Refused(reason)),
            (None, None) => {
                let keep = keep.as_deref().map(|folder| (folder, whose.as_str()));
                let taken = match worker {
                    None => take(&mut watched.session, keep, row, self.events),
                    Some(worker) => watched
                        .session
                        .in_worker(worker, |session| Ok(take(session, keep, row, self.events)))?,
                };
                taken?.ok_or_else(|| InspectorError::Closed { during: "a heap snapshot".to_owned() })?
            }
        };
        if let Some(before) = before
            && (snapshot.way, before.way) != (Way::Inspector, Way::Inspector)
        {
            // V8 gave no ids that last; without these nothing would be known to be new.
            snapshot.graph.adopt_ids(&before.graph);
        }
        if let Some(folder) = &keep {
            snapshot.keep_frozen(folder, &whose)?;
        }
        let grown =
            resident.zip(price::resident_bytes(pid)).map(|(before, after)| after.saturating_sub(before));
        snapshot.price = Some(price);
        snapshot.paid = grown.map(|bytes| Paid { bytes, seconds: started.elapsed().as_secs_f64() });
        if self.options.allocations {
            let switch = |session: &mut Session<TcpStream>| match number {
                1 => session.start_allocation_stacks(),
                SNAPSHOTS => session.stop_allocation_stacks(),
                _ => Ok(()),
            };
            let switched = match worker {
                None => switch(&mut watched.session),
                Some(worker) => watched.session.in_worker(worker, switch),
            };
            switched.map_err(RunError::from_inspector)?;
        }
        Ok(Taken::Snapshot(Box::new(snapshot)))
    }
}

/// Why a snapshot of that price is not taken, and what else there is.
fn refusal(price: &Price, room: Option<Headroom>, most_pause: Option<Duration>) -> Option<String> {
    let too_long = most_pause.is_some_and(|most| price.pause_seconds.high > most.as_secs_f64());
    let too_big = room.is_some_and(|room| !room.allows(price));
    if !too_long && !too_big {
        return None;
    }
    let mb = |bytes: f64| bytes / 1_048_576.0;
    let why = match room.and_then(|room| room.tightest()) {
        Some(left) if too_big => format!("there are {:.0} MB left", mb(left as f64)),
        _ => "--max-pause forbids that".to_owned(),
    };
    Some(format!(
        "no snapshot was taken: it may cost {:.0} to {:.0} MB and stop the process for {:.1} to {:.1} s, and {why}; give \
         it more memory, watch a copy with less in its heap, or see what allocates with sampling \
         (node --heap-prof)",
        mb(price.bytes.low),
        mb(price.bytes.high),
        price.pause_seconds.low,
        price.pause_seconds.high,
    ))
}

/// Snapshots of a leak: the first, and two windows after it. What was made in the first window and lives on
/// after the second has survived, and what grew in both grew twice.
pub(super) const SNAPSHOTS: usize = 3;
/// Least rounds between two snapshots, where there is a choice: a window of one round is a matter of luck.
const LEAST_WINDOW: u32 = 3;

/// When snapshots are due. None is taken before something grows: each stops the program and costs it memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Schedule {
    taken: usize,
    next: Option<u32>,
    window: u32,
}

impl Schedule {
    /// Whether one is due after `done` of `planned` rounds, when `grows` says whether anything seems to grow.
    pub(super) fn is_due(&mut self, done: u32, planned: u32, grows: bool) -> bool {
        match self.next {
            None if self.taken == 0 && grows => {
                self.window = (planned.saturating_sub(done) / 2).max(1);
                true
            }
            Some(next) => done >= next,
            None => false,
        }
    }

    /// Whether any was taken.
    pub(super) fn has_begun(&self) -> bool {
        self.taken > 0
    }

    /// One was taken after `done` rounds.
    pub(super) fn taken(&mut self, done: u32) {
        self.taken += 1;
        self.next = (self.taken < SNAPSHOTS).then_some(done + self.window);
    }

    /// Rounds still needed, after `done`, until all of them are taken. `grows` says whether they are wanted.
    pub(super) fn rounds_missing(&mut self, done: u32, grows: bool) -> u32 {
        // One that is due now is as good as taken.
        let due_now = self.next.is_some_and(|next| done >= next);
        let taken = self.taken + usize::from(due_now);
        if !grows || taken >= SNAPSHOTS {
            return 0;
        }
        self.window = self.window.max(LEAST_WINDOW);
        if taken == 0 {
            // The first is due at once.
            return self.window * 2;
        }
        if !due_now {
            self.next = Some(done + self.window);
        }
        let missing = u32::try_from(SNAPSHOTS - taken).unwrap_or(u32::MAX);
        self.window * missing
    }
}

/// Takes a snapshot. `Ok(None)` when the program ended meanwhile.
fn take(
    session: &mut Session<TcpStream>,
    keep_in: Option<(&Path, &str)>,
    row: &RoundRow,
    events: &mut dyn Events,
) -> Result<Option<Snapshot>, RunError> {
    let &RoundRow { round, work, .. } = row;
    let file_error = |source| RunError::File { what: format!("the snapshot of round {round}"), source };
    let kept =
        keep_in.map(|(folder, whose)| kept_file(folder, round, whose)).transpose().map_err(file_error)?;
    let (writer, reader) = pipe(PIPE_BYTES);
    std::thread::scope(|scope| {
        let parser = scope.spawn(move || {
            heap_graph::read(reader, &ReadOptions::default(), &mut |_| ControlFlow::Continue(()))
        });
        let mut tee = Tee { pipe: writer, kept, failure: None };
        let taken = session.take_heap_snapshot(&mut tee, &mut |progress| {
            let step = RunStep::Snapshot { done: progress.done, total: progress.total };
            events.event(&RunEvent::step(step));
        });
        crate::fault::here("snapshot");
        let Tee { pipe, kept, failure } = tee;
        if taken.is_ok() {
            // A parser that gave up says why itself, below.
            let _ = pipe.finish();
        } else {
            drop(pipe);
        }
        let parsed = parser.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if let Some(failure) = failure {
            return Err(file_error(failure));
        }
        let bytes = match taken {
            Ok(bytes) => bytes,
            Err(error) if error.is_closed() => return Ok(None),
            // The sink fails when the parser has given up, and the parser knows why.
            Err(InspectorError::Sink(_)) if parsed.is_err() => 0,
            Err(error) => return Err(RunError::from_inspector(error)),
        };
        let graph = parsed.map_err(|source| RunError::Snapshot { round, source })?;
        let file = kept.map(WholeFile::keep).transpose().map_err(file_error)?;
        Ok(Some(Snapshot { round, work, bytes, graph, way: Way::Inspector, file, price: None, paid: None }))
    })
}

fn kept_file(folder: &Path, round: u32, whose: &str) -> io::Result<WholeFile> {
    std::fs::create_dir_all(folder)?;
    WholeFile::create(kept_path(folder, round, whose))
}

/// Where a snapshot is kept.
pub(super) fn kept_path(folder: &Path, round: u32, whose: &str) -> PathBuf {
    folder.join(format!("round-{round:02}{whose}.heapsnapshot"))
}

/// Writes to the parser and to the file that is kept. The file's failure is remembered, not mistaken for
/// the parser's.
struct Tee {
    pipe: PipeWriter,
    kept: Option<WholeFile>,
    failure: Option<io::Error>,
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.pipe.write(bytes)?;
        if let Some(kept) = &mut self.kept
            && let Err(error) = kept.write_all(&bytes[..count])
        {
            let kind = error.kind();
            self.failure = Some(error);
            return Err(kind.into());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds_with_snapshots(planned: u32, grows_from: u32, extend: bool) -> Vec<u32> {
        let mut schedule = Schedule::default();
        let (mut planned, mut done, mut taken) = (planned, 0, Vec::new());
        while done < planned {
            done += 1;
            let grows = done >= grows_from;
            if done == planned && extend {
                planned += schedule.rounds_missing(done, grows);
            }
            if schedule.is_due(done, planned, grows) {
                schedule.taken(done);
                taken.push(done);
            }
        }
        taken
    }

    #[test]
    fn three_snapshots_are_due_when_something_grows() {
        assert_eq!(rounds_with_snapshots(12, 4, true), [4, 8, 12]);
        assert_eq!(rounds_with_snapshots(8, 4, false), [4, 6, 8]);
        assert_eq!(rounds_with_snapshots(5, 3, false), [3, 4, 5]);
    }

    #[test]
    fn late_growth_is_followed_for_two_windows_more() {
        assert_eq!(rounds_with_snapshots(12, 12, true), [12, 15, 18]);
        assert_eq!(rounds_with_snapshots(12, 11, true).len(), 3);
    }

    #[test]
    fn none_is_taken_while_nothing_grows() {
        assert!(rounds_with_snapshots(12, 99, true).is_empty());
    }
}
