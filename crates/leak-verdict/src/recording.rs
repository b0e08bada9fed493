//! The input: floors with the work done until each.

use serde::{Deserialize, Serialize};

use crate::statistics::median;

/// Steps before and after one over a snapshot that it is compared with.
const NEARBY: usize = 3;
/// Code falls by less than this, bytes, as functions come and go.
const FLUSHED: f64 = 128.0 * 1024.0;

/// What the work axis counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WorkUnit {
    /// Requests answered.
    Request,
    /// Rounds of load whose requests nobody counted.
    Round,
    /// Seconds of run time, for a program without load from outside.
    Second,
}

impl WorkUnit {
    /// The word for one of it.
    #[must_use]
    pub fn singular(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Round => "round",
            Self::Second => "second",
        }
    }

    /// The word for many of it.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            Self::Request => "requests",
            Self::Round => "rounds",
            Self::Second => "seconds",
        }
    }
}

/// What the program held right after a full collection. A number nobody could read is `None`, never zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Work done since the beginning, in the recording's unit.
    pub work: f64,
    /// Seconds since the beginning.
    pub seconds: f64,
    /// Used JavaScript heap, bytes.
    pub heap_used: u64,
    /// Committed JavaScript heap, bytes.
    #[serde(default)]
    pub heap_total: Option<u64>,
    /// Used heap just before the collection, bytes.
    #[serde(default)]
    pub heap_before_collection: Option<u64>,
    /// Code, bytecode and their metadata within the heap, bytes: it grows while functions get optimised.
    #[serde(default)]
    pub code: Option<u64>,
    /// Memory outside the heap that JavaScript objects hold (array buffers included), bytes.
    #[serde(default)]
    pub external: Option<u64>,
    /// Resident set, bytes.
    #[serde(default)]
    pub resident: Option<u64>,
    /// Bytes in use in malloc's main heap.
    #[serde(default)]
    pub malloc_in_use: Option<u64>,
    /// Bytes that are free in malloc's main heap and not given back to the system.
    #[serde(default)]
    pub malloc_free: Option<u64>,
    /// Open file descriptors.
    #[serde(default)]
    pub open_files: Option<u64>,
    /// Requests per second since the floor before, where the load was not ours to choose: a program may hold more because
    /// it has more to do.
    #[serde(default)]
    pub rate: Option<f64>,
    /// Taken while the program was still warming up: not part of the trend.
    #[serde(default)]
    pub warm_up: bool,
    /// A heap snapshot was taken since the floor before; that alone raises the resident set.
    #[serde(default)]
    pub after_snapshot: bool,
}

/// A run: floors in the order of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// What the work axis counts.
    pub unit: WorkUnit,
    /// The floors.
    pub floors: Vec<Floor>,
    /// The limit of the JavaScript heap, bytes.
    #[serde(default)]
    pub heap_limit: Option<u64>,
}

/// One measured quantity along the work axis.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Series {
    pub(crate) work: Vec<f64>,
    pub(crate) bytes: Vec<f64>,
}

impl Series {
    pub(crate) fn len(&self) -> usize {
        self.work.len()
    }

    pub(crate) fn span(&self) -> f64 {
        match (self.work.first(), self.work.last()) {
            (Some(first), Some(last)) => last - first,
            _ => 0.0,
        }
    }

    /// The part from `work` on.
    pub(crate) fn since(&self, work: f64) -> Self {
        let from = self.work.partition_point(|&w| w < work);
        Self { work: self.work[from..].to_vec(), bytes: self.bytes[from..].to_vec() }
    }
}

impl Recording {
    /// The floors that count for the trend.
    ///
    /// Warm-up is left out when it was marked; else the first 15 % of the work, at least one floor.
    pub(crate) fn counted(&self) -> &[Floor] {
        let warm = self.floors.iter().take_while(|floor| floor.warm_up).count();
        if warm > 0 {
            return &self.floors[warm..];
        }
        let (Some(first), Some(last)) = (self.floors.first(), self.floors.last()) else { return &[] };
        let from = first.work + (last.work - first.work) * 0.15;
        let cut = self.floors.partition_point(|floor| floor.work < from).max(1);
        &self.floors[cut.min(self.floors.len())..]
    }

