//! The Theil-Sen slope: the median of the slopes of all pairs, with its 95 % interval.

/// A slope and the interval around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TheilSen {
    /// The median slope.
    pub slope: f64,
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// The upper end of the 95 % interval.
    pub high: f64,
    /// The value at `x = 0` of the line through the middle of the points.
    pub intercept: f64,
}

/// The slope of `y` over `x`. `None` for fewer than four points or when all `x` are equal.
///
/// The interval is Sen's: as many pair slopes are cut off at both ends as the Kendall statistic has room
/// for at 95 %, its variance multiplied by `variance_factor` (1 for independent values).
#[must_use]
pub fn theil_sen(x: &[f64], y: &[f64], variance_factor: f64) -> Option<TheilSen> {
    let n = x.len().min(y.len());
    if n < 4 {
        return None;
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    for i in 0..n {
        for j in i + 1..n {
            let dx = x[j] - x[i];
            if dx != 0.0 {
                slopes.push((y[j] - y[i]) / dx);
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    slopes.sort_by(f64::total_cmp);
    let slope = median_of_sorted(&slopes);
    let points = n as f64;
    let variance = points * (points - 1.0) * (2.0 * points + 5.0) / 18.0 * variance_factor.max(1.0);
    let spread = 1.959_964 * variance.sqrt();
    let count = slopes.len() as f64;
    let last = slopes.len() - 1;
    let low = ((count - spread) / 2.0).round().max(1.0) as usize - 1;
    let high = (((count + spread) / 2.0).round() as usize).min(last);
    let residuals: Vec<f64> = x.iter().zip(y).map(|(x, y)| y - slope * x).collect();
    Some(TheilSen { slope, low: slopes[low.min(last)], high: slopes[high], intercept: median(&residuals) })
}

/// The middle value, or the mean of the two middle ones. 0 of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    median_of_sorted(&sorted)
}

fn median_of_sorted(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => 0.0,
        n if n % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_slope_and_no_width() {
        let x: Vec<f64> = (0..9).map(f64::from).collect();
        let y: Vec<f64> = x.iter().map(|x| 3.0 * x + 5.0).collect();
        assert_eq!(
            theil_sen(&x, &y, 1.0).unwrap(),
            TheilSen { slope: 3.0, low: 3.0, high: 3.0, intercept: 5.0 }
        );
    }

    #[test]
    fn one_outlier_does_not_move_it() {
        let x: Vec<f64> = (0..11).map(f64::from).collect();
        let mut y: Vec<f64> = x.iter().map(|x| 2.0 * x).collect();
        y[10] = 1e6;
        let result = theil_sen(&x, &y, 1.0).unwrap();
        assert_eq!(result.slope, 2.0);
        assert!(result.low <= 2.0 && result.high >= 2.0);
    }

    #[test]
    fn the_interval_is_that_of_the_reference() {
        // A worked example: 4 points, all 6 pair slopes: 1 1.5 2 3 4 5 have the median 2.5 and a full width.
        let result = theil_sen(&[0.0, 1.0, 2.0, 4.0], &[0.0, 1.0, 6.0, 8.0], 1.0).unwrap();
        assert_eq!((result.slope, result.low, result.high), (f64::midpoint(2.0, 7.0 / 3.0), 1.0, 5.0));
    }

    #[test]
    fn too_little_is_no_answer() {
        assert_eq!(theil_sen(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 1.0), None);
        assert_eq!(theil_sen(&[1.0; 5], &[1.0, 2.0, 3.0, 4.0, 5.0], 1.0), None);
    }
}
