//! The JSON of every answer has the same frame; docs/json.md describes it.

use std::io::{self, Write};

use investigation::answers::missing::{Missing, missing};
use investigation::open::Heap;
use investigation::postmortem::Dead;
use serde::Serialize;

use crate::output::Output;

/// Grows when a field changes its meaning or goes; new fields may come at any time.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Frame<'a, T> {
    schema_version: u32,
    command: &'static str,
    files: Vec<&'a str>,
    warnings: Vec<&'a str>,
    missing: Vec<Option<Missing>>,
    #[serde(flatten)]
    answer: &'a T,
}

/// Prints an answer about heaps.
pub(crate) fn print<T: Serialize>(
    output: &mut Output,
    command: &'static str,
    heaps: &[&Heap],
    answer: &T,
) -> io::Result<()> {
    let warnings = heaps.iter().flat_map(|heap| heap.warnings()).map(String::as_str).collect();
    let files = heaps.iter().map(|heap| heap.name()).collect();
    let missing = heaps.iter().map(|heap| missing(heap)).collect();
    write(output, &Frame { schema_version: SCHEMA_VERSION, command, files, warnings, missing, answer })
}

/// Prints an answer about no file.
pub(crate) fn print_for_nothing<T: Serialize>(
    output: &mut Output,
    command: &'static str,
    answer: &T,
) -> io::Result<()> {
    print(output, command, &[], answer)
}

/// Prints an answer about something that is no heap.
pub(crate) fn print_for_file<T: Serialize>(
    output: &mut Output,
    command: &'static str,
    file: &str,
    answer: &T,
) -> io::Result<()> {
    let (warnings, missing) = (Vec::new(), Vec::new());
    let files = vec![file];
    write(output, &Frame { schema_version: SCHEMA_VERSION, command, files, warnings, missing, answer })
}

/// Prints an answer about a core.
pub(crate) fn print_for_core<T: Serialize>(
    output: &mut Output,
    command: &'static str,
    dead: &Dead,
    answer: &T,
) -> io::Result<()> {
    let notes = dead.warnings();
    let (warnings, missing) = (notes.iter().map(String::as_str).collect(), Vec::new());
    let files = vec![dead.name()];
    write(output, &Frame { schema_version: SCHEMA_VERSION, command, files, warnings, missing, answer })
}

fn write<T: Serialize>(output: &mut Output, frame: &Frame<'_, T>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *output, frame).map_err(io::Error::from)?;
    writeln!(output)
}
