//! One setting of the C library's allocator: memory that was freed is used again.
//!
//! By default glibc maps every large block anew and unmaps it when it is freed. An analysis makes and drops arrays
//! of hundreds of megabytes one after another, so the kernel would clear the same memory again and again. What that
//! saves varied from nothing to one of five seconds of CPU on a snapshot of 500 MB, on a shared machine. The program ends after its answer; nothing is hoarded.

#![allow(unsafe_code, reason = "mallopt is a C function")]

/// Keeps freed memory for the next large array. Called once, before there are other threads.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn keep_freed_memory() {
    // SAFETY: mallopt reads two integers and changes the allocator's parameters under its own lock; a parameter
    // that it does not know it refuses. No memory of ours is involved.
    unsafe {
        libc::mallopt(libc::M_MMAP_MAX, 0);
        libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn keep_freed_memory() {}
