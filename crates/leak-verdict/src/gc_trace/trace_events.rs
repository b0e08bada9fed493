//! Trace-event files (`node --trace-event-categories v8`, `NodeTracing`, DevTools): JSON objects that begin and
//! end a collection. The file is scanned object by object, so its size does not matter, nor that its end is cut.

use std::collections::HashMap;

use serde::Deserialize;

use super::event::{GcEvent, GcKind, IsolateId};

/// A longer object is no event about a collection.
const LONGEST: usize = 1 << 16;
/// Collections that began and did not end yet, over all threads; more of them are a broken file.
const MOST_OPEN: usize = 4096;

/// What Node 18 also calls a collection, and is only a part of the marking before one.
const STEP: &str = "incremental finalization step";

#[derive(Deserialize)]
struct Event {
    pid: u64,
    tid: u64,
    ts: f64,
    ph: String,
    name: String,
    dur: Option<f64>,
    args: Option<Arguments>,
}

#[derive(Deserialize, Default)]
struct Arguments {
    #[serde(rename = "usedHeapSizeBefore")]
    before: Option<f64>,
    #[serde(rename = "usedHeapSizeAfter")]
    after: Option<f64>,
    #[serde(rename = "type")]
    reason: Option<String>,
}

/// Takes bytes, gives events.
#[derive(Debug, Default)]
pub(super) struct TraceEvents {
    /// Whether the array of events was reached.
    within: bool,
    /// The last bytes before it.
    head: Vec<u8>,
    object: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    open: HashMap<(u64, u64, GcKind), (f64, Arguments)>,
    begin: Option<f64>,
    /// Objects about collections that could not be understood.
    pub(super) unparsed: u64,
    /// Objects about other things.
    pub(super) others: u64,
}

impl std::fmt::Debug for Arguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arguments").field("reason", &self.reason).finish_non_exhaustive()
    }
}

const KEY: &[u8] = b"\"traceEvents\"";

/// Whether a file that begins so is a trace-event file: an object with that key first, or a list of objects.
pub(super) fn is_trace_events(head: &[u8]) -> bool {
    let mut rest = head.iter().copied().filter(|byte| !byte.is_ascii_whitespace());
    match rest.next() {
        Some(b'{') => head.windows(KEY.len()).any(|window| window == KEY),
        Some(b'[') => rest.next() == Some(b'{'),
        _ => false,
    }
}

/// Whether more bytes would not change that: a trace of lines is to be shown as it comes.
pub(super) fn can_be_told(head: &[u8]) -> bool {
    let mut rest = head.iter().filter(|byte| !byte.is_ascii_whitespace());
    match rest.next() {
        None => false,
        Some(b'{') => is_trace_events(head),
        Some(b'[') => rest.next().is_some(),
        Some(_) => true,
    }
}

impl TraceEvents {
    pub(super) fn feed(&mut self, bytes: &[u8], sink: &mut dyn FnMut(GcEvent)) {
        for &byte in bytes {
            if self.within {
                self.byte(byte, sink);
            } else {
                self.before_the_list(byte);
            }
        }
    }

    /// Collections that began and never ended, and an object that was cut.
    pub(super) fn unfinished(&self) -> u64 {
        self.open.len() as u64 + u64::from(self.depth > 0)
    }

