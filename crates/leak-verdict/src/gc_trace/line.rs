//! The one-line form: `Mark-Compact (reduce) 4.1 (6.9) -> 4.1 (6.1) MB, pooled: 0 MB, 29.8 / 0.0 ms (...) why`.

use super::event::{GcEvent, GcKind, Marking};
use super::header::Header;
use super::reasons;

const MEGABYTE: f64 = 1_048_576.0;

/// A message that begins with the name of a collector, or `None`.
pub(super) fn kind_of(message: &str) -> Option<(GcKind, bool)> {
    let (incremental, name) = match message.strip_prefix("Incremental ") {
        Some(name) => (true, name),
        None => (false, message),
    };
    let kind = [
        ("Scavenge", GcKind::Scavenge),
        ("Minor Mark-", GcKind::MinorMarkSweep),
        ("Mark-sweep", GcKind::MarkCompact),
        ("Mark-Compact", GcKind::MarkCompact),
    ]
    .iter()
    .find(|(prefix, _)| name.starts_with(prefix))?
    .1;
    Some((kind, incremental))
}

/// Reads what follows a header; `None` when it can't be understood. `run_together` says that the line stands
/// in Node's list of the last collections, where lines are cut anywhere.
pub(super) fn read(header: &Header, message: &str, run_together: bool) -> Option<GcEvent> {
    let (kind, incremental) = kind_of(message)?;
    let mut event = GcEvent::new(header.isolate, header.milliseconds?, kind);
    event.incremental = incremental;
    event.rounded = true;
    let Some((left, right)) = message.split_once(" -> ") else {
        // Cut before it came to the sizes after.
        event.cut = true;
        return run_together.then_some(event);
    };
    let (name, before, _) = sizes(left)?;
    event.variant = variant(name);
    event.before = Some(before);
    let Some((after, rest)) = right.split_once(" MB").filter(|(after, _)| sizes(after).is_some()) else {
        event.cut = true;
        return run_together.then_some(event);
    };
    let (_, after, committed) = sizes(after)?;
    event.after = Some(after);
    event.committed_after = Some(committed);
    pause_and_reason(&mut event, rest, run_together);
    Some(event)
}

/// `NAME 4.1 (6.9)`: what stands before the numbers, and both in bytes.
fn sizes(text: &str) -> Option<(&str, u64, u64)> {
    let (rest, committed) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    let rest = rest.trim_end();
    let at = rest.rfind(' ').map_or(0, |space| space + 1);
    let (name, used) = rest.split_at(at);
    Some((name.trim_end(), bytes(used)?, bytes(committed)?))
}

fn bytes(megabytes: &str) -> Option<u64> {
    let value: f64 = number(megabytes)?;
    Some((value * MEGABYTE).round() as u64)
}

/// A plain number; neither `nan` nor `1e5` is written by V8.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}

fn variant(name: &str) -> Option<String> {
    let (_, rest) = name.rsplit_once('(')?;
    rest.strip_suffix(')').map(str::to_owned)
}

/// `, pooled: 0 MB, 29.76 / 0.00 ms  (+ 0.7 ms in 0 steps ...) (average mu = 0.6, current mu = 0.3) reason; more`
fn pause_and_reason(event: &mut GcEvent, rest: &str, run_together: bool) {
    let Some((numbers, rest)) = rest.split_once(" ms") else {
        event.cut = true;
        return;
    };
    let numbers = numbers.split_once("MB,").map_or(numbers, |(_, numbers)| numbers);
    event.pause_milliseconds =
        numbers.split_once('/').and_then(|(pause, _)| number(pause.trim_matches([',', ' '])));
    event.marking = rest.split_once("(+ ").and_then(|(_, marking)| self::marking(marking));
    event.incremental |= event.marking.is_some();
    let Some((_, averages)) = rest.split_once("(average mu = ") else {
        event.cut = true;
        return;
    };
    event.mutator_share = averages.split_once(',').and_then(|(average, _)| number(average));
    let Some((_, words)) = averages.split_once(") ") else {
        event.cut = true;
        return;
    };
    let (reason, collector) = reasons::split(words);
    // In a line that was cut, half a reason is none.
    let whole = !run_together || reason.as_deref().is_some_and(reasons::is_known);
    event.cut |= !whole;
    event.reason = reason.filter(|_| whole);
    event.collector_reason = collector;
}

/// `18.8 ms in 50 steps since start of marking, biggest step 16.2 ms, walltime since start of marking 72 ms)`
fn marking(text: &str) -> Option<Marking> {
    let (milliseconds, rest) = text.split_once(" ms in ")?;
    let (steps, rest) = rest.split_once(" steps")?;
    let wall =
        rest.split_once("walltime since start of marking ").and_then(|(_, wall)| wall.split_once(" ms"));
    Some(Marking {
        milliseconds: number(milliseconds)?,
        steps: steps.parse().ok()?,
        wall_milliseconds: wall.and_then(|(wall, _)| number(wall)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::header::find;
    use super::*;

    fn event(line: &str) -> Option<GcEvent> {
        let header = find(line, 0).unwrap();
        read(&header, &line[header.end..], false)
    }

    #[test]
    fn every_part_of_a_line_is_read() {
        let read = event(
            "[19057:0xae3d000]      925 ms: Mark-Compact (reduce) 52.0 (72.3) -> 47.4 (80.8) MB, pooled: 0.5 MB, \
             130.59 / 0.00 ms  (+ 18.8 ms in 50 steps since start of marking, biggest step 16.2 ms, walltime since \
             start of marking 72 ms) (average mu = 0.396, current mu = 0.276) task; scavenge might not succeed",
        )
        .unwrap();
        assert_eq!(read.kind, GcKind::MarkCompact);
        assert_eq!(read.variant.as_deref(), Some("reduce"));
        assert_eq!((read.before, read.after), (Some(54_525_952), Some(49_702_502)));
        assert_eq!(read.pause_milliseconds, Some(130.59));
        let marking = Marking { milliseconds: 18.8, steps: 50, wall_milliseconds: Some(72.0) };
        assert_eq!(read.marking, Some(marking));
        assert_eq!(read.mutator_share, Some(0.396));
        assert_eq!(read.reason.as_deref(), Some("task"));
        assert_eq!(read.collector_reason.as_deref(), Some("scavenge might not succeed"));
        assert!(!read.cut && read.rounded);
    }

    #[test]
    fn what_cannot_be_understood_is_not_invented() {
        for line in [
            "[1:0x1] 5 ms: Scavenge",
            "[1:0x1] 5 ms: Scavenge x (y) -> 2.0 (3.0) MB, 1.0 / 0.0 ms",
            "[1:0x1] 5 ms: Scavenge NaN (1.0) -> 2.0 (3.0) MB, 1.0 / 0.0 ms",
        ] {
            assert_eq!(event(line), None, "{line}");
        }
        let cut = event("[1:0x1] 5 ms: Scavenge 2.4 (3.2) -> 2.0 (4.2) MB, 1.0 /").unwrap();
        assert!(cut.cut && cut.pause_milliseconds.is_none() && cut.after.is_some());
    }
}
