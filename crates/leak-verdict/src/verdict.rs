//! The output: a word, its grade, and what it rests on.

use serde::{Deserialize, Serialize};

use crate::growth::GATE_BYTES;
use crate::native::NativeKind;
use crate::recording::WorkUnit;

/// The verdict in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Word {
    /// Objects reachable in the JavaScript heap accumulate with the work done.
    Leak,
    /// The floor is flat within the detection limit.
    NoLeak,
    /// It looks big because V8 had no reason to collect; the floor is flat.
    LazyGc,
    /// It grew, and stops at a bound.
    BoundedCache,
    /// Most of what accumulates lies outside the heap and is held from it.
    OffHeapLeak,
    /// Memory outside V8 grows that no JavaScript object holds.
    NativeGrowth,
    /// Neither growth nor its absence was shown.
    Inconclusive,
}

impl Word {
    /// The word as it is printed and written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::NoLeak => "no-leak",
            Self::LazyGc => "lazy-gc",
            Self::BoundedCache => "bounded-cache",
            Self::OffHeapLeak => "off-heap-leak",
            Self::NativeGrowth => "native-growth",
            Self::Inconclusive => "inconclusive",
        }
    }

    /// Whether it says that the program leaks.
    #[must_use]
    pub fn is_leak(self) -> bool {
        matches!(self, Self::Leak | Self::OffHeapLeak)
    }
}

/// How well a verdict is founded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Grade {
    /// Few floors, or a rule at the edge of what it can tell.
    Weak,
    /// The statistics of enough floors.
    Moderate,
    /// At least twelve floors, and the heap graph shows what grows, counted per unit of work.
    Strong,
}

/// Where the growth is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GrowthPlace {
    /// In the JavaScript heap.
    Heap,
    /// Outside, held by JavaScript objects.
    External,
    /// Outside, held by nobody V8 knows.
    Native,
}

/// Growth per unit of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Where.
    pub place: GrowthPlace,
    /// Bytes per unit of work.
    pub bytes_per_unit: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end of its 95 % interval.
    pub high: f64,
    /// Bytes over the whole run.
    pub total_bytes: f64,
    /// After how much more work the heap limit is reached at this rate.
    pub units_to_heap_limit: Option<f64>,
}

/// The floors in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FloorSummary {
    /// How many count for the trend.
    pub points: usize,
    /// The heap at the start of the trend, bytes.
    pub first_bytes: u64,
    /// The heap at its end, bytes.
    pub last_bytes: u64,
    /// The work between.
    pub work: f64,
    /// The seconds between.
    pub seconds: f64,
}

/// What kind of fact a piece of evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// The floors of the heap.
    HeapFloor,
    /// The order of the floors.
    Trend,
    /// Early against late growth.
    Shape,
    /// Memory outside the heap, held from it.
    External,
    /// Memory outside the heap, held by nobody V8 knows.
    Native,
    /// Open files and sockets.
    OpenFiles,
    /// The rate of requests.
    Load,
    /// Code that got compiled and optimised.
    Code,
    /// What was in the heap before collections.
    Garbage,
    /// What could not have been seen.
    DetectionLimit,
    /// When the limit of the heap is reached.
    HeapLimit,
    /// What the heap graph shows.
    Graph,
}

/// One fact that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// Which kind of fact.
    pub kind: EvidenceKind,
    /// The fact, as a sentence with its numbers.
    pub text: String,
}

/// A verdict with everything it rests on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The word.
    #[serde(rename = "verdict")]
    pub word: Word,
    /// How well founded it is.
    pub grade: Grade,
    /// What the work axis counts.
    pub unit: WorkUnit,
    /// The growth the word is about; absent when there is none.
    pub growth: Option<Growth>,
    /// What native growth consists of, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_kind: Option<NativeKind>,
    /// Growth below this many bytes per unit of work could not have been told from none.
    pub detection_limit: Option<f64>,
    /// The floors in short; absent when there was none.
    pub floors: Option<FloorSummary>,
    /// The facts.
    pub evidence: Vec<Evidence>,
    /// What would make the verdict firmer, or change it.
    pub advice: Vec<String>,
}

