//! `bench --snapshot`: heap snapshots of a live server, made of a frozen copy and by V8 itself.
//!
//! V8 writes its own to a file when a signal comes (`--heapsnapshot-signal`), so that nothing of ours is in its time. The
//! pause is the longest time between two answers that a client sees; CPU is that of the one who makes the snapshot. The
//! server's memory after V8's first snapshot stays large, so ours are made before.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_heaps::cache_dir;
use test_heaps::nodes::{self, SUPPORTED};
use test_heaps::server::Server;

use super::client::{Client, resident};
use super::report::Report;
use crate::measure::cost;
use crate::shell::root;

/// V8 may take so long; then its numbers are at least these.
const PATIENCE: Duration = Duration::from_secs(1200);
/// The kernel counts processor time in hundredths of a second.
const TICKS: f64 = 100.0;

/// One snapshot.
#[derive(Clone, Copy)]
struct Row {
    pause_ms: f64,
    own_ms: f64,
    wall_s: f64,
    cpu_s: f64,
    growth: u64,
    peak: u64,
    bytes: u64,
}

pub(super) fn run(
    program: &Path,
    versions: &str,
    megabytes: &[u32],
    rounds: usize,
    report: &mut Report,
) -> Result<()> {
    for size in megabytes {
        report.line(&format!(
            "\n### {size} MB of heap\n\n\
             | Node | | pause ms | own clock ms | wall s | CPU s | server grows MB | heapdowse's peak MB | file MB |\n\
             |---|---|---:|---:|---:|---:|---:|---:|---:|"
        ));
        for major in versions.split(',') {
            let of = |version: &&&str| version.split('.').next() == Some(major);
            let version = SUPPORTED.iter().find(of).with_context(|| format!("no Node {major}"))?;
            one_version(program, version, *size, rounds, report)?;
        }
    }
    Ok(())
}

fn one_version(program: &Path, version: &str, size: u32, rounds: usize, report: &mut Report) -> Result<()> {
    let folder = tempfile::tempdir_in(cache_dir())?;
    let script = root().join("testing/peers/heap-server.cjs").display().to_string();
    let wanted = size.to_string();
    let own = format!("--diagnostic-dir={}", folder.path().display());
    let flags = [&own, "--heapsnapshot-signal=SIGUSR2", "--max-old-space-size=16000", &script, &wanted];
    let server = Server::start(&nodes::binary(version)?, &flags);
    std::thread::sleep(Duration::from_secs(2));
    let mut forked = Vec::new();
    for _ in 0..rounds {
        forked.push(fork(program, &server, folder.path())?);
    }
    // Ours are cheap; V8's takes minutes on some versions, and what it does does not vary much.
    let theirs: Vec<Row> =
        (0..rounds.min(3)).map(|_| by_v8(&server, folder.path())).collect::<Result<_>>()?;
    for (way, rows) in [("heapdowse, fork", &forked), ("V8", &theirs)] {
        let of = |number: fn(&Row) -> f64| {
            let mut numbers: Vec<f64> = rows.iter().map(number).collect();
            numbers.sort_by(f64::total_cmp);
            numbers[numbers.len() / 2]
        };
        report.line(&format!(
            "| {version} | {way} | {:.0} | {:.1} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} |",
            of(|row| row.pause_ms),
            of(|row| row.own_ms),
            of(|row| row.wall_s),
            of(|row| row.cpu_s),
            of(|row| row.growth as f64 / 1e6),
            of(|row| row.peak as f64 / 1e6),
            of(|row| row.bytes as f64 / 1e6),
        ));
    }
    Ok(())
}

fn fork(program: &Path, server: &Server, folder: &Path) -> Result<Row> {
    let (file, answer) = (folder.join("ours.heapsnapshot"), folder.join("answer"));
    let line = format!(
        "{} snapshot {} --via fork -o {} --json > {} 2>/dev/null",
        program.display(),
        server.pid(),
        file.display(),
        answer.display()
    );
    let client = Client::of(server)?;
    std::thread::sleep(Duration::from_millis(300));
    let before = resident(server.pid());
    let spent = cost(&["sh".to_owned(), "-c".to_owned(), line], &[])?;
    let (pause_ms, most) = client.finish()?;
    let answer: Value = serde_json::from_slice(&std::fs::read(&answer)?)?;
    ensure!(answer["via"] == "fork", "another way than asked for");
    let bytes = std::fs::metadata(&file)?.len();
    std::fs::remove_file(&file)?;
    Ok(Row {
        pause_ms,
        own_ms: answer["pause_ms"].as_f64().context("no pause")?,
        wall_s: spent.wall_s,
        cpu_s: spent.cpu_s,
        growth: most.saturating_sub(before),
        peak: spent.peak_bytes,
        bytes,
    })
}

/// V8 writes one when the signal comes; it stands still meanwhile, so that all of its time is the snapshot's.
fn by_v8(server: &Server, folder: &Path) -> Result<Row> {
    let client = Client::of(server)?;
    std::thread::sleep(Duration::from_millis(300));
    let (before, used) = (resident(server.pid()), cpu_seconds(server.pid())?);
    let started = Instant::now();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(server.pid() as i32),
        nix::sys::signal::Signal::SIGUSR2,
    )?;
    let file = loop {
        std::thread::sleep(Duration::from_millis(20));
        // A process that stands still grows; the client sees it only before and after.
        let found = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        let mut found = found.filter(|path| path.extension().is_some_and(|end| end == "heapsnapshot"));
        if let Some(file) = found.find(|path| is_whole(path)) {
            break file;
        }
        ensure!(started.elapsed() < PATIENCE, "V8 took more than {} s", PATIENCE.as_secs());
    };
    let (wall_s, cpu_s) = (started.elapsed().as_secs_f64(), cpu_seconds(server.pid())? - used);
    let most = peak(server.pid())?;
    let (pause_ms, _) = client.finish()?;
    let bytes = std::fs::metadata(&file)?.len();
    std::fs::remove_file(&file)?;
    Ok(Row { pause_ms, own_ms: pause_ms, wall_s, cpu_s, growth: most.saturating_sub(before), peak: 0, bytes })
}

fn is_whole(path: &Path) -> bool {
    use std::io::{Read, Seek, SeekFrom};
    let mut end = [0; 2];
    let mut last = || {
        let mut file = std::fs::File::open(path).ok()?;
        file.seek(SeekFrom::End(-2)).ok()?;
        file.read_exact(&mut end).ok()
    };
    last().is_some() && &end == b"]}"
}

/// Processor time that a process has used, seconds (proc(5), fields 14 and 15 of stat).
fn cpu_seconds(pid: u32) -> Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let behind = text.rsplit_once(") ").context("no name in stat")?.1;
    let ticks: Vec<u64> = behind.split(' ').skip(11).take(2).filter_map(|ticks| ticks.parse().ok()).collect();
    Ok(ticks.iter().sum::<u64>() as f64 / TICKS)
}

/// The highest resident set of a process so far, bytes.
fn peak(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? << 10)
}
