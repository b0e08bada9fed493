//! `heapdowse nodes`: one row per node, for whoever wants to compare.

use std::borrow::Cow;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::missing::missing;
use investigation::answers::nodes::{NodeRow, nodes};

use crate::args::{ReadArgs, keep};
use crate::output::{self, Output};

/// Print one row per node: id, type, class, distance, self size, retained size
#[derive(clap::Args)]
#[command(after_help = "\
self_size is DevTools' Shallow Size: memory that only one object uses is counted with its owner. The file's own
value is raw_self_size in JSON lines. Rows are in the order of the file. Numbers that need edges which a
truncated file lacks are empty (null in JSON). Text is as the heap has it: no escapes for terminals.

Examples:
  heapdowse nodes app.heapsnapshot --format csv > nodes.csv
  heapdowse nodes app.heapsnapshot --format jsonl | jq 'select(.retained_size > 1e6)'")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// Form of the rows
    #[arg(long, default_value = "csv")]
    format: Format,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A header, then comma-separated values (RFC 4180)
    Csv,
    /// One JSON object a line
    Jsonl,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = args.read.open(&args.file)?;
    if let Some(missing) = missing(&heap) {
        output::warn(&format!(
            "the file is not whole: {} nodes, {} edges and {} are missing",
            missing.nodes,
            missing.edges,
            if missing.strings { "strings" } else { "no strings" }
        ));
    }
    // --json asks for JSON wherever it stands; JSON lines are the JSON of this command.
    let format = if args.read.json { Format::Jsonl } else { args.format };
    let mut progress = args.read.progress(&args.file);
    if format == Format::Csv {
        writeln!(output, "id,type,class,distance,self_size,retained_size")?;
    }
    let mut count = 0u32;
    let mut each = |row: &NodeRow<'_>| {
        count = count.wrapping_add(1);
        if count.is_multiple_of(1 << 16) && crate::interrupt::asked() {
            return ControlFlow::Break(None);
        }
        let written = match format {
            Format::Csv => csv(output, row),
            Format::Jsonl => json_line(output, row),
        };
        written.map_or_else(|error| ControlFlow::Break(Some(error)), ControlFlow::Continue)
    };
    let ended = nodes(&heap, &mut |step| progress.step(step), &mut each)?;
    drop(progress);
    match ended {
        ControlFlow::Break(Some(error)) => return Err(error.into()),
        ControlFlow::Break(None) => return Ok(ExitCode::from(crate::failure::INTERRUPTED)),
        ControlFlow::Continue(()) => {}
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

fn csv(output: &mut Output, row: &NodeRow<'_>) -> io::Result<()> {
    write!(output, "{},{},{},", row.id, quoted(row.kind), quoted(row.class.unwrap_or_default()))?;
    let NodeRow { distance: Some(distance), self_size: Some(own), retained_size: Some(retained), .. } = row else {
        return writeln!(output, ",,");
    };
    writeln!(output, "{distance},{own},{retained}")
}

fn json_line(output: &mut Output, row: &NodeRow<'_>) -> io::Result<()> {
    serde_json::to_writer(&mut *output, row).map_err(io::Error::from)?;
    writeln!(output)
}

/// A field as RFC 4180 wants it.
fn quoted(field: &str) -> Cow<'_, str> {
    if field.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", field.replace('"', "\"\"")))
    } else {
        Cow::Borrowed(field)
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("Foo"), "Foo");
        assert_eq!(quoted("{a, b}"), "\"{a, b}\"");
        assert_eq!(quoted("a\"b"), "\"a\"\"b\"");
        assert_eq!(quoted("a\nb"), "\"a\nb\"");
    }
}
