//! The Mann-Kendall test: do later values tend to be higher than earlier ones?

use super::normal_cdf;

/// The result of the test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MannKendall {
    /// Rising pairs minus falling pairs.
    pub s: i64,
    /// The two-sided probability of an `s` at least as far from zero when there is no trend.
    pub p: f64,
    /// `s` divided by the number of pairs: -1 falls always, 1 rises always.
    pub tau: f64,
}

/// Up to this length the probability is counted out; beyond it the normal approximation is good.
const EXACT: usize = 30;

/// Tests `values` (in the order of time) for a trend. `None` for fewer than four values.
///
/// Without ties the probability of short series is exact, by counting permutations; with ties the variance
/// is corrected. `variance_factor` (1 for independent values) widens the variance for autocorrelation.
#[must_use]
pub fn mann_kendall(values: &[f64], variance_factor: f64) -> Option<MannKendall> {
    let n = values.len();
    if n < 4 {
        return None;
    }
    let mut s = 0_i64;
    for (i, early) in values.iter().enumerate() {
        for late in &values[i + 1..] {
            s += i64::from(late > early) - i64::from(late < early);
        }
    }
    let pairs = (n * (n - 1) / 2) as f64;
    let tau = s as f64 / pairs;
    let ties = tie_sizes(values);
    if ties.is_empty() && n <= EXACT && variance_factor <= 1.0 {
        return Some(MannKendall { s, p: exact_two_sided(n, s), tau });
    }
    let term = |k: f64| k * (k - 1.0) * (2.0 * k + 5.0);
    let variance = (term(n as f64) - ties.iter().map(|&k| term(k as f64)).sum::<f64>()) / 18.0
        * variance_factor.max(1.0);
    if variance <= 0.0 || s == 0 {
        return Some(MannKendall { s, p: 1.0, tau });
    }
    let z = (s - s.signum()) as f64 / variance.sqrt();
    Some(MannKendall { s, p: 2.0 * (1.0 - normal_cdf(z.abs())), tau })
}

/// How many values each group of equal values has, single ones left out.
fn tie_sizes(values: &[f64]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).filter(|&k| k > 1).collect()
}

/// Counts the orders of `n` distinct values by their inversions, as shares of all orders.
fn exact_two_sided(n: usize, s: i64) -> f64 {
    let mut share = vec![1.0_f64];
    for k in 2..=n {
        // The k-th value can make 0 to k-1 new inversions, each with the same chance.
        let mut next = vec![0.0; share.len() + k - 1];
        for (inversions, p) in share.iter().enumerate() {
            for more in &mut next[inversions..inversions + k] {
                *more += p / k as f64;
            }
        }
        share = next;
    }
    let pairs = (n * (n - 1) / 2) as i64;
    share
        .iter()
        .enumerate()
        .filter(|(inversions, _)| (pairs - 2 * *inversions as i64).abs() >= s.abs())
        .map(|(_, p)| p)
        .sum::<f64>()
        .min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_series_are_exact() {
        // Four rising values: one of 24 orders, and its mirror.
        assert!((mann_kendall(&[1.0, 2.0, 3.0, 4.0], 1.0).unwrap().p - 2.0 / 24.0).abs() < 1e-12);
        assert!((mann_kendall(&[6.0, 5.0, 4.0, 3.0, 2.0, 1.0], 1.0).unwrap().p - 2.0 / 720.0).abs() < 1e-12);
        // One swap away: S = 4 of 6 has 1 + 3 orders on each side.
        assert!((mann_kendall(&[1.0, 2.0, 4.0, 3.0], 1.0).unwrap().p - 8.0 / 24.0).abs() < 1e-12);
    }

    #[test]
    fn exact_and_approximate_agree_where_they_meet() {
        let values: Vec<f64> = (0..EXACT).map(|i| ((i * 17) % 31) as f64 + 0.4 * i as f64).collect();
        let exact = mann_kendall(&values, 1.0).unwrap();
        let mut longer = values.clone();
        longer.extend([40.5, 3.3]);
        let approximate = mann_kendall(&longer, 1.0).unwrap();
        assert!((exact.p - approximate.p).abs() < 0.1, "{exact:?} {approximate:?}");
    }

    #[test]
    fn ties_lower_the_variance() {
        // Tie-corrected by hand: n = 5, one group of two: (5*4*15 - 2*1*9)/18 = 15.667, S = 9, z = 2.021.
        let result = mann_kendall(&[1.0, 2.0, 2.0, 3.0, 4.0], 1.0).unwrap();
        assert_eq!(result.s, 9);
        assert!((result.p - 0.0433).abs() < 5e-4, "{}", result.p);
    }

    #[test]
    fn autocorrelation_makes_it_less_sure() {
        let values: Vec<f64> = (0..12).map(f64::from).collect();
        let sure = mann_kendall(&values, 1.0).unwrap();
        let less = mann_kendall(&values, 4.0).unwrap();
        assert_eq!(sure.s, less.s);
        assert!(sure.p < 1e-6 && less.p > 1e-3 && less.p < 0.05, "{sure:?} {less:?}");
    }

    #[test]
    fn equal_values_show_nothing() {
        assert_eq!(mann_kendall(&[7.0; 12], 1.0).unwrap(), MannKendall { s: 0, p: 1.0, tau: 0.0 });
        assert_eq!(mann_kendall(&[1.0, 2.0, 3.0], 1.0), None);
    }
}
