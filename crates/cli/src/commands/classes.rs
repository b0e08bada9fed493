//! `heapdowse classes`: DevTools' Summary view.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::census::{KindCount, census};
use investigation::answers::classes::{Classes, Only, Order, Question, classes};
use investigation::open::Heap;

use crate::args::{ReadArgs, keep, say_missing};
use crate::output::Output;
use crate::table::{self, Column};
use crate::text::{clip, count, percent, plural, size};
use crate::{json, words};

/// List classes with their counts and sizes (DevTools' Summary view)
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse classes app.heapsnapshot --top 20
  heapdowse classes app.heapsnapshot --match session --sort count
  heapdowse classes app.heapsnapshot --filter retained-by-contexts
  heapdowse classes app.heapsnapshot --json | jq '.classes[0]'")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// Count only objects that DevTools' filter of this name shows
    #[arg(long, value_name = "NAME")]
    filter: Option<FilterName>,
    /// Only classes whose name contains this, whatever the case
    #[arg(long = "match", value_name = "TEXT")]
    matching: Option<String>,
    /// What to sort by
    #[arg(long, default_value = "retained")]
    sort: SortBy,
    /// At most so many classes; 40 in text and all in JSON if not given
    #[arg(long, value_name = "N")]
    top: Option<usize>,
    #[command(flatten)]
    read: ReadArgs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FilterName {
    /// Objects that only closures' scopes hold
    RetainedByContexts,
    /// Objects that only detached DOM nodes hold
    RetainedByDetachedDom,
    /// Objects that only the DevTools console holds
    RetainedByConsole,
    /// Objects that only event handlers of the DOM hold
    RetainedByEventHandlers,
    /// Strings that exist more than once
    DuplicatedStrings,
    /// Objects that several realms reach
    SharedNativeContext,
    /// Objects that no realm reaches
    NoNativeContext,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum SortBy {
    /// Retained size
    Retained,
    /// Shallow size
    Shallow,
    /// Number of objects
    Count,
    /// Distance from the roots
    Distance,
    /// Name
    Name,
}

impl Args {
    fn question(&self) -> Question {
        let text_limit = if self.read.json { None } else { Some(40) };
        Question {
            only: self.filter.map(|filter| match filter {
                FilterName::RetainedByContexts => Only::RetainedByContexts,
                FilterName::RetainedByDetachedDom => Only::RetainedByDetachedDom,
                FilterName::RetainedByConsole => Only::RetainedByConsole,
                FilterName::RetainedByEventHandlers => Only::RetainedByEventHandlers,
                FilterName::DuplicatedStrings => Only::DuplicatedStrings,
                FilterName::SharedNativeContext => Only::SharedNativeContext,
                FilterName::NoNativeContext => Only::NoNativeContext,
            }),
            matching: self.matching.clone(),
            order: match self.sort {
                SortBy::Retained => Order::Retained,
                SortBy::Shallow => Order::Shallow,
                SortBy::Count => Order::Count,
                SortBy::Distance => Order::Distance,
                SortBy::Name => Order::Name,
            },
            top: self.top.or(text_limit),
        }
    }
}

#[derive(serde::Serialize)]
struct OnlyTypes {
    types: Vec<KindCount>,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = args.read.open(&args.file)?;
    let has_edges = investigation::answers::missing::missing(&heap).is_none_or(|lack| lack.analysis_possible);
    if has_edges {
        let mut progress = args.read.progress(&args.file);
        let answer = classes(&heap, &args.question(), &mut |step| progress.step(step))?;
        drop(progress);
        match args.read.json {
            true => json::print(output, "classes", &[&heap], &answer)?,
            false => print(output, &heap, &answer)?,
        }
    } else {
        let types = census(&heap);
        match args.read.json {
            true => json::print(output, "classes", &[&heap], &OnlyTypes { types })?,
            false => {
                say_missing(output, &heap)?;
                print_types(output, &types)?;
            }
        }
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

fn print(output: &mut Output, heap: &Heap, answer: &Classes) -> Result<()> {
    say_missing(output, heap)?;
    print_rows(output, &answer.classes, answer.total_size)?;
    let left = answer.class_count.saturating_sub(answer.classes.len());
    if answer.class_count == 0 {
        writeln!(output, "No class matches.")?;
    } else if left > 0 {
        writeln!(output, "… and {}; --top shows more", plural(left as u64, "class", "classes"))?;
    }
    Ok(())
}

/// The table of classes, as `analyze` shows it too.
pub(crate) fn print_rows(
    output: &mut Output,
    classes: &[investigation::answers::classes::Class],
    total: u64,
) -> Result<()> {
    let columns = [
        Column::Name("Constructor"),
        Column::Number("Distance"),
        Column::Number("Count"),
        Column::Number("Shallow Size"),
        Column::Number("Retained Size"),
        Column::Number("of heap"),
        Column::Name("Declared at"),
    ];
    let rows = classes.iter().map(|class| {
        vec![
            clip(&class.name, 60),
            words::distance(class.distance),
            count(class.count),
            size(class.shallow_size),
            size(class.retained_size),
            percent(class.retained_size, total),
            words::place_or_nothing(class.location.as_ref()),
        ]
    });
    Ok(table::print(output, &columns, rows)?)
}

/// Types, counts and own sizes: what is known without edges.
pub(crate) fn print_types(output: &mut Output, types: &[KindCount]) -> Result<()> {
    output.heading("Nodes by type, with the sizes that the file gives them")?;
    let columns = [Column::Name("Type"), Column::Number("Count"), Column::Number("Own size")];
    let rows = types.iter().map(|row| vec![clip(&row.kind, 40), count(row.count), size(row.raw_self_size)]);
    Ok(table::print(output, &columns, rows)?)
}
