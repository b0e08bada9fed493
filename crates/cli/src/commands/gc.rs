//! `heapdowse gc`: a GC trace explained, from a file or of a running process.

use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use investigation::Word;
use investigation::gc::{Exactness, GcAnswer, GcEvent, JudgedIsolate, KindSummary, Rate, Skipped, read_trace, trace_process};

use crate::failure::Usage;
use crate::interrupt;
use crate::output::{Output, say};
use crate::progress::Progress;
use crate::report::{bytes, meaning};
use crate::table::{self, Column};
use crate::target::attach_options;
use crate::text::{clip, count, plural, safe};
use crate::{chart, json};

/// Reasons that are told of each kind of collection.
const REASONS: usize = 6;

/// Explain a GC trace: what each collection did and why, pauses, rates, floors, and what it says about a leak
#[derive(clap::Args)]
#[command(after_help = "\
Reads what node --trace-gc writes (also with --trace-gc-verbose or --trace-gc-nvp) in Node 12 to 26, mixed with
whatever the program printed, Node's last words when memory has run out, and trace-event files.

Examples:
  node --trace-gc server.js | heapdowse gc -
  heapdowse gc server.log --all
  node --trace-event-categories v8 server.js && heapdowse gc node_trace.1.log
  heapdowse gc 4242 --for 2m       a running process: no collection is forced, its output is not touched

Digits are a process; a file of that name is ./4242. Exit codes: 0 no leak, 1 leak, 3 inconclusive, 4 the process
can't be attached to, 5 no trace in the input.")]
pub(crate) struct Args {
    /// A file with a trace in it, - for standard input, or the id of a running process
    #[arg(value_name = "FILE|-|PID")]
    file: String,
    /// How long to listen to a running process: 30s, 5m (30s, if not given)
    #[arg(long = "for", value_name = "TIME", value_parser = super::attach::time)]
    time: Option<Duration>,
    /// Tell of each collection, as it is read
    #[arg(long, alias = "explain")]
    all: bool,
    /// Isolates to tell of, those with the most collections
    #[arg(long, value_name = "N", default_value_t = 8)]
    top: usize,
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let pid = args.file.parse::<u32>().ok();
    if args.time.is_some() && pid.is_none() {
        bail!(Usage("--for is for running processes".to_owned()));
    }
    let mut failed = None;
    let mut each = |event: &GcEvent| {
        if args.all && !args.json && failed.is_none() {
            failed = sentence(output, event).err();
        }
    };
    let answer = match pid {
        Some(pid) => of_process(pid, args.time.unwrap_or(Duration::from_secs(30)), &mut each),
        None => of_file(&args, &mut each),
    };
    failed.map_or(Ok(()), Err)?;
    let answer = answer?;
    match args.json {
        true => json::print_for_file(output, "gc", &args.file, &answer)?,
        false => print(output, &args, &answer)?,
    }
    Ok(exit_code(&answer))
}

fn of_file(args: &Args, each: &mut dyn FnMut(&GcEvent)) -> Result<GcAnswer> {
    let input: Box<dyn Read> = match args.file.as_str() {
        "-" => Box::new(io::stdin().lock()),
        path => Box::new(File::open(path).with_context(|| safe(path).into_owned())?),
    };
    let mut progress = Progress::new(&args.file, args.json || args.all);
    read_trace(input, each, &mut |step| progress.step(step)).with_context(|| safe(&args.file).into_owned())
}

fn of_process(pid: u32, time: Duration, each: &mut dyn FnMut(&GcEvent)) -> Result<GcAnswer> {
    // The inspector must be closed before this process is gone.
    let _critical = interrupt::Critical::begin();
    say("gc", &format!("listening to the collections of process {pid} for {:.0} s; none is forced", time.as_secs_f64()));
    Ok(trace_process(pid, time, &attach_options()?, each)?)
}

