//! `heapdowse capture`: an ELF core of a running process, with a pause of milliseconds.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use investigation::capture::{
    CaptureRequest, Destination, HoldOptions, Mode, Trigger, WaitError, WaitOptions, core_name, self_test, wait,
};
use investigation::postmortem::collections_of;

use crate::capturing::{Asked, Answer, capture_one, print_text};
use crate::commands::watch::duration;
use crate::failure::{CannotCapture, Usage};
use crate::interrupt;
use crate::json;
use crate::output::{Output, say};
use crate::target::attach_options;

/// Write an ELF core of a running process, with a pause of milliseconds
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse capture 4242                          core.4242, for gdb or lldb
  heapdowse capture 4242 -o app.core.zst          compressed; it can be read without being unpacked
  heapdowse capture 4242 -o - | ssh host 'cat > app.core'
  heapdowse capture 4242 --when 'rss>1.5G' --count 3 --spacing 10m
  heapdowse capture --self-test                   whether it works on this machine

The process forks a frozen copy of itself and runs on, while the copy is written; where that is not
safe, it stands still until its memory is read. Which of the two, and why, is printed. It may be
any program, not only Node.js. docs/capture.md tells what happens to the process, step by step.")]
pub(crate) struct Args {
    /// The process id
    #[arg(value_name = "PID", required_unless_present = "self_test")]
    pid: Option<u32>,
    /// The file, or - for standard output (core.PID, if not given)
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Compress it (so does a file name that ends in .zst)
    #[arg(long)]
    zst: bool,
    /// How the memory is made to stand still
    #[arg(long, value_name = "MODE", default_value = "auto")]
    mode: ModeChoice,
    /// Replace a file of that name
    #[arg(long)]
    force: bool,
    /// Put the executable into the core, so that it can be read on another machine
    #[arg(long)]
    bundle_exe: bool,
    /// Write all mappings, also files and what the program wants kept out of cores
    #[arg(short, long)]
    all: bool,
    /// Which mappings to write: bits as in /proc/PID/coredump_filter, hexadecimal
    #[arg(long, value_name = "HEX", value_parser = hexadecimal, conflicts_with = "all")]
    filter: Option<u64>,
    /// Print what was done as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
    /// Capture a small process of our own, and see whether it comes through
    #[arg(long, conflicts_with_all = ["pid", "when", "output"])]
    self_test: bool,
    #[command(flatten)]
    limits: Limits,
    #[command(flatten)]
    waiting: Waiting,
}

// No doc comment: clap would take it for the help text of the command.
#[derive(clap::Args)]
#[command(next_help_heading = "Limits")]
struct Limits {
    /// Refuse if the process would stand still for longer, and let it go after this time
    #[arg(long, value_name = "TIME", value_parser = duration)]
    max_pause: Option<Duration>,
    /// Give a frozen copy up when it has cost so much memory
    #[arg(long, value_name = "SIZE", value_parser = Trigger::parse_bytes)]
    max_memory: Option<u64>,
    /// Give a frozen copy up after this time
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10m")]
    time_limit: Duration,
    /// Leave so much of the disk free
    #[arg(long, value_name = "SIZE", value_parser = Trigger::parse_bytes)]
    keep_free: Option<u64>,
    /// Fork although the process's system calls are filtered and the filter can't be read (Docker's default one
    /// allows it)
    #[arg(long)]
    trust_seccomp: bool,
}

// No doc comment, as above.
#[derive(clap::Args)]
#[command(next_help_heading = "Waiting")]
struct Waiting {
    /// Wait until: rss>SIZE, heap>N%, floor-grows, oom-near, or signal (SIGUSR2 to heapdowse). heap, floor-grows and
    /// oom-near open the inspector of the process meanwhile
    #[arg(long, value_name = "CONDITION")]
    when: Option<Trigger>,
    /// Capture so many times
    #[arg(long, value_name = "N", default_value_t = 1, requires = "when",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    count: u32,
    /// Between two captures, at least
    #[arg(long, value_name = "TIME", default_value = "60s", requires = "when", value_parser = duration)]
    spacing: Duration,
    /// Between two full collections for floor-grows
    #[arg(long, value_name = "TIME", default_value = "30s", requires = "when", value_parser = duration)]
    floor_every: Duration,
}

/// `--mode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ModeChoice {
    /// The fork where it is safe, else stopping
    Auto,
    /// A frozen copy, or an error
    Fork,
    /// Stand still until the memory is written
    Stop,
}

impl ModeChoice {
    fn mode(self) -> Option<Mode> {
        match self {
            ModeChoice::Auto => None,
            ModeChoice::Fork => Some(Mode::Fork),
            ModeChoice::Stop => Some(Mode::Stop),
        }
    }
}

/// A disk that is left full by captures that nobody waits for would harm more than the process.
const KEPT_FREE_WHEN_WAITING: u64 = 1 << 30;

fn hexadecimal(text: &str) -> Result<u64, String> {
    let digits = text.trim_start_matches("0x");
    u64::from_str_radix(digits, 16).map_err(|_| format!("{text:?} is no hexadecimal number"))
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let Some(pid) = args.pid else { return test(&args, output) };
    let to_stdout = args.output.as_ref().is_some_and(|name| name.as_os_str() == "-");
    if to_stdout && (args.json || io::stdout().is_terminal() || args.waiting.count > 1) {
        return Err(Usage("one core goes to standard output, to a file or a pipe, without --json".into()).into());
    }
    let Some(trigger) = args.waiting.when else {
        let asked = asked(&args, pid, None, false, to_stdout);
        let answer = capture_one(&asked)?;
        return finish(&args, output, &[answer], to_stdout);
    };
    let answers = when(&args, pid, trigger, to_stdout)?;
    finish(&args, output, &answers, to_stdout)
}

