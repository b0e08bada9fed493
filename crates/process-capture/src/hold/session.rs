//! The tracing thread: it stops the process, forks it or keeps it stopped, watches, and lets go.
//!
//! Tracing belongs to a thread. Whatever goes wrong here, this thread ends, and the kernel lets go of everything that
//! it held: the threads of the process go on, and a frozen copy ends.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::{Duration, Instant, SystemTime},
};

use process_memory::Thread;

use crate::{
    CaptureError,
    door::{self, Options, ProcessFd, Waited},
    fork::{self, Child},
    hold::{
        Gone, HoldOptions, Mode,
        plan::Plan,
        watch::{TICK, Watch},
    },
    target::{
        Flags, Target,
        regions::{Region, parse, settle},
    },
    threads::{ThreadState, Threads},
};

/// Between two looks whether the process is busy; most collections take milliseconds.
const LOOK: Duration = Duration::from_micros(200);

/// Memory that others can write to is copied while the process stands still, up to this.
const MOST_COPIED: u64 = 8 << 20;

/// Bytes that the source itself has otherwise: shared memory as it was, what the fork wiped, what we wrote over.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// Address and bytes, sorted.
    pub(crate) bytes: Vec<(u64, Vec<u8>)>,
    /// Shared memory that was too large for that: it may change while it is written.
    pub(crate) not_atomic: Vec<std::ops::Range<u64>>,
}

/// What was found while the process stood still.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) mode: Mode,
    pub(crate) reason: String,
    /// Whether it was busy with what was to be avoided, whenever it was looked at.
    pub(crate) busy: bool,
    /// Whose memory to read.
    pub(crate) memory_of: u32,
    pub(crate) regions: Vec<Region>,
    pub(crate) states: Vec<ThreadState>,
    pub(crate) threads: Vec<Thread>,
    pub(crate) copies: Copies,
    /// Memory that a fork could not be made to copy.
    pub(crate) left_out: Vec<std::ops::Range<u64>>,
    pub(crate) refused_calls: usize,
    pub(crate) unsettled: usize,
    pub(crate) began: SystemTime,
    /// How long the process stood still; `None` while it does.
    pub(crate) pause: Option<Duration>,
}

/// How it ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ending {
    /// How long the process stood still.
    pub(crate) pause: Option<Duration>,
    /// Whether a zombie was left behind, and why.
    pub(crate) zombie: Option<u32>,
    /// Whether memory of the process stays forkable that was not.
    pub(crate) problem: Option<String>,
}

/// What the tracing thread is given.
pub(crate) struct Session {
    pub(crate) target: Target,
    pub(crate) options: HoldOptions,
    pub(crate) plan: Plan,
    pub(crate) gone: Arc<Gone>,
    pub(crate) found: Sender<Result<Found, CaptureError>>,
    /// Anything, or its end, means: let go.
    pub(crate) end: Receiver<()>,
}

impl Session {
    /// Runs to the end.
    pub(crate) fn run(self) -> Ending {
        match self.freeze() {
            Err(error) => {
                let _ = self.found.send(Err(error));
                Ending::default()
            }
            Ok((found, child, threads, handle)) => {
                let pause = found.pause;
                let _ = self.found.send(Ok(found));
                match child {
                    Some(child) => self.keep_copy(&child, &handle, pause),
                    None => self.keep_stopped(threads, &handle),
                }
            }
        }
    }

