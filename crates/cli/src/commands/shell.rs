//! `heapdowse shell`: mdb's and llnode's commands, at a prompt or in a script.

use std::io::{self, IsTerminal, Read};
use std::process::ExitCode;

use anyhow::Result;
use investigation::open::{CachePolicy, OpenOptions, is_core, open, process_id};

use crate::console::{Console, Lines, Manner};
use crate::core_args::CoreArgs;
use crate::output::{Output, warn};
use crate::progress::Progress;

/// Ask a core, a process or a heap snapshot in the words of mdb and llnode
#[derive(clap::Args)]
#[command(after_help = "\
Without -e, commands are read from standard input: at a prompt with history and completion on a terminal, line by line
from a pipe. ::help lists them; docs/postmortem.md explains them.

A process is copied once, with a pause of milliseconds; what is asked is of that moment.

Examples:
  heapdowse shell core
  heapdowse shell 4242                                      of a running process
  heapdowse shell core -e '::findjsobjects -c Session'
  heapdowse shell core -e '::findjsobjects -c Session | ::findjsobjects | ::jsprint' --json
  heapdowse shell app.heapsnapshot -e '@12345::jsprint'")]
pub(crate) struct Args {
    /// A core, a process id, or a heap snapshot
    #[arg(value_name = "CORE|PID|SNAPSHOT")]
    target: String,
    /// Run this line and end (may be given several times)
    #[arg(short = 'e', long = "execute", value_name = "LINE")]
    execute: Vec<String>,
    /// Write each line before its answer, as at a prompt
    #[arg(long)]
    echo: bool,
    /// Count garbage too, in every command
    #[arg(long)]
    garbage: bool,
    #[command(flatten)]
    read: CoreArgs,
}

/// No script is longer.
const LONGEST_SCRIPT: u64 = 16 << 20;

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let lines = lines(&args)?;
    let mut console = Console::new(output, Manner { json: args.read.json, garbage: args.garbage, echo: args.echo }, lines);
    let target = args.target.as_str();
    if process_id(target).is_some() || is_core(target)? {
        let dead = args.read.open(target)?;
        return console.ask_core(&dead);
    }
    let options = OpenOptions { cache: CachePolicy::standard(), ..OpenOptions::default() };
    let mut progress = Progress::new(target, args.read.json);
    let heap = open(target, &options, &mut |step| progress.step(step))?;
    drop(progress);
    heap.warnings().iter().for_each(|warning| warn(warning));
    console.ask_snapshot(&heap)
}

fn lines(args: &Args) -> Result<Lines> {
    if !args.execute.is_empty() {
        return Ok(Lines::Given(args.execute.clone()));
    }
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(Lines::Prompted);
    }
    let mut script = String::new();
    io::stdin().lock().take(LONGEST_SCRIPT).read_to_string(&mut script)?;
    Ok(Lines::Given(script.lines().map(str::to_owned).collect()))
}
