//! `bench --capture`: cores of a live server by heapdowse, gdb's gcore and the crate elfcore, in turns.
//!
//! The pause is what a client sees: the longest time between two answers on one connection, beside the longest while
//! nobody captures. heapdowse's own clock is beside it, and the floor: the fork of a C program with as much memory in as
//! many mappings, side by side and at the same addresses.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_heaps::{cache_dir, nodes, server::Server};

use super::client::{Client, resident};
use super::peers::rust_peers;
use super::report::{Report, middle};
use crate::measure::cost;
use crate::shell::{output, root};

/// The ways to make a core.
const WAYS: [&str; 5] =
    ["heapdowse, fork", "heapdowse, stop", "heapdowse, fork, .zst", "gdb gcore", "elfcore 2.0.2"];
/// A gap of a client without any capture.
const IDLE: Duration = Duration::from_secs(2);

/// One capture.
#[derive(Clone, Copy, Default)]
struct Row {
    client_ms: f64,
    own_ms: Option<f64>,
    wall_s: f64,
    cpu_s: f64,
    bytes: u64,
    allocated: u64,
    growth: u64,
}

pub(super) fn run(program: &Path, megabytes: &[u32], rounds: usize, report: &mut Report) -> Result<()> {
    let peers = rust_peers()?;
    let fork = compiled()?;
    for size in megabytes {
        let script = root().join("testing/peers/heap-server.cjs").display().to_string();
        let wanted = size.to_string();
        // As much as it takes, and no more: V8 would keep half of it free otherwise.
        let flags = format!("--max-old-space-size={}", size * 2 + 200);
        let server = Server::start(&nodes::binary(nodes::V22)?, &[&flags, &script, &wanted]);
        std::thread::sleep(Duration::from_secs(2));
        let (private, mappings) = memory_of(server.pid())?;
        let (mut rows, mut idle) = (vec![Vec::new(); WAYS.len()], Vec::new());
        let (mut side_by_side, mut alike) = (Vec::new(), Vec::new());
        let pid = server.pid().to_string();
        for _ in 0..rounds {
            let client = Client::of(&server)?;
            std::thread::sleep(IDLE);
            idle.push(client.finish()?.0);
            side_by_side.push(forked(&fork, &[(private >> 20).to_string(), mappings.to_string()])?);
            alike.push(forked(&fork, std::slice::from_ref(&pid))?);
            for (way, rows) in WAYS.iter().zip(&mut rows) {
                let row = one(way, program, &peers, &server).with_context(|| (*way).to_owned())?;
                eprintln!("{size} MB, {way}: client {:.0} ms, own {:?} ms", row.client_ms, row.own_ms);
                rows.push(row);
            }
        }
        write(*size, private, mappings, &rows, [&idle, &side_by_side, &alike], report);
    }
    Ok(())
}

fn one(way: &str, program: &Path, peers: &Path, server: &Server) -> Result<Row> {
    let folder = tempfile::tempdir_in(cache_dir())?;
    let pid = server.pid().to_string();
    let (core, answer) = (folder.path().join("core"), folder.path().join("answer"));
    let zst = folder.path().join("core.zst");
    let text = |path: &Path| path.display().to_string();
    let heapdowse = |mode: &str, file: &Path| {
        // The answer goes to a file: `measured` keeps standard output to itself.
        let line = format!(
            "{} capture {pid} --mode {mode} -o {} --json > {} 2>/dev/null",
            text(program),
            text(file),
            text(&answer)
        );
        vec!["sh".to_owned(), "-c".to_owned(), line]
    };
    let (command, file) = match way {
        "heapdowse, fork" => (heapdowse("fork", &core), core.clone()),
        "heapdowse, stop" => (heapdowse("stop", &core), core.clone()),
        "heapdowse, fork, .zst" => (heapdowse("fork", &zst), zst.clone()),
        "gdb gcore" => (
            vec!["gcore".into(), "-o".into(), text(&core), pid.clone()],
            PathBuf::from(format!("{}.{pid}", text(&core))),
        ),
        _ => (vec![text(peers), "elfcore".into(), pid.clone(), text(&core)], core.clone()),
    };
    let client = Client::of(server)?;
    std::thread::sleep(Duration::from_millis(300));
    let before = resident(server.pid());
    let cost = cost(&command, &[])?;
    let (client_ms, most) = client.finish()?;
    let own_ms = std::fs::read(&answer).ok().and_then(|bytes| {
        let answer: Value = serde_json::from_slice(&bytes).ok()?;
        // A silent fallback must not win the race.
        (answer["mode"] == way.split(", ").nth(1).unwrap_or_default()).then(|| answer["pause_ms"].as_f64())?
    });
    ensure!(own_ms.is_some() == way.starts_with("heapdowse"), "another mode than asked for");
    let meta = std::fs::metadata(&file)?;
    let allocated = std::os::unix::fs::MetadataExt::blocks(&meta) * 512;
    Ok(Row {
        client_ms,
        own_ms,
        wall_s: cost.wall_s,
        cpu_s: cost.cpu_s,
        bytes: meta.len(),
        allocated,
        growth: most.saturating_sub(before),
    })
}

fn write(
    size: u32,
    private: u64,
    mappings: usize,
    rows: &[Vec<Row>],
    [idle, side_by_side, alike]: [&[f64]; 3],
    report: &mut Report,
) {
    report.line(&format!(
        "\n### {size} MB of heap: {} MB of private memory in {mappings} mappings\n\n\
         The client's longest gap while nobody captured was {:.1} ms; the fork of a C program with as much took {:.1} ms, \
         with as much at the same addresses {:.1} ms.\n\n\
         | | client ms | own clock ms | wall s | CPU s | file MB | on disk MB | RSS growth MB |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|",
        private / 1_000_000,
        middle(idle.to_vec()),
        middle(side_by_side.to_vec()),
        middle(alike.to_vec())
    ));
    for (way, rows) in WAYS.iter().zip(rows) {
        let of = |number: fn(&Row) -> f64| middle(rows.iter().map(number).collect());
        let own = if rows.iter().all(|row| row.own_ms.is_some()) {
            format!("{:.1}", of(|row| row.own_ms.unwrap_or(f64::NAN)))
        } else {
            "-".to_owned()
        };
        report.line(&format!(
            "| {way} | {:.1} | {own} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} |",
            of(|row| row.client_ms),
            of(|row| row.wall_s),
            of(|row| row.cpu_s),
            of(|row| row.bytes as f64 / 1e6),
            of(|row| row.allocated as f64 / 1e6),
            of(|row| row.growth as f64 / 1e6),
        ));
    }
}

fn compiled() -> Result<PathBuf> {
    let program = cache_dir().join("peers-fork");
    let mut cc = Command::new("cc");
    cc.args(["-O2", "-o"]).arg(&program).arg(root().join("testing/peers/fork.c"));
    output(&mut cc)?;
    Ok(program)
}

/// The best of five forks: the machine's floor.
fn forked(program: &Path, arguments: &[String]) -> Result<f64> {
    let said = output(Command::new(program).args(arguments))?;
    let times = String::from_utf8(said)?;
    let times = times.lines().filter_map(|line| line.parse::<f64>().ok());
    times.min_by(f64::total_cmp).context("no time")
}

/// Private bytes, and anonymous mappings.
fn memory_of(pid: u32) -> Result<(u64, usize)> {
    let smaps = std::fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let lines = smaps.lines().filter(|line| line.starts_with("Private_"));
    let kilobytes = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    let mappings = smaps.lines().filter(|line| line.starts_with("VmFlags:")).count();
    Ok((kilobytes.sum::<u64>() << 10, mappings))
}
