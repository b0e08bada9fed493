//! Sizes over time, thinned out as they become many.

use serde::Serialize;

/// One collection's sizes, or those of several neighbours: the highest before, the lowest after.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TimelinePoint {
    /// Milliseconds since the beginning.
    pub at_milliseconds: f64,
    /// Bytes before.
    pub before: u64,
    /// Bytes after.
    pub after: u64,
}

/// Points in the order in which they came, at most twice as many as asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Timeline {
    points: Vec<TimelinePoint>,
    most: usize,
    /// How many collections one point stands for.
    stride: usize,
    /// Those that wait for becoming a point.
    waiting: Option<(TimelinePoint, usize)>,
}

impl Timeline {
    /// An empty timeline that keeps about `most` points.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { points: Vec::new(), most: most.max(1), stride: 1, waiting: None }
    }

    /// Adds a collection.
    pub fn add(&mut self, point: TimelinePoint) {
        let (merged, count) = match self.waiting.take() {
            Some((waiting, count)) => (merge(waiting, point), count + 1),
            None => (point, 1),
        };
        if count < self.stride {
            self.waiting = Some((merged, count));
            return;
        }
        self.points.push(merged);
        if self.points.len() >= 2 * self.most {
            self.points = self
                .points
                .chunks(2)
                .map(|pair| pair.iter().copied().reduce(merge).unwrap_or(pair[0]))
                .collect();
            self.stride *= 2;
        }
    }

    /// The points; the last ones are there even if they stand for fewer collections than the others.
    pub fn points(&self) -> impl Iterator<Item = TimelinePoint> {
        self.points.iter().copied().chain(self.waiting.map(|(point, _)| point))
    }

    /// How many collections one point stands for.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.stride
    }
}

fn merge(a: TimelinePoint, b: TimelinePoint) -> TimelinePoint {
    let lower = if b.after < a.after { b } else { a };
    TimelinePoint { before: a.before.max(b.before), ..lower }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_survive_thinning() {
        let mut timeline = Timeline::new(10);
        for i in 0..1000_u32 {
            let after = if i == 600 { 1 } else { 50 };
            let before = if i == 300 { 900 } else { 60 };
            timeline.add(TimelinePoint { at_milliseconds: f64::from(i), before, after });
        }
        let points: Vec<TimelinePoint> = timeline.points().collect();
        assert!(points.len() <= 21, "{}", points.len());
        assert_eq!(points.iter().map(|point| point.after).min(), Some(1));
        assert_eq!(points.iter().map(|point| point.before).max(), Some(900));
        assert!(points.is_sorted_by_key(|point| point.at_milliseconds));
    }
}
