//! The charts of the page as places in a drawing; the template draws them.

use investigation::recording::{CollectionKind, MarkKind, Sample};
use investigation::run::RunReport;

use super::scale::{Scale, Tick, place};
use super::{bytes, trend::Trend};
use crate::text::count;

pub(super) const WIDTH: f64 = 960.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 952.0;
const MB: f64 = 1_048_576.0;

/// A drawing with its axes.
#[derive(Debug, Default)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) note: String,
    pub(super) height: f64,
    pub(super) floor: f64,
    pub(super) across: Vec<Tick>,
    pub(super) across_name: &'static str,
    pub(super) up: Vec<Tick>,
    pub(super) shapes: Vec<Shape>,
    pub(super) dots: Vec<Dot>,
    pub(super) boxes: Vec<Box>,
    pub(super) legend: Vec<(&'static str, String)>,
}

/// A line or an area; `class` says how it looks.
#[derive(Debug)]
pub(super) struct Shape {
    pub(super) class: &'static str,
    pub(super) path: String,
}

/// A point with its words.
#[derive(Debug)]
pub(super) struct Dot {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) words: String,
}

/// A bar or a span with its words.
#[derive(Debug)]
pub(super) struct Box {
    pub(super) class: &'static str,
    pub(super) x: String,
    pub(super) y: String,
    pub(super) width: String,
    pub(super) height: String,
    pub(super) words: String,
}

fn panel(title: &'static str, height: f64) -> Panel {
    Panel { title, height, floor: height - 24.0, ..Panel::default() }
}

fn line(points: impl IntoIterator<Item = (f64, f64)>) -> String {
    let mut path = String::new();
    for (x, y) in points {
        path.push(if path.is_empty() { 'M' } else { 'L' });
        path.push_str(&place(x));
        path.push(' ');
        path.push_str(&place(y));
    }
    path
}

/// The floors along the work, with the trend and its interval.
pub(super) fn floors(report: &RunReport) -> Option<Panel> {
    let trend = Trend::of(report)?;
    let mut panel = panel("What is left after full collections", 280.0);
    let unit = report.verdict.unit;
    let values = trend.points.iter().map(|point| point.bytes);
    let ends = trend.line.as_ref().map(|line| line.low.iter().chain(&line.high).map(|end| end.1).collect());
    let ends: Vec<f64> = ends.unwrap_or_default();
    let x = Scale::over(trend.points.iter().map(|point| point.work), LEFT, RIGHT).with_air(0.02, 0.02);
    let y = Scale::over(values.chain(ends), panel.floor, 14.0).with_air(0.12, 0.08);
    panel.up = y.ticks(5.0, MB, bytes);
    panel.across = x.ticks(8.0, 1.0, |value| count(value.max(0.0) as u64));
    panel.across_name = unit.plural();
    if let Some(fit) = &trend.line {
        let at = |&(work, size): &(f64, f64)| (x.at(work), y.at(size));
        let band = line(fit.high.iter().map(at).chain(fit.low.iter().rev().map(at))) + "Z";
        panel.shapes.push(Shape { class: "band", path: band });
        panel.shapes.push(Shape { class: "trend", path: line(fit.middle.iter().map(at)) });
        panel.legend.push(("trend", "trend, with its 95 % interval".to_owned()));
    }
    panel.dots = trend
        .points
        .iter()
        .map(|point| Dot {
            class: if point.warm_up { "warm" } else { "point" },
            x: place(x.at(point.work)),
            y: place(y.at(point.bytes)),
            words: format!("{} {}: {}", count(point.work.max(0.0) as u64), unit.plural(), bytes(point.bytes)),
        })
        .collect();
    panel.legend.push(("point", trend.what.to_owned()));
    if trend.points.iter().any(|point| point.warm_up) {
        panel.legend.push(("warm", "warm-up, not part of the trend".to_owned()));
    }
    panel.note =
        "Each point is the memory that full garbage collections could not free. What rises here is held by \
        the program."
            .to_owned();
    Some(panel)
}

