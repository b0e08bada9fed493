//! `heapdowse`: finds memory leaks in Node.js programs.
//!
//! Each command is a file in `commands`, listed in one table there. A command asks `investigation` for an
//! answer, which is plain data, and prints it as text or as JSON. Results go to standard output, all else to
//! standard error.

mod allocator;
mod args;
mod capturing;
mod chart;
mod commands;
mod console;
mod core_args;
mod failure;
mod gcore;
mod hunt_args;
mod interrupt;
mod json;
mod output;
mod pages;
mod progress;
mod report;
mod screen;
mod table;
mod target;
mod text;
mod words;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use crate::output::{ColorChoice, Output};

/// Finds memory leaks in Node.js programs
#[derive(clap::Parser)]
#[command(name = "heapdowse", version, arg_required_else_help = true, after_help = AFTER_HELP)]
struct Cli {
    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorChoice,
    #[command(subcommand)]
    command: commands::Command,
}

const AFTER_HELP: &str = "\
FILE is a heap snapshot (.heapsnapshot or .heaptimeline, also as .gz or .zst), a core, or - for standard input.
A number as FILE means the running process with that id; a file of that name is ./123.

Examples:
  heapdowse demo                                  find the leak of a small Koa program
  heapdowse run --load 'node load.js {url}' -- node server.js
  heapdowse analyze app.heapsnapshot              what is big, and who holds it
  heapdowse diff before.heapsnapshot after.heapsnapshot --suspects
  heapdowse capture 4242                          a core of a running process, with a pause of milliseconds
  heapdowse paths app.heapsnapshot @12345         why this object is alive

Exit codes: 0 done, 1 leak found, 2 usage, 3 inconclusive, 4 cannot attach or capture, 5 unreadable input, 130 interrupted.";

fn main() -> ExitCode {
    allocator::keep_freed_memory();
    if gcore::is_meant() {
        if let Err(error) = interrupt::install() {
            output::warn(&format!("Ctrl-C can't be handled: {error}"));
        }
        return gcore::run();
    }
    let matches = Cli::command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let mut output = Output::new(cli.color);
    if let Err(error) = interrupt::install() {
        output::warn(&format!("Ctrl-C can't be handled: {error}"));
    }
    let outcome = cli.command.run(&mut output).and_then(|code| {
        std::io::Write::flush(&mut output)?;
        Ok(code)
    });
    match outcome {
        Ok(code) => code,
        Err(error) => failure::report(&error),
    }
}
