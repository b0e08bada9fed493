//! Turns what a run tells into records, and passes it on.

use super::{Collection, CollectionKind, FloorRecord, Mark, MarkKind, Record, Recorder, Sample};
use crate::run::{Events, RoundRow, RunEvent, RunStep};

/// Records what passes through.
pub struct RecordedEvents<'a> {
    recorder: &'a Recorder,
    inner: &'a mut dyn Events,
    pid: u32,
    /// Since when a snapshot is being built.
    snapshot_since: Option<f64>,
    after_snapshot: bool,
    requests: Option<u64>,
}

impl<'a> RecordedEvents<'a> {
    /// Between a run and `inner`.
    pub fn new(recorder: &'a Recorder, inner: &'a mut dyn Events) -> Self {
        Self { recorder, inner, pid: 0, snapshot_since: None, after_snapshot: false, requests: Some(0) }
    }

    fn mark(&self, seconds: f64, until: Option<f64>, kind: MarkKind, text: String) {
        self.recorder.push(Record::Event(Mark { seconds, until, pid: self.pid, kind, text }));
    }

    fn floor(&mut self, row: &RoundRow) {
        let seconds = self.recorder.seconds();
        self.requests = self.requests.zip(row.requests).map(|(sum, more)| sum.saturating_add(more));
        self.recorder.push(Record::Gc(Collection {
            seconds: (seconds - row.collection_ms / 1e3).max(0.0),
            pid: self.pid,
            kind: CollectionKind::MarkCompact,
            cause: Some("asked for, to take the floor".to_owned()),
            // The time of several collections with rests between them is no pause.
            pause_ms: (row.collections == 1).then_some(row.collection_ms),
            before: Some(row.heap_before_collection),
            after: Some(row.heap_used),
        }));
        self.recorder.push(Record::Sample(Box::new(Sample {
            seconds,
            pid: self.pid,
            resident: row.resident,
            heap_used: Some(row.heap_used),
            heap_total: Some(row.heap_total),
            external: Some(row.external),
            array_buffers: row.array_buffers,
            open_files: row.open_files,
            requests: self.requests,
            ..Sample::default()
        })));
        let after_snapshot = std::mem::take(&mut self.after_snapshot);
        self.recorder.push(Record::Floor(Box::new(FloorRecord {
            pid: self.pid,
            row: row.clone(),
            after_snapshot,
        })));
    }
}

impl Events for RecordedEvents<'_> {
    fn event(&mut self, event: &RunEvent) {
        let seconds = self.recorder.seconds();
        let is_snapshot = matches!(event.step, RunStep::Snapshot { .. });
        if is_snapshot {
            self.snapshot_since.get_or_insert(seconds);
            self.after_snapshot = true;
        } else if let Some(since) = self.snapshot_since.take() {
            self.mark(since, Some(seconds), MarkKind::Snapshot, "heap snapshot".to_owned());
        }
        match &event.step {
            RunStep::Watching(process) => {
                self.pid = process.pid;
                self.recorder.push(Record::Process(process.clone()));
                self.mark(seconds, None, MarkKind::Attached, format!("process {} is watched", process.pid));
            }
            RunStep::Round { number, warm_up, .. } => {
                let kind = if *warm_up { "warm-up" } else { "round" };
                self.mark(seconds, None, MarkKind::Round, format!("{kind} {number}"));
            }
            RunStep::Floor(row) => self.floor(row),
            _ => {}
        }
        self.inner.event(event);
    }
}
