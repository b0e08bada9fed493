//! One capture from its beginning to its end.

use std::{io, ops::ControlFlow, time::Duration};

use serde::Serialize;

use crate::{
    CaptureError, Headroom,
    core::{Ahead, Content, Extras, Outcome, Skipped, Why, Written, milliseconds, write},
    door::{CoreBytes, File},
    hold::{Hold, HoldOptions, Mode, plan},
    sink::{Destination, Sink, Size},
    target::Target,
};

/// What to write, and how.
#[derive(Debug, Clone)]
pub struct CaptureRequest {
    /// How the memory is made to stand still.
    pub hold: HoldOptions,
    /// Where the core goes.
    pub destination: Destination,
    /// Whether it is compressed.
    pub compress: bool,
    /// Which mappings it contains, as bits of `coredump_filter` (core(5)); `None` asks the process's own.
    pub filter: Option<u64>,
    /// Whether memory is written that the program asked to keep out (`MADV_DONTDUMP`).
    pub include_dont_dump: bool,
    /// Whether the executable is put into the core.
    pub bundle_executable: bool,
    /// Bytes of the disk that must stay free.
    pub keep_free: u64,
}

/// What is told while it goes on.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The process was looked at, and is about to be stopped.
    Begins {
        /// The way that was chosen.
        mode: Mode,
        /// Why.
        reason: &'a str,
    },
    /// The memory stands still. In fork mode the process runs on from here.
    Held {
        /// The way that was taken.
        mode: Mode,
        /// Why.
        reason: &'a str,
        /// How long the process stood still, if it runs on.
        pause: Option<Duration>,
    },
    /// Memory was written.
    Writing(Written),
}

