//! `heapdowse v8`: what is known of the V8 in a core.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::postmortem::layout;

use crate::core_args::CoreArgs;
use crate::json;
use crate::output::Output;
use crate::table::{self, Column};
use crate::text::{plural, safe};

/// Show how a core's V8 is read: where every offset comes from
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse v8 layout core")]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Where V8 keeps what, and how that was found
    Layout {
        /// A core file of a Node.js process
        core: String,
        #[command(flatten)]
        read: CoreArgs,
    },
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let What::Layout { core, read } = args.what;
    let dead = read.open(&core)?;
    let answer = layout(&dead);
    if read.json {
        json::print_for_core(output, "v8 layout", &dead, &answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(output, "V8 {} of {}", safe(&answer.v8_version), safe(&answer.executable))?;
    match answer.problems.as_slice() {
        [] => writeln!(output, "The core's own roots are what the layout says.")?,
        problems => {
            writeln!(output, "{}:", plural(problems.len() as u64, "problem", "problems"))?;
            for problem in problems {
                writeln!(output, "  {}", safe(problem))?;
            }
        }
    }
    let columns =
        [Column::Name("Field"), Column::Number("Value"), Column::Name("Found"), Column::Name("How")];
    let rows = answer.rows.iter().map(|row| {
        vec![
            row.field.to_owned(),
            row.value.map(|value| value.to_string()).unwrap_or_default(),
            format!("{:?}", row.found).to_lowercase(),
            row.how.clone(),
        ]
    });
    table::print(output, &columns, rows)?;
    Ok(ExitCode::SUCCESS)
}
