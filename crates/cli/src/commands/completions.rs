//! `heapdowse completions`: for the shell.

use std::process::ExitCode;

use anyhow::Result;
use clap::CommandFactory;

use crate::output::Output;

/// Print completions for a shell
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse completions bash > ~/.local/share/bash-completion/completions/heapdowse
  heapdowse completions zsh > ~/.zfunc/_heapdowse
  heapdowse completions fish > ~/.config/fish/completions/heapdowse.fish")]
pub(crate) struct Args {
    /// The shell
    shell: clap_complete::Shell,
}

pub(crate) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    // The generator takes a writer that can't fail.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut crate::Cli::command(), "heapdowse", &mut script);
    std::io::Write::write_all(output, &script)?;
    Ok(ExitCode::SUCCESS)
}
