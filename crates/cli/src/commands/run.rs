//! `heapdowse run`: starts a program, drives it in rounds, gives the verdict.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use investigation::attribute::Attributor;
use investigation::run::{Ready, RunEvent, RunOptions, RunReport, RunStep};

use crate::hunt_args::HuntArgs;
use crate::interrupt;
use crate::output::{Output, say};
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
    #[command(flatten)]
    hunt: HuntArgs,
    /// When the program counts as started: port, log:TEXT, or delay:MILLISECONDS
    #[arg(long, value_name = "WHEN", default_value = "port")]
    ready: Ready,
    /// When the program runs out of memory, take a snapshot into this folder (this one, if not given) before it dies
    #[arg(long, value_name = "DIR", num_args = 0..=1, require_equals = true, default_missing_value = ".")]
    on_oom: Option<PathBuf>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    command: Vec<String>,
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let options = RunOptions { ready: args.ready, on_oom: args.on_oom, ..args.hunt.options(args.command) };
    if options.allocations {
        say("run", "allocation stacks are remembered from the first snapshot on: expect twelve times the CPU");
    }
    let answer = hunt(options, args.hunt.no_matchers)?;
    let code = args.hunt.tell(&answer, output)?;
    for last in answer.last_snapshots.iter().filter(|_| !args.hunt.json) {
        output.heading("The heap when memory ran out")?;
        super::analyze::print_file(output, &last.path.to_string_lossy())?;
    }
    Ok(code)
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
        RunStep::Round { .. } | RunStep::Snapshot { .. } | RunStep::Collected(_) | RunStep::OtherFloor(..) => {}
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
