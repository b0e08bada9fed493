//! `heapdowse diff`: what changed between snapshots, and what grew.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::diff::{ClassDiff, Comparison, Diff, HolderDiff, diff};
use investigation::answers::growth::Growing;
use investigation::open::Heap;

use crate::args::{ReadArgs, RevealArgs, keep, say_missing};
use crate::output::{self, Output};
use crate::table::{self, Column};
use crate::text::{clip, count, count_delta, plural, safe, size, size_delta};
use crate::{json, words};

/// Compare snapshots, oldest first: what is new, what is gone, and what grew every time
#[derive(clap::Args)]
#[command(after_help = "\
With three files and more, the answer ends with suspects: what came and stayed between all of them, and who holds
it. For two files, --suspects asks for them. Snapshots of different processes have no ids in common; they are
compared by class and by how objects are held. Cores of one process, and snapshots of frozen copies that were taken one
by one, have none in common either: --match finds out which object is which.

Examples:
  heapdowse diff before.heapsnapshot after.heapsnapshot
  heapdowse diff first.heapsnapshot second.heapsnapshot third.heapsnapshot
  heapdowse diff --match morning.core noon.core evening.core")]
pub(crate) struct Args {
    /// The oldest snapshot
    #[arg(value_name = "A")]
    first: String,
    /// Later snapshots, oldest first
    #[arg(value_name = "B", required = true)]
    others: Vec<String>,
    /// Name suspects for two files too
    #[arg(long)]
    suspects: bool,
    /// They are of one process, even if their ids do not say so
    #[arg(long = "match")]
    match_objects: bool,
    /// At most so many classes; 30 in text and all in JSON if not given
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    #[command(flatten)]
    reveal: RevealArgs,
    #[command(flatten)]
    read: ReadArgs,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heaps = Vec::with_capacity(1 + args.others.len());
    for file in std::iter::once(&args.first).chain(&args.others) {
        heaps.push(args.read.open(file)?);
    }
    let mut progress = args.read.progress("diff");
    let mut answer = diff(
        &mut heaps,
        args.match_objects,
        args.suspects,
        args.reveal.reveal,
        &mut |step| progress.step(step),
    )?;
    drop(progress);
    if answer.order_looks_wrong {
        output::warn("the snapshots do not seem to be in the order in which they were taken (oldest first)");
    }
    if args.read.json {
        answer.classes.truncate(args.top.unwrap_or(usize::MAX));
        let heaps: Vec<&Heap> = heaps.iter().collect();
        json::print(output, "diff", &heaps, &answer)?;
    } else {
        for heap in &heaps {
            say_missing(output, heap)?;
        }
        print(output, &heaps, &answer, args.top.unwrap_or(30))?;
    }
    for heap in &mut heaps {
        keep(output, heap)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(output: &mut Output, heaps: &[Heap], answer: &Diff, top: usize) -> Result<()> {
    let (first, last) = (&heaps[0], &heaps[heaps.len() - 1]);
    writeln!(output, "{} → {}", safe(first.name()), safe(last.name()))?;
    if answer.comparison == Comparison::ByClass {
        writeln!(
            output,
            "These snapshots' ids do not belong together: they are of different processes, or of frozen copies.\n\
             They are compared by class name, so # New and # Deleted are what the counts differ by. If they are of one\n\
             process, --match finds out which object is which."
        )?;
    }
    if !answer.matched.is_empty() {
        let found: Vec<String> = answer
            .matched
            .iter()
            .map(|matched| format!("{} of {}", count(matched.kept), count(matched.kept + matched.fresh)))
            .collect();
        writeln!(output, "Objects that were there before, by what they hold and where they are: {}.", found.join(", "))?;
    }
    print_classes(output, &answer.classes, top)?;
    if heaps.len() > 2 {
        output.heading("Classes that grew every time")?;
        if answer.grew_every_time.is_empty() {
            writeln!(output, "None.")?;
        }
        let columns = [Column::Name("Constructor"), Column::Name("Count"), Column::Number("Shallow Size")];
        let rows = answer.grew_every_time.iter().take(top).map(|series| {
            let counts: Vec<String> = series.counts.iter().map(|&number| count(number)).collect();
            let gain = series.sizes.last().copied().unwrap_or(0) as i64 - series.sizes[0] as i64;
            vec![clip(&series.name, 60), counts.join(" → "), size_delta(gain)]
        });
        table::print(output, &columns, rows)?;
    }
    if let Some(holders) = &answer.holders {
        print_holders(output, holders)?;
    }
    if let Some(suspects) = &answer.suspects {
        print_suspects(output, suspects)?;
    }
    Ok(())
}

fn print_classes(output: &mut Output, classes: &[ClassDiff], top: usize) -> Result<()> {
    if classes.is_empty() {
        writeln!(output, "No class differs.")?;
        return Ok(());
    }
    // People look for what grew; JSON keeps DevTools' order, by bytes allocated.
    let mut sorted: Vec<&ClassDiff> = classes.iter().collect();
    sorted.sort_by_key(|class| std::cmp::Reverse(class.size_delta));
    let columns = [
        Column::Name("Constructor"),
        Column::Number("# New"),
        Column::Number("# Deleted"),
        Column::Number("# Delta"),
        Column::Number("Alloc. Size"),
        Column::Number("Freed Size"),
        Column::Number("Size Delta"),
    ];
    let rows = sorted.iter().take(top).map(|class| {
        vec![
            clip(&class.name, 60),
            count(class.added_count),
            count(class.removed_count),
            count_delta(class.count_delta),
            size(class.added_size),
            size(class.removed_size),
            size_delta(class.size_delta),
        ]
    });
    table::print(output, &columns, rows)?;
    if classes.len() > top {
        let left = plural((classes.len() - top) as u64, "class", "classes");
        writeln!(output, "… and {left}; --top shows more")?;
    }
    let total: i64 = classes.iter().map(|class| class.size_delta).sum();
    writeln!(output, "All classes together: {}", size_delta(total))?;
    Ok(())
}

fn print_holders(output: &mut Output, holders: &[HolderDiff]) -> Result<()> {
    output.heading("How the classes that grew most are held")?;
    let columns = [
        Column::Name("Constructor"),
        Column::Number("before"),
        Column::Number("after"),
        Column::Name("held by"),
    ];
    let rows = holders.iter().map(|holder| {
        let about = if holder.estimated { "~" } else { "" };
        vec![
            clip(&holder.class, 40),
            format!("{about}{}", count(holder.before_count)),
            format!("{about}{}", count(holder.after_count)),
            clip(holder.signature.strip_prefix("system / NativeContext {global_object} ").unwrap_or(&holder.signature), 200),
        ]
    });
    Ok(table::print(output, &columns, rows)?)
}

fn print_suspects(output: &mut Output, suspects: &[Growing]) -> Result<()> {
    output.heading("Suspects: what came and stayed, and who holds it")?;
    if suspects.is_empty() {
        writeln!(output, "None: nothing accumulates between these snapshots.")?;
    }
    for (number, suspect) in suspects.iter().enumerate() {
        let counts: Vec<String> = suspect.counts.iter().map(|&number| format!("+{}", count(number))).collect();
        let every = match (suspect.counts.len(), suspect.grew_every_time) {
            (1, _) => String::new(),
            (_, true) => format!(", every time ({})", counts.join(", ")),
            (_, false) => format!(", not every time ({})", counts.join(", ")),
        };
        let gist = format!(
            "{} × {} ({}) in {}",
            count(suspect.count),
            clip(&suspect.class, 60),
            size_delta(suspect.bytes as i64),
            words::some(&suspect.kind_in_words),
        );
        writeln!(output, "{:>3}. {}{every}", number + 1, output.bold(&gist))?;
        let place = suspect.holder.location.as_ref().map(|at| format!(", {}", words::place(at)));
        writeln!(output, "     held by {}{}", words::node(&suspect.holder), place.unwrap_or_default())?;
        writeln!(output, "     path    {}", words::path(&suspect.path))?;
        writeln!(output, "     inside  {}", safe(&suspect.inside))?;
        if !suspect.with.is_empty() {
            let with: Vec<String> = suspect
                .with
                .iter()
                .map(|other| format!("{} × {}", count(other.count), clip(&other.class, 40)))
                .collect();
            writeln!(output, "     with    {}", with.join(", "))?;
        }
        writeln!(output, "     example {}", words::node(&suspect.sample))?;
    }
    Ok(())
}
