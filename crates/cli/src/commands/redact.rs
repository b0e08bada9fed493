//! `heapdowse redact`: a heap snapshot without the program's data.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use investigation::redact::{RedactionCounts, redact};
use investigation::snapshot_file::{Packing, pack, write_snapshot};
use serde::Serialize;

use crate::args::ReadArgs;
use crate::failure::Usage;
use crate::json;
use crate::output::{Output, say};
use crate::text::{count, size};

/// Write a heap snapshot without the program's data, to give to somebody else
#[derive(clap::Args)]
#[command(after_help = "\
Replaced, each by random letters of the same length, the same where the texts are the same: what strings, symbols,
numbers and regular expressions say, keys of dictionaries and all names of properties that no code declares. Kept:
names of classes, functions, variables, scripts and declared properties, ids, sizes and all references. Retained
sizes, paths and the leak are as in the original, and Chrome DevTools opens it.

Names are told from data by what compiled code mentions: a name that is data and stands in the program's text all
the same stays. Paths of scripts say where the program lies.

Examples:
  heapdowse redact app.heapsnapshot -o for-support.heapsnapshot.zst
  heapdowse redact app.heapsnapshot -o - | zstd > for-support.heapsnapshot.zst")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// The new file (.zst and .gz: compressed), or - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    #[command(flatten)]
    read: ReadArgs,
}

/// What was done.
#[derive(Serialize)]
struct Answer {
    output: PathBuf,
    /// As text, before compression.
    bytes: u64,
    replaced: RedactionCounts,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && (args.read.json || io::stdout().is_terminal()) {
        return Err(Usage("a snapshot on standard output goes to a file or a pipe, without --json".into()).into());
    }
    let heap = args.read.open(&args.file)?;
    if !heap.graph().missing().is_nothing() {
        return Err(Usage(format!("{} is cut, and a redacted file could not say so", args.file)).into());
    }
    let (redacted, replaced) = redact(heap.graph())?;
    let writing = || format!("the snapshot {}", args.output.display());
    let bytes = if to_stdout {
        let mut sink = BufWriter::new(io::stdout().lock());
        let bytes = pack(&redacted, &mut sink, Packing::Plain)?;
        sink.flush()?;
        bytes
    } else {
        write_snapshot(&redacted, &args.output).with_context(writing)?
    };
    say(
        "redact",
        &format!(
            "{} texts and {} names of properties replaced, {} names kept; {} written to {}",
            count(replaced.texts as u64),
            count(replaced.properties),
            count(replaced.kept_properties as u64),
            size(bytes),
            if to_stdout { "standard output".into() } else { args.output.display().to_string() }
        ),
    );
    if args.read.json {
        json::print(output, "redact", &[&heap], &Answer { output: args.output, bytes, replaced })?;
    }
    Ok(ExitCode::SUCCESS)
}
