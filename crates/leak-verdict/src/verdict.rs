//! The output: a word, its grade, and what it rests on.

use serde::{Deserialize, Serialize};

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

#[cfg(test)]
mod tests {
    use super::*;

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
