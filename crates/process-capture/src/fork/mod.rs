//! The fork: the process is made to copy itself, with all that it had excluded from copies, and runs on.

mod candidate;
mod forkable;
mod gadgets;
mod inject;
mod obstacles;
mod reap;

pub(crate) use forkable::{Runs, runs};
pub(crate) use gadgets::{find, still_there};
pub(crate) use obstacles::obstacle;
pub(crate) use reap::reap;

use crate::{
    CaptureError,
    arch::{Gadgets, call},
    door,
    fork::inject::Injection,
    seccomp::{self, Filters},
    target::regions::Region,
    threads::{ThreadState, Threads},
};

/// CLONE_FILES, and no signal at its end. With a table of descriptors of its own, the child would keep sockets open
/// that the process closes; with a signal, the process's handlers would learn of a child that they do not know.
const CLONE_FLAGS: u64 = 0x400;
const DO_NOT_FORK: u64 = 10;
const DO_FORK: u64 = 11;
/// `ENOMEM`: there were holes, and all else was done.
const HOLES: i64 = -12;

/// A forked copy of the process.
#[derive(Debug, Clone)]
pub(crate) struct Child {
    /// Its id here.
    pub(crate) pid: u32,
    /// The thread that was used.
    pub(crate) injected: u32,
    /// What lay below that thread's stack, where the copy has a frame.
    pub(crate) below_stack: (u64, Vec<u8>),
    /// Calls to make memory forkable or unforkable that were refused.
    pub(crate) refused: usize,
}

/// Forks a stopped process. An error leaves it as it was, unless the process is gone.
pub(crate) fn fork(
    pid: u32,
    threads: &Threads,
    states: &[ThreadState],
    regions: &[Region],
    gadgets: Gadgets,
    filtered: bool,
    runs: &Runs,
) -> Result<Child, CaptureError> {
    let no_fork = |reason: String| CaptureError::NoFork { pid, reason };
    let state = candidate::choose(pid, &threads.all, states, regions, &gadgets).ok_or_else(|| {
        no_fork("none of its threads waits in a system call that could be made again".into())
    })?;
    if filtered {
        match seccomp::evaluate(state.tid, CLONE_FLAGS)
            .map_err(CaptureError::call(pid, "ptrace(SECCOMP_GET_FILTER)"))?
        {
            Filters::Allow => {}
            Filters::Forbid { call } => {
                return Err(no_fork(format!("its system call filter forbids {call}")));
            }
            Filters::Unknown => {
                return Err(no_fork(
                    "its system calls are filtered, and the filter may not be read (that takes CAP_SYS_ADMIN and a \
                     tracer without a filter; --trust-seccomp, if you know that it allows clone and madvise)"
                        .into(),
                ));
            }
        }
    }
    let injection = Injection::begin(pid, state, gadgets)?;
    let forked = copy(&injection, runs);
    let below_stack = injection.below_stack();
    let ended = injection.end();
    let (child, refused) = match (forked, ended) {
        (Ok((child, _)), Err(error)) => {
            let _ = door::kill_process(child);
            return Err(error);
        }
        // Whoever catches this one goes on with the stopped threads.
        (Err(CaptureError::NoFork { .. }), Err(error)) | (Err(error), Err(_)) => return Err(error),
        (forked, Ok(())) => forked?,
    };
    let _ = door::end_first_when_memory_is_short(child);
    Ok(Child { pid: child, injected: state.tid, below_stack, refused })
}

/// Opens, forks, closes. What was opened is closed also when the fork fails.
fn copy(injection: &Injection, runs: &Runs) -> Result<(u32, usize), CaptureError> {
    let mut refused = 0;
    let mut opened = Ok(());
    for run in &runs.open {
        match injection.call(call::MADVISE, [run.start, run.end - run.start, DO_FORK, 0]) {
            Ok(0 | HOLES) => {}
            Ok(_) => refused += 1,
            Err(error) => {
                opened = Err(error);
                break;
            }
        }
    }
    let forked = opened.and_then(|()| injection.fork(CLONE_FLAGS));
    for run in &runs.close {
        match injection.call(call::MADVISE, [run.start, run.end - run.start, DO_NOT_FORK, 0]) {
            Ok(0 | HOLES) => {}
            Ok(_) => refused += 1,
            // Memory stays forkable: the process's next child takes longer to make, no more.
            Err(_) => {
                refused += 1;
                break;
            }
        }
    }
    forked.map(|child| (child, refused))
}
