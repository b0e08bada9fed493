//! Processes that run already: attached to, watched under load of ours or their own, and left as they were.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use leak_verdict::WorkUnit;
use node_process::ProcessTree;

use super::{
    Approach, Attribute, Events, Left, Outcome, Run, RunError, RunOptions, RunReport, RunStep,
    announcement::Announcement,
    find::{self, Target},
    investigate,
    subject::Subject,
    watch::{Watched, base_url},
};
use crate::attach::{self, AttachOptions, Selector};

/// How long the processes of one program are compared before the busiest is chosen.
const COMPARE: Duration = Duration::from_secs(2);

/// A restarted server listens within this time.
const LISTENS: Duration = Duration::from_secs(5);
/// Between two looks for a process that was restarted.
const LOOK: Duration = Duration::from_millis(100);

/// What attaching is asked to do, beside what any run is.
#[derive(Debug, Clone)]
pub struct AttachPlan {
    /// The process, or the outermost of several. Those that come under the same name while it is watched are watched
    /// too.
    pub selector: Selector,
    /// How to attach.
    pub attach: AttachOptions,
    /// Whether full collections may be forced; without, floors are those that come by themselves.
    pub collect: bool,
    /// The longest that one collection, or one snapshot, may stop the process.
    pub max_pause: Option<Duration>,
    /// Whether to go on for longer than the watch time where the verdict is still open.
    pub extend: bool,
}

/// Attaches to a process and watches it until there is a verdict, by `options` as far as they are not about starting
/// a program. It runs on afterwards.
///
/// # Errors
/// When it cannot be attached to, or the load cannot be run; and when the interrupt flag is raised.
pub fn attach(
    plan: &AttachPlan,
    options: &RunOptions,
    events: &mut dyn Events,
    attribute: &mut dyn Attribute,
) -> Result<RunReport, RunError> {
    let mut plan = plan.clone();
    plan.attach.cancel = options.interrupt.clone();
    let mut processes = Processes { plan, members: Vec::new(), seen: Vec::new() };
    investigate(options, events, attribute, &mut processes)
}

/// One process of the program.
struct Member {
    announcement: Announcement,
    /// Absent while somebody else has it.
    watched: Option<Watched>,
}

/// The processes of the program that are attached to.
pub(super) struct Processes {
    pub(super) plan: AttachPlan,
    members: Vec<Member>,
    /// Processes with their start times that were attached to, or could not be.
    seen: Vec<(u32, Option<u64>)>,
}

impl Processes {
    /// Attaches to every Node.js process at or below those that were named, but for package managers.
    fn gather(&mut self, warnings: &mut Vec<String>) -> Result<(), RunError> {
        let roots = self
            .plan
            .selector
            .outermost()
            .map_err(|error| RunError::NotWatchable { reason: error.to_string() })?;
        let mut pids = programs_of(&roots);
        if pids.is_empty() {
            // The error says what is wrong with it.
            pids = roots;
        }
        self.seen.extend(pids.iter().map(|&pid| (pid, started(pid))));
        // From the inside out: a cluster's primary tells its workers to open their inspectors as well, all on one
        // port, which does nothing to those that are open.
        for &pid in pids.iter().rev() {
            match attach::attach(pid, &self.plan.attach) {
                Ok(watched) => self.add(watched),
                Err(error) if pids.len() == 1 => return Err(RunError::from_attach(error)),
                Err(attach::AttachError::Interrupted) => return Err(RunError::Interrupted),
                Err(error) => warnings.push(error.to_string()),
            }
        }
        for member in &self.members {
            let pid = member.announcement.pid;
            if let Some(reason) = node_process::why_memory_is_closed(pid) {
                warnings.push(format!(
                    "the memory of process {pid} cannot be read, so native memory in use and memory that malloc keeps are \
                     not told apart: {reason}"
                ));
            }
        }
        if self.members.is_empty() {
            let reason = warnings.join("; ");
            return Err(RunError::NotWatchable { reason });
        }
        Ok(())
    }

