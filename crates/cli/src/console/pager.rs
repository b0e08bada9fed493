//! Long answers page by page, and answers to commands of the system's shell.

use std::io::{self, IsTerminal, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Shows a text on the terminal; one that is longer than the screen through `$PAGER`, or `less`.
pub(super) fn page(text: &str) -> Result<()> {
    let rows = ratatui::crossterm::terminal::size().map_or(0, |(_, rows)| usize::from(rows));
    let long = rows > 0 && text.lines().count() >= rows && io::stdout().is_terminal();
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.is_empty());
    if long && through(&pager.unwrap_or_else(|| "less -FRX".to_owned()), text).is_ok() {
        return Ok(());
    }
    io::stdout().write_all(text.as_bytes())?;
    Ok(io::stdout().flush()?)
}

/// Gives a text to a command of the system's shell.
pub(super) fn through(command: &str, text: &str) -> Result<()> {
    let mut child = Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).spawn().context("sh")?;
    if let Some(mut stdin) = child.stdin.take() {
        // Who reads only the beginning, as `head` does, is done early.
        let _ = stdin.write_all(text.as_bytes());
    }
    let status = child.wait().context("sh")?;
    match status.code() {
        // The system's shell says so of commands that it does not know.
        Some(127) => anyhow::bail!("{command}: not found"),
        _ => Ok(()),
    }
}
