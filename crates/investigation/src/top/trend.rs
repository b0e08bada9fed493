//! What only time shows: growth and use of the processor.

use std::collections::VecDeque;

/// Looks that are remembered.
const LOOKS: usize = 600;
/// Below this a trend is nothing but noise.
const SHORTEST_SECONDS: f64 = 5.0;
const FEWEST_LOOKS: usize = 5;
/// A time to the limit beyond this says "does not grow".
const LONGEST_SECONDS: f64 = 30.0 * 86_400.0;

/// One process over time.
#[derive(Debug, Default)]
pub(super) struct History {
    looks: VecDeque<(f64, f64)>,
    cpu: Option<(f64, f64)>,
}

impl History {
    pub(super) fn push(&mut self, now: f64, resident: f64) {
        if self.looks.len() == LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now, resident));
    }

    /// Processor seconds per second since the last time this was asked; since the start at the first.
    pub(super) fn cpu(&mut self, now: f64, cpu_seconds: f64, uptime: f64) -> Option<f64> {
        let (time, used) = match self.cpu.replace((now, cpu_seconds)) {
            Some((then, before)) => (now - then, cpu_seconds - before),
            None => (uptime, cpu_seconds),
        };
        (time > 0.0).then(|| (used / time).max(0.0))
    }

    pub(super) fn seconds(&self) -> f64 {
        match (self.looks.front(), self.looks.back()) {
            (Some(first), Some(last)) => last.0 - first.0,
            _ => 0.0,
        }
    }

    /// The slope through all looks, by least squares.
    pub(super) fn per_second(&self) -> Option<f64> {
        if self.looks.len() < FEWEST_LOOKS || self.seconds() < SHORTEST_SECONDS {
            return None;
        }
        let count = self.looks.len() as f64;
        let mean = |part: fn(&(f64, f64)) -> f64| self.looks.iter().map(part).sum::<f64>() / count;
        let (time, size) = (mean(|look| look.0), mean(|look| look.1));
        let (mut together, mut apart) = (0.0, 0.0);
        for look in &self.looks {
            together += (look.0 - time) * (look.1 - size);
            apart += (look.0 - time).powi(2);
        }
        (apart > 0.0).then(|| together / apart)
    }
}

/// Seconds until `room` is filled at `rate`.
pub(super) fn time_to(room: u64, rate: f64) -> Option<f64> {
    let seconds = room as f64 / rate;
    (rate > 0.0 && seconds < LONGEST_SECONDS).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trend_needs_time() {
        let mut history = History::default();
        for i in 0..4 {
            history.push(f64::from(i), 100.0 * f64::from(i));
            assert_eq!(history.per_second(), None);
        }
        for i in 4..8 {
            history.push(f64::from(i), 100.0 * f64::from(i));
        }
        assert!((history.per_second().unwrap() - 100.0).abs() < 1e-9);
        assert_eq!(time_to(1000, 100.0), Some(10.0));
        assert_eq!((time_to(1000, -1.0), time_to(1000, 0.0), time_to(u64::MAX, 1.0)), (None, None, None));
    }

    #[test]
    fn processor_use_is_that_since_the_last_look() {
        let mut history = History::default();
        assert_eq!(history.cpu(100.0, 5.0, 50.0), Some(0.1));
        assert_eq!(history.cpu(102.0, 6.0, 52.0), Some(0.5));
        assert_eq!(history.cpu(102.0, 6.0, 52.0), None);
    }
}
