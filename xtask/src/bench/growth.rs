//! How costs grow with sizes.

/// The exponent of `cost = factor * size ^ exponent` that fits best: the slope of the logarithms, by least squares.
/// None for fewer than two different sizes.
pub(super) fn exponent(points: &[(f64, f64)]) -> Option<f64> {
    let logarithms: Vec<(f64, f64)> = points.iter().map(|(size, cost)| (size.ln(), cost.ln())).collect();
    let count = logarithms.len() as f64;
    let mean_size = logarithms.iter().map(|(size, _)| size).sum::<f64>() / count;
    let mean_cost = logarithms.iter().map(|(_, cost)| cost).sum::<f64>() / count;
    let spread: f64 = logarithms.iter().map(|(size, _)| (size - mean_size).powi(2)).sum();
    let together: f64 = logarithms.iter().map(|(size, cost)| (size - mean_size) * (cost - mean_cost)).sum();
    (spread > 0.0).then(|| together / spread)
}

#[cfg(test)]
mod tests {
    use super::exponent;

    #[test]
    fn a_power_is_found() {
        let points = [1.0, 10.0, 100.0_f64].map(|size| (size, 3.0 * size.powf(1.5)));
        let found = exponent(&points).expect("three sizes");
        assert!((found - 1.5).abs() < 1e-9, "{found}");
        assert_eq!(exponent(&points[..1]), None);
        assert_eq!(exponent(&[]), None);
    }
}
