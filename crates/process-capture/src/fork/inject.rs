//! Injected calls: a stopped thread is made to make system calls, and is brought back to where it was.
//!
//! Before anything is resumed, a signal frame with the thread's own state lies below its stack, and its registers
//! lead from the call to that frame. If we die at any moment, the thread finishes the call, returns through the frame
//! and goes on as if nothing had been.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use crate::{
    CaptureError,
    arch::{self, Frames, Gadgets, call},
    door::{self, Errno, Options, RegisterSet, Waited},
    threads::ThreadState,
};

/// `SIGTRAP`, and the mark of a stop at a system call.
const AT_CALL: i32 = 5 | 0x80;
const EVENT_CLONE: i32 = 3;
const EVENT_STOP: i32 = 128;
/// A call that only changes flags of mappings, or waits for nothing.
const SHORT: Duration = Duration::from_secs(5);
/// The fork of all memory. It cannot be broken off; after this we leave, and the thread finishes it alone.
const LONG: Duration = Duration::from_secs(60);

/// A thread that calls are injected into.
#[derive(Debug)]
pub(crate) struct Injection {
    pid: u32,
    tid: u32,
    registers: arch::MachineRegisters,
    mask: u64,
    frames: Frames,
    gadgets: Gadgets,
    /// What lay where the frames are now: nothing that counts, but a core should have it.
    below_stack: Vec<u8>,
    /// Whether it stands where its registers may be set. In the middle of a call the kernel would still write its
    /// answer into them.
    at_rest: Cell<bool>,
}

impl Injection {
    /// The frames that would be written, to see whether the stack has room for them.
    pub(crate) fn frames(state: &ThreadState, gadgets: &Gadgets) -> Option<Frames> {
        let registers = arch::registers(&state.general)?;
        let extended = state.extended.as_ref().unwrap_or(&state.floating_point);
        arch::frames(&registers, extended, state.mask, gadgets)
    }

    /// Prepares a thread. Nothing runs yet.
    pub(crate) fn begin(pid: u32, state: &ThreadState, gadgets: Gadgets) -> Result<Self, CaptureError> {
        let no_fork = || CaptureError::NoFork { pid, reason: "a thread has no room on its stack".into() };
        let registers = arch::registers(&state.general).ok_or_else(no_fork)?;
        let frames = Self::frames(state, &gadgets).ok_or_else(no_fork)?;
        let mut below_stack = vec![0; frames.bytes.len()];
        let read = door::read_memory(pid, frames.address, &mut below_stack);
        if read.map_err(CaptureError::call(pid, "process_vm_readv"))? != below_stack.len() {
            return Err(no_fork());
        }
        let injection = Self {
            pid,
            tid: state.tid,
            registers,
            mask: state.mask,
            frames,
            gadgets,
            below_stack,
            at_rest: Cell::new(true),
        };
        injection.prepare().inspect_err(|_| injection.undo())?;
        Ok(injection)
    }

    fn prepare(&self) -> Result<(), CaptureError> {
        let error = |call| CaptureError::call(self.pid, call);
        door::set_options(self.tid, Options::Inject).map_err(error("ptrace(SETOPTIONS)"))?;
        door::write_memory(self.pid, self.frames.address, &self.frames.bytes)
            .map_err(error("process_vm_writev"))?;
        let returning = arch::returning(&self.registers, &self.frames, &self.gadgets);
        self.set(&returning)?;
        // After the registers: were we to die between the two, nothing would give the mask back.
        door::set_signal_mask(self.tid, u64::MAX).map_err(error("ptrace(SETSIGMASK)"))
    }

    fn set(&self, registers: &arch::MachineRegisters) -> Result<(), CaptureError> {
        door::set_register_set(self.tid, RegisterSet::General, &arch::bytes(registers))
            .map_err(CaptureError::call(self.pid, "ptrace(SETREGSET)"))
    }

    /// Brings the thread back, as far as that can be done; what fails here is done by the frame when it is let go.
    fn undo(&self) {
        let _ = self.restore();
    }

    fn restore(&self) -> Result<(), CaptureError> {
        self.must_rest()?;
        // Before the registers, for the same reason as above.
        door::set_signal_mask(self.tid, self.mask)
            .map_err(CaptureError::call(self.pid, "ptrace(SETSIGMASK)"))?;
        self.set(&arch::rested(&self.registers))?;
        door::write_memory(self.pid, self.frames.address, &self.below_stack)
            .map_err(CaptureError::call(self.pid, "process_vm_writev"))
    }

