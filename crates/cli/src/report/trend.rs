//! The series that a verdict is about, and the line through it.

use investigation::run::RunReport;
use investigation::verdict::{Floor, GrowthPlace};

/// The series along the work.
pub(super) struct Trend {
    /// What is plotted.
    pub(super) what: &'static str,
    pub(super) points: Vec<Point>,
    pub(super) line: Option<Line>,
}

pub(super) struct Point {
    pub(super) work: f64,
    pub(super) bytes: f64,
    pub(super) warm_up: bool,
}

/// The trend and the ends of its interval, at the first and the last point that count.
pub(super) struct Line {
    pub(super) middle: [(f64, f64); 2],
    pub(super) low: [(f64, f64); 2],
    pub(super) high: [(f64, f64); 2],
}

impl Trend {
    pub(super) fn of(report: &RunReport) -> Option<Trend> {
        let growth = report.verdict.growth.as_ref();
        let shown = growth.map_or(GrowthPlace::Heap, |growth| growth.place);
        let (what, value): (_, fn(&Floor) -> Option<f64>) = match shown {
            GrowthPlace::Heap => ("JavaScript heap", |floor| Some(floor.heap_used as f64)),
            GrowthPlace::External => {
                ("memory outside the heap, held from it", |floor| Some(floor.external? as f64))
            }
            GrowthPlace::Native => ("resident memory that V8 knows nothing of", |floor| {
                Some(floor.resident? as f64 - floor.heap_total? as f64 - floor.external? as f64)
            }),
        };
        let floors = report.recording.floors.iter().filter(|floor| floor.work.is_finite());
        let points: Vec<Point> = floors
            .filter_map(|floor| {
                Some(Point { work: floor.work, bytes: value(floor)?, warm_up: floor.warm_up })
            })
            .collect();
        if points.is_empty() {
            return None;
        }
        let counted: Vec<&Point> = points.iter().filter(|point| !point.warm_up).collect();
        let line = growth.zip(counted.first().zip(counted.last())).filter(|_| counted.len() > 2).map(
            |(growth, (first, last))| {
                let middle_of = |mut values: Vec<f64>| {
                    values.sort_by(f64::total_cmp);
                    values[values.len() / 2]
                };
                let work = middle_of(counted.iter().map(|point| point.work).collect());
                // The line goes through the middle of the points, and the ends of the interval with it.
                let rate = growth.bytes_per_unit;
                let height =
                    middle_of(counted.iter().map(|point| point.bytes - rate * (point.work - work)).collect());
                let through =
                    |rate: f64| [first, last].map(|end| (end.work, height + rate * (end.work - work)));
                Line { middle: through(rate), low: through(growth.low), high: through(growth.high) }
            },
        );
        Some(Trend { what, points, line })
    }
}
