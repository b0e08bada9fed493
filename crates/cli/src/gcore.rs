//! The program under the name of gcore: gdb's options, and illumos' where they have a meaning here.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use investigation::capture::{CaptureRequest, Destination, HoldOptions, core_name};

use crate::capturing::{Asked, capture_one};
use crate::failure;
use crate::output::{ColorChoice, Output};

/// Write ELF cores of running processes, with a pause of milliseconds (heapdowse capture)
#[derive(Parser)]
#[command(name = "gcore", version, arg_required_else_help = true)]
struct Gcore {
    /// Write all mappings
    #[arg(short)]
    all: bool,
    /// The cores are called PREFIX.PID
    #[arg(short, value_name = "PREFIX", default_value = "core")]
    output: PathBuf,
    /// What they contain, as on illumos: default, all, none, or anon+shanon+text+..., with - to leave out
    #[arg(short, value_name = "CONTENT", value_parser = content)]
    content: Option<Content>,
    /// Replace files of those names
    #[arg(short = 'F', long)]
    force: bool,
    /// The processes
    #[arg(value_name = "PID", required = true)]
    pids: Vec<u32>,
}

/// Bits of `coredump_filter`; `None` asks the process's own.
type Content = (Option<u64>,);

/// What the process's own filter usually is.
const DEFAULT: u64 = 0x33;
const EVERYTHING: u64 = 0x7f;

fn content(text: &str) -> Result<Content, String> {
    let bits = |token: &str| match token {
        "default" => Some(DEFAULT),
        "all" => Some(EVERYTHING),
        "none" => Some(0),
        "anon" | "heap" | "stack" | "data" => Some(1),
        "shanon" | "shm" | "ism" | "dism" => Some(1 << 1),
        "text" | "rodata" => Some(1 << 2),
        "shfile" => Some(1 << 3),
        // Symbols are read from the executables, which a core on Linux names.
        "ctf" | "symtab" | "debug" => Some(1 << 4),
        _ => None,
    };
    if text == "default" {
        return Ok((None,));
    }
    let mut filter = 0;
    let mut rest = text;
    let mut adds = true;
    loop {
        let end = rest.find(['+', '-']).unwrap_or(rest.len());
        let token = &rest[..end];
        let bits = bits(token).ok_or_else(|| format!("{token:?} is no content"))?;
        filter = if adds { filter | bits } else { filter & !bits };
        let Some(sign) = rest[end..].chars().next() else { return Ok((Some(filter),)) };
        adds = sign == '+';
        rest = &rest[end + 1..];
    }
}

/// Whether the program was started under that name.
pub(crate) fn is_meant() -> bool {
    let name = std::env::args_os().next().map(PathBuf::from);
    name.and_then(|name| Some(name.file_name()? == "gcore")).unwrap_or(false)
}

/// Runs as gcore: every process, one after the other; the last failure's exit code.
pub(crate) fn run() -> ExitCode {
    let gcore = Gcore::parse();
    let mut output = Output::new(ColorChoice::Never);
    let mut code = ExitCode::SUCCESS;
    for pid in &gcore.pids {
        match one(&gcore, *pid, &mut output) {
            Ok(()) => {}
            Err(error) => code = failure::report(&error),
        }
    }
    code
}

fn one(gcore: &Gcore, pid: u32, output: &mut Output) -> Result<()> {
    let name = core_name(&gcore.output, pid, None, false);
    let filter = if gcore.all { Some(EVERYTHING) } else { gcore.content.and_then(|content| content.0) };
    let request = CaptureRequest {
        hold: HoldOptions::default(),
        destination: Destination::File { name: name.clone(), replace: gcore.force },
        compress: false,
        filter,
        include_dont_dump: gcore.all,
        bundle_executable: false,
        keep_free: 0,
    };
    capture_one(&Asked { pid, request, quiet: false })?;
    writeln!(output, "Saved corefile {}", crate::text::safe(&name.display().to_string()))?;
    output.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_of_illumos_become_bits() {
        assert_eq!(content("default"), Ok((None,)));
        assert_eq!(content("all"), Ok((Some(0x7f),)));
        assert_eq!(content("anon+shanon"), Ok((Some(3),)));
        assert_eq!(content("default-shm"), Ok((Some(0x31),)));
        assert_eq!(content("none+heap+text"), Ok((Some(5),)));
        assert!(content("anon+nothing").is_err());
        assert!(content("").is_err());
    }
}
