//! Reads a GC trace from a stream and sums it up.

use std::io::Read;
use std::ops::ControlFlow;

use heap_graph::Step;
use leak_verdict::Verdict;
pub use leak_verdict::gc_trace::{
    Exactness, GcEvent, IsolateSummary, KindSummary, Percentiles, Rate, Skipped, TimelinePoint,
};
use leak_verdict::gc_trace::{Summary, TraceReader, judge};
use serde::Serialize;

/// How much is read at once.
const PIECE: usize = 1 << 16;

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
    answer(&reader, &summary)
}

fn answer(reader: &TraceReader, summary: &Summary) -> Result<GcAnswer, GcError> {
    let skipped = reader.skipped().clone();
    if summary.collections() == 0 {
        let lines = skipped.other_lines + skipped.detail_lines + skipped.unparsed;
        return Err(GcError::NoCollection { lines });
    }
    let fatal = reader.fatal_error();
    let isolates = summary.isolates();
    // Which isolate ran out of memory is known only when there is one.
    let of_isolate = fatal.filter(|_| isolates.len() == 1);
    Ok(GcAnswer {
        collections: summary.collections(),
        skipped,
        out_of_memory: fatal.map(str::to_owned),
        beyond: summary.beyond(),
        isolates: isolates
            .into_iter()
            .map(|summary| JudgedIsolate { judgement: judge(&summary, of_isolate), summary })
            .collect(),
    })
}
