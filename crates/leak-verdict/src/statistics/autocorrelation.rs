//! How much a series' dependence on its own past widens what rank statistics may claim.
//!
//! The correction of K. H. Hamed and A. R. Rao, "A modified Mann-Kendall trend test for autocorrelated data"
//! (Journal of Hydrology 204, 1998): the trend is taken out, the autocorrelation of the *ranks* of what is left
//! is computed, and those lags that are significant at 95 % enter
//!
//! ```text
//! n / n*  =  1 + 2 / (n (n-1) (n-2)) · Σ (n-k) (n-k-1) (n-k-2) ρ(k)
//! ```
//!
//! by which the variance of the Kendall statistic is multiplied. The paper takes a straight trend out; here it is
//! the best of the shapes of [`fit_shapes`](super::fit_shapes), because what a line leaves of a cache that fills
//! up is a bow, and a bow is no noise.

use super::median;

/// Below this many values no autocorrelation can be told from chance.
const LEAST: usize = 8;
/// Lags beyond a quarter of the series rest on too few pairs.
const LAGS_SHARE: usize = 4;

/// The factor by which the variance of the Kendall statistic is larger than for independent values, for a series
/// whose trend leaves `rest`. Never below 1: that neighbours repel each other is no reason to be surer.
#[must_use]
pub fn variance_factor(rest: &[f64]) -> f64 {
    let n = rest.len();
    if n < LEAST {
        return 1.0;
    }
    let middle = median(rest);
    // What is left of an exact line is rounding.
    if rest.iter().all(|value| (value - middle).abs() <= 1e-6) {
        return 1.0;
    }
    let ranks = ranks(rest);
    let count = n as f64;
    let significant = 1.959_964 / count.sqrt();
    let mut sum = 0.0;
    for lag in 1..=n / LAGS_SHARE {
        let rho = autocorrelation(&ranks, lag);
        if rho.abs() > significant {
            let k = lag as f64;
            sum += (count - k) * (count - k - 1.0) * (count - k - 2.0) * rho;
        }
    }
    (1.0 + 2.0 / (count * (count - 1.0) * (count - 2.0)) * sum).max(1.0)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    values
        .iter()
        .map(|value| {
            let below = values.iter().filter(|other| *other < value).count();
            let equal = values.iter().filter(|other| *other == value).count();
            below as f64 + f64::midpoint(equal as f64, 1.0)
        })
        .collect()
}

fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let all: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let lagged: f64 = values.iter().zip(&values[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum();
    if all > 0.0 { lagged / all } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(seed: u64) -> impl Iterator<Item = f64> {
        let mut state = seed;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 30) - 1.0
        })
    }

    #[test]
    fn independent_values_are_left_alone() {
        let wide = (1..40_u64).filter(|&seed| {
            let y: Vec<f64> = noise(seed).take(40).collect();
            variance_factor(&y) > 1.8
        });
        assert!(wide.count() < 4);
    }

    #[test]
    fn a_wandering_series_is_told() {
        let mut level = 0.0;
        let y: Vec<f64> = noise(7)
            .take(60)
            .map(|step| {
                level += step;
                level
            })
            .collect();
        assert!(variance_factor(&y) > 3.0);
    }

    #[test]
    fn nothing_left_and_a_short_series_have_no_past() {
        assert!((variance_factor(&[0.0; 30]) - 1.0).abs() < 1e-12);
        assert!((variance_factor(&[1.0, 2.0, 1.0, 2.0, 1.0]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_formula_is_that_of_the_paper() {
        // Ten values, lag 1 and 2 only; worked out by hand: ranks 1..5 up and 10..6, mean 5.5.
        let y = [1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 9.0, 8.0, 7.0, 6.0];
        let all = 82.5;
        let rho1: f64 = (0..9).map(|i| (y[i] - 5.5) * (y[i + 1] - 5.5)).sum::<f64>() / all;
        let rho2: f64 = (0..8).map(|i| (y[i] - 5.5) * (y[i + 2] - 5.5)).sum::<f64>() / all;
        let limit = 1.959_964 / 10.0_f64.sqrt();
        let mut expected = 1.0;
        for (k, rho) in [(1.0, rho1), (2.0, rho2)] {
            if rho.abs() > limit {
                expected += 2.0 / 720.0 * (10.0 - k) * (9.0 - k) * (8.0 - k) * rho;
            }
        }
        assert!(expected > 1.5);
        assert!((variance_factor(&y) - expected).abs() < 1e-12);
    }
}
