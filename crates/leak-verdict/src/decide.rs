//! The rules, in the order in which they are asked.
//!
//! 1. Most of what accumulates lies outside the heap and is held from it: `off-heap-leak`.
//! 2. The heap's floor follows the rate of requests, not the work done: `no-leak`.
//! 3. The heap's floor grows and nothing shows that it stops: `leak`. A series that bends is looked at once
//!    more after its bend: a full cache beside a slow leak is still a leak.
//! 4. It grew and levelled off: `bounded-cache`.
//! 5. Heap and external memory are flat, and resident memory that nobody in V8 holds grows, or what is in use in
//!    malloc's heap: `native-growth`. So too when most of that memory is free and kept by malloc, although it has
//!    stopped growing: how far it steps up, and when, is chance.
//! 6. Not even the upper end of the growth's interval matters: `no-leak`, or `lazy-gc` when the heap stood
//!    far above its floor before the collections.
//! 7. Everything else, and too few floors: `inconclusive`.

mod facts;

use facts::{describe, summary};

use crate::{
    growth::{MIB, Shape, Trend},
    load::{FollowsLoad, follows_load},
    native::{self, Kept, MallocGrowth, NativeKind},
    recording::{Recording, Series, WorkUnit},
    sentences::{bytes, count},
    verdict::{Grade, Growth, GrowthPlace, Verdict, Word},
};

/// Below this many floors nothing is said.
pub const MINIMUM_FLOORS: usize = 5;
/// From this many floors on, statistics are worth more than a *weak* grade, and `no-leak` can be said.
const FLOORS_FOR_MODERATE: usize = 8;
/// `no-leak` needs room to miss less than this.
const TOLERANCE_BYTES: f64 = MIB;
const TOLERANCE_SHARE: f64 = 0.05;
/// Malloc keeps what was freed: less than this in the resident set means nothing.
const NATIVE_GATE: f64 = 16.0 * MIB;
/// Growth below this is what floors scatter by.
const SMALL_BYTES: f64 = 64.0 * 1024.0;
/// Sockets and files per unit of work that count as accumulating.
const OPEN_FILES_PER_UNIT: f64 = 0.05;

/// All trends of a recording.
pub(crate) struct Trends {
    pub(crate) heap: Trend,
    pub(crate) external: Option<Trend>,
    /// Resident memory that nobody in V8 holds.
    pub(crate) native: Option<Trend>,
    /// What is in use in malloc's main heap and not held from V8's.
    pub(crate) malloc_use: Option<Trend>,
    pub(crate) resident: Option<Trend>,
    pub(crate) code: Option<Trend>,
    /// Open files per unit of work, when they grow steadily.
    pub(crate) open_files: Option<f64>,
    /// Growth that goes on after the heap's series bent.
    pub(crate) after_bend: Option<Trend>,
    /// The work after which the heap stood at a bound that it had risen to.
    pub(crate) bound: Option<f64>,
    /// What the rate of requests explains of the heap's floors.
    pub(crate) follows_load: Option<FollowsLoad>,
    /// How malloc's main heap changed.
    pub(crate) malloc: Option<MallocGrowth>,
    /// Much was freed, and malloc keeps it.
    pub(crate) kept: Option<Kept>,
    /// What native growth consists of.
    pub(crate) native_kind: Option<NativeKind>,
}

/// Decides what a recording shows.
#[must_use]
pub fn decide(recording: &Recording) -> Verdict {
    let floors = recording.counted();
    let heap = Recording::heap(floors);
    let trends = (heap.len() >= needed(recording)).then(|| Trend::of(&heap)).flatten().map(|trend| {
        let code = Recording::series(floors, |floor| floor.code.map(|code| code as f64));
        Trends {
            after_bend: after_bend(&heap, &trend),
            heap: trend,
            external: external(recording).and_then(|series| Trend::of(&series)),
            native: Recording::native(floors).and_then(|series| Trend::of(&series)),
            malloc_use: Recording::malloc_use(floors).and_then(|series| Trend::of(&series)),
            resident: Recording::resident(floors).and_then(|series| Trend::of(&series)),
            code: code.and_then(|series| Trend::of(&series)),
            open_files: open_files(recording, 0.01),
            bound: None,
            follows_load: None,
            malloc: native::malloc_growth(floors),
            kept: native::kept_by_malloc(&recording.floors),
            native_kind: None,
        }
    });
    let Some(mut trends) = trends else { return too_few(recording) };
    trends.bound = bound_reached(recording, &trends);
    if trends.heap.shape != Shape::Flat {
        trends.follows_load = follows_load(&recording.floors);
    }

    trends.native_kind = if malloc_use_grows(&trends).is_some() {
        Some(NativeKind::InUse)
    } else if native_growth(&trends).is_none() && trends.kept.is_some() {
        Some(NativeKind::KeptByMalloc)
    } else {
        let gain = trends.native.as_ref().map_or(f64::INFINITY, |native| native.gain);
        native::kind(trends.malloc, gain)
    };

    let (word, place) = word(recording, &trends);
    let tolerance = tolerance(&trends.heap);
    let summary = summary(recording);
    let detection_limit = (summary.work > 0.0).then(|| tolerance / summary.work);
    Verdict {
        word,
        grade: grade(word, &trends),
        unit: recording.unit,
        native_kind: trends.native_kind.filter(|_| word == Word::NativeGrowth),
        growth: place.and_then(|place| growth(recording, &trends, place)),
        detection_limit,
        evidence: describe(recording, &trends, &summary, detection_limit),
        advice: advice(word, recording, &trends),
        floors: Some(summary),
    }
}

