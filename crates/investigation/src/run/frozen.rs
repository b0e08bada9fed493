//! Snapshots of frozen copies along the way: where V8's own would stop the process for too long, or not fit into its
//! memory, the process forks, its copy is read, and the graph is made here.

use std::{ops::ControlFlow, path::Path};

use super::{RoundRow, Run, RunError, RunEvent, RunStep, Snapshot, Way, snapshots::kept_path};
use crate::{
    capture::{Event, HoldOptions, Mode},
    postmortem::{CoreOptions, Dead, GraphOptions, ProcessError},
    snapshot_file::write_snapshot,
};

/// A copy that was not made.
pub(super) enum NoCopy {
    /// Why that cannot be done.
    Impossible(String),
    /// What ended the run.
    Failed(RunError),
}

impl Run<'_> {
    /// A snapshot of the heap of a thread, by Node's number for it: 0 is the main one.
    pub(super) fn frozen(&mut self, pid: u32, thread: u32, row: &RoundRow) -> Result<Snapshot, NoCopy> {
        let &RoundRow { round, work, .. } = row;
        let interrupt = &self.options.interrupt;
        let asked = || interrupt.load(std::sync::atomic::Ordering::Relaxed);
        let events = &mut self.events;
        let hold = HoldOptions { mode: Some(Mode::Fork), ..HoldOptions::default() };
        let made = Dead::of_process(pid, hold, &CoreOptions::default(), &mut |event| {
            if let Event::Writing(written) = event {
                let step = RunStep::Snapshot { done: written.done, total: written.total };
                events.event(&RunEvent::step(step));
            }
            if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let impossible = |error: ProcessError| match error {
            error if error.is_interrupted() => NoCopy::Failed(RunError::Interrupted),
            error => NoCopy::Impossible(error.to_string()),
        };
        let (dead, _) = made.map_err(impossible)?;
        // What is not understood in full is no evidence.
        if let Some(warning) = dead.warnings().first() {
            return Err(NoCopy::Impossible(warning.clone()));
        }
        let mut go_on = |_| if asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let graph = dead
            .isolate(thread)
            .and_then(|isolate| dead.graph(isolate, GraphOptions::default(), &mut go_on))
            .map_err(|error| impossible(error.into()))?;
        drop(dead);
        let bytes = graph.owned_bytes() as u64;
        Ok(Snapshot { round, work, bytes, graph, way: Way::Fork, file: None, price: None, paid: None })
    }
}

impl Snapshot {
    /// Keeps it in a folder, if it was made here.
    pub(super) fn keep_frozen(&mut self, folder: &Path, whose: &str) -> Result<(), RunError> {
        if self.way != Way::Fork {
            return Ok(());
        }
        let path = kept_path(folder, self.round, whose);
        let written = std::fs::create_dir_all(folder).and_then(|()| write_snapshot(&self.graph, &path));
        self.bytes = written.map_err(|source| RunError::File {
            what: format!("the snapshot of round {}", self.round),
            source,
        })?;
        self.file = Some(path);
        Ok(())
    }
}
