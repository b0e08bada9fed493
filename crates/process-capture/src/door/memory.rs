//! Memory of another process: its bytes, and which of its pages are there.

use std::{
    io::{IoSlice, IoSliceMut},
    ops::Range,
    os::unix::fs::FileExt,
};

use nix::{
    errno::Errno,
    sys::uio::{RemoteIoVec, process_vm_readv, process_vm_writev},
    unistd::Pid,
};

use super::fault::point;

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;

/// Copies bytes of a process. Answers how many were copied, up to the first that cannot be read.
pub(crate) fn read_memory(pid: u32, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
    point("process_vm_readv")?;
    let there = RemoteIoVec { base: address as usize, len: buffer.len() };
    process_vm_readv(Pid::from_raw(pid as i32), &mut [IoSliceMut::new(buffer)], &[there])
}

/// Writes bytes into a process: all of them or an error.
pub(crate) fn write_memory(pid: u32, address: u64, bytes: &[u8]) -> Result<(), Errno> {
    point("process_vm_writev")?;
    let there = RemoteIoVec { base: address as usize, len: bytes.len() };
    let written = process_vm_writev(Pid::from_raw(pid as i32), &[IoSlice::new(bytes)], &[there])?;
    if written == bytes.len() { Ok(()) } else { Err(Errno::EFAULT) }
}

/// `/proc/PID/pagemap`.
#[derive(Debug)]
pub(crate) struct Pages(std::fs::File);

/// Pages of one range.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Present {
    /// Addresses whose pages are there, in memory or in swap; adjacent ones joined.
    pub(crate) ranges: Vec<Range<u64>>,
    /// Whether one of them belongs to the process alone and not to a file.
    pub(crate) anonymous: bool,
}

impl Pages {
    /// Opens it.
    pub(crate) fn open(pid: u32) -> Result<Self, Errno> {
        point("openat")?;
        std::fs::File::open(format!("/proc/{pid}/pagemap")).map(Self).map_err(errno)
    }

    /// Looks at the pages of a range.
    pub(crate) fn present(&self, range: &Range<u64>) -> Result<Present, Errno> {
        /// Bits of an entry, from the kernel's `Documentation/admin-guide/mm/pagemap.rst`.
        const PRESENT: u64 = 1 << 63;
        const SWAPPED: u64 = 1 << 62;
        const OF_FILE: u64 = 1 << 61;
        let mut found = Present::default();
        let mut buffer = vec![0; 64 << 10];
        let mut at = range.start;
        while at < range.end {
            let wanted = ((range.end - at) / PAGE * 8).min(buffer.len() as u64) as usize;
            point("pread64")?;
            let read = self.0.read_at(&mut buffer[..wanted], at / PAGE * 8).map_err(errno)?;
            let (entries, _) = buffer[..read].as_chunks::<8>();
            if entries.is_empty() {
                // The kernel ends the file at the highest address that a program can have.
                return Ok(found);
            }
            for entry in entries.iter().map(|entry| u64::from_ne_bytes(*entry)) {
                if entry & (PRESENT | SWAPPED) != 0 {
                    found.anonymous |= entry & OF_FILE == 0;
                    match found.ranges.last_mut() {
                        Some(last) if last.end == at => last.end += PAGE,
                        _ => found.ranges.push(at..at + PAGE),
                    }
                }
                at += PAGE;
            }
        }
        Ok(found)
    }
}

fn errno(error: std::io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
