//! What one series does: how fast it grows, how sure that is, and whether it levels off.

use serde::{Deserialize, Serialize};

use crate::{
    recording::Series,
    statistics::{fit_shapes, mann_kendall, median, theil_sen, variance_factor},
};

pub(crate) const KIB: f64 = 1024.0;
pub(crate) const MIB: f64 = 1024.0 * 1024.0;

/// The least growth over a run that counts: below it, growth is what a warming-up program does.
pub(crate) const GATE_BYTES: f64 = 0.5 * MIB;
/// ... and as a share of the floor.
const GATE_SHARE: f64 = 0.02;
/// The least growth that counts when it is as straight as a line.
const STRAIGHT_GATE_BYTES: f64 = 128.0 * KIB;

/// How a series grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shape {
    /// No growth was shown.
    Flat,
    /// It grows, and nothing shows that it will stop.
    Growing,
    /// It grew, and levelled off.
    LevellingOff,
}

/// What one series does along the work axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// How many floors it rests on.
    pub points: usize,
    /// Growth per unit of work (Theil-Sen).
    pub slope: f64,
    /// The lower end of its 95 % interval.
    pub low: f64,
    /// The upper end of its 95 % interval.
    pub high: f64,
    /// The Mann-Kendall probability of such a trend in a series without one.
    pub p: f64,
    /// By how much the dependence of floors on those before widened interval and probability (1: not at all).
    pub variance_factor: f64,
    /// `slope` times the work done.
    pub gain: f64,
    /// The level at the start (median of the first three).
    pub first: f64,
    /// The level at the end (median of the last three).
    pub last: f64,
    /// The slope in the first third.
    pub early: f64,
    /// The slope in the last third.
    pub late: f64,
    /// The upper end of the interval of the second half's slope.
    pub late_high: f64,
    /// How it grows.
    pub shape: Shape,
    /// Where it bends, in units of work, when it levels off.
    pub knee: Option<f64>,
}

impl Trend {
    /// Whether growth was shown that nothing says will stop.
    #[must_use]
    pub fn grows(&self) -> bool {
        self.shape == Shape::Growing
    }

    pub(crate) fn of(series: &Series) -> Option<Self> {
        let fits = fit_shapes(&series.work, &series.bytes);
        let factor = fits.as_ref().map_or(1.0, |fits| variance_factor(&fits.rest));
        let line = theil_sen(&series.work, &series.bytes, factor)?;
        let test = mann_kendall(&series.bytes, factor)?;
        let n = series.len();
        let half = n / 2;
        let late_half = theil_sen(&series.work[half..], &series.bytes[half..], factor);
        let mut trend = Self {
            points: n,
            slope: line.slope,
            low: line.low,
            high: line.high,
            p: test.p,
            variance_factor: factor,
            gain: line.slope * series.span(),
            first: median(&series.bytes[..n.min(3)]),
            last: median(&series.bytes[n.saturating_sub(3)..]),
            early: third_slope(series, true),
            late: third_slope(series, false),
            late_high: late_half.map_or(line.high, |late| late.high),
            shape: Shape::Flat,
            knee: None,
        };
        if trend.growth_is_shown() {
            trend.shape = Shape::Growing;
            if let Some(fits) = fits
                && fits.levels_off()
                && trend.late < 0.25 * trend.early
            {
                trend.shape = Shape::LevellingOff;
                trend.knee = Some(fits.knee);
            }
        }
        Some(trend)
    }

    /// All of it: the interval is above zero, the order of the values says so, and it is enough to count.
    fn growth_is_shown(&self) -> bool {
        // Five points in a row cannot get below 0.0167, so that few need all pairs to rise.
        let threshold = if self.points <= 5 { 0.02 } else { 0.01 };
        if self.low <= 0.0 || self.p >= threshold {
            return false;
        }
        self.gain > GATE_BYTES.max(GATE_SHARE * self.first) || self.is_straight()
    }

    /// Small growth is believed when it is the same all along: a program that warms up slows down.
    fn is_straight(&self) -> bool {
        self.points >= 8 && self.gain > STRAIGHT_GATE_BYTES && self.p < 0.001 && self.is_steady()
    }

    /// The interval is narrow, and the end is about as fast as the beginning.
    fn is_steady(&self) -> bool {
        self.low > 0.6 * self.slope && self.late > 0.6 * self.early
    }

    /// Too little to be called growth, and too steady to be called none.
    pub(crate) fn is_suspicious(&self) -> bool {
        self.shape == Shape::Flat
            && self.p < 0.01
            && self.slope > 0.0
            && self.is_steady()
            && self.gain > 0.5 * STRAIGHT_GATE_BYTES
    }
}

fn third_slope(series: &Series, first: bool) -> f64 {
    let third = (series.len() / 3).max(3).min(series.len());
    let range = if first { 0..third } else { series.len() - third..series.len() };
    least_squares_slope(&series.work[range.clone()], &series.bytes[range])
}

fn least_squares_slope(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (xx, xy) = x.iter().zip(y).fold((0.0, 0.0), |(xx, xy), (x, y)| {
        (xx + (x - mean_x) * (x - mean_x), xy + (x - mean_x) * (y - mean_y))
    });
    if xx > 0.0 { xy / xx } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(bytes: impl Iterator<Item = f64>) -> Series {
        let bytes: Vec<f64> = bytes.collect();
        Series { work: (0..bytes.len()).map(|i| i as f64 * 500.0).collect(), bytes }
    }

    #[test]
    fn a_staircase_grows() {
        let stairs =
            series((0..14).map(|i| 10.0 * MIB + f64::from(i / 3) * 2.0 * MIB + f64::from(i % 3) * 900.0));
        assert!(Trend::of(&stairs).unwrap().grows());
    }

    #[test]
    fn a_creep_below_the_gate_is_flat() {
        let creep = series((0..14).map(|i| 10.0 * MIB + f64::from(i) * 5.0 * KIB));
        assert_eq!(Trend::of(&creep).unwrap().shape, Shape::Flat);
    }

    #[test]
    fn small_but_straight_growth_counts() {
        let leak =
            series((0..12).map(|i| 10.0 * MIB + f64::from(i) * 20.0 * KIB + f64::from((i * 5) % 3) * 500.0));
        assert!(Trend::of(&leak).unwrap().grows());
    }

    #[test]
    fn a_cache_that_fills_levels_off() {
        let cache = series(
            (0..14).map(|i| 10.0 * MIB + f64::from(i.min(6)) * 2.0 * MIB + f64::from((i * 5) % 4) * 900.0),
        );
        let trend = Trend::of(&cache).unwrap();
        assert_eq!(trend.shape, Shape::LevellingOff);
        assert!((trend.knee.unwrap() - 3000.0).abs() < 300.0);
    }
}
