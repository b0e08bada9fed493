//! `heapdowse object`: all about one object.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use investigation::answers::object::{Limits, Object, object};
use investigation::answers::slice::save_slice;

use super::retainers::print_rows;
use crate::args::{ReadArgs, id, keep, say_missing};
use crate::interrupt::Critical;
use crate::output::{self, Output};
use crate::table::{self, Column};
use crate::text::{clip, plural, safe, size};
use crate::{json, words};

/// Show one object: content, fields, sizes, place, dominators and retainers
#[derive(clap::Args)]
#[command(after_help = "\
--save-slice writes the object and all that it reaches as a snapshot that Chrome DevTools opens.

Examples:
  heapdowse object app.heapsnapshot @12345
  heapdowse object app.heapsnapshot @12345 --save-slice session.heapsnapshot")]
pub(crate) struct Args {
    /// A heap snapshot
    file: String,
    /// The object, for example @12345
    #[arg(value_parser = id, value_name = "@ID")]
    id: u64,
    /// Fields to show
    #[arg(long, value_name = "N", default_value_t = 100)]
    top: usize,
    /// Also write the object and all that it reaches to this file, readable by you only
    #[arg(long, value_name = "OUT.heapsnapshot")]
    save_slice: Option<PathBuf>,
    #[command(flatten)]
    read: ReadArgs,
}

/// Retainers shown with an object.
const RETAINERS: usize = 10;
/// Characters of a string shown with an object: all that V8 writes.
const CONTENT: usize = 1100;

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut heap = args.read.open(&args.file)?;
    let limits = Limits { fields: args.top, retainers: RETAINERS };
    let mut progress = args.read.progress(&args.file);
    let answer = object(&heap, args.id, limits, &mut |step| progress.step(step))?;
    drop(progress);
    match args.read.json {
        true => json::print(output, "object", &[&heap], &answer)?,
        false => {
            say_missing(output, &heap)?;
            print(output, &answer)?;
        }
    }
    if let Some(path) = &args.save_slice {
        let _unbroken = Critical::begin();
        let nodes = save_slice(&heap, args.id, path)?;
        output::say("saved", &format!("{}: {}", path.display(), plural(nodes as u64, "node", "nodes")));
    }
    keep(output, &mut heap)?;
    Ok(ExitCode::SUCCESS)
}

fn print(output: &mut Output, answer: &Object) -> Result<()> {
    let node = &answer.node;
    writeln!(output, "{}", output.bold(&words::node(node)))?;
    writeln!(output, "  Type           {}", safe(&node.kind))?;
    writeln!(output, "  Class          {}", clip(&node.class, 200))?;
    if let Some(text) = &node.text {
        writeln!(output, "  Content        {}", words::content(text, CONTENT))?;
        if text.cut {
            writeln!(output, "                 (V8 writes 1,024 characters at most: there may be more)")?;
        }
    } else if let Some(name) = node.name.as_ref().filter(|name| **name != node.class) {
        writeln!(output, "  Name           {}", clip(name, 200))?;
    }
    writeln!(output, "  Distance       {}", words::distance(node.distance))?;
    let own = match answer.raw_self_size == node.shallow_size {
        true => String::new(),
        false => format!("  ({} in the file; the rest is counted with or from what it owns)", size(answer.raw_self_size)),
    };
    writeln!(output, "  Shallow Size   {}{own}", size(node.shallow_size))?;
    writeln!(output, "  Retained Size  {}", size(node.retained_size))?;
    if let Some(place) = &node.location {
        let whose = if node.kind == "closure" { "" } else { "  (its constructor)" };
        writeln!(output, "  Declared at    {}{whose}", words::place(place))?;
    }
    if let Some(state) = answer.detachedness {
        writeln!(output, "  In a document  {state}")?;
    }
    if !answer.dominators.is_empty() {
        let chain: Vec<String> = answer.dominators.iter().map(words::node).collect();
        writeln!(output, "  Dominated by   {}", chain.join(" › "))?;
    }
    output.heading(&format!("{} to others", plural(answer.field_count as u64, "reference", "references")))?;
    let columns = [
        Column::Name("Reference"),
        Column::Name("to"),
        Column::Number("Shallow Size"),
        Column::Number("Retained Size"),
    ];
    let rows = answer.fields.iter().map(|field| {
        vec![
            words::reference(&field.edge),
            words::node(&field.node),
            size(field.node.shallow_size),
            size(field.node.retained_size),
        ]
    });
    table::print(output, &columns, rows)?;
    let left = answer.field_count - answer.fields.len();
    if left > 0 {
        writeln!(output, "… and {left} more; --top shows more")?;
    }
    output.heading(&format!("{} to it", plural(answer.retainer_count as u64, "reference", "references")))?;
    print_rows(output, &answer.retainers, answer.retainer_count.min(RETAINERS))?;
    if answer.retainer_count > RETAINERS {
        let left = answer.retainer_count - RETAINERS;
        writeln!(output, "… and {left} more; `heapdowse retainers` lists them")?;
    }
    Ok(())
}
