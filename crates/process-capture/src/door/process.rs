//! Processes: waiting, killing, holding by descriptor, and what the machine can still give.

use std::{
    os::fd::OwnedFd,
    time::{Duration, Instant},
};

use nix::errno::Errno;
use node_process::GroupMemory;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, pidfd_open},
};

use super::{fault::point, raw};

/// What a traced thread did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// Nothing yet.
    Nothing,
    /// It is gone.
    Ended,
    /// It stopped: the signal (5 for a trap, 0x80 added for a system call), and the event or 0.
    Stopped {
        /// The signal.
        signal: i32,
        /// `PTRACE_EVENT_*`.
        event: i32,
    },
}

/// Looks whether a traced thread changed its state; does not wait.
pub(crate) fn wait_for(tid: u32) -> Result<Waited, Errno> {
    point("wait4")?;
    let (changed, status) = match raw::wait(tid, libc::__WALL | libc::WNOHANG) {
        Err(Errno::ECHILD) => return Ok(Waited::Ended),
        answer => answer?,
    };
    Ok(match changed {
        0 => Waited::Nothing,
        _ if libc::WIFSTOPPED(status) => {
            Waited::Stopped { signal: libc::WSTOPSIG(status), event: status >> 16 }
        }
        _ => Waited::Ended,
    })
}

/// Ends a process.
pub(crate) fn kill_process(pid: u32) -> Result<(), Errno> {
    point("kill")?;
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), nix::sys::signal::Signal::SIGKILL)
}

/// Sleeps.
pub(crate) fn sleep(time: Duration) {
    // Nothing can fail here; the point is for the kill.
    let _ = point("clock_nanosleep");
    std::thread::sleep(time);
}

/// Waits for something that is about to come, a little at a time: the process stands still meanwhile, and what it
/// waits for may come at any moment. After a tenth of a second it naps longer.
#[derive(Debug, Default)]
pub(crate) struct Naps(u32);

impl Naps {
    /// Takes the next one. The kernel adds its timer slack of 50 microseconds.
    pub(crate) fn next(&mut self) {
        const SHORT: u32 = 1000;
        self.0 = self.0.saturating_add(1);
        sleep(if self.0 < SHORT { Duration::from_micros(20) } else { Duration::from_millis(1) });
    }
}

/// The time, from the vDSO: no system call.
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// This process.
pub(crate) fn own_pid() -> u32 {
    std::process::id()
}

/// A hold on a process by which its end is seen.
#[derive(Debug)]
pub(crate) struct ProcessFd(OwnedFd);

impl ProcessFd {
    /// Takes hold.
    pub(crate) fn open(pid: u32) -> Result<Self, Errno> {
        point("pidfd_open")?;
        let pid = Pid::from_raw(pid as i32).ok_or(Errno::ESRCH)?;
        let fd = pidfd_open(pid, PidfdFlags::empty());
        fd.map(Self).map_err(|error| Errno::from_raw(error.raw_os_error()))
    }

    /// Waits for its end, no longer than this. Answers whether it came.
    pub(crate) fn ended_within(&self, time: Duration) -> Result<bool, Errno> {
        point("poll")?;
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: i64::from(time.subsec_nanos()) };
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        match poll(&mut fds, Some(&time)) {
            Ok(ready) => Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(Errno::from_raw(error.raw_os_error())),
        }
    }
}

/// The tightest limit of the process's control groups; looks only.
pub(crate) fn group_memory(pid: u32) -> Result<Option<GroupMemory>, Errno> {
    point("cgroup")?;
    node_process::group_memory(pid).map_err(|_| Errno::ESRCH)
}

/// Memory that the machine can give, bytes; looks only.
pub(crate) fn machine_available() -> Option<u64> {
    point("meminfo").ok()?;
    node_process::machine_available()
}

/// The version of Node that a process runs; looks only.
pub(crate) fn node_version(pid: u32) -> Option<String> {
    point("version").ok()?;
    node_process::node_version(pid)
}
