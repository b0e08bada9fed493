//! `heapdowse jsfindrefs`: what refers to an object of a core.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::postmortem::{Dead, references};

use crate::core_args::CoreArgs;
use crate::json;
use crate::output::Output;
use crate::table::{self, Column};
use crate::text::{plural, safe};

/// List what refers to an object of a core
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse jsfindrefs core 0x3f1a40c2d5a9")]
pub(crate) struct Args {
    /// A core file of a Node.js process
    core: String,
    /// The object's address
    address: String,
    /// List garbage too
    #[arg(long)]
    garbage: bool,
    #[command(flatten)]
    read: CoreArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let dead = args.read.open(&args.core)?;
    answer(output, &dead, &args.address, args.garbage, args.read.json)
}

/// The answer, also to `findjsobjects -r`.
pub(crate) fn answer(
    output: &mut Output,
    dead: &Dead,
    address: &str,
    garbage: bool,
    as_json: bool,
) -> Result<ExitCode> {
    let answer = references(dead, address, garbage)?;
    if as_json {
        json::print_for_core(output, "jsfindrefs", dead, &answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        output,
        "{} to {} ({}):",
        plural(answer.references.len() as u64, "reference", "references"),
        answer.address,
        safe(&answer.class)
    )?;
    let columns = [Column::Name("From"), Column::Name("Class"), Column::Name("By")];
    let rows = answer.references.iter().map(|reference| {
        let weak = if reference.weak { " (weak)" } else { "" };
        vec![
            format!("{:#x}", reference.from),
            safe(&reference.class).into_owned(),
            format!("{}{weak}", safe(&reference.how)),
        ]
    });
    table::print(output, &columns, rows)?;
    Ok(ExitCode::SUCCESS)
}
