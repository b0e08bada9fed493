//! The process that is captured, looked at while it runs: all that must be known before it is touched.

mod flags;
mod identity;
mod permission;
pub(crate) mod regions;
pub(crate) mod status;

pub(crate) use flags::Flags;
pub use identity::Executable;
pub(crate) use permission::why_not_allowed;

use process_memory::AuxiliaryVector;

use crate::{
    CaptureError,
    door::{self, Errno},
};
use regions::Region;
use status::Status;

/// What is known of a process before it is touched.
#[derive(Debug, Clone)]
pub struct Target {
    pub(crate) pid: u32,
    pub(crate) status: Status,
    pub(crate) regions: Vec<Region>,
    pub(crate) auxiliary: Vec<u8>,
    pub(crate) command_line: Vec<u8>,
    /// Which kinds of mappings belong into a core (core(5)).
    pub(crate) core_filter: u64,
    pub(crate) executable: Option<Executable>,
}

/// What a core contains unless the process says otherwise (core(5)).
const USUAL_FILTER: u64 = 0x33;

impl Target {
    /// Looks at a process, and refuses what cannot be captured at all.
    ///
    /// # Errors
    /// With the reason.
    pub fn look(pid: u32) -> Result<Self, CaptureError> {
        let status = read_status(pid)?;
        check(pid, &status)?;
        let error = |errno| match errno {
            Errno::EACCES | Errno::EPERM => {
                CaptureError::NotAllowed { pid, reason: why_not_allowed(pid, &status) }
            }
            Errno::ENOENT | Errno::ESRCH => CaptureError::Ended { pid },
            errno => CaptureError::call(pid, "reading /proc/PID/smaps")(errno),
        };
        let path = |name: &str| format!("/proc/{pid}/{name}");
        let regions = regions::parse(&door::read_text(&path("smaps")).map_err(error)?);
        let auxiliary = door::read(&path("auxv")).map_err(error)?;
        let command_line = door::read(&path("cmdline")).map_err(error)?;
        let filter = door::read_text(&path("coredump_filter")).ok();
        let core_filter =
            filter.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or(USUAL_FILTER);
        let executable = identity::executable(pid);
        Ok(Self { pid, status, regions, auxiliary, command_line, core_filter, executable })
    }

    /// Reads the mappings anew, with their flags: they change while the process runs.
    pub(crate) fn refresh(&mut self) -> Result<(), CaptureError> {
        let text = door::read_text(&format!("/proc/{}/smaps", self.pid))
            .map_err(CaptureError::call(self.pid, "reading /proc/PID/smaps"))?;
        self.regions = regions::parse(&text);
        Ok(())
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its executable, if it may be read.
    #[must_use]
    pub fn executable(&self) -> Option<&Executable> {
        self.executable.as_ref()
    }

    /// Resident bytes that belong to it alone.
    #[must_use]
    pub fn private_bytes(&self) -> u64 {
        self.regions.iter().map(|region| region.private).sum()
    }

    /// Whether its threads are stopped by a signal.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.status.state == 'T'
    }

    pub(crate) fn auxiliary_vector(&self) -> AuxiliaryVector {
        AuxiliaryVector::parse(&self.auxiliary)
    }
}

pub(crate) fn read_status(pid: u32) -> Result<Status, CaptureError> {
    let text = |name: &str| {
        door::read_text(&format!("/proc/{pid}/{name}")).map_err(|errno| match errno {
            Errno::ENOENT | Errno::ESRCH => CaptureError::NoProcess { pid },
            errno => CaptureError::call(pid, "reading /proc/PID/status")(errno),
        })
    };
    let (status, stat) = (text("status")?, text("stat")?);
    status::parse(&status, &stat).ok_or(CaptureError::NoProcess { pid })
}

fn check(pid: u32, status: &Status) -> Result<(), CaptureError> {
    if status.process == door::own_pid() {
        return Err(CaptureError::Ourselves { pid });
    }
    if status.process != pid {
        return Err(CaptureError::Thread { thread: pid, pid: status.process });
    }
    if matches!(status.state, 'Z' | 'X') {
        return Err(CaptureError::Zombie { pid });
    }
    /// `PF_KTHREAD`
    const KERNEL_THREAD: u64 = 0x0020_0000;
    if status.flags & KERNEL_THREAD != 0 || !status.has_memory {
        return Err(CaptureError::KernelThread { pid });
    }
    if status.tracer != 0 {
        return Err(traced(pid, status.tracer));
    }
    Ok(())
}

/// The error for a process that somebody traces; the kernel names the thread that does.
pub(crate) fn traced(pid: u32, tracer: u32) -> CaptureError {
    let process = read_status(tracer).map_or(tracer, |status| status.process);
    let name = read_status(process).ok().map(|status| status.name);
    CaptureError::Traced { pid, tracer: process, name }
}
