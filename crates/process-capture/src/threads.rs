//! All threads of a process, stopped: seized first, which nobody notices, then interrupted, which begins the pause.

use std::time::{Duration, Instant};

use process_memory::Thread;

use crate::{
    CaptureError, arch,
    door::{self, Errno, RegisterSet, Waited},
};

/// `PTRACE_EVENT_STOP`
const EVENT_STOP: i32 = 128;
/// `SIGTRAP`
const TRAP: i32 = 5;
/// The longest extended state that there is (AMX) is 11 KiB.
const LONGEST_STATE: usize = 16 << 10;

/// One stopped thread.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// Its id.
    pub(crate) tid: u32,
    /// A signal that it was about to get, and gets when it is let go.
    pub(crate) signal: i32,
    /// Whether it stopped at no signal: only then can calls be injected.
    pub(crate) quiet: bool,
}

/// Threads that we hold. Dropping this lets nothing go: the end of the tracing thread does, in every case.
#[derive(Debug)]
pub(crate) struct Threads {
    pid: u32,
    /// The main thread first.
    pub(crate) all: Vec<Stopped>,
    /// When the first one was asked to stop.
    pub(crate) since: Instant,
}

impl Threads {
    /// Stops all threads of a process within this time.
    pub(crate) fn stop(pid: u32, patience: Duration) -> Result<Self, CaptureError> {
        let mut seized = Vec::new();
        seize_new(pid, &mut seized)?;
        let mut threads = Self { pid, all: Vec::new(), since: door::now() };
        let mut asked = 0;
        loop {
            for tid in &seized[asked..] {
                allow_gone(door::interrupt(*tid)).map_err(CaptureError::call(pid, "ptrace(INTERRUPT)"))?;
            }
            for tid in &seized[asked..] {
                threads.wait(*tid, patience)?;
            }
            asked = seized.len();
            // Threads that were made before their maker stopped.
            seize_new(pid, &mut seized)?;
            if seized.len() == asked {
                break;
            }
        }
        if threads.all.first().is_none_or(|thread| thread.tid != pid) {
            return Err(CaptureError::Ended { pid });
        }
        Ok(threads)
    }

    /// Stops one thread of a process. It may have ended: then there is none.
    pub(crate) fn stop_one(pid: u32, tid: u32, patience: Duration) -> Result<Self, CaptureError> {
        let mut threads = Self { pid, all: Vec::new(), since: door::now() };
        match door::seize(tid).and_then(|()| door::interrupt(tid)) {
            Ok(()) => threads.wait(tid, patience)?,
            Err(Errno::ESRCH) => {}
            Err(Errno::EPERM | Errno::EACCES) => {
                if let Some(error) = refused(pid, tid, false)? {
                    return Err(error);
                }
            }
            Err(errno) => return Err(CaptureError::call(pid, "ptrace(SEIZE)")(errno)),
        }
        Ok(threads)
    }

    fn wait(&mut self, tid: u32, patience: Duration) -> Result<(), CaptureError> {
        let mut naps = door::Naps::default();
        loop {
            match door::wait_for(tid).map_err(CaptureError::call(self.pid, "wait4"))? {
                Waited::Ended => return Ok(()),
                Waited::Stopped { signal, event } => {
                    let quiet = event == EVENT_STOP;
                    // A stop by SIGSTOP is kept up by the kernel and needs no signal from us.
                    self.all.push(Stopped { tid, signal: if quiet { 0 } else { signal }, quiet });
                    return Ok(());
                }
                Waited::Nothing if self.since.elapsed() > patience => {
                    let milliseconds = patience.as_millis();
                    return Err(CaptureError::DoesNotStop { pid: self.pid, thread: tid, milliseconds });
                }
                Waited::Nothing => naps.next(),
            }
        }
    }

    /// The state of every thread.
    pub(crate) fn states(&self) -> Result<Vec<ThreadState>, CaptureError> {
        self.all.iter().map(|thread| ThreadState::read(self.pid, thread)).collect()
    }

    /// Lets all threads go, the main one first. Answers how long it stood still. A thread that cannot be let go is
    /// let go by the end of the tracing thread.
    pub(crate) fn release(&mut self) -> Result<Duration, CaptureError> {
        let mut failed = None;
        for thread in self.all.drain(..) {
            match door::detach(thread.tid, thread.signal) {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => failed = Some(errno),
            }
        }
        match failed {
            None => Ok(self.since.elapsed()),
            Some(errno) => Err(CaptureError::call(self.pid, "ptrace(DETACH)")(errno)),
        }
    }
}

