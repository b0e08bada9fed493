//! Files that are read: `/proc`, executables.

use std::{io, io::Read, os::unix::fs::FileExt};

use nix::errno::Errno;

use super::fault::point;

fn errno(error: io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}

/// All of a file.
pub(crate) fn read(path: &str) -> Result<Vec<u8>, Errno> {
    point("openat")?;
    // What lies in /proc has no size, and would be read in pieces of 32 bytes at first.
    let mut bytes = Vec::with_capacity(64 << 10);
    std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(errno)?;
    Ok(bytes)
}

/// All of a file as text; what is no UTF-8 (names can be anything) is replaced.
pub(crate) fn read_text(path: &str) -> Result<String, Errno> {
    read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Where a link leads.
pub(crate) fn read_link(path: &str) -> Result<String, Errno> {
    point("readlink")?;
    std::fs::read_link(path).map(|path| path.to_string_lossy().into_owned()).map_err(errno)
}

/// The names in a folder that are numbers, in order.
pub(crate) fn list(path: &str) -> Result<Vec<u32>, Errno> {
    point("getdents64")?;
    let entries = std::fs::read_dir(path).map_err(errno)?;
    let mut numbers: Vec<u32> =
        entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Size in bytes and time of last change in seconds.
pub(crate) fn stat_file(path: &str) -> Result<(u64, i64), Errno> {
    use std::os::unix::fs::MetadataExt;
    point("statx")?;
    std::fs::metadata(path).map(|meta| (meta.len(), meta.mtime())).map_err(errno)
}

/// Whether something of this name is a folder; `None` if there is nothing.
pub(crate) fn kind_of(path: &std::path::Path) -> Option<bool> {
    point("statx").ok()?;
    std::fs::metadata(path).ok().map(|meta| meta.is_dir())
}

/// A file to read from.
#[derive(Debug)]
pub(crate) struct File(std::fs::File);

impl File {
    /// Opens it.
    pub(crate) fn open(path: &str) -> Result<Self, Errno> {
        point("openat")?;
        std::fs::File::open(path).map(Self).map_err(errno)
    }

    /// Reads at a place; 0 at the end.
    pub(crate) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        point("pread64")?;
        self.0.read_at(buffer, offset).map_err(errno)
    }
}

/// Sets how soon the kernel ends a process when memory is short.
pub(crate) fn end_first_when_memory_is_short(pid: u32) -> Result<(), Errno> {
    point("openat")?;
    std::fs::write(format!("/proc/{pid}/oom_score_adj"), "1000").map_err(errno)
}
