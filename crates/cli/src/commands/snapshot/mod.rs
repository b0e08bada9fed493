//! `heapdowse snapshot`: a heap snapshot of a running process, from outside.

mod forked;
mod inspector;
mod target_file;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use investigation::HeapGraph;
use investigation::price::{Headroom, Price};
use serde::Serialize;

use crate::commands::watch::duration;
use crate::failure::Usage;
use crate::interrupt;
use crate::json;
use crate::output::{Output, say};
use crate::target::TargetArgs;
use crate::text::size;
use target_file::TargetFile;

/// Take a heap snapshot of a running process
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse snapshot 4242 -o app.heapsnapshot
  heapdowse snapshot --listening 3000 --zst
  heapdowse snapshot 4242 --redact                  without the program's data
  heapdowse snapshot 4242 --every 60s --count 3     three for heapdowse diff; objects keep their ids
  heapdowse snapshot 4242 -o - | zstd > app.heapsnapshot.zst

The process forks a frozen copy of itself, which stops it for milliseconds; the snapshot is made of the copy. Where that
is not possible, V8 writes it through the inspector: the process stands still meanwhile, and needs 8 to 16 times its used
heap in memory for it. What that comes to is told before; what does not fit is refused. The file appears under its name
only when it is whole.")]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// The file, or - for standard output (heapdowse-PID.heapsnapshot, if not given)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compress it (so does a file name that ends in .zst)
    #[arg(long)]
    zst: bool,
    /// Of this worker thread (its worker.threadId) instead of the main one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    worker: Option<u32>,
    /// How
    #[arg(long, value_name = "WAY", default_value = "auto")]
    via: Via,
    /// Without the program's data, as `heapdowse redact` does it
    #[arg(long)]
    redact: bool,
    /// Strings whole; V8 cuts them at 1,024 characters (from a fork only)
    #[arg(long)]
    full_strings: bool,
    /// Numbers by their value (from a fork only)
    #[arg(long)]
    numbers: bool,
    /// Several, one after this time
    #[arg(long, value_name = "TIME", requires = "count", value_parser = duration)]
    every: Option<Duration>,
    /// How many
    #[arg(long, value_name = "N", requires = "every", value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: Option<u32>,
    /// Take it even if it may not fit into memory
    #[arg(long)]
    force: bool,
    /// Print what was done as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
}

/// `--via`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Via {
    /// The fork where it is safe, else the inspector
    #[serde(skip)]
    Auto,
    /// Made of a frozen copy
    Fork,
    /// Written by V8
    Inspector,
}

/// One snapshot that is to be taken.
struct Asked {
    pid: u32,
    worker: Option<u32>,
    via: Via,
    redact: bool,
    full_strings: bool,
    numbers: bool,
    force: bool,
    quiet: bool,
    file: TargetFile,
}

/// The snapshots of a series, whose objects keep their ids from one to the next.
enum Lineage {
    /// It is no series.
    None,
    /// The first one is to be taken.
    Begins,
    /// This one was taken last.
    After(Box<HeapGraph>),
}

/// What was done.
#[derive(Serialize)]
struct Answer {
    pid: u32,
    worker: Option<String>,
    file: Option<PathBuf>,
    #[serde(flatten)]
    taken: Taken,
    redacted: bool,
    seconds: f64,
    resident_before: Option<u64>,
    resident_after: Option<u64>,
}

/// A snapshot, and what it cost.
#[derive(Serialize)]
struct Taken {
    via: Via,
    /// As text, before compression.
    bytes: u64,
    /// Of V8's snapshot.
    predicted: Option<Price>,
    headroom: Option<Headroom>,
    /// How long the process stood still for a frozen copy.
    pause_ms: Option<f64>,
    node_count: Option<u64>,
    edge_count: Option<u64>,
    /// Objects that were in the snapshot before, too, as far as that can be told.
    known_count: Option<u64>,
}

/// All of a series.
#[derive(Serialize)]
struct Series<'a> {
    snapshots: &'a [Answer],
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let pid = args.target.pid()?;
    let to_stdout = args.output.as_ref().is_some_and(|name| name.as_os_str() == "-");
    if to_stdout && (args.json || args.count.is_some() || io::stdout().is_terminal()) {
        return Err(Usage("a snapshot on standard output goes to a file or a pipe, without --json".into()).into());
    }
    if args.via == Via::Inspector && (args.full_strings || args.numbers) {
        return Err(Usage("V8 writes neither whole strings nor numbers; use --via fork".into()).into());
    }
    let Some(every) = args.every else {
        let answer = one(&args, pid, None, &mut Lineage::None)?;
        if args.json {
            json::print_for_nothing(output, "snapshot", &answer)?;
        }
        return Ok(ExitCode::SUCCESS);
    };
    let mut answers = Vec::new();
    let count = args.count.unwrap_or(1);
    let mut lineage = Lineage::Begins;
    for number in 1..=count {
        let started = Instant::now();
        answers.push(one(&args, pid, Some(number), &mut lineage)?);
        if number < count {
            wait_until(started + every)?;
        }
    }
    let names: Vec<_> = answers.iter().filter_map(|answer| answer.file.as_ref()).map(|name| name.display().to_string()).collect();
    say("snapshot", &format!("what grew: heapdowse diff {} --suspects", names.join(" ")));
    if args.json {
        json::print_for_nothing(output, "snapshot", &Series { snapshots: &answers })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wait_until(then: Instant) -> Result<()> {
    const GLANCE: Duration = Duration::from_millis(50);
    while let Some(left) = then.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        if interrupt::asked() {
            return Err(investigation::postmortem::PostmortemError::Interrupted.into());
        }
        std::thread::sleep(left.min(GLANCE));
    }
    Ok(())
}

fn one(args: &Args, pid: u32, number: Option<u32>, lineage: &mut Lineage) -> Result<Answer> {
    let asked = Asked {
        pid,
        worker: args.worker,
        via: args.via,
        redact: args.redact,
        full_strings: args.full_strings,
        numbers: args.numbers,
        force: args.force,
        quiet: args.json,
        file: TargetFile::new(args.output.as_deref(), pid, number, args.zst),
    };
    let resident_before = investigation::price::resident_bytes(pid);
    let started = Instant::now();
    // A file that is not whole must be removed, and the inspector closed, before this process is gone.
    let _critical = (!asked.file.is_stdout()).then(interrupt::Critical::begin);
    let taken = take(&asked, lineage)?;
    let seconds = started.elapsed().as_secs_f64();
    say("snapshot", &format!("{} in {seconds:.1} s, written to {}", size(taken.bytes), asked.file));
    Ok(Answer {
        pid,
        worker: args.worker.map(|thread| thread.to_string()),
        file: asked.file.path().map(std::path::Path::to_owned),
        taken,
        redacted: args.redact,
        seconds,
        resident_before,
        resident_after: investigation::price::resident_bytes(pid),
    })
}

/// By the way that was asked for, or the one that goes.
fn take(asked: &Asked, lineage: &mut Lineage) -> Result<Taken> {
    match asked.via {
        Via::Fork => forked::take(asked, None, lineage),
        Via::Inspector => inspector::take(asked),
        Via::Auto => match forked::possible(asked) {
            Ok(copy) => forked::take(asked, Some(copy), lineage),
            Err(forked::Refused::No(reason)) => {
                say("snapshot", &format!("via inspector: {reason}"));
                inspector::take(asked)
            }
            Err(forked::Refused::Failed(error)) => Err(error),
        },
    }
}
