//! Writes a core: headers, notes, memory in the order of its addresses, the note of our own, the executable.

use std::{io, ops::ControlFlow, ops::Range};

use process_memory::ProcessMemory;

use crate::{
    CaptureError,
    core::{
        about::{About, Skipped},
        ahead::{Ahead, Feeder, PIECE, Unread, write_behind},
        elf::layout,
        notes::notes,
        segments::{Content, Segment, Why, segments},
    },
    door::{Anonymous, File, PAGE},
    hold::{Hold, Mode, Released},
    sink::Sink,
    target::Target,
};

/// How far the writing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Bytes of memory written.
    pub done: u64,
    /// Of so many.
    pub total: u64,
}

/// What is written besides memory.
pub(crate) struct Extras {
    pub(crate) content: Content,
    /// The executable to bundle, with its length.
    pub(crate) executable: Option<(File, u64)>,
}

/// What was written.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) length: u64,
    pub(crate) segments: usize,
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) released: Released,
}

/// Writes the core of a hold, and lets go as soon as its memory is read.
pub(crate) fn write(
    target: &Target,
    hold: Hold,
    extras: Extras,
    ahead: Ahead,
    sink: &mut Sink,
    progress: &mut dyn FnMut(Written) -> ControlFlow<()>,
) -> Result<Outcome, CaptureError> {
    let segments = segments(&hold, target.pid, extras.content)?;
    let mut skipped: Vec<Skipped> =
        segments.iter().filter_map(|segment| Some(skip(&segment.range, segment.skipped?))).collect();
    let about = About::new(target, &hold, extras.content.filter, extras.executable.is_some());
    // Unreadable pages can still come.
    let room = about.room(skipped.len() + 32);
    let notes = notes(target, &hold.found.states, &hold.found.regions);
    let executable = extras.executable.as_ref().map(|(_, length)| *length);
    let layout = layout(&notes, &segments, room, executable);
    let error = sink.error();
    sink.expect(layout.length).map_err(&error)?;
    sink.put(&layout.head).map_err(&error)?;
    let total = segments.iter().flat_map(|segment| &segment.runs).map(|run| run.end - run.start).sum();
    let mut told = |done| progress(Written { done, total });
    let released = match sink.memory() {
        // Nothing is waited for: the copy's memory goes where it stays.
        Some(memory) if hold.mode() == Mode::Fork => {
            let hold = hold;
            into_memory(&hold, &segments, memory, &mut skipped, &mut told, &error)?;
            hold.release()
        }
        _ => write_behind(sink, ahead, &mut told, |feeder| {
            // Whatever happens, the hold ends with this closure.
            let hold = hold;
            hand_on(&hold, &segments, feeder, &mut skipped)?;
            Ok(hold.release())
        })?,
    };
    sink.put(&about.note(released.pause, &skipped, room)).map_err(&error)?;
    if let (Some((file, _)), Some(range)) = (&extras.executable, &layout.executable) {
        sink.zeros(range.start - layout.own_notes.end).map_err(&error)?;
        bundle(file, range, sink).map_err(&error)?;
    }
    Ok(Outcome { length: layout.length, segments: segments.len(), skipped, released })
}

fn skip(range: &Range<u64>, why: Why) -> Skipped {
    Skipped { start: format!("{:#x}", range.start), end: format!("{:#x}", range.end), why }
}

/// What comes next in the file.
enum Step {
    Zeros(u64),
    /// Memory at these addresses.
    Bytes(Range<u64>),
}

/// Memory in the order of its addresses.
fn steps(segments: &[Segment]) -> impl Iterator<Item = Step> {
    segments.iter().flat_map(|segment| {
        let mut at = segment.range.start;
        let end = segment.runs.last().map_or(at, |run| run.end);
        let runs = segment.runs.iter().flat_map(move |run| {
            let before = run.start - std::mem::replace(&mut at, run.end);
            [Step::Zeros(before), Step::Bytes(run.clone())]
        });
        runs.chain([Step::Zeros(segment.range.start + segment.file_size - end)])
    })
}

/// Reads memory for the thread that writes.
fn hand_on(
    hold: &Hold,
    segments: &[Segment],
    feeder: &mut Feeder<'_>,
    skipped: &mut Vec<Skipped>,
) -> Result<(), Unread> {
    for step in steps(segments) {
        match step {
            Step::Zeros(length) => feeder.zeros(length)?,
            Step::Bytes(mut run) => {
                while run.start < run.end {
                    let fill = |bytes: &mut [u8]| read(hold, run.start, bytes, skipped);
                    run.start += feeder.fill(run.end - run.start, fill)?;
                }
            }
        }
    }
    Ok(())
}

/// Reads memory to where it stays.
fn into_memory(
    hold: &Hold,
    segments: &[Segment],
    memory: &mut Anonymous,
    skipped: &mut Vec<Skipped>,
    told: &mut dyn FnMut(u64) -> ControlFlow<()>,
    error: &dyn Fn(io::Error) -> CaptureError,
) -> Result<(), CaptureError> {
    let mut done = 0;
    for step in steps(segments) {
        match step {
            Step::Zeros(length) => memory.skip(length).map_err(error)?,
            Step::Bytes(mut run) => {
                while run.start < run.end {
                    let piece =
                        memory.next((run.end - run.start).min(PIECE as u64) as usize).map_err(error)?;
                    read(hold, run.start, piece, skipped)?;
                    run.start += piece.len() as u64;
                    done += piece.len() as u64;
                    if told(done).is_break() {
                        return Err(CaptureError::Interrupted);
                    }
                }
            }
        }
    }
    Ok(())
}

/// Fills a piece. Pages that cannot be read are zero in the file, which has no other way, and are listed.
fn read(hold: &Hold, address: u64, piece: &mut [u8], skipped: &mut Vec<Skipped>) -> Result<(), CaptureError> {
    let mut done = 0;
    while done < piece.len() {
        let gap = hold.read_at(address + done as u64, &mut piece[done..]);
        hold.check()?;
        let Err(gap) = gap else { return Ok(()) };
        let page = gap.address - gap.address % PAGE;
        let from = (gap.address - address) as usize;
        let to = ((page + PAGE - address) as usize).min(piece.len());
        piece[from..to].fill(0);
        skipped.push(skip(&(page..page + PAGE), Why::Unreadable));
        done = to;
    }
    Ok(())
}

fn bundle(file: &File, range: &Range<u64>, sink: &mut Sink) -> io::Result<()> {
    let (length, mut at) = (range.end - range.start, 0);
    let mut buffer = vec![0; PIECE];
    while at < length {
        let piece = &mut buffer[..(length - at).min(PIECE as u64) as usize];
        match file.read_at(at, piece)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                sink.put(&piece[..read])?;
                at += read as u64;
            }
        }
    }
    Ok(())
}