/// A captured process.
#[derive(Debug, Clone, Serialize)]
pub struct Captured {
    /// The process.
    pub pid: u32,
    /// How.
    pub mode: Mode,
    /// Why in this way.
    pub mode_reason: String,
    /// Whether it was busy with what was to be avoided ([`HoldOptions::avoid`]) whenever it was looked at.
    pub busy: bool,
    /// How long it stood still, milliseconds.
    pub pause_ms: Option<f64>,
    /// From the first look to the named file, seconds.
    pub seconds: f64,
    /// The length of the core, before compression.
    pub core_bytes: u64,
    /// The length of what was written; absent for an uncompressed stream, which is as long as the core.
    pub written_bytes: u64,
    /// What the file takes on the disk.
    pub allocated_bytes: Option<u64>,
    /// Its threads.
    pub threads: usize,
    /// Its mappings in the core.
    pub segments: usize,
    /// Memory that is not in the core, but for what lies in files.
    pub skipped: Vec<Skipped>,
    /// Mappings left out by the filter: their content lies in files, or nobody wants it.
    pub skipped_by_filter: usize,
    /// Bytes of shared memory that may have changed while they were written.
    pub not_atomic_bytes: u64,
    /// What a frozen copy was priced at, and what there was for it.
    pub headroom: Headroom,
    /// The version of Node that it runs, if it is Node.
    pub node_version: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

/// Captures a process.
///
/// # Errors
/// With the reason. The process goes on in every case, and nothing lies under the destination's name.
pub fn capture(
    pid: u32,
    request: CaptureRequest,
    tell: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Captured, CaptureError> {
    Ok(captured(pid, request, tell)?.0)
}

/// Captures a process into our own memory. The request's destination is not used.
///
/// # Errors
/// With the reason. The process goes on in every case.
pub fn capture_in_memory(
    pid: u32,
    mut request: CaptureRequest,
    tell: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<(Captured, CoreBytes), CaptureError> {
    request.destination = Destination::Memory;
    let (captured, bytes) = captured(pid, request, tell)?;
    let lost = || io::Error::other("the memory was not kept");
    let bytes =
        bytes.ok_or_else(|| CaptureError::Output { name: Destination::Memory.shown(), source: lost() })?;
    Ok((captured, bytes))
}

fn captured(
    pid: u32,
    request: CaptureRequest,
    tell: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<(Captured, Option<CoreBytes>), CaptureError> {
    let began = crate::door::now();
    refuse_occupied(&request.destination)?;
    let target = Target::look(pid)?;
    let mut options = request.hold.clone();
    options.own.core = request.destination.is_in_memory();
    let plan = plan(&target, &options)?;
    let executable = request.bundle_executable.then(|| executable(&target)).transpose()?;
    let bundled = executable.as_ref().map_or(0, |(_, length)| *length);
    // Compression makes it three times smaller at the very least on real heaps; a guess too low ends with an error.
    let needed = (target.private_bytes() + bundled) / if request.compress { 3 } else { 1 };
    let mut sink = Sink::create(request.destination.clone(), request.compress, needed + request.keep_free)?;
    go_on(tell(Event::Begins { mode: plan.mode, reason: &plan.reason }))?;
    let filter = request.filter.unwrap_or(target.core_filter);
    let planned = plan.mode;
    let ahead = match planned {
        Mode::Fork => Ahead::one(),
        Mode::Stop => Ahead::most(target.private_bytes(), &plan.headroom, options.max_memory),
    };
    let hold = Hold::take_as_planned(target.clone(), options, plan)?;
    // A fork that turned out not to work.
    let ahead = if hold.mode() == planned { ahead } else { Ahead::few() };
    go_on(tell(Event::Held { mode: hold.mode(), reason: hold.reason(), pause: hold.pause() }))?;
    let mut captured = beginning(&target, &hold);
    let content = Content { filter, honour_dont_dump: !request.include_dont_dump };
    let outcome = write(&target, hold, Extras { content, executable }, ahead, &mut sink, &mut |written| {
        tell(Event::Writing(written))
    })?;
    let (size, bytes) = sink.finish()?;
    conclude(&mut captured, outcome, size);
    captured.seconds = began.elapsed().as_secs_f64();
    Ok((captured, bytes))
}

fn go_on(answer: ControlFlow<()>) -> Result<(), CaptureError> {
    if answer.is_break() { Err(CaptureError::Interrupted) } else { Ok(()) }
}

/// A name that is taken is refused before the process is touched.
fn refuse_occupied(destination: &Destination) -> Result<(), CaptureError> {
    let Destination::File { name, replace } = destination else { return Ok(()) };
    let shown = name.display().to_string();
    let refuse = |kind: io::ErrorKind, text: &str| {
        Err(CaptureError::Output { name: shown.clone(), source: io::Error::new(kind, text.to_owned()) })
    };
    match crate::door::kind_of(name) {
        None => Ok(()),
        Some(true) => refuse(io::ErrorKind::IsADirectory, "is a directory; give the name of a file in it"),
        Some(false) if *replace => Ok(()),
        Some(false) => refuse(io::ErrorKind::AlreadyExists, "exists; choose another name, or use --force"),
    }
}

fn executable(target: &Target) -> Result<(File, u64), CaptureError> {
    let error = CaptureError::call(target.pid, "opening /proc/PID/exe");
    let path = format!("/proc/{}/exe", target.pid);
    let file = File::open(&path).map_err(&error)?;
    let (length, _) = crate::door::stat_file(&path).map_err(&error)?;
    Ok((file, length))
}

fn beginning(target: &Target, hold: &Hold) -> Captured {
    let found = &hold.found;
    let mut warnings = Vec::new();
    if found.refused_calls > 0 {
        warnings.push(format!(
            "{} calls to make memory forkable, or unforkable again, were refused by the kernel",
            found.refused_calls
        ));
    }
    if found.unsettled > 64 {
        warnings.push(format!(
            "{} mappings came while the process was looked at; they stay forkable, which only makes its next child \
             slower to start",
            found.unsettled
        ));
    }
    Captured {
        pid: target.pid,
        mode: hold.mode(),
        mode_reason: hold.reason().to_owned(),
        busy: hold.is_busy(),
        pause_ms: None,
        seconds: 0.0,
        core_bytes: 0,
        written_bytes: 0,
        allocated_bytes: None,
        threads: found.states.len(),
        segments: 0,
        skipped: Vec::new(),
        skipped_by_filter: 0,
        not_atomic_bytes: found.copies.not_atomic.iter().map(|range| range.end - range.start).sum(),
        headroom: hold.headroom().clone(),
        node_version: target.executable().and_then(|executable| executable.node_version.clone()),
        warnings,
    }
}

fn conclude(captured: &mut Captured, outcome: Outcome, size: Size) {
    let released = outcome.released;
    captured.pause_ms = released.pause.map(milliseconds);
    captured.core_bytes = outcome.length;
    captured.written_bytes = if size.bytes == 0 { outcome.length } else { size.bytes };
    captured.allocated_bytes = size.allocated;
    captured.segments = outcome.segments;
    let (filtered, skipped): (Vec<_>, Vec<_>) =
        outcome.skipped.into_iter().partition(|skipped| skipped.why == Why::Filter);
    captured.skipped_by_filter = filtered.len();
    captured.skipped = skipped;
    if let Some(zombie) = released.zombie {
        captured.warnings.push(format!(
            "the process could not be made to wait for its frozen copy, which is a zombie now (process {zombie}); it \
             holds nothing but its number, and goes with the process"
        ));
    }
    captured.warnings.extend(released.problem);
}
