//! What the collections of each isolate come to.

use std::collections::BTreeMap;

use serde::Serialize;

use super::distribution::{Distribution, Percentiles};
use super::event::{GcEvent, GcKind, IsolateId};
use super::timeline::{Timeline, TimelinePoint};

/// More isolates than this are a broken file; what they did is counted, and no more.
const MOST_ISOLATES: usize = 1024;
/// Different pairs of reasons that are told apart.
const MOST_REASONS: usize = 64;
/// Points of a chart, and floors that the verdict looks at.
const CHART_POINTS: usize = 500;
const FLOORS: usize = 300;

/// How well a rate is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exactness {
    /// V8 says it itself (`--trace-gc-nvp`).
    Exact,
    /// Computed from sizes before and after collections.
    Estimated,
}

/// Bytes, and bytes per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    /// All bytes.
    pub bytes: u64,
    /// In each second, on average.
    pub bytes_per_second: f64,
    /// How well it is known.
    pub exactness: Exactness,
}

/// Collections with the same reason.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReasonCount {
    /// V8's words; absent where the trace does not say why.
    pub reason: Option<String>,
    /// V8's words for why it was this collector.
    pub collector_reason: Option<String>,
    /// What that means.
    pub meaning: String,
    /// How many.
    pub count: u64,
}

/// Collections of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KindSummary {
    /// Which.
    pub kind: GcKind,
    /// How many.
    pub count: u64,
    /// Their pauses together.
    pub pause_sum_milliseconds: f64,
    /// Their pauses; absent when the trace tells none.
    pub pauses: Option<Percentiles>,
    /// What they freed.
    pub freed_bytes: u64,
    /// Why they ran, most frequent first.
    pub reasons: Vec<ReasonCount>,
}

/// One isolate.
#[derive(Debug, Clone, Serialize)]
pub struct IsolateSummary {
    /// Which.
    pub isolate: IsolateId,
    /// From the first collection to the last.
    pub seconds: f64,
    /// Collections by kind.
    pub kinds: Vec<KindSummary>,
    /// Pauses as a share of that time, marking in steps included.
    pub gc_share: Option<f64>,
    /// What the program allocated.
    pub allocation: Option<Rate>,
    /// What scavenges moved from new space to old space.
    pub promotion: Option<Rate>,
    /// The heap after each full collection, thinned out if there were many.
    pub floors: Vec<TimelinePoint>,
    /// The heap before and after collections, thinned out if there were many.
    pub timeline: Vec<TimelinePoint>,
    /// Sizes are known to a tenth of a megabyte only.
    pub rounded_sizes: bool,
}

/// Collects events into summaries. Its size does not grow with the trace.
#[derive(Debug, Default)]
pub struct Summary {
    isolates: BTreeMap<IsolateId, Gathered>,
    order: Vec<IsolateId>,
    collections: u64,
    beyond: u64,
}

#[derive(Debug)]
struct Gathered {
    first: f64,
    last: f64,
    kinds: BTreeMap<GcKind, OfKind>,
    stepped: f64,
    allocated: u64,
    allocated_exactly: u64,
    exact: bool,
    promoted: u64,
    promoted_exactly: u64,
    last_after: Option<u64>,
    floors: Timeline,
    timeline: Timeline,
    rounded: bool,
    with_sizes: bool,
}

#[derive(Debug, Default)]
struct OfKind {
    count: u64,
    pauses: Distribution,
    freed: u64,
    reasons: BTreeMap<(Option<String>, Option<String>), (u64, String)>,
}

impl Summary {
    /// Takes an event up.
    pub fn add(&mut self, event: &GcEvent) {
        self.collections += 1;
        if !self.isolates.contains_key(&event.isolate) {
            if self.isolates.len() >= MOST_ISOLATES {
                self.beyond += 1;
                return;
            }
            self.order.push(event.isolate);
        }
        let begin = event.at_milliseconds - event.pause_milliseconds.unwrap_or(0.0);
        self.isolates.entry(event.isolate).or_insert_with(|| Gathered::new(begin)).add(event);
    }

    /// How many collections there were.
    #[must_use]
    pub fn collections(&self) -> u64 {
        self.collections
    }

    /// Collections of isolates beyond those that are told apart.
    #[must_use]
    pub fn beyond(&self) -> u64 {
        self.beyond
    }

    /// The isolates, in the order in which they appeared.
    #[must_use]
    pub fn isolates(&self) -> Vec<IsolateSummary> {
        self.order
            .iter()
            .filter_map(|id| self.isolates.get(id).map(|gathered| gathered.summary(*id)))
            .collect()
    }
}

impl Gathered {
    fn new(first: f64) -> Self {
        Self {
            first,
            last: first,
            kinds: BTreeMap::new(),
            stepped: 0.0,
            allocated: 0,
            allocated_exactly: 0,
            exact: true,
            promoted: 0,
            promoted_exactly: 0,
            last_after: None,
            floors: Timeline::new(FLOORS),
            timeline: Timeline::new(CHART_POINTS),
            rounded: false,
            with_sizes: false,
        }
    }

