//! One watched process: what is known of it so far.

use leak_verdict::Verdict;

use crate::{
    attach::Reading,
    recording::{FloorRecord, Timeline, series},
    run::{RunReport, WatchedProcess},
};

/// How it stands with a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is being attached to.
    Attaching,
    /// It is read at intervals.
    Watched,
    /// It could not be attached to; `/proc` alone is read.
    Outside {
        /// Why.
        reason: String,
    },
    /// It has ended, or closed its inspector.
    Ended,
}

/// One watched process.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its id.
    pub pid: u32,
    /// When it was started: with the id, this names one process.
    started: Option<u64>,
    /// How it stands with it.
    pub state: State,
    /// What it is, once that is known.
    pub process: WatchedProcess,
    /// What it said last.
    pub last: Option<Reading>,
    /// What was left after the full collections that came by themselves.
    pub floors: Vec<FloorRecord>,
    /// The classes that grow, in words, as far as they were counted.
    pub classes: Option<String>,
    verdict: Option<Verdict>,
}

impl Subject {
    pub(super) fn new(pid: u32) -> Self {
        let process = WatchedProcess {
            pid,
            command_line: node_process::command_line(pid).unwrap_or_default(),
            node_version: node_process::node_version(pid).map(|v| format!("v{v}")).unwrap_or_default(),
            port: None,
            url: None,
            cluster_worker: false,
            worker: None,
        };
        Self::of(process)
    }

    /// A process of which nothing is known but what it is.
    #[must_use]
    pub fn of(process: WatchedProcess) -> Self {
        let pid = process.pid;
        let started = node_process::stat(pid).ok().map(|stat| stat.started);
        Self {
            pid,
            started,
            state: State::Attaching,
            process,
            last: None,
            floors: Vec::new(),
            classes: None,
            verdict: None,
        }
    }

    /// Whether the process with its id is still the one that was meant.
    pub(super) fn is_same(&self) -> bool {
        node_process::stat(self.pid).ok().map(|stat| stat.started) == self.started
    }

    /// Whether there is nothing more to see: also one that was never attached to can end.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.state == State::Ended || !self.is_same() || !node_process::is_alive(self.pid)
    }

    /// The verdict so far; absent before the first floor.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Takes up a floor, and judges anew.
    pub fn add_floor(&mut self, floor: FloorRecord) {
        self.floors.push(floor);
        let (recording, _) = series(self.floors.clone(), self.heap_limit());
        self.verdict = Some(leak_verdict::decide(&recording));
    }

    fn heap_limit(&self) -> Option<u64> {
        self.last.as_ref().and_then(|last| last.heap_limit)
    }

    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let name = crate::top::script_name(&self.process.command_line);
        let word = self.verdict().map_or("no floor yet", |verdict| verdict.word.as_str());
        match &self.state {
            State::Outside { reason } => {
                format!("process {} ({name}): watched from outside only: {reason}", self.pid)
            }
            _ => format!("process {} ({name}): {word}, {} floors", self.pid, self.floors.len()),
        }
    }

    pub(super) fn report(&self, seconds: f64) -> RunReport {
        let (recording, rounds) = series(self.floors.clone(), self.heap_limit());
        let mut warnings = vec![
            "no collection was forced: the floors are those that came by themselves; heapdowse attach asks for more, and decides sooner"
                .to_owned(),
        ];
        if let State::Outside { reason } = &self.state {
            warnings.push(format!("it was watched from outside only: {reason}"));
        }
        warnings.extend(self.classes.as_ref().map(|classes| format!("classes that grow: {classes}")));
        RunReport {
            last_snapshots: Vec::new(),
            schema_version: 1,
            command: self.process.command_line.clone(),
            watched: Some(self.process.clone()),
            verdict: leak_verdict::decide(&recording),
            rounds,
            snapshots: Vec::new(),
            suspects: Vec::new(),
            ended_by_itself: self.has_ended().then(|| "it ended while it was watched".to_owned()),
            seconds,
            warnings,
            recording,
            isolates: Vec::new(),
            timeline: Timeline::default(),
        }
    }
}
