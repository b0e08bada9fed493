//! The one door to the system: every call that a capture makes goes through here, and is a fail point
//! ([`fault`]): tests end this process, or let the call fail, at each of them. `cargo xtask arch` refuses system
//! calls in the other files of this crate.

mod anonymous;
mod fault;
mod files;
mod memory;
mod output;
mod process;
mod raw;
mod trace;

pub(crate) use anonymous::Anonymous;
pub use anonymous::CoreBytes;
pub(crate) use files::{
    File, end_first_when_memory_is_short, kind_of, list, read, read_link, read_text, stat_file,
};
pub(crate) use memory::{Memory, PAGE, Pages, Present, read_memory, write_memory};
pub(crate) use nix::errno::Errno;
pub(crate) use output::{OutputFile, StandardOutput, free_bytes, keeps_in_memory};
pub(crate) use process::{
    Naps, ProcessFd, Waited, group_memory, kill_process, machine_available, node_version, now, own_pid,
    sleep, wait_for,
};
pub(crate) use trace::{
    Options, RegisterSet, detach, event_message, interrupt, register_set, resume_to_call, seccomp_filter,
    seize, set_options, set_register_set, set_signal_mask, signal_information, signal_mask,
};
