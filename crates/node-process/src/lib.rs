//! What a Node.js process is on this machine: /proc, ports, signals, process trees.
//!
//! Every reader here is one look at `/proc` and keeps nothing open. A process may end between two looks,
//! so "it is gone" is an answer ([`ProcError::Gone`] or an absent entry), never a panic and never a zero.
//! The parsers take text, so they are tested on samples as well as on the live system.

mod error;
mod memory;
mod ports;
mod process;
mod signals;
mod tree;
mod usage;

pub use error::ProcError;
pub use memory::{
    CgroupMemory, ResidentSplit, Rollup, cgroup_memory, open_files, resident_bytes, resident_split, rollup,
};
pub use ports::{ListeningPort, listening_ports};
pub use process::{Stat, command_line, is_alive, is_node, stat};
pub use signals::{kill_group, kill_process, terminate_group, terminate_process};
pub use tree::{ProcessTree, children_of};
pub use usage::{CpuUsage, cpu_usage, descriptors, machine_uptime};
