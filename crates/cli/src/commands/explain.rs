//! `heapdowse explain`: a word of the talk or a flag of V8.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Result, bail};
use investigation::explain::{Explanation, NodeNumbers, V8Flag, explain};

use crate::failure::Usage;
use crate::output::Output;
use crate::text::safe;
use crate::{json, report};

/// Explain a word (retained size, new space, scavenge, ...) or a memory flag of V8, with this Node's numbers
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse explain retained size
  heapdowse explain --node /opt/node22/bin/node -- --max_semi_space_size
  heapdowse explain heap limit --json")]
pub(crate) struct Args {
    /// The word or flag; flags with - or _, with or without dashes before them
    #[arg(allow_hyphen_values = true, value_name = "FLAG|TERM")]
    word: String,
    /// More words of the same term
    #[arg(hide = true)]
    more: Vec<String>,
    /// The node program whose numbers to tell
    #[arg(long, value_name = "PATH", default_value = "node")]
    node: String,
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let word = [vec![args.word], args.more].concat().join(" ");
    let explained = match explain(&word, &args.node) {
        Ok(explained) => explained,
        Err(unknown) => bail!(Usage(unknown.to_string())),
    };
    if args.json {
        json::print_for_file(output, "explain", &word, &explained)?;
        return Ok(ExitCode::SUCCESS);
    }
    match &explained.explanation {
        Explanation::Term { term, text, number } => {
            let heading = output.bold(term);
            writeln!(output, "{heading}: {text}")?;
            if let (Some((name, value)), Some(node)) = (number, &explained.node) {
                let value = report::bytes(*value);
                let when = if name == "max_semi_space" { "at most, without flags" } else { "just started" };
                writeln!(output, "  In Node {}, {when}: {value} ({name})", safe(&node.version))?;
            }
        }
        Explanation::Flag { flag, text, versions, here } => {
            let heading = output.bold(&format!("--{flag}"));
            writeln!(output, "{heading}")?;
            if let Some(text) = text {
                writeln!(output, "  {text}")?;
            }
            print_here(output, here.as_ref(), explained.node.as_ref())?;
            let defaults: Vec<String> = versions
                .iter()
                .map(|(version, default)| format!("{version}: {}", default.as_deref().unwrap_or("absent")))
                .collect();
            if !defaults.is_empty() {
                writeln!(output, "  Default by version of Node (0: computed): {}", defaults.join(", "))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print_here(output: &mut Output, here: Option<&V8Flag>, node: Option<&NodeNumbers>) -> Result<()> {
    let Some(node) = node else {
        writeln!(output, "  There is no node to ask for its numbers.")?;
        return Ok(());
    };
    let version = safe(&node.version);
    match here {
        Some(flag) => {
            let (default, kind) = (safe(&flag.default), safe(&flag.kind));
            writeln!(output, "  Node {version} has it: {} ({kind}, default {default})", safe(&flag.description))?;
        }
        None => writeln!(output, "  Node {version} does not have it.")?,
    }
    let semi_space = node.numbers.get("max_semi_space");
    if let (Some("max-semi-space-size"), Some(largest)) = (here.map(|flag| flag.name.as_str()), semi_space) {
        writeln!(output, "  Without flags it comes to {} here.", report::bytes(*largest))?;
    }
    if let Some(limit) = node.numbers.get("heap_size_limit") {
        writeln!(output, "  Without flags the heap limit of this node is {} here.", report::bytes(*limit))?;
    }
    Ok(())
}
