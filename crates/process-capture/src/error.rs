//! Why a capture did not come about, and what to do.

use std::io;

use crate::door::Errno;

/// Why a process was not captured. It runs on as before in every case.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// There is no such process.
    #[error("there is no process {pid}; list them with `heapdowse top` or `ps`")]
    NoProcess {
        /// The process.
        pid: u32,
    },
    /// It has ended and nobody has waited for it.
    #[error("process {pid} is a zombie: it has ended and has no memory; its parent has not waited for it")]
    Zombie {
        /// The process.
        pid: u32,
    },
    /// It is part of the kernel.
    #[error("process {pid} is a thread of the kernel and has no memory of its own")]
    KernelThread {
        /// The process.
        pid: u32,
    },
    /// It is this process.
    #[error("process {pid} is this program itself, which cannot stop itself and write")]
    Ourselves {
        /// The process.
        pid: u32,
    },
    /// The number is that of a thread.
    #[error("{thread} is a thread of process {pid}; capture process {pid}")]
    Thread {
        /// The thread.
        thread: u32,
        /// Its process.
        pid: u32,
    },
    /// Another program traces it.
    #[error("process {pid} is traced already, by process {tracer}{}; end that debugger first", name.as_ref().map_or(String::new(), |name| format!(" ({name})")))]
    Traced {
        /// The process.
        pid: u32,
        /// Who traces it.
        tracer: u32,
        /// Its name.
        name: Option<String>,
    },
    /// We may not.
    #[error("process {pid} may not be traced: {reason}")]
    NotAllowed {
        /// The process.
        pid: u32,
        /// Why, and what would help.
        reason: String,
    },
    /// It did not stop in time.
    #[error(
        "process {pid} did not stop within {milliseconds} ms (thread {thread} waits in the kernel); it runs on, try again"
    )]
    DoesNotStop {
        /// The process.
        pid: u32,
        /// Which of its threads.
        thread: u32,
        /// How long was waited.
        milliseconds: u128,
    },
    /// An injected call could not be followed to its end.
    #[error("thread {thread} of process {pid} was lost sight of in an injected call, and finishes it alone")]
    Lost {
        /// The process.
        pid: u32,
        /// The thread.
        thread: u32,
    },
    /// It ended, or became another program, while it was captured.
    #[error("process {pid} ended during the capture")]
    Ended {
        /// The process.
        pid: u32,
    },
    /// The fork was asked for and cannot be made.
    #[error("process {pid} cannot be forked: {reason}; use --mode stop, or --mode auto to let it choose")]
    NoFork {
        /// The process.
        pid: u32,
        /// Why.
        reason: String,
    },
    /// The frozen copy was given up.
    #[error("the frozen copy of process {pid} was given up: {reason}")]
    GivenUp {
        /// The process.
        pid: u32,
        /// Why.
        reason: String,
    },
    /// It would stand still for longer than allowed.
    #[error(
        "process {pid} would stand still for about {expected_ms} ms, and at most {allowed_ms} ms are allowed (--max-pause)"
    )]
    PauseTooLong {
        /// The process.
        pid: u32,
        /// How long.
        expected_ms: u64,
        /// What is allowed.
        allowed_ms: u64,
    },
    /// Somebody asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// A system call failed.
    #[error("{call} failed for process {pid}: {errno}")]
    Call {
        /// The process.
        pid: u32,
        /// Which.
        call: &'static str,
        /// How.
        errno: io::Error,
    },
    /// The core cannot be written.
    #[error("{name}: {source}")]
    Output {
        /// Where to.
        name: String,
        /// Why not.
        source: io::Error,
    },
    /// There is not enough room for the core.
    #[error(
        "{name}: the core needs about {needed} bytes and the disk has {free} bytes free; write it elsewhere, compress it (a name ending in .zst), or stream it (-o -)"
    )]
    DiskFull {
        /// Where to.
        name: String,
        /// How much is needed.
        needed: u64,
        /// How much there is.
        free: u64,
    },
}

impl CaptureError {
    /// For a failed system call on a process.
    pub(crate) fn call(pid: u32, call: &'static str) -> impl Fn(Errno) -> Self {
        move |errno| match errno {
            Errno::ESRCH => Self::Ended { pid },
            errno => Self::Call { pid, call, errno: errno.into() },
        }
    }
}