fn finish(args: &Args, output: &mut Output, answers: &[Answer], to_stdout: bool) -> Result<ExitCode> {
    if args.json {
        match answers {
            [answer] => json::print_for_nothing(output, "capture", answer)?,
            answers => json::print_for_nothing(output, "capture", &Several { captures: answers })?,
        }
    } else if args.waiting.when.is_none() && !to_stdout {
        answers.iter().try_for_each(|answer| print_text(answer, output))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What several captures gave.
#[derive(serde::Serialize)]
struct Several<'a> {
    captures: &'a [Answer],
}

fn asked(args: &Args, pid: u32, number: Option<u32>, short: bool, to_stdout: bool) -> Asked {
    let named_zst = args.output.as_ref().is_some_and(|name| name.extension().is_some_and(|end| end == "zst"));
    let compress = args.zst || named_zst || (short && args.output.is_none());
    let name = name(args.output.as_deref(), pid, number, compress);
    let limits = &args.limits;
    let kept = limits.keep_free.unwrap_or(if args.waiting.when.is_some() { KEPT_FREE_WHEN_WAITING } else { 0 });
    let mode = if short { args.mode.mode().or(Some(Mode::Stop)) } else { args.mode.mode() };
    Asked {
        pid,
        request: CaptureRequest {
            hold: HoldOptions {
                mode,
                trust_seccomp: limits.trust_seccomp,
                max_pause: limits.max_pause,
                max_memory: limits.max_memory,
                time_limit: limits.time_limit,
                avoid: collections_of(pid),
                wait: if short { WAIT_WHEN_SHORT } else { HoldOptions::default().wait },
                ..HoldOptions::default()
            },
            destination: if to_stdout {
                Destination::StandardOutput
            } else {
                Destination::File { name, replace: args.force }
            },
            compress,
            filter: if args.all { Some(0x7f) } else { args.filter },
            include_dont_dump: args.all,
            bundle_executable: args.bundle_exe,
            keep_free: kept,
        },
        quiet: args.json,
    }
}

/// Where memory is nearly out, V8 collects most of the time, and the process may end any moment.
const WAIT_WHEN_SHORT: Duration = Duration::from_millis(300);

/// The name that was given, numbered before its `.zst` where there are several; or gcore's.
fn name(given: Option<&Path>, pid: u32, number: Option<u32>, compress: bool) -> PathBuf {
    match (given, number) {
        (None, number) => core_name(Path::new("core"), pid, number, compress),
        (Some(name), None) => name.to_owned(),
        (Some(name), Some(number)) => {
            let text = name.to_string_lossy();
            let (stem, end) = text.strip_suffix(".zst").map_or((&*text, ""), |stem| (stem, ".zst"));
            PathBuf::from(format!("{stem}.{number}{end}"))
        }
    }
}

fn when(args: &Args, pid: u32, trigger: Trigger, to_stdout: bool) -> Result<Vec<Answer>> {
    let signalled = Arc::new(AtomicBool::new(false));
    if trigger == Trigger::Signal {
        signal_hook::flag::register(signal_hook::consts::SIGUSR2, signalled.clone())
            .context("SIGUSR2 can't be listened for")?;
        say("capture", &format!("waiting for SIGUSR2: kill -USR2 {}", std::process::id()));
    } else {
        let how = if trigger.attaches() {
            "its inspector is open meanwhile, and full collections are taken for floor-grows"
        } else {
            "it is looked at from outside only"
        };
        say("capture", &format!("waiting until {trigger} of process {pid}; {how}"));
    }
    let options = WaitOptions {
        cancel: interrupt::flag(),
        signalled,
        attach: attach_options()?,
        floor_every: Some(args.waiting.floor_every),
    };
    let mut answers = Vec::new();
    for number in 1..=args.waiting.count {
        let fired = match wait(pid, trigger, &options) {
            Ok(fired) => fired,
            Err(WaitError::Ended(_)) if !answers.is_empty() => {
                say("capture", &format!("process {pid} ended after {} captures", answers.len()));
                break;
            }
            Err(error) => return Err(error.into()),
        };
        say("capture", &format!("{trigger}: {}", fired.reason));
        let numbered = (args.waiting.count > 1).then_some(number);
        let answer = capture_one(&asked(args, pid, numbered, fired.memory_is_short, to_stdout))?;
        answers.push(answer);
        if number < args.waiting.count && !rest(args.waiting.spacing) {
            break;
        }
    }
    Ok(answers)
}

/// Lets time pass; false after Ctrl-C.
fn rest(time: Duration) -> bool {
    let until = Instant::now() + time;
    while Instant::now() < until {
        if interrupt::asked() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100).min(time));
    }
    true
}

fn test(args: &Args, output: &mut Output) -> Result<ExitCode> {
    let result = self_test(args.mode.mode(), &std::env::temp_dir())?;
    if args.json {
        json::print_for_nothing(output, "capture", &result)?;
    } else {
        let captured = &result.captured;
        let mode = if captured.mode == Mode::Fork { "fork" } else { "stop" };
        writeln!(output, "program   {} (process {})", result.program, captured.pid)?;
        writeln!(output, "mode      {mode}: {}", captured.mode_reason)?;
        writeln!(output, "pause     {:.1} ms", captured.pause_ms.unwrap_or(0.0))?;
        for (what, holds) in [
            ("answers as before", result.answers),
            ("no tracer, no child left", result.clean),
            ("the core is whole", result.core_is_whole),
        ] {
            writeln!(output, "{:<9} {what}", if holds { "ok" } else { "FAILED" })?;
        }
    }
    if result.passed() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(CannotCapture("the self-test failed: do not capture on this machine, and report this output".into()).into())
}