impl Verdict {
    /// Takes up that the heap graph shows what grows, with a count per unit of work.
    ///
    /// Statistics alone are at most *moderate*; a leak with at least twelve floors becomes *strong* by it.
    pub fn confirm_by_graph(&mut self, text: String) {
        self.evidence.push(Evidence { kind: EvidenceKind::Graph, text });
        let points = self.floors.as_ref().map_or(0, |floors| floors.points);
        if self.word.is_leak() && points >= 12 {
            self.grade = Grade::Strong;
        } else if self.word.is_leak() && self.grade == Grade::Weak {
            self.grade = Grade::Moderate;
        }
    }
}

impl Verdict {
    /// Takes up that what grows is V8's own code, not the program's objects: a warm-up that statistics alone cannot
    /// tell from a leak.
    pub fn is_warm_up(&mut self, text: String) {
        self.evidence.push(Evidence { kind: EvidenceKind::Code, text });
        self.word = Word::NoLeak;
        self.grade = Grade::Moderate;
        self.growth = None;
        self.advice.push("run for longer, or with a longer warm-up, to see the floor level off".to_owned());
    }
}

impl Verdict {
    /// Takes up that the heap graph shows nothing that grows. Growth that counted only because it was straight is then
    /// undecided: a program that warms up slowly is as straight, and objects that leak are seen in the graph long before
    /// they are seen in the floors.
    pub fn is_not_borne_out(&mut self, text: &str) {
        let small = self.growth.as_ref().is_some_and(|growth| growth.total_bytes < GATE_BYTES);
        if self.word != Word::Leak || !small {
            return;
        }
        self.evidence.push(Evidence { kind: EvidenceKind::Graph, text: text.to_owned() });
        self.word = Word::Inconclusive;
        self.grade = Grade::Weak;
        self.growth = None;
        self.advice = vec!["run for longer, to see whether the floor levels off".to_owned()];
    }
}

/// Growth that a heap graph shows over several windows, each with its work.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphGrowth {
    /// Bytes made in each window that live at the end, and the work done in it.
    pub windows: Vec<(u64, f64)>,
}

impl GraphGrowth {
    /// Below this the graph scatters as the floors do.
    const LEAST_BYTES: f64 = 128.0 * 1024.0;
    /// The share of the floors' rise that it must account for: what a cache brought stays the cache's.
    const LEAST_SHARE: f64 = 0.3;
    /// How fast the last window must be, of the first: a cache that fills up slows down.
    const LEAST_PACE: f64 = 0.7;

    /// Bytes per unit of work: all in all, in the slowest window, in the fastest.
    fn rates(&self) -> Option<(f64, f64, f64)> {
        let rate = |&(bytes, work): &(u64, f64)| (work > 0.0).then(|| bytes as f64 / work);
        let each = self.windows.iter().map(rate).collect::<Option<Vec<f64>>>()?;
        let (bytes, work) = self
            .windows
            .iter()
            .fold((0.0, 0.0), |(bytes, work), &(more, done)| (bytes + more as f64, work + done));
        let (low, high) =
            each.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), &rate| (low.min(rate), high.max(rate)));
        (each.len() > 1 && each[each.len() - 1] >= Self::LEAST_PACE * each[0]).then_some((
            bytes / work,
            low,
            high,
        ))
    }

    fn bytes(&self) -> f64 {
        self.windows.iter().map(|window| window.0 as f64).sum()
    }
}

