//! Which classes grow in a watched process. Now and then its memory is frozen as for a capture, and the objects that are
//! alive in the copy are counted: nothing is collected in the process, which stands still for milliseconds.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::{SLICE, Shared, Subject};
use crate::{
    capture::{HoldOptions, Mode},
    open::CachePolicy,
    postmortem::{CoreOptions, Dead, ObjectsQuestion, ProcessError, find_objects},
    recording::MarkKind,
};

/// Before the first count, and between the first ones; each wait is twice as long until they are as long as was asked for.
const FIRST: Duration = Duration::from_secs(5);
/// Counting takes at most this part of the time, however large the heap is.
const PORTION: u32 = 20;
/// A process that would stand still for longer is not frozen.
const MAX_PAUSE: Duration = Duration::from_millis(100);
/// Counts that are compared: a class grows if each has more of it than the one before.
const COMPARED: usize = 5;
/// Before this many, nothing is said.
const LEAST_COUNTS: usize = 3;
/// Growth that is worth a word.
const LEAST_OBJECTS: u64 = 20;
const LEAST_BYTES: u64 = 4096;
/// Classes that are named.
const NAMED: usize = 3;
/// Failures in a row after which no more counts are tried.
const PATIENCE: u32 = 3;

/// Live objects of a class, and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Total {
    count: u64,
    bytes: u64,
}

/// All classes at one moment.
struct Count {
    seconds: f64,
    classes: HashMap<String, Total>,
}

/// Counts until watching ends, or the process does.
pub(super) fn follow(shared: &Shared, pid: u32, every: Duration) {
    let mut counts: VecDeque<Count> = VecDeque::new();
    let mut wait = FIRST.min(every);
    let mut failures = 0;
    while rest(shared, pid, wait) {
        // Of many watched processes one at a time: each takes a processor while it is counted.
        let _alone = shared.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = Instant::now();
        let seconds = shared.recorder.seconds();
        match count(shared, pid) {
            Ok((classes, pause_ms)) => {
                failures = 0;
                counts.push_back(Count { seconds, classes });
                if counts.len() > COMPARED {
                    counts.pop_front();
                }
                let text = words(&counts);
                let pause =
                    pause_ms.map_or_else(String::new, |ms| format!(" (it stood still for {ms:.1} ms)"));
                shared.note(pid, MarkKind::Classes, format!("{text}{pause}"));
                shared.with(pid, |subject| subject.classes = Some(text));
            }
            Err(_) if shared.stops() => return,
            Err(reason) => {
                failures += 1;
                shared.note(pid, MarkKind::Note, format!("classes are not counted: {reason}"));
                shared.with(pid, |subject| subject.classes = Some(format!("not counted: {reason}")));
                if failures >= PATIENCE {
                    return;
                }
            }
        }
        wait = (wait * 2).min(every).max(begun.elapsed() * PORTION);
    }
}

/// False when there is nothing more to count.
fn rest(shared: &Shared, pid: u32, wait: Duration) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < wait {
        let ended = shared.subjects().get(&pid).is_none_or(Subject::has_ended);
        if shared.stops() || ended {
            return false;
        }
        std::thread::sleep(SLICE);
    }
    true
}

fn count(shared: &Shared, pid: u32) -> Result<(HashMap<String, Total>, Option<f64>), String> {
    let go_on = || if shared.stops() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let hold = HoldOptions { mode: Some(Mode::Fork), max_pause: Some(MAX_PAUSE), ..HoldOptions::default() };
    let in_words = |error: ProcessError| error.to_string();
    let (dead, captured) =
        Dead::of_process(pid, hold, &CoreOptions::default(), &mut |_| go_on()).map_err(in_words)?;
    // What is not understood in full is no evidence.
    if let Some(warning) = dead.warnings().first() {
        return Err(warning.clone());
    }
    let (answer, _) = find_objects(&dead, &ObjectsQuestion::default(), &CachePolicy::Off, &mut || go_on())
        .map_err(|error| in_words(error.into()))?;
    let mut classes: HashMap<String, Total> = HashMap::new();
    for row in answer.classes {
        let total = classes.entry(row.row.name).or_default();
        total.count += row.row.count;
        total.bytes += row.row.shallow_size;
    }
    Ok((classes, captured.pause_ms))
}

/// The classes that grow from each count to the next, by the bytes that they gained, as words.
fn words(counts: &VecDeque<Count>) -> String {
    if counts.len() < LEAST_COUNTS {
        return format!("{LEAST_COUNTS} counts are needed, {} so far", counts.len());
    }
    let (first, last) = (&counts[0], &counts[counts.len() - 1]);
    let of = |count: &Count, class: &str| count.classes.get(class).copied().unwrap_or_default();
    let rises = |class: &str| {
        let mut pairs = counts.iter().zip(counts.iter().skip(1));
        pairs.all(|(before, after)| of(after, class).count > of(before, class).count)
    };
    let grown = last.classes.iter().filter_map(|(class, now)| {
        let before = of(first, class);
        let objects = now.count.saturating_sub(before.count);
        let bytes = now.bytes.saturating_sub(before.bytes);
        let counts = objects >= LEAST_OBJECTS && bytes >= LEAST_BYTES && rises(class);
        counts.then_some((bytes, class, objects, now.count))
    });
    let mut grown: Vec<_> = grown.collect();
    grown.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    if grown.is_empty() {
        return format!("no class has grown from each of {} counts to the next", counts.len());
    }
    let named: Vec<String> = grown
        .iter()
        .take(NAMED)
        .map(|(bytes, class, objects, now)| {
            format!("{class} +{objects} (now {now}, +{:.1} KB)", *bytes as f64 / 1024.0)
        })
        .collect();
    let more = grown.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more} in {:.0} s", named.join(", "), last.seconds - first.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[&[(&str, u64)]]) -> VecDeque<Count> {
        let classes = |rows: &[(&str, u64)]| {
            let total = |&(name, count): &(&str, u64)| (name.to_owned(), Total { count, bytes: 100 * count });
            rows.iter().map(total).collect()
        };
        let count = |(at, rows): (usize, &&[(&str, u64)])| Count {
            seconds: 30.0 * at as f64,
            classes: classes(rows),
        };
        of.iter().enumerate().map(count).collect()
    }

    #[test]
    fn what_rises_from_each_count_to_the_next_is_named() {
        let few = counts(&[&[("A", 1)], &[("A", 1000)]]);
        assert_eq!(words(&few), "3 counts are needed, 2 so far");
        let grown = counts(&[
            &[("Session", 10), ("Swings", 100), ("Full", 500), ("Few", 1)],
            &[("Session", 200), ("Swings", 900), ("Full", 900), ("Few", 3), ("New", 60)],
            &[("Session", 400), ("Swings", 800), ("Full", 900), ("Few", 5), ("New", 90)],
        ]);
        assert_eq!(words(&grown), "Session +390 (now 400, +38.1 KB), New +90 (now 90, +8.8 KB) in 60 s");
        let steady = counts(&[&[("A", 5000)], &[("A", 4000)], &[("A", 6000)]]);
        assert_eq!(words(&steady), "no class has grown from each of 3 counts to the next");
    }
}
