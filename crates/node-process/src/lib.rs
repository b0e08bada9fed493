//! What a Node.js process is on this machine: /proc, control groups, namespaces, ports, signals, trees.
//!
//! Every reader here is one look at `/proc` and keeps nothing open. A process may end between two looks,
//! so "it is gone" is an answer ([`ProcError::Gone`] or an absent entry), never a panic and never a zero.
//! The parsers take text, so they are tested on samples as well as on the live system.

mod access;
mod environment;
mod error;
mod handle;
mod limits;
mod malloc;
mod memory;
mod namespace;
mod ports;
mod process;
mod signals;
mod status;
mod tree;
mod usage;
mod version;

pub use access::why_memory_is_closed;
pub use environment::environment;
pub use error::ProcError;
pub use handle::ProcessHandle;
pub use limits::{GroupMemory, group_memory, machine_available};
pub use malloc::{MallocHeap, malloc_heap};
pub use memory::{ResidentSplit, Rollup, open_files, resident_bytes, resident_split, rollup};
pub use namespace::{connect, enter, open_file_of, shares_network};
pub use ports::{ListeningPort, listening_ports, port_owner};
pub use process::{Stat, command_line, is_alive, is_node, stat};
pub use signals::{kill_group, kill_process, terminate_group, terminate_process};
pub use status::{SignalAction, Status, status};
pub use tree::{ProcessTree, all_processes, children_of};
pub use usage::{CpuUsage, cpu_usage, descriptors, machine_uptime};
pub use version::{Executable, executable, node_version};