    /// Attaches to what belongs to it and was not there before: a restarted process, a further worker.
    fn gather_fresh(&mut self, warnings: &mut Vec<String>) -> Vec<u32> {
        let mut fresh = Vec::new();
        for pid in programs_of(&self.plan.selector.outermost().unwrap_or_default()) {
            let it = (pid, started(pid));
            if self.seen.contains(&it) || it.1.is_none() {
                continue;
            }
            self.seen.push(it);
            match attach::attach(pid, &self.plan.attach) {
                Ok(watched) => {
                    self.members.retain(|member| member.announcement.pid != pid);
                    self.add(watched);
                    fresh.push(pid);
                }
                Err(error) => warnings.push(error.to_string()),
            }
        }
        fresh
    }

    fn add(&mut self, watched: Watched) {
        let process = &watched.process;
        let announcement = Announcement {
            pid: process.pid,
            parent: node_process::stat(process.pid).map_or(0, |stat| stat.parent),
            version: process.node_version.clone(),
            arguments: process.command_line.clone(),
            cluster_worker: process.cluster_worker,
            url: watched.inspector_port().map(|port| format!("ws://127.0.0.1:{port}/")),
            error: None,
        };
        self.members.push(Member { announcement, watched: Some(watched) });
    }

    /// The process that serves most, or holds most where none serves.
    fn busiest(&mut self) -> Result<Announcement, RunError> {
        if self.members.len() > 1 {
            std::thread::sleep(COMPARE);
        }
        let busiest = self
            .members
            .iter_mut()
            .filter_map(|member| {
                let reading = member.watched.as_mut()?.read().ok()?;
                Some(((reading.requests, reading.heap_used), &member.announcement))
            })
            .max_by_key(|(work, _)| *work);
        let gone = || RunError::NotWatchable { reason: "it ended while it was attached to".into() };
        busiest.map(|(_, announcement)| announcement.clone()).ok_or_else(gone)
    }
}

impl Approach for Processes {
    fn floors(&mut self, run: &mut Run<'_>, warnings: &mut Vec<String>) -> Result<Outcome, RunError> {
        self.gather(warnings)?;
        if run.options.snapshots {
            for watched in self.members.iter_mut().filter_map(|member| member.watched.as_mut()) {
                watched.prepare_for_snapshots().map_err(RunError::from_inspector)?;
            }
        }
        if run.options.has_load() {
            let listening = find::listening(self).map(|target| find::with_workers(self, target));
            let target = match listening {
                Some(target) => target,
                None => Target { process: self.busiest()?, address: None, siblings: Vec::new() },
            };
            return run.in_rounds(self, target, warnings);
        }
        let process = self.busiest()?;
        let address = find::listening(self).filter(|found| found.process.pid == process.pid);
        let address = address.and_then(|found| found.address);
        let target = Target { process, address, siblings: Vec::new() };
        run.in_traffic(self, &target, warnings)
    }

    fn leave(&mut self, _warnings: &mut Vec<String>) -> Left {
        for mut watched in self.members.drain(..).filter_map(|member| member.watched) {
            watched.close();
        }
        Left::default()
    }
}

impl Subject for Processes {
    fn port(&self) -> Option<u16> {
        None
    }

    fn live_pids(&self) -> Vec<u32> {
        let mut pids: Vec<u32> = self.members.iter().map(|member| member.announcement.pid).collect();
        pids.retain(|&pid| node_process::is_alive(pid));
        pids
    }

    fn node_processes(&self) -> Vec<Announcement> {
        let live = self.live_pids();
        let known = self.members.iter().map(|member| member.announcement.clone());
        known.filter(|announcement| live.contains(&announcement.pid)).collect()
    }

    fn ended(&mut self) -> Option<String> {
        let gone = self.live_pids().is_empty();
        gone.then(|| "its status goes to its parent".to_owned())
    }

