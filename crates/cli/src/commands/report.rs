//! `heapdowse report`: a recording becomes text, Markdown, JSON or a page.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use investigation::recording;

use crate::output::{Output, say};
use crate::report::{self, Style};

/// Make a report of a recording
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse run --record app.heapdowse -- node server.js
  heapdowse report app.heapdowse                       for the terminal
  heapdowse report app.heapdowse --html report.html    one file, with charts, for the browser
  heapdowse report app.heapdowse --markdown            for an issue

A recording that was cut short, by a crash for example, is read up to there. A report that was kept as JSON is
read as well. The exit code is that of the verdict: 0 no leak, 1 leak, 3 inconclusive.")]
pub(crate) struct Args {
    /// The recording (.heapdowse, also packed with zstd)
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Write one HTML file that needs nothing else
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print Markdown
    #[arg(long, conflicts_with = "json")]
    markdown: bool,
    /// Print the answer as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let answer = recording::report_of(&args.recording)
        .with_context(|| format!("cannot read {}", args.recording.display()))?;
    if let Some(path) = &args.html {
        report::write_as(&answer, path, "html").with_context(|| format!("the report {}", path.display()))?;
        say("report", &format!("the page is {}", path.display()));
    }
    if args.json {
        output.write_all(report::json(&answer)?.as_bytes())?;
    } else if args.markdown {
        output.write_all(report::text(&answer, Style::Markdown).as_bytes())?;
    } else if args.html.is_none() {
        output.write_all(report::text(&answer, Style::of(output)).as_bytes())?;
    }
    Ok(report::exit_code(&answer))
}
