//! The tables of BENCHMARKS.md.

use std::fmt::Write as _;
use std::process::Command;

use anyhow::Result;
use test_heaps::nodes;

use crate::measure::Cost;
use crate::shell;

/// Markdown that grows table by table.
pub(super) struct Report {
    text: String,
}

impl Report {
    /// Starts with the machine and the versions.
    pub(super) fn new(rounds: usize) -> Result<Self> {
        let version = |program: &str| -> Result<String> {
            let said = shell::output(Command::new(program).arg("--version"))?;
            Ok(String::from_utf8_lossy(&said).trim().to_owned())
        };
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let text = format!(
            "Machine: {}, {cores} cores, {}. {}, Node {} for the tools written in JavaScript; the snapshots are \
             of Node {}. Medians of {rounds} rounds in which the tools take turns; CPU is user and system time of the \
             whole process, memory its peak.\n",
            processor(),
            memory(),
            version("rustc")?,
            version("node")?,
            nodes::V20,
        );
        Ok(Self { text })
    }

    pub(super) fn race(&mut self, title: &str) {
        self.line(&format!("\n### {title}\n\n| | CPU s | wall s | peak MB | CPU, first row = 1 |"));
        self.line("|---|---:|---:|---:|---:|");
    }

    pub(super) fn costs<'a>(&mut self, names: impl Iterator<Item = &'a str>, costs: &[Cost]) {
        let first = costs.first().map_or(f64::NAN, |cost| cost.cpu_s);
        for (name, cost) in names.zip(costs) {
            let Cost { cpu_s, wall_s, peak_bytes } = cost;
            let megabytes = peak_bytes / 1_000_000;
            self.line(&format!("| {name} | {cpu_s:.2} | {wall_s:.2} | {megabytes} | {:.2} |", cpu_s / first));
        }
    }

    pub(super) fn line(&mut self, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{text}");
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("model name"));
    let name = line.and_then(|line| line.split_once(':')).map(|(_, name)| name.trim().to_owned());
    name.unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

fn memory() -> String {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kilobytes.map_or_else(|| "memory unknown".to_owned(), |kilobytes| format!("{} GB", kilobytes / 1_000_000))
}

/// The middle of some numbers, of which there is one at least.
pub(super) fn middle(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
