//! `heapdowse run`: starts a program, drives it in rounds, gives the verdict.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use investigation::attribute::Attributor;
use investigation::run::{Ready, RunEvent, RunOptions, RunReport, RunStep};

use crate::interrupt;
use crate::output::{Output, say};
use crate::report::{self, Style};
use crate::text::size;

/// Start a program, drive it in rounds, and say whether it leaks
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse run -- node server.js
  heapdowse run --load 'node load.js {url} {requests} {round}' --requests 1000 -- npm start
  heapdowse run --url /items/7 --rounds 12 --json -- node --import tsx server.ts > verdict.json

The load command may use {url}, {port}, {requests}, {round} and {pid}; they are also in the environment as
HEAPDOWSE_URL and so on. Exit codes: 0 no leak, 1 leak, 3 inconclusive, 4 the program can't be watched.")]
pub(crate) struct Args {
    /// A shell command that makes the load of one round
    #[arg(long, value_name = "CMD")]
    load: Option<String>,
    /// Rounds to count, after the warm-up (as many as the verdict needs, if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rounds: Option<u32>,
    /// Requests in a round (a prime number that fits the program's speed, if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    requests: Option<u64>,
    /// The path that the built-in HTTP driver asks for, when there is no --load
    #[arg(long, value_name = "PATH")]
    url: Option<String>,
    /// When the program counts as started: port, log:TEXT, or delay:MILLISECONDS
    #[arg(long, value_name = "WHEN", default_value = "port")]
    ready: Ready,
    /// Keep the snapshots as files in this folder
    #[arg(long, value_name = "DIR")]
    keep_snapshots: Option<PathBuf>,
    /// Also find the stacks that allocate what grows: the program gets about twelve times slower
    #[arg(long)]
    allocations: bool,
    /// When the program runs out of memory, take a snapshot into this folder (this one, if not given) before it dies
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = ".")]
    on_oom: Option<PathBuf>,
    /// Record to this file as it goes, for `heapdowse report`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Also write the report to this file: .html, .json, or else Markdown
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Leave out what is known of leaks in widespread libraries (it only adds words)
    #[arg(long)]
    no_matchers: bool,
    /// Print the answer as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let options = RunOptions {
        load: args.load,
        url: args.url,
        rounds: args.rounds,
        requests: args.requests,
        ready: args.ready,
        keep_snapshots: args.keep_snapshots,
        allocations: args.allocations,
        on_oom: args.on_oom,
        record: args.record,
        ..RunOptions::new(args.command)
    };
    if options.allocations {
        say("run", "allocation stacks are remembered from the first snapshot on: expect twelve times the CPU");
    }
    let answer = hunt(options, args.no_matchers)?;
    if let Some(path) = &args.report {
        report::write(&answer, path).with_context(|| format!("the report {}", path.display()))?;
    }
    print(&answer, output, args.json)?;
    for last in answer.last_snapshots.iter().filter(|_| !args.json) {
        output.heading("The heap when memory ran out")?;
        super::analyze::print_file(output, &last.path.to_string_lossy())?;
    }
    Ok(report::exit_code(&answer))
}

/// Prints the report on standard output.
pub(super) fn print(answer: &RunReport, output: &mut Output, json: bool) -> Result<()> {
    let text = if json { report::json(answer)? } else { report::text(answer, Style::of(output)) };
    output.write_all(text.as_bytes())?;
    Ok(())
}

/// Runs a program to its verdict, telling on standard error how it goes.
pub(super) fn hunt(mut options: RunOptions, without_known_cases: bool) -> Result<RunReport> {
    // The program and all that it started must be ended before this one is.
    let _critical = interrupt::Critical::begin();
    options.interrupt = interrupt::flag();
    let folder = options.folder.clone().or_else(|| std::env::current_dir().ok());
    Ok(investigation::run::run(&options, &mut tell, &mut Attributor { folder, without_known_cases })?)
}

/// Tells on standard error how it goes.
pub(super) fn tell(event: &RunEvent) {
    match &event.step {
        RunStep::Starting => say("run", "starting the program"),
        RunStep::Watching(process) => {
            let reached = process.url.as_deref().map(|url| format!(" at {url}")).unwrap_or_default();
            let command = process.command_line.join(" ");
            say("run", &format!("watching process {} (Node {}){reached}: {command}", process.pid, process.node_version));
        }
        RunStep::Round { number, planned, warm_up: true } => {
            say("run", &format!("warm-up {number} of {planned}"));
        }
        RunStep::Round { .. } | RunStep::Snapshot { .. } | RunStep::Collected(_) => {}
        RunStep::Floor(row) => {
            let floor = row.heap_used as f64 / 1_048_576.0;
            say("run", &format!("round {}: {floor:.2} MB left after full collections", row.round));
        }
        RunStep::Pauses { low_ms, high_ms } => {
            let pause = format!("full collections will stop the process for about {low_ms:.0} to {high_ms:.0} ms each");
            say("run", &format!("{pause}, 5 % of the time at most"));
        }
        RunStep::Attributing => say("run", "searching the snapshots and sources"),
        RunStep::RanOut(last) => {
            let (pid, path) = (last.pid.map_or("?".to_owned(), |pid| pid.to_string()), last.path.display());
            say("run", &format!("process {pid} ran out of memory; its last snapshot is {path}"));
            for holder in last.heap.iter().flat_map(|heap| &heap.suspects) {
                let way = holder.path.as_deref().map(|path| format!(": {path}")).unwrap_or_default();
                let holds = size(holder.retained_size);
                say("run", &format!("  {} × {} held {holds}{way}", holder.count, holder.class));
            }
        }
    }
}
