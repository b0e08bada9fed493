//! Where a core goes: a file that has no name until it is whole, or standard output.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{FileExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use rustix::fs::{AtFlags, CWD, linkat, statfs, statvfs};

use super::fault::io_point as point;

/// A file that is being written. Until it is named, its death with us leaves nothing behind (or, on file systems
/// that keep no nameless files, one file `.heapdowse-PID.part`, which is removed unless we are killed).
#[derive(Debug)]
pub(crate) struct OutputFile {
    file: File,
    folder: PathBuf,
    part: Option<PathBuf>,
}

impl OutputFile {
    /// Begins a file in a folder, for its owner alone.
    pub(crate) fn create(folder: &Path) -> io::Result<Self> {
        point("openat")?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600);
        let folder = folder.to_owned();
        match options.clone().custom_flags(libc::O_TMPFILE).open(&folder) {
            Ok(file) => return Ok(Self { file, folder, part: None }),
            // Not on this file system, or not in this kernel.
            Err(error)
                if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR | libc::ENOENT)) => {}
            Err(error) => return Err(error),
        }
        let part = folder.join(format!(".heapdowse-{}.part", std::process::id()));
        let file = options.create_new(true).open(&part)?;
        Ok(Self { file, folder, part: Some(part) })
    }

    /// Writes at a place.
    pub(crate) fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        point("pwrite64")?;
        self.file.write_all_at(bytes, offset)
    }

    /// Sets the length; what was not written is a hole.
    pub(crate) fn set_length(&self, length: u64) -> io::Result<()> {
        point("ftruncate")?;
        self.file.set_len(length)
    }

    /// Bytes of the disk that it takes.
    pub(crate) fn allocated(&self) -> io::Result<u64> {
        use std::os::unix::fs::MetadataExt;
        point("statx")?;
        Ok(self.file.metadata()?.blocks() * 512)
    }

    /// Puts all of it on the disk and gives it its name; `replace` takes the name from another file.
    pub(crate) fn name(mut self, name: &Path, replace: bool) -> io::Result<()> {
        point("fsync")?;
        self.file.sync_all()?;
        if self.part.is_none() {
            let nameless = format!("/proc/self/fd/{}", self.file.as_raw_fd());
            if !replace {
                point("linkat")?;
                linkat(CWD, nameless.as_str(), CWD, name, AtFlags::SYMLINK_FOLLOW)?;
                return self.sync_folder();
            }
            // A link cannot replace a name; a rename can, at once.
            let part = self.folder.join(format!(".heapdowse-{}.part", std::process::id()));
            point("linkat")?;
            linkat(CWD, nameless.as_str(), CWD, &part, AtFlags::SYMLINK_FOLLOW)?;
            self.part = Some(part);
        }
        let part = self.part.clone().unwrap_or_default();
        if replace {
            point("rename")?;
            std::fs::rename(&part, name)?;
        } else {
            point("linkat")?;
            std::fs::hard_link(&part, name)?;
            point("unlink")?;
            std::fs::remove_file(&part)?;
        }
        self.part = None;
        self.sync_folder()
    }

    fn sync_folder(&self) -> io::Result<()> {
        point("fsync")?;
        // Some file systems cannot; the name is there all the same.
        let _ = File::open(&self.folder).and_then(|folder| folder.sync_all());
        Ok(())
    }
}

impl Drop for OutputFile {
    fn drop(&mut self) {
        if let Some(part) = &self.part {
            let _ = std::fs::remove_file(part);
        }
    }
}

/// Standard output.
#[derive(Debug)]
pub(crate) struct StandardOutput;

impl Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        point("write")?;
        io::stdout().lock().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().lock().flush()
    }
}

/// Bytes that may still be written to the file system of a folder.
pub(crate) fn free_bytes(folder: &Path) -> io::Result<u64> {
    point("statfs")?;
    let found = statvfs(folder)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Whether files of a folder lie in memory (`tmpfs`, `ramfs`).
pub(crate) fn keeps_in_memory(folder: &Path) -> io::Result<bool> {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    point("statfs")?;
    let kind = statfs(folder)?.f_type as u64;
    Ok(matches!(kind, TMPFS | RAMFS))
}
