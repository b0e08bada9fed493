//! Starts a program, drives it in rounds, takes the floor after each, and decides.
//!
//! ```text
//! program (own process group) ──preload opens an inspector──► announcement file ─┐
//!    │ listens                                                                   ▼
//!    └──socket inode──────────────────────────────────────────────► the process to watch
//! load ─► round ─► collections until the heap settles ─► floor ─► (snapshot) ─► next round ─► verdict
//! ```
//!
//! Every wait has a deadline and looks at the interrupt flag, and however a run ends, the program is ended
//! with all that it started.

mod announcement;
mod attached;
mod driver;
mod error;
mod events;
mod excerpt;
mod find;
mod frozen;
mod http;
mod isolates;
mod judge;
mod last_heap;
mod load;
mod observe;
mod on_oom;
mod options;
mod program;
mod report;
mod rounds;
mod snapshots;
mod sources;
mod subject;
mod traffic;
mod watch;

use std::time::{Duration, Instant};

pub use attached::{AttachPlan, attach};
pub use error::RunError;
pub use events::{Attribute, Collected, Events, RunEvent, RunStep};
pub use last_heap::{FirstLook, Holder, LastHeap};
pub use on_oom::LastSnapshot;
pub use options::{OutputSink, ParseReadyError, Ready, RunOptions};
pub use report::{
    CodePlace, ExcerptLine, IsolateReport, MissingPart, RoundRow, RunReport, SnapshotTaken, Suspect,
    WatchedProcess, WorkerThread,
};
pub use snapshots::{Paid, Snapshot, Way};
pub use sources::{ProgramFiles, ScriptSource, ScriptSources};

use crate::recording::{Record, RecordedEvents, Recorder, Timeline};
pub(crate) use driver::{Drive, LoadResult, drive_while};
pub(crate) use find::{Found, Target, wait_until_ready};
use isolates::Isolates;
pub(crate) use load::{Placeholders, run_command};
use on_oom::OnOom;
pub(crate) use program::Program;
pub(crate) use sources::LARGEST_SOURCE;
pub(crate) use watch::{MeasuredFloor, Watched};

/// Runs a program until there is a verdict about it.
///
/// `attribute` is asked, while the program still runs, what the snapshots say about who is to blame.
///
/// # Errors
/// When the program cannot be started, never becomes ready, cannot be watched, or the load cannot be run;
/// and when the interrupt flag is raised. A program that ends in the middle is no error: it gets a verdict
/// from what was seen.
pub fn run(
    options: &RunOptions,
    events: &mut dyn Events,
    attribute: &mut dyn Attribute,
) -> Result<RunReport, RunError> {
    let folder_error =
        |source| RunError::File { what: "the folder for the last snapshots".to_owned(), source };
    let on_oom = options.on_oom.as_deref().map(OnOom::prepare).transpose().map_err(folder_error)?;
    let applied = on_oom.as_ref().map(|on_oom| on_oom.applied_to(options));
    let options = applied.as_ref().unwrap_or(options);
    let mut started = Started { options, on_oom, program: None };
    let mut result = investigate(options, events, attribute, &mut started);
    let mut warnings = Vec::new();
    let mut last = match &mut result {
        Ok(report) => std::mem::take(&mut report.last_snapshots),
        // A program may run out of memory before there is anything to report on.
        Err(_) => started.leave(&mut warnings).last_snapshots,
    };
    for snapshot in &mut last {
        let heap = last_heap::look(&snapshot.path, &|| !options.interrupted());
        snapshot.heap = heap.map_err(|error| warnings.push(error.to_string())).ok();
        events.event(&RunEvent::step(RunStep::RanOut(snapshot.clone())));
    }
    if let Ok(report) = &mut result {
        report.last_snapshots = last;
        report.warnings.extend(warnings);
    }
    result
}

