//! A snapshot that V8 writes itself, through the inspector.

use std::io::Write;
use std::ops::ControlFlow;

use anyhow::Result;
use indicatif::ProgressBar;
use investigation::attach::{AttachError, Attached, Worker, connect};
use investigation::price::{Headroom, Price};
use investigation::redact::redact_text;

use super::{Asked, Taken, Via};
use crate::failure::{CannotCapture, Usage};
use crate::interrupt;
use crate::output::say;
use crate::target::attach_options;
use crate::text::size;

/// Attaches, takes it, and detaches.
pub(super) fn take(asked: &Asked) -> Result<Taken> {
    // The inspector must be closed before this process is gone.
    let _critical = interrupt::Critical::begin();
    let mut attached = connect(asked.pid, &attach_options()?)?;
    let outcome = take_attached(asked, &mut attached);
    attached.detach();
    outcome
}

fn take_attached(asked: &Asked, attached: &mut Attached) -> Result<Taken> {
    let pid = asked.pid;
    let error = |source| AttachError::Inspector { pid, source };
    let worker = asked.worker.map(|thread| find(attached, thread)).transpose()?;
    let worker = worker.as_ref();
    let (predicted, headroom) = attached.snapshot_price(worker).map_err(error)?;
    check(&predicted, &headroom, asked.force)?;
    let bar = ProgressBar::new(0);
    let mut progress = |progress: investigation::attach::SnapshotProgress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let bytes = if asked.redact {
        // What V8 wrote is never on a disk.
        let mut text = Vec::new();
        stream(attached, worker, &mut text, false, &mut progress)?;
        let mut go_on = |_| if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let graph = redact_text(&text, &mut go_on)?.0;
        drop(text);
        asked.file.fill_with(&graph)?
    } else {
        asked.file.fill(|sink, zst| stream(attached, worker, sink, zst, &mut progress))?
    };
    bar.finish_and_clear();
    Ok(Taken {
        via: Via::Inspector,
        bytes,
        predicted: Some(predicted),
        headroom: Some(headroom),
        pause_ms: None,
        node_count: None,
        edge_count: None,
        known_count: None,
    })
}

fn stream(
    attached: &mut Attached,
    worker: Option<&Worker>,
    sink: &mut dyn Write,
    zst: bool,
    progress: &mut dyn FnMut(investigation::attach::SnapshotProgress),
) -> Result<u64> {
    let pid = attached.process().pid;
    let error = |source| AttachError::Inspector { pid, source };
    let mut sink = sink;
    if !zst {
        return Ok(attached.snapshot(worker, &mut sink, progress).map_err(error)?);
    }
    let mut encoder = zstd::Encoder::new(sink, 3)?;
    let bytes = attached.snapshot(worker, &mut encoder, progress).map_err(error)?;
    encoder.finish()?;
    Ok(bytes)
}

fn find(attached: &mut Attached, thread: u32) -> Result<Worker> {
    let pid = attached.process().pid;
    let (workers, silent) =
        attached.numbered_workers().map_err(|source| AttachError::Inspector { pid, source })?;
    let known: Vec<String> = workers.iter().map(|(number, _)| number.to_string()).collect();
    let found = workers.into_iter().find(|(number, _)| *number == thread);
    found.map(|(_, worker)| worker).ok_or_else(|| {
        let mut there = if known.is_empty() { "there is none".to_owned() } else { format!("there are {}", known.join(", ")) };
        if silent > 0 {
            there += &format!("; {silent} did not answer, which --via fork does not ask them to");
        }
        Usage(format!("no worker {thread}; {there}")).into()
    })
}

/// Says the price, and refuses what may not fit.
fn check(price: &Price, room: &Headroom, force: bool) -> Result<()> {
    let told = format!(
        "used heap {}: the snapshot needs about {} to {} more memory, and stops the process for about {:.1} to {:.1} s",
        size(price.used_heap),
        size(price.bytes.low as u64),
        size(price.bytes.high as u64),
        price.pause_seconds.low,
        price.pause_seconds.high
    );
    let group = room.group.map(|bytes| format!("{} left under its memory limit", size(bytes)));
    let machine = room.machine.map(|bytes| format!("{} on the machine", size(bytes)));
    let there = group.into_iter().chain(machine).collect::<Vec<_>>().join(", ");
    if room.allows(price) || force {
        say("snapshot", &format!("{told}; {there}"));
        return Ok(());
    }
    Err(CannotCapture(format!(
        "{told}, but there is {there}; raise the limit, attach with --no-snapshots for a verdict without one, or use --force"
    ))
    .into())
}
