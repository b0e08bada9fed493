//! Which of V8's memory flags fit a program under its load, by measuring.
//!
//! ```text
//! scout: speed, heap, node ─► candidates of this node ─► starts in shuffled order, baseline twice as often
//!                                                            │ each: start, warm-up, load, counters, end
//!                     advice, or none ◄─ intervals of the differences ◄─┘
//! ```
//!
//! A setting is advised only where its difference is beyond what chance makes of so many comparisons (Student's t on
//! logarithms with the noise of all settings together, at 5 % over all comparisons by Bonferroni) and large enough to
//! matter.

mod candidates;
mod compare;
mod delivery;
mod flag;
mod limit;
mod measure;
mod metric;
mod order;
mod percentile;

use std::time::Instant;

use serde::Serialize;

pub use candidates::{Candidate, Skipped};
pub use compare::{Effect, Goal, Judged, Mean, Recommendation};
pub use delivery::Delivery;
pub use flag::Flag;
pub use limit::LimitCheck;
pub use metric::Metric;

use crate::{
    explain,
    run::{RunError, RunOptions},
};
use candidates::Facts;
use delivery::Deliverer;
use measure::{Measured, Scouted};

const MIB: u64 = 1 << 20;
/// Differences of fewer starts say nothing.
pub const FEWEST_REPEATS: u32 = 3;

/// What to measure.
#[derive(Debug, Clone)]
pub struct TuneOptions {
    /// The program and its load. `requests` are those of one measured load.
    pub run: RunOptions,
    /// How often each setting is measured; the program as it is twice as often.
    pub repeats: u32,
    /// Names or flags of rows: nothing else is tried. Empty for all.
    pub only: Vec<String>,
    /// Settings of the user's own to try, flags apart by spaces.
    pub own: Vec<String>,
    /// What the order of the starts follows from.
    pub seed: u64,
}

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum TuneError {
    /// The program could not be run, or somebody asked to stop.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file of ours could not be written.
    #[error("cannot write a script to preload: {0}")]
    Script(std::io::Error),
    /// There is nothing to measure it by.
    #[error("the program does not listen on a port: give its load with --load")]
    NoLoad,
    /// Most requests were not answered.
    #[error("only {answered} of {requests} requests were answered")]
    Unanswered {
        /// Those that were.
        answered: u64,
        /// All.
        requests: u64,
    },
    /// The program ended under its load.
    #[error("the program ended ({status}) under its load")]
    Ended {
        /// How.
        status: String,
    },
    /// A word of `--only` names nothing.
    #[error("{word:?} is neither the name nor a flag of any setting; there are {names}{note}")]
    UnknownSetting {
        /// The word.
        word: String,
        /// What there is.
        names: String,
        /// What is worth knowing of it, if it is a flag of V8's memory.
        note: String,
    },
    /// Nothing is left to try.
    #[error("no setting is left to try: {0}")]
    NothingToTry(String),
}

/// How it goes, told while it happens.
#[derive(Debug, Clone, PartialEq)]
pub enum TuneEvent {
    /// The program is started once to learn its speed.
    Scouting,
    /// What will be done.
    Planned {
        /// How often the program will be started.
        starts: usize,
        /// How many settings are compared.
        settings: usize,
        /// About how long it will take, seconds.
        seconds: f64,
        /// Requests of each load.
        requests: u64,
    },
    /// One start begins.
    Start {
        /// Counts from 1.
        number: usize,
        /// Of so many.
        of: usize,
        /// The setting.
        setting: String,
    },
}

/// One compared setting.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// The setting.
    #[serde(flatten)]
    pub candidate: Candidate,
    /// How its flags were given.
    pub delivery: Delivery,
    /// How often it was measured.
    pub starts: usize,
    /// Its differences to the baseline; empty if it failed.
    pub effects: Vec<Effect>,
    /// Why the program did not come through with it, if so.
    pub failed: Option<String>,
}

/// What measuring came to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuned {
    /// The program's command line.
    pub program: Vec<String>,
    /// The version of Node.js that ran it.
    pub node_version: String,
    /// Requests of each measured load; of a load command, those that it was asked for.
    pub requests: u64,
    /// What the order of the starts followed from.
    pub seed: u64,
    /// How often the program was measured as it is.
    pub baseline_starts: usize,
    /// What it needs as it is.
    pub baseline: Vec<Mean>,
    /// What was compared with that.
    pub candidates: Vec<Compared>,
    /// What was not, and why.
    pub skipped: Vec<Skipped>,
    /// What is advised; empty when nothing is outside the noise.
    pub recommendations: Vec<Recommendation>,
    /// How the limit of the heap fits into the container; `None` where no container limits memory.
    pub limit: Option<LimitCheck>,
    /// Flags of the command that this node does not have, and what to use.
    pub notes: Vec<String>,
    /// How long it took.
    pub seconds: f64,
}

/// A setting with its starts.
struct Setting {
    candidate: Candidate,
    options: RunOptions,
    delivery: Delivery,
    measured: Vec<Measured>,
    failed: Option<String>,
}

