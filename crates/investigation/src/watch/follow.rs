//! Reads one process at intervals until it ends or watching does.

use std::time::Instant;

use super::{SLICE, Shared, State, Subject};
use crate::{
    attach::{self, Attached, Reading},
    recording::{Collection, FloorRecord, MarkKind, Record, Sample, Space},
    run::RoundRow,
};

pub(super) fn follow(shared: &Shared, pid: u32) {
    let known = shared.subjects().get(&pid).map(|subject| subject.process.clone());
    let mut attached = match attach::connect(pid, &shared.options.attach) {
        Ok(attached) => attached,
        Err(error) => {
            let reason = error.to_string();
            shared.note(pid, MarkKind::Note, format!("watched from outside only: {reason}"));
            shared.with(pid, |subject| subject.state = State::Outside { reason });
            if let Some(process) = known {
                shared.recorder.push(Record::Process(process));
            }
            return;
        }
    };
    let process = attached.process().clone();
    shared.recorder.push(Record::Process(process.clone()));
    shared.note(pid, MarkKind::Attached, format!("process {pid} is watched"));
    shared.with(pid, |subject| {
        subject.process = process;
        subject.state = State::Watched;
    });
    let mut before: Option<(f64, u64, u64)> = None;
    while !shared.stops() {
        crate::fault::here("watch");
        let reading = match attached.read() {
            Ok(reading) => reading,
            Err(_) if shared.stops() => break,
            Err(error) => {
                shared.note(pid, MarkKind::Ended, error.to_string());
                shared.with(pid, |subject| subject.state = State::Ended);
                break;
            }
        };
        take(shared, pid, reading, &mut before);
        if !rest(shared, &mut attached) {
            shared.note(pid, MarkKind::Ended, format!("process {pid} has ended"));
            shared.with(pid, |subject| subject.state = State::Ended);
            break;
        }
    }
    attached.detach();
}

/// False when the process has ended.
fn rest(shared: &Shared, attached: &mut Attached) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < shared.options.interval && !shared.stops() {
        if !attached.wait(SLICE.min(shared.options.interval)) {
            return false;
        }
    }
    true
}

/// Records a reading; `before` is when, how many requests and how much heap the last one had.
fn take(shared: &Shared, pid: u32, reading: Reading, before: &mut Option<(f64, u64, u64)>) {
    let seconds = shared.recorder.seconds();
    for gc in &reading.collections {
        shared.recorder.push(Record::Gc(Collection::noted(gc, pid, seconds - reading.uptime)));
    }
    shared.recorder.push(Record::Sample(Box::new(sample(pid, seconds, &reading))));
    let major = reading.collections.iter().rev().find(|gc| gc.is_major() && gc.used_after.is_some());
    let floor = major.and_then(|gc| Some((gc.pause_ms.unwrap_or(0.0), gc.used_after?)));
    let used_before = before.map_or(reading.heap_used, |(_, _, used)| used);
    let used_now = reading.heap_used;
    let requests = reading.requests;
    if let Some((pause, used)) = floor {
        let number = shared.subjects().get(&pid).map_or(0, |subject: &Subject| subject.floors.len());
        let then =
            shared.subjects().get(&pid).and_then(|s| s.floors.last().map(|f| (f.row.seconds, f.row.work)));
        let counted = reading.requests_counted;
        let served = then.map_or(requests, |(_, work)| requests.saturating_sub(work as u64));
        let row = RoundRow {
            malloc_in_use: None,
            malloc_free: None,
            in_workers: None,
            round: u32::try_from(number).unwrap_or(u32::MAX),
            warm_up: false,
            requests: counted.then_some(served),
            failed_requests: None,
            work: if counted { requests as f64 } else { seconds },
            seconds,
            heap_before_collection: used_before.max(used),
            heap_used: used,
            heap_total: reading.heap_total,
            code: reading.code,
            external: reading.external,
            array_buffers: reading.array_buffers,
            resident: Some(reading.resident),
            open_files: None,
            collection_ms: pause,
            collections: 1,
            load_seconds: 0.0,
            request_rate: then
                .filter(|(then, _)| counted && seconds > *then)
                .map(|(then, _)| served as f64 / (seconds - then)),
        };
        let floor = FloorRecord { pid, worker: None, row, after_snapshot: false };
        shared.recorder.push(Record::Floor(Box::new(floor.clone())));
        shared.with(pid, |subject| {
            subject.last = Some(reading);
            subject.add_floor(floor);
        });
    } else {
        shared.with(pid, |subject| subject.last = Some(reading));
    }
    *before = Some((seconds, requests, used_now));
}

fn sample(pid: u32, seconds: f64, reading: &Reading) -> Sample {
    let spaces = reading.spaces.iter().map(|space| Space {
        name: space.name.clone(),
        used: space.used,
        size: space.size,
        physical: None,
    });
    let malloced = reading.heap_statistics.get("malloced_memory").map(|&bytes| bytes as u64);
    Sample {
        seconds,
        pid,
        resident: Some(reading.resident),
        heap_used: Some(reading.heap_used),
        heap_total: Some(reading.heap_total),
        heap_limit: reading.heap_limit,
        spaces: spaces.collect(),
        external: Some(reading.external),
        array_buffers: reading.array_buffers,
        malloced,
        handles: reading.resources.clone(),
        loop_lag_ms: reading.event_loop.map(|lag| lag.max_ms),
        requests: reading.requests_counted.then_some(reading.requests),
        ..Sample::default()
    }
}
