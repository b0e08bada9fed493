//! Snapshots along the way: when, and straight from the socket into the graph.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    ops::ControlFlow,
    path::{Path, PathBuf},
};

use heap_graph::{HeapGraph, ReadOptions};
use inspector::{InspectorError, PipeWriter, pipe};

use super::{RunError, RunEvent, RunStep, events::Events, watch::Watched};

/// How much of a snapshot may wait for the parser.
const PIPE_BYTES: usize = 8 << 20;

/// A snapshot as a graph.
pub struct Snapshot {
    /// After which round it was taken.
    pub round: u32,
    /// Requests or other work until then.
    pub work: f64,
    /// Its size as text, bytes.
    pub bytes: u64,
    /// The graph.
    pub graph: HeapGraph,
    /// Where its text was kept.
    pub file: Option<PathBuf>,
}

/// Whether a snapshot is due after `done` of `planned` rounds: after the warm-up, half-way and at the end.
///
/// Provisional: a program whose floors do not grow needs none.
pub(super) fn is_due(done: u32, planned: u32) -> bool {
    done == 0 || done == planned / 2 || done == planned
}

/// Takes a snapshot. `Ok(None)` when the program ended meanwhile.
pub(super) fn take(
    watched: &mut Watched,
    round: u32,
    work: f64,
    keep_in: Option<&Path>,
    events: &mut dyn Events,
) -> Result<Option<Snapshot>, RunError> {
    let file_error = |source| RunError::File { what: format!("the snapshot of round {round}"), source };
    let kept = keep_in.map(|folder| KeptFile::create(folder, round)).transpose().map_err(file_error)?;
    let (writer, reader) = pipe(PIPE_BYTES);
    std::thread::scope(|scope| {
        let parser = scope.spawn(move || {
            heap_graph::read(reader, &ReadOptions::default(), &mut |_| ControlFlow::Continue(()))
        });
        let mut tee = Tee { pipe: writer, kept, failure: None };
        let taken = watched.session.take_heap_snapshot(&mut tee, &mut |progress| {
            let step = RunStep::Snapshot { done: progress.done, total: progress.total };
            events.event(&RunEvent::step(step));
        });
        let Tee { pipe, kept, failure } = tee;
        if taken.is_ok() {
            // A parser that gave up says why itself, below.
            let _ = pipe.finish();
        } else {
            drop(pipe);
        }
        let parsed = parser.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if let Some(failure) = failure {
            return Err(file_error(failure));
        }
        let bytes = match taken {
            Ok(bytes) => bytes,
            Err(error) if error.is_closed() => return Ok(None),
            // The sink fails when the parser has given up, and the parser knows why.
            Err(InspectorError::Sink(_)) if parsed.is_err() => 0,
            Err(error) => return Err(RunError::from_inspector(error)),
        };
        let graph = parsed.map_err(|source| RunError::Snapshot { round, source })?;
        let file = kept.map(KeptFile::keep).transpose().map_err(file_error)?;
        Ok(Some(Snapshot { round, work, bytes, graph, file }))
    })
}

/// Writes to the parser and to the file that is kept. The file's failure is remembered, not mistaken for
/// the parser's.
struct Tee {
    pipe: PipeWriter,
    kept: Option<KeptFile>,
    failure: Option<io::Error>,
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.pipe.write(bytes)?;
        if let Some(kept) = &mut self.kept
            && let Err(error) = kept.file.write_all(&bytes[..count])
        {
            let kind = error.kind();
            self.failure = Some(error);
            return Err(kind.into());
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

/// A file that appears under its name only when it is whole; readable by its owner alone.
struct KeptFile {
    file: BufWriter<tempfile::NamedTempFile>,
    name: PathBuf,
}

impl KeptFile {
    fn create(folder: &Path, round: u32) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let file = tempfile::Builder::new().prefix(".heapdowse-").suffix(".part").tempfile_in(folder)?;
        let name = folder.join(format!("round-{round:02}.heapsnapshot"));
        Ok(Self { file: BufWriter::with_capacity(1 << 20, file), name })
    }

    fn keep(self) -> io::Result<PathBuf> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        let file: File = file.persist(&self.name).map_err(|error| error.error)?;
        drop(file);
        Ok(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_snapshots_are_due() {
        for planned in [4, 8, 12, 25] {
            assert_eq!((0..=planned).filter(|&done| is_due(done, planned)).count(), 3, "{planned}");
        }
    }

    #[test]
    fn a_kept_file_appears_whole_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mut kept = KeptFile::create(folder.path(), 3).unwrap();
        kept.file.write_all(b"whole").unwrap();
        assert!(!folder.path().join("round-03.heapsnapshot").exists());
        let name = kept.keep().unwrap();
        assert_eq!(std::fs::read(&name).unwrap(), b"whole");
        assert_eq!(std::fs::metadata(&name).unwrap().permissions().mode() & 0o777, 0o600);
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1);
    }
}
