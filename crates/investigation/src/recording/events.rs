//! Turns what a run tells into records, and passes it on.

use std::collections::BTreeSet;

use super::{
    Collection, CollectionKind, FloorRecord, Mark, MarkKind, Record, Recorder, Sample, noted::FOR_A_FLOOR,
};
use crate::run::{Collected, Events, RoundRow, RunEvent, RunStep, WatchedProcess};

/// Records what passes through.
pub struct RecordedEvents<'a> {
    recorder: &'a Recorder,
    inner: &'a mut dyn Events,
    pid: u32,
    /// Since when a snapshot is being built.
    snapshot_since: Option<f64>,
    after_snapshot: bool,
    requests: Option<u64>,
    /// Collections that wait for their floor.
    noted: Vec<Collection>,
    rested_ms: f64,
    forgotten: u64,
    /// Isolates beside the driven one that are in the recording.
    known: BTreeSet<(u32, Option<String>)>,
}

impl<'a> RecordedEvents<'a> {
    /// Between a run and `inner`.
    pub fn new(recorder: &'a Recorder, inner: &'a mut dyn Events) -> Self {
        Self {
            recorder,
            inner,
            pid: 0,
            snapshot_since: None,
            after_snapshot: false,
            requests: Some(0),
            noted: Vec::new(),
            rested_ms: 0.0,
            forgotten: 0,
            known: BTreeSet::new(),
        }
    }

    fn mark(&self, seconds: f64, until: Option<f64>, kind: MarkKind, text: String) {
        self.recorder.push(Record::Event(Mark { seconds, until, pid: self.pid, kind, text }));
    }

    /// What the process has noted waits for the floor that it was made for.
    fn collected(&mut self, collected: &Collected) {
        let started = self.recorder.seconds() - collected.uptime;
        let noted = collected.collections.iter().map(|gc| Collection::noted(gc, self.pid, started));
        self.noted.extend(noted);
        self.rested_ms = collected.rested_ms;
        self.forgotten += collected.forgotten;
    }

    /// Records what the process has noted. Of the collections that were forced for a floor, the heap before the first
    /// and after the last is known.
    fn flush(&mut self, floor: Option<&RoundRow>) {
        let mut noted = std::mem::take(&mut self.noted);
        if let Some(row) = floor {
            let is_forced = |gc: &&mut Collection| gc.cause.as_deref() == Some(FOR_A_FLOOR);
            if let Some(first) = noted.iter_mut().find(is_forced) {
                first.before = Some(row.heap_before_collection);
            }
            if let Some(last) = noted.iter_mut().rev().find(is_forced) {
                last.after = Some(row.heap_used);
            }
        }
        noted.into_iter().for_each(|gc| self.recorder.push(Record::Gc(gc)));
    }

    /// Says which collections are missing.
    fn note_missing(&self) {
        let seconds = self.recorder.seconds();
        if self.forgotten > 0 {
            let text = format!("{} collections came too fast to be recorded", self.forgotten);
            self.mark(seconds, None, MarkKind::Note, text);
        }
        if self.rested_ms > 0.0 {
            let text = format!(
                "for {:.0} s in all only full collections were noted: there are so many that noting each would cost the \
                 process too much",
                self.rested_ms / 1e3
            );
            self.mark(seconds, None, MarkKind::Note, text);
        }
    }

    fn floor(&mut self, row: &RoundRow) {
        let seconds = self.recorder.seconds();
        self.requests = self.requests.zip(row.requests).map(|(sum, more)| sum.saturating_add(more));
        if !self.noted.iter().any(|gc| gc.kind == CollectionKind::MarkCompact) {
            // A process that notes nothing has collected all the same.
            self.noted.push(Collection {
                seconds: (seconds - row.collection_ms / 1e3).max(0.0),
                pid: self.pid,
                kind: CollectionKind::MarkCompact,
                cause: Some(FOR_A_FLOOR.to_owned()),
                // The time of several collections with rests between them is no pause.
                pause_ms: (row.collections == 1).then_some(row.collection_ms),
                before: None,
                after: None,
            });
        }
        self.flush(Some(row));
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
            worker: None,
            row: row.clone(),
            after_snapshot,
        })));
    }

    fn other_floor(&mut self, process: &WatchedProcess, row: &RoundRow) {
        let worker = process.worker.as_ref();
        if self.known.insert((process.pid, worker.map(|worker| worker.id.clone()))) && worker.is_none() {
            self.recorder.push(Record::Process(process.clone()));
        }
        self.recorder.push(Record::Sample(Box::new(Sample {
            seconds: self.recorder.seconds(),
            pid: process.pid,
            worker: worker.and_then(|worker| worker.id.parse().ok()),
            resident: row.resident,
            heap_used: Some(row.heap_used),
            heap_total: Some(row.heap_total),
            external: Some(row.external),
            array_buffers: row.array_buffers,
            ..Sample::default()
        })));
        self.recorder.push(Record::Floor(Box::new(FloorRecord {
            pid: process.pid,
            worker: worker.map(|worker| worker.id.clone()),
            row: row.clone(),
            after_snapshot: false,
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
            RunStep::Collected(collected) => self.collected(collected),
            RunStep::Floor(row) => self.floor(row),
            RunStep::OtherFloor(process, row) => self.other_floor(process, row),
            RunStep::Attributing => {
                self.flush(None);
                self.note_missing();
            }
            _ => {}
        }
        self.inner.event(event);
    }
}
