//! Where a core goes: a file with holes, a stream, a compressed one of either, or our own memory.

mod seekable;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    CaptureError,
    door::{self, Anonymous, CoreBytes, OutputFile, StandardOutput},
};
use seekable::Seekable;

/// Where a core is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A file, which appears under this name when it is whole.
    File {
        /// Its name.
        name: PathBuf,
        /// Whether another file of that name is replaced.
        replace: bool,
    },
    /// Standard output.
    StandardOutput,
    /// Our own memory; not compressed.
    Memory,
}

impl Destination {
    /// The folder of the file.
    pub(crate) fn folder(&self) -> Option<&Path> {
        let Self::File { name, .. } = self else { return None };
        Some(name.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }

    /// Whether what is written takes memory.
    pub(crate) fn is_in_memory(&self) -> bool {
        match self {
            Self::Memory => true,
            Self::StandardOutput => false,
            Self::File { .. } => {
                self.folder().is_some_and(|folder| door::keeps_in_memory(folder).unwrap_or(false))
            }
        }
    }

    /// What it is called in errors.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Memory => "memory".into(),
            Self::File { name, .. } => name.display().to_string(),
            Self::StandardOutput => "standard output".into(),
        }
    }
}

/// A file that is written from its beginning to its end, with holes.
#[derive(Debug)]
struct Sparse {
    file: OutputFile,
    at: u64,
}

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(self.at, bytes)?;
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

enum Kind {
    File(Sparse),
    Stream(StandardOutput),
    CompressedFile(Seekable<Sparse>),
    CompressedStream(Seekable<StandardOutput>),
    /// None until the length is known.
    Memory(Option<Anonymous>),
}

/// Takes a core.
pub(crate) struct Sink {
    kind: Kind,
    destination: Destination,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// The length of the file or the stream.
    pub(crate) bytes: u64,
    /// What it takes on the disk.
    pub(crate) allocated: Option<u64>,
}

impl Sink {
    /// Begins. `needed` is about how long the core will be on the disk; more than there is room for is refused.
    pub(crate) fn create(
        destination: Destination,
        compress: bool,
        needed: u64,
    ) -> Result<Self, CaptureError> {
        let shown = destination.shown();
        let error = |source| CaptureError::Output { name: shown.clone(), source };
        let kind = match &destination {
            Destination::StandardOutput if compress => {
                Kind::CompressedStream(Seekable::new(StandardOutput).map_err(error)?)
            }
            Destination::StandardOutput => Kind::Stream(StandardOutput),
            Destination::Memory => Kind::Memory(None),
            Destination::File { .. } => {
                let folder = destination.folder().unwrap_or(Path::new("."));
                let file = Sparse { file: OutputFile::create(folder).map_err(error)?, at: 0 };
                let free = door::free_bytes(folder).map_err(error)?;
                if free < needed {
                    return Err(CaptureError::DiskFull { name: shown, needed, free });
                }
                if compress {
                    Kind::CompressedFile(Seekable::new(file).map_err(error)?)
                } else {
                    Kind::File(file)
                }
            }
        };
        Ok(Self { kind, destination })
    }

    /// The error for a failed write.
    pub(crate) fn error(&self) -> impl Fn(io::Error) -> CaptureError + use<> {
        let name = self.destination.shown();
        move |source| CaptureError::Output { name: name.clone(), source }
    }

    /// Says how long the core will be, before the first of it is written.
    pub(crate) fn expect(&mut self, length: u64) -> io::Result<()> {
        if let Kind::Memory(memory) = &mut self.kind {
            *memory = Some(Anonymous::new(length)?);
        }
        Ok(())
    }

    /// The memory itself, if the core goes there.
    pub(crate) fn memory(&mut self) -> Option<&mut Anonymous> {
        match &mut self.kind {
            Kind::Memory(memory) => memory.as_mut(),
            _ => None,
        }
    }

    /// Writes bytes.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.kind {
            Kind::File(file) => file.write_all(bytes),
            Kind::Stream(stream) => stream.write_all(bytes),
            Kind::CompressedFile(seekable) => seekable.put(bytes),
            Kind::CompressedStream(seekable) => seekable.put(bytes),
            Kind::Memory(memory) => {
                there(memory)?.next(bytes.len())?.copy_from_slice(bytes);
                Ok(())
            }
        }
    }

    /// Writes so many zeros.
    pub(crate) fn zeros(&mut self, length: u64) -> io::Result<()> {
        match &mut self.kind {
            Kind::File(file) => {
                file.at += length;
                Ok(())
            }
            Kind::Stream(stream) => io::copy(&mut io::Read::take(io::repeat(0), length), stream).map(drop),
            Kind::CompressedFile(seekable) => seekable.zeros(length),
            Kind::CompressedStream(seekable) => seekable.zeros(length),
            Kind::Memory(memory) => there(memory)?.skip(length),
        }
    }

    /// Ends: what is in a file is put on the disk and named; what is in memory alone is handed out.
    pub(crate) fn finish(self) -> Result<(Size, Option<CoreBytes>), CaptureError> {
        let error = self.error();
        self.end().map_err(error)
    }

    fn end(self) -> io::Result<(Size, Option<CoreBytes>)> {
        let file = match self.kind {
            Kind::Stream(mut stream) => {
                stream.flush()?;
                return Ok((Size { bytes: 0, allocated: None }, None));
            }
            Kind::CompressedStream(seekable) => {
                let (bytes, mut stream) = seekable.finish()?;
                stream.flush()?;
                return Ok((Size { bytes, allocated: None }, None));
            }
            Kind::Memory(mut memory) => {
                let length = there(&mut memory)?.length();
                let bytes = memory.map(Anonymous::whole).transpose()?;
                return Ok((Size { bytes: length, allocated: None }, bytes));
            }
            Kind::File(file) => file,
            Kind::CompressedFile(seekable) => seekable.finish()?.1,
        };
        file.file.set_length(file.at)?;
        let allocated = file.file.allocated()?;
        let size = Size { bytes: file.at, allocated: Some(allocated) };
        if let Destination::File { name, replace } = &self.destination {
            file.file.name(name, *replace)?;
        }
        Ok((size, None))
    }
}

/// The memory that was asked for when the length became known.
fn there(memory: &mut Option<Anonymous>) -> io::Result<&mut Anonymous> {
    memory.as_mut().ok_or_else(|| io::Error::other("written before its length was known"))
}
