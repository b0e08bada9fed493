//! Bytes of an input, whatever its wrapping: plain, gzip or zstd, told by magic numbers, not by names.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// How many times larger than the file its decompressed content may be.
const MAX_EXPANSION: u64 = 100;
/// Below this size the expansion does not matter.
const HARMLESS: u64 = 64 << 20;
/// Patience with a pipe that nobody writes to, in milliseconds.
const PIPE_PATIENCE_MS: u16 = 3000;

/// How programs and cores begin.
pub(super) const ELF: [u8; 4] = *b"\x7fELF";

/// An input that can't be read as a file.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The operating system said no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A folder.
    #[error("this is a folder; name a file in it")]
    Folder,
    /// A pipe that nobody writes to.
    #[error("nothing came through this pipe within {} s; start its writer first", PIPE_PATIENCE_MS / 1000)]
    SilentPipe,
    /// A device or socket.
    #[error("this is neither a file nor a pipe")]
    Device,
    /// A core that cannot be read from the middle.
    #[error("a core must be a file: it is read from the middle")]
    Elf,
}

/// An open input.
pub(super) struct Input {
    file: Option<File>,
    head: Vec<u8>,
    size: Option<u64>,
}

impl Input {
    /// Opens a path, or standard input for `-`.
    pub(super) fn open(path: &str) -> Result<Input, SourceError> {
        if path == "-" {
            return Input::begin(None, None);
        }
        // Without O_NONBLOCK opening a pipe would wait for a writer, maybe for ever.
        let file = File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
        let meta = file.metadata()?;
        let kind = meta.file_type();
        if kind.is_dir() {
            return Err(SourceError::Folder);
        }
        if kind.is_fifo() {
            wait_for_writer(&file)?;
            return Input::begin(Some(file), None);
        }
        if kind.is_socket() || kind.is_block_device() {
            return Err(SourceError::Device);
        }
        let size = kind.is_file().then_some(meta.len());
        Input::begin(Some(file), size)
    }

    fn begin(file: Option<File>, size: Option<u64>) -> Result<Input, SourceError> {
        let mut head = Vec::new();
        match &file {
            Some(file) => file.take(4).read_to_end(&mut head)?,
            None => io::stdin().lock().take(4).read_to_end(&mut head)?,
        };
        if head == ELF && size.is_none() {
            return Err(SourceError::Elf);
        }
        Ok(Input { file, head, size })
    }

    /// Whether it is a program or a core.
    pub(super) fn is_elf(&self) -> bool {
        self.head == ELF
    }

    /// The file, unless it is standard input or a pipe.
    pub(super) fn file(&self) -> Option<&File> {
        self.file.as_ref().filter(|_| self.size.is_some())
    }

    /// The decompressed bytes from the start, and how many there are if that is known.
    pub(super) fn reader(self, allow_expansion: bool) -> io::Result<(Box<dyn Read + Send>, Option<u64>)> {
        let rest: Box<dyn Read + Send> = match self.file {
            Some(file) => Box::new(file),
            None => Box::new(io::stdin()),
        };
        let whole = Cursor::new(self.head.clone()).chain(rest);
        let counted = Counted { inner: whole, count: Default::default() };
        let limit = if allow_expansion { None } else { Some(counted.count.clone()) };
        let unpacked: Box<dyn Read + Send> = match self.head.as_slice() {
            [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(counted))),
            [0x28, 0xb5, 0x2f, 0xfd] => Box::new(zstd::stream::read::Decoder::new(counted)?),
            _ => return Ok((Box::new(counted.inner), self.size)),
        };
        Ok((Box::new(Expanding { inner: unpacked, packed: limit, unpacked: 0 }), None))
    }
}

/// A source that has failed already.
pub(super) struct Failing(pub(super) Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _into: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

fn wait_for_writer(file: &File) -> Result<(), SourceError> {
    let mut watched = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
    poll(&mut watched, PollTimeout::from(PIPE_PATIENCE_MS)).map_err(io::Error::from)?;
    if !watched[0].revents().is_some_and(|events| events.contains(PollFlags::POLLIN)) {
        return Err(SourceError::SilentPipe);
    }
    let flags = OFlag::from_bits_truncate(fcntl(file, FcntlArg::F_GETFL).map_err(io::Error::from)?);
    fcntl(file, FcntlArg::F_SETFL(flags & !OFlag::O_NONBLOCK)).map_err(io::Error::from)?;
    Ok(())
}

type Count = std::sync::Arc<std::sync::atomic::AtomicU64>;

/// Counts the packed bytes that were taken.
struct Counted<R> {
    inner: R,
    count: Count,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.count.fetch_add(got as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(got)
    }
}

/// Stops when a small file turns out to hold absurdly much.
struct Expanding<R> {
    inner: R,
    packed: Option<Count>,
    unpacked: u64,
}

impl<R: Read> Read for Expanding<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(into)?;
        self.unpacked += got as u64;
        if let Some(packed) = &self.packed {
            let packed = packed.load(std::sync::atomic::Ordering::Relaxed);
            if self.unpacked > HARMLESS && self.unpacked / MAX_EXPANSION > packed {
                return Err(io::Error::other(format!(
                    "{packed} packed bytes became more than {} bytes, over {MAX_EXPANSION} times as many; \
                     --allow-expansion reads it all the same",
                    self.unpacked
                )));
            }
        }
        Ok(got)
    }
}
