//! Attaching to a process that runs already, and leaving it as it was.
//!
//! ```text
//! /proc: may it be asked? ── guardian ready ── SIGUSR1 ── port by socket inode ── session ── probe ── guardian ends
//!                                                                                              │
//!      inspector closed, probe gone ◄── leave, or nobody connected any more ◄── read, floor ◄──┘
//! ```
//!
//! What is opened here is closed in every case. Until the probe is in the process, a guardian process of ours
//! closes the inspector if we die; from then on the probe itself does, once it finds nobody connected.

mod connect;
mod error;
mod facts;
mod guardian;
mod hold;
mod knock;
mod onlooker;
mod probe;
mod reading;
mod select;
mod snapshot;

pub use connect::{Attached, FloorReading, connect};
pub use error::AttachError;
pub use facts::ProcessFacts;
pub use guardian::guard;
pub use knock::signal_would_be_refused;
pub use onlooker::HeapNumbers;
pub use reading::{Collection, EventLoop, Reading, Space};
pub use select::{SelectError, Selector};

pub(crate) use connect::attach;
pub(crate) use hold::Hold;
pub(crate) use onlooker::Onlooker;
pub(crate) use probe::{SOURCE as PROBE, collected, install, observe, read_all, thread_number};
pub(crate) use reading::Noted;

pub use inspector::{SnapshotProgress, Worker};

use std::{
    ffi::OsString,
    fmt,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// What attaching does, told while it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum AttachEvent {
    /// SIGUSR1 was sent to a process, which then opens its inspector.
    Signalled {
        /// The process.
        pid: u32,
    },
    /// A session is open.
    Connected {
        /// The process.
        pid: u32,
        /// The port of its inspector.
        port: u16,
        /// Whether we opened it; one that was open already is left open.
        opened: bool,
    },
    /// The inspector that we opened is closed again.
    Closed {
        /// The process.
        pid: u32,
        /// How long it was open.
        seconds: f64,
    },
    /// We have left; the inspector was open before and stays so.
    Left {
        /// The process.
        pid: u32,
    },
    /// The inspector could not be seen to close.
    StillOpen {
        /// The process.
        pid: u32,
        /// Its port.
        port: u16,
        /// Why, and what happens next.
        reason: String,
    },
}

/// Takes what attaching tells, also from where nothing can be returned any more.
pub type Tell = Arc<dyn Fn(&AttachEvent) + Send + Sync>;

/// How to attach.
#[derive(Clone)]
pub struct AttachOptions {
    /// Raised to give up.
    pub cancel: Arc<AtomicBool>,
    /// The command that becomes the guardian; it must call [`guard`]. Without one, our death between the signal
    /// and the probe (some hundredths of a second) leaves the inspector open.
    pub guardian: Option<Vec<OsString>>,
    /// How long the inspector may take to open.
    pub patience: Duration,
    /// Whether to move an inspector that we open to a free port, so that another process can open its own.
    pub several: bool,
    /// Takes what happens.
    pub tell: Tell,
}

impl AttachOptions {
    /// The usual ones.
    #[must_use]
    pub fn new(guardian: Option<Vec<OsString>>, tell: Tell) -> Self {
        Self { cancel: Arc::default(), guardian, patience: Duration::from_secs(40), several: true, tell }
    }
}

impl fmt::Debug for AttachOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttachOptions").field("guardian", &self.guardian).finish_non_exhaustive()
    }
}
