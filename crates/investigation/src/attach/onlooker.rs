//! A look at a process whose inspector is open anyway: nothing is opened, nothing is put into it.

use std::{net::TcpStream, sync::Arc, time::Duration};

use inspector::{InspectorError, Session};
use serde::{Deserialize, Serialize};

use super::{AttachError, connect::open_session, knock};

/// One that stands still, at a breakpoint say, is not waited for.
const PATIENCE: Duration = Duration::from_millis(400);
const READ: &str = "(({ used_heap_size, total_heap_size, heap_size_limit }, { external }) => ({ used: used_heap_size, \
    total: total_heap_size, limit: heap_size_limit, external }))(require('v8').getHeapStatistics(), process.memoryUsage())";

/// What the heap of a process is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeapNumbers {
    /// Used, bytes: garbage that was not collected yet included.
    pub used: u64,
    /// Committed, bytes.
    pub total: u64,
    /// Its limit, bytes.
    pub limit: u64,
    /// Memory outside, held from it, bytes.
    pub external: u64,
}

/// A session with an inspector that was open.
pub(crate) struct Onlooker {
    session: Session<TcpStream>,
}

impl Onlooker {
    /// Connects to the inspector on a port of the process.
    pub(crate) fn connect(pid: u32, port: u16) -> Result<Self, AttachError> {
        let ports = node_process::listening_ports([pid]);
        let found = ports.iter().filter(|known| known.port == port).find_map(|port| knock::ask(pid, port));
        let open = found.ok_or_else(|| AttachError::Unreachable {
            pid,
            port,
            source: std::io::ErrorKind::ConnectionRefused.into(),
        })?;
        let mut session = open_session(pid, &open, &Arc::default())?;
        session.set_patience(PATIENCE);
        // A process that ends waits for its debuggers: it must say so, for us to go.
        match session.notify_when_ended() {
            Ok(()) | Err(InspectorError::Refused { .. }) => {}
            Err(error) => return Err(AttachError::of(pid)(error)),
        }
        Ok(Self { session })
    }

    /// Reads the numbers; an error when it does not answer, or has ended.
    pub(crate) fn read(&mut self) -> Result<HeapNumbers, InspectorError> {
        self.session.evaluate_in_console(READ)
    }
}

impl Drop for Onlooker {
    fn drop(&mut self) {
        self.session.close();
    }
}
