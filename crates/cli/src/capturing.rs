//! One capture with what is shown of it; `capture` and gcore share this.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::Result;
use investigation::Step;
use investigation::capture::{CaptureRequest, Captured, Destination, Event, Mode, Why, capture};
use serde::Serialize;

use crate::interrupt;
use crate::output::{Output, say, warn};
use crate::progress::Progress;
use crate::text::{safe, size};

/// One capture.
pub(crate) struct Asked {
    pub(crate) pid: u32,
    pub(crate) request: CaptureRequest,
    pub(crate) quiet: bool,
}

/// What was done.
#[derive(Serialize)]
pub(crate) struct Answer {
    /// The file; `null` for standard output.
    pub(crate) file: Option<PathBuf>,
    #[serde(flatten)]
    pub(crate) captured: Captured,
}

/// Captures, and says what is done on standard error.
pub(crate) fn capture_one(asked: &Asked) -> Result<Answer> {
    let pid = asked.pid;
    let file = match &asked.request.destination {
        Destination::File { name, .. } => Some(name.clone()),
        Destination::StandardOutput | Destination::Memory => None,
    };
    // A file has to be removed, perhaps; a pipe that nobody reads must not keep us from ending.
    let _critical = file.is_some().then(interrupt::Critical::begin);
    let mut progress = Progress::new(&format!("process {pid}"), asked.quiet);
    let mut captured = capture(pid, asked.request.clone(), &mut |event| match event {
        Event::Begins { .. } => stop_if_asked(),
        Event::Held { mode: Mode::Fork, reason, pause } => {
            let milliseconds = pause.map_or(0.0, |pause| pause.as_secs_f64() * 1e3);
            say(
                "capture",
                &format!("mode fork: {reason}; process {pid} stood still for {milliseconds:.1} ms and runs"),
            );
            stop_if_asked()
        }
        Event::Held { mode: Mode::Stop, reason, .. } => {
            say(
                "capture",
                &format!("mode stop: {reason}; process {pid} stands still until its memory is read"),
            );
            stop_if_asked()
        }
        Event::Writing(written) => {
            progress.step(Step { name: "writing", done: written.done, total: Some(written.total) })
        }
    })?;
    if captured.busy {
        captured.warnings.push(
            "V8 was collecting garbage whenever it was looked at: objects may be missing, or be there twice"
                .into(),
        );
    }
    captured.warnings.iter().for_each(|warning| warn(warning));
    let answer = Answer { file, captured };
    say("capture", &summary(&answer));
    Ok(answer)
}

fn stop_if_asked() -> ControlFlow<()> {
    if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn summary(answer: &Answer) -> String {
    let captured = &answer.captured;
    let place =
        answer.file.as_ref().map_or_else(|| "standard output".to_owned(), |file| file.display().to_string());
    let pause = captured.pause_ms.map_or_else(|| "unknown".to_owned(), |pause| format!("{pause:.1} ms"));
    let allocated =
        captured.allocated_bytes.map_or_else(String::new, |bytes| format!(", {} on the disk", size(bytes)));
    format!(
        "{place}: {}{allocated}; pause {pause}, {:.1} s in all",
        size(captured.written_bytes),
        captured.seconds
    )
}

/// The result, for people.
pub(crate) fn print_text(answer: &Answer, output: &mut Output) -> io::Result<()> {
    let captured = &answer.captured;
    let file = answer.file.as_ref().map_or_else(String::new, |file| file.display().to_string());
    let mode = if captured.mode == Mode::Fork { "fork" } else { "stop" };
    writeln!(output, "core      {}", safe(&file))?;
    writeln!(output, "mode      {mode}: {}", safe(&captured.mode_reason))?;
    if let Some(pause) = captured.pause_ms {
        writeln!(output, "pause     {pause:.1} ms")?;
    }
    let allocated = captured.allocated_bytes.unwrap_or(captured.written_bytes);
    writeln!(output, "size      {}, {} on the disk", size(captured.written_bytes), size(allocated))?;
    writeln!(output, "content   {} threads, {} mappings", captured.threads, captured.segments)?;
    let filtered = match captured.skipped_by_filter {
        0 => Vec::new(),
        count => vec![format!("{count} mappings whose content is in files or that the filter excludes")],
    };
    let others =
        [Why::DontDump, Why::Device, Why::NotForked, Why::Unreadable].into_iter().filter_map(|why| {
            let count = captured.skipped.iter().filter(|skipped| skipped.why == why).count();
            let what = match why {
                Why::DontDump => "mappings that the program keeps out of cores",
                Why::Device => "mappings of devices and of the kernel",
                Why::NotForked => "mappings that a fork does not copy",
                _ => "pages that could not be read",
            };
            (count > 0).then(|| format!("{count} {what}"))
        });
    let left_out: Vec<String> = filtered.into_iter().chain(others).collect();
    if !left_out.is_empty() {
        writeln!(output, "left out  {}", left_out.join(", "))?;
    }
    if captured.not_atomic_bytes > 0 {
        let bytes = size(captured.not_atomic_bytes);
        writeln!(output, "shared    {bytes} may have changed while they were written")?;
    }
    Ok(())
}
