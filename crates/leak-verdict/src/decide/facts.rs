//! The facts that a verdict lists, as sentences with their numbers.

use super::{SMALL_BYTES, Trends};
use crate::{
    growth::{MIB, Shape, Trend},
    recording::{Floor, Recording},
    sentences::{bytes, count, probability},
    verdict::{Evidence, EvidenceKind, FloorSummary},
};

pub(super) fn summary(recording: &Recording) -> FloorSummary {
    let floors = recording.counted();
    let first = floors.first().cloned().unwrap_or_default();
    let last = floors.last().cloned().unwrap_or_default();
    FloorSummary {
        points: floors.len(),
        first_bytes: first.heap_used,
        last_bytes: last.heap_used,
        work: last.work - first.work,
        seconds: last.seconds - first.seconds,
    }
}

pub(super) fn heap_floor(recording: &Recording, summary: Option<&FloorSummary>) -> Option<Evidence> {
    let summary = summary?;
    let mut text = format!(
        "the heap after full collections went from {} to {} over {} {} ({} floors, {:.0} s)",
        bytes(summary.first_bytes as f64),
        bytes(summary.last_bytes as f64),
        count(summary.work),
        recording.unit.plural(),
        summary.points,
        summary.seconds,
    );
    let left = Recording::left_by_snapshots(recording.counted());
    if left > SMALL_BYTES {
        text += &format!("; snapshots left {} of that behind, which is not counted", bytes(left));
    }
    Some(Evidence { kind: EvidenceKind::HeapFloor, text })
}

pub(super) fn describe(
    recording: &Recording,
    trends: &Trends,
    summary: &FloorSummary,
    detection_limit: Option<f64>,
) -> Vec<Evidence> {
    let unit = recording.unit.singular();
    let mut evidence: Vec<Evidence> = heap_floor(recording, Some(summary)).into_iter().collect();
    let mut add = |kind, text| evidence.push(Evidence { kind, text });

    add(EvidenceKind::Trend, slope("the heap's floor", &trends.heap, unit));
    add(EvidenceKind::Shape, shape(trends, recording.unit.plural(), unit));
    if let Some(load) = &trends.follows_load {
        add(
            EvidenceKind::Load,
            format!(
                "the floor follows the load: requests went from {:.0} to {:.0} per second, and {} are held for \
                 each request per second; the work done so far explains nothing beside that",
                load.first_rate,
                load.last_rate,
                bytes(load.bytes_per_rate),
            ),
        );
    }
    if let Some(external) = &trends.external {
        add(EvidenceKind::External, slope("memory outside the heap, held from it,", external, unit));
    }
    if let Some(code) = trends.code.as_ref().filter(|code| code.gain.abs() > 0.1 * MIB) {
        add(
            EvidenceKind::Code,
            format!(
                "code and its metadata grew by {}, which is not counted as the heap's growth",
                bytes(code.gain)
            ),
        );
    }
    let gone = Recording::gone_with_code(recording.counted());
    if gone > SMALL_BYTES {
        add(
            EvidenceKind::Code,
            format!(
                "V8 dropped code that had not run for some collections; {} that went with it in the heap are counted as if \
                 they had stayed",
                bytes(gone)
            ),
        );
    }
    let notable = |trend: &&Trend| trend.gain > 4.0 * MIB;
    let (native, malloc_use) =
        (trends.native.as_ref().filter(notable), trends.malloc_use.as_ref().filter(notable));
    if let Some(native) = native {
        add(EvidenceKind::Native, slope("resident memory outside V8's heap", native, unit));
    }
    if let Some(malloc_use) = malloc_use {
        add(EvidenceKind::Native, slope("what malloc's heap has in use for native code", malloc_use, unit));
    }
    if (native.is_some() || malloc_use.is_some())
        && let Some(malloc) = trends.malloc
    {
        add(
            EvidenceKind::Native,
            format!(
                "malloc's main heap: {} more in use, {} more free and not given back to the system",
                bytes(malloc.in_use),
                bytes(malloc.free)
            ),
        );
    }
    if let Some(kept) = trends.kept {
        add(
            EvidenceKind::Native,
            format!(
                "of {} resident outside V8's heap, malloc kept {} that was freed",
                bytes(kept.native),
                bytes(kept.free)
            ),
        );
    }
    if let Some(per_unit) = trends.open_files {
        add(EvidenceKind::OpenFiles, format!("open files and sockets grow by {per_unit:.2} per {unit}"));
    }
    if let Some(text) = garbage(recording.counted()) {
        add(EvidenceKind::Garbage, text);
    }
    if let Some(limit) = detection_limit {
        add(
            EvidenceKind::DetectionLimit,
            format!("growth below {} per {unit} could have been missed in this run", bytes(limit)),
        );
    }
    if let (Some(limit), true) = (recording.heap_limit, trends.heap.grows()) {
        let room = limit as f64 - trends.heap.last;
        add(
            EvidenceKind::HeapLimit,
            format!(
                "at this rate the heap limit of {} is reached after {} more {}",
                bytes(limit as f64),
                count((room / trends.heap.slope).max(0.0)),
                recording.unit.plural()
            ),
        );
    }
    evidence
}

fn slope(what: &str, trend: &Trend, unit: &str) -> String {
    format!(
        "{what} changes by {} per {unit} (95 % interval {} to {}; Mann-Kendall p {})",
        bytes(trend.slope),
        bytes(trend.low),
        bytes(trend.high),
        probability(trend.p)
    )
}

fn shape(trends: &Trends, units: &str, unit: &str) -> String {
    let heap = &trends.heap;
    let slopes =
        format!("{} per {unit} in the first third, {} in the last", bytes(heap.early), bytes(heap.late));
    match (heap.shape, &trends.after_bend, heap.knee) {
        (Shape::LevellingOff, Some(rest), _) => format!(
            "the growth slows down ({slopes}), but goes on with {} per {unit} after that",
            bytes(rest.slope)
        ),
        (Shape::LevellingOff, None, Some(knee)) => {
            format!("the growth levels off ({slopes}) after about {} {units}", count(knee))
        }
        (Shape::Growing, ..) => format!("nothing shows that it stops: {slopes}"),
        _ => match trends.bound {
            Some(bound) => {
                format!("the heap rose until about {} {units}, and no more after that", count(bound))
            }
            None => format!("no growth was shown: {slopes}"),
        },
    }
}

fn garbage(floors: &[Floor]) -> Option<String> {
    let highest = floors.iter().max_by_key(|floor| floor.heap_before_collection)?;
    let before = highest.heap_before_collection?;
    (before > highest.heap_used).then(|| {
        format!(
            "before full collections the heap stood at up to {}, of which {} was garbage",
            bytes(before as f64),
            bytes((before - highest.heap_used) as f64)
        )
    })
}
