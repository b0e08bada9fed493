//! A bounded pipe of bytes between two threads.
//!
//! The writer blocks while the pipe is full, so a slow reader slows down the socket and not our memory.
//! The end is explicit: a writer dropped before [`PipeWriter::finish`] gives the reader an error, never an
//! early end of file that looks like a whole snapshot.

use std::{
    io::{self, Read, Write},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

const BUFFER: usize = 256 * 1024;

enum Piece {
    Bytes(Vec<u8>),
    End,
}

/// The end that takes bytes.
#[derive(Debug)]
pub struct PipeWriter {
    buffer: Vec<u8>,
    pieces: SyncSender<Piece>,
    /// Emptied buffers on their way back.
    spare: Receiver<Vec<u8>>,
}

/// The end that gives bytes.
#[derive(Debug)]
pub struct PipeReader {
    current: Vec<u8>,
    position: usize,
    pieces: Receiver<Piece>,
    spare: SyncSender<Vec<u8>>,
    ended: bool,
}

/// A pipe that holds about `capacity` bytes (at least two buffers of 256 KiB).
#[must_use]
pub fn pipe(capacity: usize) -> (PipeWriter, PipeReader) {
    let depth = (capacity / BUFFER).max(1);
    let (pieces, taken) = sync_channel(depth);
    let (back, spare) = sync_channel(depth);
    let writer = PipeWriter { buffer: Vec::with_capacity(BUFFER), pieces, spare };
    let reader = PipeReader { current: Vec::new(), position: 0, pieces: taken, spare: back, ended: false };
    (writer, reader)
}

impl PipeWriter {
    /// Sends what is buffered and marks the end.
    ///
    /// # Errors
    /// `BrokenPipe` when the reader is gone.
    pub fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.pieces.send(Piece::End).map_err(|_| reader_gone())
    }
}

impl Write for PipeWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BUFFER - self.buffer.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() == BUFFER {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let fresh = self.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(BUFFER));
        let full = std::mem::replace(&mut self.buffer, fresh);
        self.pieces.send(Piece::Bytes(full)).map_err(|_| reader_gone())
    }
}

impl Read for PipeReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.position == self.current.len() {
            if self.ended || into.is_empty() {
                return Ok(0);
            }
            let mut used = std::mem::take(&mut self.current);
            used.clear();
            // No harm when it cannot go back: the writer then makes a new one.
            let _ = self.spare.try_send(used);
            self.position = 0;
            match self.pieces.recv() {
                Ok(Piece::Bytes(bytes)) => self.current = bytes,
                Ok(Piece::End) => self.ended = true,
                Err(_) => return Err(writer_gone()),
            }
        }
        let rest = &self.current[self.position..];
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        self.position += count;
        Ok(count)
    }
}

fn reader_gone() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "nobody reads the snapshot any more")
}

fn writer_gone() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the snapshot broke off before its end")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_writer_that_gives_up_is_an_error_for_the_reader() {
        let (mut writer, mut reader) = pipe(1 << 20);
        writer.write_all(b"half").unwrap();
        writer.flush().unwrap();
        drop(writer);
        let mut text = Vec::new();
        let error = reader.read_to_end(&mut text).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(text, b"half");
    }

    #[test]
    fn a_reader_that_gives_up_stops_the_writer() {
        let (mut writer, reader) = pipe(BUFFER);
        drop(reader);
        let error = writer.write_all(&vec![0; 2 * BUFFER]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_writer_waits_while_the_pipe_is_full() {
        let (mut writer, mut reader) = pipe(2 * BUFFER);
        let written = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = written.clone();
        let thread = std::thread::spawn(move || {
            for _ in 0..40 {
                writer.write_all(&[7; BUFFER]).unwrap();
                count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            }
            writer.finish().unwrap();
        });
        // Nothing was read, so whatever the timing no more than the depth can have gone in.
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(written.load(std::sync::atomic::Ordering::SeqCst) <= 2);
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 40 * BUFFER);
        thread.join().unwrap();
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn bytes_come_out_as_they_went_in(parts in proptest::collection::vec(0usize..400_000, 0..6)) {
            let (mut writer, mut reader) = pipe(BUFFER);
            let all: Vec<u8> = (0..parts.iter().sum::<usize>()).map(|i| (i % 251) as u8).collect();
            let sent = all.clone();
            let thread = std::thread::spawn(move || {
                let mut rest = &sent[..];
                for part in parts {
                    writer.write_all(&rest[..part]).unwrap();
                    rest = &rest[part..];
                }
                writer.finish().unwrap();
            });
            let mut got = Vec::new();
            reader.read_to_end(&mut got).unwrap();
            thread.join().unwrap();
            prop_assert!(got == all);
        }
    }
}
