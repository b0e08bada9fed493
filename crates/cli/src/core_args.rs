// What every command that reads a core is told.

use std::ops::ControlFlow;

use anyhow::Result;
use investigation::Step;
use investigation::capture::{Event, HoldOptions, Mode};
use investigation::open::process_id;
use investigation::postmortem::{CoreOptions, Dead};
use jiff::Zoned;

use crate::progress::Progress;
use crate::{interrupt, output};

fn go_on() -> ControlFlow<()> {
    if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

// No doc comment: clap would take it for the help text of the commands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CoreArgs {
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    pub(crate) json: bool,
    /// The program that the core is of, if it is not where the core says
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    exe: Option<String>,
    /// A folder with programs and libraries (may be given several times)
    #[arg(long, value_name = "FOLDER", help_heading = "Reading")]
    search: Vec<String>,
}

impl CoreArgs {
    /// Where the program is.
    pub(crate) fn options(&self) -> CoreOptions {
        CoreOptions { executable: self.exe.clone(), search: self.search.clone() }
    }

    /// Copies the memory of a running process, and says for how long it stood still, and why.
    pub(crate) fn copy(&self, pid: u32) -> Result<Dead> {
        let name = format!("process {pid}");
        let mut progress = Progress::new(&name, self.json);
        let (dead, captured) =
            Dead::of_process(pid, HoldOptions::default(), &self.options(), &mut |event| match event {
                Event::Held { mode: Mode::Stop, reason, .. } => {
                    output::say("copy", &format!("{reason}; {name} stands still until its memory is copied"));
                    go_on()
                }
                Event::Writing(written) => {
                    progress.step(Step { name: "copying", done: written.done, total: Some(written.total) })
                }
                _ => go_on(),
            })?;
        let pause = captured.pause_ms.map_or_else(|| "unknown".to_owned(), |pause| format!("{pause:.1} ms"));
        let now = Zoned::now().strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
        output::say("copy", &format!("{name} as it was at {now}; it stood still for {pause} and runs on"));
        Ok(dead)
    }

    /// Opens a core or copies a process, and says what the user should know of it.
    pub(crate) fn open(&self, core: &str) -> Result<Dead> {
        let dead = match process_id(core) {
            Some(pid) => self.copy(pid)?,
            None => Dead::open(core, &self.options())?,
        };
        for warning in dead.warnings() {
            output::warn(&warning);
        }
        Ok(dead)
    }
}
