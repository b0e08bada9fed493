//! The normal distribution.

/// The probability that a standard normal variable is below `z`, to about 1e-7.
#[must_use]
pub fn normal_cdf(z: f64) -> f64 {
    // The rational approximation 7.1.26 of Abramowitz and Stegun for erf, error below 1.5e-7.
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let poly = series.iter().fold(0.0, |sum, c| sum * t + c) * t;
    let upper_half = 0.5 * poly * (-x * x).exp();
    if z >= 0.0 { 1.0 - upper_half } else { upper_half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        for (z, p) in
            [(0.0, 0.5), (1.0, 0.841_344_7), (-1.96, 0.024_997_9), (2.575_829_3, 0.995), (4.0, 0.999_968_3)]
        {
            assert!((normal_cdf(z) - p).abs() < 2e-7, "{z}: {}", normal_cdf(z));
        }
    }
}
