//! A graph as a `.heapsnapshot` file, compressed if its name says so.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use heap_graph::{HeapGraph, PackedGraph};

use crate::whole_file::WholeFile;

/// How a snapshot is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// As text.
    Plain,
    /// Gzip (`.gz`).
    Gzip,
    /// Zstandard (`.zst`).
    Zstd,
}

impl Packing {
    /// What a file's name says.
    #[must_use]
    pub fn of(path: &Path) -> Packing {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("gz") => Packing::Gzip,
            Some("zst") => Packing::Zstd,
            _ => Packing::Plain,
        }
    }
}

/// What a snapshot can be written of.
pub trait Content {
    /// Writes it as text.
    ///
    /// # Errors
    /// What the writer says.
    fn write_to(self, out: &mut impl Write) -> io::Result<()>;
}

impl Content for &HeapGraph {
    fn write_to(self, out: &mut impl Write) -> io::Result<()> {
        heap_graph::write(self, out)
    }
}

impl Content for PackedGraph {
    fn write_to(self, out: &mut impl Write) -> io::Result<()> {
        self.write(out)
    }
}

/// Writes a graph into a file that appears under its name only when it is whole, and that only its owner may read.
/// Answers the bytes of the text, before packing.
///
/// # Errors
/// When the file cannot be written.
pub fn write_snapshot(graph: impl Content, path: &Path) -> io::Result<u64> {
    let mut file = WholeFile::create(path.to_owned())?;
    let bytes = pack(graph, &mut file, Packing::of(path))?;
    file.keep()?;
    Ok(bytes)
}

/// Writes a graph to wherever; answers the bytes of the text, before packing.
///
/// # Errors
/// What the writer says.
pub fn pack(graph: impl Content, out: &mut impl Write, packing: Packing) -> io::Result<u64> {
    match packing {
        Packing::Plain => counted(graph, out),
        Packing::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
            let bytes = counted(graph, &mut encoder)?;
            encoder.finish()?;
            Ok(bytes)
        }
        Packing::Zstd => {
            let mut encoder = zstd::Encoder::new(out, 3)?;
            let bytes = counted(graph, &mut encoder)?;
            encoder.finish()?;
            Ok(bytes)
        }
    }
}

/// The graph's writer makes many small writes.
fn counted(graph: impl Content, out: &mut impl Write) -> io::Result<u64> {
    let mut counter = BufWriter::with_capacity(1 << 18, Counter { out, bytes: 0 });
    graph.write_to(&mut counter)?;
    Ok(counter.into_inner().map_err(io::IntoInnerError::into_error)?.bytes)
}

struct Counter<'a, W> {
    out: &'a mut W,
    bytes: u64,
}

impl<W: Write> Write for Counter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
