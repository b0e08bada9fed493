//! `heapdowse guardian`: closes the inspector of a process if the heapdowse that is opening it dies meanwhile.

use std::process::ExitCode;

use anyhow::Result;

use crate::output::Output;

/// Started by heapdowse itself while it attaches
#[derive(clap::Args)]
#[command(hide = true)]
pub(crate) struct Args {
    pid: u32,
    /// When that process was started, in clock ticks
    started: u64,
}

/// Runs the command.
pub(super) fn run(args: Args, _: &mut Output) -> Result<ExitCode> {
    investigation::attach::guard(args.pid, args.started);
    Ok(ExitCode::SUCCESS)
}