/// The charts along the time, one below the other on the same axis.
pub(super) fn along_time(report: &RunReport) -> Vec<Panel> {
    let timeline = &report.timeline;
    let pid = report.watched.as_ref().map(|process| process.pid);
    let own: Vec<&Sample> =
        timeline.samples.iter().filter(|sample| pid.is_none_or(|pid| pid == sample.pid)).collect();
    // The process's own numbers, and the heap of the thread that is meant.
    let worker = report.watched.as_ref().and_then(|process| process.worker.as_ref()?.id.parse::<u32>().ok());
    let of_thread: Vec<&Sample> = own.iter().copied().filter(|sample| sample.worker == worker).collect();
    let own: Vec<&Sample> = own.into_iter().filter(|sample| sample.worker.is_none()).collect();
    let times = own.iter().map(|sample| sample.seconds).chain([0.0]);
    let x = Scale::over(times, LEFT, RIGHT);
    let mut panels: Vec<Panel> =
        [resident(&own, x), heap(report, &of_thread, x), collections(report, x), requests(report, &own, x)]
            .into_iter()
            .flatten()
            .collect();
    for panel in &mut panels {
        panel.across = x.ticks(10.0, 1.0, |value| format!("{value} s"));
        for mark in timeline.events.iter().filter(|mark| mark.kind == MarkKind::Snapshot).take(100) {
            let until = mark.until.unwrap_or(mark.seconds);
            let words = format!("heap snapshot, {:.1} s", until - mark.seconds);
            panel.boxes.insert(0, span(x, mark.seconds, until, (8.0, panel.floor), "snapshot", words));
        }
    }
    panels
}

fn span(x: Scale, from: f64, to: f64, (top, floor): (f64, f64), class: &'static str, words: String) -> Box {
    let (left, right) = (x.at(from), x.at(to));
    Box {
        class,
        x: place(left),
        y: place(top),
        width: place((right - left).max(1.0)),
        height: place((floor - top).max(0.0)),
        words,
    }
}

/// The resident set by kind, stacked.
fn resident(samples: &[&Sample], x: Scale) -> Option<Panel> {
    let split: Vec<(f64, [f64; 3])> = samples
        .iter()
        .filter_map(|s| {
            Some((s.seconds, [s.file? as f64, s.shared.unwrap_or(0) as f64, s.anonymous? as f64]))
        })
        .collect();
    let last = split.last()?;
    let mut panel = panel("Memory the process takes (RSS)", 200.0);
    let tops = split.iter().map(|(_, parts)| parts.iter().sum::<f64>());
    let y = Scale::over(tops.chain([0.0]), panel.floor, 12.0).with_air(0.0, 0.06);
    panel.up = y.ticks(4.0, MB, bytes);
    let mut below = vec![0.0; split.len()];
    for (part, class, name) in
        [(0, "file", "program and libraries"), (1, "shared", "shared"), (2, "anonymous", "heaps and stacks")]
    {
        if split.iter().all(|(_, parts)| parts[part] <= 0.0) {
            continue;
        }
        let above: Vec<f64> =
            split.iter().zip(&below).map(|((_, parts), below)| below + parts[part]).collect();
        let edge = |heights: &[f64]| -> Vec<(f64, f64)> {
            split.iter().zip(heights).map(|((seconds, _), &height)| (x.at(*seconds), y.at(height))).collect()
        };
        let path = line(edge(&above).into_iter().chain(edge(&below).into_iter().rev())) + "Z";
        panel.shapes.push(Shape { class, path });
        panel.legend.push((class, format!("{name}, {} at the end", bytes(last.1[part]))));
        below = above;
    }
    panel.note =
        "RSS alone shows no leak: it includes garbage, free memory kept for later, and what building heap \
        snapshots took."
            .to_owned();
    Some(panel)
}

/// The used heap: what was there before and after each collection, and the floors.
fn heap(report: &RunReport, samples: &[&Sample], x: Scale) -> Option<Panel> {
    let mut points: Vec<(f64, f64)> =
        samples.iter().filter_map(|sample| Some((sample.seconds, sample.heap_used? as f64))).collect();
    let collections = &report.timeline.collections;
    points.extend(collections.iter().flat_map(|gc| {
        let end = gc.seconds + gc.pause_ms.unwrap_or(0.0) / 1e3;
        [gc.before.map(|size| (gc.seconds, size as f64)), gc.after.map(|size| (end, size as f64))]
            .into_iter()
            .flatten()
    }));
    if points.len() < 2 {
        return None;
    }
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut panel = panel("JavaScript heap in use", 180.0);
    let y =
        Scale::over(points.iter().map(|point| point.1).chain([0.0]), panel.floor, 12.0).with_air(0.0, 0.06);
    panel.up = y.ticks(4.0, MB, bytes);
    panel
        .shapes
        .push(Shape { class: "heap", path: line(points.iter().map(|&(t, size)| (x.at(t), y.at(size)))) });
    let floors = collections.iter().filter(|gc| gc.kind == CollectionKind::MarkCompact);
    panel.dots = floors
        .filter_map(|gc| {
            let size = gc.after? as f64;
            let end = gc.seconds + gc.pause_ms.unwrap_or(0.0) / 1e3;
            let (x, y) = (place(x.at(end)), place(y.at(size)));
            Some(Dot { class: "point", x, y, words: format!("{end:.1} s: {}", bytes(size)) })
        })
        .collect();
    panel.legend.push(("heap", "used, garbage included".to_owned()));
    if !panel.dots.is_empty() {
        panel.legend.push(("point", "after full collections".to_owned()));
    }
    Some(panel)
}

