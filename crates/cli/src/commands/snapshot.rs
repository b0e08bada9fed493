//! `heapdowse snapshot`: a heap snapshot of a running process, from outside.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use investigation::attach::{AttachError, Attached, Worker, connect};
use investigation::price::{Headroom, Price};
use investigation::whole_file::WholeFile;
use serde::Serialize;

use crate::failure::{CannotCapture, Usage};
use crate::interrupt;
use crate::output::{Output, say};
use crate::target::{TargetArgs, attach_options};
use crate::text::size;

/// Take a heap snapshot of a running process
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse snapshot 4242 -o app.heapsnapshot
  heapdowse snapshot --listening 3000 --zst
  heapdowse snapshot 4242 -o - | zstd > app.heapsnapshot.zst

The process stands still while the snapshot is built, and needs 8 to 16 times its used heap in memory for it. What that
comes to is told before; what does not fit is refused. The file appears under its name only when it is whole.")]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// The file, or - for standard output (heapdowse-PID.heapsnapshot, if not given)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compress it (so does a file name that ends in .zst)
    #[arg(long)]
    zst: bool,
    /// Of this worker thread instead of the main one
    #[arg(long, value_name = "N")]
    worker: Option<String>,
    /// How
    #[arg(long, value_name = "WAY", default_value = "inspector", value_parser = ["inspector"])]
    via: String,
    /// Take it even if it may not fit into memory
    #[arg(long)]
    force: bool,
    /// Print what was done as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
}

/// What was done.
#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    command: &'static str,
    pid: u32,
    worker: Option<String>,
    file: Option<PathBuf>,
    /// As text, before compression.
    bytes: u64,
    predicted: Price,
    headroom: Headroom,
    seconds: f64,
    resident_before: Option<u64>,
    resident_after: Option<u64>,
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let pid = args.target.pid()?;
    let name = args.output.clone().unwrap_or_else(|| {
        PathBuf::from(format!("heapdowse-{pid}.heapsnapshot{}", if args.zst { ".zst" } else { "" }))
    });
    let to_stdout = name.as_os_str() == "-";
    if to_stdout && (args.json || io::stdout().is_terminal()) {
        return Err(Usage("a snapshot on standard output goes to a file or a pipe, without --json".into()).into());
    }
    let zst = args.zst || name.extension().is_some_and(|extension| extension == "zst");
    // The inspector must be closed before this process is gone.
    let _critical = interrupt::Critical::begin();
    let mut attached = connect(pid, &attach_options()?)?;
    let outcome = take(&args, &mut attached, &name, to_stdout, zst);
    attached.detach();
    let answer = outcome?;
    let place = answer.file.as_ref().map_or_else(|| "standard output".to_owned(), |file| file.display().to_string());
    say("snapshot", &format!("{} in {:.1} s, written to {place}", size(answer.bytes), answer.seconds));
    if args.json {
        serde_json::to_writer_pretty(&mut *output, &answer)?;
        writeln!(output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn take(args: &Args, attached: &mut Attached, name: &Path, to_stdout: bool, zst: bool) -> Result<Answer> {
    let pid = attached.process().pid;
    let error = |source| AttachError::Inspector { pid, source };
    let workers = if args.worker.is_some() { attached.workers().map_err(error)? } else { Vec::new() };
    let worker = args.worker.as_ref().map(|wanted| find(&workers, wanted)).transpose()?;
    let (predicted, headroom) = attached.snapshot_price(worker).map_err(error)?;
    check(&predicted, &headroom, args.force)?;
    let resident_before = investigation::price::resident_bytes(pid);
    let started = std::time::Instant::now();
    let bar = ProgressBar::new(0);
    let mut progress = |progress: investigation::attach::SnapshotProgress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    };
    let writing = || format!("the snapshot {}", name.display());
    let (bytes, file) = if to_stdout {
        let mut sink = BufWriter::with_capacity(1 << 20, io::stdout().lock());
        let bytes = stream(attached, worker, &mut sink, zst, &mut progress)?;
        sink.flush()?;
        (bytes, None)
    } else {
        let mut file = WholeFile::create(name.to_owned()).with_context(writing)?;
        let bytes = stream(attached, worker, &mut file, zst, &mut progress)?;
        (bytes, Some(file.keep().with_context(writing)?))
    };
    bar.finish_and_clear();
    Ok(Answer {
        schema_version: 1,
        command: "snapshot",
        pid,
        worker: args.worker.clone(),
        file,
        bytes,
        predicted,
        headroom,
        seconds: started.elapsed().as_secs_f64(),
        resident_before,
        resident_after: investigation::price::resident_bytes(pid),
    })
}

fn stream(
    attached: &mut Attached,
    worker: Option<&Worker>,
    sink: &mut impl Write,
    zst: bool,
    progress: &mut dyn FnMut(investigation::attach::SnapshotProgress),
) -> Result<u64> {
    let pid = attached.process().pid;
    let error = |source| AttachError::Inspector { pid, source };
    if !zst {
        return Ok(attached.snapshot(worker, sink, progress).map_err(error)?);
    }
    let mut encoder = zstd::Encoder::new(sink, 3)?;
    let bytes = attached.snapshot(worker, &mut encoder, progress).map_err(error)?;
    encoder.finish()?;
    Ok(bytes)
}

fn find<'a>(workers: &'a [Worker], wanted: &str) -> Result<&'a Worker> {
    workers.iter().find(|worker| worker.id == wanted).ok_or_else(|| {
        let known: Vec<&str> = workers.iter().map(|worker| worker.id.as_str()).collect();
        let there = if known.is_empty() { "there is none".to_owned() } else { format!("there are {}", known.join(", ")) };
        Usage(format!("no worker {wanted}; {there}")).into()
    })
}

/// Says the price, and refuses what may not fit.
fn check(price: &Price, room: &Headroom, force: bool) -> Result<()> {
    let told = format!(
        "used heap {}: the snapshot needs about {} to {} more memory, and stops the process for about {:.1} to {:.1} s",
        size(price.used_heap),
        size(price.bytes.low as u64),
        size(price.bytes.high as u64),
        price.pause_seconds.low,
        price.pause_seconds.high
    );
    let group = room.group.map(|bytes| format!("{} left under its memory limit", size(bytes)));
    let machine = room.machine.map(|bytes| format!("{} on the machine", size(bytes)));
    let there = group.into_iter().chain(machine).collect::<Vec<_>>().join(", ");
    if room.allows(price) || force {
        say("snapshot", &format!("{told}; {there}"));
        return Ok(());
    }
    Err(CannotCapture(format!(
        "{told}, but there is {there}; raise the limit, attach with --no-snapshots for a verdict without one, or use --force"
    ))
    .into())
}
