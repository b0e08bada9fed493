//! What a run is asked to do.

use std::{
    fmt,
    path::PathBuf,
    str::FromStr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

/// Takes what the program and the load print (both streams, line by line).
pub type OutputSink = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// When the program counts as started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Ready {
    /// When a process of it listens on a TCP port.
    #[default]
    Port,
    /// When it has printed this text.
    Log(String),
    /// After this time.
    Delay(Duration),
}

/// `--ready` was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of port, log:TEXT, delay, delay:MILLISECONDS")]
pub struct ParseReadyError(String);

impl FromStr for Ready {
    type Err = ParseReadyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseReadyError(text.to_owned());
        match text.split_once(':') {
            None if text == "port" => Ok(Self::Port),
            None if text == "delay" => Ok(Self::Delay(Duration::from_secs(3))),
            Some(("log", wanted)) if !wanted.is_empty() => Ok(Self::Log(wanted.to_owned())),
            Some(("delay", ms)) => Ok(Self::Delay(Duration::from_millis(ms.parse().map_err(|_| error())?))),
            _ => Err(error()),
        }
    }
}

/// What a run is asked to do. Start from [`RunOptions::new`].
#[derive(Clone)]
pub struct RunOptions {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Where it runs; our own folder when `None`.
    pub folder: Option<PathBuf>,
    /// More environment for it.
    pub environment: Vec<(String, String)>,
    /// A shell command that makes the load of one round.
    pub load: Option<String>,
    /// The path that the built-in driver asks for when there is no `load` (`/` when the program listens).
    pub url: Option<String>,
    /// Rounds after the warm-up; when `None` as many as the verdict needs, within bounds.
    pub rounds: Option<u32>,
    /// Rounds of warm-up.
    pub warm_up: u32,
    /// Requests in a round; when `None` a prime number that fits the program's speed.
    pub requests: Option<u64>,
    /// Connections of the built-in driver.
    pub connections: usize,
    /// When the program counts as started.
    pub ready: Ready,
    /// How long that may take.
    pub ready_timeout: Duration,
    /// How long one round of load may take.
    pub round_timeout: Duration,
    /// Rest between the load and the collections, for sockets and short timers to end.
    pub settle: Duration,
    /// How long a program without load is watched.
    pub watch_time: Duration,
    /// Whether to take snapshots.
    pub snapshots: bool,
    /// Whether to remember the stacks of allocations from the first snapshot on: about twelve times slower.
    pub allocations: bool,
    /// A folder that keeps the snapshots as files.
    pub keep_snapshots: Option<PathBuf>,
    /// A folder for snapshots of processes that run out of memory; when given, they are taken.
    pub on_oom: Option<PathBuf>,
    /// A file that the run is recorded to as it goes.
    pub record: Option<PathBuf>,
    /// Takes what the program prints.
    pub output: OutputSink,
    /// Raised to end the run.
    pub interrupt: Arc<AtomicBool>,
}

impl RunOptions {
    /// A run of `command` with the usual settings, its output going to standard error.
    #[must_use]
    pub fn new(command: Vec<String>) -> Self {
        Self {
            command,
            folder: None,
            environment: Vec::new(),
            load: None,
            url: None,
            rounds: None,
            warm_up: 2,
            requests: None,
            connections: 8,
            ready: Ready::default(),
            ready_timeout: Duration::from_secs(60),
            round_timeout: Duration::from_secs(180),
            settle: Duration::from_millis(300),
            watch_time: Duration::from_secs(30),
            snapshots: true,
            allocations: false,
            keep_snapshots: None,
            on_oom: None,
            record: None,
            output: Arc::new(|line| {
                use std::io::Write;
                // Nowhere to complain to when standard error itself is closed.
                let _ = std::io::stderr().lock().write_all(line);
            }),
            interrupt: Arc::default(),
        }
    }

    /// Whether load is made at all, or the program only watched.
    pub(super) fn has_load(&self) -> bool {
        self.load.is_some() || self.url.is_some()
    }

    pub(crate) fn interrupted(&self) -> bool {
        self.interrupt.load(std::sync::atomic::Ordering::Relaxed)
    }
}

impl fmt::Debug for RunOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunOptions")
            .field("command", &self.command)
            .field("load", &self.load)
            .field("url", &self.url)
            .field("rounds", &self.rounds)
            .field("requests", &self.requests)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_is_read_as_documented() {
        assert_eq!("port".parse(), Ok(Ready::Port));
        assert_eq!("log:up: now".parse(), Ok(Ready::Log("up: now".into())));
        assert_eq!("delay:250".parse(), Ok(Ready::Delay(Duration::from_millis(250))));
        assert!(matches!("delay".parse(), Ok(Ready::Delay(_))));
        for wrong in ["", "log:", "log", "delay:x", "delay:-1", "port:80"] {
            assert!(wrong.parse::<Ready>().is_err(), "{wrong}");
        }
    }
}
