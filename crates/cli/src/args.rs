// What every command that reads a heap is told, and how it opens one.

use std::path::PathBuf;

use anyhow::Result;
use investigation::Step;
use investigation::answers::missing;
use investigation::open::{CachePolicy, Heap, OpenOptions, Opened, open, open_any};
use investigation::postmortem::CoreOptions;

use crate::output::{self, Output};
use crate::progress::Progress;
use crate::{interrupt, words};

// No doc comment: clap would take it for the help text of the commands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ReadArgs {
    /// Print JSON (see docs/json.md)
    #[arg(long)]
    pub(crate) json: bool,
    /// Neither use nor keep an index of the file for the next command
    #[arg(long, help_heading = "Reading")]
    no_cache: bool,
    /// Read a truncated file up to its cut, and say what is missing
    #[arg(long, help_heading = "Reading")]
    salvage: bool,
    /// Take the names of a truncated file's nodes, by id, from a whole snapshot of the same process
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    names_from: Option<PathBuf>,
    /// The program that a core is of, if it is not where the core says
    #[arg(long, value_name = "FILE", help_heading = "Reading")]
    exe: Option<String>,
    /// Read a compressed file even if it grows more than a hundredfold
    #[arg(long, help_heading = "Reading")]
    allow_expansion: bool,
}

#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct RevealArgs {
    /// Show what strings say; by default only their lengths, as a heap holds secrets
    #[arg(long)]
    pub(crate) reveal: bool,
}

impl ReadArgs {
    fn options(&self) -> OpenOptions {
        OpenOptions {
            cache: if self.no_cache { CachePolicy::Off } else { CachePolicy::standard() },
            allow_expansion: self.allow_expansion,
            salvage: self.salvage || self.names_from.is_some(),
            names_from: self.names_from.clone(),
            core: CoreOptions { executable: self.exe.clone(), search: Vec::new() },
        }
    }

    /// A bar for work on a file.
    pub(crate) fn progress(&self, file: &str) -> Progress {
        Progress::new(file, self.json)
    }

    /// Opens a heap.
    pub(crate) fn open(&self, file: &str) -> Result<Heap> {
        let mut progress = self.progress(file);
        let heap = open(file, &self.options(), &mut |step: Step| progress.step(step))?;
        warn_of(&heap);
        Ok(heap)
    }

    /// Opens a heap or a profile.
    pub(crate) fn open_any(&self, file: &str) -> Result<Opened> {
        let mut progress = self.progress(file);
        let opened = open_any(file, &self.options(), &mut |step: Step| progress.step(step))?;
        if let Opened::Heap(heap) = &opened {
            warn_of(heap);
        }
        Ok(opened)
    }
}

fn warn_of(heap: &Heap) {
    heap.warnings().iter().for_each(|warning| output::warn(warning));
}

/// Says what a cut file lacks, above the answer.
pub(crate) fn say_missing(output: &mut Output, heap: &Heap) -> Result<()> {
    if let Some(missing) = missing::missing(heap) {
        words::missing(output, &missing)?;
    }
    Ok(())
}

/// After the answer is out: keeps what was computed for the next command.
pub(crate) fn keep(output: &mut Output, heap: &mut Heap) -> Result<()> {
    std::io::Write::flush(output)?;
    let _unbroken = interrupt::Critical::begin();
    if let Some(problem) = heap.keep() {
        output::warn(&problem);
    }
    Ok(())
}

/// An object's id, with or without the `@` that DevTools puts before it.
pub(crate) fn id(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix('@').unwrap_or(text);
    digits.parse().map_err(|_| format!("{text:?} is no object id; ids look like @12345"))
}
