//! What differs from processor to processor: registers, system call numbers, signal frames, gadgets. A new
//! architecture is one more module with these names; one without gadgets can be captured by stopping it.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

/// Bytes that are in the program's code anyway, and do what an injected call needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gadgets {
    /// A system call, then a return to the address on the stack.
    pub(crate) call: u64,
    /// The system call that restores a thread from its signal frame.
    pub(crate) restorer: u64,
}

/// What is written below a thread's stack before calls are injected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frames {
    /// The lowest address of it.
    pub(crate) address: u64,
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// The frame that brings the thread back to where it was. Whatever happens to us, it returns through this.
    pub(crate) own: u64,
    /// The frame that ends the forked child.
    pub(crate) child: u64,
}

/// Whether calls can be injected into a thread that is stopped here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fitness {
    /// It waits in a system call that the kernel itself would start again.
    Waits,
    /// Its system call is done.
    Done,
    /// It runs, and may be just before a system call: [`call_instruction`] says where to look.
    Runs,
    /// It must not be touched.
    Unfit,
}
