//! Prints rows of `src/graph/shapes.txt` for a version of Node, read off a core and V8's own snapshot of one process:
//! `cargo xtask v8-tables VERSION`.
#[path = "../tests/common/mod.rs"]
mod common;

use std::io::{self, Write};

use test_heaps::cores::How;

fn main() -> io::Result<()> {
    let version = std::env::args().nth(1).expect("a version of Node, such as 24.9.0");
    let opened = common::known(&version, How::Abort);
    let heap = opened.heap();
    let major = version.split('.').next().unwrap_or_default();
    let mut out = io::stdout().lock();
    for (kind, row) in common::tables::read(&opened) {
        let name = heap.type_name(kind).trim_start_matches("type ").trim_end_matches("_TYPE").to_owned();
        writeln!(out, "{major} {name} {row}")?;
    }
    Ok(())
}
