//! Which process is meant: by its id, by a name, or by a port that it listens on.

use node_process::{all_processes, command_line, environment, is_node, listening_ports, stat};
use regex::Regex;

/// How a process is named.
#[derive(Debug, Clone)]
pub enum Selector {
    /// By its id.
    Pid(u32),
    /// By its command line (script path included), its title, or the name that pm2 gave it.
    Name(Regex),
    /// By a port that it listens on.
    Listening(u16),
}

/// No single process is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    /// None.
    #[error("no Node.js process {0}")]
    None(String),
    /// Several that have nothing to do with each other.
    #[error("several Node.js processes are meant, name one of them: {0}")]
    Several(String),
}

impl Selector {
    /// All Node.js processes that are meant, in the order of their ids.
    #[must_use]
    pub fn all(&self) -> Vec<u32> {
        let own = std::process::id();
        let nodes =
            || all_processes().into_iter().map(|stat| stat.pid).filter(|&pid| pid != own && is_node(pid));
        match self {
            Self::Pid(pid) => vec![*pid],
            Self::Name(pattern) => nodes().filter(|&pid| is_called(pid, pattern)).collect(),
            Self::Listening(port) => {
                let mut pids: Vec<u32> = nodes().collect();
                let holders: Vec<u32> = listening_ports(pids.iter().copied())
                    .into_iter()
                    .filter(|found| found.port == *port)
                    .map(|found| found.pid)
                    .collect();
                pids.retain(|pid| holders.contains(pid));
                pids
            }
        }
    }

    /// All that are meant, but for those that another of them started.
    ///
    /// # Errors
    /// When there is none.
    pub fn outermost(&self) -> Result<Vec<u32>, SelectError> {
        let pids = self.all();
        let parent = |pid: u32| stat(pid).ok().map(|stat| stat.parent);
        let outermost: Vec<u32> = pids
            .iter()
            .copied()
            .filter(|&pid| parent(pid).is_none_or(|parent| !pids.contains(&parent)))
            .collect();
        if !outermost.is_empty() {
            return Ok(outermost);
        }
        Err(SelectError::None(match self {
            Self::Pid(pid) => format!("has the id {pid}"),
            Self::Name(pattern) => format!("is called {pattern}"),
            Self::Listening(port) => format!("listens on port {port}, as far as can be seen"),
        }))
    }

    /// The one that is meant; of several where one started the others, that one.
    ///
    /// # Errors
    /// When there is none, or no such one.
    pub fn one(&self) -> Result<u32, SelectError> {
        match self.outermost()?.as_slice() {
            [pid] => Ok(*pid),
            several => {
                let told =
                    |pid: &u32| format!("{pid} ({})", command_line(*pid).unwrap_or_default().join(" "));
                Err(SelectError::Several(several.iter().map(told).collect::<Vec<_>>().join(", ")))
            }
        }
    }
}

fn is_called(pid: u32, pattern: &Regex) -> bool {
    let title = stat(pid).map(|stat| stat.name).unwrap_or_default();
    let of_pm2 = match environment(pid, ["pm_id", "name"]) {
        Ok([Some(_), Some(name)]) => name,
        _ => String::new(),
    };
    let words = command_line(pid).unwrap_or_default();
    // Whole or word by word, so that a pattern may be anchored to the script's path.
    [title, of_pm2, words.join(" ")].iter().chain(words.iter().skip(1)).any(|name| pattern.is_match(name))
}
