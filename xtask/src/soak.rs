//! `soak`: what is too large or too slow for every day.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use anyhow::Result;
use test_heaps::{SetupError, cache_dir, produce_once, shapes};

use crate::arguments::Arguments;
use crate::measure::cost;
use crate::shell::{PROFILE, cargo, heapdowse, run as run_command, step};

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let gib: u64 = arguments.value("--gib")?.unwrap_or(5);
    let files = !arguments.flag("--captures");
    arguments.finish()?;
    step("captures: every call of their lives, and 300 in a row", || {
        let tests = ["capture_faults", "capture_zoo"].map(|test| ["--test", test]);
        let mut cargo = cargo(&["test", "-p", "heapdowse", "--profile", PROFILE]);
        run_command(cargo.args(tests.concat()).args(["--", "--nocapture"]).env("HEAPDOWSE_SOAK", "1"))
    })?;
    if !files {
        return Ok(());
    }
    let program = heapdowse("release")?;
    let heaps = [
        ("a linked list of 5 million", linked_list(5_000_000)?),
        ("an array of 20 million", wide_array(20_000_000)?),
        ("a file over 4 GiB", of_size(gib << 30)?),
    ];
    for (name, file) in heaps {
        step(name, || {
            let program = program.display().to_string();
            let file = file.display().to_string();
            let cost = cost(&[program, "classes".into(), file, "--json".into(), "--no-cache".into()], &[])?;
            println!("{:.1} CPU s, {:.1} s, {} MB", cost.cpu_s, cost.wall_s, cost.peak_bytes / 1_000_000);
            Ok(())
        })?;
    }
    Ok(())
}

/// The file of a linked list, from the cache.
pub(crate) fn linked_list(links: u64) -> Result<PathBuf> {
    write(&format!("linked-list-{links}"), |out| shapes::linked_list(out, links))
}

/// The file of a wide array, from the cache.
pub(crate) fn wide_array(elements: u64) -> Result<PathBuf> {
    write(&format!("wide-array-{elements}"), |out| shapes::wide_array(out, elements))
}

fn of_size(bytes: u64) -> Result<PathBuf> {
    write(&format!("size-{bytes}"), |out| shapes::of_file_size(out, bytes, 3))
}

fn write(name: &str, shape: impl FnOnce(BufWriter<File>) -> io::Result<()>) -> Result<PathBuf> {
    let path = cache_dir().join("fixtures").join(format!("{name}.heapsnapshot"));
    Ok(produce_once(&path, |path| {
        let written = File::create(path).and_then(|file| shape(BufWriter::with_capacity(1 << 20, file)));
        written.map_err(SetupError::file(path))
    })?)
}
