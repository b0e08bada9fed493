//! From values to places in a chart, and the round numbers beside it.

/// One axis: values from `low` to `high` lie between two places.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

/// A round number beside an axis.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) at: String,
    pub(super) label: String,
}

impl Scale {
    /// An axis that holds all values; without any, or with one alone, it is wide enough for that.
    pub(super) fn over(values: impl IntoIterator<Item = f64>, from: f64, to: f64) -> Scale {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.into_iter().filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low <= high.abs() * 1e-9 {
            let room = (high.abs() * 0.05).max(1.0);
            (low, high) = (low - room, high + room);
        }
        Scale { low, high, from, to }
    }

    /// With some air at its ends.
    pub(super) fn with_air(mut self, below: f64, above: f64) -> Scale {
        let span = self.high - self.low;
        self.low -= span * below;
        self.high += span * above;
        self
    }

    pub(super) fn at(self, value: f64) -> f64 {
        let place = self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from);
        if place.is_finite() {
            place.clamp(self.from.min(self.to), self.from.max(self.to))
        } else {
            self.from
        }
    }

    /// At most `most` round numbers, in steps of 1, 2 or 5 times `unit` and a power of ten.
    pub(super) fn ticks(self, most: f64, unit: f64, label: impl Fn(f64) -> String) -> Vec<Tick> {
        let rough = (self.high - self.low) / unit / most;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|&n| n >= rough);
        let step = step.unwrap_or(rough) * unit;
        if !step.is_finite() || step <= 0.0 {
            return Vec::new();
        }
        let first = (self.low / step).ceil();
        (0..64)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|&value| value <= self.high)
            .map(|value| Tick { at: place(self.at(value)), label: label(value) })
            .collect()
    }
}

/// A place with one digit, which is finer than a screen.
pub(super) fn place(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        let scale = Scale::over([0.0, 37.0], 0.0, 370.0);
        let ticks = scale.ticks(5.0, 1.0, |value| format!("{value}"));
        let labels: Vec<&str> = ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, ["0", "10", "20", "30"]);
        assert_eq!(ticks[1].at, "100.0");
    }

    #[test]
    fn no_value_leaves_the_chart() {
        for values in [vec![], vec![f64::NAN], vec![5.0], vec![1e300, -1e300], vec![f64::INFINITY, 1.0]] {
            let scale = Scale::over(values, 10.0, 20.0).with_air(0.1, 0.1);
            for value in [f64::NAN, f64::INFINITY, -1e308, 0.0, 5.0] {
                assert!((10.0..=20.0).contains(&scale.at(value)));
            }
            assert!(scale.ticks(5.0, 1.0, |value| value.to_string()).len() < 64);
        }
    }
}
