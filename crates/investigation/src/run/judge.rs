//! A verdict for each isolate, and which of them speaks for the program.

use leak_verdict::{MINIMUM_FLOORS, Recording, Verdict, Word, WorkUnit, decide};

use super::{
    Attribute, IsolateReport, RoundRow, Run, RunEvent, RunStep, SnapshotTaken, Suspect, WatchedProcess,
    isolates::Isolate,
    snapshots::Snapshot,
    sources::{ScriptSources, WorkerSources},
    watch::Watched,
};

/// One isolate with its verdict.
pub(super) struct Judged {
    /// Absent when none lived long enough.
    pub(super) watched: Option<WatchedProcess>,
    pub(super) rounds: Vec<RoundRow>,
    pub(super) snapshots: Vec<SnapshotTaken>,
    pub(super) verdict: Verdict,
    pub(super) suspects: Vec<Suspect>,
    pub(super) recording: Recording,
}

/// What is known of one isolate before it is judged.
struct Series {
    watched: Option<WatchedProcess>,
    rows: Vec<RoundRow>,
    snapshots: Vec<Snapshot>,
    recording: Recording,
}

/// Judges the driven isolate and all others. Answers the session of the driven one, the isolate that speaks for the
/// program, and all of them if there are several.
pub(super) fn judge(
    run: Run<'_>,
    watched: Option<Watched>,
    unit: WorkUnit,
    attribute: &mut dyn Attribute,
) -> (Option<Watched>, Judged, Vec<IsolateReport>) {
    let Run { snapshots, rows, floors, events, others, .. } = run;
    let (members, mut processes) = others.into_parts();
    let mut watched = watched;
    if watched.is_some() {
        events.event(&RunEvent::step(RunStep::Attributing));
    }
    let heap_limit = watched.as_ref().and_then(|watched| watched.heap_limit);
    let driven = Series {
        watched: watched.as_ref().map(|watched| watched.process.clone()),
        rows,
        snapshots,
        recording: Recording { unit, floors, heap_limit },
    };
    let mut judged = vec![one(driven, watched.as_mut().map(|w| w as &mut dyn ScriptSources), attribute)];
    for mut member in members {
        if member.floors.is_empty() {
            continue;
        }
        let unit = member.settle_axis(unit);
        let pid = member.process.pid;
        let of_driven = watched.as_mut().filter(|watched| watched.process.pid == pid);
        let session = of_driven.or_else(|| processes.iter_mut().find(|other| other.process.pid == pid));
        let Isolate { process, worker, rows, floors, snapshots, heap_limit, .. } = member;
        let recording = Recording { unit, floors, heap_limit };
        let series = Series { watched: Some(process), rows, snapshots, recording };
        judged.push(match (session, worker) {
            (Some(session), Some(worker)) => {
                one(series, Some(&mut WorkerSources::of(session, worker)), attribute)
            }
            (Some(session), None) => one(series, Some(session), attribute),
            (None, _) => one(series, None, attribute),
        });
    }
    let several = judged.len() > 1;
    let isolates = if several { judged.iter().filter_map(as_report).collect() } else { Vec::new() };
    // Of equals the first: the driven one.
    let mut worst = judged.swap_remove(0);
    for other in judged {
        if weight(&other) > weight(&worst) {
            worst = other;
        }
    }
    for process in &mut processes {
        process.close();
    }
    if let Some(watched) = &mut watched {
        watched.close();
    }
    (watched, worst, isolates)
}

fn one(series: Series, sources: Option<&mut dyn ScriptSources>, attribute: &mut dyn Attribute) -> Judged {
    let Series { watched, rows, snapshots, recording } = series;
    let mut verdict = decide(&recording);
    let taken = snapshots.iter().map(SnapshotTaken::from).collect();
    let suspects = match sources {
        Some(sources) => attribute.attribute(&mut verdict, snapshots, sources),
        None => Vec::new(),
    };
    Judged { watched, rounds: rows, snapshots: taken, verdict, suspects, recording }
}

/// How much an isolate's verdict weighs for the program: one leak makes a leaky program, and as long as one is
/// undecided the program is. Among leaks, one whose culprit is known, then the bigger.
fn weight(judged: &Judged) -> (u8, bool, f64) {
    let word = match judged.verdict.word {
        Word::Leak | Word::OffHeapLeak => 3,
        Word::NativeGrowth => 2,
        // One that lived too short to be judged says nothing about the program.
        Word::Inconclusive if judged.rounds.len() > MINIMUM_FLOORS => 1,
        _ => 0,
    };
    let bytes = judged.verdict.growth.as_ref().map_or(0.0, |growth| growth.total_bytes);
    if word < 2 { (word, false, 0.0) } else { (word, !judged.suspects.is_empty(), bytes) }
}

fn as_report(judged: &Judged) -> Option<IsolateReport> {
    Some(IsolateReport {
        watched: judged.watched.clone()?,
        rounds: judged.rounds.clone(),
        snapshots: judged.snapshots.clone(),
        verdict: judged.verdict.clone(),
        suspects: judged.suspects.clone(),
        recording: judged.recording.clone(),
    })
}
