//! `measured`: runs one command and writes what it cost.
//!
//! The system adds up the costs of the children of a process, and remembers their highest memory. So each command
//! that is measured gets a small process of its own, this one, which has no other child.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde_json::{Value, json};

use crate::arguments::Arguments;

/// What a command cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// CPU seconds, of the program and of the system for it.
    pub(crate) cpu_s: f64,
    /// Seconds on the clock.
    pub(crate) wall_s: f64,
    /// The most memory that was resident, in bytes.
    pub(crate) peak_bytes: u64,
}

pub(crate) fn run(mut arguments: Arguments) -> Result<()> {
    let out: String = arguments.value("--out")?.context("--out FILE is needed")?;
    let command = arguments.finish()?;
    let (program, arguments) = command.split_first().context("a command is needed after --")?;
    let started = Instant::now();
    let mut child = Command::new(program);
    let status = child.args(arguments).stdout(Stdio::null()).status().with_context(|| program.clone())?;
    let wall_s = started.elapsed().as_secs_f64();
    ensure!(status.success(), "{} ended with {status}", command.join(" "));
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu_us = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    // Linux counts kilobytes, macOS bytes.
    let unit = if cfg!(target_os = "macos") { 1 } else { 1024 };
    let cost =
        json!({ "cpu_s": cpu_us as f64 / 1e6, "wall_s": wall_s, "peak_bytes": usage.max_rss() * unit });
    std::fs::write(&out, cost.to_string()).with_context(|| out.clone())
}

/// Measures a command, whose standard output goes nowhere.
pub(crate) fn cost(command: &[String], environment: &[(String, String)]) -> Result<Cost> {
    let file = tempfile::NamedTempFile::new()?;
    let mut meter = Command::new(std::env::current_exe()?);
    meter.args(["measured", "--out"]).arg(file.path()).arg("--").args(command);
    meter.envs(environment.iter().map(|(name, value)| (name, value)));
    crate::shell::output(&mut meter)?;
    let cost: Value = serde_json::from_slice(&std::fs::read(file.path())?)?;
    let number = |key: &str| cost[key].as_f64().with_context(|| format!("no {key} was measured"));
    Ok(Cost { cpu_s: number("cpu_s")?, wall_s: number("wall_s")?, peak_bytes: number("peak_bytes")? as u64 })
}

/// The middle cost: each number's median by itself.
pub(crate) fn median(costs: &[Cost]) -> Cost {
    let middle = |number: fn(&Cost) -> f64| {
        let mut numbers: Vec<f64> = costs.iter().map(number).collect();
        numbers.sort_by(f64::total_cmp);
        match numbers.len() {
            0 => f64::NAN,
            count if count % 2 == 1 => numbers[count / 2],
            count => f64::midpoint(numbers[count / 2 - 1], numbers[count / 2]),
        }
    };
    Cost {
        cpu_s: middle(|cost| cost.cpu_s),
        wall_s: middle(|cost| cost.wall_s),
        peak_bytes: middle(|cost| cost.peak_bytes as f64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, median};

    #[test]
    fn the_median_is_the_middle() {
        let cost = |cpu_s| Cost { cpu_s, wall_s: 10.0 - cpu_s, peak_bytes: cpu_s as u64 };
        assert_eq!(median(&[cost(3.0), cost(1.0), cost(9.0)]).cpu_s, 3.0);
        assert_eq!(median(&[cost(3.0), cost(1.0)]).cpu_s, 2.0);
        assert_eq!(median(&[cost(3.0), cost(1.0), cost(9.0)]).wall_s, 7.0);
    }
}