    fn wait_for_end(&mut self, patience: Duration) -> Option<String> {
        let begun = Instant::now();
        loop {
            let ended = self.ended();
            if ended.is_some() || begun.elapsed() >= patience {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn watch(&mut self, target: &Target, _: &Arc<AtomicBool>) -> Result<Watched, RunError> {
        let member = self.members.iter_mut().find(|member| member.announcement.pid == target.process.pid);
        let mut watched = match member.and_then(|member| member.watched.take()) {
            Some(watched) => watched,
            None => attach::attach(target.process.pid, &self.plan.attach).map_err(RunError::from_attach)?,
        };
        watched.process.port = target.address.map(|address| address.port());
        watched.process.url = target.address.map(base_url);
        Ok(watched)
    }

    fn watch_others(&mut self, _: &[u32], _: &Arc<AtomicBool>, warnings: &mut Vec<String>) -> Vec<Watched> {
        self.gather_fresh(warnings);
        self.members.iter_mut().filter_map(|member| member.watched.take()).collect()
    }

    fn restarted(&mut self, patience: Duration, warnings: &mut Vec<String>) -> Option<Target> {
        if !self.follows() {
            return None;
        }
        let begun = Instant::now();
        let cancel = Arc::clone(&self.plan.attach.cancel);
        let is_over = || begun.elapsed() >= patience || cancel.load(Ordering::Relaxed);
        let pid = loop {
            if is_over() {
                return None;
            }
            std::thread::sleep(LOOK);
            if let Some(&pid) = self.gather_fresh(warnings).first() {
                break pid;
            }
        };
        // It may still be about to listen.
        loop {
            let target = find::target_of(self, pid)?;
            if target.address.is_some() || begun.elapsed() >= patience.min(LISTENS) {
                return Some(target);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn follows(&self) -> bool {
        !matches!(self.plan.selector, Selector::Pid(_))
    }

    fn plan(&self) -> Option<&AttachPlan> {
        Some(&self.plan)
    }

    fn requests_served(&mut self, process: &Announcement, _: &Arc<AtomicBool>) -> Option<u64> {
        let member = self.members.iter_mut().find(|member| member.announcement.pid == process.pid)?;
        Some(member.watched.as_mut()?.read().ok()?.requests)
    }
}

fn started(pid: u32) -> Option<u64> {
    node_process::stat(pid).ok().map(|stat| stat.started)
}

/// The Node.js processes at or below these, but for package managers that only started the others.
fn programs_of(roots: &[u32]) -> Vec<u32> {
    let mut pids: Vec<u32> = Vec::new();
    for pid in roots.iter().flat_map(|&root| below(root)).filter(|&pid| node_process::is_node(pid)) {
        if !pids.contains(&pid) {
            pids.push(pid);
        }
    }
    let managers: Vec<u32> = pids.iter().copied().filter(|&pid| is_package_manager(pid)).collect();
    if managers.len() < pids.len() {
        pids.retain(|pid| !managers.contains(pid));
    }
    pids
}

/// The process and all below it; a process group says nothing about a program that was started elsewhere.
fn below(pid: u32) -> Vec<u32> {
    let tree = ProcessTree::of(pid);
    let mut known = vec![pid];
    for member in &tree.members {
        if known.contains(&member.parent)
            && !known.contains(&member.pid)
            && !matches!(member.state, 'Z' | 'X')
        {
            known.push(member.pid);
        }
    }
    known
}

fn is_package_manager(pid: u32) -> bool {
    let words = node_process::command_line(pid).unwrap_or_default();
    // npm gives itself a title of one word: "npm start".
    let title = words.first().and_then(|title| title.split(' ').next()).unwrap_or_default();
    matches!(title, "npm" | "npx" | "yarn" | "pnpm")
        || Announcement { arguments: words, ..Announcement::default() }.is_package_manager()
}

/// What a floor's work is counted in, where requests may or may not be.
pub(super) fn unit(requests: bool) -> WorkUnit {
    if requests { WorkUnit::Request } else { WorkUnit::Second }
}

impl Run<'_> {
    /// Says how long collections will stop the process. False when that is longer than allowed.
    pub(super) fn announce_pauses(&mut self, plan: &AttachPlan, used_heap: u64) -> bool {
        let (low, high) = crate::price::predict_collection(used_heap);
        self.tell(RunStep::Pauses { low_ms: low.as_secs_f64() * 1e3, high_ms: high.as_secs_f64() * 1e3 });
        plan.max_pause.is_none_or(|most| high <= most)
    }
}
