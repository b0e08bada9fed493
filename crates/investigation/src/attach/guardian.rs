//! The guardian: a process of ours that closes the target's inspector if we die between the signal and the probe.
//!
//! It runs in a session of its own, so that what ends us by our terminal or group does not end it, and reads a pipe
//! from us. `s` says that the signal goes out, `d` that the probe is in place; the pipe's end without `d` says
//! that we died or gave up. Then it puts the probe in itself, to leave at once.

use std::{
    collections::HashSet,
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use node_process::{ProcessHandle, listening_ports};

use super::{connect, knock, probe};

/// An inspector that has not come up in this time will not: its process handles the signal itself.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Our end of the guardian's pipe. Dropped without [`dismiss`](Guardian::dismiss), it leaves the guardian to work.
#[derive(Debug)]
pub(super) struct Guardian {
    child: Child,
}

impl Guardian {
    /// Starts it, and waits until it is ready.
    pub(super) fn start(command: &[OsString], target: &ProcessHandle) -> io::Result<Self> {
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut child = Command::new(program)
            .args(arguments)
            .arg(target.pid().to_string())
            .arg(target.started().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // Out of our process group before it is anything else; it makes its own session first thing.
            .process_group(0)
            .spawn()?;
        let mut ready = [0];
        child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?.read_exact(&mut ready)?;
        Ok(Self { child })
    }

    /// Says that the signal goes out now.
    pub(super) fn announce_signal(&mut self) -> io::Result<()> {
        self.say(b's')
    }

    /// Says that the probe is in place: from here on the target looks after itself.
    pub(super) fn dismiss(mut self) {
        // One that is gone already needs no dismissal.
        let _ = self.say(b'd');
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }

    fn say(&mut self, word: u8) -> io::Result<()> {
        self.child.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?.write_all(&[word])
    }
}

/// What the guardian process does: called by the command that [`AttachOptions`](super::AttachOptions) names, with
/// the target's process id and start time.
pub fn guard(pid: u32, started: u64) {
    // Fails only where we lead a group already; then the new group has to do.
    let _ = nix::unistd::setsid();
    let Ok(handle) = ProcessHandle::open(pid) else { return };
    let known: HashSet<u64> = listening_ports([pid]).iter().map(|port| port.inode).collect();
    if handle.started() != started
        || io::stdout().write_all(b"r").and_then(|()| io::stdout().flush()).is_err()
    {
        return;
    }
    let mut said = Vec::new();
    if io::stdin().read_to_end(&mut said).is_err() || !said.contains(&b's') || said.contains(&b'd') {
        return;
    }
    let begun = Instant::now();
    while handle.is_alive() && begun.elapsed() < PATIENCE {
        let fresh = listening_ports([pid]).into_iter().filter(|port| !known.contains(&port.inode));
        if let Some(open) = fresh.into_iter().find_map(|port| knock::ask(pid, &port))
            && close(pid, &open).is_ok()
        {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The probe closes the inspector once we are disconnected.
fn close(pid: u32, open: &knock::Open) -> Result<(), super::AttachError> {
    let mut session = connect::open_session(pid, open, &Arc::default())?;
    let error = super::AttachError::of(pid);
    probe::install(&mut session, true).map_err(&error)?;
    probe::leave(&mut session).map_err(&error)?;
    session.close();
    Ok(())
}
