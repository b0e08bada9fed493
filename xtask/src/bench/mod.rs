//! `bench`: heapdowse and its peers on the same files in the same run, as the tables of BENCHMARKS.md.
//!
//! Whole processes are measured, the tools take turns in rounds, and medians are printed: a machine that others use
//! too is slow for all of them.

mod capture;
mod client;
mod growth;
mod peers;
mod report;
mod snapshot;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use peers::Peer;
use report::Report;
use test_heaps::fixtures::{Which, snapshot};
use test_heaps::nodes;

use crate::arguments::Arguments;
use crate::measure::{Cost, cost, median};
use crate::shell;
use crate::soak;

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let bench = Bench {
        rounds: arguments.value("--rounds")?.unwrap_or(5),
        megabytes: arguments.list("--mb")?.unwrap_or_else(|| USUAL.to_vec()),
        shapes: !arguments.flag("--no-shapes"),
        largest_peer_mb: arguments.value("--peers-to")?.unwrap_or(600),
        program: match arguments.value("--program")? {
            Some(program) => program,
            None => shell::heapdowse("release")?,
        },
    };
    let out: Option<PathBuf> = arguments.value("--out")?;
    if arguments.flag("--capture") {
        arguments.finish()?;
        let mut report = Report::new(bench.rounds)?;
        let sizes = if bench.megabytes == USUAL { vec![200, 1000, 4000] } else { bench.megabytes };
        capture::run(&bench.program, &sizes, bench.rounds, &mut report)?;
        return tell(&report, out);
    }
    if arguments.flag("--snapshot") {
        let plan = snapshot::Plan::of(&mut arguments)?;
        arguments.finish()?;
        let mut report = Report::new(bench.rounds)?;
        let sizes = if bench.megabytes == USUAL { vec![200] } else { bench.megabytes };
        plan.run(&bench.program, &sizes, bench.rounds, &mut report)?;
        return tell(&report, out);
    }
    let mut peers = if arguments.flag("--no-peers") { Vec::new() } else { peers::all()? };
    while let Some(peer) = arguments.value::<String>("--peer")? {
        peers.push(Peer::external(&peer)?);
    }
    arguments.finish()?;
    ensure!(bench.rounds > 0, "at least one round");
    let mut report = Report::new(bench.rounds)?;
    bench.loads(&peers, &mut report)?;
    bench.second_command(&mut report)?;
    bench.difference(&peers, &mut report)?;
    bench.parse_alone(&mut report)?;
    if bench.shapes {
        bench.shapes(&mut report)?;
    }
    tell(&report, out)
}

fn tell(report: &Report, out: Option<PathBuf>) -> Result<()> {
    match out {
        Some(out) => Ok(std::fs::write(out, report.text())?),
        None => {
            println!("{}", report.text());
            Ok(())
        }
    }
}

/// The sizes of snapshots.
const USUAL: [u32; 3] = [7, 100, 500];

struct Bench {
    rounds: usize,
    megabytes: Vec<u32>,
    shapes: bool,
    /// Some peers need very long on larger files.
    largest_peer_mb: u32,
    program: PathBuf,
}

/// A command line with a name for the table.
struct Contender {
    name: String,
    command: Vec<String>,
    environment: Vec<(String, String)>,
}

impl Contender {
    fn new(name: &str, command: Vec<String>) -> Self {
        Self { name: name.to_owned(), command, environment: Vec::new() }
    }
}

impl Bench {
    /// Each contender once a round, so that a slow minute hits all; the medians.
    fn race(&self, contenders: &[Contender]) -> Result<Vec<Cost>> {
        let mut costs = vec![Vec::new(); contenders.len()];
        for round in 1..=self.rounds {
            for (contender, costs) in contenders.iter().zip(&mut costs) {
                eprintln!("round {round} of {}: {}", self.rounds, contender.name);
                costs.push(cost(&contender.command, &contender.environment)?);
            }
        }
        Ok(costs.iter().map(|costs| median(costs)).collect())
    }

    fn heapdowse(&self, arguments: &[&str], files: &[&Path]) -> Vec<String> {
        let mut command = vec![self.program.display().to_string()];
        command.extend(arguments.iter().map(|word| (*word).to_owned()));
        command.extend(files.iter().map(|file| file.display().to_string()));
        command
    }

    fn loads(&self, peers: &[Peer], report: &mut Report) -> Result<()> {
        let mut sizes = Vec::new();
        for &megabytes in &self.megabytes {
            let file = snapshot(nodes::V20, megabytes, Which::First)?;
            let classes = self.heapdowse(&["classes", "--json", "--no-cache"], &[&file]);
            let mut contenders = vec![Contender::new("heapdowse", classes)];
            if megabytes <= self.largest_peer_mb {
                contenders.extend(peers.iter().filter_map(|peer| peer.load(&file)));
            }
            let costs = self.race(&contenders)?;
            let bytes = std::fs::metadata(&file)?.len();
            report.race(&format!("Load, distances, dominators, retained sizes, classes: {bytes} bytes"));
            report.costs(contenders.iter().map(|contender| contender.name.as_str()), &costs);
            sizes.push((bytes as f64, costs[0].cpu_s));
        }
        if let Some(exponent) = growth::exponent(&sizes) {
            report
                .line(&format!("CPU seconds of heapdowse grow with the size to the power of {exponent:.2}."));
        }
        Ok(())
    }

