//! A part of a heap as a snapshot file of its own.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::AnswerError;
use super::object::find;
use crate::open::Heap;

/// Writes the closure of an object: all that it reaches. The file appears under its name only when whole, and
/// only its owner may read it: a heap holds secrets. Answers how many nodes it has.
///
/// # Errors
/// If there is no such object or the file can't be written.
pub fn save_slice(heap: &Heap, id: u64, path: &Path) -> Result<usize, AnswerError> {
    let slice = heap_graph::slice(heap.graph(), &[find(heap, id)?]);
    write_whole(path, |out| heap_graph::write(&slice, out))
        .map_err(|source| AnswerError::Write { path: path.display().to_string(), source })?;
    Ok(slice.node_count())
}

/// Writes a file with mode 0600 under a temporary name, syncs it and gives it its name.
fn write_whole(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("this names no file"))?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = (|| {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // The new name is lost in a power cut unless the folder is synced too.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
