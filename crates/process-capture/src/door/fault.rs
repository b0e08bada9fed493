//! Fail points. `HEAPDOWSE_CAPTURE_FAULT` is for tests: `kill:N` ends this process with SIGKILL just before its N-th
//! call, `fail:N:ERRNO` lets the N-th call fail instead of making it, `trace:FILE` writes the name of each call on a
//! line. Whoever can set our environment can end us anyway.

use std::{
    io::Write,
    sync::{
        LazyLock, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::errno::Errno;

struct Plan {
    kill: Option<u64>,
    fail: Option<(u64, Errno)>,
    trace: Option<Mutex<std::fs::File>>,
}

static MADE: AtomicU64 = AtomicU64::new(0);
static PLAN: LazyLock<Option<Plan>> = LazyLock::new(|| {
    let text = std::env::var("HEAPDOWSE_CAPTURE_FAULT").ok()?;
    let mut plan = Plan { kill: None, fail: None, trace: None };
    for part in text.split(',') {
        match part.split_once(':')? {
            ("kill", number) => plan.kill = number.parse().ok(),
            ("fail", rest) => {
                let (number, errno) = rest.split_once(':')?;
                plan.fail = Some((number.parse().ok()?, Errno::from_raw(errno.parse().ok()?)));
            }
            ("trace", path) => plan.trace = std::fs::File::create(path).ok().map(Mutex::new),
            _ => {}
        }
    }
    Some(plan)
});

/// Passes a fail point.
pub(super) fn point(name: &str) -> Result<(), Errno> {
    let Some(plan) = &*PLAN else { return Ok(()) };
    // The lock keeps the lines in the order of the numbers.
    let mut trace = plan.trace.as_ref().and_then(|trace| trace.lock().ok());
    let number = MADE.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(trace) = &mut trace {
        let _ = writeln!(trace, "{name}");
    }
    drop(trace);
    if plan.kill == Some(number) {
        let _ = nix::sys::signal::kill(nix::unistd::getpid(), nix::sys::signal::Signal::SIGKILL);
    }
    match plan.fail {
        Some((wanted, errno)) if wanted == number => Err(errno),
        _ => Ok(()),
    }
}

/// The same for calls that answer with an [`std::io::Error`].
pub(super) fn io_point(name: &str) -> std::io::Result<()> {
    point(name).map_err(std::io::Error::from)
}