/// A lane of collections: how long each stopped the program.
fn collections(report: &RunReport, x: Scale) -> Option<Panel> {
    let timed: Vec<_> =
        report.timeline.collections.iter().filter_map(|gc| Some((gc, gc.pause_ms?))).collect();
    if timed.is_empty() {
        return None;
    }
    let mut panel = panel("Garbage collections and their pauses", 130.0);
    let y = Scale::over(timed.iter().map(|(_, pause)| *pause).chain([0.0]), panel.floor, 12.0)
        .with_air(0.0, 0.08);
    panel.up = y.ticks(3.0, 1.0, |value| format!("{value} ms"));
    // Of collections that fall on the same place, the longest of each kind is drawn.
    let mut drawn = std::collections::BTreeMap::new();
    for (gc, pause) in timed {
        let longest = drawn.entry((gc.kind, x.at(gc.seconds) as i64)).or_insert((gc, pause));
        if pause > longest.1 {
            *longest = (gc, pause);
        }
    }
    for ((kind, _), (gc, pause)) in drawn {
        let top = y.at(pause).min(panel.floor - 1.5);
        let cause = gc.cause.as_deref().map(|cause| format!(" ({cause})")).unwrap_or_default();
        let words = format!("{:.1} s: {}{cause}, {pause:.1} ms", gc.seconds, kind.as_str());
        let at = x.at(gc.seconds);
        let (left, width) = (place(at), "1.6".to_owned());
        let (y, height) = (place(top), place(panel.floor - top));
        panel.boxes.push(Box { class: kind.as_str(), x: left, y, width, height, words });
    }
    for total in &report.timeline.collection_totals {
        let words = format!(
            "{} {}: {:.0} ms in all, the longest {:.1} ms",
            count(total.count),
            total.kind.as_str(),
            total.pause_ms,
            total.longest_ms
        );
        panel.legend.push((total.kind.as_str(), words));
    }
    Some(panel)
}

/// Requests a second, round by round.
fn requests(report: &RunReport, samples: &[&Sample], x: Scale) -> Option<Panel> {
    let begins: Vec<f64> = report
        .timeline
        .events
        .iter()
        .filter(|mark| mark.kind == MarkKind::Round)
        .map(|mark| mark.seconds)
        .collect();
    let driven = report.rounds.iter().filter(|row| row.round > 0 && row.load_seconds > 0.0);
    let rows: Vec<_> = driven.filter_map(|row| Some((row, row.requests?))).collect();
    if rows.is_empty() || begins.len() < rows.len() {
        return traffic(samples, x);
    }
    let mut panel = panel("Requests", 120.0);
    let rate = |requests: u64, seconds: f64| requests as f64 / seconds;
    let rates = rows.iter().map(|(row, requests)| rate(*requests, row.load_seconds));
    let y = Scale::over(rates.chain([0.0]), panel.floor, 12.0).with_air(0.0, 0.08);
    panel.up = y.ticks(3.0, 1.0, |value| format!("{}/s", count(value.max(0.0) as u64)));
    let offset = begins.len() - rows.len();
    for ((row, requests), begin) in rows.into_iter().zip(&begins[offset..]) {
        let rate = rate(requests, row.load_seconds);
        let words = format!("round {}: {} requests, {rate:.0} a second", row.round, count(requests));
        let end = begin + row.load_seconds;
        panel.boxes.push(span(x, *begin, end, (y.at(rate), panel.floor), "requests", words));
    }
    Some(panel)
}

/// Requests a second of a process under its own traffic.
fn traffic(samples: &[&Sample], x: Scale) -> Option<Panel> {
    let served: Vec<(f64, f64)> =
        samples.iter().filter_map(|sample| Some((sample.seconds, sample.requests? as f64))).collect();
    let rates: Vec<(f64, f64)> = served
        .windows(2)
        .filter(|pair| pair[1].0 > pair[0].0)
        .map(|pair| (pair[1].0, ((pair[1].1 - pair[0].1) / (pair[1].0 - pair[0].0)).max(0.0)))
        .collect();
    if rates.iter().all(|(_, rate)| *rate <= 0.0) {
        return None;
    }
    let mut panel = panel("Requests", 120.0);
    let y =
        Scale::over(rates.iter().map(|(_, rate)| *rate).chain([0.0]), panel.floor, 12.0).with_air(0.0, 0.08);
    panel.up = y.ticks(3.0, 1.0, |value| format!("{}/s", count(value.max(0.0) as u64)));
    let path = line(rates.iter().map(|&(seconds, rate)| (x.at(seconds), y.at(rate))));
    panel.shapes.push(Shape { class: "requests", path });
    Some(panel)
}
