//! Takes the memory of a live Linux process, with a pause of milliseconds.
//!
//! ```text
//! look ── plan ── seize ── interrupt ── registers ── fork (or stay stopped) ── let go ── read, write ── end the copy
//!  process runs            └───────────── process stands still ─────────────┘   process runs
//! ```
//!
//! [`Target::look`] looks at the process without touching it. [`Hold::take`] makes its memory stand still: the
//! process forks a frozen copy of itself and runs on, or, where that is not safe, it is stopped for as long as the
//! hold lives. A hold is a [`process_memory::ProcessMemory`]; [`capture()`] writes it as an ELF core.
//!
//! The process is sacred. Whatever fails here, at whatever system call, it goes on as if nothing had been: all that
//! it takes for that is that our tracing thread ends, which even SIGKILL brings about. See docs/capture.md.

#![allow(clippy::single_range_in_vec_init, reason = "ranges of addresses are what lists here hold")]

mod arch;
mod capture;
mod core;
mod door;
mod error;
mod fork;
mod headroom;
mod hold;
mod running;
mod seccomp;
mod sink;
mod target;
mod threads;

pub use capture::{CaptureRequest, Captured, Event, capture, capture_in_memory};
pub use core::{Skipped, Why, Written};
pub use door::CoreBytes;
pub use error::CaptureError;
pub use headroom::{Headroom, OwnMemory};
pub use hold::{Busy, Hold, HoldOptions, Mode, Released};
pub use running::Running;
pub use sink::Destination;
pub use target::{Executable, Target};
