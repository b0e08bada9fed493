//! The verdict that a trace alone supports.

use super::summary::IsolateSummary;
use crate::recording::{Floor, Recording, WorkUnit};
use crate::verdict::{Evidence, EvidenceKind, Grade, Verdict, Word};

/// A program's first seconds are its start; a trace that ends by then tells nothing about growth.
const SHORTEST_SECONDS: f64 = 10.0;

/// Judges an isolate by the heap after its full collections.
///
/// These collections came when V8 saw fit: what dies while they mark is still counted, and nobody knows how
/// much work the program did in between. So the verdict is never better than *weak*, except about what is flat.
/// `fatal` is what V8 said when it gave up.
#[must_use]
pub fn judge(isolate: &IsolateSummary, fatal: Option<&str>) -> Verdict {
    let start = isolate.timeline.first().map_or(0.0, |point| point.at_milliseconds);
    let floors = isolate
        .floors
        .iter()
        .map(|point| {
            let seconds = (point.at_milliseconds - start) / 1000.0;
            Floor {
                work: seconds,
                seconds,
                heap_used: point.after,
                heap_before_collection: Some(point.before),
                ..Floor::default()
            }
        })
        .collect();
    let mut verdict = crate::decide(&Recording { unit: WorkUnit::Second, floors, heap_limit: None });
    let decided_nothing = verdict.word == Word::Inconclusive;
    let too_few = verdict.detection_limit.is_none();
    if verdict.word != Word::Inconclusive && isolate.seconds < SHORTEST_SECONDS {
        verdict.word = Word::Inconclusive;
        verdict.growth = None;
        verdict.advice = vec![format!(
            "the trace covers {:.1} seconds, of which the start of the program is a part: at least \
             {SHORTEST_SECONDS:.0} are needed",
            isolate.seconds
        )];
    }
    if verdict.word.is_leak() || verdict.word == Word::Inconclusive {
        verdict.grade = Grade::Weak;
    }
    if decided_nothing && !too_few {
        verdict.advice = vec!["a longer trace of steady traffic may decide it".to_owned()];
    }
    if let Some(fatal) = fatal {
        let text = format!("the program ran out of memory: {fatal}");
        verdict.evidence.push(Evidence { kind: EvidenceKind::HeapLimit, text });
    }
    verdict.advice.push(
        "a trace knows neither requests nor objects: `heapdowse run` or `heapdowse attach` force collections, count \
         the work and name the culprit"
            .to_owned(),
    );
    verdict
}

#[cfg(test)]
mod tests {
    use super::super::summary::Summary;
    use super::super::{GcEvent, GcKind, IsolateId};
    use super::*;

    fn trace(count: u32, seconds_between: f64, floor: impl Fn(u32) -> f64) -> IsolateSummary {
        let mut summary = Summary::default();
        for i in 0..count {
            let isolate = IsolateId { pid: 1, isolate: 1, is_thread: false };
            let at = f64::from(i) * seconds_between * 1000.0;
            let mut event = GcEvent::new(isolate, at, GcKind::MarkCompact);
            event.after = Some((floor(i) * 1_048_576.0) as u64);
            event.before = event.after.map(|after| after + (8 << 20));
            summary.add(&event);
        }
        summary.isolates().remove(0)
    }

    #[test]
    fn growth_flatness_and_too_little_are_told_apart() {
        let noise = |i: u32| f64::from(i * 7 % 5) * 0.02;
        let grows = judge(&trace(30, 4.0, |i| 20.0 + f64::from(i) + noise(i)), None);
        assert_eq!((grows.word, grows.grade), (Word::Leak, Grade::Weak));
        let flat = judge(&trace(30, 4.0, |i| 20.0 + noise(i)), None);
        assert_eq!(flat.word, Word::NoLeak);
        let few = judge(&trace(4, 4.0, |i| 20.0 + f64::from(i)), None);
        assert_eq!(few.word, Word::Inconclusive);
        let short = judge(&trace(40, 0.1, |i| 20.0 + f64::from(i) + noise(i)), Some("Reached heap limit"));
        assert_eq!(short.word, Word::Inconclusive);
        assert!(short.evidence.iter().any(|fact| fact.text.contains("Reached heap limit")));
    }
}
