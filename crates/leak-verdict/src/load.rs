//! Does the floor follow the load? Growing traffic is no leak.
//!
//! Two explanations of the same floors compete. A leak holds something for every request that ever came, so its
//! floor is a line over the *work done so far*. A program that holds something for every session that is open
//! now has a floor that is a line over the *rate of requests now*. Both rise together while traffic grows, and
//! only a change of the rate tells them apart; so the rate has to have changed at all, the rate has to explain
//! the floors clearly better (by the corrected Akaike criterion), and work must have nothing to explain beside it.

use crate::{
    recording::{Floor, Recording, Series},
    statistics::median,
};

/// The least change of the rate, from the first third to the last, that can explain anything.
const LEAST_CHANGE: f64 = 1.3;
/// How much better the rate has to explain the floors, in units of the criterion: "strong" by Burnham and
/// Anderson's rule of thumb begins at 4.
const CLEARLY: f64 = 4.0;
/// An explanation that lets work in beside the rate may be better by this at most ("essentially as good").
const AS_GOOD: f64 = 2.0;

/// What the rate of requests explains of the floors.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FollowsLoad {
    /// Requests per second in the first third.
    pub(crate) first_rate: f64,
    /// ... and in the last.
    pub(crate) last_rate: f64,
    /// Bytes held for each request per second.
    pub(crate) bytes_per_rate: f64,
}

/// Whether the heap's floors follow the rate of requests, and not the work done.
pub(crate) fn follows_load(floors: &[Floor]) -> Option<FollowsLoad> {
    // The part that trends leave out as warm-up counts here, because that is where the rate was lowest; nobody
    // knows the rate before the first floor.
    let unrated = floors.iter().take_while(|floor| floor.warm_up || floor.rate.is_none()).count();
    let floors = &floors[unrated..];
    let heap = Recording::heap(floors);
    let rate = Recording::series(floors, |floor| floor.rate)?.bytes;
    let n = heap.len();
    if n < 8 {
        return None;
    }
    let third = n / 3;
    let (first_rate, last_rate) = (median(&rate[..third]), median(&rate[n - third..]));
    if last_rate < LEAST_CHANGE * first_rate.max(0.1) {
        return None;
    }
    let by_work = explained(&[&heap.work], &heap)?;
    let by_rate = explained(&[&rate], &heap)?;
    let by_both = explained(&[&rate, &heap.work], &heap)?;
    let rate_alone =
        by_rate.criterion + CLEARLY < by_work.criterion && by_rate.criterion < by_both.criterion + AS_GOOD;
    (rate_alone && by_rate.slopes[0] > 0.0).then_some(FollowsLoad {
        first_rate,
        last_rate,
        bytes_per_rate: by_rate.slopes[0],
    })
}

struct Explained {
    slopes: Vec<f64>,
    /// The corrected Akaike criterion; lower is better.
    criterion: f64,
}

/// Least squares of the heap over one or two causes and a constant.
fn explained(causes: &[&[f64]], heap: &Series) -> Option<Explained> {
    let n = heap.len() as f64;
    let centred = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / n;
        values.iter().map(|value| value - mean).collect::<Vec<f64>>()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let y = centred(&heap.bytes);
    let x: Vec<Vec<f64>> = causes.iter().map(|cause| centred(cause)).collect();
    let slopes = match x.as_slice() {
        [a] => vec![dot(a, &y) / positive(dot(a, a))?],
        [a, b] => {
            let (aa, bb, ab) = (dot(a, a), dot(b, b), dot(a, b));
            let determinant = positive(aa * bb - ab * ab)?;
            let (ay, by) = (dot(a, &y), dot(b, &y));
            vec![(ay * bb - by * ab) / determinant, (by * aa - ay * ab) / determinant]
        }
        _ => return None,
    };
    let rest: f64 = (0..y.len())
        .map(|i| y[i] - slopes.iter().zip(&x).map(|(slope, x)| slope * x[i]).sum::<f64>())
        .map(|rest| rest * rest)
        .sum();
    let parameters = slopes.len() as f64 + 2.0;
    let criterion = n * (rest / n).max(1.0).ln()
        + 2.0 * parameters
        + 2.0 * parameters * (parameters + 1.0) / (n - parameters - 1.0);
    Some(Explained { slopes, criterion })
}

fn positive(value: f64) -> Option<f64> {
    (value > 0.0).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Traffic that climbs from 40 to 220 requests per second, with a floor each 4 seconds.
    fn floors(held: impl Fn(f64, f64) -> f64) -> Vec<Floor> {
        (0..14)
            .map(|i| {
                let seconds = 4.0 * f64::from(i);
                let rate = 40.0 + 3.0 * seconds;
                let work = 40.0 * seconds + 1.5 * seconds * seconds;
                let wobble = f64::from((i * 7) % 5) * 9000.0;
                let heap_used = (5e6 + held(rate, work) + wobble) as u64;
                Floor { work, seconds, heap_used, rate: Some(rate), ..Floor::default() }
            })
            .collect()
    }

    #[test]
    fn sessions_that_are_open_follow_the_load() {
        let found = follows_load(&floors(|rate, _| rate * 4.0 * 6000.0)).unwrap();
        assert!((found.bytes_per_rate - 24000.0).abs() < 1000.0);
    }

    #[test]
    fn a_leak_under_growing_traffic_does_not() {
        assert_eq!(follows_load(&floors(|_, work| work * 500.0)), None);
        assert_eq!(follows_load(&floors(|rate, work| work * 500.0 + rate * 24000.0)), None);
    }

    #[test]
    fn a_rate_that_stays_explains_nothing() {
        let mut steady = floors(|_, work| work * 500.0);
        for floor in &mut steady {
            floor.rate = Some(100.0);
        }
        assert_eq!(follows_load(&steady), None);
    }
}
