//! What takes over a second is shown on standard error, and can be interrupted.

use std::io::IsTerminal;
use std::ops::ControlFlow;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use investigation::Step;

use crate::interrupt;

/// Work below this is not shown.
const QUIET: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(150);

/// A bar for a piece of work; gone when dropped.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    label: String,
    /// Dropping it ends the thread that would show the bar.
    _shown: Option<Sender<()>>,
}

impl Progress {
    /// For work on `label`. Nothing is shown without a terminal, in CI, or when `quiet`.
    pub(crate) fn new(label: &str, quiet: bool) -> Progress {
        let label = crate::text::safe(label).into_owned();
        let in_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
        if quiet || in_ci || !std::io::stderr().is_terminal() {
            return Progress { bar: None, label, _shown: None };
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        let (sender, receiver) = mpsc::channel::<()>();
        let shown = bar.clone();
        std::thread::spawn(move || {
            if receiver.recv_timeout(QUIET) == Err(RecvTimeoutError::Timeout) {
                shown.set_draw_target(ProgressDrawTarget::stderr());
                shown.enable_steady_tick(TICK);
            }
        });
        Progress { bar: Some(bar), label, _shown: Some(sender) }
    }

    /// Shows a step; asks to stop after Ctrl-C.
    pub(crate) fn step(&mut self, step: Step) -> ControlFlow<()> {
        if interrupt::asked() {
            return ControlFlow::Break(());
        }
        if let Some(bar) = &self.bar {
            let message = format!("{}: {}", self.label, step.name);
            if bar.message() != message {
                bar.set_style(style(step.total.is_some()));
                bar.set_message(message);
            }
            if let Some(total) = step.total {
                bar.set_length(total);
                bar.set_position(step.done);
            }
        }
        ControlFlow::Continue(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn style(has_total: bool) -> ProgressStyle {
    let template = if has_total {
        "{spinner} {msg} [{bar:30}] {decimal_bytes}/{decimal_total_bytes}"
    } else {
        "{spinner} {msg} ({elapsed})"
    };
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
