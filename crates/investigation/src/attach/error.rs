//! Why a process cannot be attached to, with the way out.

use std::io;

use inspector::InspectorError;
use node_process::ProcError;

/// Where nothing is left but to start the program in another way.
const RESTART: &str = "restart it with --inspect=127.0.0.1:0, or start it with `heapdowse run`";

/// Why a process cannot be attached to.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// `/proc` has no answer: it is gone, or not ours to look at.
    #[error("{0}")]
    Process(#[from] ProcError),
    /// It is not Node.js.
    #[error(
        "process {pid} is not Node.js ({program}), and SIGUSR1 might end it; give the process id of a node process"
    )]
    NotNode {
        /// The process.
        pid: u32,
        /// What it is.
        program: String,
    },
    /// It is stopped.
    #[error(
        "process {pid} is stopped ({how}), so it cannot answer; continue it (kill -CONT {pid}) and try again"
    )]
    Stopped {
        /// The process.
        pid: u32,
        /// By whom.
        how: String,
    },
    /// The signal would do something else, or nothing.
    #[error("process {pid} does not open its inspector on SIGUSR1: {reason}; {RESTART}")]
    SignalRefused {
        /// The process.
        pid: u32,
        /// Why.
        reason: String,
    },
    /// We may not.
    #[error("process {pid} may not be signalled: {reason}; run heapdowse as its user or as root")]
    NotAllowed {
        /// The process.
        pid: u32,
        /// What the system said.
        reason: String,
    },
    /// Its inspector's port belongs to somebody else.
    #[error(
        "process {pid} cannot open its inspector: port {port} is held by {holder}; close that inspector first, or \
         {RESTART}"
    )]
    PortTaken {
        /// The process.
        pid: u32,
        /// The port.
        port: u16,
        /// Who holds it.
        holder: String,
    },
    /// The signal was sent and no inspector came.
    #[error(
        "process {pid} got SIGUSR1 and opened no inspector within {seconds:.0} s: it handles the signal itself, or \
         its event loop stands still{}; {RESTART}",
        if *filtered { ", or its system call filter (seccomp) forbids it to listen" } else { "" }
    )]
    NoInspector {
        /// The process.
        pid: u32,
        /// How long was waited.
        seconds: f64,
        /// Whether it runs under a system call filter.
        filtered: bool,
    },
    /// The inspector's port could not be reached.
    #[error("the inspector of process {pid} on port {port} cannot be reached: {source}")]
    Unreachable {
        /// The process.
        pid: u32,
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The port answered for another process.
    #[error("port {port} was found as the inspector of process {pid}, but process {other} answers there")]
    AnotherProcess {
        /// The process asked for.
        pid: u32,
        /// The port.
        port: u16,
        /// Who answers.
        other: u32,
    },
    /// The guardian could not be started; without it nothing is begun.
    #[error("the guardian process that would close the inspector again cannot be started: {0}")]
    Guardian(io::Error),
    /// The inspector gave an error.
    #[error("process {pid}: {source}")]
    Inspector {
        /// The process.
        pid: u32,
        /// Which.
        source: InspectorError,
    },
    /// The cancel flag was raised.
    #[error("interrupted")]
    Interrupted,
}

impl AttachError {
    pub(super) fn of(pid: u32) -> impl Fn(InspectorError) -> Self {
        move |source| match source {
            InspectorError::Cancelled { .. } => Self::Interrupted,
            source => Self::Inspector { pid, source },
        }
    }
}
