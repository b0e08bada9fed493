//! `heapdowse top`: all Node.js processes of this machine.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use investigation::top::Top;
use serde::Serialize;

use crate::json;
use crate::output::Output;
use crate::pages::top::{Asked, COLUMNS, Order, TopPage, cells, columns};
use crate::screen::{Next, Screen};
use crate::table::{self, Column};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Show all Node.js processes of this machine: memory, trend, limits, inspector
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse top                    a live page; Enter watches the chosen process
  heapdowse top --once --sort cpu
  heapdowse top --json | jq '.processes[] | select(.memory_limit != null)'

All but HEAP and FLOOR comes from /proc: no process is signalled or stopped. TREND is that of the resident set since top
was started; LIMIT is that of the control group or --max-old-space-size, the lower one. HEAP is told where an inspector
is open anyway, which is then connected to; FLOOR is how the lowest heap between collections rises. Where the inspector
is closed, heapdowse watch opens it.")]
pub(crate) struct Args {
    /// Print a table once, and end (as without a terminal)
    #[arg(long)]
    once: bool,
    /// What comes first
    #[arg(long, value_name = "ORDER", default_value = "rss")]
    sort: Order,
    /// Print the answer as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer {
    processes: Vec<investigation::top::NodeProcess>,
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut top = Top::default();
    if args.json || args.once || !Screen::is_there() {
        let mut processes = top.look();
        args.sort.sort(&mut processes);
        if args.json {
            json::print_for_nothing(output, "top", &Answer { processes })?;
        } else {
            if processes.is_empty() {
                writeln!(output, "no Node.js process is running")?;
            }
            let shown = columns(&processes);
            let headings: Vec<Column> = shown
                .iter()
                .map(|&at| match COLUMNS[at].0 {
                    name @ ("NAME" | "NODE" | "INSPECTOR") => Column::Name(name),
                    name => Column::Number(name),
                })
                .collect();
            let rows = processes.iter().map(|row| {
                let cells = cells(row);
                shown.iter().map(|&at| cells[at].trim().to_owned()).collect()
            });
            table::print(output, &headings, rows)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = page(&mut top, args.sort)?;
    match chosen {
        Some(pid) => super::watch::run(super::watch::Args::of(pid), output),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The live page, until it is left or a process is to be watched.
fn page(top: &mut Top, order: Order) -> Result<Option<u32>> {
    let mut screen = Screen::open()?;
    let mut page = TopPage { order, ..TopPage::default() };
    loop {
        page.update(top.look());
        let next_look = std::time::Instant::now() + INTERVAL;
        loop {
            screen.draw(|frame| page.draw(frame))?;
            let mut asked = Asked::Nothing;
            let left = next_look.saturating_duration_since(std::time::Instant::now());
            let next = screen.keys(left, |key| {
                asked = page.key(key);
                if asked == Asked::Nothing { Next::Stay } else { Next::Leave }
            })?;
            match (next, asked) {
                (Next::Leave, Asked::Watch(pid)) => return Ok(Some(pid)),
                (Next::Leave, _) => return Ok(None),
                (Next::Stay, _) => {}
            }
            if std::time::Instant::now() >= next_look {
                break;
            }
        }
    }
}
