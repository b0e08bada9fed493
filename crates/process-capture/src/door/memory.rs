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

use super::{
    fault::point,
    raw::{PageRegion, PageScan, scan_pages},
};

/// Bytes of a page.
pub(crate) const PAGE: u64 = 4096;

/// The memory of a process that stands still, `/proc/PID/mem`: all of it is read, once.
///
/// `process_vm_readv` pins pages while it copies them, and the kernel first makes a page that a frozen copy shares with its
/// process the copy's own (`gup_must_unshare`, since Linux 5.19): reading a copy would double the memory that the process
/// and its copy take, in the process's own container, and take twice the time.
#[derive(Debug)]
pub(crate) struct Memory {
    pid: u32,
    /// `None` if it cannot be opened.
    file: Option<std::fs::File>,
}

impl Memory {
    /// Opens it.
    pub(crate) fn of(pid: u32) -> Self {
        let file = point("openat").ok().and_then(|()| std::fs::File::open(format!("/proc/{pid}/mem")).ok());
        Self { pid, file }
    }

    /// Copies bytes. Answers how many were copied, up to the first that cannot be read.
    pub(crate) fn read(&self, address: u64, buffer: &mut [u8]) -> Result<usize, Errno> {
        let Some(file) = &self.file else { return read_memory(self.pid, address, buffer) };
        point("pread64")?;
        file.read_at(buffer, address).map_err(errno)
    }

    /// The same until the first byte that cannot be read; answers how many there are.
    pub(crate) fn read_all(&self, address: u64, buffer: &mut [u8]) -> usize {
        let mut done = 0;
        while done < buffer.len() {
            match self.read(address + done as u64, &mut buffer[done..]) {
                Ok(0) | Err(_) => break,
                Ok(length) => done += length,
            }
        }
        done
    }
}

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
        match self.scan(range) {
            // Before Linux 6.7.
            Err(Errno::ENOTTY | Errno::EINVAL) => self.each(range),
            answer => answer,
        }
    }

    /// The kernel finds them: pages that are there, but for those that were read and never written, which are all one
    /// page of zeros.
    fn scan(&self, range: &Range<u64>) -> Result<Present, Errno> {
        const OF_FILE: u64 = 1 << 2;
        const PRESENT: u64 = 1 << 3;
        const SWAPPED: u64 = 1 << 4;
        const ZEROS: u64 = 1 << 5;
        let mut found = Present::default();
        let mut regions = [PageRegion::default(); 256];
        let mut at = range.start;
        while at < range.end {
            let mut scan = PageScan {
                start: at,
                end: range.end,
                category_inverted: ZEROS,
                category_mask: ZEROS,
                category_any_of: PRESENT | SWAPPED,
                return_mask: OF_FILE,
                ..PageScan::default()
            };
            point("ioctl")?;
            let count = scan_pages(&self.0, &mut scan, &mut regions)?;
            for region in &regions[..count.min(regions.len())] {
                found.anonymous |= region.categories & OF_FILE == 0;
                match found.ranges.last_mut() {
                    Some(last) if last.end == region.start => last.end = region.end,
                    _ => found.ranges.push(region.start..region.end),
                }
            }
            if scan.walk_end <= at {
                break;
            }
            at = scan.walk_end;
        }
        Ok(found)
    }

    /// The same where the kernel cannot: an entry for each page.
    fn each(&self, range: &Range<u64>) -> Result<Present, Errno> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_up_to_where_it_ends() {
        let memory = Memory::of(std::process::id());
        assert!(memory.file.is_some());
        let bytes: Vec<u8> = (0..100_000).map(|at| (at * 7 + at / 256) as u8).collect();
        let mut read = vec![0; bytes.len()];
        assert_eq!(memory.read(bytes.as_ptr() as u64, &mut read), Ok(bytes.len()));
        assert!(read == bytes);
        assert_eq!(memory.read(8, &mut read), Err(Errno::EIO));
    }

    #[test]
    fn both_ways_find_what_was_written() {
        // More than malloc ever takes from what was used before: its pages are the kernel's, untouched.
        let mut memory = vec![0u8; 40 << 20];
        let start = (memory.as_ptr() as u64).next_multiple_of(PAGE);
        let offset = (start - memory.as_ptr() as u64) as usize;
        for page in [3, 4, 9] {
            memory[offset + page * PAGE as usize] = 1;
        }
        let pages = Pages::open(std::process::id()).unwrap();
        let range = start..start + 16 * PAGE;
        let page = |from: u64, to: u64| start + from * PAGE..start + to * PAGE;
        let each = pages.each(&range).unwrap();
        assert_eq!(each, Present { ranges: vec![page(3, 5), page(9, 10)], anonymous: true });
        // Reading gives the program the page of zeros.
        assert_eq!(memory[offset + 12 * PAGE as usize], 0);
        assert!(pages.present(&range).unwrap().anonymous);
        match pages.scan(&range) {
            Ok(found) => assert_eq!(found, each),
            Err(errno) => assert!(matches!(errno, Errno::ENOTTY | Errno::EINVAL), "{errno}"),
        }
    }
}
