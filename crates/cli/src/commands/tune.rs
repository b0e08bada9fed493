//! `heapdowse tune`: which of V8's memory flags fit a program, by measuring.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, bail};
use investigation::run::{Ready, RunOptions};
use investigation::tune::{
    Compared, Effect, FEWEST_REPEATS, Flag, Goal, LimitCheck, Metric, Recommendation, TuneError, TuneEvent,
    TuneOptions, Tuned, tune,
};

use crate::failure::Usage;
use crate::interrupt;
use crate::output::{Output, say};
use crate::table::{self, Column};
use crate::text::safe;
use crate::{json, report};

/// Measure which of V8's memory flags fit a program under its load
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse tune --url / -- node server.js
  heapdowse tune --load 'node load.js {url} {requests}' --requests 2000 -- npm start
  heapdowse tune --url / --only min-semi-space-size --try '--semi_space_growth_factor=8' -- node server.js

Each setting is measured several times, each time in a program started afresh, in a shuffled order. A setting is
advised only where its difference is beyond the noise of all comparisons together, and at least 5 % of processor time,
10 % of throughput, or 10 % of memory (and 8 MiB). Exit codes: 0 measured, 4 the program can't be run or loaded.")]
pub(crate) struct Args {
    /// A shell command that makes the load; it may use {url}, {port}, {requests}, {round} and {pid}
    #[arg(long, value_name = "CMD")]
    load: Option<String>,
    /// The path that the built-in HTTP driver asks for, when there is no --load (/, if not given)
    #[arg(long, value_name = "PATH", conflicts_with = "load")]
    url: Option<String>,
    /// Requests of one measured load (about two seconds of them, if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// How often each setting is measured; the program as it is twice as often
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(i64::from(FEWEST_REPEATS)..=100))]
    repeats: u32,
    /// Try only these settings, by their names or flags (with - or _)
    #[arg(long, value_name = "NAME", value_delimiter = ',', allow_hyphen_values = true)]
    only: Vec<String>,
    /// Also try these flags, together: '--semi-space-growth-factor=8 --no-memory-reducer'
    #[arg(long = "try", value_name = "FLAGS", allow_hyphen_values = true)]
    own: Vec<String>,
    /// What the shuffled order follows from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// When the program counts as started: port, log:TEXT, or delay:MILLISECONDS
    #[arg(long, value_name = "WHEN", default_value = "port")]
    ready: Ready,
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    json: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    // The program and all that it started must be ended before this one is.
    let _critical = interrupt::Critical::begin();
    // It is started many times: of what it prints only its last line is told, and only when it fails.
    let last = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&last);
    let run = RunOptions {
        load: args.load,
        url: args.url,
        requests: args.requests,
        ready: args.ready,
        interrupt: interrupt::flag(),
        output: Arc::new(move |line| {
            let mut last = heard.lock().unwrap_or_else(PoisonError::into_inner);
            if !line.trim_ascii().is_empty() {
                line.trim_ascii().clone_into(&mut last);
            }
        }),
        ..RunOptions::new(args.command)
    };
    let options = TuneOptions { run, repeats: args.repeats, only: args.only, own: args.own, seed: args.seed };
    let tuned = match tune(&options, &mut tell) {
        Ok(tuned) => tuned,
        Err(TuneError::Run(error)) => {
            let last = last.lock().unwrap_or_else(PoisonError::into_inner);
            if !last.is_empty() && !interrupt::asked() {
                say("tune", &format!("the last that it printed: {}", String::from_utf8_lossy(&last)));
            }
            return Err(error.into());
        }
        Err(error @ (TuneError::UnknownSetting { .. } | TuneError::NothingToTry(_))) => bail!(Usage(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    match args.json {
        true => json::print_for_nothing(output, "tune", &tuned)?,
        false => print(output, &tuned)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn tell(event: TuneEvent) {
    match event {
        TuneEvent::Scouting => say("tune", "starting the program once, to learn its speed and what it holds"),
        TuneEvent::Planned { starts, settings, seconds, requests } => {
            let work = format!("{settings} settings in {starts} starts of {requests} requests each");
            say("tune", &format!("{work}: about {:.0} minutes", (seconds / 60.0).ceil()));
        }
        TuneEvent::Start { number, of, setting } => say("tune", &format!("start {number} of {of}: {setting}")),
    }
}

fn print(output: &mut Output, tuned: &Tuned) -> Result<()> {
    let program = output.bold(&safe(&tuned.program.join(" ")));
    writeln!(output, "{program} (Node {})", safe(&tuned.node_version))?;
    // A load command that does not say how many requests it made is measured as a whole.
    let counted = tuned.baseline.iter().any(|mean| mean.metric == Metric::Throughput);
    let load = if counted { format!("{} requests each", tuned.requests) } else { "one load each".to_owned() };
    writeln!(output, "  As it is, on average of {} starts with {load}:", tuned.baseline_starts)?;
    for mean in &tuned.baseline {
        let what = match mean.metric {
            Metric::Cpu if counted => "processor time per request",
            metric => metric.as_str(),
        };
        writeln!(output, "  {what}: {}", amount(mean.metric, mean.mean))?;
    }
    for note in &tuned.notes {
        writeln!(output, "  note: {}", safe(note))?;
    }
    output.heading("Differences to that, with their 95 % intervals (* beyond the noise, and large enough to matter)")?;
    print_differences(output, &tuned.candidates)?;
    print_counts(output, &tuned.candidates)?;
    if !tuned.skipped.is_empty() {
        output.heading("Not tried")?;
        for skipped in &tuned.skipped {
            writeln!(output, "  {} ({}): {}", skipped.name, line(&skipped.flags), safe(&skipped.reason))?;
        }
    }
    output.heading("Advice")?;
    if tuned.recommendations.is_empty() {
        writeln!(output, "  Nothing here is outside the noise: keep the defaults.")?;
    }
    for advised in &tuned.recommendations {
        print_advice(output, advised, &tuned.candidates)?;
    }
    if let Some(limit) = &tuned.limit {
        print_limit(output, limit)?;
    }
    writeln!(output, "  Order of the starts: shuffled with seed {}; {:.0} s in all.", tuned.seed, tuned.seconds)?;
    Ok(())
}

/// What the table of differences shows, as far as it was measured.
const SHOWN: [(Metric, &str); 6] = [
    (Metric::Cpu, "Processor time"),
    (Metric::Throughput, "Throughput"),
    (Metric::LoadTime, "Time of the load"),
    (Metric::LatencyP99, "p99 latency"),
    (Metric::PauseSum, "Pauses in all"),
    (Metric::PeakResident, "Peak resident"),
];

fn print_differences(output: &mut Output, candidates: &[Compared]) -> io::Result<()> {
    let measured = |metric: Metric| candidates.iter().any(|c| effect(c, metric).is_some());
    // The time of the load says the same as the throughput.
    let shown = SHOWN.into_iter().filter(|&(metric, _)| {
        measured(metric) && (metric != Metric::LoadTime || !measured(Metric::Throughput))
    });
    let shown: Vec<(Metric, &'static str)> = shown.collect();
    let mut columns = vec![Column::Name("Setting")];
    columns.extend(shown.iter().map(|(_, heading)| Column::Number(heading)));
    let rows = candidates.iter().filter(|candidate| candidate.failed.is_none()).map(|candidate| {
        let cells = shown.iter().map(|&(metric, _)| effect(candidate, metric).map_or("–".to_owned(), difference));
        std::iter::once(candidate.candidate.name.clone()).chain(cells).collect()
    });
    table::print(output, &columns, rows)
}

/// The settings themselves, with what they do to the collector.
fn print_counts(output: &mut Output, candidates: &[Compared]) -> io::Result<()> {
    writeln!(output)?;
    for compared in candidates {
        let flags = line(&compared.candidate.flags);
        let name = &compared.candidate.name;
        match &compared.failed {
            Some(reason) => writeln!(output, "  {name}: {flags}: {}", safe(reason))?,
            None => {
                let count = |metric| effect(compared, metric).map_or("?".to_owned(), |e| amount(metric, e.mean));
                let (scavenges, full) = (count(Metric::Scavenges), count(Metric::FullCollections));
                writeln!(
                    output,
                    "  {name}: {flags} ({}): {scavenges} scavenges, {full} full collections",
                    compared.delivery.as_str()
                )?;
            }
        }
    }
    Ok(())
}

fn print_advice(output: &mut Output, advised: &Recommendation, candidates: &[Compared]) -> Result<()> {
    let Some(compared) = candidates.iter().find(|c| c.candidate.name == advised.candidate) else { return Ok(()) };
    let goal = match advised.goal {
        Goal::Speed => "For speed",
        Goal::Memory => "For memory",
    };
    let list = |effects: &[Effect]| {
        let parts: Vec<String> = effects
            .iter()
            .map(|effect| {
                let bytes = compared_bytes(effect);
                format!("{} {}{bytes}", effect.metric.as_str(), difference(effect).trim_end_matches('*'))
            })
            .collect();
        parts.join(", ")
    };
    let flags = output.bold(&line(&compared.candidate.flags));
    let costs = if advised.costs.is_empty() {
        "no cost beyond the noise was seen".to_owned()
    } else {
        format!("the cost: {}", list(&advised.costs))
    };
    writeln!(output, "  {goal}: {flags}, {}: {}; {costs}", compared.delivery.as_str(), list(&advised.gains))?;
    Ok(())
}

fn print_limit(output: &mut Output, limit: &LimitCheck) -> io::Result<()> {
    let [heap, memory, beside] = [limit.heap_limit, limit.memory, limit.beside_heap].map(|b| report::bytes(b as f64));
    let facts = format!("the heap's limit is {heap}, the container's {memory}, of which {beside} are used beside the heap");
    match (limit.too_high, limit.advised_old_space) {
        (false, _) => writeln!(output, "  Limits: {facts}: that fits."),
        (true, Some(advised)) => writeln!(
            output,
            "  Warning: {facts}: the kernel would kill the process before V8 collects all it can. Give \
             --max-old-space-size={advised}."
        ),
        (true, None) => {
            writeln!(output, "  Warning: {facts}: the container is too small for this program; give it more memory.")
        }
    }
}

fn effect(compared: &Compared, metric: Metric) -> Option<&Effect> {
    compared.effects.iter().find(|effect| effect.metric == metric)
}

/// `-31 % [-38, -24]*`
fn difference(effect: &Effect) -> String {
    let (Some(change), Some(low), Some(high)) = (effect.change, effect.low, effect.high) else {
        return amount(effect.metric, effect.mean);
    };
    let mark = if effect.judged.is_some() { "*" } else { "" };
    format!("{:+.0} % [{:+.0}, {:+.0}]{mark}", change * 100.0, low * 100.0, high * 100.0)
}

/// ` (+80 MiB)` for a metric in bytes.
fn compared_bytes(effect: &Effect) -> String {
    let Some(change) = effect.change.filter(|_| effect.metric == Metric::PeakResident) else { return String::new() };
    // mean = base × (1 + change)
    let difference = effect.mean - effect.mean / (1.0 + change);
    format!(" ({:+.0} MiB)", difference / 1_048_576.0)
}

fn amount(metric: Metric, value: f64) -> String {
    match metric {
        Metric::PeakResident | Metric::Floor => report::bytes(value),
        Metric::Throughput => format!("{value:.0} requests per second"),
        Metric::LoadTime => format!("{value:.2} s"),
        Metric::Scavenges | Metric::FullCollections => format!("{value:.1}"),
        Metric::Cpu => format!("{value:.3} ms"),
        _ => format!("{value:.2} ms"),
    }
}

fn line(flags: &[Flag]) -> String {
    let flags: Vec<String> = flags.iter().map(|flag| safe(&flag.to_string()).into_owned()).collect();
    flags.join(" ")
}

#[cfg(test)]
mod tests {
    use investigation::tune::Judged;

    use super::*;

    #[test]
    fn differences_are_told_with_their_intervals() {
        let effect = Effect {
            metric: Metric::PeakResident,
            mean: 180.0 * 1_048_576.0,
            change: Some(0.8),
            low: Some(0.755),
            high: Some(0.84),
            judged: Some(Judged::Cost),
        };
        assert_eq!(difference(&effect), "+80 % [+76, +84]*");
        assert_eq!(compared_bytes(&effect), " (+80 MiB)");
        let zero = Effect { metric: Metric::Scavenges, mean: 3.0, change: None, ..effect };
        assert_eq!(difference(&zero), "3.0");
    }
}
