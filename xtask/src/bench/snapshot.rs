//! `bench --snapshot`: heap snapshots of a live server, made of a frozen copy and by V8 itself.
//!
//! V8 writes its own to a file when a signal comes (`--heapsnapshot-signal`), so that nothing of ours is in its time, and
//! once more through the inspector. The pause is the longest time between two answers that a client sees; CPU is that of
//! all who make the snapshot. A server's memory stays large after V8's first snapshot, so each of V8's gets a new server.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use test_heaps::cache_dir;
use test_heaps::nodes::{self, SUPPORTED};
use test_heaps::server::Server;

use super::client::{Client, resident};
use super::report::{Report, middle};
use crate::arguments::Arguments;
use crate::measure::cost;
use crate::shell::root;

/// V8 may take so long; then its numbers are at least these.
const PATIENCE: Duration = Duration::from_secs(1200);
/// What takes so many seconds is made once.
const LONG_S: f64 = 100.0;
/// The kernel counts processor time in hundredths of a second.
const TICKS: f64 = 100.0;

/// What is to be measured.
pub(super) struct Plan {
    versions: Vec<String>,
    /// Each string of the heap has its own text, as ids, keys and lines of programs do.
    distinct: bool,
    /// Without V8's.
    alone: bool,
    through_inspector: bool,
}

impl Plan {
    pub(super) fn of(arguments: &mut Arguments) -> Result<Self> {
        let usual = || ["20", "22", "24"].map(str::to_owned).to_vec();
        Ok(Self {
            versions: arguments.list("--node")?.unwrap_or_else(usual),
            distinct: arguments.flag("--distinct"),
            alone: arguments.flag("--alone"),
            through_inspector: arguments.flag("--inspector"),
        })
    }

    pub(super) fn run(
        &self,
        program: &Path,
        megabytes: &[u32],
        rounds: usize,
        report: &mut Report,
    ) -> Result<()> {
        for size in megabytes {
            let strings = if self.distinct { ", each string with its own text" } else { "" };
            report.line(&format!(
                "\n### {size} MB of heap{strings}\n\n\
                 | Node | | pause ms | own clock ms | wall s | CPU s | server MB | grows MB | heapdowse's peak MB | graph MB | file MB |\n\
                 |---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
            ));
            for major in &self.versions {
                let of = |version: &&&str| version.split('.').next() == Some(major);
                let version = SUPPORTED.iter().find(of).with_context(|| format!("no Node {major}"))?;
                self.version(program, version, *size, rounds, report)?;
            }
        }
        Ok(())
    }

    fn version(
        &self,
        program: &Path,
        version: &str,
        size: u32,
        rounds: usize,
        report: &mut Report,
    ) -> Result<()> {
        let folder = tempfile::tempdir_in(cache_dir())?;
        let folder = folder.path();
        let server = self.server(version, size, folder)?;
        let rows = (0..rounds).map(|_| ours(program, &server, "fork", folder));
        tell(version, "heapdowse, fork", &rows.collect::<Result<Vec<_>>>()?, report);
        drop(server);
        if self.alone {
            return Ok(());
        }
        let theirs = few(rounds, || by_v8(&self.server(version, size, folder)?, folder))?;
        tell(version, "V8", &theirs, report);
        if self.through_inspector && !theirs.iter().any(|row| row.is_cut) {
            let rows =
                few(rounds, || ours(program, &self.server(version, size, folder)?, "inspector", folder))?;
            tell(version, "V8 through the inspector", &rows, report);
        }
        Ok(())
    }

    fn server(&self, version: &str, size: u32, folder: &Path) -> Result<Server> {
        let script = root().join("testing/peers/heap-server.cjs").display().to_string();
        let own = format!("--diagnostic-dir={}", folder.display());
        let wanted = size.to_string();
        let strings = if self.distinct { "distinct" } else { "repeated" };
        let flags = [&own, "--heapsnapshot-signal=SIGUSR2", "--max-old-space-size=16000"];
        let server = Server::start(
            &nodes::binary(version)?,
            &flags.into_iter().chain([script.as_str(), &wanted, strings]).collect::<Vec<_>>(),
        );
        std::thread::sleep(Duration::from_secs(2));
        Ok(server)
    }
}

/// One snapshot.
#[derive(Clone, Copy)]
struct Row {
    pause_ms: f64,
    own_ms: f64,
    wall_s: f64,
    cpu_s: f64,
    /// Of the server, before.
    resident: u64,
    growth: u64,
    peak: u64,
    /// The graph as it is kept to be asked; 0 where that is not known.
    graph: u64,
    bytes: u64,
    /// It was not waited for to the end.
    is_cut: bool,
}

