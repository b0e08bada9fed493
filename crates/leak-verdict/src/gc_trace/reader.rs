//! From a stream of bytes to events, whatever else is in the stream.

use std::collections::VecDeque;

use serde::Serialize;

use super::event::GcEvent;
use super::trace_events::{self, TraceEvents};
use super::{fields, header, line};

/// A longer line is read up to here. V8's longest lines have some 4,000 characters.
const LONGEST_LINE: usize = 1 << 20;
/// How much of the beginning tells a trace-event file.
const HEAD: usize = 4096;
/// Lines not understood that are kept as examples, and how much of each.
const EXAMPLES: usize = 5;
const EXAMPLE_LENGTH: usize = 200;
/// Node repeats at most this many collections when memory has run out.
const REPEATED: usize = 64;

/// What was in the stream besides collections that were understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Lines (in a trace-event file: events) of the program and of others.
    pub other_lines: u64,
    /// V8's lines of detail: spaces, pages.
    pub detail_lines: u64,
    /// Collections that Node listed a second time when memory ran out.
    pub repeated: u64,
    /// Lines that look like a collection and could not be understood.
    pub unparsed: u64,
    /// Some of those.
    pub unparsed_examples: Vec<String>,
}

#[derive(Debug, Default)]
enum Form {
    /// Not told yet: the beginning of the stream.
    #[default]
    Unknown,
    Lines,
    TraceEvents(Box<TraceEvents>),
}

/// Reads a GC trace piece by piece.
#[derive(Debug, Default)]
pub struct TraceReader {
    form: Form,
    pending: Vec<u8>,
    /// The rest of a line that was too long is passed over.
    discarding: bool,
    /// Within Node's list of the last collections.
    last_few: bool,
    recent: VecDeque<GcEvent>,
    skipped: Skipped,
    fatal: Option<String>,
}

impl TraceReader {
    /// A reader at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(GcEvent)) {
        match &mut self.form {
            Form::TraceEvents(events) => events.feed(bytes, sink),
            Form::Lines => self.lines(bytes, sink),
            Form::Unknown => {
                self.pending.extend_from_slice(bytes);
                if self.pending.len() >= HEAD || trace_events::can_be_told(&self.pending) {
                    self.begin(sink);
                }
            }
        }
    }

    /// Takes the end of the stream.
    pub fn finish(&mut self, sink: &mut dyn FnMut(GcEvent)) {
        if matches!(self.form, Form::Unknown) {
            self.begin(sink);
        }
        if let Form::TraceEvents(events) = &self.form {
            self.skipped.other_lines += events.others;
            self.skipped.unparsed += events.unparsed + events.unfinished();
            return;
        }
        let last = std::mem::take(&mut self.pending);
        if !last.is_empty() {
            self.line(&last, sink);
        }
    }

    /// What was passed over until now.
    #[must_use]
    pub fn skipped(&self) -> &Skipped {
        &self.skipped
    }

    /// What V8 said when it gave up, if it did: `Reached heap limit ...`.
    #[must_use]
    pub fn fatal_error(&self) -> Option<&str> {
        self.fatal.as_deref()
    }

    fn begin(&mut self, sink: &mut dyn FnMut(GcEvent)) {
        let head = std::mem::take(&mut self.pending);
        let is_events = trace_events::is_trace_events(&head);
        self.form = if is_events { Form::TraceEvents(Box::default()) } else { Form::Lines };
        self.feed(&head, sink);
    }

    fn lines(&mut self, bytes: &[u8], sink: &mut dyn FnMut(GcEvent)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = part.ends_with(b"\n");
            if !self.discarding {
                let room = LONGEST_LINE.saturating_sub(self.pending.len());
                self.pending.extend_from_slice(&part[..part.len().min(room)]);
                if ends || part.len() > room {
                    let line = std::mem::take(&mut self.pending);
                    self.line(&line, sink);
                }
                self.discarding = part.len() > room;
            }
            self.discarding &= !ends;
        }
    }

    /// A line may have several collections in it, and other text before them.
    fn line(&mut self, bytes: &[u8], sink: &mut dyn FnMut(GcEvent)) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end();
        let mut next = header::find(text, 0);
        if next.is_none() {
            self.other(text);
        }
        while let Some(header) = next {
            next = header::find(text, header.end);
            let end = next.map_or(text.len(), |next| next.start);
            let message = text.get(header.end..end).unwrap_or_default();
            self.message(&header, message, sink);
        }
    }

    fn other(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.skipped.other_lines += 1;
        if text.contains("<--- Last few GCs --->") {
            self.last_few = true;
        } else if text.contains("<--- JS stacktrace") {
            self.last_few = false;
        } else if let Some((_, words)) = text.split_once("FATAL ERROR: ") {
            self.last_few = false;
            self.fatal.get_or_insert_with(|| words.chars().take(EXAMPLE_LENGTH).collect());
        }
    }

    fn message(&mut self, header: &header::Header, message: &str, sink: &mut dyn FnMut(GcEvent)) {
        let json = message.strip_prefix("GC: ");
        let is_collection =
            json.is_some() || message.starts_with("pause=") || line::kind_of(message).is_some();
        if header.milliseconds.is_none() || !is_collection {
            self.skipped.detail_lines += 1;
            return;
        }
        let event = if let Some(json) = json {
            fields::read_json(header, json)
        } else if message.starts_with("pause=") {
            fields::read_pairs(header, message)
        } else {
            line::read(header, message, self.last_few)
        };
        match event {
            None => {
                self.skipped.unparsed += 1;
                if self.skipped.unparsed_examples.len() < EXAMPLES {
                    self.skipped.unparsed_examples.push(message.chars().take(EXAMPLE_LENGTH).collect());
                }
            }
            Some(event) if self.last_few && self.is_repeated(&event) => self.skipped.repeated += 1,
            Some(event) => {
                if self.recent.len() == REPEATED {
                    self.recent.pop_front();
                }
                self.recent.push_back(event.clone());
                sink(event);
            }
        }
    }

    fn is_repeated(&self, event: &GcEvent) -> bool {
        self.recent.iter().any(|seen| {
            seen.isolate == event.isolate
                && seen.at_milliseconds == event.at_milliseconds
                && seen.kind == event.kind
                && (event.before.is_none() || seen.before == event.before || !seen.rounded)
        })
    }
}