    fn freeze(&self) -> Result<(Found, Option<Child>, Threads, ProcessFd), CaptureError> {
        let pid = self.target.pid;
        let handle = ProcessFd::open(pid).map_err(CaptureError::call(pid, "pidfd_open"))?;
        let (mut threads, busy) = self.stop()?;
        let began = SystemTime::now();
        let states = threads.states()?;
        let maps = door::read_text(&format!("/proc/{pid}/maps"))
            .map_err(CaptureError::call(pid, "reading /proc/PID/maps"))?;
        let mut regions = parse(&maps);
        settle(&mut regions, &self.target.regions);
        let runs = fork::runs(&regions);
        let (child, mode, reason) = match self.fork(&threads, &states, &regions, &runs) {
            Ok(Some(child)) => (Some(child), Mode::Fork, self.plan.reason.clone()),
            Ok(None) => (None, Mode::Stop, self.plan.reason.clone()),
            Err(CaptureError::NoFork { reason, .. }) if self.plan.may_stop => {
                (None, Mode::Stop, format!("no fork: {reason}"))
            }
            Err(error) => return Err(error),
        };
        let copies = self.copies(&regions, child.as_ref());
        let pause = match &child {
            None => None,
            Some(child) => match threads.release().and_then(|pause| settle_child(pid, child).map(|()| pause))
            {
                Ok(pause) => Some(pause),
                Err(error) => {
                    let _ = door::kill_process(child.pid);
                    return Err(error);
                }
            },
        };
        let found = Found {
            mode,
            reason,
            busy,
            memory_of: child.as_ref().map_or(pid, |child| child.pid),
            threads: states.iter().filter_map(ThreadState::public).collect(),
            regions,
            states,
            copies,
            left_out: if child.is_some() { runs.left_out } else { Vec::new() },
            refused_calls: child.as_ref().map_or(0, |child| child.refused),
            unsettled: if child.is_some() { runs.unsettled } else { 0 },
            began,
            pause,
        };
        Ok((found, child, threads, handle))
    }

    /// Stops the process at a moment at which it is not busy with what is to be avoided, if one comes; answers whether it
    /// is busy all the same. Looking whether it is costs it nothing, and where it began meanwhile it is let go at once.
    fn stop(&self) -> Result<(Threads, bool), CaptureError> {
        let until = door::now() + self.options.wait;
        loop {
            while self.is_busy() && door::now() < until {
                door::sleep(LOOK);
            }
            let mut threads = Threads::stop(self.target.pid, self.options.patience)?;
            let busy = self.is_busy();
            if !busy || door::now() >= until {
                return Ok((threads, busy));
            }
            threads.release()?;
        }
    }

    fn is_busy(&self) -> bool {
        self.options.avoid.iter().any(|busy| {
            let mut bytes = [0; 2];
            let read = door::read_memory(self.target.pid, busy.address, &mut bytes);
            read == Ok(bytes.len()) && u16::from_le_bytes(bytes) == busy.value
        })
    }

    fn fork(
        &self,
        threads: &Threads,
        states: &[ThreadState],
        regions: &[Region],
        runs: &fork::Runs,
    ) -> Result<Option<Child>, CaptureError> {
        let pid = self.target.pid;
        let (Mode::Fork, Some(gadgets)) = (self.plan.mode, self.plan.gadgets) else { return Ok(None) };
        if !fork::still_there(pid, &gadgets, regions) {
            return Err(CaptureError::NoFork { pid, reason: "its code changed meanwhile".into() });
        }
        let filtered = self.target.status.seccomp == 2 && !self.options.trust_seccomp;
        fork::fork(pid, threads, states, regions, gadgets, filtered, runs).map(Some)
    }

    /// Copies what the frozen copy would show otherwise. In stop mode nothing can change but shared memory, and that
    /// is read soon enough.
    fn copies(&self, regions: &[Region], child: Option<&Child>) -> Copies {
        let mut copies = Copies::default();
        let Some(child) = child else { return copies };
        copies.bytes.push(child.below_stack.clone());
        let mut room = MOST_COPIED;
        let untouchable = Flags::DEVICE.or(Flags::RAW_PAGES);
        for region in regions.iter().filter(|region| region.permissions.read && !region.has(untouchable)) {
            let changes = region.permissions.shared && region.permissions.write;
            if !changes && !region.has(Flags::WIPED_BY_FORK) {
                continue;
            }
            let length = region.range.end - region.range.start;
            if length > room {
                copies.not_atomic.push(region.range.clone());
                continue;
            }
            let mut bytes = vec![0; length as usize];
            if let Ok(read) = door::read_memory(self.target.pid, region.range.start, &mut bytes) {
                bytes.truncate(read);
                room -= length;
                copies.bytes.push((region.range.start, bytes));
            }
        }
        copies.bytes.sort_by_key(|copy| copy.0);
        copies
    }

