//! The note of our own: how the core came about, what is not in it, and which executable it is of. JSON, so that it
//! can grow; docs/capture.md describes it.

use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

use crate::{
    core::{notes::note, segments::Why},
    hold::{Hold, Mode},
    target::{Executable, Target},
};

/// The name of our notes, and the kind of this one.
const NAME: &str = "heapdowse";
const ABOUT: u32 = 1;
/// The longest text; what would not fit is counted instead of listed.
const LONGEST: usize = 64 << 10;
const FRAME: usize = 256;

/// Memory that is not in the core.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its first address, hexadecimal.
    pub start: String,
    /// The address behind it, hexadecimal.
    pub end: String,
    /// Why.
    pub why: Why,
}

/// What the note says.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct About<'a> {
    schema_version: u32,
    program: &'static str,
    program_version: &'static str,
    pid: u32,
    namespace_pids: &'a [u32],
    mode: Mode,
    mode_reason: String,
    /// When the process began to stand still, seconds since 1970.
    stopped_at_unix_s: f64,
    pause_ms: Option<f64>,
    threads: usize,
    executable: Option<&'a Executable>,
    executable_bundled: bool,
    coredump_filter: u64,
    /// Memory that may have changed while it was written, as `start-end`.
    not_atomic: Vec<String>,
    skipped: &'a [Skipped],
    /// Skipped and not listed.
    skipped_more: usize,
}

impl<'a> About<'a> {
    /// From what is known when the core is laid out.
    pub(crate) fn new(target: &'a Target, hold: &Hold, filter: u64, bundled: bool) -> Self {
        let found = &hold.found;
        let since = found.began.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            schema_version: 1,
            program: NAME,
            program_version: env!("CARGO_PKG_VERSION"),
            pid: target.pid,
            namespace_pids: &target.status.namespace_pids,
            mode: found.mode,
            mode_reason: found.reason.clone(),
            stopped_at_unix_s: since.as_secs_f64(),
            pause_ms: found.pause.map(milliseconds),
            threads: found.states.len(),
            executable: target.executable.as_ref(),
            executable_bundled: bundled,
            coredump_filter: filter,
            not_atomic: found
                .copies
                .not_atomic
                .iter()
                .map(|r| format!("{:#x}-{:#x}", r.start, r.end))
                .collect(),
            skipped: &[],
            skipped_more: 0,
        }
    }

    /// How many bytes to keep free for the note with so many regions skipped.
    pub(crate) fn room(&self, skipped: usize) -> u64 {
        let base = serde_json::to_vec(self).map_or(0, |text| text.len());
        ((base + FRAME + skipped * 80).min(LONGEST + base + FRAME)).next_multiple_of(8) as u64
    }

    /// The note, filled up with spaces to exactly this many bytes.
    pub(crate) fn note(mut self, pause: Option<Duration>, skipped: &'a [Skipped], room: u64) -> Vec<u8> {
        self.pause_ms = pause.map(milliseconds);
        let head = 12 + (NAME.len() + 1).next_multiple_of(4);
        let wanted = (room as usize).saturating_sub(head);
        let mut shown = skipped.len();
        let mut text = loop {
            self.skipped = &skipped[..shown];
            self.skipped_more = skipped.len() - shown;
            let text = serde_json::to_vec(&self).unwrap_or_default();
            if text.len() <= wanted || shown == 0 {
                break text;
            }
            shown /= 2;
        };
        text.resize(wanted, b' ');
        let mut bytes = Vec::new();
        note(&mut bytes, NAME, ABOUT, &text);
        bytes
    }
}

/// With the precision that the clock has.
pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
