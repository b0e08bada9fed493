//! The dead child of the process is taken away: its exit signal is none, so nobody would wait for it, and a zombie
//! would stay as long as the process lives.

use std::time::Duration;

use crate::{
    CaptureError,
    arch::{Gadgets, call},
    door,
    fork::{Child, candidate, find, inject::Injection, still_there},
    target::{read_status, regions::parse},
    threads::Threads,
};

/// `__WALL | WNOHANG`
const ANY_CHILD_NOW: u64 = 0x4000_0001;
const PATIENCE: Duration = Duration::from_millis(500);
/// How often it is tried: all threads may be busy outside of system calls.
const TRIES: u32 = 5;

/// Lets the process wait for the child. Answers whether the child is gone; all threads are stopped for it for less
/// than a millisecond, usually.
pub(crate) fn reap(pid: u32, child: &Child, gadgets: Gadgets) -> Result<bool, CaptureError> {
    // Its id as the process sees it. It is a zombie by now, and still has one.
    let Ok(status) = read_status(child.pid) else { return Ok(true) };
    let inner_pid = status.namespace_pids.last().copied().unwrap_or(child.pid);
    for attempt in 0..TRIES {
        if attempt > 0 {
            door::sleep(Duration::from_millis(20 << attempt));
        }
        if one(pid, child, inner_pid, gadgets, attempt == 0)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `alone`: only the thread that made the child is stopped, which was idle then.
fn one(pid: u32, child: &Child, inner_pid: u32, gadgets: Gadgets, alone: bool) -> Result<bool, CaptureError> {
    let mut threads =
        if alone { Threads::stop_one(pid, child.injected, PATIENCE)? } else { Threads::stop(pid, PATIENCE)? };
    if threads.all.is_empty() {
        threads = Threads::stop(pid, PATIENCE)?;
    }
    let states = threads.states()?;
    let maps = door::read_text(&format!("/proc/{pid}/maps"))
        .map_err(CaptureError::call(pid, "reading /proc/PID/maps"))?;
    let regions = parse(&maps);
    // It may have become another program meanwhile.
    let gadgets = if still_there(pid, &gadgets, &regions) { Some(gadgets) } else { find(pid, &regions) };
    let choose =
        |gadgets| Some((candidate::choose(pid, &threads.all, &states, &regions, &gadgets)?, gadgets));
    let gone = match gadgets.and_then(choose) {
        Some((state, gadgets)) => {
            let injection = Injection::begin(pid, state, gadgets)?;
            let answer = injection.call(call::WAIT4, [u64::from(inner_pid), 0, ANY_CHILD_NOW, 0]);
            injection.end()?;
            // Somebody else may have been quicker: what counts is that it is not there any more.
            answer.is_ok() && read_status(child.pid).is_err()
        }
        None => false,
    };
    threads.release()?;
    Ok(gone)
}
