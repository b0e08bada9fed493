//! `heapdowse run`: starts a program, drives it in rounds, gives the verdict.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use clap::Args;
use investigation::attribute::Attributor;
use investigation::run::{Ready, RunError, RunEvent, RunOptions, RunReport, RunStep, run};

use crate::exit::Exit;
use crate::render::report;
use crate::terminal::Terminal;

/// Arguments of `run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heapdowse run -- node server.js
  heapdowse run --load 'node load.js {url} {requests} {round}' --requests 1000 -- npm start
  heapdowse run --url /items/7 --rounds 12 --json -- node --import tsx server.ts > verdict.json

The load command may use {url}, {port}, {requests}, {round} and {pid}; they are also in the environment as
HEAPDOWSE_URL and so on. Exit codes: 0 no leak, 1 leak, 3 inconclusive, 4 the program can't be watched.")]
pub(crate) struct RunArgs {
    /// A shell command that makes the load of one round
    #[arg(long, value_name = "CMD")]
    pub(crate) load: Option<String>,
    /// Rounds to count, after the warm-up (as many as the verdict needs, if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) rounds: Option<u32>,
    /// Requests in a round (a prime number that fits the program's speed, if not given)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) requests: Option<u64>,
    /// The path that the built-in HTTP driver asks for, when there is no --load
    #[arg(long, value_name = "PATH")]
    pub(crate) url: Option<String>,
    /// When the program counts as started: port, log:TEXT, or delay:MILLISECONDS
    #[arg(long, value_name = "WHEN", default_value = "port")]
    pub(crate) ready: Ready,
    /// Keep the snapshots as files in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep_snapshots: Option<PathBuf>,
    /// Also write the report to this file (.json, else Markdown)
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// The program and its arguments
    #[arg(last = true, required = true, value_name = "PROGRAM")]
    pub(crate) command: Vec<String>,
}

/// Runs the command.
pub(crate) fn execute(args: &RunArgs, terminal: &Terminal, json: bool) -> anyhow::Result<Exit> {
    let options = RunOptions {
        load: args.load.clone(),
        url: args.url.clone(),
        rounds: args.rounds,
        requests: args.requests,
        ready: args.ready.clone(),
        keep_snapshots: args.keep_snapshots.clone(),
        ..RunOptions::new(args.command.clone())
    };
    let report = hunt(options, terminal)?;
    if let Some(path) = &args.report {
        report::write(&report, path).with_context(|| format!("the report {}", path.display()))?;
    }
    report::print(&report, terminal, json)?;
    Ok(report::exit(&report))
}

/// Runs a program to its verdict, telling on standard error how it goes.
pub(crate) fn hunt(mut options: RunOptions, terminal: &Terminal) -> anyhow::Result<RunReport> {
    options.interrupt = interrupt_flag(terminal);
    // A program without a port is only watched; one that listens gets requests, if nothing else was said.
    let folder = options.folder.clone().or_else(|| std::env::current_dir().ok());
    let mut events = |event: &RunEvent| tell(event, terminal);
    match run(&options, &mut events, &mut Attributor { folder }) {
        Ok(report) => Ok(report),
        Err(RunError::Interrupted) => Err(Exit::Interrupted.into()),
        Err(error) => Err(anyhow::Error::new(error).context(Exit::CannotWatch)),
    }
}

fn interrupt_flag(terminal: &Terminal) -> Arc<AtomicBool> {
    let flag = terminal.interrupt();
    flag.store(false, Ordering::Relaxed);
    flag
}

fn tell(event: &RunEvent, terminal: &Terminal) {
    match &event.step {
        RunStep::Starting => terminal.say("starting the program"),
        RunStep::Watching(process) => {
            let reached = process.url.as_deref().map(|url| format!(" at {url}")).unwrap_or_default();
            terminal.say(&format!(
                "watching process {} (Node {}){reached}: {}",
                process.pid,
                process.node_version,
                process.command_line.join(" ")
            ));
        }
        RunStep::Round { number, planned, warm_up } => {
            let what = if *warm_up { "warm-up" } else { "round" };
            terminal.step(&format!("{what} {number} of {planned}"));
        }
        RunStep::Floor(row) => terminal.step(&format!(
            "floor {:.2} MB after {} requests",
            row.heap_used as f64 / 1_048_576.0,
            row.work
        )),
        RunStep::Snapshot { done, total } if *total > 0 => {
            terminal.step(&format!("heap snapshot {} %", done * 100 / total));
        }
        RunStep::Snapshot { .. } => terminal.step("heap snapshot"),
        RunStep::Attributing => terminal.step("searching the snapshots and sources"),
    }
}