    /// A series of what `value` finds in each floor, or `None` when one floor lacks it.
    pub(crate) fn series(floors: &[Floor], mut value: impl FnMut(&Floor) -> Option<f64>) -> Option<Series> {
        let mut series = Series::default();
        for floor in floors {
            series.work.push(floor.work);
            series.bytes.push(value(floor)?);
        }
        Some(series)
    }

    /// The used heap; without code where all floors say how much that is, without what snapshots leave in it, and with
    /// what goes with code that V8 drops.
    pub(crate) fn heap(floors: &[Floor]) -> Series {
        with_what_goes_with_code(without_leaps_over_snapshots(Self::measured_heap(floors), floors), floors)
    }

    fn measured_heap(floors: &[Floor]) -> Series {
        let with_code = |floor: &Floor| Some(floor.heap_used as f64);
        Self::series(floors, |floor| Some(floor.heap_used.saturating_sub(floor.code?) as f64))
            .or_else(|| Self::series(floors, with_code))
            .unwrap_or_default()
    }

    /// Bytes in the heap that snapshots left there, which [`Recording::heap`] does not count.
    pub(crate) fn left_by_snapshots(floors: &[Floor]) -> f64 {
        let last = |series: Series| series.bytes.last().copied().unwrap_or(0.0);
        let measured = Self::measured_heap(floors);
        last(measured.clone()) - last(without_leaps_over_snapshots(measured, floors))
    }

    /// Bytes that went from the heap with code that V8 dropped, which [`Recording::heap`] counts as if they had stayed.
    pub(crate) fn gone_with_code(floors: &[Floor]) -> f64 {
        let last = |series: Series| series.bytes.last().copied().unwrap_or(0.0);
        last(Self::heap(floors)) - last(without_leaps_over_snapshots(Self::measured_heap(floors), floors))
    }

    /// Resident memory that is neither V8's heap nor held from it, without the jumps that snapshots make.
    pub(crate) fn native(floors: &[Floor]) -> Option<Series> {
        let raw = Self::series(floors, |floor| {
            Some(floor.resident? as f64 - floor.heap_total? as f64 - floor.external? as f64)
        })?;
        Some(without_snapshot_jumps(raw, floors))
    }

    /// What is in use in malloc's main heap and is not held from V8's heap; over a snapshot, what the same work
    /// changes elsewhere.
    ///
    /// The resident set does not show growth that fits into memory which malloc has kept free, and a snapshot leaves
    /// much of that behind. Memory held from the heap is taken off by its highest value so far: it may lie outside
    /// malloc's main heap, so that its fall must not look like growth of the rest.
    pub(crate) fn malloc_use(floors: &[Floor]) -> Option<Series> {
        let mut held: u64 = 0;
        let raw = Self::series(floors, |floor| {
            held = held.max(floor.external?);
            Some(floor.malloc_in_use? as f64 - held as f64)
        })?;
        Some(with_usual_change_over_snapshots(raw, floors))
    }

    /// What is free in malloc's main heap and kept there, without the jumps that snapshots make.
    pub(crate) fn malloc_free(floors: &[Floor]) -> Option<Series> {
        let raw = Self::series(floors, |floor| Some(floor.malloc_free? as f64))?;
        Some(without_snapshot_jumps(raw, floors))
    }

    /// The resident set without the jumps that snapshots make.
    pub(crate) fn resident(floors: &[Floor]) -> Option<Series> {
        let raw = Self::series(floors, |floor| Some(floor.resident? as f64))?;
        Some(without_snapshot_jumps(raw, floors))
    }
}

/// A snapshot leaves memory behind: what changed over it is not counted.
fn without_snapshot_jumps(series: Series, floors: &[Floor]) -> Series {
    change_over_snapshots(series, floors, |_, _, _| 0.0)
}

