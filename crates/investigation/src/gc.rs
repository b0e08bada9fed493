//! Reads a GC trace from a stream, or takes one of a running process, and sums it up.

use std::io::Read;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use heap_graph::Step;
use inspector::InspectorError;
use leak_verdict::Verdict;
pub use leak_verdict::gc_trace::{
    Exactness, GcEvent, IsolateSummary, KindSummary, Percentiles, Rate, Skipped, TimelinePoint,
};
use leak_verdict::gc_trace::{Summary, TraceReader, judge};
use serde::Serialize;

use crate::attach::{self, AttachError, AttachOptions};

/// How much is read at once.
const PIECE: usize = 1 << 16;
/// Between two looks at what a traced process has sent.
const LOOK: Duration = Duration::from_millis(500);

/// The trace could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// The input failed.
    #[error("{0}")]
    Input(#[from] std::io::Error),
    /// There is no collection in it.
    #[error(
        "no garbage collection in {lines} lines: node --trace-gc (or --trace-gc-nvp, or --trace-event-categories v8) \
         writes them"
    )]
    NoCollection {
        /// How many lines there were.
        lines: u64,
    },
    /// The process cannot be attached to.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// The process does not let itself be traced, or is gone.
    #[error("process {pid} cannot be traced: {source}")]
    Trace {
        /// The process.
        pid: u32,
        /// Why.
        source: InspectorError,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
}

/// A GC trace summed up.
#[derive(Debug, Clone, Serialize)]
pub struct GcAnswer {
    /// How many collections there were.
    pub collections: u64,
    /// What else there was.
    pub skipped: Skipped,
    /// What V8 said when it ran out of memory, if it did.
    pub out_of_memory: Option<String>,
    /// Collections of isolates beyond those that are told apart.
    pub beyond: u64,
    /// Each isolate, in the order in which they appeared.
    pub isolates: Vec<JudgedIsolate>,
}

/// An isolate with the verdict that its trace alone supports.
#[derive(Debug, Clone, Serialize)]
pub struct JudgedIsolate {
    /// What its collections come to.
    #[serde(flatten)]
    pub summary: IsolateSummary,
    /// What they say about a leak.
    pub judgement: Verdict,
}

/// Reads a trace to its end; `each` sees every collection as it comes.
///
/// # Errors
/// When the input fails, has no collection in it, or `step` asks to stop.
pub fn read_trace(
    mut input: impl Read,
    each: &mut dyn FnMut(&GcEvent),
    step: &mut dyn FnMut(Step) -> ControlFlow<()>,
) -> Result<GcAnswer, GcError> {
    let mut reader = TraceReader::new();
    let mut summary = Summary::default();
    let mut take = |event: GcEvent| {
        each(&event);
        summary.add(&event);
    };
    let mut piece = vec![0; PIECE];
    let mut done = 0;
    loop {
        let length = match input.read(&mut piece) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error.into()),
            Ok(0) => break,
            Ok(length) => length,
        };
        reader.feed(&piece[..length], &mut take);
        done += length as u64;
        if step(Step { name: "reading the trace", done, total: None }).is_break() {
            return Err(GcError::Interrupted);
        }
    }
    reader.finish(&mut take);
    if summary.collections() == 0 {
        let skipped = reader.skipped();
        let lines = skipped.other_lines + skipped.detail_lines + skipped.unparsed;
        return Err(GcError::NoCollection { lines });
    }
    Ok(answer(&reader, &summary))
}

/// Traces the collections of a running process for some time, or until it ends; `each` sees every collection once it
/// is known. None is forced, and nothing is printed by the process. An idle process may have no collection at all.
///
/// # Errors
/// When the process cannot be attached to or traced, or the cancel flag of `options` is raised.
pub fn trace_process(
    pid: u32,
    time: Duration,
    options: &AttachOptions,
    each: &mut dyn FnMut(&GcEvent),
) -> Result<GcAnswer, GcError> {
    let failed = |source| match source {
        InspectorError::Cancelled { .. } => GcError::Interrupted,
        source => GcError::Trace { pid, source },
    };
    let mut attached = attach::connect(pid, options)?;
    let mut reader = TraceReader::new();
    let mut summary = Summary::default();
    let mut take = |event: GcEvent| {
        each(&event);
        summary.add(&event);
    };
    attached.session().start_tracing(&["v8"]).map_err(failed)?;
    let begun = Instant::now();
    let mut lives = true;
    while lives && begun.elapsed() < time {
        if options.cancel.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(GcError::Interrupted);
        }
        lives = attached.wait(LOOK.min(time.saturating_sub(begun.elapsed())));
        reader.feed(&attached.session().take_traced(), &mut take);
    }
    // Most of the events come only now: of a process that has ended meanwhile they are lost.
    let stopped = attached.session().stop_tracing();
    reader.feed(&attached.session().take_traced(), &mut take);
    reader.finish(&mut take);
    attached.detach();
    if summary.collections() == 0 {
        stopped.map_err(failed)?;
    }
    let mut answer = answer(&reader, &summary);
    // Nobody else wrote into this trace: these are names of threads and phases of collections.
    answer.skipped.other_lines = 0;
    Ok(answer)
}

fn answer(reader: &TraceReader, summary: &Summary) -> GcAnswer {
    let skipped = reader.skipped().clone();
    let fatal = reader.fatal_error();
    let isolates = summary.isolates();
    // Which isolate ran out of memory is known only when there is one.
    let of_isolate = fatal.filter(|_| isolates.len() == 1);
    GcAnswer {
        collections: summary.collections(),
        skipped,
        out_of_memory: fatal.map(str::to_owned),
        beyond: summary.beyond(),
        isolates: isolates
            .into_iter()
            .map(|summary| JudgedIsolate { judgement: judge(&summary, of_isolate), summary })
            .collect(),
    }
}
