//! The calls that no safe wrapper covers: `ptrace` with register sets of any length, `waitpid` with signals above 31,
//! PTRACE_SECCOMP_GET_FILTER, PAGEMAP_SCAN.
//!
//! Each function hands the kernel only numbers, or a pointer to a buffer of ours together with its length, which
//! outlives the call; memory of the tracee is named by number and never dereferenced here. That is all that these
//! calls ask of their caller.
#![allow(unsafe_code, reason = "the calls below have no safe wrapper; each says why it is sound")]

use std::{
    ffi::{c_int, c_uint, c_void},
    os::fd::AsRawFd,
};

use nix::errno::Errno;

/// A request whose arguments are numbers.
pub(super) fn ptrace_numbers(request: c_uint, tid: u32, address: usize, data: usize) -> Result<i64, Errno> {
    // SAFETY: no request that is made through this function (they are all in `trace.rs`) takes a pointer.
    let answer = unsafe { libc::ptrace(request, tid as libc::pid_t, address, data) };
    Errno::result(answer)
}

/// A request that reads or fills a buffer.
pub(super) fn ptrace_bytes(
    request: c_uint,
    tid: u32,
    address: usize,
    bytes: &mut [u8],
) -> Result<i64, Errno> {
    // SAFETY: the requests of `trace.rs` move as many bytes as their documentation says, which is what the buffers
    // there have: 8 for a mask of signals and a message, 128 for a siginfo, 8 for each filter instruction.
    let answer =
        unsafe { libc::ptrace(request, tid as libc::pid_t, address, bytes.as_mut_ptr().cast::<c_void>()) };
    Errno::result(answer)
}

/// A request without a buffer where the kernel takes one: it answers with the length.
pub(super) fn ptrace_length(request: c_uint, tid: u32, address: usize) -> Result<i64, Errno> {
    // SAFETY: the kernel takes a null pointer as "only tell the length" (PTRACE_SECCOMP_GET_FILTER).
    let answer =
        unsafe { libc::ptrace(request, tid as libc::pid_t, address, std::ptr::null_mut::<c_void>()) };
    Errno::result(answer)
}

/// PTRACE_GETREGSET and PTRACE_SETREGSET; answers how many bytes were moved.
pub(super) fn ptrace_set(request: c_uint, tid: u32, kind: u32, bytes: &mut [u8]) -> Result<usize, Errno> {
    let mut vector = libc::iovec { iov_base: bytes.as_mut_ptr().cast::<c_void>(), iov_len: bytes.len() };
    // SAFETY: the vector names a buffer of ours with its length, and both live until the call returns.
    let answer = unsafe {
        libc::ptrace(request, tid as libc::pid_t, kind as usize, (&raw mut vector).cast::<c_void>())
    };
    Errno::result(answer).map(|_| vector.iov_len)
}

/// `waitpid`; answers whose state changed (0: nobody's) and the status as it is.
pub(super) fn wait(tid: u32, flags: c_int) -> Result<(u32, c_int), Errno> {
    let mut status = 0;
    // SAFETY: the kernel writes one status, to a place that lives until the call returns.
    let answer = unsafe { libc::waitpid(tid as libc::pid_t, &raw mut status, flags) };
    Errno::result(answer).map(|pid| (pid as u32, status))
}

/// `struct page_region` (`linux/fs.h`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PageRegion {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) categories: u64,
}

/// `struct pm_scan_arg` (`linux/fs.h`).
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PageScan {
    pub(super) size: u64,
    pub(super) flags: u64,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) walk_end: u64,
    pub(super) regions: u64,
    pub(super) regions_length: u64,
    pub(super) max_pages: u64,
    pub(super) category_inverted: u64,
    pub(super) category_mask: u64,
    pub(super) category_any_of: u64,
    pub(super) return_mask: u64,
}

/// PAGEMAP_SCAN on an open `/proc/PID/pagemap`; answers how many regions were filled.
pub(super) fn scan_pages(
    file: &impl AsRawFd,
    scan: &mut PageScan,
    into: &mut [PageRegion],
) -> Result<usize, Errno> {
    const PAGEMAP_SCAN: libc::Ioctl = 0xc060_6610_u32 as libc::Ioctl;
    scan.size = size_of::<PageScan>() as u64;
    scan.regions = into.as_mut_ptr() as u64;
    scan.regions_length = into.len() as u64;
    // SAFETY: both structures are laid out as the kernel's; it fills no more regions than their number, which is that
    // of the slice, and both live until the call returns.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), PAGEMAP_SCAN, &raw mut *scan) };
    Errno::result(answer).map(|count| count as usize)
}