    fn add(&mut self, event: &GcEvent) {
        self.last = self.last.max(event.at_milliseconds);
        self.rounded |= event.rounded;
        self.stepped += event.marking.map_or(0.0, |marking| marking.milliseconds);
        let kind = self.kinds.entry(event.kind).or_default();
        kind.count += 1;
        if let Some(pause) = event.pause_milliseconds {
            kind.pauses.add(pause);
        }
        kind.freed = kind.freed.saturating_add(event.freed().unwrap_or(0));
        let reason = (event.reason.clone(), event.collector_reason.clone());
        if kind.reasons.len() < MOST_REASONS || kind.reasons.contains_key(&reason) {
            kind.reasons.entry(reason).or_insert_with(|| (0, event.why())).0 += 1;
        }
        self.sizes(event);
    }

    fn sizes(&mut self, event: &GcEvent) {
        self.exact &= event.allocated.is_some() && event.promoted.is_some();
        self.allocated_exactly = self.allocated_exactly.saturating_add(event.allocated.unwrap_or(0));
        self.promoted_exactly = self.promoted_exactly.saturating_add(event.promoted.unwrap_or(0));
        let (Some(before), Some(after)) = (event.before, event.after) else { return };
        self.with_sizes = true;
        if let Some(last) = self.last_after {
            self.allocated = self.allocated.saturating_add(before.saturating_sub(last));
            if !event.kind.is_full() {
                // What lives on after one scavenge more than after the one before was kept by it.
                self.promoted = self.promoted.saturating_add(after.saturating_sub(last));
            }
        }
        self.last_after = Some(after);
        let point = TimelinePoint { at_milliseconds: event.at_milliseconds, before, after };
        self.timeline.add(point);
        if event.kind.is_full() {
            self.floors.add(point);
        }
    }

    fn summary(&self, isolate: IsolateId) -> IsolateSummary {
        let seconds = (self.last - self.first).max(0.0) / 1000.0;
        let pauses: f64 = self.kinds.values().map(|kind| kind.pauses.sum_milliseconds()).sum();
        let rate = |exactly: u64, estimated: u64| {
            let (bytes, exactness) =
                if self.exact { (exactly, Exactness::Exact) } else { (estimated, Exactness::Estimated) };
            (seconds > 0.0 && (self.exact || self.with_sizes)).then(|| Rate {
                bytes,
                bytes_per_second: bytes as f64 / seconds,
                exactness,
            })
        };
        IsolateSummary {
            isolate,
            seconds,
            kinds: self.kinds.iter().map(|(kind, of)| of.summary(*kind)).collect(),
            gc_share: (seconds > 0.0).then(|| ((pauses + self.stepped) / 1000.0 / seconds).min(1.0)),
            allocation: rate(self.allocated_exactly, self.allocated),
            promotion: rate(self.promoted_exactly, self.promoted)
                .filter(|_| self.kinds.keys().any(|kind| !kind.is_full())),
            floors: self.floors.points().collect(),
            timeline: self.timeline.points().collect(),
            rounded_sizes: self.rounded,
        }
    }
}

impl OfKind {
    fn summary(&self, kind: GcKind) -> KindSummary {
        let mut reasons: Vec<ReasonCount> = self
            .reasons
            .iter()
            .map(|((reason, collector_reason), (count, meaning))| ReasonCount {
                reason: reason.clone(),
                collector_reason: collector_reason.clone(),
                meaning: meaning.clone(),
                count: *count,
            })
            .collect();
        reasons.sort_by_key(|reason| std::cmp::Reverse(reason.count));
        KindSummary {
            kind,
            count: self.count,
            pause_sum_milliseconds: self.pauses.sum_milliseconds(),
            pauses: self.pauses.percentiles(),
            freed_bytes: self.freed,
            reasons,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: f64, kind: GcKind, before: u64, after: u64) -> GcEvent {
        let isolate = IsolateId { pid: 1, isolate: 1, is_thread: false };
        let mut event = GcEvent::new(isolate, at, kind);
        (event.before, event.after, event.pause_milliseconds) = (Some(before), Some(after), Some(10.0));
        event
    }

    #[test]
    fn rates_and_shares_are_of_the_time_between_the_first_and_the_last() {
        let mut summary = Summary::default();
        summary.add(&event(1010.0, GcKind::Scavenge, 100, 40));
        summary.add(&event(1500.0, GcKind::Scavenge, 140, 60));
        summary.add(&event(2000.0, GcKind::MarkCompact, 160, 30));
        let isolates = summary.isolates();
        let only = &isolates[0];
        assert_eq!((only.seconds, only.gc_share), (1.0, Some(0.03)));
        let allocation = only.allocation.unwrap();
        assert_eq!((allocation.bytes, allocation.exactness), (200, Exactness::Estimated));
        assert_eq!(only.promotion.unwrap().bytes, 20);
        assert_eq!(only.floors, [TimelinePoint { at_milliseconds: 2000.0, before: 160, after: 30 }]);
        assert_eq!(only.kinds[0].freed_bytes, 140);
    }

    #[test]
    fn what_v8_says_is_preferred() {
        let mut summary = Summary::default();
        for at in [0.0, 1000.0] {
            let mut event = event(at + 10.0, GcKind::Scavenge, 100, 40);
            (event.allocated, event.promoted) = (Some(7), Some(3));
            summary.add(&event);
        }
        let promotion = summary.isolates()[0].promotion.unwrap();
        assert_eq!((promotion.bytes, promotion.exactness), (6, Exactness::Exact));
    }
}
