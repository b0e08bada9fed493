//! `heapdowse attach`: the verdict about a process that is already running, without a restart.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use investigation::attach::{self, ProcessFacts};
use investigation::attribute::Attributor;
use investigation::price;
use investigation::run::{self, AttachPlan, RunOptions};
use serde::Serialize;

use crate::hunt_args::HuntArgs;
use crate::interrupt;
use crate::output::{Output, say};
use crate::target::{TargetArgs, attach_options};
use crate::text::{safe, size};

/// Attach to a running process, and say whether it leaks; it runs on as before
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse attach 4242                          watch its own traffic for a minute
  heapdowse attach --listening 3000 --load 'node load.js {url} {requests}' --rounds 12
  heapdowse attach --name server.js --no-gc --for 600
  heapdowse attach 4242 --dry-run                say what would be done, and do nothing

The inspector is opened by SIGUSR1 where the process catches it, and closed again whatever happens; one that is open
already is used and left open. Exit codes: 0 no leak, 1 leak, 3 inconclusive, 4 the process can't be attached to.")]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    #[command(flatten)]
    hunt: HuntArgs,
    /// How long to watch the process's own traffic: 60s, 5m (60s and longer while it is undecided, if not given)
    #[arg(long = "for", value_name = "TIME", value_parser = time, conflicts_with_all = ["load", "url", "rounds", "requests"])]
    watch: Option<Duration>,
    /// Never force a collection: wait for those that come by themselves, which may decide nothing
    #[arg(long, conflicts_with_all = ["load", "url"])]
    no_gc: bool,
    /// The longest that one collection or snapshot may stop the process, milliseconds
    #[arg(long, value_name = "MS")]
    max_pause: Option<u64>,
    /// Take no snapshots: a verdict, but not who is to blame
    #[arg(long)]
    no_snapshots: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Seconds, or a number with `s`, `m` or `h`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => text.split_at(at),
        None => (text, "s"),
    };
    let scale = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("{text:?} is no time; times look like 60s, 5m or 1h")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("{text:?} is no time"))?;
    Duration::try_from_secs_f64(number * scale).map_err(|error| error.to_string())
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let selector = args.target.selector()?;
    let pid = *selector.outermost()?.first().context("no process")?;
    if args.dry_run {
        return dry_run(&args, pid, output);
    }
    let facts = ProcessFacts::of(pid).map_err(attach::AttachError::from)?;
    let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).ok();
    let options = RunOptions {
        snapshots: !args.no_snapshots && !args.no_gc,
        watch_time: args.watch.unwrap_or(Duration::from_secs(60)),
        folder: folder.clone(),
        interrupt: interrupt::flag(),
        ..args.hunt.options(facts.command_line)
    };
    let plan = AttachPlan {
        selector,
        attach: attach_options()?,
        collect: !args.no_gc,
        max_pause: args.max_pause.map(Duration::from_millis),
        extend: args.watch.is_none() && !args.no_gc,
    };
    let answer = {
        // The inspector must be closed before this process is gone.
        let _critical = interrupt::Critical::begin();
        let mut attributor = Attributor { folder, without_known_cases: args.hunt.no_matchers };
        run::attach(&plan, &options, &mut super::run::tell, &mut attributor)?
    };
    args.hunt.tell(&answer, output)
}

/// What would be done.
#[derive(Serialize)]
struct DryRun {
    schema_version: u32,
    command: &'static str,
    process: ProcessFacts,
    /// Why it would fail, if that can be told from outside.
    refused: Option<String>,
    steps: Vec<String>,
}

fn dry_run(args: &Args, pid: u32, output: &mut Output) -> Result<ExitCode> {
    use std::io::Write;
    let process = ProcessFacts::of(pid).map_err(attach::AttachError::from)?;
    let refusal = attach::signal_would_be_refused(pid).err();
    let resident = price::resident_bytes(pid).unwrap_or(0);
    let (low, high) = price::predict_collection(resident);
    let mut steps = vec![
        format!("use the inspector of process {pid} if it is open; else send SIGUSR1, and close it again at the end"),
        "put a probe of a few lines into the process, and take it out again".to_owned(),
    ];
    if args.no_gc {
        steps.push("wait for collections that come by themselves; force none".to_owned());
    } else {
        steps.push(format!(
            "force full collections, 5 % of the time at most, each stopping it for up to {:.0} to {:.0} ms (judged by its \
             resident set of {})",
            low.as_secs_f64() * 1e3,
            high.as_secs_f64() * 1e3,
            size(resident)
        ));
        if !args.no_snapshots {
            steps.push("if something grows, and if it fits into memory, take up to three heap snapshots".to_owned());
        }
    }
    let refused = refusal.as_ref().map(ToString::to_string);
    if args.hunt.json {
        let answer = DryRun { schema_version: 1, command: "attach", process, refused, steps };
        serde_json::to_writer_pretty(&mut *output, &answer)?;
        writeln!(output)?;
    } else {
        writeln!(output, "process {pid}: {}\nwould:", safe(&process.command_line.join(" ")))?;
        for step in &steps {
            writeln!(output, "- {step}")?;
        }
        if let Some(refused) = &refused {
            say("attach", refused);
        }
    }
    Ok(if refusal.is_some() { ExitCode::from(4) } else { ExitCode::SUCCESS })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(time("60"), Ok(Duration::from_secs(60)));
        assert_eq!(time("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(time("250ms"), Ok(Duration::from_millis(250)));
        assert!(time("x").is_err() && time("5 days").is_err() && time("").is_err());
    }
}
