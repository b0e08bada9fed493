//! What we hold in a process that we are attached to, and how it is let go of.

use std::{
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use inspector::Session;
use node_process::{ProcessHandle, listening_ports};

use super::{AttachEvent, Tell, probe};

/// A target that stands still for longer closes its inspector by itself later.
const PATIENCE: Duration = Duration::from_secs(5);
/// Of many worker threads none may hold us up.
const WORKER_PATIENCE: Duration = Duration::from_millis(500);
/// The probe looks whether we are gone as often as its event loop lets it.
const CLOSING: Duration = Duration::from_secs(10);

/// What we hold in a process.
pub(crate) struct Hold {
    pub(super) handle: ProcessHandle,
    pub(super) port: u16,
    /// Whether we opened the inspector.
    pub(super) opened: bool,
    pub(super) since: Instant,
    pub(super) tell: Tell,
}

impl Hold {
    /// The inspector's port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Removes the probe, closes the session, and waits until the inspector is closed if we opened it.
    pub(crate) fn release(self, session: &mut Session<TcpStream>) {
        let pid = self.handle.pid();
        // Also, and above all, after a cancel.
        session.set_cancel(Arc::default());
        session.set_patience(PATIENCE);
        // Switched off where it was on; a target that is gone or busy is told below what there is to tell.
        let _ = session.disable_debugger();
        for worker in session.known_workers().to_vec() {
            // One without the probe in it says so; one that is gone or busy loses it when it finds itself alone.
            session.set_patience(WORKER_PATIENCE);
            let _ = session.in_worker(&worker, probe::leave);
        }
        session.set_patience(PATIENCE);
        let left = probe::leave(session);
        session.close();
        if !self.handle.is_alive() {
            return;
        }
        if !self.opened {
            (self.tell)(&AttachEvent::Left { pid });
            return;
        }
        let begun = Instant::now();
        while self.is_open() && begun.elapsed() < CLOSING {
            std::thread::sleep(Duration::from_millis(20));
        }
        if !self.handle.is_alive() {
            return;
        }
        let event = if self.is_open() {
            let reason = match left {
                Ok(()) => "somebody else is connected to it, or its event loop stands still; it closes when that ends".to_owned(),
                Err(error) => format!("{error}; it closes by itself when its event loop runs again"),
            };
            AttachEvent::StillOpen { pid, port: self.port, reason }
        } else {
            AttachEvent::Closed { pid, seconds: self.since.elapsed().as_secs_f64() }
        };
        (self.tell)(&event);
    }

    fn is_open(&self) -> bool {
        self.handle.is_alive()
            && listening_ports([self.handle.pid()]).iter().any(|port| port.port == self.port)
    }
}
