//! Student's t distribution, and intervals for differences of means.

/// The difference of two means with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanDifference {
    /// The second mean less the first.
    pub difference: f64,
    /// The interval reaches this far to both sides.
    pub margin: f64,
}

/// How much values scatter within their groups.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// The variance within groups.
    pub variance: f64,
    /// How many degrees of freedom it is estimated from.
    pub freedom: f64,
}

/// The scatter within groups of values, over all groups together. `None` when no group has two values.
#[must_use]
pub fn noise_within(groups: &[&[f64]]) -> Option<Noise> {
    let (mut squares, mut freedom) = (0.0, 0.0);
    for (_, variance, count) in groups.iter().filter_map(|group| moments(group)) {
        squares += variance * (count - 1.0);
        freedom += count - 1.0;
    }
    (freedom > 0.0).then(|| Noise { variance: squares / freedom, freedom })
}

/// The difference `b - a` of the means of two samples out of groups with this noise, with the interval that misses the
/// truth with the probability `error`. Where the two scatter more than the groups do together, their own scatter
/// counts. `None` with fewer than two values in a sample.
#[must_use]
pub fn mean_difference(a: &[f64], b: &[f64], noise: Noise, error: f64) -> Option<MeanDifference> {
    let (mean_a, variance_a, count_a) = moments(a)?;
    let (mean_b, variance_b, count_b) = moments(b)?;
    let common = noise.variance * (1.0 / count_a + 1.0 / count_b);
    let own = variance_a / count_a + variance_b / count_b;
    let margin = student_quantile(1.0 - error / 2.0, noise.freedom) * common.max(own).sqrt();
    Some(MeanDifference { difference: mean_b - mean_a, margin })
}

/// Mean, variance and count.
fn moments(values: &[f64]) -> Option<(f64, f64, f64)> {
    let count = values.len() as f64;
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    Some((mean, variance, count))
}

/// The value that a t-distributed variable with `freedom` degrees of freedom is below with probability `p`
/// (of at least one half).
#[must_use]
pub fn student_quantile(p: f64, freedom: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    while student_cdf(high, freedom) < p && high < 1e9 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if student_cdf(middle, freedom) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The probability that the variable is below `t`, which is not negative.
fn student_cdf(t: f64, freedom: f64) -> f64 {
    1.0 - 0.5 * incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The regularised incomplete beta function.
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // The continued fraction converges fast on this side only; the other follows by symmetry.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let factor = (a * x.ln() + b * (1.0 - x).ln() + ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b)).exp() / a;
    factor * beta_fraction(x, a, b)
}

/// The continued fraction 26.5.8 of Abramowitz and Stegun, by Lentz's method.
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    let not_zero = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for m in 1..500 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        for term in [even, odd] {
            d = 1.0 / not_zero(1.0 + term * d);
            c = not_zero(1.0 + term / c);
            fraction *= c * d;
        }
        if (c * d - 1.0).abs() < 1e-14 {
            break;
        }
    }
    fraction
}

/// The logarithm of the gamma function for positive arguments, by Stirling's series.
fn ln_gamma(x: f64) -> f64 {
    // The series is good for large arguments only: smaller ones are moved up by the recurrence.
    let mut x = x;
    let mut shift = 0.0;
    while x < 10.0 {
        shift -= x.ln();
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y / 1680.0))) / x;
    shift + (x - 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (0.975, 1.0, 12.7062),
            (0.975, 4.0, 2.7764),
            (0.975, 9.0, 2.2622),
            (0.975, 30.0, 2.0423),
            (0.995, 5.0, 4.0321),
            (0.9995, 8.0, 5.0413),
            (0.975, 1e6, 1.9600),
        ];
        for (p, freedom, expected) in table {
            let found = student_quantile(p, freedom);
            assert!((found - expected).abs() < 1e-3, "{p} {freedom}: {found}, not {expected}");
        }
    }

    #[test]
    fn differences_that_are_worked_out_by_hand() {
        // Variances 2.5 and 10: together 6.25 with 8 degrees of freedom.
        let a = [1.0, 2.0, 3.0, 4.0, 5.0];
        let b = [2.0, 4.0, 6.0, 8.0, 10.0];
        let noise = noise_within(&[&a, &b, &[7.0]]).unwrap();
        assert_eq!(noise, Noise { variance: 6.25, freedom: 8.0 });
        let found = mean_difference(&a, &b, noise, 0.05).unwrap();
        assert!((found.difference - 3.0).abs() < 1e-12);
        assert!((found.margin - 2.3060 * 2.5_f64.sqrt()).abs() < 1e-3, "{found:?}");
        // Groups that scatter less than these two do not make them exact.
        let calm = Noise { variance: 0.01, freedom: 8.0 };
        assert_eq!(mean_difference(&a, &b, calm, 0.05), Some(found));
        assert_eq!(mean_difference(&a, &b[..1], noise, 0.05), None);
        assert_eq!(noise_within(&[&[1.0]]), None);
    }
}