    fn before_the_list(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            return;
        }
        let key_is_there = self.head.strip_suffix(b":").is_some_and(|head| head.ends_with(KEY));
        if byte == b'[' && (self.head.is_empty() || key_is_there) {
            self.within = true;
            self.head = Vec::new();
            return;
        }
        self.head.push(byte);
        if self.head.len() > 2 * KEY.len() {
            self.head.drain(..KEY.len());
        }
    }

    fn byte(&mut self, byte: u8, sink: &mut dyn FnMut(GcEvent)) {
        if self.depth > 0 && self.object.len() < LONGEST {
            self.object.push(byte);
        }
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = self.depth > 0,
            b'{' => {
                if self.depth == 0 {
                    self.object.clear();
                    self.object.push(byte);
                }
                self.depth += 1;
            }
            b'}' => {
                self.depth = self.depth.saturating_sub(1);
                if self.depth == 0 && !self.object.is_empty() {
                    self.complete(sink);
                    self.object.clear();
                }
            }
            _ => {}
        }
    }

    fn complete(&mut self, sink: &mut dyn FnMut(GcEvent)) {
        let about_gc = [&b"\"MinorGC\""[..], b"\"MajorGC\""]
            .iter()
            .any(|name| self.object.windows(name.len()).any(|window| window == *name));
        if !about_gc {
            self.others += 1;
            return;
        }
        let event = serde_json::from_slice::<Event>(&self.object).ok();
        if !event.is_some_and(|event| self.take(event, sink)) {
            self.unparsed += 1;
        }
    }

    /// Takes an event up; false if it can't be.
    fn take(&mut self, event: Event, sink: &mut dyn FnMut(GcEvent)) -> bool {
        let kind = match event.name.as_str() {
            "MinorGC" => GcKind::Scavenge,
            "MajorGC" => GcKind::MarkCompact,
            _ => {
                self.others += 1;
                return true;
            }
        };
        let begin = *self.begin.get_or_insert(event.ts);
        let key = (event.pid, event.tid, kind);
        let arguments = event.args.unwrap_or_default();
        let (started, ended, first, last) = match event.ph.as_str() {
            "B" => {
                if self.open.len() >= MOST_OPEN {
                    return false;
                }
                self.open.insert(key, (event.ts, arguments));
                return true;
            }
            "E" => match self.open.remove(&key) {
                Some((started, first)) => (started, event.ts, first, Some(arguments)),
                // The file begins in the middle of a collection.
                None => return false,
            },
            "X" => (event.ts, event.ts + event.dur.unwrap_or(0.0), arguments, None),
            _ => return false,
        };
        if first.reason.as_deref() == Some(STEP) {
            self.others += 1;
            return true;
        }
        let bytes = |value: Option<f64>| value.map(|value| value as u64);
        let isolate = IsolateId { pid: event.pid, isolate: event.tid, is_thread: true };
        let mut found = GcEvent::new(isolate, (ended - begin).max(0.0) / 1000.0, kind);
        found.pause_milliseconds = Some((ended - started).max(0.0) / 1000.0);
        found.before = bytes(first.before);
        found.after = bytes(last.as_ref().and_then(|last| last.after).or(first.after));
        found.reason = first.reason.or_else(|| last.and_then(|last| last.reason));
        sink(found);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_told_by_how_it_begins() {
        assert!(is_trace_events(b" {\"traceEvents\":[{"));
        assert!(is_trace_events(b"{\"metadata\":{}, \"traceEvents\": ["));
        assert!(is_trace_events(b"[\n {\"pid\":1"));
        assert!(!is_trace_events(b"[19080:0x1264a000] 3 ms: x"));
        assert!(!is_trace_events(b"{\"level\":30,\"msg\":\"up\"}\n[1:0x1] 3 ms: "));
    }

    #[test]
    fn begin_and_end_of_different_threads_do_not_mix() {
        let text = r#"{"metadata":{"a":["]}"]},"traceEvents":[
            {"pid":1,"tid":1,"ts":1000,"ph":"B","name":"MinorGC","args":{"usedHeapSizeBefore":9,"type":"task"}},
            {"pid":1,"tid":2,"ts":1500,"ph":"B","name":"MinorGC","args":{"usedHeapSizeBefore":7}},
            {"pid":1,"tid":1,"ts":3000,"ph":"E","name":"MinorGC","args":{"usedHeapSizeAfter":5}},
            {"pid":1,"tid":3,"ts":3000,"ph":"X","dur":500,"name":"MajorGC","args":{"usedHeapSizeBefore":4}},
            {"name":"other \"}\" MinorGC","ph":"M"},
            {"pid":1,"tid":1,"ts":4000,"ph":"B","name":"MajorGC","args":{"type":"incremental finalization step"}},
            {"pid":1,"tid":1,"ts":4010,"ph":"E","name":"MajorGC","args":{"usedHeapSizeAfter":5}},
            {"pid":1,"tid":2,"ts":35"#;
        let (mut reader, mut events) = (TraceEvents::default(), Vec::new());
        // Byte by byte, so that every state survives a cut between two reads.
        text.bytes().for_each(|byte| reader.feed(&[byte], &mut |event| events.push(event)));
        assert_eq!(events.len(), 2);
        assert_eq!((events[0].isolate.isolate, events[0].pause_milliseconds), (1, Some(2.0)));
        assert_eq!((events[0].before, events[0].after), (Some(9), Some(5)));
        assert_eq!((events[1].kind, events[1].pause_milliseconds), (GcKind::MarkCompact, Some(0.5)));
        assert_eq!((reader.unparsed, reader.others, reader.unfinished()), (0, 2, 2));
    }
}
