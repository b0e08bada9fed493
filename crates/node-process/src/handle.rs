//! A hold on one process that a later process with the same id cannot be mistaken for.

use std::{io, os::fd::OwnedFd};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{
    error::ProcError,
    process::{Stat, stat},
};

/// A hold on one process. It does not keep the process alive.
#[derive(Debug)]
pub struct ProcessHandle {
    pid: u32,
    started: u64,
    /// Absent on kernels before 5.3; the start time alone tells then.
    fd: Option<OwnedFd>,
}

impl ProcessHandle {
    /// Takes hold of the process that has this id now.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn open(pid: u32) -> Result<Self, ProcError> {
        let raw = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(ProcError::Gone { pid })?;
        let fd = pidfd_open(raw, PidfdFlags::empty()).ok();
        // Read after the descriptor: were the id used again in between, the descriptor would be dead.
        let Stat { started, .. } = stat(pid)?;
        Ok(Self { pid, started, fd })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// When it was started, in clock ticks since the machine was: with the id, this names one process.
    #[must_use]
    pub fn started(&self) -> u64 {
        self.started
    }

    /// Whether this very process still runs.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        stat(self.pid).is_ok_and(|stat| stat.started == self.started && !matches!(stat.state, 'Z' | 'X'))
    }

    /// Sends SIGUSR1. Look at [`status`](crate::status()) before: unless it is caught, this ends the process.
    ///
    /// # Errors
    /// When the process is gone or belongs to somebody else.
    pub fn send_usr1(&self) -> io::Result<()> {
        if !self.is_alive() {
            return Err(io::ErrorKind::NotFound.into());
        }
        match &self.fd {
            Some(fd) => Ok(pidfd_send_signal(fd, Signal::USR1)?),
            None => {
                let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
                let pid = pid.ok_or(io::ErrorKind::NotFound)?;
                Ok(rustix::process::kill_process(pid, Signal::USR1)?)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;

    #[test]
    fn a_process_that_ended_is_not_signalled() {
        let mut child = std::process::Command::new("sleep").arg("30").spawn().unwrap();
        let handle = ProcessHandle::open(child.id()).unwrap();
        assert!(handle.is_alive());
        handle.send_usr1().unwrap();
        // sleep does not catch it.
        assert_eq!(child.wait().unwrap().signal(), Some(10));
        assert!(!handle.is_alive());
        assert!(handle.send_usr1().is_err());
        assert!(ProcessHandle::open(child.id()).is_err());
    }
}
