//! `heapdowse jsstack`: the stacks of a core.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::postmortem::{Frame, FrameKind, Stack, stacks};

use crate::core_args::CoreArgs;
use crate::json;
use crate::output::{self, Output};
use crate::text::safe;

/// Functions that are named of a thread without JavaScript.
const INNERMOST: usize = 4;

/// Print the stacks of a core: JavaScript and C++, mixed
#[derive(clap::Args)]
#[command(after_help = "\
Each line is a call, the innermost first: where it was, and what kind of code it ran in. Threads that run no JavaScript
are shown by their innermost functions.

Examples:
  heapdowse jsstack core
  heapdowse jsstack core --all         every frame of every thread
  heapdowse jsstack core --verbose     with `this`, arguments and variables")]
pub(crate) struct Args {
    /// A core file of a Node.js process
    core: String,
    /// Show all frames of threads that run no JavaScript
    #[arg(short, long)]
    all: bool,
    /// Show `this`, arguments and variables too
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    read: CoreArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let dead = args.read.open(&args.core)?;
    let answer = stacks(&dead);
    if args.read.json {
        json::print_for_core(output, "jsstack", &dead, &answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    for isolate in &answer.isolates_without_thread {
        output::warn(&format!("no thread is known to run the isolate {isolate}"));
    }
    for stack in &answer.threads {
        let Some(isolate) = &stack.isolate else {
            write_other(output, stack, args.all)?;
            continue;
        };
        output.heading(&format!("Thread {} (isolate {isolate})", stack.thread))?;
        if stack.frames.iter().all(|frame| frame.kind == FrameKind::Native) {
            writeln!(output, "  no JavaScript was running")?;
        }
        write_frames(output, stack, args.verbose)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write_frames(output: &mut Output, stack: &Stack, verbose: bool) -> Result<()> {
    for frame in &stack.frames {
        writeln!(output, "  {}", line(frame))?;
        if verbose {
            write_values(output, frame)?;
        }
    }
    if let Some(why) = &stack.incomplete {
        writeln!(output, "  … cut off here: {}", safe(why))?;
    }
    for frame in &stack.async_frames {
        writeln!(output, "  {}", line(frame))?;
    }
    Ok(())
}

/// A thread of the system: its frames, or its innermost functions in one line.
fn write_other(output: &mut Output, stack: &Stack, all: bool) -> Result<()> {
    if all {
        output.heading(&format!("Thread {} (no isolate)", stack.thread))?;
        return write_frames(output, stack, false);
    }
    let names = stack.frames.iter().filter_map(|frame| frame.function.as_deref()).take(INNERMOST);
    let names: Vec<String> = names.map(|name| safe(name).into_owned()).collect();
    writeln!(output, "Thread {} (no isolate): {}", stack.thread, names.join(" < "))?;
    Ok(())
}

fn line(frame: &Frame) -> String {
    let name = frame.function.as_deref().filter(|name| !name.is_empty());
    let name = name.or(frame.address.as_deref()).unwrap_or("(anonymous)");
    let numbers = [frame.line, frame.column].into_iter().flatten().map(|number| format!(":{number}"));
    let module = frame.module.as_deref().map(|module| module.rsplit('/').next().unwrap_or(module));
    let script = frame.script.as_deref().or(module);
    let place = script.map(|script| format!("{}{}", safe(script), numbers.collect::<String>()));
    let original = frame.original.as_ref();
    let original = original.map(|place| format!("{}:{}:{}", safe(&place.file), place.line, place.column));
    let place = match (original, place) {
        (Some(original), Some(place)) => format!(" ({original}, compiled to {place})"),
        (_, Some(place)) => format!(" ({place})"),
        (_, None) => String::new(),
    };
    let kind = match frame.kind {
        FrameKind::Interpreted => "interpreted",
        FrameKind::Baseline => "baseline",
        FrameKind::Maglev => "maglev",
        FrameKind::Turbofan => "turbofan",
        FrameKind::Inlined => "inlined",
        FrameKind::Builtin => "builtin",
        FrameKind::Native => "native",
        FrameKind::Async => "async",
    };
    format!("{kind:<11} {}{place}", safe(name))
}

fn write_values(output: &mut Output, frame: &Frame) -> Result<()> {
    if let Some(function) = &frame.function_address {
        writeln!(output, "                function {function}")?;
    }
    if let Some(receiver) = &frame.receiver {
        writeln!(output, "                this {receiver}")?;
    }
    for (i, argument) in frame.arguments.iter().enumerate() {
        writeln!(output, "                argument {i}: {argument}")?;
    }
    for local in &frame.locals {
        writeln!(output, "                {}: {}", safe(&local.name), local.value)?;
    }
    Ok(())
}
