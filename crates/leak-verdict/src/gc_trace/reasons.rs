//! Why V8 collected: its own words, and what they mean.

use super::event::{GcEvent, GcKind};

/// V8's reasons with their meaning: for collections of new space, and of the whole heap.
const REASONS: [(&str, &str, &str); 18] = [
    ("allocation failure", "new space was full", "there was no room left for an allocation"),
    (
        "task",
        "new space was nearly full and the event loop had a free moment",
        "the event loop had a free moment",
    ),
    (
        "finalize incremental marking via task",
        "marking in steps was done",
        "old space had reached its limit; marking ran in steps beside the program and was finished in a free \
         moment",
    ),
    (
        "finalize incremental marking via stack guard",
        "marking in steps was done",
        "old space had reached its limit; marking ran in steps beside the program and was finished in the \
         middle of running code",
    ),
    (
        "external memory pressure",
        "buffers and other memory outside the heap grew",
        "buffers and other memory outside the heap grew",
    ),
    ("testing", "the program called gc()", "the program called gc()"),
    ("heap profiler", "a heap snapshot was taken", "a heap snapshot was taken, or a tool asked for it"),
    (
        "background allocation failure",
        "a background thread found no room",
        "a background thread found no room",
    ),
    ("last resort", "memory was about to run out", "memory was about to run out"),
    ("low memory notification", "memory was said to be low", "memory was said to be low"),
    ("memory pressure", "memory was said to be low", "memory was said to be low"),
    ("memory reducer", "the program was idle", "the program was idle, so V8 gave memory back"),
    ("idle task", "the program was idle", "the program was idle"),
    ("context disposal", "a context was disposed of", "a context was disposed of"),
    ("runtime", "the program asked for it", "the program asked for it"),
    ("sampling profiler", "a profiler asked for it", "a profiler asked for it"),
    ("snapshot creator", "a startup snapshot was made", "a startup snapshot was made"),
    ("last GC before OOM", "memory was about to run out", "memory was about to run out"),
];

/// Why this collector and not the other.
const COLLECTOR_REASONS: [(&str, &str); 4] = [
    ("GC in old space requested", ""),
    ("scavenge might not succeed", "what lives in new space might not have fitted into old space"),
    ("Incremental marking forced finalization", "marking in steps had to be finished"),
    ("promotion failed", "what lives in new space did not fit into old space"),
];

/// Splits `reason; collector reason` (since Node 18) and `reason collector reason` (before).
pub(super) fn split(text: &str) -> (Option<String>, Option<String>) {
    let text = text.trim();
    let some = |part: &str| {
        let part = part.trim();
        (!part.is_empty()).then(|| part.to_owned())
    };
    if let Some((reason, collector)) = text.split_once(';') {
        return (some(reason), some(collector));
    }
    let known =
        COLLECTOR_REASONS.iter().find_map(|(words, _)| text.strip_suffix(words).map(|rest| (rest, *words)));
    match known {
        Some((reason, collector)) => (some(reason), some(collector)),
        None => (some(text), None),
    }
}

/// Whether V8 says this as it stands; what was cut is not taken for a reason.
pub(super) fn is_known(reason: &str) -> bool {
    REASONS.iter().any(|(words, _, _)| *words == reason)
}

/// The meaning of an event's reason; V8's own words where it is unknown here.
pub(super) fn why(event: &GcEvent) -> String {
    let Some(reason) = event.reason.as_deref() else {
        return "the trace does not say why".to_owned();
    };
    let row = REASONS.iter().find(|(words, _, _)| *words == reason);
    let mut text = match (row, event.kind) {
        (Some((_, _, full)), GcKind::MarkCompact) => (*full).to_owned(),
        (Some((_, young, _)), _) => (*young).to_owned(),
        (None, _) => reason.to_owned(),
    };
    let collector = event.collector_reason.as_deref();
    let more = collector.and_then(|words| COLLECTOR_REASONS.iter().find(|(known, _)| *known == words));
    if let Some((_, meaning)) = more.filter(|(_, meaning)| !meaning.is_empty()) {
        text = format!("{text}; {meaning}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_writing_reasons_are_split() {
        let parts = |text: &str| {
            let (reason, collector) = split(text);
            (reason.unwrap_or_default(), collector.unwrap_or_default())
        };
        let old = parts("allocation failure scavenge might not succeed");
        assert_eq!(old, ("allocation failure".into(), "scavenge might not succeed".into()));
        assert_eq!(parts("allocation failure; scavenge might not succeed"), old);
        assert_eq!(parts("task; "), ("task".into(), String::new()));
        assert_eq!(parts("allocation failure "), ("allocation failure".into(), String::new()));
        assert_eq!(split("  "), (None, None));
    }
}
