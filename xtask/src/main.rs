//! The table of tasks that people and CI run: `cargo xtask TASK [ARGUMENTS]`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task talks to the person who started it")]

mod arch;
mod arguments;
mod bench;
mod corpus;
mod csv;
mod fixtures;
mod fuzz;
mod known_names;
mod lint;
mod measure;
mod oracle;
mod shell;
mod soak;
mod test;
mod tools;
mod v8_tables;
mod zoo;

use std::process::ExitCode;

use anyhow::Result;
use arguments::Arguments;

/// A task: its name, what it does in one line, the function.
type Task = (&'static str, &'static str, fn(Arguments) -> Result<()>);

const TASKS: [Task; 13] = [
    ("test", "everything that CI checks: lint, arch, tests, oracle, docs; sets itself up", test::run),
    ("lint", "rustfmt and clippy, warnings are errors; --fix mends what can be mended", lint::run),
    ("arch", "who may depend on whom, sizes of files, words that must not be committed", arch::run),
    ("oracle", "heapdowse's numbers against Chrome DevTools' [--mb 7,30] [--only NAME]", oracle::run),
    ("fixtures", "makes the snapshots that the tests use [--mb 7,100] [--node 20.19.5]", fixtures::run),
    (
        "bench",
        "CPU and memory against the peers, as Markdown [--mb 7,100,500] [--rounds 5] [--capture]",
        bench::run,
    ),
    (
        "soak",
        "captures at every call, 300 in a row; a file over 4 GiB, deep and wide heaps [--gib 5] [--captures]",
        soak::run,
    ),
    (
        "zoo",
        "programs of known truth [--only p01,p07] [--node 20,22] [--mode run,attach] [--renamed] [--no-matchers]",
        zoo::run,
    ),
    ("fuzz", "cargo-fuzz on nightly [--seconds 60] [--target read]", fuzz::run),
    ("corpus", "writes the committed corpus again, from test-heaps", corpus::run),
    (
        "known-names",
        "writes the list of property names that redact keeps, from bare processes",
        known_names::run,
    ),
    ("v8-tables", "what V8 calls its own fields: rows of shapes.txt [VERSION]", v8_tables::run_task),
    ("measured", "runs a command and writes its CPU seconds and peak memory (used by bench)", measure::run),
];

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let wanted = words.next().unwrap_or_default();
    let Some((_, _, task)) = TASKS.iter().find(|(name, _, _)| *name == wanted) else {
        help();
        return if matches!(wanted.as_str(), "" | "help" | "--help" | "-h") {
            ExitCode::SUCCESS
        } else {
            eprintln!("\nthere is no task {wanted:?}");
            ExitCode::from(2)
        };
    };
    match task(Arguments::new(words.collect())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\ncargo xtask {wanted}: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn help() {
    println!("cargo xtask TASK\n");
    for (name, help, _) in TASKS {
        println!("  {name:<9} {help}");
    }
}