/// A leak anywhere counts; that a quiet worker says nothing does not.
fn exit_code(answer: &GcAnswer) -> ExitCode {
    let words = || answer.isolates.iter().map(|isolate| isolate.judgement.word);
    ExitCode::from(if words().any(Word::is_leak) {
        1
    } else if words().all(|word| word == Word::Inconclusive) {
        3
    } else {
        0
    })
}

/// One collection in one line.
fn sentence(output: &mut Output, event: &GcEvent) -> io::Result<()> {
    let sizes = match (event.before, event.after) {
        (Some(before), Some(after)) => format!("{} → {}", bytes(before as f64), bytes(after as f64)),
        (Some(before), None) => format!("{} → (cut off)", bytes(before as f64)),
        _ => "(cut off)".to_owned(),
    };
    let pause = event.pause_milliseconds.map_or(String::new(), |pause| format!(", {}", milliseconds(pause)));
    let variant = event.variant.as_deref().map_or(String::new(), |variant| format!(" ({})", safe(variant)));
    let marking = event.marking.filter(|marking| marking.milliseconds > 0.0).map_or(String::new(), |marking| {
        format!(" and {} in {} steps before", milliseconds(marking.milliseconds), marking.steps)
    });
    writeln!(
        output,
        "{:>10.3} s  {}: {}{variant} of {}: {sizes}{pause}{marking}: {}",
        event.at_milliseconds / 1000.0,
        event.isolate,
        event.kind.as_str(),
        event.kind.place(),
        safe(&event.why()),
    )
}

fn milliseconds(value: f64) -> String {
    if value >= 1000.0 { format!("{:.2} s", value / 1000.0) } else { format!("{value:.2} ms") }
}

fn print(output: &mut Output, args: &Args, answer: &GcAnswer) -> Result<()> {
    let name = output.bold(&safe(&args.file));
    let isolates = plural(answer.isolates.len() as u64, "isolate", "isolates");
    let collections = plural(answer.collections, "garbage collection", "garbage collections");
    writeln!(output, "{name}: {collections} in {isolates}")?;
    if let Some(fatal) = &answer.out_of_memory {
        writeln!(output, "  The program ran out of memory: {}", safe(fatal))?;
    }
    if answer.collections == 0 {
        writeln!(output, "  V8 had no reason to collect: the program did too little in that time.")?;
    }
    print_skipped(output, &answer.skipped)?;
    let mut order: Vec<&JudgedIsolate> = answer.isolates.iter().collect();
    order.sort_by_key(|isolate| std::cmp::Reverse(isolate.summary.kinds.iter().map(|kind| kind.count).sum::<u64>()));
    for isolate in order.iter().take(args.top) {
        print_isolate(output, isolate)?;
    }
    let hidden = order.len().saturating_sub(args.top) as u64;
    if hidden > 0 {
        writeln!(output, "\n{} more (--top shows them)", plural(hidden, "isolate", "isolates"))?;
    }
    if answer.beyond > 0 {
        writeln!(output, "{} collections of yet more isolates are only counted", count(answer.beyond))?;
    }
    Ok(())
}

