//! Tracing: seize, interrupt, registers, signal masks, resuming up to a system call, letting go.

use nix::errno::Errno;

use super::{fault::point, raw};

/// Which registers. The numbers are those of the notes in a core (`NT_*` in `elf.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RegisterSet {
    /// The general ones.
    General,
    /// The floating point ones.
    FloatingPoint,
    /// All of the extended state of x86.
    Extended,
}

impl RegisterSet {
    /// The number of the note.
    pub(crate) fn note(self) -> u32 {
        match self {
            Self::General => 1,
            Self::FloatingPoint => 2,
            Self::Extended => 0x202,
        }
    }
}

/// Options of a tracee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Options {
    /// Stops for system calls are told from signals, and `clone` gives its child to us. Never more on a target.
    Inject,
    /// It dies with us. Only ever for our frozen child.
    DieWithUs,
}

/// Begins to trace a thread, which goes on running.
pub(crate) fn seize(tid: u32) -> Result<(), Errno> {
    point("ptrace(SEIZE)")?;
    raw::ptrace_numbers(libc::PTRACE_SEIZE, tid, 0, 0).map(drop)
}

/// Asks a traced thread to stop.
pub(crate) fn interrupt(tid: u32) -> Result<(), Errno> {
    point("ptrace(INTERRUPT)")?;
    raw::ptrace_numbers(libc::PTRACE_INTERRUPT, tid, 0, 0).map(drop)
}

/// Lets a stopped thread go, with the signal that it was about to get (0 for none).
pub(crate) fn detach(tid: u32, signal: i32) -> Result<(), Errno> {
    point("ptrace(DETACH)")?;
    raw::ptrace_numbers(libc::PTRACE_DETACH, tid, 0, signal as usize).map(drop)
}

/// Lets a stopped thread run up to the next beginning or end of a system call.
pub(crate) fn resume_to_call(tid: u32) -> Result<(), Errno> {
    point("ptrace(SYSCALL)")?;
    raw::ptrace_numbers(libc::PTRACE_SYSCALL, tid, 0, 0).map(drop)
}

/// Sets the options of a stopped thread.
pub(crate) fn set_options(tid: u32, options: Options) -> Result<(), Errno> {
    point("ptrace(SETOPTIONS)")?;
    let options = match options {
        Options::Inject => libc::PTRACE_O_TRACESYSGOOD | libc::PTRACE_O_TRACECLONE,
        Options::DieWithUs => libc::PTRACE_O_EXITKILL,
    };
    raw::ptrace_numbers(libc::PTRACE_SETOPTIONS, tid, 0, options as usize).map(drop)
}

/// What the last event says: for `clone`, the child's id.
pub(crate) fn event_message(tid: u32) -> Result<u64, Errno> {
    point("ptrace(GETEVENTMSG)")?;
    let mut message = [0; 8];
    raw::ptrace_bytes(libc::PTRACE_GETEVENTMSG, tid, 0, &mut message)?;
    Ok(u64::from_ne_bytes(message))
}

/// Reads registers; as many bytes as the kernel has, `longest` at most.
pub(crate) fn register_set(tid: u32, set: RegisterSet, longest: usize) -> Result<Vec<u8>, Errno> {
    point("ptrace(GETREGSET)")?;
    let mut bytes = vec![0; longest];
    let length = raw::ptrace_set(libc::PTRACE_GETREGSET, tid, set.note(), &mut bytes)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Writes registers.
pub(crate) fn set_register_set(tid: u32, set: RegisterSet, bytes: &[u8]) -> Result<(), Errno> {
    point("ptrace(SETREGSET)")?;
    raw::ptrace_set(libc::PTRACE_SETREGSET, tid, set.note(), &mut bytes.to_vec()).map(drop)
}

/// The signals that a thread blocks, bit N-1 for signal N; those that it will block again where a call blocks
/// others for its own time.
pub(crate) fn signal_mask(tid: u32) -> Result<u64, Errno> {
    point("ptrace(GETSIGMASK)")?;
    let mut mask = [0; 8];
    raw::ptrace_bytes(libc::PTRACE_GETSIGMASK, tid, mask.len(), &mut mask)?;
    Ok(u64::from_ne_bytes(mask))
}

/// Sets the signals that a thread blocks.
pub(crate) fn set_signal_mask(tid: u32, mask: u64) -> Result<(), Errno> {
    point("ptrace(SETSIGMASK)")?;
    let mut mask = mask.to_ne_bytes();
    raw::ptrace_bytes(libc::PTRACE_SETSIGMASK, tid, mask.len(), &mut mask).map(drop)
}

/// The `siginfo` of the signal that a thread is stopped at.
pub(crate) fn signal_information(tid: u32) -> Result<[u8; 128], Errno> {
    point("ptrace(GETSIGINFO)")?;
    let mut information = [0; 128];
    raw::ptrace_bytes(libc::PTRACE_GETSIGINFO, tid, 0, &mut information)?;
    Ok(information)
}

/// The instructions of one of a thread's system call filters, the newest first; `None` behind the last.
pub(crate) fn seccomp_filter(tid: u32, index: usize) -> Result<Option<Vec<u8>>, Errno> {
    point("ptrace(SECCOMP_GET_FILTER)")?;
    const GET_FILTER: u32 = 0x420c;
    let count = match raw::ptrace_length(GET_FILTER, tid, index) {
        Err(Errno::ENOENT) => return Ok(None),
        count => count? as usize,
    };
    let mut instructions = vec![0; count * 8];
    raw::ptrace_bytes(GET_FILTER, tid, index, &mut instructions)?;
    Ok(Some(instructions))
}
