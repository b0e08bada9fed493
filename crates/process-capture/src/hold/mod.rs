//! A process whose memory stands still: the process itself, stopped, or a frozen copy that it forked. Either is a
//! [`ProcessMemory`]; dropping it lets the process go.

mod plan;
mod session;
mod watch;

pub use plan::{Busy, HoldOptions, Mode};
pub(crate) use plan::{Plan, plan};
pub(crate) use session::{Ending, Found};

use std::{
    ops::Range,
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use process_memory::{AuxiliaryVector, Gap, GapKind, Mapping, ProcessMemory, Thread, mapping_at};

use crate::{
    CaptureError,
    door::{self, PAGE},
    headroom::Headroom,
    target::Target,
};
use session::Session;

/// Whether the source is still what it was, and if not, why.
#[derive(Debug, Default)]
pub(crate) struct Gone(Mutex<Option<String>>);

impl Gone {
    /// Says that it is not; the first reason stays.
    pub(crate) fn say(&self, reason: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| reason.to_owned());
    }

    fn reason(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What letting go found.
#[derive(Debug, Clone, Default)]
pub struct Released {
    /// How long the process stood still.
    pub pause: Option<Duration>,
    /// The frozen copy, if the process could not be made to wait for it.
    pub zombie: Option<u32>,
    /// What went wrong, though nothing that harms the process.
    pub problem: Option<String>,
}

/// Memory that stands still.
#[derive(Debug)]
pub struct Hold {
    pid: u32,
    pub(crate) found: Found,
    memory: door::Memory,
    headroom: Headroom,
    mappings: Vec<Mapping>,
    auxiliary: AuxiliaryVector,
    gone: Arc<Gone>,
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<Ending>>,
}

impl Hold {
    /// Makes the memory of a process stand still.
    ///
    /// # Errors
    /// With the reason; the process runs on then.
    pub fn take(target: &Target, options: &HoldOptions) -> Result<Self, CaptureError> {
        let plan = plan(target, options)?;
        Self::take_as_planned(target.clone(), options.clone(), plan)
    }

    pub(crate) fn take_as_planned(
        mut target: Target,
        options: HoldOptions,
        plan: Plan,
    ) -> Result<Self, CaptureError> {
        // V8 takes and gives back memory all the time: the flags must be as fresh as can be.
        target.refresh()?;
        let (pid, auxiliary, headroom) = (target.pid, target.auxiliary_vector(), plan.headroom.clone());
        let gone = Arc::new(Gone::default());
        let (found_sender, found) = mpsc::channel();
        let (end, end_receiver) = mpsc::channel();
        let session =
            Session { target, options, plan, gone: gone.clone(), found: found_sender, end: end_receiver };
        let thread = std::thread::Builder::new()
            .name("tracer".into())
            .spawn(move || session.run())
            .map_err(|errno| CaptureError::Call { pid, call: "starting a thread", errno })?;
        let found = match found.recv() {
            Ok(Ok(found)) => found,
            other => {
                // The tracing thread has let go once it has ended.
                let _ = thread.join();
                return Err(other.map_or(CaptureError::Ended { pid }, |found| {
                    found.err().unwrap_or(CaptureError::Ended { pid })
                }));
            }
        };
        let mappings = found.regions.iter().map(crate::target::regions::Region::mapping).collect();
        let memory = door::Memory::of(found.memory_of);
        Ok(Self {
            pid,
            found,
            memory,
            headroom,
            mappings,
            auxiliary,
            gone,
            end: Some(end),
            thread: Some(thread),
        })
    }

    /// How it stands still.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.found.mode
    }

    /// Why in this way.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.found.reason
    }

    /// What a frozen copy may cost, and what there was for it.
    #[must_use]
    pub fn headroom(&self) -> &Headroom {
        &self.headroom
    }

    /// Whether no moment came at which the process was not busy with what was to be avoided ([`HoldOptions::avoid`]).
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.found.busy
    }

    /// How long the process stood still; `None` while it does.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        self.found.pause
    }

    /// When it began to.
    #[must_use]
    pub fn began(&self) -> SystemTime {
        self.found.began
    }

    /// Memory that the frozen copy does not have.
    #[must_use]
    pub fn left_out(&self) -> &[Range<u64>] {
        &self.found.left_out
    }

    /// Fails once the source is not what it was any more: the process ended, or memory became short.
    ///
    /// # Errors
    /// With the reason.
    pub fn check(&self) -> Result<(), CaptureError> {
        match self.gone.reason() {
            None => Ok(()),
            Some(reason) if reason == "the process ended" => Err(CaptureError::Ended { pid: self.pid }),
            Some(reason) => Err(CaptureError::GivenUp { pid: self.pid, reason }),
        }
    }

    /// Lets the process go.
    #[must_use]
    pub fn release(mut self) -> Released {
        self.let_go()
    }

    fn let_go(&mut self) -> Released {
        drop(self.end.take());
        let ending = self.thread.take().map(JoinHandle::join);
        match ending {
            Some(Ok(Ending { pause, zombie, problem })) => Released { pause, zombie, problem },
            Some(Err(_)) => Released {
                problem: Some("the tracing thread failed; the kernel has let the process go".into()),
                ..Released::default()
            },
            None => Released::default(),
        }
    }

    /// Copies bytes, as many as there are.
    fn copy(&self, address: u64, buffer: &mut [u8]) -> usize {
        let mut done = self.memory.read_all(address, buffer);
        for (start, bytes) in &self.found.copies.bytes {
            let (from, to) =
                (address.max(*start), (address + buffer.len() as u64).min(start + bytes.len() as u64));
            if from < to {
                let (into, of) = ((from - address) as usize, (from - start) as usize);
                let length = (to - from) as usize;
                buffer[into..into + length].copy_from_slice(&bytes[of..of + length]);
                // What is not in the source was copied before.
                if into <= done {
                    done = done.max(into + length);
                }
            }
        }
        done
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl ProcessMemory for Hold {
    fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Gap> {
        let done = self.copy(address, buffer);
        if done == buffer.len() && self.gone.reason().is_none() {
            return Ok(());
        }
        let address = if done == buffer.len() { address } else { address + done as u64 };
        let kind = match mapping_at(&self.mappings, address) {
            None => GapKind::Unmapped,
            Some(_) if self.found.left_out.iter().any(|range| range.contains(&address)) => GapKind::Absent,
            Some(_) => GapKind::Unreadable,
        };
        Err(Gap {
            address: if kind == GapKind::Unmapped { address } else { address - address % PAGE }.max(address),
            kind,
        })
    }

    fn threads(&self) -> &[Thread] {
        &self.found.threads
    }

    fn auxiliary(&self) -> &AuxiliaryVector {
        &self.auxiliary
    }
}
