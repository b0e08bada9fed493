//! What rounds and slices are made on: a program that was started here, or processes that run already.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use super::{
    AttachPlan, RunError,
    announcement::Announcement,
    find::Target,
    program::Program,
    watch::{self, Watched},
};

/// What rounds and slices are made on.
pub(crate) trait Subject {
    /// The port that it was told to listen on, if it was.
    fn port(&self) -> Option<u16>;

    /// The processes of it that live.
    fn live_pids(&self) -> Vec<u32>;

    /// Those of them that can be watched.
    fn node_processes(&self) -> Vec<Announcement>;

    /// How it ended, if it has.
    fn ended(&mut self) -> Option<String>;

    /// Waits a little for one that is about to end by itself.
    fn wait_for_end(&mut self, patience: Duration) -> Option<String>;

    /// Begins to watch one of its processes.
    fn watch(&mut self, target: &Target, cancel: &Arc<AtomicBool>) -> Result<Watched, RunError>;

    /// Begins to watch all processes of it that are not known yet, but for package managers.
    fn watch_others(
        &mut self,
        known: &[u32],
        cancel: &Arc<AtomicBool>,
        warnings: &mut Vec<String>,
    ) -> Vec<Watched>;

    /// Waits for a process that comes in the place of one that has ended.
    fn restarted(&mut self, _patience: Duration, _warnings: &mut Vec<String>) -> Option<Target> {
        None
    }

    /// Whether another process may come in the place of one that has ended.
    fn follows(&self) -> bool {
        false
    }

    /// How it may be treated, where it serves somebody: a process that runs already.
    fn plan(&self) -> Option<&AttachPlan> {
        None
    }

    /// How many requests one of its processes has served, watched or not.
    fn requests_served(&mut self, process: &Announcement, cancel: &Arc<AtomicBool>) -> Option<u64>;
}

impl Subject for Program {
    fn port(&self) -> Option<u16> {
        self.port
    }

    fn live_pids(&self) -> Vec<u32> {
        Self::live_pids(self)
    }

    fn node_processes(&self) -> Vec<Announcement> {
        Self::node_processes(self)
    }

    fn ended(&mut self) -> Option<String> {
        Self::ended(self)
    }

    fn wait_for_end(&mut self, patience: Duration) -> Option<String> {
        Self::wait_for_end(self, patience)
    }

    fn watch(&mut self, target: &Target, cancel: &Arc<AtomicBool>) -> Result<Watched, RunError> {
        Watched::open(target, cancel)
    }

    fn watch_others(
        &mut self,
        known: &[u32],
        cancel: &Arc<AtomicBool>,
        warnings: &mut Vec<String>,
    ) -> Vec<Watched> {
        let processes = self.node_processes().into_iter();
        let others = processes
            .filter(|process| !process.is_package_manager() && !known.contains(&process.pid))
            // One without an inspector has ended or opted out; the driven one is there.
            .filter(|process| process.url.is_some());
        let mut watched = Vec::new();
        for process in others {
            let pid = process.pid;
            match Watched::open(&Target { process, address: None, siblings: Vec::new() }, cancel) {
                Ok(other) => watched.push(other),
                Err(error) => warnings.push(format!("process {pid} is not watched: {error}")),
            }
        }
        watched
    }

    fn requests_served(&mut self, process: &Announcement, cancel: &Arc<AtomicBool>) -> Option<u64> {
        watch::requests_served(process, cancel)
    }
}
