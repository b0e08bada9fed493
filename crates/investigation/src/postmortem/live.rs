//! A running process, asked as if it had left a core: its memory is copied out once, and it runs on.

use std::ops::ControlFlow;
use std::sync::Arc;

use process_capture::{
    CaptureError, CaptureRequest, Captured, Destination, Event, HoldOptions, OwnMemory, capture_in_memory,
};

use super::moments::look;
use super::{CoreOptions, Dead, PostmortemError};

/// Anonymous memory, and the first pages of programs (core(5)): what V8 and Node keep.
const NEEDED: u64 = 0x33;
/// A graph of a heap, and what is computed of it, take about twice the process's own memory (measured). One that is only
/// written takes an eighth of it, and the texts of strings as much as they are long: where the heap is nothing else, all.
const ANALYSIS: u64 = 2;

/// Why a process cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// Its memory cannot be copied.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// The copy cannot be asked.
    #[error(transparent)]
    Core(#[from] PostmortemError),
}

impl ProcessError {
    /// Whether it is the user's wish.
    pub fn is_interrupted(&self) -> bool {
        matches!(self, Self::Capture(CaptureError::Interrupted) | Self::Core(PostmortemError::Interrupted))
    }
}

impl Dead {
    /// Copies the memory of a process into our own, without a file, and opens the copy. The process stands still for
    /// milliseconds where it can be forked, else while its memory is copied.
    ///
    /// # Errors
    /// If it cannot be captured, or no heap is in it.
    pub fn of_process(
        pid: u32,
        hold: HoldOptions,
        options: &CoreOptions,
        tell: &mut dyn FnMut(Event<'_>) -> ControlFlow<()>,
    ) -> Result<(Dead, Captured), ProcessError> {
        let (avoid, program) = look(pid).unzip();
        let request = CaptureRequest {
            hold: HoldOptions {
                own: OwnMemory { core: true, analysis: ANALYSIS },
                avoid: avoid.unwrap_or_default(),
                ..hold
            },
            destination: Destination::Memory,
            compress: false,
            filter: Some(NEEDED),
            include_dont_dump: false,
            bundle_executable: false,
            keep_free: 0,
        };
        let (captured, bytes) = capture_in_memory(pid, request, tell)?;
        // In a container the path of its program means another file here, or none.
        let executable = options.executable.clone().unwrap_or_else(|| format!("/proc/{pid}/exe"));
        let options = CoreOptions { executable: Some(executable), search: options.search.clone() };
        Ok((Dead::read(format!("process {pid}"), Arc::new(bytes), &options, program.as_ref())?, captured))
    }
}
