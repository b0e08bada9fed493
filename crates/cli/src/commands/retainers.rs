//! `heapdowse retainers`: who refers to an object.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::retainers::{Retainer, Retainers, retainers};

use crate::args::{ReadArgs, RevealArgs, id, keep, say_missing};
use crate::output::Output;
use crate::table::{self, Column};
use crate::text::{plural, size};
use crate::{json, words};

/// List who refers to an object (DevTools' Retainers view)
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse retainers app.heapsnapshot @12345")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// The object, for example @12345
    #[arg(value_parser = id, value_name = "@ID")]
    id: u64,
    /// At most so many; 30 in text and all in JSON if not given
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    #[command(flatten)]
    reveal: RevealArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = args.read.open(&args.file)?;
    let top = args.top.or(if args.read.json { None } else { Some(30) });
    let mut progress = args.read.progress(&args.file);
    let answer = retainers(&heap, args.id, top, args.reveal.reveal, &mut |step| progress.step(step))?;
    drop(progress);
    match args.read.json {
        true => json::print(output, "retainers", &[&heap], &answer)?,
        false => {
            say_missing(output, &heap)?;
            print(output, &answer)?;
        }
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

fn print(output: &mut Output, answer: &Retainers) -> Result<()> {
    let heading = output.bold(&words::node(&answer.node));
    writeln!(
        output,
        "{heading}  Distance {}, Shallow Size {}, Retained Size {}",
        words::distance(answer.node.distance),
        size(answer.node.shallow_size),
        size(answer.node.retained_size)
    )?;
    writeln!(output, "{} to it:", plural(answer.retainer_count as u64, "reference", "references"))?;
    print_rows(output, &answer.retainers, answer.retainer_count)
}

/// The table of holders, as `object` shows it too.
pub(crate) fn print_rows(output: &mut Output, rows: &[Retainer], all: usize) -> Result<()> {
    let columns = [
        Column::Name("Reference"),
        Column::Name("from"),
        Column::Number("Distance"),
        Column::Number("Retained Size"),
        Column::Name("Declared at"),
    ];
    let shown = rows.iter().map(|retainer| {
        let weak = if retainer.holds { "" } else { " (weak)" };
        vec![
            format!("{}{weak}", words::reference(&retainer.edge)),
            words::node(&retainer.node),
            words::distance(retainer.node.distance),
            size(retainer.node.retained_size),
            words::place_or_nothing(retainer.node.location.as_ref()),
        ]
    });
    table::print(output, &columns, shown)?;
    if all > rows.len() {
        writeln!(output, "… and {} more; --top shows more", all - rows.len())?;
    }
    Ok(())
}