    /// Waits until the process may go on, or must.
    fn keep_stopped(&self, mut threads: Threads, handle: &ProcessFd) -> Ending {
        let until = self.options.max_pause.map(|pause| threads.since + pause);
        loop {
            if self.end_comes_within(TICK) {
                break;
            }
            if handle.ended_within(Duration::ZERO).unwrap_or(false) {
                self.gone.say("the process ended");
                return Ending::default();
            }
            if until.is_some_and(|until| door::now() > until) {
                self.gone.say("it stood still for as long as was allowed (--max-pause), and goes on");
                break;
            }
        }
        match threads.release() {
            Ok(pause) => Ending { pause: Some(pause), ..Ending::default() },
            Err(error) => Ending { problem: Some(error.to_string()), ..Ending::default() },
        }
    }

    fn end_comes_within(&self, time: Duration) -> bool {
        !matches!(self.end.recv_timeout(time), Err(RecvTimeoutError::Timeout))
    }

    /// Guards the process while its copy lives, then ends the copy and leaves nothing behind.
    fn keep_copy(&self, child: &Child, handle: &ProcessFd, pause: Option<Duration>) -> Ending {
        let mut watch = Watch::new(self.target.pid, child.pid, &self.options);
        let mut ended = false;
        loop {
            match handle.ended_within(Duration::ZERO) {
                Ok(true) => {
                    // Its sockets stay bound while the copy lives.
                    self.gone.say("the process ended");
                    ended = true;
                    break;
                }
                Ok(false) => {}
                Err(errno) => {
                    self.gone.say(&format!("the process can't be watched: {errno}"));
                    break;
                }
            }
            if let Some(reason) = watch.too_much() {
                self.gone.say(&reason);
                break;
            }
            if self.end_comes_within(TICK) {
                break;
            }
        }
        let mut ending = Ending { pause, ..Ending::default() };
        end_child(child.pid);
        if !ended {
            let reaped = match self.plan.gadgets {
                Some(gadgets) => fork::reap(self.target.pid, child, gadgets),
                None => Ok(false),
            };
            match reaped {
                Ok(true) | Err(CaptureError::Ended { .. }) => {}
                Ok(false) => ending.zombie = Some(child.pid),
                Err(error) => {
                    ending.zombie = Some(child.pid);
                    ending.problem = Some(error.to_string());
                }
            }
        }
        ending
    }
}

/// The copy has stopped before its first instruction; from here on it dies with us.
fn settle_child(pid: u32, child: &Child) -> Result<(), CaptureError> {
    let given_up = |reason: &str| CaptureError::GivenUp { pid, reason: reason.into() };
    let until = door::now() + Duration::from_secs(5);
    let mut naps = door::Naps::default();
    loop {
        match door::wait_for(child.pid).map_err(CaptureError::call(pid, "wait4"))? {
            Waited::Stopped { .. } => break,
            Waited::Ended => return Err(given_up("it ended at once")),
            Waited::Nothing if door::now() > until => return Err(given_up("it did not stop")),
            Waited::Nothing => naps.next(),
        }
    }
    door::set_options(child.pid, Options::DieWithUs).map_err(CaptureError::call(pid, "ptrace(SETOPTIONS)"))
}

/// Ends the copy and takes leave of it as its tracer; its parent still has to.
fn end_child(child: u32) {
    let until: Instant = door::now() + Duration::from_secs(10);
    let _ = door::kill_process(child);
    while door::now() < until {
        match door::wait_for(child) {
            Ok(Waited::Ended) | Err(_) => return,
            _ => door::sleep(Duration::from_micros(200)),
        }
    }
}
