//! Which shape explains a series best: a line, or a curve that levels off?

/// The corrected Akaike criterion of each shape; lower explains better for its number of parameters.
#[derive(Debug, Clone, PartialEq)]
pub struct Fits {
    /// A straight line.
    pub line: f64,
    /// An exponential approach to a bound.
    pub saturating: f64,
    /// A line up to a knee, flat after it.
    pub hinge: f64,
    /// Where the best knee is.
    pub knee: f64,
    /// What the best of the three leaves of each value.
    pub rest: Vec<f64>,
}

impl Fits {
    /// Whether a shape that levels off explains the series clearly better than a line.
    #[must_use]
    pub fn levels_off(&self) -> bool {
        self.saturating.min(self.hinge) < self.line - 2.0
    }
}

const STEPS: usize = 40;

/// Fits the three shapes. `None` for fewer than six points or when the work axis has no length.
#[must_use]
pub fn fit_shapes(x: &[f64], y: &[f64]) -> Option<Fits> {
    let n = x.len().min(y.len());
    if n < 6 {
        return None;
    }
    let start = x[0];
    let span = x[n - 1] - start;
    if span <= 0.0 {
        return None;
    }
    let from_start: Vec<f64> = x.iter().map(|x| x - start).collect();
    let line = residual(&from_start, y);

    let (mut saturating, mut curve) = (f64::INFINITY, Vec::new());
    for step in 0..STEPS {
        // From a thirtieth of the span to three times the span, evenly on a logarithmic scale.
        let share = step as f64 / (STEPS - 1) as f64;
        let tau = span / 30.0 * 90.0_f64.powf(share);
        let bent: Vec<f64> = from_start.iter().map(|x| 1.0 - (-x / tau).exp()).collect();
        let rest = residual(&bent, y);
        if rest < saturating {
            (saturating, curve) = (rest, bent);
        }
    }
    let (mut hinge, mut knee) = (f64::INFINITY, start);
    for step in 0..STEPS {
        let at = span * (0.1 + 0.8 * step as f64 / (STEPS - 1) as f64);
        let bent: Vec<f64> = from_start.iter().map(|x| x.min(at)).collect();
        let rest = residual(&bent, y);
        if rest < hinge {
            (hinge, knee) = (rest, start + at);
        }
    }
    let (line, saturating, hinge) = (aicc(line, n, 2), aicc(saturating, n, 3), aicc(hinge, n, 3));
    let best: Vec<f64> = if line <= saturating.min(hinge) {
        from_start
    } else if saturating < hinge {
        curve
    } else {
        from_start.iter().map(|x| x.min(knee - start)).collect()
    };
    Some(Fits { line, saturating, hinge, knee, rest: left_over(&best, y) })
}

/// What the best line of `y` over `x` leaves of each value.
fn left_over(x: &[f64], y: &[f64]) -> Vec<f64> {
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let (xx, xy) = x.iter().zip(y).fold((0.0, 0.0), |(xx, xy), (x, y)| {
        (xx + (x - mean_x) * (x - mean_x), xy + (x - mean_x) * (y - mean_y))
    });
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    x.iter().zip(y).map(|(x, y)| y - mean_y - slope * (x - mean_x)).collect()
}

/// The sum of squares left over by the best line of `y` over `x`.
fn residual(x: &[f64], y: &[f64]) -> f64 {
    left_over(x, y).iter().map(|rest| rest * rest).sum()
}

/// `parameters` without the error's variance, which is counted here.
fn aicc(sum_of_squares: f64, n: usize, parameters: usize) -> f64 {
    let (n, k) = (n as f64, parameters as f64 + 1.0);
    // Bytes are whole numbers: a residual below one byte squared per point is rounding.
    let spread = (sum_of_squares / n).max(1.0);
    let small_sample = if n > k + 1.0 { 2.0 * k * (k + 1.0) / (n - k - 1.0) } else { f64::INFINITY };
    n * spread.ln() + 2.0 * k + small_sample
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wobble(i: usize) -> f64 {
        ((i * 7919) % 101) as f64 * 40.0
    }

    #[test]
    fn a_line_is_not_said_to_level_off() {
        let x: Vec<f64> = (0..14).map(|i| i as f64 * 499.0).collect();
        let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| 300.0 * x + wobble(i)).collect();
        assert!(!fit_shapes(&x, &y).unwrap().levels_off());
    }

    #[test]
    fn a_cache_that_is_full_levels_off_at_its_knee() {
        let x: Vec<f64> = (0..14).map(|i| i as f64 * 499.0).collect();
        let y: Vec<f64> = x.iter().enumerate().map(|(i, x)| 300.0 * x.min(2500.0) + wobble(i)).collect();
        let fits = fit_shapes(&x, &y).unwrap();
        assert!(fits.levels_off());
        assert!((fits.knee - 2500.0).abs() < 300.0, "{fits:?}");
    }

    #[test]
    fn a_saturating_curve_levels_off() {
        let x: Vec<f64> = (0..14).map(|i| i as f64).collect();
        let y: Vec<f64> =
            x.iter().enumerate().map(|(i, x)| 9e6 * (1.0 - (-x / 3.0).exp()) + wobble(i)).collect();
        let fits = fit_shapes(&x, &y).unwrap();
        assert!(fits.saturating < fits.hinge && fits.levels_off());
    }
}