/// Whether anything may be growing: the question before a snapshot, so it errs on the side of yes.
///
/// One of the heap, what is held outside it, and open files has risen by more than floors scatter, in an order
/// that chance gives to one series in ten.
#[must_use]
pub fn seems_to_grow(recording: &Recording) -> bool {
    let floors = recording.counted();
    let bytes_rise = |series: &Series| {
        Trend::of(series).is_some_and(|trend| trend.slope > 0.0 && trend.p < 0.1 && trend.gain > SMALL_BYTES)
    };
    bytes_rise(&Recording::heap(floors))
        || external(recording).is_some_and(|series| bytes_rise(&series))
        || open_files(recording, 0.1).is_some()
}

/// A program that nobody loads does different things from second to second, so few floors say less of it.
fn needed(recording: &Recording) -> usize {
    if recording.unit == WorkUnit::Second { FLOORS_FOR_MODERATE } else { MINIMUM_FLOORS }
}

fn external(recording: &Recording) -> Option<Series> {
    Recording::series(recording.counted(), |floor| floor.external.map(|bytes| bytes as f64))
}

fn word(recording: &Recording, trends: &Trends) -> (Word, Option<GrowthPlace>) {
    let heap = trends.after_bend.as_ref().unwrap_or(&trends.heap);
    if let Some(external) = trends.external.as_ref().filter(|external| external.grows()) {
        let heap_gain = if heap.grows() { heap.gain } else { 0.0 };
        if external.gain > heap_gain {
            return (Word::OffHeapLeak, Some(GrowthPlace::External));
        }
    }
    if trends.follows_load.is_some() {
        return (Word::NoLeak, None);
    }
    if heap.grows() {
        // Every one of them holds buffers in the kernel and in libuv that no counter of V8 shows.
        let word = if trends.open_files.is_some() { Word::OffHeapLeak } else { Word::Leak };
        return (word, Some(GrowthPlace::Heap));
    }
    if trends.heap.shape == Shape::LevellingOff {
        return (Word::BoundedCache, None);
    }
    if native_growth(trends).is_some() || trends.kept.is_some() {
        return (Word::NativeGrowth, Some(GrowthPlace::Native));
    }
    let bound = trends.heap.high.min(trends.heap.late_high);
    let span = recording.counted().last().map_or(0.0, |last| last.work)
        - recording.counted().first().map_or(0.0, |first| first.work);
    let enough = trends.heap.points >= FLOORS_FOR_MODERATE && !trends.heap.is_suspicious();
    if enough && bound * span <= tolerance(&trends.heap) && external_is_flat(trends, span) {
        let word = if trends.bound.is_some() {
            Word::BoundedCache
        } else if collected_late(recording) {
            Word::LazyGc
        } else {
            Word::NoLeak
        };
        return (word, None);
    }
    (Word::Inconclusive, None)
}

/// What goes on after a bend, if that is growth of its own: as fast at the end as right after the bend.
/// (What approaches a bound slowly is still getting slower there.)
fn after_bend(heap: &Series, trend: &Trend) -> Option<Trend> {
    let rest = heap.since(trend.knee?);
    if rest.len() < 6 {
        return None;
    }
    Trend::of(&rest).filter(|rest| rest.grows() && rest.late > 0.6 * rest.early)
}

/// The work after which the heap stood at its bound, if it rose a lot before the trend starts.
///
/// What the first load alone brings is not counted: that is code and modules loaded on demand.
fn bound_reached(recording: &Recording, trends: &Trends) -> Option<f64> {
    let heap = Recording::heap(&recording.floors);
    let first = *heap.bytes.get(1)?;
    let rise = trends.heap.last - first;
    if rise < (2.0 * MIB).max(0.25 * first) {
        return None;
    }
    let full = heap.bytes.iter().position(|&bytes| bytes >= first + 0.95 * rise)?;
    Some(heap.work[full])
}

/// The trend that shows native growth: what malloc's heap has in use says it first, as the resident set moves only
/// when malloc asks the system for more.
fn native_growth(trends: &Trends) -> Option<&Trend> {
    let resident_gain = trends.resident.as_ref().map_or(f64::INFINITY, |resident| resident.gain);
    let grows =
        |native: &&Trend| native.grows() && native.gain > NATIVE_GATE && native.gain > 0.5 * resident_gain;
    malloc_use_grows(trends).or_else(|| trends.native.as_ref().filter(grows))
}