impl Verdict {
    /// Takes up that what the floors call a bound is none: the heap graph shows as much growth per unit of work in its
    /// last window as in its first, and that it is what the floors rose by. Two or three floors behind a snapshot,
    /// whose own leftovers were taken out, do not show a bound against that. Answers whether it does.
    pub fn goes_on(&mut self, growth: &GraphGrowth, text: impl FnOnce(f64) -> String) -> bool {
        let Some(floors) = self.floors.as_ref().filter(|_| self.word == Word::BoundedCache) else {
            return false;
        };
        let rise = floors.last_bytes as f64 - floors.first_bytes as f64;
        let Some((rate, low, high)) = growth.rates() else { return false };
        let enough = growth.bytes() > GraphGrowth::LEAST_BYTES
            && rise > GraphGrowth::LEAST_BYTES
            && rate * floors.work > GraphGrowth::LEAST_SHARE * rise;
        if !enough {
            return false;
        }
        self.evidence.push(Evidence { kind: EvidenceKind::Graph, text: text(rate) });
        self.growth = Some(Growth {
            place: GrowthPlace::Heap,
            bytes_per_unit: rate,
            low,
            high,
            total_bytes: rate * floors.work,
            units_to_heap_limit: None,
        });
        self.word = Word::Leak;
        self.grade = Grade::Weak;
        // What was said of the bound no longer holds.
        self.advice = vec!["run for longer, to see whether the floor goes on rising with it".to_owned()];
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounded(first_bytes: u64, last_bytes: u64) -> Verdict {
        Verdict {
            word: Word::BoundedCache,
            grade: Grade::Moderate,
            unit: WorkUnit::Request,
            growth: None,
            native_kind: None,
            detection_limit: None,
            floors: Some(FloorSummary { points: 12, first_bytes, last_bytes, work: 6000.0, seconds: 12.0 }),
            evidence: Vec::new(),
            advice: vec!["lower the limit".to_owned()],
        }
    }

    fn goes_on(verdict: &mut Verdict, windows: &[(u64, f64)]) -> bool {
        verdict.goes_on(&GraphGrowth { windows: windows.to_vec() }, |rate| format!("{rate:.0} bytes"))
    }

    #[test]
    fn a_bound_that_the_graph_does_not_know_is_none() {
        let mut verdict = bounded(5 << 20, 6 << 20);
        assert!(goes_on(&mut verdict, &[(400_000, 2000.0), (420_000, 2000.0)]));
        assert_eq!((verdict.word, verdict.grade), (Word::Leak, Grade::Weak));
        let growth = verdict.growth.unwrap();
        assert_eq!((growth.low, growth.bytes_per_unit, growth.high), (200.0, 205.0, 210.0));
        assert_eq!(verdict.evidence[0].text, "205 bytes");
        assert!(!verdict.advice.iter().any(|advice| advice.contains("limit")));
    }

    #[test]
    fn small_growth_that_the_graph_does_not_know_is_undecided() {
        let leak = |total_bytes| Verdict {
            word: Word::Leak,
            growth: Some(Growth {
                place: GrowthPlace::Heap,
                bytes_per_unit: total_bytes / 1800.0,
                low: total_bytes / 2000.0,
                high: total_bytes / 1500.0,
                total_bytes,
                units_to_heap_limit: Some(1e6),
            }),
            ..bounded(5 << 20, 6 << 20)
        };
        let mut small = leak(250_000.0);
        small.is_not_borne_out("nothing grew");
        assert_eq!((small.word, small.grade, &small.growth), (Word::Inconclusive, Grade::Weak, &None));
        assert_eq!(small.evidence[0].text, "nothing grew");
        for verdict in [leak(600_000.0), bounded(5 << 20, 6 << 20)] {
            let mut same = verdict.clone();
            same.is_not_borne_out("nothing grew");
            assert_eq!(same, verdict);
        }
    }

    #[test]
    fn what_fills_up_or_is_little_beside_the_bound_keeps_its_word() {
        // It slows down; it is little beside what the cache brought; it is little at all; one window shows no pace.
        for (last, windows) in [
            (6 << 20, vec![(800_000, 2000.0), (420_000, 2000.0)]),
            (105 << 20, vec![(400_000, 2000.0), (420_000, 2000.0)]),
            (6 << 20, vec![(40_000, 2000.0), (42_000, 2000.0)]),
            (6 << 20, vec![(800_000, 2000.0)]),
        ] {
            let mut verdict = bounded(5 << 20, last);
            assert!(!goes_on(&mut verdict, &windows), "{windows:?}");
            assert_eq!(verdict, bounded(5 << 20, last));
        }
        let mut verdict = Verdict { word: Word::NoLeak, ..bounded(5 << 20, 6 << 20) };
        assert!(!goes_on(&mut verdict, &[(400_000, 2000.0), (420_000, 2000.0)]));
    }

    #[test]
    fn words_are_written_as_they_are_printed() {
        for word in [
            Word::Leak,
            Word::NoLeak,
            Word::LazyGc,
            Word::BoundedCache,
            Word::OffHeapLeak,
            Word::NativeGrowth,
            Word::Inconclusive,
        ] {
            assert_eq!(serde_json::to_string(&word).unwrap(), format!("\"{}\"", word.as_str()));
        }
    }
}