    /// Fails in the middle of a call that could not be followed to its end: then the frame alone brings the thread
    /// back, when it is let go.
    fn must_rest(&self) -> Result<(), CaptureError> {
        if self.at_rest.get() { Ok(()) } else { Err(CaptureError::Lost { pid: self.pid, thread: self.tid }) }
    }

    /// Brings the thread back. It is still stopped.
    pub(crate) fn end(self) -> Result<(), CaptureError> {
        self.restore()
    }

    /// What lay below the stack before.
    pub(crate) fn below_stack(&self) -> (u64, Vec<u8>) {
        (self.frames.address, self.below_stack.clone())
    }

    /// Makes a call and answers what it answered.
    pub(crate) fn call(&self, number: u64, arguments: [u64; 4]) -> Result<i64, CaptureError> {
        self.make(number, arguments, SHORT).map(|(answer, _)| answer)
    }

    /// Forks the process. The child is ours: it stops before it runs, and ends by itself if we let it go.
    pub(crate) fn fork(&self, flags: u64) -> Result<u32, CaptureError> {
        let (answer, child) = self.make(call::CLONE, [flags, self.frames.child, 0, 0], LONG)?;
        match (answer, child) {
            (_, Some(child)) => Ok(child),
            (error, None) => {
                let errno = Errno::from_raw(-error as i32);
                let hint = match errno {
                    Errno::EAGAIN => " (the limit of processes, pids.max or RLIMIT_NPROC, is reached)",
                    Errno::ENOMEM => " (the kernel has no memory for it)",
                    _ => "",
                };
                Err(CaptureError::NoFork { pid: self.pid, reason: format!("clone failed: {errno}{hint}") })
            }
        }
    }

    fn make(
        &self,
        number: u64,
        arguments: [u64; 4],
        patience: Duration,
    ) -> Result<(i64, Option<u32>), CaptureError> {
        self.must_rest()?;
        self.set(&arch::calling(&self.registers, &self.frames, &self.gadgets, number, arguments))?;
        let until = door::now() + patience;
        self.at_rest.set(false);
        self.resume()?;
        self.await_call(until)?;
        self.resume()?;
        let mut child = None;
        if self.await_call(until)? == EVENT_CLONE {
            let message = door::event_message(self.tid);
            child = Some(message.map_err(CaptureError::call(self.pid, "ptrace(GETEVENTMSG)"))? as u32);
            self.resume()?;
            self.await_call(until)?;
        }
        self.at_rest.set(true);
        let registers = door::register_set(self.tid, RegisterSet::General, 1024)
            .map_err(CaptureError::call(self.pid, "ptrace(GETREGSET)"))?;
        let registers = arch::registers(&registers).ok_or(CaptureError::Ended { pid: self.pid })?;
        Ok((arch::answer(&registers), child))
    }

    fn resume(&self) -> Result<(), CaptureError> {
        door::resume_to_call(self.tid).map_err(CaptureError::call(self.pid, "ptrace(SYSCALL)"))
    }

    /// Waits until the thread stops at its call, or in a clone. Answers the event.
    fn await_call(&self, until: Instant) -> Result<i32, CaptureError> {
        let mut naps = door::Naps::default();
        loop {
            match door::wait_for(self.tid).map_err(CaptureError::call(self.pid, "wait4"))? {
                Waited::Ended => return Err(CaptureError::Ended { pid: self.pid }),
                Waited::Stopped { signal: AT_CALL, .. } => return Ok(0),
                Waited::Stopped { event: EVENT_CLONE, .. } => return Ok(EVENT_CLONE),
                // SIGSTOP or SIGCONT reached the process: it takes effect when we let go.
                Waited::Stopped { event: EVENT_STOP, .. } => self.resume()?,
                Waited::Stopped { signal, .. } => {
                    let reason = format!("an injected call was met by signal {signal}");
                    return Err(CaptureError::NoFork { pid: self.pid, reason });
                }
                Waited::Nothing if door::now() > until => {
                    let milliseconds = SHORT.as_millis();
                    return Err(CaptureError::DoesNotStop { pid: self.pid, thread: self.tid, milliseconds });
                }
                Waited::Nothing => naps.next(),
            }
        }
    }
}