fn print_skipped(output: &mut Output, skipped: &Skipped) -> io::Result<()> {
    let parts = [
        (skipped.other_lines, "of other output"),
        (skipped.detail_lines, "of V8's details"),
        (skipped.repeated, "that repeat a collection"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", plural(*number, "line", "lines")))
        .collect();
    if !parts.is_empty() {
        writeln!(output, "  Passed over: {}", parts.join(", "))?;
    }
    if skipped.unparsed > 0 {
        writeln!(output, "  Not understood: {}, such as", plural(skipped.unparsed, "collection", "collections"))?;
        for example in &skipped.unparsed_examples {
            writeln!(output, "    {}", clip(example, 100))?;
        }
    }
    Ok(())
}

fn print_isolate(output: &mut Output, isolate: &JudgedIsolate) -> Result<()> {
    let summary = &isolate.summary;
    let share = summary.gc_share.map_or(String::new(), |share| format!(", {:.1} % of it collecting", share * 100.0));
    output.heading(&format!("{}: {:.1} s{share}", summary.isolate, summary.seconds))?;
    print_kinds(output, &summary.kinds)?;
    for kind in &summary.kinds {
        print_reasons(output, kind)?;
    }
    print_rate(output, "Allocated", summary.allocation.as_ref())?;
    print_rate(output, "Promoted to old space", summary.promotion.as_ref())?;
    if let (Some(first), Some(last)) = (summary.floors.first(), summary.floors.last()) {
        let (first, last) = (bytes(first.after as f64), bytes(last.after as f64));
        writeln!(output, "  Heap after full collections: {first} at first, {last} at last")?;
    }
    writeln!(output)?;
    chart::print(output, &summary.timeline)?;
    print_judgement(output, isolate)
}

fn print_kinds(output: &mut Output, kinds: &[KindSummary]) -> io::Result<()> {
    let columns = [
        Column::Name("Kind"),
        Column::Name("Works in"),
        Column::Number("Count"),
        Column::Number("Freed"),
        Column::Number("Pauses: p50"),
        Column::Number("p95"),
        Column::Number("p99"),
        Column::Number("max"),
        Column::Number("sum"),
    ];
    let rows = kinds.iter().map(|kind| {
        let pause = |of: fn(&investigation::gc::Percentiles) -> f64| {
            kind.pauses.as_ref().map_or("–".to_owned(), |pauses| milliseconds(of(pauses)))
        };
        vec![
            kind.kind.as_str().to_owned(),
            kind.kind.place().to_owned(),
            count(kind.count),
            bytes(kind.freed_bytes as f64),
            pause(|pauses| pauses.p50_milliseconds),
            pause(|pauses| pauses.p95_milliseconds),
            pause(|pauses| pauses.p99_milliseconds),
            pause(|pauses| pauses.max_milliseconds),
            milliseconds(kind.pause_sum_milliseconds),
        ]
    });
    table::print(output, &columns, rows)
}

fn print_reasons(output: &mut Output, kind: &KindSummary) -> io::Result<()> {
    for reason in kind.reasons.iter().take(REASONS) {
        writeln!(output, "  {} × {}: {}", count(reason.count), kind.kind.as_str(), safe(&reason.meaning))?;
    }
    let more: u64 = kind.reasons.iter().skip(REASONS).map(|reason| reason.count).sum();
    if more > 0 {
        writeln!(output, "  {} × {} for other reasons", count(more), kind.kind.as_str())?;
    }
    Ok(())
}

fn print_rate(output: &mut Output, what: &str, rate: Option<&Rate>) -> io::Result<()> {
    let Some(rate) = rate else { return Ok(()) };
    let how = match rate.exactness {
        Exactness::Exact => "",
        Exactness::Estimated => " (estimated from sizes; --trace-gc-nvp tells it exactly)",
    };
    let per_second = bytes(rate.bytes_per_second);
    writeln!(output, "  {what}: {}, {per_second} per second{how}", bytes(rate.bytes as f64))
}

fn print_judgement(output: &mut Output, isolate: &JudgedIsolate) -> Result<()> {
    let verdict = &isolate.judgement;
    let word = output.bold(verdict.word.as_str());
    writeln!(output, "\n  From the trace alone: {word}: {}", meaning(verdict.word))?;
    if let Some(growth) = &verdict.growth {
        let [rate, low, high] = [growth.bytes_per_unit, growth.low, growth.high].map(bytes);
        writeln!(output, "  Growth: {rate} per second (95 % interval {low} to {high})")?;
    }
    for evidence in &verdict.evidence {
        writeln!(output, "  - {}", safe(&evidence.text))?;
    }
    for advice in &verdict.advice {
        writeln!(output, "  - note: {}", safe(advice))?;
    }
    Ok(())
}
