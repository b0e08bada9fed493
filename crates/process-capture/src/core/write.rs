//! Writes a core: headers, notes, memory in the order of its addresses, the note of our own, the executable.

use std::{io, ops::ControlFlow, ops::Range};

use process_memory::ProcessMemory;

use crate::{
    CaptureError,
    core::{
        about::{About, Skipped},
        elf::layout,
        notes::notes,
        segments::{Content, Segment, Why, segments},
    },
    door::{File, PAGE},
    hold::{Hold, Released},
    sink::Sink,
    target::Target,
};

/// Memory that is read at once.
const PIECE: u64 = 1 << 20;

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
    sink.put(&layout.head).map_err(&error)?;
    memory(&hold, &segments, sink, &mut skipped, progress)?;
    let released = hold.release();
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

fn memory(
    hold: &Hold,
    segments: &[Segment],
    sink: &mut Sink,
    skipped: &mut Vec<Skipped>,
    progress: &mut dyn FnMut(Written) -> ControlFlow<()>,
) -> Result<(), CaptureError> {
    let total = segments.iter().flat_map(|segment| &segment.runs).map(|run| run.end - run.start).sum();
    let mut done = 0;
    let mut buffer = vec![0; PIECE as usize];
    let error = sink.error();
    for segment in segments {
        let mut at = segment.range.start;
        for run in &segment.runs {
            sink.zeros(run.start - at).map_err(&error)?;
            at = run.start;
            while at < run.end {
                let piece = &mut buffer[..(run.end - at).min(PIECE) as usize];
                read(hold, at, piece, skipped)?;
                pages(piece, sink).map_err(&error)?;
                at += piece.len() as u64;
                done += piece.len() as u64;
                if progress(Written { done, total }).is_break() {
                    return Err(CaptureError::Interrupted);
                }
            }
        }
        sink.zeros(segment.range.start + segment.file_size - at).map_err(&error)?;
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

/// Writes whole pages; those of zeros as holes.
fn pages(piece: &[u8], sink: &mut Sink) -> io::Result<()> {
    let page = PAGE as usize;
    let is_zero = |index: usize| piece[index * page..(index + 1) * page].iter().all(|byte| *byte == 0);
    let count = piece.len() / page;
    let mut from = 0;
    while from < count {
        let zero = is_zero(from);
        let mut to = from + 1;
        while to < count && is_zero(to) == zero {
            to += 1;
        }
        if zero {
            sink.zeros(((to - from) * page) as u64)?;
        } else {
            sink.put(&piece[from * page..to * page])?;
        }
        from = to;
    }
    Ok(())
}

fn bundle(file: &File, range: &Range<u64>, sink: &mut Sink) -> io::Result<()> {
    let (length, mut at) = (range.end - range.start, 0);
    let mut buffer = vec![0; PIECE as usize];
    while at < length {
        let piece = &mut buffer[..(length - at).min(PIECE) as usize];
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
