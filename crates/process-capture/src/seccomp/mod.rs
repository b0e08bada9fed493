//! Whether the filters of a process let our injected calls through.
//!
//! A filter that ends a thread for a call does so in the middle of the injection, and the process lives on without
//! that thread, which is worse than to end it: so every call is tried on every filter before anything is injected.

mod filter;

use filter::Verdict;

use crate::{
    arch::{self, call},
    door::{self, Errno},
};

/// What the filters of a thread say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filters {
    /// All of our calls pass.
    Allow,
    /// One of them does not.
    Forbid {
        /// Which.
        call: &'static str,
    },
    /// They may not be looked at.
    Unknown,
}

/// The calls that are injected, with the arguments that a filter can look at.
pub(crate) fn injected(clone_flags: u64) -> [(&'static str, u64, [u64; 6]); 5] {
    [
        ("clone", call::CLONE, [clone_flags, 0, 0, 0, 0, 0]),
        ("madvise", call::MADVISE, [0, 0, 10, 0, 0, 0]),
        ("wait4", call::WAIT4, [1, 0, 0x4000_0001, 0, 0, 0]),
        ("rt_sigreturn", call::RT_SIGRETURN, [0; 6]),
        ("exit_group", call::EXIT_GROUP, [0; 6]),
    ]
}

/// Tries the injected calls on the filters of a stopped thread.
pub(crate) fn evaluate(tid: u32, clone_flags: u64) -> Result<Filters, Errno> {
    for index in 0.. {
        let instructions = match door::seccomp_filter(tid, index) {
            Ok(Some(instructions)) => instructions,
            Ok(None) => break,
            // Without CAP_SYS_ADMIN, with a filter on ourselves, or without CONFIG_CHECKPOINT_RESTORE.
            Err(Errno::EACCES | Errno::EPERM | Errno::EINVAL | Errno::EIO | Errno::EMEDIUMTYPE) => {
                return Ok(Filters::Unknown);
            }
            Err(errno) => return Err(errno),
        };
        for (name, number, arguments) in injected(clone_flags) {
            if verdict(&instructions, number, arguments) != Some(Verdict::Allow) {
                return Ok(Filters::Forbid { call: name });
            }
        }
    }
    Ok(Filters::Allow)
}

fn verdict(instructions: &[u8], number: u64, arguments: [u64; 6]) -> Option<Verdict> {
    filter::run(instructions, &filter::data(number as u32, arch::AUDIT, arguments))
}