fn malloc_use_grows(trends: &Trends) -> Option<&Trend> {
    trends.malloc_use.as_ref().filter(|malloc| malloc.grows() && malloc.gain > NATIVE_GATE)
}

fn external_is_flat(trends: &Trends, span: f64) -> bool {
    trends.external.as_ref().is_none_or(|external| {
        external.high.min(external.late_high) * span <= tolerance(external).max(tolerance(&trends.heap))
    })
}

fn open_files(recording: &Recording, least_p: f64) -> Option<f64> {
    let series = Recording::series(recording.counted(), |floor| floor.open_files.map(|n| n as f64))?;
    let trend = Trend::of(&series)?;
    (trend.low > OPEN_FILES_PER_UNIT && trend.p < least_p && trend.late > 0.25 * trend.early)
        .then_some(trend.slope)
}

/// Whether the heap stood far above its floor before a collection.
fn collected_late(recording: &Recording) -> bool {
    recording.counted().iter().any(|floor| {
        let Some(before) = floor.heap_before_collection else { return false };
        before > 2 * floor.heap_used && before - floor.heap_used > 32 << 20
    })
}

fn tolerance(trend: &Trend) -> f64 {
    TOLERANCE_BYTES.max(TOLERANCE_SHARE * trend.first)
}

fn grade(word: Word, trends: &Trends) -> Grade {
    let few = trends.heap.points < FLOORS_FOR_MODERATE;
    match word {
        Word::Inconclusive => Grade::Weak,
        _ if few => Grade::Weak,
        // "Never stops" cannot be seen in a window of any length; the heap graph has to say what grows.
        _ => Grade::Moderate,
    }
}

fn growth(recording: &Recording, trends: &Trends, place: GrowthPlace) -> Option<Growth> {
    let heap = trends.after_bend.as_ref().unwrap_or(&trends.heap);
    let trend = match place {
        GrowthPlace::Heap => heap,
        GrowthPlace::External => trends.external.as_ref()?,
        GrowthPlace::Native => native_growth(trends)?,
    };
    let room = match place {
        GrowthPlace::Heap => recording.heap_limit.map(|limit| limit as f64 - trend.last),
        _ => None,
    };
    Some(Growth {
        place,
        bytes_per_unit: trend.slope,
        low: trend.low,
        high: trend.high,
        total_bytes: trend.gain,
        units_to_heap_limit: room.filter(|room| *room > 0.0).map(|room| room / trend.slope),
    })
}

fn too_few(recording: &Recording) -> Verdict {
    let floors = recording.counted().len();
    let summary = (floors > 0).then(|| summary(recording));
    Verdict {
        word: Word::Inconclusive,
        grade: Grade::Weak,
        unit: recording.unit,
        native_kind: None,
        growth: None,
        detection_limit: None,
        evidence: facts::heap_floor(recording, summary.as_ref()).into_iter().collect(),
        advice: vec![format!(
            "{floors} floors count, and at least {} are needed (better 12): run {}",
            needed(recording),
            if recording.unit == WorkUnit::Second { "it for longer" } else { "more rounds" },
        )],
        floors: summary,
    }
}

fn advice(word: Word, recording: &Recording, trends: &Trends) -> Vec<String> {
    let mut advice = Vec::new();
    let unit = recording.unit.plural();
    match word {
        Word::Leak | Word::OffHeapLeak => advice.push(format!(
            "a cache that is not full yet looks the same: if one is meant to hold more than {}, run until it \
             is full",
            bytes(trends.heap.last - trends.heap.first)
        )),
        Word::BoundedCache => advice.push(format!(
            "if the bound is too high, lower the cache's limit; it was reached after about {} {unit}",
            trends.heap.knee.or(trends.bound).map_or_else(|| "?".into(), count)
        )),
        Word::NativeGrowth => advice.push(
            match trends.native_kind {
                Some(NativeKind::InUse) => {
                    "native code allocates this and does not free it: look at addons and at what calls into them, or \
                     run once with a heap profiler for malloc (heaptrack, jemalloc's prof)"
                }
                Some(NativeKind::KeptByMalloc) => {
                    "this was freed, and malloc keeps it: no leak of yours. MALLOC_ARENA_MAX=2, \
                     MALLOC_TRIM_THRESHOLD_=131072 or jemalloc (LD_PRELOAD) keep less"
                }
                None => {
                    "fragmentation and a native leak look the same here: run once more with jemalloc preloaded"
                }
            }
            .to_owned(),
        ),
        Word::Inconclusive => {
            advice.push(format!("run more rounds or more {unit} per round: the floors scatter too much"));
        }
        Word::NoLeak | Word::LazyGc => {}
    }
    if trends.heap.points < FLOORS_FOR_MODERATE {
        advice.push(format!("only {} floors count: 12 make it firmer", trends.heap.points));
    }
    advice
}
