//! `heapdowse findjsobjects`: the objects of a core, by class and properties.

use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Result;
use investigation::open::CachePolicy;
use investigation::postmortem::{ObjectsAnswer, ObjectsQuestion, find_objects};

use crate::commands::jsfindrefs;
use crate::core_args::CoreArgs;
use crate::output::{self, Output};
use crate::table::{self, Column};
use crate::text::{clip, count, plural, safe, size};
use crate::{interrupt, json};

/// List the JavaScript objects of a core, by class and properties
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse findjsobjects core                    all live objects, most first
  heapdowse findjsobjects core --garbage          all that the memory holds
  heapdowse findjsobjects core -c Session         those of one class
  heapdowse findjsobjects core -p session_id      those with this property
  heapdowse findjsobjects core -r 0x3f1a40c2d5a9  what refers to an object")]
pub(crate) struct Args {
    /// A core file of a Node.js process
    core: String,
    /// Count garbage too
    #[arg(long)]
    garbage: bool,
    /// Only objects of this class
    #[arg(short = 'c', long = "class", value_name = "NAME")]
    class: Option<String>,
    /// Only objects with this property
    #[arg(short = 'p', long = "property", value_name = "NAME")]
    property: Option<String>,
    /// List what refers to the object at this address
    #[arg(short = 'r', long = "references", value_name = "ADDRESS", conflicts_with_all = ["class", "property"])]
    references: Option<String>,
    /// Neither use nor keep what was found for the next command
    #[arg(long, help_heading = "Reading")]
    no_cache: bool,
    #[command(flatten)]
    read: CoreArgs,
}

/// Characters of the list of properties in a table.
const PROPERTIES: usize = 60;

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let dead = args.read.open(&args.core)?;
    if let Some(address) = &args.references {
        return jsfindrefs::answer(output, &dead, address, args.garbage, args.read.json);
    }
    let question =
        ObjectsQuestion { garbage: args.garbage, class: args.class, property: args.property };
    let mut go_on = || if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let cache = if args.no_cache { CachePolicy::Off } else { CachePolicy::standard() };
    let (answer, problem) = find_objects(&dead, &question, &cache, &mut go_on)?;
    if let Some(problem) = problem {
        output::warn(&problem);
    }
    if args.read.json {
        json::print_for_core(output, "findjsobjects", &dead, &answer)?;
    } else {
        say_problems(&answer);
        print(output, &answer)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn say_problems(answer: &ObjectsAnswer) {
    for heap in &answer.isolates {
        for problem in &heap.problems {
            output::warn(&format!("the layout of V8 does not fit: {problem}"));
        }
        if heap.walk.lost_size > heap.walk.object_size / 1000 {
            output::warn(&format!(
                "{} of isolate {} were not understood",
                size(heap.walk.lost_size),
                heap.isolate
            ));
        }
    }
}

fn print(output: &mut Output, answer: &ObjectsAnswer) -> Result<()> {
    let which = if answer.garbage { "object, garbage included" } else { "live object" };
    let which_many = if answer.garbage { "objects, garbage included" } else { "live objects" };
    writeln!(
        output,
        "{} with a Shallow Size of {} together, in {}:",
        plural(answer.object_count, which, which_many),
        size(answer.shallow_size),
        plural(answer.isolates.len() as u64, "isolate", "isolates")
    )?;
    let columns = [
        Column::Number("Count"),
        Column::Number("Shallow Size"),
        Column::Name("Representative"),
        Column::Name("Class"),
        Column::Name("Properties"),
    ];
    let rows = answer.classes.iter().map(|row| {
        let row = &row.row;
        vec![
            count(row.count),
            size(row.shallow_size),
            format!("{:#x}", row.representative),
            safe(&row.name).into_owned(),
            clip(&row.properties.join(", "), PROPERTIES),
        ]
    });
    Ok(table::print(output, &columns, rows)?)
}
