//! Memory is read ahead of its writing: one thread reads pieces, another writes them. A process that stands still is
//! let go when its memory is read, however long the disk takes.

use std::{
    io,
    ops::ControlFlow,
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use crate::{CaptureError, door::PAGE, headroom::Headroom, sink::Sink};

/// Memory that is read at once.
pub(crate) const PIECE: usize = 1 << 20;
/// What is taken for a stopped process, however little memory is left.
const FEW: usize = 16;
/// How long a wait for the writing lasts until the caller is asked whether to go on.
const MOMENT: Duration = Duration::from_millis(50);

/// Room for what is read and not yet written.
pub(crate) struct Ahead {
    pieces: Vec<Piece>,
}

/// Memory from one place or many, in the order of the file: mappings of V8 are smaller than a piece.
struct Piece {
    bytes: Vec<u8>,
    used: usize,
    parts: Vec<Part>,
}

enum Part {
    /// So many of the piece's bytes.
    Bytes(usize),
    Zeros(u64),
}

impl Ahead {
    /// Room for one piece, so that the two threads take turns: a process that runs on keeps the other processors.
    pub(crate) fn one() -> Self {
        Self::pieces(1)
    }

    /// Room for a few pieces: the threads need not wait for each other. For a process that stands still already.
    pub(crate) fn few() -> Self {
        Self::pieces(FEW)
    }

    /// Room for as much of a process as may be taken ([`Headroom::ahead`]). It is taken, page by page, before the process is stopped: a page that the kernel gives meanwhile takes longer than its copying.
    pub(crate) fn most(private: u64, headroom: &Headroom, most: Option<u64>) -> Self {
        Self::pieces((headroom.ahead(private, most) as usize).div_ceil(PIECE).max(FEW))
    }

    fn pieces(count: usize) -> Self {
        let mut pieces = Vec::with_capacity(count);
        for index in 0..count {
            let mut bytes = Vec::new();
            // Less than was hoped for will do.
            if index >= FEW && bytes.try_reserve_exact(PIECE).is_err() {
                break;
            }
            // Writes to each page: the kernel gives it now.
            bytes.resize(PIECE, 0xff);
            pieces.push(Piece { bytes, used: 0, parts: Vec::new() });
        }
        Self { pieces }
    }
}

/// Takes what is read, for the thread that writes.
pub(crate) struct Feeder<'a> {
    steps: mpsc::Sender<Piece>,
    back: mpsc::Receiver<Piece>,
    free: Vec<Piece>,
    /// How many pieces there are.
    count: usize,
    /// The piece that is being filled.
    current: Option<Piece>,
    written: u64,
    progress: &'a mut dyn FnMut(u64) -> ControlFlow<()>,
}

impl Feeder<'_> {
    /// Fills up to `length` bytes by `read`; answers how many that were. Waits while all pieces are full.
    pub(crate) fn fill(
        &mut self,
        length: u64,
        read: impl FnOnce(&mut [u8]) -> Result<(), CaptureError>,
    ) -> Result<u64, Unread> {
        if self.current.as_ref().is_some_and(|piece| piece.used == PIECE) {
            self.flush()?;
        }
        let piece = self.current()?;
        let length = length.min((PIECE - piece.used) as u64) as usize;
        read(&mut piece.bytes[piece.used..piece.used + length]).map_err(Unread::Failed)?;
        piece.used += length;
        piece.parts.push(Part::Bytes(length));
        Ok(length as u64)
    }

    /// Hands so many zeros on.
    pub(crate) fn zeros(&mut self, length: u64) -> Result<(), Unread> {
        if length > 0 {
            self.current()?.parts.push(Part::Zeros(length));
        }
        Ok(())
    }

    fn current(&mut self) -> Result<&mut Piece, Unread> {
        if self.current.is_none() {
            while let Ok(piece) = self.back.try_recv() {
                self.take_back(piece);
            }
            self.tell()?;
            while self.free.is_empty() {
                self.wait()?;
            }
            self.current = self.free.pop();
        }
        self.current.as_mut().ok_or(Unread::NobodyWrites)
    }

    /// Waits for a piece to be written, for a moment: who asks to stop is heard while the writing hangs.
    fn wait(&mut self) -> Result<(), Unread> {
        match self.back.recv_timeout(MOMENT) {
            Ok(piece) => self.take_back(piece),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(Unread::NobodyWrites),
        }
        self.tell()
    }

    fn take_back(&mut self, mut piece: Piece) {
        self.written += piece.used as u64;
        piece.used = 0;
        piece.parts.clear();
        self.free.push(piece);
    }

    fn tell(&mut self) -> Result<(), Unread> {
        match (self.progress)(self.written) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Unread::Failed(CaptureError::Interrupted)),
        }
    }

    fn flush(&mut self) -> Result<(), Unread> {
        let Some(piece) = self.current.take() else { return Ok(()) };
        self.steps.send(piece).map_err(|_| Unread::NobodyWrites)
    }

    /// Hands on what is left and waits until all of it is written.
    fn finish(mut self) -> Result<(), Unread> {
        self.flush()?;
        while self.free.len() < self.count {
            self.wait()?;
        }
        Ok(())
    }
}

