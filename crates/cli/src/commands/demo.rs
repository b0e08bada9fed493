//! `heapdowse demo`: the talk's program, its load, the verdict, the report.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use investigation::Word;
use investigation::open::default_cache_dir;
use investigation::run::RunOptions;

use crate::output::{Output, say};
use crate::report;

/// Find the leak of a small Koa program: proof in one command
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse demo
  heapdowse demo --report /tmp/leak.md")]
pub(crate) struct Args {
    /// Where the report goes: .html, .json, or else Markdown
    #[arg(long, value_name = "FILE", default_value = "heapdowse-demo.md")]
    report: PathBuf,
    /// Record to this file as it goes, for `heapdowse report`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The folder for the program and its packages (in the cache folder, if not given)
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print the answer as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
}

/// Runs the command. Finding the leak is what the demo is for, so that is success.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let standard = || default_cache_dir().unwrap_or_else(std::env::temp_dir).join("demo");
    let folder = std::path::absolute(args.folder.unwrap_or_else(standard))?;
    say("demo", &format!("preparing the talk's program in {}", folder.display()));
    investigation::demo::prepare(&folder)?;
    let options = RunOptions {
        folder: Some(folder),
        url: Some("/".to_owned()),
        record: args.record,
        ..RunOptions::new(vec!["node".to_owned(), "server.js".to_owned()])
    };
    let answer = super::run::hunt(options, false)?;
    let place = || format!("the report {}", args.report.display());
    report::write(&answer, &args.report).with_context(place)?;
    report::print(&answer, output, args.json)?;
    say("demo", &format!("the report is in {}", args.report.display()));
    Ok(match answer.verdict.word {
        Word::Leak => ExitCode::SUCCESS,
        _ => report::exit_code(&answer),
    })
}