/// What is investigated: how it comes to its floors, and how it is left.
trait Approach {
    /// Takes the floors and, where they are needed, the snapshots.
    fn floors(&mut self, run: &mut Run<'_>, warnings: &mut Vec<String>) -> Result<Outcome, RunError>;

    /// Once nothing is asked of it any more.
    fn leave(&mut self, warnings: &mut Vec<String>) -> Left;
}

/// What is left of what was investigated.
#[derive(Default)]
struct Left {
    /// Its exit status, if it had ended by itself.
    ended: Option<String>,
    /// Snapshots that it wrote when its memory ran out.
    last_snapshots: Vec<LastSnapshot>,
}

/// A program that is started, and ended again.
struct Started<'a> {
    options: &'a RunOptions,
    on_oom: Option<OnOom>,
    program: Option<Program>,
}

impl Approach for Started<'_> {
    fn floors(&mut self, run: &mut Run<'_>, warnings: &mut Vec<String>) -> Result<Outcome, RunError> {
        run.tell(RunStep::Starting);
        let program = self.program.insert(Program::start(self.options)?);
        match find::wait_until_ready(program, self.options)? {
            Found::Listening(target) => run.in_rounds(program, target, warnings),
            Found::Quiet(target) => run.in_slices(program, target, warnings),
            Found::Ended(status) => {
                warnings.push(format!("the program ended ({status}) before it could be watched"));
                Ok((None, leak_verdict::WorkUnit::Second, Some(status)))
            }
        }
    }

    fn leave(&mut self, warnings: &mut Vec<String>) -> Left {
        let Some(program) = self.program.as_mut() else { return Left::default() };
        if let Some(on_oom) = &self.on_oom {
            on_oom.let_finish(program, self.options);
        }
        let status = program.stop();
        let last_snapshots = self.on_oom.take().map_or_else(Vec::new, |on_oom| on_oom.collect(warnings));
        Left { ended: status.filter(|_| program.ended_early()), last_snapshots }
    }
}

/// From an approach to its report.
fn investigate(
    options: &RunOptions,
    events: &mut dyn Events,
    attribute: &mut dyn Attribute,
    approach: &mut dyn Approach,
) -> Result<RunReport, RunError> {
    let started = Instant::now();
    let recorder = Recorder::start(options.record.as_deref(), &options.command)
        .map_err(|source| RunError::File { what: "the recording".to_owned(), source })?;
    let mut recorded = RecordedEvents::new(&recorder, events);
    let events: &mut dyn Events = &mut recorded;
    let mut warnings = Vec::new();
    let mut run = Run {
        options,
        events,
        started,
        snapshots: Vec::new(),
        rows: Vec::new(),
        floors: Vec::new(),
        stopped: Duration::ZERO,
        others: Isolates::default(),
    };
    let (watched, unit, ended) = approach.floors(&mut run, &mut warnings)?;
    warnings.extend(run.others.take_notes());
    let (watched, worst, isolates) = judge::judge(run, watched, unit, attribute);
    drop(watched);
    let left = approach.leave(&mut warnings);
    let judge::Judged { watched, rounds, snapshots, verdict, suspects, recording } = worst;
    let mut report = RunReport {
        schema_version: 1,
        command: options.command.clone(),
        watched,
        rounds,
        snapshots,
        verdict,
        suspects,
        isolates,
        ended_by_itself: ended.or(left.ended),
        last_snapshots: left.last_snapshots,
        seconds: started.elapsed().as_secs_f64(),
        warnings,
        recording,
        timeline: Timeline::default(),
    };
    excerpt::add(&mut report, options.folder.as_deref());
    let last = Record::Report(Box::new(report.clone()));
    let (timeline, failure) = recorder.finish(Some(last));
    report.timeline = timeline;
    report.warnings.extend(failure.map(|failure| format!("the recording is cut: {failure}")));
    Ok(report)
}

/// What a run gathers.
struct Run<'a> {
    options: &'a RunOptions,
    events: &'a mut dyn Events,
    started: Instant,
    snapshots: Vec<Snapshot>,
    rows: Vec<RoundRow>,
    floors: Vec<leak_verdict::Floor>,
    /// For how long collections of ours have stopped the process.
    stopped: Duration,
    /// What is watched beside it.
    others: Isolates,
}

/// What a way of running comes to: the process while it can still be asked, the work axis, and the exit
/// status if the program ended by itself.
type Outcome = (Option<Watched>, leak_verdict::WorkUnit, Option<String>);
