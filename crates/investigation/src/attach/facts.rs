//! What `/proc` says of a process before anything is done to it.

use node_process::{GroupMemory, ProcError, Status};
use serde::{Deserialize, Serialize};

/// What is known of a process from outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessFacts {
    /// Its id here.
    pub pid: u32,
    /// The id it knows itself by, in its own namespace.
    pub inner_pid: u32,
    /// Its command line.
    pub command_line: Vec<String>,
    /// The user it runs as.
    pub user: u32,
    /// Whether it has our network.
    pub shares_network: bool,
    /// The memory limit of its control group, bytes.
    pub memory_limit: Option<u64>,
    /// What is used under that limit, bytes.
    pub memory_used: Option<u64>,
    /// Threads.
    pub threads: u32,
    /// Mode of its system call filter; 0 for none.
    pub seccomp: u32,
}

impl ProcessFacts {
    /// Looks at a process.
    ///
    /// # Errors
    /// When it is gone or cannot be looked at.
    pub fn of(pid: u32) -> Result<Self, ProcError> {
        let Status { user, namespace_pids, threads, seccomp, .. } = node_process::status(pid)?;
        let memory: Option<GroupMemory> = node_process::group_memory(pid)?;
        Ok(Self {
            pid,
            inner_pid: namespace_pids.last().copied().unwrap_or(pid),
            command_line: node_process::command_line(pid)?,
            user,
            shares_network: node_process::shares_network(pid),
            memory_limit: memory.map(|memory| memory.limit),
            memory_used: memory.map(|memory| memory.used),
            threads,
            seccomp,
        })
    }
}
