//! `heapdowse demo`: the talk's program, its load, the verdict, the report.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use investigation::open::default_cache_dir;
use investigation::run::RunOptions;

use super::run::hunt;
use crate::exit::Exit;
use crate::render::report;
use crate::terminal::Terminal;

/// Arguments of `demo`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  heapdowse demo
  heapdowse demo --report /tmp/leak.md")]
pub(crate) struct DemoArgs {
    /// Where the report goes (.json, else Markdown)
    #[arg(long, value_name = "FILE", default_value = "heapdowse-demo.md")]
    report: PathBuf,
    /// The folder for the program and its packages (in the cache folder, if not given)
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs the command. Finding the leak is what the demo is for, so that is success.
pub(crate) fn execute(args: &DemoArgs, terminal: &Terminal, json: bool) -> anyhow::Result<Exit> {
    let standard = || default_cache_dir().unwrap_or_else(std::env::temp_dir).join("demo");
    let folder = args.folder.clone().unwrap_or_else(standard);
    let folder = std::path::absolute(&folder)?;
    terminal.say(&format!("preparing the talk's program in {}", folder.display()));
    investigation::demo::prepare(&folder).context(Exit::CannotWatch)?;
    let options = RunOptions {
        folder: Some(folder),
        url: Some("/".to_owned()),
        ..RunOptions::new(vec!["node".to_owned(), "server.js".to_owned()])
    };
    let answer = hunt(options, terminal)?;
    report::write(&answer, &args.report).with_context(|| format!("the report {}", args.report.display()))?;
    report::print(&answer, terminal, json)?;
    terminal.say(&format!("the report is in {}", args.report.display()));
    Ok(match report::exit(&answer) {
        Exit::Leak => Exit::Done,
        other => other,
    })
}
