//! `heapdowse jsstack`: the JavaScript stacks of a core.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::postmortem::{Frame, FrameKind, stacks};

use crate::core_args::CoreArgs;
use crate::json;
use crate::output::{self, Output};
use crate::text::safe;

/// Print the JavaScript stacks of a core
#[derive(clap::Args)]
#[command(after_help = "\
Each line is a call, the innermost first: where it was, and what kind of code it ran in.

Examples:
  heapdowse jsstack core
  heapdowse jsstack core --verbose     with `this` and arguments")]
pub(crate) struct Args {
    /// A core file of a Node.js process
    core: String,
    /// Show `this` and arguments too
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
        output.heading(&format!("Thread {} (isolate {})", stack.thread, stack.isolate))?;
        if stack.frames.is_empty() {
            writeln!(output, "  no JavaScript was running")?;
        }
        for frame in &stack.frames {
            writeln!(output, "  {}", line(frame))?;
            if args.verbose {
                write_values(output, frame)?;
            }
        }
        if let Some(why) = &stack.incomplete {
            writeln!(output, "  … cut off here: {}", safe(why))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn line(frame: &Frame) -> String {
    let name = frame.function.as_deref().filter(|name| !name.is_empty()).unwrap_or("(anonymous)");
    let numbers = [frame.line, frame.column].into_iter().flatten().map(|number| format!(":{number}"));
    let place = frame.script.as_ref().map(|script| format!(" ({}{})", safe(script), numbers.collect::<String>()));
    let kind = match frame.kind {
        FrameKind::Interpreted => "interpreted",
        FrameKind::Baseline => "baseline",
        FrameKind::Maglev => "maglev",
        FrameKind::Turbofan => "turbofan",
        FrameKind::Inlined => "inlined",
        FrameKind::Builtin => "builtin",
        FrameKind::Native => "native",
    };
    format!("{kind:<11} {}{}", safe(name), place.unwrap_or_default())
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
    Ok(())
}
