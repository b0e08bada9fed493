//! A chart of the heap over time, in characters.

use std::io::{self, Write};

use investigation::gc::TimelinePoint;

use crate::output::Output;
use crate::report::bytes;

const HEIGHT: u64 = 8;
const WIDTH: usize = 64;

/// Prints what was in the heap before (light) and after (dark) collections. Nothing is printed of one point.
pub(crate) fn print(output: &mut Output, points: &[TimelinePoint]) -> io::Result<()> {
    let columns = columns(points);
    let top = columns.iter().flatten().map(|column| column.before.max(column.after)).max().unwrap_or(0);
    if points.len() < 2 || top == 0 {
        return Ok(());
    }
    for row in (0..HEIGHT).rev() {
        // A cell is filled from its middle on.
        let level = (top as f64 * (row as f64 + 0.5) / HEIGHT as f64) as u64;
        let label = match row {
            row if row == HEIGHT - 1 => bytes(top as f64),
            0 => "0".to_owned(),
            _ => String::new(),
        };
        let line: String = columns.iter().map(|column| cell(column.as_ref(), level)).collect();
        writeln!(output, "  {label:>9} │{}", line.trim_end())?;
    }
    let begin = points.first().map_or(0.0, |point| point.at_milliseconds) / 1000.0;
    let end = points.last().map_or(0.0, |point| point.at_milliseconds) / 1000.0;
    let begin = format!("{begin:.1} s");
    let gap = WIDTH.saturating_sub(begin.len());
    writeln!(output, "  {:>9} └{}", "", "─".repeat(WIDTH))?;
    writeln!(output, "  {:>9}  {begin}{:>gap$}", "", format!("{end:.1} s"))?;
    writeln!(output, "  {:>9}  █ after a collection, ░ before it", "")
}

fn cell(column: Option<&TimelinePoint>, level: u64) -> char {
    match column {
        Some(column) if level < column.after => '█',
        Some(column) if level < column.before => '░',
        _ => ' ',
    }
}

/// One column for each stretch of time: the highest before, the lowest after. An empty one repeats what was left
/// before it.
fn columns(points: &[TimelinePoint]) -> Vec<Option<TimelinePoint>> {
    let mut columns: Vec<Option<TimelinePoint>> = vec![None; WIDTH];
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return columns };
    let span = (last.at_milliseconds - first.at_milliseconds).max(f64::MIN_POSITIVE);
    for point in points {
        let place = (point.at_milliseconds - first.at_milliseconds) / span * (WIDTH - 1) as f64;
        let column = &mut columns[(place as usize).min(WIDTH - 1)];
        *column = Some(match column {
            None => *point,
            Some(there) => TimelinePoint {
                before: there.before.max(point.before),
                after: there.after.min(point.after),
                ..*there
            },
        });
    }
    let mut left = None;
    for column in &mut columns {
        match column {
            Some(there) => left = Some(TimelinePoint { before: there.after, ..*there }),
            None => *column = left,
        }
    }
    columns
}
