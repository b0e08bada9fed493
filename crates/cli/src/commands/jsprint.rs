//! `heapdowse jsprint`: one object of a core.

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Result;
use investigation::postmortem::{Limits, MemberKind, Value, ValueKind, print};

use crate::core_args::CoreArgs;
use crate::json;
use crate::output::Output;
use crate::text::{clip, safe};

/// Print an object of a core
#[derive(clap::Args)]
#[command(after_help = "\
This command prints what strings say, which may be secrets.

Examples:
  heapdowse jsprint core 0x3f1a40c2d5a9
  heapdowse jsprint core 0x3f1a40c2d5a9 -d 4      four levels deep")]
pub(crate) struct Args {
    /// A core file of a Node.js process
    core: String,
    /// The object's address
    address: String,
    /// Levels of objects within objects
    #[arg(short = 'd', long, value_name = "N", default_value_t = 1)]
    depth: u32,
    /// At most so many elements of an array, entries of a map
    #[arg(long, value_name = "N", default_value_t = 100)]
    elements: usize,
    /// At most so many characters of a string
    #[arg(long, value_name = "N", default_value_t = 1024)]
    string: u64,
    #[command(flatten)]
    read: CoreArgs,
}

/// Deeper than this nothing can be read by people, and objects may contain each other without end.
const DEEPEST: u32 = 32;

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let dead = args.read.open(&args.core)?;
    let limits =
        Limits { depth: args.depth.min(DEEPEST), elements: args.elements, string: args.string };
    let answer = print(&dead, &args.address, limits)?;
    if args.read.json {
        json::print_for_core(output, "jsprint", &dead, &answer)?;
        return Ok(ExitCode::SUCCESS);
    }
    if !answer.live {
        writeln!(output, "(garbage: nothing refers to it)")?;
    }
    write_value(output, &answer.value, 0)?;
    writeln!(output)?;
    Ok(ExitCode::SUCCESS)
}

fn write_value(output: &mut Output, value: &Value, level: usize) -> io::Result<()> {
    write!(output, "{}", line(value))?;
    if value.members.is_empty() {
        return Ok(());
    }
    let is_array = value.kind == ValueKind::Array;
    writeln!(output, " {}", if is_array { '[' } else { '{' })?;
    let indent = "    ".repeat(level + 1);
    for member in &value.members {
        let name = safe(&member.name);
        match member.kind {
            MemberKind::Property | MemberKind::Entry => write!(output, "{indent}{name}: ")?,
            MemberKind::Element => write!(output, "{indent}[{name}]: ")?,
            MemberKind::Variable => write!(output, "{indent}(variable) {name}: ")?,
            MemberKind::Internal => write!(output, "{indent}({name}) ")?,
        }
        write_value(output, &member.value, level + 1)?;
        writeln!(output)?;
    }
    if value.omitted > 0 {
        writeln!(output, "{indent}… {} more", value.omitted)?;
    }
    write!(output, "{}{}", "    ".repeat(level), if is_array { ']' } else { '}' })
}

/// A value without its members.
fn line(value: &Value) -> String {
    let text = value.text.as_deref().unwrap_or_default();
    let address = value.address.map(|address| format!("{address:#x}: ")).unwrap_or_default();
    let body = match value.kind {
        ValueKind::String => {
            let cut = if value.omitted > 0 { format!(" (and {} more)", value.omitted) } else { String::new() };
            format!("\"{}\"{cut}", safe(text))
        }
        ValueKind::Undefined | ValueKind::Null | ValueKind::Boolean | ValueKind::Number => {
            return safe(text).into_owned();
        }
        ValueKind::BigInt => return format!("{text}n"),
        ValueKind::Symbol => format!("Symbol({})", safe(text)),
        ValueKind::Accessor => "<accessor>".to_owned(),
        ValueKind::Empty => return "<nothing>".to_owned(),
        ValueKind::Missing => "<missing>".to_owned(),
        ValueKind::Function => format!("function {}", safe(text)),
        _ => {
            let class = value.class.as_deref().unwrap_or("Object");
            let length = value.length.map(|length| format!("({length})")).unwrap_or_default();
            let text = if text.is_empty() { String::new() } else { format!(" {}", clip(text, 200)) };
            format!("{}{length}{text}", safe(class))
        }
    };
    let missing = value.missing.as_ref().map(|missing| format!(" ({})", safe(missing)));
    format!("{address}{body}{}", missing.unwrap_or_default())
}
