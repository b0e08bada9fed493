//! Pauses: how many of which length, in little room however many there are.

use std::collections::BTreeMap;

use serde::Serialize;

/// Lengths are kept with this many digits, so that the number of different ones is bounded.
const DIGITS: i32 = 4;

/// A distribution of pauses. Percentiles are exact to four digits, the largest and the sum are exact.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Distribution {
    /// Nanoseconds, rounded to four digits, and how many.
    counts: BTreeMap<u64, u64>,
    count: u64,
    sum: f64,
    largest: f64,
}

/// Percentiles of pauses, in milliseconds. A percentile is the shortest pause that so many did not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// Half of the pauses were not longer.
    pub p50_milliseconds: f64,
    /// 95 of 100.
    pub p95_milliseconds: f64,
    /// 99 of 100.
    pub p99_milliseconds: f64,
    /// All.
    pub max_milliseconds: f64,
}

impl Distribution {
    /// Adds a pause.
    pub fn add(&mut self, milliseconds: f64) {
        let milliseconds = milliseconds.max(0.0);
        self.count += 1;
        self.sum += milliseconds;
        self.largest = self.largest.max(milliseconds);
        *self.counts.entry(rounded(milliseconds)).or_default() += 1;
    }

    /// The pauses together.
    #[must_use]
    pub fn sum_milliseconds(&self) -> f64 {
        self.sum
    }

    /// The percentiles, if there is a pause.
    #[must_use]
    pub fn percentiles(&self) -> Option<Percentiles> {
        (self.count > 0).then(|| Percentiles {
            p50_milliseconds: self.percentile(50),
            p95_milliseconds: self.percentile(95),
            p99_milliseconds: self.percentile(99),
            max_milliseconds: self.largest,
        })
    }

    fn percentile(&self, percent: u64) -> f64 {
        let rank = (u128::from(self.count) * u128::from(percent)).div_ceil(100);
        let mut seen = 0;
        for (nanoseconds, count) in &self.counts {
            seen += u128::from(*count);
            if seen >= rank {
                return (*nanoseconds as f64 / 1e6).min(self.largest);
            }
        }
        self.largest
    }
}

fn rounded(milliseconds: f64) -> u64 {
    let nanoseconds = milliseconds * 1e6;
    if nanoseconds < 1.0 {
        return 0;
    }
    let scale = 10_f64.powi((nanoseconds.log10().floor() as i32 - DIGITS + 1).max(0));
    ((nanoseconds / scale).round() * scale) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let mut pauses = Distribution::default();
        (1..=100).rev().for_each(|pause| pauses.add(f64::from(pause) / 10.0));
        let found = pauses.percentiles().unwrap();
        assert_eq!((found.p50_milliseconds, found.p95_milliseconds), (5.0, 9.5));
        assert_eq!((found.p99_milliseconds, found.max_milliseconds), (9.9, 10.0));
        assert!((pauses.sum_milliseconds() - 505.0).abs() < 1e-9);
        assert_eq!(Distribution::default().percentiles(), None);
    }

    #[test]
    fn many_different_pauses_take_little_room() {
        let mut pauses = Distribution::default();
        (0..200_000).for_each(|pause| pauses.add(f64::from(pause) * 0.001_3));
        assert!(pauses.counts.len() < 40_000, "{}", pauses.counts.len());
    }
}