/// Why reading ended before its end.
pub(crate) enum Unread {
    /// The writing thread has the reason.
    NobodyWrites,
    /// Reading itself failed.
    Failed(CaptureError),
}

/// Runs `read` here and writes what it hands on in another thread, in its order. `progress` is told how many bytes of
/// memory are written.
pub(crate) fn write_behind<T>(
    sink: &mut Sink,
    ahead: Ahead,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
    read: impl FnOnce(&mut Feeder<'_>) -> Result<T, Unread>,
) -> Result<T, CaptureError> {
    let error = sink.error();
    let (steps, to_write) = mpsc::channel();
    let (give_back, back) = mpsc::channel();
    thread::scope(|scope| {
        let writing = thread::Builder::new()
            .name("writer".into())
            .spawn_scoped(scope, move || write_pieces(sink, &to_write, &give_back))
            .map_err(&error)?;
        let (count, free) = (ahead.pieces.len(), ahead.pieces);
        let mut feeder = Feeder { steps, back, free, count, current: None, written: 0, progress };
        // A feeder that is dropped ends the writing.
        let done = read(&mut feeder).and_then(|done| feeder.finish().map(|()| done));
        let failed = || io::Error::other("the writing thread failed");
        let wrote = writing.join().unwrap_or_else(|_| Err(failed()));
        match (done, wrote) {
            (Err(Unread::Failed(problem)), _) => Err(problem),
            (_, Err(problem)) => Err(error(problem)),
            (Err(Unread::NobodyWrites), Ok(())) => Err(error(failed())),
            (Ok(done), Ok(())) => Ok(done),
        }
    })
}

fn write_pieces(
    sink: &mut Sink,
    pieces: &mpsc::Receiver<Piece>,
    give_back: &mpsc::Sender<Piece>,
) -> io::Result<()> {
    for piece in pieces {
        let mut at = 0;
        for part in &piece.parts {
            match part {
                Part::Zeros(length) => sink.zeros(*length)?,
                Part::Bytes(length) => {
                    pages(&piece.bytes[at..at + length], sink)?;
                    at += length;
                }
            }
        }
        // Nobody takes it once the reading was given up; then nobody wants the file either.
        if give_back.send(piece).is_err() {
            return Ok(());
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_a_quarter_of_what_is_left_and_never_nothing() {
        let left = |group| Headroom { needed: 0, ours: 0, group, machine: None, promise: None };
        let count = |private, group, most| Ahead::most(private, &left(group), most).pieces.len();
        let megabyte = 1 << 20;
        assert_eq!(count(100 * megabyte, Some(8 << 30), None), 100);
        assert_eq!(count(100 * megabyte, Some(8 << 30), Some(40 * megabyte)), 40);
        assert_eq!(count(1 << 40, Some(400 * megabyte), None), 100);
        assert_eq!(count(1 << 40, Some(megabyte), None), FEW);
        assert_eq!(count(1 << 40, None, None), FEW);
        let pieces = Ahead::one().pieces;
        assert!(pieces.iter().all(|piece| piece.bytes.len() == PIECE));
    }

    #[test]
    fn who_waits_for_the_writing_asks_whether_to_go_on() {
        let ((steps, _to_write), (_give_back, back)) = (mpsc::channel(), mpsc::channel());
        let mut asked = 0;
        let mut progress = |_| {
            asked += 1;
            if asked < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let free = Ahead::one().pieces;
        let mut feeder =
            Feeder { steps, back, free, count: 1, current: None, written: 0, progress: &mut progress };
        assert!(matches!(feeder.fill(PIECE as u64, |_| Ok(())), Ok(length) if length == PIECE as u64));
        // The one piece is full, and nobody writes it.
        assert!(matches!(
            feeder.fill(1, |_| panic!("there is no room")),
            Err(Unread::Failed(CaptureError::Interrupted))
        ));
        assert_eq!(asked, 3);
    }
}
