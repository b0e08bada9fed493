//! Asking processes to end, and making them end.
//!
//! A process that is already gone is no error: that is what was asked for.

use nix::{
    errno::Errno,
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};

/// Sends SIGTERM to a process group. Returns whether anything was there to receive it.
///
/// # Errors
/// The system's error when sending is not permitted.
pub fn terminate_group(group: u32) -> std::io::Result<bool> {
    sent(killpg(pid(group)?, Signal::SIGTERM))
}

/// Sends SIGKILL to a process group. Returns whether anything was there to receive it.
///
/// # Errors
/// The system's error when sending is not permitted.
pub fn kill_group(group: u32) -> std::io::Result<bool> {
    sent(killpg(pid(group)?, Signal::SIGKILL))
}

/// Sends SIGTERM to one process. Returns whether it was there to receive it.
///
/// # Errors
/// The system's error when sending is not permitted.
pub fn terminate_process(process: u32) -> std::io::Result<bool> {
    sent(kill(pid(process)?, Signal::SIGTERM))
}

/// Sends SIGKILL to one process. Returns whether it was there to receive it.
///
/// # Errors
/// The system's error when sending is not permitted.
pub fn kill_process(process: u32) -> std::io::Result<bool> {
    sent(kill(pid(process)?, Signal::SIGKILL))
}

/// 0 and negative numbers address groups and everybody, so they never reach the system from here.
fn pid(number: u32) -> std::io::Result<Pid> {
    match i32::try_from(number) {
        Ok(number) if number > 1 => Ok(Pid::from_raw(number)),
        _ => {
            Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a process that can be signalled"))
        }
    }
}

fn sent(result: nix::Result<()>) -> std::io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::{CommandExt, ExitStatusExt};

    #[test]
    fn a_group_is_terminated_with_its_children() {
        let mut child = std::process::Command::new("sh")
            .args(["-c", "sleep 60 & wait"])
            .process_group(0)
            .spawn()
            .unwrap();
        assert!(terminate_group(child.id()).unwrap());
        assert_eq!(child.wait().unwrap().signal(), Some(15));
    }

    #[test]
    fn everybody_is_never_signalled() {
        assert!(kill_process(0).is_err());
        assert!(kill_process(1).is_err());
        assert!(kill_group(u32::MAX).is_err());
    }
}