/// Seizes the threads that are not yet. A worker of io_uring cannot be seized on older kernels; it has no state of
/// its own.
fn seize_new(pid: u32, seized: &mut Vec<u32>) -> Result<(), CaptureError> {
    let tasks = door::list(&format!("/proc/{pid}/task")).map_err(|errno| match errno {
        Errno::ENOENT => CaptureError::Ended { pid },
        errno => CaptureError::call(pid, "reading /proc/PID/task")(errno),
    })?;
    let main_first = std::iter::once(pid).chain(tasks.into_iter().filter(|tid| *tid != pid));
    for tid in main_first.filter(|tid| !seized.contains(tid)).collect::<Vec<_>>() {
        match door::seize(tid) {
            Ok(()) => seized.push(tid),
            Err(Errno::ESRCH) if tid != pid => {}
            Err(Errno::EPERM) if is_ring_worker(pid, tid) => {}
            Err(Errno::EPERM | Errno::EACCES) => {
                if let Some(error) = refused(pid, tid, seized.contains(&pid))? {
                    return Err(error);
                }
            }
            Err(errno) => return Err(CaptureError::call(pid, "ptrace(SEIZE)")(errno)),
        }
    }
    Ok(())
}

/// Why a thread could not be seized. Nothing when it has ended: between its end and its burial, which may take a while
/// when somebody else traces it, the kernel says EPERM of it too (`ptrace_attach`, `exit_state`).
fn refused(pid: u32, tid: u32, ours: bool) -> Result<Option<CaptureError>, CaptureError> {
    let ended = || if tid == pid { Ok(Some(CaptureError::Ended { pid })) } else { Ok(None) };
    let status = match crate::target::read_status(tid) {
        Err(CaptureError::NoProcess { .. }) => return ended(),
        status => status?,
    };
    if matches!(status.state, 'Z' | 'X') {
        return ended();
    }
    if status.tracer != 0 && !ours {
        return Ok(Some(crate::target::traced(pid, status.tracer)));
    }
    let reason = crate::target::why_not_allowed(pid, &status);
    Ok(Some(CaptureError::NotAllowed { pid, reason }))
}

/// Whether a thread was made by the kernel for io_uring.
pub(crate) fn is_ring_worker(pid: u32, tid: u32) -> bool {
    door::read_text(&format!("/proc/{pid}/task/{tid}/comm")).is_ok_and(|name| name.starts_with("iou-"))
}

fn allow_gone(result: Result<(), Errno>) -> Result<(), Errno> {
    if result == Err(Errno::ESRCH) { Ok(()) } else { result }
}

/// The state of a stopped thread, as a core keeps it.
#[derive(Debug, Clone)]
pub(crate) struct ThreadState {
    pub(crate) tid: u32,
    pub(crate) general: Vec<u8>,
    pub(crate) floating_point: Vec<u8>,
    /// Absent where the machine has none.
    pub(crate) extended: Option<Vec<u8>>,
    pub(crate) mask: u64,
    /// The signal that it was about to get, with its information.
    pub(crate) signal: Option<(i32, [u8; 128])>,
}

impl ThreadState {
    /// Reads it from a stopped thread.
    pub(crate) fn read(pid: u32, thread: &Stopped) -> Result<Self, CaptureError> {
        let error = || CaptureError::call(pid, "ptrace(GETREGSET)");
        let tid = thread.tid;
        let general = door::register_set(tid, RegisterSet::General, 1024).map_err(error())?;
        let floating_point = door::register_set(tid, RegisterSet::FloatingPoint, 1024).map_err(error())?;
        let extended = match door::register_set(tid, RegisterSet::Extended, LONGEST_STATE) {
            Ok(state) => Some(arch::without_tiles(state)),
            Err(Errno::ENODEV | Errno::EINVAL) => None,
            Err(errno) => return Err(error()(errno)),
        };
        let mask = door::signal_mask(tid).map_err(CaptureError::call(pid, "ptrace(GETSIGMASK)"))?;
        let signal = match thread.signal {
            0 | TRAP => None,
            signal => Some((signal, door::signal_information(tid).unwrap_or([0; 128]))),
        };
        Ok(Self { tid, general, floating_point, extended, mask, signal })
    }

    /// As readers of memory know it.
    pub(crate) fn public(&self) -> Option<Thread> {
        let registers = arch::public(&arch::registers(&self.general)?);
        Some(Thread { id: self.tid, signal: self.signal.map_or(0, |signal| signal.0), registers })
    }
}