    /// A first command without a cache, one that leaves an index in it, and one that uses the index.
    fn second_command(&self, report: &mut Report) -> Result<()> {
        for &megabytes in &self.megabytes {
            let file = snapshot(nodes::V20, megabytes, Which::First)?;
            let mut costs: [Vec<Cost>; 3] = Default::default();
            for round in 1..=self.rounds {
                eprintln!("round {round} of {}: two commands on one file", self.rounds);
                let cache = tempfile::tempdir()?;
                let environment = [("XDG_CACHE_HOME".to_owned(), cache.path().display().to_string())];
                let alone = self.heapdowse(&["classes", "--json", "--no-cache"], &[&file]);
                let cached = self.heapdowse(&["classes", "--json"], &[&file]);
                costs[0].push(cost(&alone, &environment)?);
                let left = std::fs::read_dir(cache.path())?.count();
                ensure!(left == 0, "--no-cache left something in the cache");
                costs[1].push(cost(&cached, &environment)?);
                costs[2].push(cost(&cached, &environment)?);
            }
            report.race(&format!("A second command on the same file: {megabytes} MB"));
            let names = ["first command, no cache", "first command, keeps an index", "second command"];
            let [alone, first, second] = costs.each_ref().map(|costs| median(costs));
            report.costs(names.into_iter(), &[alone, first, second]);
            report.line(&format!(
                "\nThe second command costs {:.3} of the first in CPU, {:.3} in time.",
                second.cpu_s / alone.cpu_s,
                second.wall_s / alone.wall_s
            ));
        }
        Ok(())
    }

    fn difference(&self, peers: &[Peer], report: &mut Report) -> Result<()> {
        let Some(&megabytes) = self.megabytes.iter().filter(|megabytes| **megabytes <= 100).max() else {
            return Ok(());
        };
        let before = snapshot(nodes::V20, megabytes, Which::First)?;
        let after = snapshot(nodes::V20, megabytes, Which::Second)?;
        let load = self.heapdowse(&["classes", "--json", "--no-cache"], &[&before]);
        let diff = self.heapdowse(&["diff", "--json", "--no-cache"], &[&before, &after]);
        let mut contenders =
            vec![Contender::new("heapdowse, one load", load), Contender::new("heapdowse, difference", diff)];
        contenders.extend(peers.iter().filter_map(|peer| peer.diff(&before, &after)));
        let costs = self.race(&contenders)?;
        report.race(&format!("The difference of two snapshots of {megabytes} MB"));
        report.costs(contenders.iter().map(|contender| contender.name.as_str()), &costs);
        Ok(())
    }

    /// Reading alone, beside the least that a reader must do: look at every byte and keep every integer.
    fn parse_alone(&self, report: &mut Report) -> Result<()> {
        let program = peers::rust_peers()?;
        for &megabytes in &self.megabytes {
            let file = snapshot(nodes::V20, megabytes, Which::First)?.display().to_string();
            let contender = |name: &str, mode: &str| {
                Contender::new(name, vec![program.display().to_string(), mode.to_owned(), file.clone()])
            };
            let contenders = [
                contender("plain scan that stores every integer", "scan"),
                contender("heap-graph, read", "read"),
            ];
            let costs = self.race(&contenders)?;
            report.race(&format!("Reading alone: {megabytes} MB"));
            report.costs(contenders.iter().map(|contender| contender.name.as_str()), &costs);
        }
        Ok(())
    }

    fn shapes(&self, report: &mut Report) -> Result<()> {
        let shapes = [
            ("a linked list", [500_000, 5_000_000], soak::linked_list as fn(u64) -> Result<PathBuf>),
            ("an array", [2_000_000, 20_000_000], soak::wide_array),
        ];
        for (name, counts, file) in shapes {
            let mut contenders = Vec::new();
            for count in counts {
                let command = self.heapdowse(&["classes", "--json", "--no-cache"], &[&file(count)?]);
                contenders.push(Contender::new(&format!("{name} of {count}"), command));
            }
            let costs = self.race(&contenders)?;
            report.race(&format!("As deep or as wide as can be: {name}"));
            report.costs(contenders.iter().map(|contender| contender.name.as_str()), &costs);
            let points: Vec<_> =
                counts.iter().zip(&costs).map(|(count, cost)| (*count as f64, cost.cpu_s)).collect();
            if let Some(exponent) = growth::exponent(&points) {
                report.line(&format!("CPU seconds grow with the count to the power of {exponent:.2}."));
            }
        }
        Ok(())
    }
}
