//! What being watched costs a process: two servers with the same work, one of them attached to and read all the time,
//! side by side, with the sides changed after each turn. Prints the processor time of both and the ratio.
//!
//! `cargo run -p investigation --example probe_cost -- [NODE [TURNS [SECONDS [PERCENT]]]]`: the program of Node.js,
//! how many turns, how long each, and how much of a processor the server keeps busy.

#![expect(clippy::print_stdout, reason = "its result")]

use std::{
    io::{BufRead, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use investigation::attach::{AttachOptions, connect};

/// Makes garbage and keeps some, in slices of a hundredth of a second; says how much it has done when it is asked.
const PROGRAM: &str = "
const [busy] = process.argv.slice(1).map(Number);
const kept = new Array(20000);
let done = 0;
function request() {
  const made = [];
  for (let i = 0; i < 400; i++) made.push({ i, name: 'x' + i, pair: [i, i + 1] });
  kept[done++ % kept.length] = made[3];
}
setInterval(() => {
  const end = performance.now() + busy / 10;
  while (performance.now() < end) request();
}, 10);
process.stdin.on('data', () => {
  const { user, system } = process.cpuUsage();
  console.log(done, user + system);
});
process.stdin.on('end', () => process.exit());
";

struct Server {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Server {
    fn start(node: &str, percent: &str) -> Result<Self> {
        let mut child = Command::new(node)
            .args(["--inspect-port=0", "-e", PROGRAM, percent])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| node.to_owned())?;
        let input = child.stdin.take().context("its input")?;
        let output = BufReader::new(child.stdout.take().context("its output")?);
        Ok(Self { child, input, output })
    }

    /// Requests done, and microseconds of processor time used.
    fn ask(&mut self) -> Result<(f64, f64)> {
        use std::io::Write;
        self.input.write_all(b"?")?;
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let (done, used) = line.trim().split_once(' ').context("no answer")?;
        Ok((done.parse()?, used.parse()?))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Processor time for a request in both servers, microseconds, while the one numbered `watched` is watched.
fn turn(servers: &mut [Server; 2], watched: usize, time: Duration) -> Result<(f64, f64)> {
    let options = AttachOptions::new(None, Arc::new(|_| {}));
    let mut attached = connect(servers[watched].child.id(), &options)?;
    let (begun, before) = (Instant::now(), [servers[0].ask()?, servers[1].ask()?]);
    while begun.elapsed() < time {
        attached.read()?;
        attached.wait(Duration::from_secs(1));
    }
    let after = [servers[0].ask()?, servers[1].ask()?];
    attached.detach();
    let cost = |at: usize| (after[at].1 - before[at].1) / (after[at].0 - before[at].0).max(1.0);
    Ok((cost(watched), cost(1 - watched)))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let argument = |at: usize, usual: &str| arguments.get(at).map_or(usual, String::as_str).to_owned();
    let (node, percent) = (argument(0, "node"), argument(3, "30"));
    let turns: usize = argument(1, "16").parse()?;
    let time = Duration::from_secs(argument(2, "4").parse()?);
    let mut servers = [Server::start(&node, &percent)?, Server::start(&node, &percent)?];
    std::thread::sleep(Duration::from_secs(3));
    let (mut watched, mut alone, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    // Both sides in turn, and each pair of turns together: what makes one server dearer cancels out.
    for _ in 0..turns.div_ceil(2) {
        let (first, second) = (turn(&mut servers, 0, time)?, turn(&mut servers, 1, time)?);
        ratios.push((first.0 / first.1 * second.0 / second.1).sqrt());
        watched.extend([first.0, second.0]);
        alone.extend([first.1, second.1]);
    }
    println!(
        "{} turns of {} s: {:.1} us for a request alone, {:.1} us watched (medians); ratio {:.3}, of {:.3} to {:.3}",
        watched.len(),
        time.as_secs(),
        median(alone),
        median(watched),
        median(ratios.clone()),
        ratios.iter().copied().fold(f64::INFINITY, f64::min),
        ratios.iter().copied().fold(0.0, f64::max),
    );
    Ok(())
}