/// A step over a snapshot that is higher than all steps around it is the snapshot's own: it is cut to the highest
/// of those, for the same work.
///
/// V8 sometimes keeps several hundred kilobytes in the heap after one, which then look like the program's. Where the
/// program's own growth comes in leaps, those around it are as high, so that nothing is lost.
fn without_leaps_over_snapshots(series: Series, floors: &[Floor]) -> Series {
    let rates: Vec<Option<f64>> = steps(&series)
        .zip(floors.iter().skip(1))
        .map(|((work, bytes), floor)| (!floor.after_snapshot && work > 0.0).then_some(bytes / work))
        .collect();
    let highest_nearby = |at: usize| {
        let nearby = &rates[at.saturating_sub(NEARBY)..(at + NEARBY + 1).min(rates.len())];
        nearby.iter().flatten().copied().reduce(f64::max)
    };
    change_over_snapshots(series, floors, |step, work, measured| {
        highest_nearby(step).map_or(measured, |rate| measured.min((rate * work).max(0.0)))
    })
}

/// V8 drops the code of functions that were not called for some full collections (flushing), which the collections of
/// floors make happen early. What describes that code goes too: about as much again in the rest of the heap (measured:
/// 0.9 to 1.1 bytes for each of code). Where code falls, the heap is taken to have changed as it did elsewhere, but for no
/// more than the code's own fall.
fn with_what_goes_with_code(series: Series, floors: &[Floor]) -> Series {
    let Some(code) = Recording::series(floors, |floor| floor.code.map(|code| code as f64)) else {
        return series;
    };
    let rates = |series: &Series| -> Vec<f64> {
        let kept =
            steps(series).zip(steps(&code)).filter(|((work, _), (_, code))| *work > 0.0 && *code >= 0.0);
        kept.map(|((work, bytes), _)| bytes / work).collect()
    };
    let (usual, usual_code) = (rates(&series), rates(&code));
    if usual.is_empty() {
        return series;
    }
    let (usual, usual_code) = (median(&usual), median(&usual_code));
    let mut level = series.bytes.first().copied().unwrap_or(0.0);
    let mut bytes = vec![level; series.bytes.len().min(1)];
    for ((work, measured), (_, code)) in steps(&series).zip(steps(&code)) {
        level += measured;
        if code < -FLUSHED {
            level += (usual * work - measured).min(usual_code * work - code).max(0.0);
        }
        bytes.push(level);
    }
    Series { work: series.work, bytes }
}

/// What changed over a snapshot is taken to be what the same work changes elsewhere (the median over the other
/// floors). For what is otherwise exact: the resident set's changes say too little of each other.
fn with_usual_change_over_snapshots(series: Series, floors: &[Floor]) -> Series {
    let rates: Vec<f64> = steps(&series)
        .zip(floors.iter().skip(1))
        .filter(|((work, _), floor)| !floor.after_snapshot && *work > 0.0)
        .map(|((work, bytes), _)| bytes / work)
        .collect();
    let usual = if rates.is_empty() { 0.0 } else { median(&rates) };
    change_over_snapshots(series, floors, |_, work, _| usual * work)
}

/// Work and change from each floor to the next.
fn steps(series: &Series) -> impl Iterator<Item = (f64, f64)> {
    let work = series.work.windows(2).map(|pair| pair[1] - pair[0]);
    work.zip(series.bytes.windows(2).map(|pair| pair[1] - pair[0]))
}

