//! What a run tells while it goes on, and whom it asks about the snapshots.

use leak_verdict::Verdict;

use super::{LastSnapshot, RoundRow, ScriptSources, Snapshot, Suspect, WatchedProcess};
use crate::attach::Collection;

/// What a run is doing.
#[derive(Debug, Clone, PartialEq)]
pub enum RunStep {
    /// The program is being started.
    Starting,
    /// This process is watched from now on.
    Watching(WatchedProcess),
    /// A round of load begins. Warm-up rounds are counted on their own.
    Round {
        /// Which, from 1.
        number: u32,
        /// Of how many, as planned now.
        planned: u32,
        /// Whether it is warm-up.
        warm_up: bool,
    },
    /// The process will stand still about this long, again and again: milliseconds, from and to.
    Pauses {
        /// At best.
        low_ms: f64,
        /// At worst.
        high_ms: f64,
    },
    /// The process has collected, since the last time that this was told.
    Collected(Collected),
    /// A floor was taken.
    Floor(RoundRow),
    /// A floor of another isolate was taken, before that of the one that is driven.
    OtherFloor(WatchedProcess, RoundRow),
    /// The target builds a snapshot: objects done, of so many.
    Snapshot {
        /// Objects done.
        done: u64,
        /// Objects in all, estimated.
        total: u64,
    },
    /// The snapshots are searched for the culprit.
    Attributing,
    /// A process ran out of memory, and this snapshot of it was kept, however the run ends.
    RanOut(LastSnapshot),
}

/// Collections, as the process knows them.
#[derive(Debug, Clone, PartialEq)]
pub struct Collected {
    /// The collections.
    pub collections: Vec<Collection>,
    /// For how long since it was first watched the process only noted full collections, milliseconds: it collects
    /// so often that noting all would cost it too much.
    pub rested_ms: f64,
    /// Collections that were forgotten before they were asked for.
    pub forgotten: u64,
    /// Seconds since the process was started.
    pub uptime: f64,
}

/// One report of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunEvent {
    /// What it is doing.
    pub step: RunStep,
}

impl RunEvent {
    pub(super) fn step(step: RunStep) -> Self {
        Self { step }
    }
}

/// Takes the reports of a run. Called on the thread that runs.
pub trait Events {
    /// Something happened.
    fn event(&mut self, event: &RunEvent);
}

/// Nobody listens.
impl Events for () {
    fn event(&mut self, _: &RunEvent) {}
}

impl<F: FnMut(&RunEvent)> Events for F {
    fn event(&mut self, event: &RunEvent) {
        self(event);
    }
}

/// Names who is to blame, from the snapshots of a run.
pub trait Attribute {
    /// Called once, with the program still running so that sources can be asked for. The verdict may be
    /// confirmed by what the graphs show. Suspects come best first.
    fn attribute(
        &mut self,
        verdict: &mut Verdict,
        snapshots: Vec<Snapshot>,
        sources: &mut dyn ScriptSources,
    ) -> Vec<Suspect>;
}

/// Statistics only.
impl Attribute for () {
    fn attribute(&mut self, _: &mut Verdict, _: Vec<Snapshot>, _: &mut dyn ScriptSources) -> Vec<Suspect> {
        Vec::new()
    }
}
