//! Runs a program and prints the report:
//! `cargo run -p investigation --example run -- [--load CMD] [--url PATH] [--rounds N] [--requests N]
//! [--ready WHEN] [--json] -- node app.js`

use std::{io::Write, time::Instant};

use anyhow::{Context, bail};
use investigation::run::{RunEvent, RunOptions, RunStep, run};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut options = RunOptions::new(Vec::new());
    let mut json = false;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().context("a value is missing");
        match argument.as_str() {
            "--load" => options.load = Some(value()?),
            "--url" => options.url = Some(value()?),
            "--rounds" => options.rounds = Some(value()?.parse()?),
            "--requests" => options.requests = Some(value()?.parse()?),
            "--ready" => options.ready = value()?.parse()?,
            "--keep" => options.keep_snapshots = Some(value()?.into()),
            "--json" => json = true,
            "--" => {
                options.command = arguments.collect();
                break;
            }
            other => bail!("unknown argument {other}"),
        }
    }
    let started = Instant::now();
    let mut stderr = std::io::stderr();
    let mut events = |event: &RunEvent| {
        if !matches!(event.step, RunStep::Floor(_) | RunStep::Snapshot { .. }) {
            let _ = writeln!(stderr, "[{:6.2} s] {:?}", started.elapsed().as_secs_f64(), event.step);
        }
    };
    let report = run(
        &options,
        &mut events,
        &mut investigation::attribute::Attributor { folder: std::env::current_dir().ok() },
    )?;
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
        return Ok(());
    }
    for row in &report.rounds {
        writeln!(
            out,
            "{:3}{} {:8.0} {:>6} req  heap {:8.3} MB (before {:8.3})  code {:6.3}  ext {:7.3}  rss {:7.1}  fds {:?}  gc {:.0} ms x{}  load {:.2} s",
            row.round,
            if row.warm_up { "w" } else { " " },
            row.work,
            row.requests.map_or("?".to_owned(), |requests| requests.to_string()),
            row.heap_used as f64 / 1048576.0,
            row.heap_before_collection as f64 / 1048576.0,
            row.code.unwrap_or(0) as f64 / 1048576.0,
            row.external as f64 / 1048576.0,
            row.resident.unwrap_or(0) as f64 / 1048576.0,
            row.open_files,
            row.collection_ms,
            row.collections,
            row.load_seconds,
        )?;
    }
    writeln!(out, "watched: {:?}", report.watched)?;
    for snapshot in &report.snapshots {
        writeln!(
            out,
            "snapshot after round {}: {} nodes, {} bytes",
            snapshot.round, snapshot.nodes, snapshot.bytes
        )?;
    }
    writeln!(out, "verdict: {} ({:?})", report.verdict.word.as_str(), report.verdict.grade)?;
    for evidence in &report.verdict.evidence {
        writeln!(out, "  - {}", evidence.text)?;
    }
    for advice in &report.verdict.advice {
        writeln!(out, "  > {advice}")?;
    }
    for warning in &report.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    writeln!(out, "took {:.1} s", report.seconds)?;
    Ok(())
}
