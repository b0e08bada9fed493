//! `heapdowse convert`: a core to a heap snapshot.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use investigation::Step;
use investigation::postmortem::GraphOptions;
use investigation::redact::redact;
use investigation::snapshot_file::{Content, Packing, pack, write_snapshot};
use serde::Serialize;

use crate::core_args::CoreArgs;
use crate::failure::Usage;
use crate::json;
use crate::output::{Output, say};
use crate::progress::Progress;
use crate::text::{count, size};

/// Make a heap snapshot of a core: what V8 would have written, without stopping the process
#[derive(clap::Args)]
#[command(after_help = "\
The snapshot has the objects that were alive when the core was made, with V8's sizes, types, names and references; Chrome
DevTools opens it. All commands that read snapshots read cores as well, so this is for other tools.

Examples:
  heapdowse capture 4711 -o app.core && heapdowse convert app.core -o app.heapsnapshot
  heapdowse convert app.core.zst -o app.heapsnapshot.zst --redact
  heapdowse convert app.core -o worker.heapsnapshot --worker 1")]
pub(crate) struct Args {
    /// A core, or one packed by `heapdowse capture`
    core: String,
    /// The new file (.zst and .gz: compressed), or - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Strings whole; V8 and this command cut them at 1,024 characters otherwise
    #[arg(long)]
    full_strings: bool,
    /// Numbers by their value instead of \"heap number\"
    #[arg(long)]
    numbers: bool,
    /// Of this worker thread (its worker.threadId) instead of the main one
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    worker: u32,
    /// Without the program's data, as `heapdowse redact` does it
    #[arg(long)]
    redact: bool,
    #[command(flatten)]
    read: CoreArgs,
}

/// What was done.
#[derive(Serialize)]
struct Answer {
    output: PathBuf,
    isolate: String,
    node_count: usize,
    edge_count: u64,
    /// Self sizes together, bytes.
    total_size: u64,
    /// As text, before compression.
    bytes: u64,
    redacted: bool,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && (args.read.json || io::stdout().is_terminal()) {
        return Err(Usage("a snapshot on standard output goes to a file or a pipe, without --json".into()).into());
    }
    let dead = args.read.open(&args.core)?;
    let isolate = dead.isolate(args.worker)?;
    let options = GraphOptions { full_strings: args.full_strings, numbers: args.numbers };
    let mut progress = Progress::new(&args.core, args.read.json);
    let mut step = |step: Step| progress.step(step);
    let (node_count, edge_count, total_size, bytes);
    if args.redact {
        let graph = redact(&dead.graph(isolate, options, &mut step)?)?.0;
        (node_count, edge_count, total_size) =
            (graph.node_count(), graph.edge_count(), graph.total_self_size());
        drop(progress);
        bytes = write(&graph, &args.output, to_stdout)?;
    } else {
        let graph = dead.packed_graph(isolate, options, &mut step)?;
        (node_count, edge_count, total_size) =
            (graph.node_count(), graph.edge_count(), graph.total_self_size());
        drop(progress);
        bytes = write(graph, &args.output, to_stdout)?;
    }
    let answer = Answer {
        isolate: format!("{:#x}", isolate.address),
        node_count,
        edge_count,
        total_size,
        bytes,
        redacted: args.redact,
        output: args.output,
    };
    let place = if to_stdout { "standard output".into() } else { answer.output.display().to_string() };
    say(
        "convert",
        &format!(
            "{} objects of {} with {} references: {} written to {place}",
            count(answer.node_count as u64),
            size(answer.total_size),
            count(answer.edge_count),
            size(bytes)
        ),
    );
    if args.read.json {
        json::print_for_core(output, "convert", &dead, &answer)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Answers the bytes of the text.
fn write(graph: impl Content, output: &Path, to_stdout: bool) -> Result<u64> {
    if !to_stdout {
        return write_snapshot(graph, output).with_context(|| format!("the snapshot {}", output.display()));
    }
    let mut sink = BufWriter::new(io::stdout().lock());
    let bytes = pack(graph, &mut sink, Packing::Plain)?;
    sink.flush()?;
    Ok(bytes)
}