/// The series with other steps over snapshots: `change` gets the step's number, its work and what was measured.
fn change_over_snapshots(
    series: Series,
    floors: &[Floor],
    change: impl Fn(usize, f64, f64) -> f64,
) -> Series {
    let mut level = series.bytes.first().copied().unwrap_or(0.0);
    let mut bytes = vec![level; series.bytes.len().min(1)];
    for (step, ((work, measured), floor)) in steps(&series).zip(floors.iter().skip(1)).enumerate() {
        level += if floor.after_snapshot { change(step, work, measured) } else { measured };
        bytes.push(level);
    }
    Series { work: series.work, bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor(work: f64, resident: u64, after_snapshot: bool) -> Floor {
        Floor { work, resident: Some(resident), after_snapshot, ..Floor::default() }
    }

    #[test]
    fn snapshots_do_not_count_as_growth() {
        let floors =
            [floor(0.0, 50, false), floor(1.0, 55, false), floor(2.0, 255, true), floor(3.0, 260, false)];
        assert_eq!(Recording::resident(&floors).unwrap().bytes, [50.0, 55.0, 55.0, 60.0]);
    }

    fn heap_of(steps: &[(u64, bool)]) -> Vec<f64> {
        let mut heap_used = 1000;
        let floors: Vec<Floor> = (0..)
            .zip(steps)
            .map(|(round, &(grown, after_snapshot))| {
                heap_used += grown;
                Floor { work: f64::from(round), heap_used, after_snapshot, ..Floor::default() }
            })
            .collect();
        Recording::heap(&floors).bytes
    }

    #[test]
    fn a_leap_over_a_snapshot_is_cut_to_the_steps_around_it() {
        let heap =
            heap_of(&[(0, false), (90, false), (2, false), (5, false), (1, false), (670, true), (3, false)]);
        assert_eq!(heap, [1000.0, 1090.0, 1092.0, 1097.0, 1098.0, 1103.0, 1106.0]);
    }

    /// Kilobytes of the heap without code, and of code.
    fn heap_with_code(kilobytes: &[(u64, u64)]) -> Vec<f64> {
        let floor = |(round, &(heap, code)): (u32, &(u64, u64))| Floor {
            work: f64::from(round),
            heap_used: (heap + code) << 10,
            code: Some(code << 10),
            ..Floor::default()
        };
        let floors: Vec<Floor> = (0..).zip(kilobytes).map(floor).collect();
        Recording::heap(&floors).bytes.iter().map(|bytes| bytes / 1024.0).collect()
    }

    #[test]
    fn what_goes_with_dropped_code_does_not_stop_a_growth() {
        // Each schema that is compiled leaves code and the rest; then V8 drops half of all code.
        let heap =
            heap_with_code(&[(9563, 4459), (11072, 4892), (12615, 5305), (14113, 5707), (11600, 2400)]);
        assert_eq!(heap[..4], [9563.0, 11072.0, 12615.0, 14113.0]);
        assert!((15000.0..15700.0).contains(&heap[4]), "{heap:?}");
        // A cache of compiled functions that is emptied holds far more than their code.
        let heap =
            heap_with_code(&[(10000, 4000), (12000, 4200), (14000, 4400), (16000, 4600), (4000, 3000)]);
        assert!(heap[4] < 6500.0, "{heap:?}");
        // Where nothing grows, nothing is made to.
        let heap = heap_with_code(&[(9000, 4000), (9010, 4100), (9005, 4000), (8000, 2500), (8010, 2500)]);
        assert!(heap[4] <= 9030.0, "{heap:?}");
        // Small changes are none of that.
        assert_eq!(heap_with_code(&[(9000, 4000), (9100, 4000), (9000, 3900)])[2], 9000.0);
    }

    #[test]
    fn stairs_that_meet_snapshots_stay() {
        let stairs = [(0, false), (0, false), (500, false), (0, false), (0, false), (500, true), (0, false)];
        assert_eq!(heap_of(&stairs).last(), Some(&2000.0));
    }

    #[test]
    fn what_the_heap_holds_is_no_use_of_malloc_and_its_fall_no_growth() {
        let floors = [(100, 10), (130, 40), (130, 0), (135, 0)].map(|(malloc, external)| Floor {
            malloc_in_use: Some(malloc),
            external: Some(external),
            ..Floor::default()
        });
        assert_eq!(Recording::malloc_use(&floors).unwrap().bytes, [90.0, 90.0, 90.0, 95.0]);
    }

    #[test]
    fn an_absent_number_makes_the_series_absent() {
        let floors = [floor(0.0, 50, false), Floor { work: 1.0, ..Floor::default() }];
        assert_eq!(Recording::resident(&floors), None);
    }

    #[test]
    fn marked_warm_up_is_left_out_and_else_the_first_part() {
        let mut recording = Recording {
            unit: WorkUnit::Round,
            floors: (0..20).map(|i| floor(f64::from(i), 1, false)).collect(),
            heap_limit: None,
        };
        assert_eq!(recording.counted().len(), 17);
        recording.floors[0].warm_up = true;
        assert_eq!(recording.counted().len(), 19);
        recording.floors.truncate(1);
        assert!(recording.counted().is_empty());
    }
}