fn tell(version: &str, way: &str, rows: &[Row], report: &mut Report) {
    let of = |number: fn(&Row) -> f64| middle(rows.iter().map(number).collect());
    let way =
        if rows.iter().any(|row| row.is_cut) { format!("{way}, cut: at least") } else { way.to_owned() };
    report.line(&format!(
        "| {version} | {way} | {:.0} | {:.1} | {:.2} | {:.2} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} |",
        of(|row| row.pause_ms),
        of(|row| row.own_ms),
        of(|row| row.wall_s),
        of(|row| row.cpu_s),
        of(|row| row.resident as f64 / 1e6),
        of(|row| row.growth as f64 / 1e6),
        of(|row| row.peak as f64 / 1e6),
        of(|row| row.graph as f64 / 1e6),
        of(|row| row.bytes as f64 / 1e6),
    ));
}

/// Three rounds at most, and one where it takes minutes: what V8 does does not vary much.
fn few(rounds: usize, mut row: impl FnMut() -> Result<Row>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    while rows.len() < rounds.min(3) {
        rows.push(row()?);
        if rows.iter().any(|row| row.wall_s > LONG_S) {
            break;
        }
    }
    Ok(rows)
}

/// `heapdowse snapshot`, one way or the other: of the frozen copy the server does nothing, through the inspector all.
fn ours(program: &Path, server: &Server, via: &str, folder: &Path) -> Result<Row> {
    let (file, answer) = (folder.join("ours.heapsnapshot"), folder.join("answer"));
    let line = format!(
        "{} snapshot {} --via {via} -o {} --json > {} 2>/dev/null",
        program.display(),
        server.pid(),
        file.display(),
        answer.display()
    );
    let client = Client::of(server)?;
    std::thread::sleep(Duration::from_millis(300));
    let (before, used) = (resident(server.pid()), cpu_seconds(server.pid())?);
    let spent = cost(&["sh".to_owned(), "-c".to_owned(), line], &[])?;
    let (pause_ms, most) = client.finish()?;
    let answer: Value = serde_json::from_slice(&std::fs::read(&answer)?)?;
    ensure!(answer["via"] == via, "another way than asked for");
    let bytes = std::fs::metadata(&file)?.len();
    std::fs::remove_file(&file)?;
    let (own_ms, of_server, most) = match via {
        "fork" => (answer["pause_ms"].as_f64().context("no pause")?, 0.0, most),
        _ => (pause_ms, cpu_seconds(server.pid())? - used, peak(server.pid())?),
    };
    Ok(Row {
        pause_ms,
        own_ms,
        wall_s: spent.wall_s,
        cpu_s: spent.cpu_s + of_server,
        resident: before,
        growth: most.saturating_sub(before),
        peak: spent.peak_bytes,
        graph: graph_bytes(&answer),
        bytes,
        is_cut: false,
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
    let snapshot = || -> Result<Option<std::path::PathBuf>> {
        let found = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        let mut found = found.filter(|path| path.extension().is_some_and(|end| end == "heapsnapshot"));
        Ok(found.next())
    };
    let file = loop {
        std::thread::sleep(Duration::from_millis(20));
        let file = snapshot()?;
        if file.as_deref().is_some_and(is_whole) || started.elapsed() > PATIENCE {
            break file;
        }
    };
    let is_cut = !file.as_deref().is_some_and(is_whole);
    let (wall_s, cpu_s) = (started.elapsed().as_secs_f64(), cpu_seconds(server.pid())? - used);
    // A process that stands still grows; the client sees it only before and after.
    let growth = peak(server.pid())?.saturating_sub(before);
    // The client of a server that stands still waits for its answer: it ends with the server.
    let pause_ms = if is_cut { wall_s * 1e3 } else { client.finish()?.0 };
    let bytes = file.as_deref().map_or(Ok(0), |file| std::fs::metadata(file).map(|file| file.len()))?;
    file.map_or(Ok(()), std::fs::remove_file)?;
    let own_ms = pause_ms;
    Ok(Row { pause_ms, own_ms, wall_s, cpu_s, resident: before, growth, peak: 0, graph: 0, bytes, is_cut })
}

/// Nodes have 17 bytes in their columns, edges 9.
fn graph_bytes(answer: &Value) -> u64 {
    let count = |name: &str| answer[name].as_u64().unwrap_or(0);
    17 * count("node_count") + 9 * count("edge_count")
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
