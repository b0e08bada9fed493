// What every command that reads a core is told.

use anyhow::Result;
use investigation::postmortem::{CoreOptions, Dead};

use crate::output;

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

    /// Opens a core, and says what the user should know of it.
    pub(crate) fn open(&self, core: &str) -> Result<Dead> {
        let dead = Dead::open(core, &self.options())?;
        for warning in dead.warnings() {
            output::warn(&warning);
        }
        Ok(dead)
    }
}
