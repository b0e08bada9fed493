//! `heapdowse strings`: the biggest strings, and those that exist more than once.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::strings::{Duplicates, Strings, biggest, duplicates};

use crate::args::{ReadArgs, keep, say_missing};
use crate::output::Output;
use crate::table::{self, Column};
use crate::text::{count, plural, size};
use crate::{json, words};

/// List strings, the biggest or the duplicated ones, with their content
#[derive(clap::Args)]
#[command(after_help = "\
This command prints what strings say, which may be secrets.

Examples:
  heapdowse strings app.heapsnapshot                     the biggest
  heapdowse strings app.heapsnapshot --duplicates        those that exist more than once
  heapdowse strings app.heapsnapshot --match password")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// The biggest strings (what is shown if nothing else is asked for)
    #[arg(long, conflicts_with = "duplicates")]
    biggest: bool,
    /// Strings that exist more than once, those that waste most first
    #[arg(long)]
    duplicates: bool,
    /// Only strings that contain this
    #[arg(long = "match", value_name = "TEXT")]
    matching: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 30)]
    top: usize,
    #[command(flatten)]
    read: ReadArgs,
}

/// Characters of a content in a table.
const CONTENT: usize = 70;

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = args.read.open(&args.file)?;
    let matching = args.matching.as_deref();
    let mut progress = args.read.progress(&args.file);
    let mut step = |step| progress.step(step);
    if args.duplicates {
        let answer = duplicates(&heap, matching, args.top, true, &mut step)?;
        drop(progress);
        match args.read.json {
            true => json::print(output, "strings", &[&heap], &answer)?,
            false => {
                say_missing(output, &heap)?;
                print_duplicates(output, &answer)?;
            }
        }
    } else {
        let answer = biggest(&heap, matching, args.top, true, &mut step)?;
        drop(progress);
        match args.read.json {
            true => json::print(output, "strings", &[&heap], &answer)?,
            false => {
                say_missing(output, &heap)?;
                print_biggest(output, &answer)?;
            }
        }
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

/// The table of duplicated strings, as `analyze` shows it too.
pub(crate) fn print_duplicates(output: &mut Output, answer: &Duplicates) -> Result<()> {
    writeln!(
        output,
        "{} say {}; one copy of each would save {}.",
        plural(answer.string_count, "string", "strings"),
        plural(answer.content_count as u64, "thing", "things"),
        size(answer.wasted_size)
    )?;
    let columns = [
        Column::Number("Wasted"),
        Column::Number("Count"),
        Column::Number("Shallow Size"),
        Column::Name("Content"),
        Column::Name("for example"),
    ];
    let rows = answer.duplicates.iter().map(|group| {
        let doubt = if group.certain { "" } else { "  (same beginning and size; V8 cut the rest)" };
        vec![
            size(group.wasted_size),
            count(group.count),
            size(group.shallow_size),
            format!("{}{doubt}", words::content(&group.text, CONTENT)),
            group.ids.first().map(|id| format!("@{id}")).unwrap_or_default(),
        ]
    });
    Ok(table::print(output, &columns, rows)?)
}

/// The table of big strings, as `analyze` shows it too.
pub(crate) fn print_biggest(output: &mut Output, answer: &Strings) -> Result<()> {
    writeln!(
        output,
        "{} with a Shallow Size of {} together. The biggest:",
        plural(answer.count, "string", "strings"),
        size(answer.shallow_size)
    )?;
    let columns = [
        Column::Number("Retained Size"),
        Column::Number("Shallow Size"),
        Column::Number("Distance"),
        Column::Name("Content"),
        Column::Name("Id"),
    ];
    let rows = answer.strings.iter().map(|string| {
        vec![
            size(string.retained_size),
            size(string.shallow_size),
            words::distance(string.distance),
            string.text.as_ref().map(|text| words::content(text, CONTENT)).unwrap_or_default(),
            format!("@{}", string.id),
        ]
    });
    Ok(table::print(output, &columns, rows)?)
}
