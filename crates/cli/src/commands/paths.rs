//! `heapdowse paths`: why an object, or the objects of a class, are alive.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::class_paths::{Branch, ClassPaths, class_paths};
use investigation::answers::paths::{Paths, Step, paths};

use crate::args::{ReadArgs, RevealArgs, id, keep, say_missing};
use crate::output::Output;
use crate::text::{clip, plural, size};
use crate::{json, words};

/// Show why an object, or the objects of a class, are alive: their paths from the roots
#[derive(clap::Args)]
#[command(after_help = "\
For a class, the shortest paths of all its objects are merged where they are alike: the tree shows through which
variables and fields how many of them are held.

Examples:
  heapdowse paths app.heapsnapshot @12345
  heapdowse paths app.heapsnapshot --class Session")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// The object, for example @12345
    #[arg(value_parser = id, value_name = "@ID", required_unless_present = "class")]
    id: Option<u64>,
    /// All objects of the class of this name instead
    #[arg(long, value_name = "NAME", conflicts_with = "id")]
    class: Option<String>,
    /// Other paths to show, or branches at each place of a class's tree
    #[arg(long, value_name = "N", default_value_t = 5)]
    top: usize,
    #[command(flatten)]
    reveal: RevealArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = args.read.open(&args.file)?;
    let mut progress = args.read.progress(&args.file);
    let mut step = |step| progress.step(step);
    match (&args.class, args.id) {
        (Some(class), _) => {
            let answer = class_paths(&heap, class, args.top, &mut step)?;
            drop(progress);
            match args.read.json {
                true => json::print(output, "paths", &[&heap], &answer)?,
                false => {
                    say_missing(output, &heap)?;
                    print_class(output, &answer)?;
                }
            }
        }
        (None, Some(id)) => {
            let answer = paths(&heap, id, args.top, args.reveal.reveal, &mut step)?;
            drop(progress);
            match args.read.json {
                true => json::print(output, "paths", &[&heap], &answer)?,
                false => {
                    say_missing(output, &heap)?;
                    print(output, &answer)?;
                }
            }
        }
        (None, None) => unreachable!("clap requires an id or a class"),
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

fn print(output: &mut Output, answer: &Paths) -> Result<()> {
    let asked = words::node(&answer.node);
    if answer.shortest.is_empty() {
        writeln!(output, "Nothing holds {asked}: it is garbage, or the root itself.")?;
        return Ok(());
    }
    output.heading(&format!("Shortest path to {asked}"))?;
    print_path(output, &answer.shortest, &asked)?;
    for (number, path) in answer.others.iter().enumerate() {
        output.heading(&format!("Another path ({})", number + 2))?;
        print_path(output, path, &asked)?;
    }
    if answer.more {
        writeln!(output, "\nThere are more paths; --top shows more.")?;
    }
    Ok(())
}

fn print_path(output: &mut Output, path: &[Step], end: &str) -> Result<()> {
    for step in path {
        let place = step.node.location.as_ref().map(|at| format!("  ({})", words::place(at)));
        let place = place.unwrap_or_default();
        writeln!(output, "  {}{place}", words::node(&step.node))?;
        writeln!(output, "    {}", words::reference(&step.edge))?;
    }
    writeln!(output, "  {end}")?;
    Ok(())
}

fn print_class(output: &mut Output, answer: &ClassPaths) -> Result<()> {
    writeln!(
        output,
        "{} of {}, by their shortest paths from the roots:",
        plural(answer.count, "object", "objects"),
        output.bold(&clip(&answer.class, 80)),
    )?;
    if answer.unreachable_count > 0 {
        writeln!(output, "{} garbage that nothing holds.", plural(answer.unreachable_count, "is", "are"))?;
    }
    // Not a recursion: a path may be as long as a list.
    let mut stack: Vec<(&Branch, usize)> = vec![(&answer.tree, 0)];
    while let Some((mut branch, depth)) = stack.pop() {
        let mut line = place(branch);
        // A place with one way on is told in the same line.
        while let [only] = branch.branches.as_slice() {
            if branch.branch_count != 1 || branch.here != 0 || line.len() > 160 {
                break;
            }
            line = format!("{line} {}", place(only));
            branch = only;
        }
        let indent = "  ".repeat(depth.min(40));
        writeln!(output, "{:>10}  {:>9}  {indent}{line}", crate::text::count(branch.count), size(branch.shallow_size))?;
        let left = branch.branch_count - branch.branches.len();
        if left > 0 {
            let shown: u64 = branch.branches.iter().map(|branch| branch.count).sum();
            let rest = branch.count - branch.here - shown;
            let branches = plural(left as u64, "other way", "other ways");
            writeln!(output, "{:>10}  {:>9}  {indent}  … {branches}", crate::text::count(rest), "")?;
        }
        stack.extend(branch.branches.iter().rev().map(|branch| (branch, depth + 1)));
    }
    Ok(())
}

fn place(branch: &Branch) -> String {
    let edge = branch.edge.as_ref().map(|edge| format!("{} → ", words::reference(edge))).unwrap_or_default();
    format!("{edge}{}", clip(&branch.class, 60))
}
