//! `heapdowse dominators`: the dominator tree.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::dominators::{Dominated, Dominators, Question, dominators};

use crate::args::{ReadArgs, RevealArgs, id, keep, say_missing};
use crate::output::Output;
use crate::text::{count, percent, plural, size};
use crate::{json, words};

/// Show what an object, or the root, keeps alive: the dominator tree
#[derive(clap::Args)]
#[command(after_help = "\
An object dominates another if every way from the roots to it leads through the first: were the first freed, so
would be the other. Sizes are Retained Sizes.

Examples:
  heapdowse dominators app.heapsnapshot                       from the root
  heapdowse dominators app.heapsnapshot @12345 --depth 5      below one object")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// Below this object, for example @12345; the root if not given
    #[arg(value_parser = id, value_name = "@ID")]
    id: Option<u64>,
    /// Levels to show
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=60))]
    depth: u64,
    /// Objects to show on each level of each branch
    #[arg(long, value_name = "N", default_value_t = 8)]
    top: usize,
    #[command(flatten)]
    reveal: RevealArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = args.read.open(&args.file)?;
    let question =
        Question { id: args.id, depth: args.depth as usize, top: args.top, reveal: args.reveal.reveal };
    let mut progress = args.read.progress(&args.file);
    let answer = dominators(&heap, &question, &mut |step| progress.step(step))?;
    drop(progress);
    match args.read.json {
        true => json::print(output, "dominators", &[&heap], &answer)?,
        false => {
            say_missing(output, &heap)?;
            print(output, &answer)?;
        }
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

fn print(output: &mut Output, answer: &Dominators) -> Result<()> {
    if !answer.above.is_empty() {
        let above: Vec<String> = answer.above.iter().map(words::node).collect();
        writeln!(output, "Dominated by: {}", above.join(" › "))?;
    }
    tree(output, &answer.tree, answer.total_size, 0)
}

/// The recursion is as deep as `--depth` allows.
fn tree(output: &mut Output, at: &Dominated, total: u64, depth: usize) -> Result<()> {
    let retained = at.node.retained_size;
    writeln!(
        output,
        "{:>9} {:>6}  {}{}{}",
        size(retained),
        percent(retained, total),
        "  ".repeat(depth),
        words::node(&at.node),
        at.node.location.as_ref().map(|at| format!("  ({})", words::place(at))).unwrap_or_default(),
    )?;
    for child in &at.children {
        tree(output, child, total, depth + 1)?;
    }
    let left = at.child_count - at.children.len() as u64;
    if left > 0 && !at.children.is_empty() {
        let shown: u64 = at.children.iter().map(|child| child.node.retained_size).sum();
        let rest = retained.saturating_sub(shown).saturating_sub(at.node.shallow_size);
        writeln!(
            output,
            "{:>9} {:>6}  {}… {} more",
            size(rest),
            percent(rest, total),
            "  ".repeat(depth + 1),
            count(left),
        )?;
    } else if left > 0 {
        let objects = plural(left, "object", "objects");
        writeln!(output, "{:>9} {:>6}  {}… {objects} below", "", "", "  ".repeat(depth + 1))?;
    }
    Ok(())
}
