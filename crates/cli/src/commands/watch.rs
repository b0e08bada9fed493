//! `heapdowse watch`: running processes, live; nothing is forced.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use investigation::attach::Selector;
use investigation::watch::{Subject, Watch, WatchOptions};

use crate::interrupt;
use crate::output::{Output, say};
use crate::pages::watch::WatchPage;
use crate::report::{self, Style};
use crate::screen::{Next, Screen};
use crate::target::{self, TargetArgs};

/// Between two counts of classes when nobody says otherwise.
const CLASSES: Duration = Duration::from_secs(60);
/// Between two drawings of the page.
const FRAME: Duration = Duration::from_millis(500);
/// Between two lines without a page.
const LINE: Duration = Duration::from_secs(10);
const SLICE: Duration = Duration::from_millis(50);

/// Watch running processes: memory, collections and the verdict as it firms up; nothing is forced
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  heapdowse watch 4711
  heapdowse watch --name 'shop/server.js' -o shop.heapdowse     follows restarts
  heapdowse watch --listening 3000 --for 60s --no-ui --json

No garbage collection is forced: the floors are those that come by themselves, so a verdict takes minutes; heapdowse
attach decides sooner. The inspector is opened as attach does it, and closed at the end.")]
pub(crate) struct Args {
    #[command(flatten)]
    target: TargetArgs,
    /// Record to this file as it goes, for `heapdowse report`
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,
    /// Between two readings
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    interval: Duration,
    /// Count the live objects of each class so often, in a frozen copy: the process stands still for milliseconds
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    classes_every: Duration,
    /// Never freeze the process to count its classes
    #[arg(long)]
    no_classes: bool,
    /// End after this time
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    time: Option<Duration>,
    /// No live page: a line now and then, and the report at the end
    #[arg(long)]
    no_ui: bool,
    /// Print the report at the end as JSON (described in docs/json.md)
    #[arg(long)]
    json: bool,
}

impl Args {
    /// To watch one process.
    pub(super) fn of(pid: u32) -> Args {
        Args {
            target: TargetArgs::of(pid),
            output: None,
            interval: Duration::from_secs(1),
            classes_every: CLASSES,
            no_classes: false,
            time: None,
            no_ui: false,
            json: false,
        }
    }
}

/// `500ms`, `60s`, `5m`; a number alone is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let error = || format!("{text:?} is no time; times look like 500ms, 60s or 5m");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let value: f64 = digits.parse().map_err(|_| error())?;
    let scale = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(error()),
    };
    let seconds = value * scale;
    if !(0.01..=31_536_000.0).contains(&seconds) {
        return Err(error());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Runs the command.
pub(super) fn run(args: Args, output: &mut Output) -> Result<ExitCode> {
    let selector = args.target.selector()?;
    if let Selector::Pid(pid) = selector {
        // One that is not there is told at once, with the reason.
        investigation::attach::ProcessFacts::of(pid).map_err(|e| investigation::run::RunError::NotWatchable { reason: e.to_string() })?;
    }
    // Processes must be let go of before this one ends.
    let _unbroken = interrupt::Critical::begin();
    let with_page = !args.no_ui && !args.json && Screen::is_there();
    let is_one = matches!(selector, Selector::Pid(_));
    let mut attach = target::attach_options()?;
    if with_page {
        // Nobody could read it below the page.
        attach.tell = Arc::new(|_| ());
    }
    // Watching takes long: the usual port is left to others meanwhile.
    attach.several = true;
    let record = args.output.clone();
    let options = WatchOptions {
        selector,
        interval: args.interval,
        classes_every: (!args.no_classes).then_some(args.classes_every),
        record: record.clone(),
        attach,
    };
    let file = record.as_deref().map_or_else(|| "the recording".to_owned(), |path| path.display().to_string());
    let watch = Watch::start(options).context(file)?;
    let until = args.time.map(|time| Instant::now() + time);
    let is_over = |watch: &Watch| {
        let subjects = watch.subjects();
        until.is_some_and(|until| Instant::now() >= until)
            || (is_one && !subjects.is_empty() && subjects.iter().all(Subject::has_ended))
    };
    if with_page {
        let recorded_to = record.as_ref().map(|path| path.display().to_string());
        page(&watch, recorded_to, &is_over)?;
    } else {
        let mut next_line = Instant::now() + LINE;
        while !interrupt::asked() && !is_over(&watch) {
            std::thread::sleep(SLICE);
            if Instant::now() >= next_line {
                next_line += LINE;
                watch.subjects().iter().for_each(|subject| say("watch", &subject.line()));
            }
        }
    }
    let Some(answer) = watch.finish() else {
        say("watch", "no process that is meant was running");
        return Ok(ExitCode::from(3));
    };
    if args.json {
        output.write_all(report::json(&answer)?.as_bytes())?;
    } else {
        output.write_all(report::text(&answer, Style::of(output)).as_bytes())?;
    }
    Ok(report::exit_code(&answer))
}

fn page(watch: &Watch, recorded_to: Option<String>, is_over: &dyn Fn(&Watch) -> bool) -> Result<()> {
    let mut screen = Screen::open()?;
    let mut page = WatchPage { recorded_to, ..WatchPage::default() };
    while !is_over(watch) {
        (page.subjects, page.timeline) = watch.view();
        screen.draw(|frame| page.draw(frame))?;
        let next = screen.keys(FRAME, |key| if page.key(key) { Next::Stay } else { Next::Leave })?;
        if matches!(next, Next::Leave) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_documented() {
        for (text, ms) in [("500ms", 500), ("60s", 60_000), ("5m", 300_000), ("2", 2000), ("1.5s", 1500)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)));
        }
        for wrong in ["", "s", "-1s", "0", "5 d", "1e999", "NaNs"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
