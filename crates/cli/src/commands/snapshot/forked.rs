//! A snapshot made of a frozen copy: its memory is copied out, the copy is let go, and the graph is made of what was
//! copied.

use std::ops::ControlFlow;

use anyhow::Result;
use investigation::Step;
use investigation::capture::{CaptureError, Captured, Event, HoldOptions, Mode};
use investigation::postmortem::{CoreOptions, Dead, GraphOptions, ProcessError};
use investigation::redact::redact;

use super::{Asked, Lineage, Taken, Via};
use crate::interrupt;
use crate::output::{say, warn};
use crate::progress::Progress;

/// The memory of a process.
pub(super) type Copy = (Dead, Captured);

/// Why there is no copy.
pub(super) enum Refused {
    /// It cannot be had, or not be trusted; another way may do.
    No(String),
    /// No way will do.
    Failed(anyhow::Error),
}

/// Copies a process, if a fork is possible and its V8 is known.
pub(super) fn possible(asked: &Asked) -> Result<Copy, Refused> {
    match copy(asked) {
        Ok((dead, captured)) => match dead.warnings().first() {
            Some(warning) => Err(Refused::No(warning.clone())),
            None => Ok((dead, captured)),
        },
        Err(ProcessError::Capture(CaptureError::NoFork { reason, .. })) => Err(Refused::No(reason)),
        Err(error @ ProcessError::Core(_)) if !error.is_interrupted() => Err(Refused::No(error.to_string())),
        Err(error) => Err(Refused::Failed(error.into())),
    }
}

fn copy(asked: &Asked) -> Result<Copy, ProcessError> {
    let hold = HoldOptions { mode: Some(Mode::Fork), ..HoldOptions::default() };
    let mut progress = Progress::new(&format!("process {}", asked.pid), asked.quiet);
    Dead::of_process(asked.pid, hold, &CoreOptions::default(), &mut |event| match event {
        Event::Writing(written) => {
            progress.step(Step { name: "copying", done: written.done, total: Some(written.total) })
        }
        _ if interrupt::asked() => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    })
}

/// Makes the snapshot of a copy, or of one that is taken now.
pub(super) fn take(asked: &Asked, taken: Option<Copy>, lineage: &mut Lineage) -> Result<Taken> {
    let (dead, captured) = match taken {
        Some(copy) => copy,
        None => copy(asked)?,
    };
    let pause = captured.pause_ms.map_or_else(|| "unknown".to_owned(), |pause| format!("{pause:.1} ms"));
    say("snapshot", &format!("via fork: process {} stood still for {pause} and runs", asked.pid));
    dead.warnings().iter().chain(&captured.warnings).for_each(|warning| warn(warning));
    let mut progress = Progress::new(&format!("process {}", asked.pid), asked.quiet);
    let options = GraphOptions { full_strings: asked.full_strings, numbers: asked.numbers };
    let isolate = dead.isolate(asked.worker.unwrap_or(0))?;
    let mut step = |step| progress.step(step);
    let taken = |bytes, node_count: usize, edge_count, known_count| Taken {
        via: Via::Fork,
        bytes,
        predicted: None,
        headroom: None,
        pause_ms: captured.pause_ms,
        node_count: Some(node_count as u64),
        edge_count: Some(edge_count),
        known_count,
    };
    // Only written, and packed for that. In either case all is in the graph then, and the memory goes.
    if matches!(lineage, Lineage::None) && !asked.redact {
        let graph = dead.packed_graph(isolate, options, &mut step)?;
        drop(dead);
        let (nodes, edges) = (graph.node_count(), graph.edge_count());
        return Ok(taken(asked.file.fill_with(graph)?, nodes, edges, None));
    }
    let mut made = dead.graph(isolate, options, &mut step)?;
    drop(dead);
    let known_count = match lineage {
        Lineage::After(before) => made.adopt_ids(before).map(|adopted| adopted.kept),
        Lineage::None | Lineage::Begins => None,
    };
    let redacted = if asked.redact { Some(redact(&made)?.0) } else { None };
    let graph = redacted.as_ref().unwrap_or(&made);
    let bytes = asked.file.fill_with(graph)?;
    let taken = taken(bytes, graph.node_count(), graph.edge_count(), known_count);
    if !matches!(lineage, Lineage::None) {
        *lineage = Lineage::After(Box::new(made));
    }
    Ok(taken)
}
