//! `heapdowse man`: manual pages.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::CommandFactory;
use clap_mangen::Man;

use crate::output::Output;

/// Print the manual page, or write one for each command
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse man | man -l -
  heapdowse man --out ~/.local/share/man/man1")]
pub(crate) struct Args {
    /// Write heapdowse.1 and one page for each command to this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let mut command = crate::Cli::command();
    command.build();
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        output.write_all(&page)?;
        return Ok(ExitCode::SUCCESS);
    };
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        write_page(folder, &format!("heapdowse-{}", subcommand.get_name()), subcommand)?;
    }
    write_page(folder, "heapdowse", &command)?;
    Ok(ExitCode::SUCCESS)
}

fn write_page(folder: &Path, name: &str, command: &clap::Command) -> Result<()> {
    let path = folder.join(format!("{name}.1"));
    let mut page = Vec::new();
    Man::new(command.clone()).title(name.to_owned()).render(&mut page)?;
    fs::write(&path, page).with_context(|| path.display().to_string())
}