/// Measures.
///
/// # Errors
/// When the program cannot be run as it is, there is nothing to try, or the interrupt flag is raised.
pub fn tune(options: &TuneOptions, tell: &mut dyn FnMut(TuneEvent)) -> Result<Tuned, TuneError> {
    let begun = Instant::now();
    if let Some(word) = options.only.iter().find(|word| !candidates::is_known(word)) {
        let note = explain::note(&explain::normal(word)).map(|note| format!(". {note}")).unwrap_or_default();
        return Err(TuneError::UnknownSetting {
            word: word.clone(),
            names: candidates::names().join(", "),
            note,
        });
    }
    let mut run = options.run.clone();
    // Something must be asked for, or a program that listens would only be looked at.
    run.url.get_or_insert_with(|| "/".to_owned());
    let notes = without_absent(&mut run);
    tell(TuneEvent::Scouting);
    let scouted = measure::scout(&run)?;
    let node = scouted.executable.clone().unwrap_or_else(|| "node".to_owned());
    let facts = facts(&scouted, &node);
    let own: Vec<Vec<Flag>> =
        options.own.iter().map(|text| text.split_whitespace().map(Flag::parse).collect()).collect();
    let (found, mut skipped) = candidates::candidates(&facts, &own, &options.only);
    let mut deliverer = Deliverer::new(node).map_err(TuneError::Script)?;
    let mut settings = Vec::new();
    for candidate in found {
        match deliverer.deliver(&candidate, &run) {
            Ok((options, delivery)) => {
                settings.push(Setting { candidate, options, delivery, measured: Vec::new(), failed: None });
            }
            Err(reason) => {
                skipped.push(Skipped { name: candidate.name, flags: candidate.flags, reason });
            }
        }
    }
    if settings.is_empty() {
        let reasons: Vec<String> = skipped.iter().map(|s| format!("{}: {}", s.name, s.reason)).collect();
        return Err(TuneError::NothingToTry(reasons.join("; ")));
    }
    let baseline = measure_all(options, &run, &scouted, &mut settings, tell)?;
    let candidates = compare_all(&baseline, settings);
    let pairs: Vec<(&Candidate, &[Effect])> =
        candidates.iter().map(|compared| (&compared.candidate, compared.effects.as_slice())).collect();
    Ok(Tuned {
        recommendations: compare::recommend(&pairs),
        program: options.run.command.clone(),
        limit: check_limit(&scouted, &facts),
        node_version: scouted.version,
        requests: scouted.requests,
        seed: options.seed,
        baseline_starts: baseline.len(),
        baseline: compare::means(&baseline),
        candidates,
        skipped,
        notes,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

/// What a command has that its node does not know.
fn without_absent(run: &mut RunOptions) -> Vec<String> {
    if !delivery::is_node(&run.command) {
        return Vec::new();
    }
    let node = run.command[0].clone();
    let here = explain::v8_flags(&node).unwrap_or_default();
    let version = explain::version(&node).unwrap_or_default();
    delivery::without_absent(&mut run.command, &here, &version)
}

fn facts(scouted: &Scouted, node: &str) -> Facts {
    Facts {
        flags: explain::v8_flags(node).unwrap_or_default(),
        version: scouted.version.clone(),
        semi_space: explain::max_semi_space(node).map(|bytes| bytes / MIB),
        held: scouted.measured.floor.unwrap_or(0).div_ceil(MIB),
        heap_limit: scouted.heap_limit.map(|bytes| bytes / MIB),
    }
}

/// All starts, in an order in which no setting has a better place than another. Answers those of the baseline.
fn measure_all(
    options: &TuneOptions,
    run: &RunOptions,
    scouted: &Scouted,
    settings: &mut [Setting],
    tell: &mut dyn FnMut(TuneEvent),
) -> Result<Vec<Measured>, TuneError> {
    let repeats = options.repeats.max(FEWEST_REPEATS);
    let order = order::interleaved(settings.len(), repeats, options.seed);
    let seconds = order.len() as f64 * scouted.seconds;
    let requests = scouted.requests;
    tell(TuneEvent::Planned { starts: order.len(), settings: settings.len(), seconds, requests });
    let mut baseline = Vec::new();
    for (at, index) in order.iter().enumerate() {
        let start =
            |setting: &str| TuneEvent::Start { number: at + 1, of: order.len(), setting: setting.to_owned() };
        let Some(setting) = index.and_then(|index| settings.get_mut(index)) else {
            tell(start("as it is"));
            baseline.push(measure::measure(run, requests)?);
            continue;
        };
        // What fails once is not tried again: its mean would be that of its luckier starts.
        if setting.failed.is_some() {
            continue;
        }
        tell(start(&setting.candidate.name));
        match measure::measure(&setting.options, requests) {
            Ok(measured) => setting.measured.push(measured),
            Err(TuneError::Run(RunError::Interrupted)) => return Err(RunError::Interrupted.into()),
            Err(error) => setting.failed = Some(error.to_string()),
        }
    }
    Ok(baseline)
}

fn compare_all(baseline: &[Measured], settings: Vec<Setting>) -> Vec<Compared> {
    // The starts before one that failed say nothing: they may be the luckier ones.
    let starts: Vec<&[Measured]> = settings
        .iter()
        .map(|setting| if setting.failed.is_some() { &[] } else { setting.measured.as_slice() })
        .collect();
    let effects = compare::effects(baseline, &starts);
    let compared = settings.into_iter().zip(effects).map(|(setting, effects)| Compared {
        effects,
        candidate: setting.candidate,
        delivery: setting.delivery,
        starts: setting.measured.len(),
        failed: setting.failed,
    });
    compared.collect()
}

fn check_limit(scouted: &Scouted, facts: &Facts) -> Option<LimitCheck> {
    let (heap_limit, memory) = (scouted.heap_limit?, scouted.container?);
    let beside_heap = scouted.measured.peak_resident?.saturating_sub(scouted.heap_total);
    let semi_space = facts.semi_space.unwrap_or(0) * MIB;
    Some(limit::check(heap_limit, memory, beside_heap, semi_space, facts.held * MIB))
}
