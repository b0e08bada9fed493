//! The options that `run` and `attach` share.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use investigation::run::{RunOptions, RunReport};

use crate::output::Output;
use crate::report;

/// The load of a hunt, what is kept of it, and how it is told.
#[derive(clap::Args)]
pub(crate) struct HuntArgs {
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
    /// Also find the stacks that allocate what grows: the program gets about twelve times slower
    #[arg(long)]
    pub(crate) allocations: bool,
    /// Keep the snapshots as files in this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) keep_snapshots: Option<PathBuf>,
    /// Record to this file as it goes, for `heapdowse report`
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Also write the report to this file: .html, .json, or else Markdown
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Leave out what is known of leaks in widespread libraries (it only adds words)
    #[arg(long)]
    pub(crate) no_matchers: bool,
    /// Print the answer as JSON (described in docs/json.md)
    #[arg(long)]
    pub(crate) json: bool,
}

impl HuntArgs {
    /// As options for a program with this command line.
    pub(crate) fn options(&self, command: Vec<String>) -> RunOptions {
        RunOptions {
            load: self.load.clone(),
            url: self.url.clone(),
            rounds: self.rounds,
            requests: self.requests,
            allocations: self.allocations,
            keep_snapshots: self.keep_snapshots.clone(),
            record: self.record.clone(),
            ..RunOptions::new(command)
        }
    }

    /// Writes the report that was asked for, prints the answer, and gives its exit code.
    pub(crate) fn tell(&self, answer: &RunReport, output: &mut Output) -> Result<ExitCode> {
        if let Some(path) = &self.report {
            report::write(answer, path).with_context(|| format!("the report {}", path.display()))?;
        }
        report::print(answer, output, self.json)?;
        Ok(report::exit_code(answer))
    }
}
