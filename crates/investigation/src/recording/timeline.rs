//! The timeline in memory: however long a recording is, it stays within a bound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Collection, CollectionKind, Mark, Sample};

/// Samples kept; with more, every second one goes, and from then on only every second is taken.
const SAMPLES: usize = 4096;
/// Collections kept one by one; the totals count all of them.
const COLLECTIONS: usize = 8192;
const MARKS: usize = 2048;
/// Processes told apart.
const PROCESSES: usize = 512;

/// Samples, collections and events in the order of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Timeline {
    /// When it began, milliseconds since 1970.
    #[serde(default)]
    pub started_unix_ms: u64,
    /// The samples.
    #[serde(default)]
    pub samples: Vec<Sample>,
    /// The collections; of very many, a part.
    #[serde(default)]
    pub collections: Vec<Collection>,
    /// All collections, by kind.
    #[serde(default)]
    pub collection_totals: Vec<CollectionTotal>,
    /// The events.
    #[serde(default)]
    pub events: Vec<Mark>,
    /// Of the samples of each process, how many came; one in `stride` is kept, and always the last.
    #[serde(skip)]
    came: BTreeMap<u32, u64>,
    #[serde(skip)]
    sample_stride: u64,
    #[serde(skip)]
    collection_stride: u64,
}

/// All collections of one kind.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CollectionTotal {
    /// The kind.
    pub kind: CollectionKind,
    /// How many.
    pub count: u64,
    /// How many of them with a known pause.
    pub timed: u64,
    /// Their pauses together, milliseconds.
    pub pause_ms: f64,
    /// The longest, milliseconds.
    pub longest_ms: f64,
}

impl Timeline {
    /// An empty one.
    #[must_use]
    pub fn started_at(started_unix_ms: u64) -> Self {
        Self { started_unix_ms, ..Self::default() }
    }

    /// Takes up a sample.
    pub fn push_sample(&mut self, sample: Sample) {
        if !self.came.contains_key(&sample.pid) && self.came.len() >= PROCESSES {
            return;
        }
        let stride = self.sample_stride.max(1);
        let came = self.came.entry(sample.pid).or_default();
        // Between two kept ones the newest stands at the end until the next comes.
        let replaces = !(*came).is_multiple_of(stride) && !(*came - 1).is_multiple_of(stride);
        *came += 1;
        let last = self.samples.iter().rposition(|known| known.pid == sample.pid);
        if let (true, Some(last)) = (replaces, last) {
            self.samples.remove(last);
        }
        self.samples.push(sample);
        if self.samples.len() > SAMPLES {
            self.sample_stride = stride * 2;
            let mut seen: BTreeMap<u32, u64> = BTreeMap::new();
            self.samples.retain(|sample| {
                let count = seen.entry(sample.pid).or_default();
                *count += 1;
                *count % 2 == 1
            });
            // More processes than one bound can serve: the oldest go.
            let over = self.samples.len().saturating_sub(SAMPLES);
            self.samples.drain(..over);
        }
    }

    /// Takes up a collection.
    pub fn push_collection(&mut self, collection: Collection) {
        let kind = collection.kind;
        let at = self.collection_totals.iter().position(|total| total.kind == kind).unwrap_or_else(|| {
            let total = CollectionTotal { kind, count: 0, timed: 0, pause_ms: 0.0, longest_ms: 0.0 };
            self.collection_totals.push(total);
            self.collection_totals.len() - 1
        });
        let total = &mut self.collection_totals[at];
        total.count = total.count.saturating_add(1);
        if let Some(pause) = collection.pause_ms {
            total.timed += 1;
            total.pause_ms += pause;
            total.longest_ms = total.longest_ms.max(pause);
        }
        let stride = self.collection_stride.max(1);
        let count: u64 = self.collection_totals.iter().map(|total| total.count).sum();
        if count.is_multiple_of(stride) {
            self.collections.push(collection);
        }
        if self.collections.len() > COLLECTIONS {
            self.collection_stride = stride * 2;
            every_second(&mut self.collections);
        }
    }

    /// Takes up an event.
    pub fn push_event(&mut self, mark: Mark) {
        self.events.push(mark);
        if self.events.len() > MARKS {
            every_second(&mut self.events);
        }
    }

    /// Puts all into the order of time: heap and machine are sampled by different threads.
    pub fn sort(&mut self) {
        self.samples.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        self.collections.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        self.events.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        self.collection_totals.sort_by_key(|total| total.kind);
    }
}

/// Keeps the first and every second after it: half the items at twice the spacing.
pub(crate) fn every_second<T>(items: &mut Vec<T>) {
    let mut index = 0;
    items.retain(|_| {
        index += 1;
        index % 2 == 1
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(pid: u32, seconds: f64) -> Sample {
        Sample { seconds, pid, ..Sample::default() }
    }

    #[test]
    fn thinning_keeps_the_first_and_the_spacing() {
        let mut items: Vec<u32> = (0..7).collect();
        every_second(&mut items);
        assert_eq!(items, [0, 2, 4, 6]);
    }

    #[test]
    fn a_long_recording_stays_within_its_bound_and_keeps_its_ends() {
        let mut timeline = Timeline::default();
        for i in 0..50_000 {
            for pid in [7, 8] {
                timeline.push_sample(sample(pid, f64::from(i)));
            }
            assert!(timeline.samples.len() <= SAMPLES);
        }
        for pid in [7, 8] {
            let own: Vec<f64> = timeline.samples.iter().filter(|s| s.pid == pid).map(|s| s.seconds).collect();
            assert_eq!((own[0], *own.last().unwrap()), (0.0, 49_999.0));
            assert!(own.len() > SAMPLES / 8, "{}", own.len());
            assert!(own.windows(2).all(|pair| pair[0] < pair[1] && pair[1] - pair[0] < 200.0));
        }
    }

    #[test]
    fn totals_count_what_is_not_kept() {
        let mut timeline = Timeline::default();
        for i in 0..20_000 {
            timeline.push_collection(Collection {
                seconds: f64::from(i),
                pid: 1,
                kind: CollectionKind::Scavenge,
                cause: None,
                pause_ms: (i % 2 == 0).then_some(0.5),
                before: None,
                after: None,
            });
        }
        assert!(timeline.collections.len() <= COLLECTIONS);
        let total = &timeline.collection_totals[0];
        assert_eq!((total.count, total.timed, total.pause_ms), (20_000, 10_000, 5000.0));
    }

    #[test]
    fn ever_new_processes_do_not_fill_the_memory() {
        let mut timeline = Timeline::default();
        for pid in 0..100_000 {
            timeline.push_sample(sample(pid, 1.0));
        }
        assert!(timeline.samples.len() <= SAMPLES && timeline.came.len() <= PROCESSES);
    }
}
